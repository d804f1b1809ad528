"""Dropout on several devices."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="ganzoo")
class Dropout(keras.layers.Dropout):
    """Keras' dropout, but the replicas of a strategy each leave out their own units: each takes its rows of the mask
    that one device would draw for the whole batch. In Keras' all draw the same.

    Example:
        x = Dropout(0.5, seed=1)(x)
    """

    def __init__(self, rate, seed=None, **options):
        if options.pop("noise_shape", None) is not None:
            raise ValueError("noise_shape: every unit is left out by itself")
        super().__init__(rate, seed=seed, **options)

    def call(self, inputs, training=False):
        # Networks are built on every back end; here one is needed that trains.
        from ganzoo import backend

        if not training or not self.rate:
            return inputs
        if self.rate == 1:
            return ops.zeros_like(inputs)
        # As `SeedGenerator.next`, once the inputs are there: the step that finds the end of data of unknown length
        # has none, and must change nothing.
        state = self.seed_generator.state
        seed = backend.with_dependency(inputs, state.value * 1)
        state.assign(seed + ops.convert_to_tensor([0, 1], dtype=state.dtype))
        key = backend.given_seed(seed)
        draws = backend.share_of_replica(
            lambda shape: keras.random.uniform(shape, dtype="float32", seed=key), ops.shape(inputs)
        )
        kept = ops.cast(draws >= self.rate, inputs.dtype)
        return inputs * kept / (1.0 - self.rate)
