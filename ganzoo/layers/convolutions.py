"""Convolutions that use the faster operations of `ganzoo.backend` where there are some."""

from typing import Any

import keras
from keras import ops

from ganzoo.types import Tensor

# The Keras layer that a subclass adds.
_Convolution: Any = object


class _Accelerated(_Convolution):
    """What all convolutions have in common."""

    # Name of the operation in `ganzoo.backend`.
    operation = "convolved"

    def call(self, inputs: Tensor) -> Tensor:
        from ganzoo import backend

        operation = getattr(backend, self.operation)
        if operation is None or not self._is_supported():
            return super().call(inputs)
        kernel, strides = self.kernel, tuple(self.strides)
        if self.rank == 1:
            # As an image of one row.
            inputs, kernel, strides = ops.expand_dims(inputs, 1), ops.expand_dims(kernel, 0), (1, *strides)
        outputs = operation(inputs, kernel, strides, self.bias if self.use_bias else None)
        if self.rank == 1:
            outputs = ops.squeeze(outputs, 1)
        return outputs if self.activation is None else self.activation(outputs)

    def _is_supported(self) -> bool:
        """Whether the backend's operations support these settings."""
        return (
            self.padding == "same"
            and self.data_format == "channels_last"
            and getattr(self, "groups", 1) == 1
            and set(self.dilation_rate) == {1}
            and getattr(self, "output_padding", None) is None
        )


@keras.saving.register_keras_serializable(package="ganzoo")
class Conv1D(_Accelerated, keras.layers.Conv1D):
    """Keras' 1D convolution, with the same arguments, weights and results; see `Conv2D`.

    Example:
        waveform = np.zeros((1, 64, 1), "float32")
        x = ganzoo.layers.Conv1D(16, 31, 2, "same")(waveform)           # (1, 32, 16)
    """


@keras.saving.register_keras_serializable(package="ganzoo")
class Conv1DTranspose(_Accelerated, keras.layers.Conv1DTranspose):
    """Keras' transposed 1D convolution, with the same arguments, weights and results; see `Conv2D`.

    Example:
        x = np.zeros((1, 32, 16), "float32")
        waveform = ganzoo.layers.Conv1DTranspose(1, 31, 2, "same")(x)   # (1, 64, 1)
    """

    operation = "transposed_convolved"


@keras.saving.register_keras_serializable(package="ganzoo")
class Conv2D(_Accelerated, keras.layers.Conv2D):
    """Keras' 2D convolution, with the same arguments, weights and results. On CPUs it is faster if the input or the
    output has few channels, and in the gradients of deep layers.

    Example:
        images = np.zeros((1, 32, 32, 3), "float32")
        x = ganzoo.layers.Conv2D(64, 4, 2, "same")(images)              # (1, 16, 16, 64)
    """


@keras.saving.register_keras_serializable(package="ganzoo")
class Conv2DTranspose(_Accelerated, keras.layers.Conv2DTranspose):
    """Keras' transposed 2D convolution, with the same arguments, weights and results; see `Conv2D`.

    Example:
        x = np.zeros((1, 16, 16, 64), "float32")
        images = ganzoo.layers.Conv2DTranspose(3, 4, 2, "same")(x)      # (1, 32, 32, 3)
    """

    operation = "transposed_convolved"
