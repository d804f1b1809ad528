"""The networks of SRGAN (Ledig et al. 2016, arXiv:1609.04802, figure 4): a residual network that upscales images of any
size, and a discriminator for crops."""

import math
import re
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from ganzoo.errors import GanzooError, at_least_one
from ganzoo.layers import Conv2D, LeakyReLU, PixelShuffle, PReLU
from ganzoo.networks.convolutional import batch_norm
from ganzoo.types import Tensor

_Normalization = Callable[[str], keras.layers.Layer]
_Upsampling = Callable[[Tensor, int, int], Tensor]


def residual_upscaler(
    scale: int,
    width: int,
    blocks: int,
    kernel_size: int,
    normalization: _Normalization | None,
    upsampling: _Upsampling,
    name: str = "generator",
) -> keras.Model:
    """Images (batch, height, width, 3) in [-1, 1] of any size to (batch, scale height, scale width, 3).

    A convolution, residual blocks with a skip connection around them, and upsampling. The nearest-neighbor upscaled
    input is added at the end, so the network only generates the difference.

    Args:
        scale: 2, 4 or 8.
        width: channels of the blocks; the paper has 64.
        blocks: number of residual blocks; the paper has 16.
        kernel_size: of the first convolution and of the last; the paper has 9.
        normalization: function from a name to a layer; None for no normalization.
        upsampling: `staged` or `direct`.

    Raises:
        GanzooError: an unsupported scale, or a size below 1.
    """
    at_least_one(width=width, blocks=blocks, kernel_size=kernel_size)
    if scale not in (2, 4, 8):
        raise GanzooError(f"scale is 2, 4 or 8, got {scale}")
    images = keras.Input((None, None, 3), name="images")
    x = first = _prelu("first_prelu")(_conv(width, kernel_size, "first")(images))
    for i in range(1, blocks + 1):
        y = _normalized(_conv(width, 3, f"block{i}_conv1"), normalization, f"block{i}_norm1", x)
        y = _prelu(f"block{i}_prelu")(y)
        y = _normalized(_conv(width, 3, f"block{i}_conv2"), normalization, f"block{i}_norm2", y)
        x = layers.Add(name=f"block{i}_add")([x, y])
    x = _normalized(_conv(width, 3, "after_conv"), normalization, "after_norm", x)
    x = upsampling(layers.Add(name="after_add")([first, x]), scale, kernel_size)
    repeated = layers.UpSampling2D(scale, interpolation="nearest", dtype="float32", name="repeated")(images)
    return keras.Model(images, layers.Add(dtype="float32", name="upscaled")([x, repeated]), name=name)


def staged(x: Tensor, scale: int, kernel_size: int) -> Tensor:
    """The paper's upsampling: by a factor of two at a time, with a convolution and a pixel shuffle each, then the last
    convolution at full resolution."""
    width = x.shape[-1]
    for i in range(1, int(math.log2(scale)) + 1):
        x = PixelShuffle(2, name=f"up{i}")(_conv(4 * width, 3, f"up{i}_conv")(x))
        x = _prelu(f"up{i}_prelu")(x)
    return _conv(3, kernel_size, "picture", kernel_initializer=_small(), dtype="float32")(x)


def direct(x: Tensor, scale: int, kernel_size: int) -> Tensor:
    """A single convolution and pixel shuffle (Shi et al. 2016, arXiv:1609.05158): far cheaper, since nothing is
    computed at full resolution."""
    x = _conv(3 * scale**2, 3, "picture", kernel_initializer=_small(), dtype="float32")(x)
    return PixelShuffle(scale, dtype="float32", name="up")(x)


NORMALIZATIONS = {"batch": batch_norm, "none": None}
UPSAMPLINGS = {"staged": staged, "direct": direct}


def upscaler(
    scale: int, blocks: int, width: int, kernel_size: int, normalization: str, upsampling: str
) -> tuple[keras.Model, int]:
    """Builds a `residual_upscaler` and returns it with its `reach`.

    Args:
        normalization, upsampling: names in `NORMALIZATIONS` and `UPSAMPLINGS`; the other arguments are those of
            `residual_upscaler`.
    """
    pieces = NORMALIZATIONS[normalization], UPSAMPLINGS[upsampling]
    generator = residual_upscaler(scale, width, blocks, kernel_size, *pieces)
    return generator, reach(blocks, kernel_size, pieces[1])


def grow(network: keras.Model, smaller: keras.Model) -> None:
    """Initializes a `residual_upscaler` from one with fewer blocks or channels, so that both compute the same function
    (Chen et al. 2015, arXiv:1511.05641).

    The weights of the smaller network come first along every axis. New channels initially have no effect on the old
    ones, and new blocks add zero.

    Args:
        network: a `residual_upscaler`, changed in place.
        smaller: another that differs only in `blocks` and `width`, neither of them larger.
    """
    known = {variable.path: ops.convert_to_numpy(variable) for variable in smaller.weights}
    last = ("norm2/gamma", "norm2/beta")
    last_of_block = last if any(path.endswith(last) for path in known) else ("conv2/kernel", "conv2/bias")
    for variable in network.weights:
        value = np.array(ops.convert_to_numpy(variable))
        if variable.path in known:
            # Before a pixel shuffle, the channels of the four pixels follow each other.
            pixels = 4 if re.search(r"\bup\d+_conv/", variable.path) else 1
            _put_first(value.reshape(*value.shape[:-1], pixels, -1), known[variable.path], pixels)
        elif variable.path.endswith(last_of_block):
            value[:] = 0
        variable.assign(value)


def _put_first(array: np.ndarray, smaller: np.ndarray, pixels: int) -> None:
    """Writes a smaller array (..., pixels * channels) into the corner of one of shape (..., pixels, channels)."""
    smaller = smaller.reshape(*smaller.shape[:-1], pixels, -1)
    *_, channels = smaller.shape
    if smaller.ndim == 5:
        # A kernel: (height, width, inputs, pixels, channels).
        inputs = smaller.shape[2]
        array[:, :, inputs:, :, :channels] = 0
        array[:, :, :inputs, :, :channels] = smaller
    else:
        array[..., :channels] = smaller


def reach(blocks: int, kernel_size: int, upsampling: _Upsampling) -> int:
    """How many input pixels to either side an output pixel depends on."""
    body = kernel_size // 2 + 2 * blocks + 1
    # The convolutions of `staged` at higher resolutions span fewer input pixels; rounded up.
    return body + (1 if upsampling is direct else 2 + math.ceil(kernel_size / 4))


def crop_discriminator(
    crop: int, width: int, dense_width: int, kernel_size: int = 3, name: str = "discriminator"
) -> keras.Model:
    """Images (batch, crop, crop, 3) in [-1, 1] to logits (batch, 1): eight convolutions, every second one of stride 2,
    with channels from `width` to 8 `width` and batch norm in all but the first; then two dense layers.

    Args:
        crop: height and width of the images, a multiple of 16.
        width: the paper has 64.
        dense_width: units of the hidden dense layer; the paper has 1024.

    Raises:
        GanzooError: an unsupported crop, or a size below 1.
    """
    at_least_one(width=width, dense_width=dense_width)
    if crop < 16 or crop % 16:
        raise GanzooError(f"crop is a multiple of 16, got {crop}")
    images = keras.Input((crop, crop, 3), name="images")
    x = images
    for i in range(8):
        channels, stride = width * 2 ** (i // 2), 1 + i % 2
        x = Conv2D(channels, kernel_size, stride, "same", use_bias=i == 0, name=f"conv{i + 1}")(x)
        if i:
            x = batch_norm(f"conv{i + 1}_norm")(x)
        x = LeakyReLU(0.2, name=f"conv{i + 1}_relu")(x)
    x = layers.Dense(dense_width, name="features")(layers.Flatten(name="flat")(x))
    x = LeakyReLU(0.2, name="features_relu")(x)
    return keras.Model(images, layers.Dense(1, dtype="float32", name="logit")(x), name=name)


def _conv(channels: int, kernel_size: int, name: str, **options: Any) -> Conv2D:
    return Conv2D(channels, kernel_size, padding="same", name=name, **options)


def _prelu(name: str) -> PReLU:
    """One slope per channel, initialized to 0.25 as in He et al. 2015 (arXiv:1502.01852)."""
    return PReLU(keras.initializers.Constant(0.25), shared_axes=[1, 2], name=name)


def _normalized(convolution: Conv2D, normalization: _Normalization | None, name: str, x: Tensor) -> Tensor:
    x = convolution(x)
    return x if normalization is None else normalization(name)(x)


def _small() -> keras.initializers.Initializer:
    # Initially the output is nearly the upscaled input.
    return keras.initializers.RandomNormal(0.0, 1e-3)
