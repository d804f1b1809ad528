"""PReLU (He et al. 2015, arXiv:1502.01852) by one operation where a back end has one."""

import keras


@keras.saving.register_keras_serializable(package="ganzoo")
class PReLU(keras.layers.PReLU):
    """Keras' PReLU: the same arguments, weights and numbers.

    Example:
        x = PReLU(shared_axes=[1, 2])(images)
    """

    def call(self, inputs):
        from ganzoo import backend

        # What back ends have is one slope for each channel.
        if backend.prelu is None or set(self.shared_axes or ()) != set(range(1, len(inputs.shape) - 1)):
            return super().call(inputs)
        return backend.prelu(inputs, self.alpha)
