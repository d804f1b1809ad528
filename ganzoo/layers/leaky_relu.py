"""Leaky ReLU (Maas et al. 2013) whose gradient is computed from its output."""

import keras

from ganzoo.types import Tensor


@keras.saving.register_keras_serializable(package="ganzoo")
class LeakyReLU(keras.layers.LeakyReLU):
    """Keras' leaky ReLU, with the same arguments and results.

    On TensorFlow the gradient is computed from the output, so the input need not be stored, and a convolution, its bias
    and this layer are fused into one operation. With Keras' own layer TensorFlow fails to fuse them and logs an error.

    Example:
        x = ganzoo.layers.LeakyReLU(0.2)(np.array([-1.0, 2.0], "float32"))      # [-0.2, 2.0]
    """

    def call(self, inputs: Tensor) -> Tensor:
        from ganzoo import backend

        if backend.leaky_relu is None or not self.negative_slope > 0:
            return super().call(inputs)
        return backend.leaky_relu(inputs, self.negative_slope)
