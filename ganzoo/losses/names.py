"""Registries of classes by the names they have in YAML files."""

import inspect
from collections.abc import Callable
from typing import Any, Self

import keras

from ganzoo.errors import GanzooError, unknown


class Named:
    """Base class of what has a name in YAML files.

    Attributes:
        name: under which the class is registered; None for a class of the user's own.
    """

    name: str | None = None

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """An object from what `get_config` returned."""
        return cls(**config)


class Names:
    """A registry of one kind of class.

    Args:
        kind: name of the kind in errors and saved files, e.g. "loss".
    """

    def __init__(self, kind: str):
        self.kind = kind
        self._classes: dict[str, type] = {}

    def register(self, name: str) -> Callable[[type], type]:
        """Class decorator: registers the class under this name for YAML files and `compile`."""

        def decorate(cls):
            self._classes[name] = cls
            cls.name = name
            return keras.saving.register_keras_serializable(package="ganzoo", name=f"{self.kind}_{name}")(cls)

        return decorate

    def get(self, asked: Any, base: type) -> Any:
        """Makes an object from its name.

        Args:
            asked: the name, {"name": ..., argument: number}, or an instance of `base`, which is returned as is.
            base: base class of the registered classes.

        Raises:
            GanzooError: an unknown name or argument, or a value out of range.
        """
        if isinstance(asked, base):
            return asked
        arguments = dict(asked) if isinstance(asked, dict) else {"name": asked}
        name = arguments.pop("name", None)
        if not isinstance(name, str) or name not in self._classes:
            raise unknown(self.kind, name, self._classes)
        try:
            inspect.signature(self._classes[name]).bind(**arguments)
            return self._classes[name](**{key: float(value) for key, value in arguments.items()})
        except (TypeError, ValueError) as error:
            raise GanzooError(f"{self.kind} '{name}': {error}") from None
