"""Sub-pixel upscaling (Shi et al. 2016, arXiv:1609.05158)."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="ganzoo")
class PixelShuffle(keras.layers.Layer):
    """Channels become pixels: (batch, height, width, scale^2 channels) to (batch, scale height, scale width, channels).

    Channel (i scale + j) channels + c of an input pixel is channel c of the output pixel i rows down and j columns
    right in its square, as in TensorFlow's depth_to_space; PyTorch orders its channels otherwise.

    Args:
        scale: how many times as high and wide; whole.

    Example:
        images = PixelShuffle(2)(features)
    """

    def __init__(self, scale, **options):
        super().__init__(**options)
        self.scale = scale

    def call(self, x):
        count, height, width = ops.shape(x)[:3]
        s, left = self.scale, x.shape[-1] // self.scale**2
        x = ops.reshape(x, (count, height, width, s, s * left))
        # Rows of small squares are whole already: only lines of the image change places.
        x = ops.transpose(x, (0, 1, 3, 2, 4))
        return ops.reshape(x, (count, height * s, width * s, left))

    def compute_output_shape(self, shape):
        count, height, width, channels = shape
        s = self.scale
        return (count, height and height * s, width and width * s, channels // s**2)

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}
