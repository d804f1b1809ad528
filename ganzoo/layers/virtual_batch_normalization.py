"""Virtual batch normalization (Salimans et al. 2016, arXiv:1606.03498, section 3.5).

Every example is normalized with the statistics of a reference batch, chosen once, and of itself: unlike
batch norm its output does not depend on the others of its batch. A network with it carries its reference batch in
front of each batch: `ReferenceBatch` puts it there, every `VirtualBatchNormalization` measures it, and
`DropReference` takes it away at the end (see `ganzoo.networks.regularizers`).
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="ganzoo")
class ReferenceBatch(keras.layers.Layer):
    """Puts its reference batch in front of the batch: (batch, ...) to (size + batch, ...).

    The reference is a weight, so it is saved and loaded with the model. It is random until `take` is called, which
    `AdversarialModel.fit` does with the first images it gets.

    Args:
        size: examples in the reference batch.
        whole: the inputs are whole numbers, labels.
    """

    def __init__(self, size, whole=False, **options):
        super().__init__(**options)
        self.size, self.whole = size, whole

    def build(self, input_shape):
        self.reference = self.add_weight(
            shape=(self.size, *input_shape[1:]),
            initializer="zeros" if self.whole else "random_normal",
            trainable=False,
            dtype="float32",
            name="reference",
        )
        self.taken = self.add_weight(shape=(), initializer="zeros", trainable=False, dtype="float32", name="taken")

    def take(self, examples):
        """Keeps the first `size` examples, (at least size, ...), as the reference."""
        self.reference.assign(ops.cast(examples[: self.size], "float32"))
        self.taken.assign(1.0)

    @property
    def is_taken(self):
        return bool(ops.convert_to_numpy(self.taken) > 0)

    def call(self, inputs):
        return ops.concatenate([ops.cast(self.reference.value, inputs.dtype), inputs], axis=0)

    def compute_output_shape(self, input_shape):
        return (None, *input_shape[1:])

    def get_config(self):
        return {**super().get_config(), "size": self.size, "whole": self.whole}


@keras.saving.register_keras_serializable(package="ganzoo")
class DropReference(keras.layers.Layer):
    """Takes the first `size` examples of a batch away."""

    def __init__(self, size, **options):
        super().__init__(**options)
        self.size = size

    def call(self, inputs):
        return inputs[self.size :]

    def compute_output_shape(self, input_shape):
        return (None, *input_shape[1:])

    def get_config(self):
        return {**super().get_config(), "size": self.size}


@keras.saving.register_keras_serializable(package="ganzoo")
class VirtualBatchNormalization(keras.layers.Layer):
    """Normalizes a batch whose first `size` examples are the reference batch.

    With r the reference's mean and mean of squares over examples and positions, and x the example's own over
    positions, an example is normalized by x / (size + 1) + r size / (size + 1); the reference by r. Then a learned
    scale and shift for each channel. Gradients pass through all statistics.

    Args:
        size: examples in the reference batch.
        epsilon: added to variances.
        scale_initializer: of the scale.
    """

    def __init__(self, size, epsilon=1e-5, scale_initializer="ones", **options):
        super().__init__(**options)
        self.size, self.epsilon = size, epsilon
        self.scale_initializer = keras.initializers.get(scale_initializer)

    def build(self, input_shape):
        self.gamma = self.add_weight(shape=(input_shape[-1],), initializer=self.scale_initializer, name="gamma")
        self.beta = self.add_weight(shape=(input_shape[-1],), initializer="zeros", name="beta")

    def call(self, inputs):
        x = ops.cast(inputs, "float32")
        positions = list(range(1, len(x.shape) - 1))
        means, squares = (ops.mean(part, axis=positions, keepdims=True) if positions else part for part in (x, x**2))
        reference = [ops.mean(part[: self.size], axis=0, keepdims=True) for part in (means, squares)]
        share = 1.0 / (self.size + 1)
        mean, square = (
            ops.concatenate(
                [ops.repeat(virtual, self.size, axis=0), share * own[self.size :] + (1.0 - share) * virtual], axis=0
            )
            for own, virtual in zip((means, squares), reference)
        )
        variance = ops.maximum(square - mean**2, 0.0)
        normalized = (x - mean) / ops.sqrt(variance + self.epsilon)
        output = normalized * ops.cast(self.gamma, "float32") + ops.cast(self.beta, "float32")
        return ops.cast(output, inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "size": self.size,
            "epsilon": self.epsilon,
            "scale_initializer": keras.initializers.serialize(self.scale_initializer),
        }
