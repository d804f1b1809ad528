"""The training step of all models: `training_step`, with `alternate` and `minimize`. There is no other."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras import ops

from ganzoo import backend
from ganzoo.data.batches import split, unpadded
from ganzoo.errors import GanzooError
from ganzoo.training.averages import move_average
from ganzoo.training.noise import Noise
from ganzoo.types import Tensor


@dataclass(frozen=True)
class Objective:
    """A loss, and the networks that minimize it.

    Attributes:
        name: its key in the logs, e.g. "loss" or "g_loss".
        loss: function of (batch, training) that returns a scalar, the mean over this replica's batch.
        networks: names of the networks whose weights it updates.
        steps: how many times a training step minimizes it, each time with another batch and new noise: the k of
            Algorithm 1 of Goodfellow et al. 2014 (arXiv:1406.2661). 0 does not train it.

    Raises:
        GanzooError: the loss is not a function, the networks are a string, or the steps are below 0.

    Example:
        model = ganzoo.load("dcgan.digits")
        objective = ganzoo.Objective("d_loss", model.discriminator_loss, networks=("discriminator",), steps=5)
    """

    name: str
    loss: Callable[..., Tensor]
    networks: tuple[str, ...]
    steps: int = 1

    def __post_init__(self):
        if not callable(self.loss):
            raise GanzooError(f"the loss of the objective '{self.name}' is {self.loss!r:.80}: give the function itself")
        if isinstance(self.networks, str):
            raise GanzooError(f"the objective '{self.name}' needs a tuple of networks: networks=('{self.networks}',)")
        if self.steps < 0:
            raise GanzooError(f"the steps of the objective '{self.name}' must be at least 0, got {self.steps}")

    def scalar(self, batch: Any, training: bool) -> Tensor:
        """The loss of a batch.

        Raises:
            GanzooError: the function returned anything but one number; a backend would train on the sum of several.
        """
        loss = self.loss(batch, training=training)
        if isinstance(loss, (np.generic, np.ndarray)):
            loss = ops.convert_to_tensor(loss)
        shape = getattr(loss, "shape", None)
        # Inside a graph, a shape may be unknown.
        if getattr(shape, "rank", 0) is not None and (shape is None or len(shape)):
            returned = type(loss).__name__ if shape is None else f"values of shape {tuple(shape)}"
            raise GanzooError(
                f"the loss of the objective '{self.name}' must be one number, e.g. keras.ops.mean(...), got {returned}"
            )
        return loss


class StepState(threading.local):
    """State of the current step. Thread-local, since the replicas of a strategy are threads that interleave in a step.

    Attributes:
        recorded: {name: value} given to `ZooModel.record`.
        shared: (batch, its result of `split_batch`, the generated batch) while both updates share a fake batch.
        weight: sample weight of recorded values, see `ZooModel.record` and `weight_of` of the backend.
    """

    recorded: dict[str, Tensor]
    shared: tuple[Any, tuple[Tensor, Any], Tensor] | None = None
    weight: Any = None

    def __init__(self):
        self.recorded = {}

    def begin(self, data: Any, training: bool) -> None:
        self.recorded = {}
        self.weight = backend.weight_of(data, training)

    def end(self) -> None:
        # A loss called outside of a step must not use this step's tensors.
        self.weight = None


@dataclass(frozen=True)
class Recorded:
    """Names of the values that steps of training and of evaluation have recorded since `compile`."""

    in_training: set[str] = field(default_factory=set)
    in_evaluation: set[str] = field(default_factory=set)


class TrainingStep:
    """The part of `ZooModel` that backends may compile: a step of training, and the losses of `evaluate`."""

    # Of the model.
    networks: Mapping[str, keras.Model]
    averages: Mapping[str, keras.Model]
    optimizers: Mapping[str, keras.optimizers.Optimizer]
    trackers: Mapping[str, keras.metrics.Metric]
    noise: Noise
    step: keras.Variable
    ema_decay: float
    prepare: Callable[[], None]
    _objectives: Sequence[Objective]
    _step_state: StepState
    _recorded: Recorded

    @property
    def batches_per_step(self) -> int:
        """Number of batches of the dataset that one training step takes."""
        return max(1, *(objective.steps for objective in self._objectives))

    def record(self, **values: Tensor) -> None:
        """Records scalars of this step for `after_step`; the logs show those whose names are in `reported`."""
        self._step_state.recorded.update(values)
        for name, value in values.items():
            if name in self.trackers:
                # It also depends on the batch. Keras would otherwise count a value in the step that finds the end of
                # a dataset of unknown length.
                weight = self._step_state.weight
                if weight is not None and backend.replica_count() > 1:
                    # The mean over no examples is NaN, whatever its weight.
                    value = ops.where(weight > 0, value, 0.0)
                self.trackers[name].update_state(value, sample_weight=weight)

    def after_step(self, recorded: dict[str, Tensor]) -> None:
        """Called after all objectives have been minimized.

        Args:
            recorded: {name: scalar} recorded in this step on this replica; the last value of each name.
        """

    def make_train_function(self, force: bool = False) -> Any:
        """As in Keras, after `prepare`."""
        self.prepare()
        parent: Any = super()
        return parent.make_train_function(force)

    def make_test_function(self, force: bool = False) -> Any:
        """As in Keras, after `prepare`."""
        self.prepare()
        parent: Any = super()
        return parent.make_test_function(force)

    def train_step(self, *data: Any) -> Any:
        """What Keras calls in `fit`; the step itself is `training_step`."""
        return backend.train_step(self, *data)

    def test_step(self, *data: Any) -> Any:
        """What Keras calls in `evaluate`; the losses are computed in `evaluation_step`."""
        return backend.test_step(self, *data)

    def training_step(self, data: Any) -> dict[str, Tensor]:
        """One training step: minimizes every objective on its parts of the batch, then updates the moving averages."""
        data = unpadded(data)
        self._step_state.begin(data, training=True)
        self.noise.start_step(backend.with_dependency(data, self.step))
        loss = self.alternate(split(data, self.batches_per_step))
        self.after_step(self._step_state.recorded)
        self._step_state.end()
        backend.share_statistics(self._statistics)
        backend.update([(self.step, self.step)], lambda step, _: backend.with_dependency(loss, step) + 1)
        for name, average in self.averages.items():
            move_average(average, self.networks[name], self.step, self.ema_decay)
        return self._logs(self._recorded.in_training)

    def alternate(self, parts: Sequence[Any]) -> Tensor:
        """Minimizes each objective `steps` times, on the last `steps` parts of the batch.

        Args:
            parts: `batches_per_step` batches.

        Returns:
            The last loss.
        """
        for objective in self._objectives:
            for part in parts[len(parts) - objective.steps :]:
                loss = self.minimize(objective, part)
        return loss

    def minimize(self, objective: Objective, batch: Any) -> Tensor:
        """Takes one optimizer step on an objective, and records and returns its loss."""
        loss = backend.minimize(
            lambda: objective.scalar(batch, training=True),
            self.optimizers[objective.name],
            self._variables(objective),
            self._step_state.recorded,
            objective.name,
        )
        self.record(**{objective.name: loss})
        return loss

    def evaluation_step(self, data: Any) -> dict[str, Tensor]:
        """Computes the losses of a batch; no weight changes."""
        data = unpadded(data)
        self._step_state.begin(data, training=False)
        data = backend.never_empty(data)
        # Counts the examples since evaluate() began: noise differs between batches, but not between evaluations.
        self.noise.start_step(backend.with_dependency(data, self.trackers[self._last].count))
        for objective in self._objectives:
            if objective.steps:
                self.record(**{objective.name: objective.scalar(data, training=False)})
        self._step_state.end()
        return self._logs(self._recorded.in_evaluation)

    def _logs(self, known):
        # Leaves out values that no loss records, e.g. the scores in a subclass with its own losses: their mean would be
        # 0. What is recorded in some steps only stays in the logs of the others.
        known.update(self._step_state.recorded)
        return backend.logged({name: tracker.result() for name, tracker in self.trackers.items() if name in known})

    @property
    def _last(self) -> str:
        """Name of the last objective that is trained."""
        return [objective.name for objective in self._objectives if objective.steps][-1]

    @property
    def _trained_networks(self):
        names = dict.fromkeys(name for objective in self._objectives for name in objective.networks)
        return [self.networks[name] for name in names]

    @property
    def _statistics(self):
        """Variables of the trained networks that are not trained, e.g. the moving means of batch norm."""
        variables = [variable for network in self._trained_networks for variable in network.non_trainable_variables]
        return [variable for variable in variables if "float" in variable.dtype]

    def _variables(self, objective):
        return [variable for name in objective.networks for variable in self.networks[name].trainable_variables]
