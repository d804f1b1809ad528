"""Leaky ReLU (Maas et al. 2013) whose gradient needs its output alone."""

import keras


@keras.saving.register_keras_serializable(package="ganzoo")
class LeakyReLU(keras.layers.LeakyReLU):
    """Keras' leaky ReLU: the same arguments and numbers.

    On TensorFlow the gradient is computed from the output, so that the input need not be kept and a convolution, its
    bias and this become one operation. With Keras' own layer TensorFlow fails to fuse them and prints an error.

    Example:
        x = LeakyReLU(0.2)(x)
    """

    def call(self, inputs):
        from ganzoo import backend

        if backend.leaky_relu is None or not self.negative_slope > 0:
            return super().call(inputs)
        return backend.leaky_relu(inputs, self.negative_slope)
