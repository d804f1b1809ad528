"""Optimizers from a YAML file: {name: adam, learning_rate: 2.0e-4, beta_1: 0.5}, whose learning rate may change:
{name: adam, learning_rate: {name: cosine_decay, initial_learning_rate: 2.0e-4, decay_steps: 20000}}."""

import inspect
import math
import reprlib
from collections.abc import Callable

import keras
import numpy as np

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


class ModelOptimizer(keras.optimizers.Optimizer):
    """The optimizers of a model's networks as the one that Keras and its callbacks ask for, `model.optimizer`.

    Its learning rate is the first one's, the generator's. Setting it changes the others in proportion, so that
    `keras.callbacks.LearningRateScheduler` and `ReduceLROnPlateau` slow down both networks: with rates of 1e-4 and
    4e-4, a new rate of 5e-5 makes them 5e-5 and 2e-4. `model.generator_optimizer.learning_rate` and
    `model.discriminator_optimizer.learning_rate` are changed each by itself.

    Each optimizer takes its steps and is saved by itself: of this one files have the proportion, while the rates are 0.

    Args:
        optimizers: Keras optimizers, built, the generator's first.

    Example:
        model.compile()
        model.optimizer.learning_rate = 1e-4
    """

    def __init__(self, optimizers):
        super().__init__(0.0, name="model_optimizer")
        self._all = list(optimizers)
        # Of the other learning rates to the first, while that one is 0.
        self._ratios = [None] * (len(self._all) - 1)
        self.built = True

    @property
    def learning_rate(self):
        return self._all[0].learning_rate

    @learning_rate.setter
    def learning_rate(self, value):
        first, *others = self._all
        if isinstance(value, (keras.optimizers.schedules.LearningRateSchedule, Callable)) and others:
            raise GanzooError(
                "model.optimizer.learning_rate takes a number, which changes the rates of both networks in proportion: "
                "give a schedule to each, as learning_rate of generator_optimizer and discriminator_optimizer"
            )
        # Keras refuses to set the rate of an optimizer that has a schedule: before anything is changed.
        for optimizer in self._all:
            if isinstance(_inner(optimizer)._learning_rate, keras.optimizers.schedules.LearningRateSchedule):
                optimizer.learning_rate = value
        before = _rate(first)
        if before:
            self._ratios = [_rate(other) / before for other in others]
        if None in self._ratios:
            raise GanzooError(
                "the generator's learning rate is 0, so that none is in proportion to it: set "
                "model.generator_optimizer.learning_rate and model.discriminator_optimizer.learning_rate"
            )
        first.learning_rate = value
        for other, ratio in zip(others, self._ratios):
            other.learning_rate = ratio * _rate(first)

    @property
    def iterations(self):
        return self._all[0].iterations

    @property
    def variables(self):
        """Of all of them: what `fit` on JAX hands from step to step."""
        return [variable for optimizer in self._all for variable in optimizer.variables]

    def finalize_variable_values(self, var_list):
        # Keras gives all weights of the model, but each optimizer's moving averages (`use_ema`) are of its network's.
        for optimizer in self._all:
            if _inner(optimizer).use_ema:
                optimizer.finalize_variable_values(_inner(optimizer)._trainable_variables)

    def save_own_variables(self, store):
        # Rates of 0 no longer say in which proportion they were.
        if self._ratios and None not in self._ratios and not _rate(self._all[0]):
            store["ratios"] = np.array(self._ratios, "float32")

    def load_own_variables(self, store):
        if "ratios" in store:
            ratios = np.asarray(store["ratios"], "float32")
            if ratios.shape == (len(self._all) - 1,) and np.isfinite(ratios).all():
                self._ratios = [float(ratio) for ratio in ratios]


def _rate(optimizer):
    return float(keras.ops.convert_to_numpy(optimizer.learning_rate))


def _inner(optimizer):
    """The optimizer itself, without the scaling of losses around it."""
    return getattr(optimizer, "inner_optimizer", optimizer)


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
