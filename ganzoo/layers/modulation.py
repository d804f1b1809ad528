"""Feature-wise modulation (Perez et al. 2018, arXiv:1709.07871)."""

from typing import Any

import keras
from keras import ops

from ganzoo.types import Tensor


@keras.saving.register_keras_serializable(package="ganzoo")
class Modulation(keras.layers.Layer):
    """Scales and shifts the channels of features, by amounts that are linear in a condition (FiLM, Perez et al. 2018,
    arXiv:1709.07871, equation 2; for text-to-image generators Tao et al. 2020, arXiv:2008.05865):
    features * (1 + scale(condition)) + shift(condition).

    At first the scales are near 1 and the shifts near 0.

    Example:
        features, condition = np.zeros((2, 8, 8, 4), "float32"), np.zeros((2, 16), "float32")
        modulated = ganzoo.layers.Modulation()([features, condition])       # (2, 8, 8, 4)
    """

    def build(self, input_shape: Any) -> None:
        features, condition = input_shape
        start = keras.initializers.RandomNormal(0.0, 0.02)
        self.kernel = self.add_weight(shape=(condition[-1], 2 * features[-1]), initializer=start, name="kernel")
        self.bias = self.add_weight(shape=(2 * features[-1],), initializer="zeros", name="bias")

    def call(self, inputs: Any) -> Tensor:
        features, condition = inputs
        amounts = ops.matmul(condition, self.kernel) + self.bias
        amounts = ops.reshape(amounts, (-1, *[1] * (len(features.shape) - 2), amounts.shape[-1]))
        scale, shift = ops.split(amounts, 2, axis=-1)
        return features * (1.0 + scale) + shift

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return tuple(input_shape[0])
