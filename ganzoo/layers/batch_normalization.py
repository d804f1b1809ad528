"""Batch normalization (Ioffe & Szegedy 2015, arXiv:1502.03167) in one operation."""

import keras


@keras.saving.register_keras_serializable(package="ganzoo")
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras' batch norm: the same arguments, weights and numbers. In training it is one operation of the back end where
    that has one; Keras' is a dozen.

    Example:
        x = BatchNormalization(momentum=0.9, epsilon=1e-5)(x)
    """

    def call(self, inputs, training=None, mask=None):
        # Networks are built on every back end; here one is needed that trains.
        from ganzoo import backend

        whole = self.scale and self.center and self.axis in (-1, len(inputs.shape) - 1) and mask is None
        alone = not self.synchronized or backend.replica_count() == 1
        known = backend.batch_normalized is not None
        plain = self.variable_dtype == "float32" and not getattr(self, "renorm", False)
        if not (training and self.trainable and whole and alone and plain and known):
            return super().call(inputs, training=training, mask=mask)
        outputs, mean, variance = backend.batch_normalized(inputs, self.gamma, self.beta, self.epsilon)
        for moving, seen in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + seen * (1.0 - self.momentum))
        return outputs
