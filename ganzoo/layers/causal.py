"""Layers of causal networks on sound: outputs at one time depend on no later input."""

from typing import Any

import keras
from keras import ops

from ganzoo import mu_law
from ganzoo.errors import at_least_one
from ganzoo.types import Tensor


@keras.saving.register_keras_serializable(package="ganzoo")
class CausalConv1D(keras.layers.Layer):
    """A dilated convolution that looks only back: output t is a function of the inputs t, t - dilation_rate, ... (van
    den Oord et al. 2016, arXiv:1609.03499, section 2.1). Before the first input it sees zeros.

    It is one matrix product of the shifted inputs side by side, which is faster than a dilated convolution.

    Args:
        filters: channels of the output.
        kernel_size: number of inputs that an output depends on.
        dilation_rate: distance between these inputs.
        use_bias: whether a bias is added.

    Example:
        x = np.zeros((1, 32, 16), "float32")
        y = ganzoo.layers.CausalConv1D(8, kernel_size=2, dilation_rate=4)(x)        # (1, 32, 8)
    """

    def __init__(
        self, filters: int, kernel_size: int = 2, dilation_rate: int = 1, use_bias: bool = True, **options: Any
    ):
        super().__init__(**options)
        at_least_one(filters=filters, kernel_size=kernel_size, dilation_rate=dilation_rate)
        self.filters, self.kernel_size, self.dilation_rate = filters, kernel_size, dilation_rate
        self.use_bias = use_bias

    def build(self, input_shape: Any) -> None:
        shape = (self.kernel_size, input_shape[-1], self.filters)
        self.kernel = self.add_weight(shape=shape, initializer="glorot_uniform", name="kernel")
        self.bias = self.add_weight(shape=(self.filters,), initializer="zeros", name="bias") if self.use_bias else None

    def call(self, inputs: Tensor) -> Tensor:
        parts = []
        for tap in range(self.kernel_size):
            shift = (self.kernel_size - 1 - tap) * self.dilation_rate
            parts.append(ops.pad(inputs, [[0, 0], [shift, 0], [0, 0]])[:, :-shift] if shift else inputs)
        x = ops.concatenate(parts, axis=-1) if len(parts) > 1 else inputs
        kernel = ops.reshape(self.kernel, (-1, self.filters))
        y = ops.tensordot(x, kernel, axes=1)
        return y if self.bias is None else y + self.bias

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return (*input_shape[:-1], self.filters)

    def get_config(self) -> dict[str, Any]:
        own = dict(filters=self.filters, kernel_size=self.kernel_size, dilation_rate=self.dilation_rate)
        return {**super().get_config(), **own, "use_bias": self.use_bias}


@keras.saving.register_keras_serializable(package="ganzoo")
class MuLawOneHot(keras.layers.Layer):
    """Samples (batch, samples) in [-1, 1] as one-hot vectors of their mu-law codes (batch, samples, levels).

    Args:
        levels: number of codes.

    Example:
        y = ganzoo.layers.MuLawOneHot(256, dtype="float32")(np.zeros((1, 32), "float32"))       # (1, 32, 256)
    """

    # Also where `set_precision` changes the precision of a network.
    always_float32 = True

    def __init__(self, levels: int = 256, **options: Any):
        # Half precision would change the codes.
        super().__init__(**{**options, "dtype": "float32"})
        self.levels = levels

    def call(self, inputs: Tensor) -> Tensor:
        return ops.one_hot(mu_law.codes(inputs, self.levels), self.levels, dtype="float32")

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return (*input_shape, self.levels)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "levels": self.levels}


@keras.saving.register_keras_serializable(package="ganzoo")
class LinearUpsampling1D(keras.layers.Layer):
    """Values at every `size`-th sample, interpolated linearly: (batch, frames, channels) to (batch, (frames - 1) size,
    channels). Output t lies between frame t // size and the next one.

    Args:
        size: samples from one frame to the next.

    Example:
        frames = np.array([0.0, 2.0], "float32")[None, :, None]
        samples = ganzoo.layers.LinearUpsampling1D(4)(frames)       # 0, 0.5, 1, 1.5
    """

    def __init__(self, size: int, **options: Any):
        super().__init__(**options)
        at_least_one(size=size)
        self.size = size

    def call(self, inputs: Tensor) -> Tensor:
        count, frames, channels = ops.shape(inputs)
        share = ops.cast(ops.arange(self.size), inputs.dtype)[:, None] / self.size
        before, after = (ops.expand_dims(part, 2) for part in (inputs[:, :-1], inputs[:, 1:]))
        return ops.reshape((1.0 - share) * before + share * after, (count, (frames - 1) * self.size, channels))

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        count, frames, channels = input_shape
        return (count, None if frames is None else (frames - 1) * self.size, channels)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size}
