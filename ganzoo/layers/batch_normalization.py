"""Batch normalization (Ioffe & Szegedy 2015, arXiv:1502.03167) in one operation."""

from typing import Any

import keras

from ganzoo.types import Tensor


@keras.saving.register_keras_serializable(package="ganzoo")
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras' batch norm, with the same arguments, weights and results, using the backend's fused operations where
    available.

    Example:
        layer = ganzoo.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
        outputs = layer(np.zeros((2, 8, 8, 4), "float32"), training=True)
    """

    def call(self, inputs: Tensor, training: bool | None = None, mask: Any = None) -> Tensor:
        from ganzoo import backend

        whole = self.scale and self.center and self.axis in (-1, len(inputs.shape) - 1) and mask is None
        plain = self.variable_dtype == "float32" and not getattr(self, "renorm", False)
        if not (whole and plain) or backend.normalized is None:
            return super().call(inputs, training=training, mask=mask)
        if not (training and self.trainable):
            return backend.normalized(
                inputs, self.gamma, self.beta, self.moving_mean, self.moving_variance, self.epsilon
            )
        if self.synchronized and backend.replica_count() > 1:
            return super().call(inputs, training=training, mask=mask)
        outputs, mean, variance = backend.batch_normalized(inputs, self.gamma, self.beta, self.epsilon)
        for moving, new in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + new * (1.0 - self.momentum))
        return outputs
