"""Averages of a network's weights over training: the moving one that draws the images, the one over all of it."""

import keras
from keras import ops

from ganzoo import backend


def move_average(average, network, step, decay):
    """Moves the weights and batch statistics of `average` towards the network's, by 1 - decay of the way.

    The decay starts low: at a fixed 0.999 the random first weights would color the average for thousands of steps.

    Args:
        average, network: two networks of one architecture.
        step: how many steps have been taken.
        decay: in [0, 1); min(decay, (1 + step) / (10 + step)) is taken.
    """
    step = ops.cast(step, "float32")
    decay = ops.minimum(decay, (1.0 + step) / (10.0 + step))
    pairs = [pair for pair in zip(average.variables, network.variables) if "float" in pair[0].dtype]
    backend.move(pairs, 1.0 - decay)


class HistoricalAverage(keras.layers.Layer):
    """The mean of a network's weights over all steps so far (Salimans et al. 2016, arXiv:1606.03498, section 3.2).

    A layer, so that Keras saves it with the model.

    Args:
        network: the network, built.
    """

    def __init__(self, network, **options):
        super().__init__(dtype="float32", trainable=False, **options)
        self.count = self.add_weight(shape=(), initializer="zeros", name="count")
        self.means = [
            self.add_weight(shape=variable.shape, initializer="zeros", name=f"mean_{i}")
            for i, variable in enumerate(network.trainable_variables)
        ]
        self.built = True
        self.restart(network)

    def restart(self, network):
        """Begins anew with the network's weights as they are."""
        self.count.assign(0.0)
        for mean, variable in zip(self.means, network.trainable_variables):
            # A copy: JAX gives the memory of both away at each step.
            mean.assign(ops.copy(variable))

    def distance(self, network):
        """|weights - mean|^2, a scalar: the paper's cost, without a weight."""
        pairs = zip(network.trainable_variables, self.means)
        return sum(ops.sum((ops.cast(variable, "float32") - mean) ** 2) for variable, mean in pairs)

    def take(self, network, loss=None):
        """Counts the network's weights in, once the loss of the step that changed them is known."""
        backend.move(list(zip(self.means, network.trainable_variables)), 1.0 / (self.count + 1.0))
        backend.update([(self.count, self.count)], lambda count, _: backend.with_dependency(loss, count) + 1.0)
