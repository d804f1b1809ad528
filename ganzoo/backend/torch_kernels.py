"""Operations that Keras writes as many, or with copies in between: the same numbers, to rounding, by PyTorch's own.

Keras has channels last. To PyTorch that is an image with channels first whose memory has another order, one that its
kernels know: nothing is copied, where they are told so.
"""

import torch
from torch.nn import functional


def convolved(x, kernel, strides, bias=None):
    """A convolution with padding "SAME"; as in `tensorflow_kernels.py`."""
    x, kernel = x.movedim(-1, 1), _of_kernel(kernel)
    padding, more = [], []
    for size, width, stride in zip(x.shape[2:], kernel.shape[2:], strides):
        total = max((-(-size // stride) - 1) * stride + width - size, 0)
        padding.append(total // 2)
        more = [0, total % 2, *more]
    if any(more):
        # PyTorch's own padding is the same on both sides. What it pads is faster than what is padded before.
        x = functional.pad(x, more)
    return functional.conv2d(x, kernel, _value(bias), strides, padding).movedim(1, -1)


def transposed_convolved(x, kernel, strides, bias=None):
    """A transposed convolution with padding "SAME"; as in `tensorflow_kernels.py`."""
    x, kernel = x.movedim(-1, 1), _of_kernel(kernel)
    sizes = [size * stride for size, stride in zip(x.shape[2:], strides)]
    beyond = [width - stride for width, stride in zip(kernel.shape[2:], strides)]
    before, missing = [max(n, 0) // 2 for n in beyond], [max(-n, 0) for n in beyond]
    y = functional.conv_transpose2d(x, kernel, _value(bias), strides, before, missing)
    # Of an odd number of rows too many one more is left out at the end.
    return y[:, :, : sizes[0], : sizes[1]].movedim(1, -1)


def _of_kernel(kernel):
    """Keras' (rows, columns, a, b) as PyTorch's (b, a, rows, columns)."""
    return _value(kernel).permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last)


def _value(variable):
    """The tensor of a Keras variable, in the precision that its layer computes in; a tensor is its own."""
    return getattr(variable, "value", variable)


def prelu(x, slopes):
    """x where it is positive, elsewhere x times its channel's slope; x is (batch, ..., channels), slopes of any shape
    with as many numbers."""
    return functional.prelu(x.movedim(-1, 1), _value(slopes).flatten()).movedim(1, -1)


def batch_normalized(x, scale, offset, epsilon):
    """Batch norm over all axes but the last, by one kernel; as in `tensorflow_kernels.py`."""
    scale, offset = _value(scale), _value(offset)
    channels = x.shape[-1]
    places = x.movedim(-1, 1) if x.ndim == 4 else x.reshape(-1, channels)
    mean, variance = torch.zeros_like(scale), torch.zeros_like(scale)
    # With a momentum of 1 what PyTorch keeps is the batch's own.
    y = torch.batch_norm(places, scale, offset, mean, variance, True, 1.0, epsilon, torch.backends.cudnn.enabled)
    y = y.movedim(1, -1) if x.ndim == 4 else y.reshape(x.shape)
    count = x.numel() // channels
    # PyTorch's variance is the estimate of a larger whole's, which one place says nothing of; Keras' the batch's own.
    variance = variance * ((count - 1) / count) if count > 1 else torch.zeros_like(variance)
    return y, mean, variance
