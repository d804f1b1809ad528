"""Gated linear units (Dauphin et al. 2016, arXiv:1612.08083)."""

from typing import Any

import keras
from keras import ops

from ganzoo.types import Tensor


@keras.saving.register_keras_serializable(package="ganzoo")
class GatedLinearUnit(keras.layers.Layer):
    """a * sigmoid(b), where a and b are the halves of the channels (arXiv:1612.08083, equation 1).

    Example:
        x = ganzoo.layers.GatedLinearUnit()(np.zeros((1, 128, 64), "float32"))      # (1, 128, 32)
    """

    def call(self, inputs: Tensor) -> Tensor:
        values, gates = ops.split(inputs, 2, axis=-1)
        return values * ops.sigmoid(gates)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return (*input_shape[:-1], input_shape[-1] // 2)
