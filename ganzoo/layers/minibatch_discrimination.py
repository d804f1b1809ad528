"""Minibatch discrimination (Salimans et al. 2016, arXiv:1606.03498, section 3.2)."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="ganzoo")
class MinibatchDiscrimination(keras.layers.Layer):
    """Appends to every example's features how close it is to the others of its batch, so that a discriminator
    sees a batch of images that are all alike.

    Features f (batch, length) are projected to M (batch, kernels, dimensions); the output is f beside
    o_b(x_i) = sum over j of exp(-|M_ib - M_jb|_1), (batch, length + kernels). The sum leaves out j = i, a constant 1.
    Under a strategy a batch is a replica's own.

    Args:
        kernels: the paper's B, numbers appended.
        dimensions: the paper's C, length of a projection.

    Example:
        features = ganzoo.layers.MinibatchDiscrimination(kernels=32)(features)
    """

    def __init__(self, kernels=32, dimensions=8, **options):
        super().__init__(**options)
        self.kernels, self.dimensions = kernels, dimensions

    def build(self, input_shape):
        self.projection = self.add_weight(
            shape=(input_shape[-1], self.kernels * self.dimensions),
            initializer=keras.initializers.RandomNormal(0.0, 0.05),
            name="projection",
        )

    def call(self, features):
        # In half precision exponentials of sums of distances lose what they are there for.
        projected = ops.cast(ops.matmul(features, self.projection), "float32")
        projected = ops.reshape(projected, (-1, self.kernels, self.dimensions))
        distances = ops.sum(ops.abs(projected[:, None] - projected[None]), axis=-1)
        closeness = ops.sum(ops.exp(-distances), axis=1) - 1.0
        return ops.concatenate([features, ops.cast(closeness, features.dtype)], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] + self.kernels)

    def get_config(self):
        return {**super().get_config(), "kernels": self.kernels, "dimensions": self.dimensions}
