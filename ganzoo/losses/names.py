"""Losses and penalties by the names they have in YAML files."""

import inspect

import keras

from ganzoo.errors import GanzooError, unknown


class Names:
    """Classes of one kind, each known by a name.

    Args:
        kind: what they are, in errors and in saved files, e.g. "loss".
    """

    def __init__(self, kind):
        self.kind = kind
        self._classes = {}

    def register(self, name):
        """Class decorator: the class is known by this name in YAML files and `compile`."""

        def decorate(cls):
            self._classes[name] = cls
            cls.name = name
            return keras.saving.register_keras_serializable(package="ganzoo", name=f"{self.kind}_{name}")(cls)

        return decorate

    def get(self, asked, base):
        """An object from its name or {"name": ..., argument: number}; one of class `base` as it is.

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
