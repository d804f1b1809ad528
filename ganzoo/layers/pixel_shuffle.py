"""Sub-pixel upscaling (Shi et al. 2016, arXiv:1609.05158)."""

from typing import Any

import keras
from keras import ops

from ganzoo.types import Tensor


@keras.saving.register_keras_serializable(package="ganzoo")
class PixelShuffle(keras.layers.Layer):
    """Rearranges channels to pixels: (batch, height, width, scale^2 channels) to (batch, scale height, scale width,
    channels).

    Channel (i scale + j) channels + c of an input pixel becomes channel c of the output pixel in row i and column j of
    its block, as in TensorFlow's depth_to_space; PyTorch orders channels differently.

    Args:
        scale: upscaling factor, an integer.

    Example:
        features = np.zeros((1, 8, 8, 12), "float32")
        images = ganzoo.layers.PixelShuffle(2)(features)        # (1, 16, 16, 3)
    """

    def __init__(self, scale: int, **options: Any):
        super().__init__(**options)
        self.scale = scale

    def call(self, x: Tensor) -> Tensor:
        count, height, width = ops.shape(x)[:3]
        s, channels = self.scale, x.shape[-1] // self.scale**2
        x = ops.reshape(x, (count, height, width, s, s * channels))
        # The columns of a block are already contiguous: one transposition moves its rows.
        x = ops.transpose(x, (0, 1, 3, 2, 4))
        return ops.reshape(x, (count, height * s, width * s, channels))

    def compute_output_shape(self, shape: Any) -> tuple[int | None, ...]:
        count, height, width, channels = shape
        s = self.scale
        return (count, height and height * s, width and width * s, channels // s**2)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": self.scale}
