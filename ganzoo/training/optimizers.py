"""Optimizers from a YAML file: {name: adam, learning_rate: 2.0e-4, beta_1: 0.5}, whose learning rate may change:
{name: adam, learning_rate: {name: cosine_decay, initial_learning_rate: 2.0e-4, decay_steps: 20000}}."""

import inspect
import math
import reprlib

import keras

from ganzoo import backend
from ganzoo.errors import GanzooError, unknown

_SCHEDULES = {
    "cosine_decay": keras.optimizers.schedules.CosineDecay,
    "exponential_decay": keras.optimizers.schedules.ExponentialDecay,
    "piecewise_constant_decay": keras.optimizers.schedules.PiecewiseConstantDecay,
    "polynomial_decay": keras.optimizers.schedules.PolynomialDecay,
}
_NAMES = ("adadelta", "adafactor", "adagrad", "adam", "adamax", "adamw", "ftrl", "lion", "nadam", "rmsprop", "sgd")


@keras.saving.register_keras_serializable(package="ganzoo")
class Adam(backend.KerasAdam):
    """Keras' Adam (Kingma & Ba 2014, arXiv:1412.6980): the same arguments, variables and numbers, by one operation for
    each weight, or for all together, where the back end has it; Keras' take twenty and pass through memory for each.

    Example:
        model.compile(generator_optimizer=Adam(2e-4, beta_1=0.5))
    """

    def update_step(self, gradient, variable, learning_rate):
        if self.amsgrad or backend.adam is None:
            super().update_step(gradient, variable, learning_rate)
            return
        place = self._get_variable_index(variable)
        moments = self._momentums[place], self._velocities[place]
        settings = self.beta_1, self.beta_2, self.epsilon
        backend.adam(variable, *moments, self.iterations + 1, gradient, learning_rate, *settings)


def get(optimizer, which):
    """An optimizer from its name, a mapping or itself.

    Args:
        optimizer: "adam", {"name": "adam", "learning_rate": 2e-4}, or a keras optimizer. A learning rate is a number,
            or {"name": "cosine_decay", "initial_learning_rate": 2e-4, "decay_steps": 20000}, also exponential_decay,
            piecewise_constant_decay and polynomial_decay: with the arguments of Keras' classes.
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
    cls = Adam if name == "adam" else type(keras.optimizers.get(name))
    allowed = [key for key in inspect.signature(cls).parameters if key != "kwargs"]
    for key, value in settings.items():
        if key not in allowed:
            raise unknown(f"argument of {which}", key, allowed)
        is_schedule = key == "learning_rate" and isinstance(value, dict)
        settings[key] = _schedule(value, which) if is_schedule else _number(value)
    try:
        return cls(**settings)
    except (TypeError, ValueError) as error:
        raise GanzooError(f"{which}: {error}") from None


def _schedule(asked, which):
    """A learning rate that changes with the steps, of Keras' own classes and their arguments."""
    settings = dict(asked)
    name = settings.pop("name", None)
    if not isinstance(name, str) or name not in _SCHEDULES:
        raise unknown(f"learning rate schedule of {which}", name, _SCHEDULES)
    allowed = list(inspect.signature(_SCHEDULES[name]).parameters)
    for key, value in settings.items():
        if key not in allowed:
            raise unknown(f"argument of {which}, {name}", key, allowed)
        settings[key] = [_number(item) for item in value] if isinstance(value, list) else _number(value)
    try:
        return _SCHEDULES[name](**settings)
    except (TypeError, ValueError) as error:
        raise GanzooError(f"{which}, {name}: {error}") from None


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
    if isinstance(value, (dict, list, tuple)):
        raise GanzooError(f"an optimizer's argument is {reprlib.repr(value)}, which is not a number")
    return value
