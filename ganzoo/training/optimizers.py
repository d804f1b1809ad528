"""Optimizers from a YAML file: {name: adam, learning_rate: 2.0e-4, beta_1: 0.5}."""

import inspect
import math

import keras

from ganzoo.errors import GanzooError, unknown

_NAMES = ("adadelta", "adafactor", "adagrad", "adam", "adamax", "adamw", "ftrl", "lion", "nadam", "rmsprop", "sgd")


def get(optimizer, which):
    """An optimizer from its name, a mapping or itself.

    Args:
        optimizer: "adam", {"name": "adam", "learning_rate": 2e-4}, or a keras optimizer.
        which: what it is for, in errors.

    Raises:
        GanzooError: an unknown name or argument, or a value of the wrong type.
    """
    if isinstance(optimizer, keras.optimizers.Optimizer):
        return optimizer
    settings = dict(optimizer) if isinstance(optimizer, dict) else {"name": optimizer}
    if "name" not in settings:
        raise GanzooError(f"{which}: the key 'name' is missing, e.g. name: adam")
    name = str(settings.pop("name")).lower()
    if name not in _NAMES:
        raise unknown(f"optimizer for {which}", name, _NAMES)
    cls = type(keras.optimizers.get(name))
    allowed = [key for key in inspect.signature(cls).parameters if key != "kwargs"]
    for key, value in settings.items():
        if key not in allowed:
            raise unknown(f"argument of {which}", key, allowed)
        settings[key] = _number(value)
    try:
        return cls(**settings)
    except (TypeError, ValueError) as error:
        raise GanzooError(f"{which}: {error}") from None


def _number(value):
    """YAML 1.1 reads 2e-4, without a point, as a string."""
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise GanzooError(f"an optimizer's argument is '{value}', which is not a finite number") from None
        return number
    return value
