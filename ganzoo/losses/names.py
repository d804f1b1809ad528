"""Registries of classes by the names they have in YAML files."""

import inspect
import math
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

    def described(self) -> Any:
        """What a YAML file has for it: its name, or {"name": ..., argument: number} with what differs from the
        defaults.

        Raises:
            GanzooError: a class without a name.
        """
        # Of the class itself: a subclass without a name would come back as its parent.
        name = vars(type(self)).get("name")
        if name is None:
            raise GanzooError(f"{type(self).__name__} has no name for a YAML file")
        parameters = inspect.signature(type(self)).parameters
        usual = {key: parameters[key].default for key in parameters}
        settings = {key: value for key, value in self.get_config().items() if value != usual.get(key)}
        return {"name": name, **settings} if settings else name

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
            numbers = {key: float(value) for key, value in arguments.items()}
            for key, value in numbers.items():
                if not math.isfinite(value):
                    raise ValueError(f"{key} must be a finite number, got {value}")
            return self._classes[name](**numbers)
        except (TypeError, ValueError, OverflowError) as error:
            raise GanzooError(f"{self.kind} '{name}': {error}") from None
