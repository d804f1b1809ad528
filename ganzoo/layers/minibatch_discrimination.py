"""Minibatch discrimination (Salimans et al. 2016, arXiv:1606.03498, section 3.2)."""

from typing import Any

import keras
from keras import ops

from ganzoo.types import Tensor


@keras.saving.register_keras_serializable(package="ganzoo")
class MinibatchDiscrimination(keras.layers.Layer):
    """Appends to each example's features how close it is to the rest of the batch, so that a discriminator can detect a
    batch of images that are all similar.

    Features f (batch, length) are projected to M (batch, kernels, dimensions); the output concatenates f and
    o_b(x_i) = sum over j of exp(-|M_ib - M_jb|_1), which gives (batch, length + kernels). The sum leaves out j = i, a
    constant 1. On several devices the batch is that of the replica.

    Args:
        kernels: the paper's B, the number of appended values.
        dimensions: the paper's C, the length of a projection.

    Example:
        features = np.random.default_rng(0).normal(size=(8, 100)).astype("float32")
        features = ganzoo.layers.MinibatchDiscrimination(kernels=32)(features)      # (8, 132)
    """

    def __init__(self, kernels: int = 32, dimensions: int = 8, **options: Any):
        super().__init__(**options)
        self.kernels, self.dimensions = kernels, dimensions

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.projection = self.add_weight(
            shape=(input_shape[-1], self.kernels * self.dimensions),
            initializer=keras.initializers.RandomNormal(0.0, 0.05),
            name="projection",
        )

    def call(self, features: Tensor) -> Tensor:
        # Half precision is too coarse for exponentials of summed distances.
        projected = ops.cast(ops.matmul(features, self.projection), "float32")
        projected = ops.reshape(projected, (-1, self.kernels, self.dimensions))
        distances = ops.sum(ops.abs(projected[:, None] - projected[None]), axis=-1)
        closeness = ops.sum(ops.exp(-distances), axis=1) - 1.0
        return ops.concatenate([features, ops.cast(closeness, features.dtype)], axis=-1)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return (*input_shape[:-1], input_shape[-1] + self.kernels)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "kernels": self.kernels, "dimensions": self.dimensions}
