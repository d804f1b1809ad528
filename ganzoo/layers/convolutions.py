"""Convolutions by the operations of `ganzoo.backend`, where a back end has better ones than Keras asks it for."""

import keras
from keras import ops


class _ByBackend:
    """What all kinds of convolution have in common."""

    # The name of the back end's operation.
    operation = "convolved"

    def call(self, inputs):
        from ganzoo import backend

        operation = getattr(backend, self.operation)
        if operation is None or not self._is_usual():
            return super().call(inputs)
        kernel, strides = self.kernel, tuple(self.strides)
        if self.rank == 1:
            # A row of an image.
            inputs, kernel, strides = ops.expand_dims(inputs, 1), ops.expand_dims(kernel, 0), (1, *strides)
        outputs = operation(inputs, kernel, strides, self.bias if self.use_bias else None)
        if self.rank == 1:
            outputs = ops.squeeze(outputs, 1)
        return outputs if self.activation is None else self.activation(outputs)

    def _is_usual(self):
        """Whether the back end's operations, which know one kind, can do this one."""
        return (
            self.padding == "same"
            and self.data_format == "channels_last"
            and getattr(self, "groups", 1) == 1
            and set(self.dilation_rate) == {1}
            and getattr(self, "output_padding", None) is None
        )


@keras.saving.register_keras_serializable(package="ganzoo")
class Conv1D(_ByBackend, keras.layers.Conv1D):
    """Keras' convolution of sequences: the same arguments, weights and numbers, as `Conv2D`.

    Example:
        x = Conv1D(16, 31, 2, "same")(sound)
    """


@keras.saving.register_keras_serializable(package="ganzoo")
class Conv1DTranspose(_ByBackend, keras.layers.Conv1DTranspose):
    """Keras' transposed convolution of sequences, in the same way.

    Example:
        sound = Conv1DTranspose(1, 31, 2, "same")(x)
    """

    operation = "transposed_convolved"


@keras.saving.register_keras_serializable(package="ganzoo")
class Conv2D(_ByBackend, keras.layers.Conv2D):
    """Keras' convolution: the same arguments, weights and numbers. On processors it is faster where images of few
    channels are on either side, and in the gradient of deep layers.

    Example:
        x = Conv2D(64, 4, 2, "same")(images)
    """


@keras.saving.register_keras_serializable(package="ganzoo")
class Conv2DTranspose(_ByBackend, keras.layers.Conv2DTranspose):
    """Keras' transposed convolution, in the same way.

    Example:
        images = Conv2DTranspose(3, 4, 2, "same")(x)
    """

    operation = "transposed_convolved"
