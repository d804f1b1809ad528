"""Averages of a network's weights: the moving average used for inference, and the historical average."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from ganzoo import backend
from ganzoo.errors import GanzooError
from ganzoo.types import Tensor


def move_average(average: keras.Model, network: keras.Model, step: Tensor, decay: float) -> None:
    """Updates an exponential moving average of a network's weights and batch statistics.

    The decay is warmed up: with a constant 0.999 the random initial weights would influence the average for thousands
    of steps.

    Args:
        average, network: two networks of the same architecture.
        step: number of steps taken.
        decay: in [0, 1); the decay used is min(decay, (1 + step) / (10 + step)).
    """
    step = ops.cast(step, "float32")
    decay = ops.minimum(decay, (1.0 + step) / (10.0 + step))
    pairs = [pair for pair in zip(average.variables, network.variables) if "float" in pair[0].dtype]
    backend.move(pairs, 1.0 - decay)


def average_of(network: keras.Model) -> keras.Model:
    """A new moving average of a network, with its current weights."""
    average = _copied(network)
    average.trainable = False
    return average


def trainable_copies(network: keras.Model) -> Callable[[], keras.Model]:
    """A function that copies a network which becomes a moving average and so stops being trainable.

    Args:
        network: the network as it is before that. Its layers stay trainable, or not, in the copies.
    """
    trainable = [layer.trainable for layer in network._flatten_layers()]

    def copy() -> keras.Model:
        copied = _copied(network)
        # A network comes before its layers, and setting its attribute sets theirs.
        for layer, was in zip(copied._flatten_layers(), trainable):
            layer.trainable = was
        return copied

    return copy


def _copied(network: keras.Model) -> keras.Model:
    try:
        copied = keras.models.clone_model(network)
    except (TypeError, ValueError) as error:
        # Keras' message has the whole configuration of a layer.
        raise GanzooError(
            f"the network '{network.name}' cannot be copied for its moving average: each of its layers needs a "
            "get_config() from which Keras can make it again, and no lambda, but a function with "
            "@keras.saving.register_keras_serializable()"
        ) from error
    copied.set_weights(network.get_weights())
    return copied


class HistoricalAverage(keras.layers.Layer):
    """The mean of a network's weights over all training steps (Salimans et al. 2016, arXiv:1606.03498, section 3.2).

    A layer, so that Keras saves it with the model.

    Args:
        network: a built network.
    """

    def __init__(self, network: keras.Model, **options: Any):
        super().__init__(dtype="float32", trainable=False, **options)
        self.count = self.add_weight(shape=(), initializer="zeros", name="count")
        self.means = [
            self.add_weight(shape=variable.shape, initializer="zeros", name=f"mean_{i}")
            for i, variable in enumerate(network.trainable_variables)
        ]
        self.built = True
        self.restart(network)

    def restart(self, network: keras.Model) -> None:
        """Restarts the average from the network's current weights."""
        self.count.assign(0.0)
        for mean, variable in zip(self.means, network.trainable_variables):
            # A copy: JAX donates the memory of both variables in each step.
            mean.assign(ops.copy(variable))

    def distance(self, network: keras.Model) -> Tensor:
        """|weights - mean|^2, a scalar: the paper's cost term."""
        pairs = zip(network.trainable_variables, self.means)
        return sum(ops.sum((ops.cast(variable, "float32") - mean) ** 2) for variable, mean in pairs)

    def take(self, network: keras.Model, loss: Tensor | None = None) -> None:
        """Adds the network's weights to the mean, after the loss of the step that changed them has been computed."""
        backend.move(list(zip(self.means, network.trainable_variables)), 1.0 / (self.count + 1.0))
        backend.update([(self.count, self.count)], lambda count, _: backend.with_dependency(loss, count) + 1.0)
