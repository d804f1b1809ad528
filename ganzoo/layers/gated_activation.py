"""The gated activation of PixelCNN and WaveNet."""

from typing import Any

import keras
from keras import ops

from ganzoo.types import Tensor


@keras.saving.register_keras_serializable(package="ganzoo")
class GatedActivation(keras.layers.Layer):
    """tanh(a) * sigmoid(b), where a and b are the halves of the channels (van den Oord et al. 2016,
    arXiv:1606.05328 and arXiv:1609.03499, equation 2 of both).

    Example:
        x = ganzoo.layers.GatedActivation()(np.zeros((1, 8, 8, 64), "float32"))     # (1, 8, 8, 32)
    """

    def call(self, inputs: Tensor) -> Tensor:
        values, gates = ops.split(inputs, 2, axis=-1)
        return ops.tanh(values) * ops.sigmoid(gates)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return (*input_shape[:-1], input_shape[-1] // 2)
