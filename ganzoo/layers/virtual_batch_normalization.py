"""Virtual batch normalization (Salimans et al. 2016, arXiv:1606.03498, section 3.5).

Each example is normalized with the statistics of a fixed reference batch and its own, so that, unlike with batch norm,
its output does not depend on the other examples of its batch. The reference batch travels through the network in front
of each batch: `ReferenceBatch` prepends it, every `VirtualBatchNormalization` computes its statistics, and
`DropReference` removes it at the end (see `ganzoo.networks.regularizers`).
"""

import math
from typing import Any

import keras
from keras import ops

from ganzoo.types import Tensor


@keras.saving.register_keras_serializable(package="ganzoo")
class ReferenceBatch(keras.layers.Layer):
    """Prepends the reference batch to the batch: (batch, ...) to (size + batch, ...).

    The reference is a weight, so it is saved and loaded with the model. It is random until `take` is called, which
    `AdversarialModel.fit` does with its first examples.

    Args:
        size: examples in the reference batch.
        whole: whether the inputs are integers (labels).
    """

    def __init__(self, size: int, whole: bool = False, **options: Any):
        super().__init__(**options)
        self.size, self.whole = size, whole

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.reference = self.add_weight(
            shape=(self.size, *input_shape[1:]),
            initializer="zeros" if self.whole else "random_normal",
            trainable=False,
            dtype="float32",
            name="reference",
        )
        self.taken = self.add_weight(shape=(), initializer="zeros", trainable=False, dtype="float32", name="taken")

    def take(self, examples: Tensor) -> None:
        """Stores the first `size` of the examples, (at least size, ...), as the reference."""
        self.reference.assign(ops.cast(examples[: self.size], "float32"))
        self.taken.assign(1.0)

    @property
    def is_taken(self) -> bool:
        """Whether `take` has been called."""
        return bool(ops.convert_to_numpy(self.taken) > 0)

    def call(self, inputs: Tensor) -> Tensor:
        return ops.concatenate([ops.cast(self.reference.value, inputs.dtype), inputs], axis=0)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (None, *input_shape[1:])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size, "whole": self.whole}


@keras.saving.register_keras_serializable(package="ganzoo")
class DropReference(keras.layers.Layer):
    """Removes the first `size` examples of a batch."""

    def __init__(self, size: int, **options: Any):
        super().__init__(**options)
        self.size = size

    def call(self, inputs: Tensor) -> Tensor:
        return inputs[self.size :]

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (None, *input_shape[1:])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size}


@keras.saving.register_keras_serializable(package="ganzoo")
class VirtualBatchNormalization(keras.layers.Layer):
    """Normalizes a batch whose first `size` examples are the reference batch.

    Let r be the mean and mean square of the reference over examples and positions, and x those of an example over
    positions. The example is normalized with x / (size + 1) + r size / (size + 1), the reference with r. A learned
    scale and shift per channel follow. Gradients pass through all statistics.

    Args:
        size: examples in the reference batch.
        epsilon: added to variances.
        scale_initializer: of the scale.

    Example:
        from ganzoo.layers import DropReference, ReferenceBatch, VirtualBatchNormalization

        reference = ReferenceBatch(4)
        network = keras.Sequential([keras.Input((8,)), reference, VirtualBatchNormalization(4), DropReference(4)])
        reference.take(np.random.default_rng(0).normal(size=(4, 8)))
        outputs = network(np.ones((2, 8), "float32"))           # (2, 8)
    """

    def __init__(self, size: int, epsilon: float = 1e-5, scale_initializer: Any = "ones", **options: Any):
        super().__init__(**options)
        self.size, self.epsilon = size, epsilon
        self.scale_initializer = keras.initializers.get(scale_initializer)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.gamma = self.add_weight(shape=(input_shape[-1],), initializer=self.scale_initializer, name="gamma")
        self.beta = self.add_weight(shape=(input_shape[-1],), initializer="zeros", name="beta")

    def call(self, inputs: Tensor) -> Tensor:
        x = ops.cast(inputs, "float32")
        positions = list(range(1, len(x.shape) - 1))
        means, squares = (_means(part, positions) for part in (x, ops.square(x)))
        reference = [ops.mean(part[: self.size], axis=0, keepdims=True) for part in (means, squares)]
        share = 1.0 / (self.size + 1)
        mean, square = (
            ops.concatenate(
                [ops.repeat(virtual, self.size, axis=0), share * own[self.size :] + (1.0 - share) * virtual], axis=0
            )
            for own, virtual in zip((means, squares), reference)
        )
        variance = ops.maximum(square - mean**2, 0.0)
        # One product and one sum at full size: much cheaper, with its gradient, than (x - mean) / deviation.
        scale = ops.cast(self.gamma, "float32") * ops.rsqrt(variance + self.epsilon)
        shift = ops.cast(self.beta, "float32") - mean * scale
        return ops.cast(x * scale + shift, inputs.dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "size": self.size,
            "epsilon": self.epsilon,
            "scale_initializer": keras.initializers.serialize(self.scale_initializer),
        }


def _means(x: Tensor, positions: list[int]) -> Tensor:
    """The means over some axes, which are kept; as sums, since the gradient of `ops.mean` divides at full size."""
    if not positions:
        return x
    sizes = ops.shape(x)
    count = math.prod(sizes[axis] for axis in positions)
    return ops.sum(x, axis=positions, keepdims=True) / (count if isinstance(count, int) else ops.cast(count, "float32"))
