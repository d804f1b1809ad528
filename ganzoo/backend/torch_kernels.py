"""Faster implementations of operations for which Keras uses several PyTorch operations, or copies; results are equal up
to rounding.

Keras' channels-last images are passed to PyTorch as channels-first views in the memory format `channels_last`, which
its kernels support without a copy.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import functional

from ganzoo.types import Tensor


def convolved(x: Tensor, kernel: Any, strides: Sequence[int], bias: Any = None) -> Tensor:
    """A convolution with padding "SAME"; as in `tensorflow_convolutions.py`."""
    x, kernel = x.movedim(-1, 1), _of_kernel(kernel)
    padding: list[int] = []
    more: list[int] = []
    for size, width, stride in zip(x.shape[2:], kernel.shape[2:], strides):
        total = max((-(-size // stride) - 1) * stride + width - size, 0)
        padding.append(total // 2)
        more = [0, total % 2, *more]
    if any(more):
        # PyTorch's own padding, which is symmetric, is faster, so only the rest is padded here.
        x = functional.pad(x, more)
    return functional.conv2d(x, kernel, _value(bias), strides, padding).movedim(1, -1)


def transposed_convolved(x: Tensor, kernel: Any, strides: Sequence[int], bias: Any = None) -> Tensor:
    """A transposed convolution with padding "SAME"; as in `tensorflow_convolutions.py`."""
    x, kernel = x.movedim(-1, 1), _of_kernel(kernel)
    sizes = [size * stride for size, stride in zip(x.shape[2:], strides)]
    surplus = [width - stride for width, stride in zip(kernel.shape[2:], strides)]
    before, missing = [max(n, 0) // 2 for n in surplus], [max(-n, 0) for n in surplus]
    y = functional.conv_transpose2d(x, kernel, _value(bias), strides, before, missing)
    # If the surplus is odd, one more row is cut off at the end.
    return y[:, :, : sizes[0], : sizes[1]].movedim(1, -1)


def _of_kernel(kernel: Any) -> Tensor:
    """Keras' (rows, columns, a, b) as PyTorch's (b, a, rows, columns)."""
    return _value(kernel).permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last)


def _value(variable: Any) -> Any:
    """The tensor of a Keras variable, in the compute dtype of its layer; a tensor is returned as is."""
    return getattr(variable, "value", variable)


def prelu(x: Tensor, slopes: Any) -> Tensor:
    """x where it is positive, x times the slope of its channel elsewhere.

    Args:
        x: (batch, ..., channels).
        slopes: one number per channel, of any shape.
    """
    return functional.prelu(x.movedim(-1, 1), _value(slopes).flatten()).movedim(1, -1)


def normalized(x: Tensor, scale: Any, offset: Any, mean: Any, variance: Any, epsilon: float) -> Tensor:
    """Batch norm with given statistics; as in `tensorflow_kernels.py`."""
    scale, offset, mean, variance = (_value(one) for one in (scale, offset, mean, variance))
    view = x.movedim(-1, 1) if x.ndim == 4 else x.reshape(-1, x.shape[-1])
    y = functional.batch_norm(view, mean, variance, scale, offset, eps=epsilon)
    return y.movedim(1, -1) if x.ndim == 4 else y.reshape(x.shape)


def batch_normalized(x: Tensor, scale: Any, offset: Any, epsilon: float) -> tuple[Tensor, Tensor, Tensor]:
    """Batch norm over all axes but the last, in one operation; as in `tensorflow_kernels.py`."""
    scale, offset = _value(scale), _value(offset)
    channels = x.shape[-1]
    view = x.movedim(-1, 1) if x.ndim == 4 else x.reshape(-1, channels)
    mean, variance = torch.zeros_like(scale), torch.zeros_like(scale)
    # With a momentum of 1 the running statistics are those of the batch.
    y = torch.batch_norm(view, scale, offset, mean, variance, True, 1.0, epsilon, torch.backends.cudnn.enabled)
    y = y.movedim(1, -1) if x.ndim == 4 else y.reshape(x.shape)
    count = x.numel() // channels
    # PyTorch's variance is the unbiased estimate, undefined for a count of one; Keras' is the biased one.
    variance = variance * ((count - 1) / count) if count > 1 else torch.zeros_like(variance)
    return y, mean, variance
