"""Masked convolutions and gated activations of autoregressive models (van den Oord et al. 2016, arXiv:1606.05328)."""

from typing import Any, Literal

import keras
import numpy as np
from keras import ops

from ganzoo.types import Tensor

# {mask: (whether the kernel looks at rows, whether it looks at the pixel itself)}.
_MASKS = {"above": (True, False), "above_or_same": (True, True), "left": (False, False), "left_or_same": (False, True)}


@keras.saving.register_keras_serializable(package="ganzoo")
class MaskedConv2D(keras.layers.Layer):
    """A convolution that sees only pixels before its own, in raster order (van den Oord et al. 2016, arXiv:1601.06759;
    in the two stacks of arXiv:1606.05328, section 2.1). The kernel has no weights where the mask of the paper is 0: the
    image is padded at the top and left instead.

    Args:
        filters: output channels.
        kernel_size: n, the width of the unmasked kernel; odd.
        mask: what the output at a pixel sees: "above", n // 2 rows above it, n columns wide; "above_or_same", its own
            row, too; "left", n // 2 pixels to the left of it; "left_or_same", itself, too.
        channels: if above 1, channel i belongs to channel i % channels of the image, and the channels of a pixel are
            in order, too: an output sees only earlier channels of its pixel with "left", also its own with
            "left_or_same" (masks A and B of arXiv:1601.06759, section 3.4). No effect on the masks of rows.

    Raises:
        ValueError: an even kernel_size, an unknown mask.

    Example:
        images = np.zeros((1, 28, 28, 1), "float32")
        x = ganzoo.layers.MaskedConv2D(32, 7, "above")(images)              # (1, 28, 28, 32)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int = 1,
        mask: Literal["above", "above_or_same", "left", "left_or_same"] = "left_or_same",
        channels: int = 1,
        **options: Any,
    ):
        super().__init__(**options)
        if kernel_size % 2 != 1 or kernel_size < 1:
            raise ValueError(f"kernel_size must be odd, got {kernel_size}")
        if mask not in _MASKS:
            raise ValueError(f"mask must be one of {', '.join(_MASKS)}, got {mask!r}")
        self.filters, self.kernel_size, self.mask, self.channels = filters, kernel_size, mask, channels
        self.sees_rows, self.sees_same = _MASKS[mask]
        # Earlier channels of the pixel itself are seen with "left", too.
        self.masks_channels = channels > 1 and not self.sees_rows
        self.reach = kernel_size // 2 + (1 if self.sees_same or self.masks_channels else 0)

    @property
    def sides(self) -> tuple[int, int, int, int]:
        """Zeros around the image: left, right, top, bottom; -1 cuts a column or row instead."""
        if self.sees_rows:
            side, below = self.kernel_size // 2, 0 if self.sees_same else -1
            return side, side, self.reach - 1 - below, below
        right = self.reach - self.kernel_size // 2 - 1
        return self.kernel_size // 2, right, 0, 0

    def build(self, input_shape: Any) -> None:
        size = (self.reach, self.kernel_size) if self.sees_rows else (1, self.reach)
        if min(size) < 1:
            raise ValueError(f"a kernel_size of {self.kernel_size} sees nothing with the mask '{self.mask}'")
        self.kernel = self.add_weight(
            shape=(*size, input_shape[-1], self.filters), initializer="glorot_uniform", name="kernel"
        )
        self.bias = self.add_weight(shape=(self.filters,), initializer="zeros", name="bias")
        if self.masks_channels:
            given, made = np.arange(input_shape[-1]) % self.channels, np.arange(self.filters) % self.channels
            mask = np.ones(self.kernel.shape, "float32")
            allowed = given[:, None] <= made if self.sees_same else given[:, None] < made
            mask[0, -1] = allowed
            self._mask = mask

    def masked_kernel(self) -> Tensor:
        """The kernel with zeros where it would see later channels, (height, width, inputs, filters)."""
        kernel = ops.convert_to_tensor(self.kernel)
        return kernel * ops.cast(self._mask, kernel.dtype) if self.masks_channels else kernel

    def call(self, inputs: Tensor) -> Tensor:
        height, width = inputs.shape[1:3]
        left, right, top, bottom = self.sides
        # The last row or column, if no output sees it.
        seen = inputs[:, : height + min(0, bottom), : width + min(0, right)]
        if max(left, right, top) > 0:
            seen = ops.pad(seen, ((0, 0), (top, 0), (left, max(0, right)), (0, 0)))
        return ops.conv(seen, self.masked_kernel(), padding="valid") + self.bias

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return (*input_shape[:-1], self.filters)

    def get_config(self) -> dict[str, Any]:
        sizes = dict(filters=self.filters, kernel_size=self.kernel_size, mask=self.mask, channels=self.channels)
        return {**super().get_config(), **sizes}
