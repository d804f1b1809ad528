"""Dropout, of single units or of whole examples, for training on several devices."""

from typing import Any

import keras
from keras import ops

from ganzoo.types import Tensor


@keras.saving.register_keras_serializable(package="ganzoo")
class Dropout(keras.layers.Dropout):
    """Keras' dropout, with a different mask on each replica of a strategy: its rows of the mask that a single device
    would sample for the whole batch. In Keras' layer all replicas use the same mask.

    Example:
        layer = ganzoo.layers.Dropout(0.5, seed=1)
        outputs = layer(np.ones((2, 8), "float32"), training=True)      # 0 or 2
    """

    def __init__(self, rate: float, seed: int | None = None, **options: Any):
        if options.pop("noise_shape", None) is not None:
            raise ValueError("noise_shape is not supported: units are dropped independently")
        super().__init__(rate, seed=seed, **options)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training or not self.rate:
            return inputs
        if self.rate == 1:
            return ops.zeros_like(inputs)
        mask = ops.cast(self._numbers(inputs, ops.shape(inputs)) >= self.rate, inputs.dtype)
        return inputs * mask / (1.0 - self.rate)

    def _numbers(self, inputs: Tensor, shape: Any) -> Tensor:
        """This replica's rows of random numbers in [0, 1), float32 `shape`."""
        # Imported late: only training needs it.
        from ganzoo import backend

        # As `SeedGenerator.next`, but dependent on the inputs: the step that finds the end of a dataset of unknown
        # length has none, and must not change the state.
        state = self.seed_generator.state
        seed = backend.with_dependency(inputs, state.value * 1)
        state.assign(seed + ops.convert_to_tensor([0, 1], dtype=state.dtype))
        key = backend.given_seed(seed)
        return backend.share_of_replica(lambda shape: keras.random.uniform(shape, dtype="float32", seed=key), shape)


@keras.saving.register_keras_serializable(package="ganzoo")
class ExampleDropout(Dropout):
    """Sets all units of some examples to zero in training, and leaves the others as they are.

    A conditional model whose conditions are dropped this way also learns the distribution without them, which
    classifier-free guidance needs (Ho & Salimans 2022, arXiv:2207.12598).

    Args:
        rate: share of the examples whose units are dropped.
        seed: of the random numbers.
        **options: of a Keras layer.

    Example:
        layer = ganzoo.layers.ExampleDropout(0.5, seed=1)
        outputs = layer(np.ones((4, 3), "float32"), training=True)      # (4, 3), each row of zeros or of ones
    """

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training or not self.rate:
            return inputs
        rows = (ops.shape(inputs)[0], *(1 for _ in inputs.shape[1:]))
        return inputs * ops.cast(self._numbers(inputs, rows) >= self.rate, inputs.dtype)
