"""Convolutions by the operations of `ganzoo.backend`, where a back end has better ones than Keras asks it for."""

import keras


class _ByBackend:
    """What both kinds of convolution have in common."""

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
class Conv2D(_ByBackend, keras.layers.Conv2D):
    """Keras' convolution: the same arguments, weights and numbers. On processors it is faster where pictures of few
    channels are on either side, and in the gradient of deep layers.

    Example:
        x = Conv2D(64, 4, 2, "same")(pictures)
    """

    def convolution_op(self, inputs, kernel):
        from ganzoo import backend

        if backend.convolved is None or not self._is_usual():
            return super().convolution_op(inputs, kernel)
        return backend.convolved(inputs, kernel, self.strides)


@keras.saving.register_keras_serializable(package="ganzoo")
class Conv2DTranspose(_ByBackend, keras.layers.Conv2DTranspose):
    """Keras' transposed convolution, in the same way.

    Example:
        pictures = Conv2DTranspose(3, 4, 2, "same")(x)
    """

    def call(self, inputs):
        from ganzoo import backend

        if backend.transposed_convolved is None or not self._is_usual():
            return super().call(inputs)
        outputs = backend.transposed_convolved(inputs, self.kernel, self.strides)
        if self.use_bias:
            outputs = keras.ops.add(outputs, self.bias)
        return outputs if self.activation is None else self.activation(outputs)
