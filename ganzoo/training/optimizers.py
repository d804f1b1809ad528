"""Optimizers from a YAML file: {name: adam, learning_rate: 2.0e-4, beta_1: 0.5}. The learning rate may be a schedule:
{name: adam, learning_rate: {name: cosine_decay, initial_learning_rate: 2.0e-4, decay_steps: 20000}}."""

import inspect
import math
import reprlib
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from ganzoo import backend
from ganzoo.config import plain
from ganzoo.errors import GanzooError, unknown
from ganzoo.types import Tensor


@keras.saving.register_keras_serializable(package="ganzoo")
class LinearDecay(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that is constant at first and then falls linearly to 0, as in CycleGAN.

    Args:
        initial_learning_rate: the constant rate.
        constant_steps: steps before it falls.
        decay_steps: steps in which it falls to 0, where it stays.

    Example:
        from ganzoo.training.optimizers import LinearDecay

        rate = LinearDecay(2e-4, constant_steps=1000, decay_steps=1000)
        rate(1500)      # 1e-4
    """

    def __init__(self, initial_learning_rate: float, constant_steps: int, decay_steps: int):
        if constant_steps < 0 or decay_steps < 1:
            raise ValueError(
                f"constant_steps must be at least 0 and decay_steps at least 1, got {constant_steps} and {decay_steps}"
            )
        self.initial_learning_rate = initial_learning_rate
        self.constant_steps, self.decay_steps = constant_steps, decay_steps

    def __call__(self, step: Tensor) -> Tensor:
        fallen = (keras.ops.cast(step, "float32") - self.constant_steps) / self.decay_steps
        return self.initial_learning_rate * (1.0 - keras.ops.clip(fallen, 0.0, 1.0))

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "constant_steps": self.constant_steps,
            "decay_steps": self.decay_steps,
        }


_SCHEDULES = {
    "cosine_decay": keras.optimizers.schedules.CosineDecay,
    "exponential_decay": keras.optimizers.schedules.ExponentialDecay,
    "linear_decay": LinearDecay,
    "piecewise_constant_decay": keras.optimizers.schedules.PiecewiseConstantDecay,
    "polynomial_decay": keras.optimizers.schedules.PolynomialDecay,
}
_NAMES = ("adadelta", "adafactor", "adagrad", "adam", "adamax", "adamw", "ftrl", "lion", "nadam", "rmsprop", "sgd")


@keras.saving.register_keras_serializable(package="ganzoo")
class Adam(backend.KerasAdam):
    """Keras' Adam (Kingma & Ba 2014, arXiv:1412.6980), with the same arguments, variables and results, as one operation
    per weight, or for all weights, where the backend has it.

    Example:
        from ganzoo.training.optimizers import Adam

        model = ganzoo.create("dcgan", image_shape=(28, 28, 1), width=8)
        model.compile(generator_optimizer=Adam(2e-4, beta_1=0.5))
    """

    def update_step(self, gradient: Tensor, variable: keras.Variable, learning_rate: Tensor) -> None:
        if self.amsgrad or backend.adam is None:
            super().update_step(gradient, variable, learning_rate)
            return
        index = self._get_variable_index(variable)
        moments = self._momentums[index], self._velocities[index]
        settings = self.beta_1, self.beta_2, self.epsilon
        backend.adam(variable, *moments, self.iterations + 1, gradient, learning_rate, *settings)


class ModelOptimizer(keras.optimizers.Optimizer):
    """Presents the optimizers of all networks as a single one, `model.optimizer`, to Keras and its callbacks.

    Its learning rate is that of the first optimizer, the generator's. Setting it scales the others in proportion, so
    that `keras.callbacks.LearningRateScheduler` and `ReduceLROnPlateau` affect both networks: with rates of 1e-4 and
    4e-4, setting 5e-5 gives 5e-5 and 2e-4. `model.generator_optimizer.learning_rate` and
    `model.discriminator_optimizer.learning_rate` set them individually.

    Each optimizer steps and is saved by itself. This one saves only the proportion of the rates, while they are 0.

    Args:
        optimizers: built Keras optimizers, the generator's first.

    Example:
        model = ganzoo.create("dcgan", image_shape=(28, 28, 1), width=8)
        model.compile()
        model.optimizer.learning_rate = 1e-4
        model.discriminator_optimizer.learning_rate                     # 1e-4, too
    """

    def __init__(self, optimizers: Sequence[keras.optimizers.Optimizer]):
        super().__init__(0.0, name="model_optimizer")
        self._all = list(optimizers)
        # Ratios of the other learning rates to the first one, needed while that one is 0.
        self._ratios: list[Any] = [None] * (len(self._all) - 1)
        self.built = True

    @property
    def learning_rate(self) -> Any:
        """The learning rate of the first optimizer; setting it scales the others in proportion."""
        return self._all[0].learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        first, *others = self._all
        if others and (isinstance(value, keras.optimizers.schedules.LearningRateSchedule) or callable(value)):
            raise GanzooError(
                "model.optimizer.learning_rate takes a number, which changes the rates of both networks in proportion: "
                "give a schedule to each, as learning_rate of generator_optimizer and discriminator_optimizer"
            )
        # Keras raises an error if an optimizer has a schedule: trigger it before anything is changed.
        for optimizer in self._all:
            if isinstance(_inner(optimizer)._learning_rate, keras.optimizers.schedules.LearningRateSchedule):
                optimizer.learning_rate = value
        before = _rate(first)
        if before:
            self._ratios = [_rate(other) / before for other in others]
        if None in self._ratios:
            raise GanzooError(
                "the generator's learning rate is 0, so the others cannot be scaled in proportion: set "
                "model.generator_optimizer.learning_rate and model.discriminator_optimizer.learning_rate"
            )
        first.learning_rate = value
        for other, ratio in zip(others, self._ratios):
            other.learning_rate = ratio * _rate(first)

    @property
    def iterations(self) -> keras.Variable:
        """The step counter of the first optimizer."""
        return self._all[0].iterations

    @property
    def variables(self) -> list[keras.Variable]:
        """The variables of all optimizers."""
        return [variable for optimizer in self._all for variable in optimizer.variables]

    def finalize_variable_values(self, var_list: Sequence[keras.Variable]) -> None:
        # Keras passes all weights of the model, but an optimizer's moving averages (`use_ema`) cover its network only.
        for optimizer in self._all:
            if _inner(optimizer).use_ema:
                variables = _inner(optimizer)._trainable_variables
                optimizer.finalize_variable_values(variables)
                # Keras gives JAX the averages themselves, and JAX frees what both own.
                for variable in variables if backend.NAME == "jax" else ():
                    variable.assign(ops.copy(variable))

    def save_own_variables(self, store: Any) -> None:
        # The proportion is lost once the rates are 0.
        if self._ratios and None not in self._ratios and not _rate(self._all[0]):
            store["ratios"] = np.array(self._ratios, "float32")

    def load_own_variables(self, store: Any) -> None:
        if "ratios" in store:
            ratios = np.asarray(store["ratios"], "float32")
            if ratios.shape == (len(self._all) - 1,) and np.isfinite(ratios).all():
                self._ratios = [float(ratio) for ratio in ratios]


def _rate(optimizer: Any) -> float:
    return float(keras.ops.convert_to_numpy(optimizer.learning_rate))


def _inner(optimizer: Any) -> Any:
    """The optimizer inside a `LossScaleOptimizer`; another optimizer is returned as is."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def fits(optimizer: keras.optimizers.Optimizer, variables: Sequence[keras.Variable]) -> bool:
    """Whether an optimizer has been built for these variables, or for none yet."""
    inner = _inner(optimizer)
    return not inner.built or {*map(id, inner._trainable_variables)} == {*map(id, variables)}


def get(optimizer: Any, which: str) -> keras.optimizers.Optimizer:
    """Makes an optimizer.

    Args:
        optimizer: "adam", {"name": "adam", "learning_rate": 2e-4}, or a Keras optimizer, which is returned as is. A
            learning rate is a number or a schedule, {"name": "cosine_decay", "initial_learning_rate": 2e-4,
            "decay_steps": 20000}; also exponential_decay, piecewise_constant_decay and polynomial_decay, with the
            arguments of Keras' classes, and linear_decay, see `LinearDecay`. A schedule counts the updates of its own
            optimizer: that of a discriminator with five steps per generator step falls five times as fast.
        which: its purpose, for error messages.

    Raises:
        GanzooError: an unknown name or argument, or a value of the wrong type.

    Example:
        from ganzoo.training import optimizers

        optimizer = optimizers.get({"name": "adam", "learning_rate": 2e-4, "beta_1": 0.5}, "generator_optimizer")
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


def described(optimizer: Any) -> dict[str, Any]:
    """The {"name": ..., argument: number} from which `get` makes an optimizer of the same settings, with its current
    learning rate.

    Raises:
        GanzooError: an optimizer or a schedule that `get` does not make.

    Example:
        from ganzoo.training import optimizers

        adam = optimizers.get({"name": "adam", "learning_rate": 2e-4}, "optimizer")
        optimizers.described(adam)      # {"name": "adam", "learning_rate": 0.0002}
    """
    optimizer = _inner(optimizer)
    cls = type(optimizer)
    name = cls.__name__.lower()
    same = (Adam, backend.KerasAdam, keras.optimizers.Adam) if name == "adam" else ()
    if name not in _NAMES or cls not in (*same, type(keras.optimizers.get(name))):
        raise GanzooError(f"{cls.__name__} is no optimizer that a YAML file can name")
    usual, settings = cls().get_config(), optimizer.get_config()
    arguments = [key for key in inspect.signature(cls).parameters if key not in ("kwargs", "name", "learning_rate")]
    rate = optimizer._learning_rate
    return {
        "name": name,
        "learning_rate": _described_rate(rate),
        **{key: plain(settings[key]) for key in arguments if key in settings and settings[key] != usual[key]},
    }


def _described_rate(rate: Any) -> Any:
    """A learning rate as in a YAML file: a number, or the name and arguments of a schedule."""
    if not isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        if callable(rate):
            raise GanzooError("a learning rate that is a function cannot be written to a YAML file")
        # The shortest number with the same float32 value: 0.0002 instead of 0.00019999999494757503.
        return float(str(np.float32(keras.ops.convert_to_numpy(rate))))
    name = next((name for name, cls in _SCHEDULES.items() if type(rate) is cls), None)
    if name is None:
        raise GanzooError(f"{type(rate).__name__} is no schedule that a YAML file can name")
    parameters = inspect.signature(_SCHEDULES[name]).parameters
    config = {key: value for key, value in rate.get_config().items() if key in parameters and key != "name"}
    return {"name": name, **{key: plain(value) for key, value in config.items() if value != parameters[key].default}}


def _schedule(asked: dict[str, Any], which: str) -> keras.optimizers.schedules.LearningRateSchedule:
    """A learning rate schedule of Keras."""
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


def _number(value: Any) -> Any:
    """Converts strings to numbers: YAML 1.1 reads 2e-4, without a decimal point, as a string."""
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise GanzooError(f"an optimizer's argument is '{value}', which is not a finite number") from None
        return number
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (dict, list, tuple)):
        raise GanzooError(f"an optimizer's argument is {reprlib.repr(value)}, which is not a number")
    return value
