"""PReLU (He et al. 2015, arXiv:1502.01852) by the faster operations of the backend, where there are some."""

import keras

from ganzoo.types import Tensor


@keras.saving.register_keras_serializable(package="ganzoo")
class PReLU(keras.layers.PReLU):
    """Keras' PReLU, with the same arguments, weights and results. On TensorFlow and PyTorch, the gradient at exactly 0
    is the slope; Keras has 0.

    Example:
        features = np.zeros((1, 8, 8, 4), "float32")
        x = ganzoo.layers.PReLU(shared_axes=[1, 2])(features)
    """

    def call(self, inputs: Tensor) -> Tensor:
        from ganzoo import backend

        # The backends' operation has one slope per channel.
        if backend.prelu is None or set(self.shared_axes or ()) != set(range(1, len(inputs.shape) - 1)):
            return super().call(inputs)
        return backend.prelu(inputs, self.alpha)
