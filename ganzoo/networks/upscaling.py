"""The pair of SRGAN (Ledig et al. 2016, arXiv:1609.04802, figure 4): a residual network that upscales images of any
size, and a discriminator of crops."""

import math
import re

import keras
import numpy as np
from keras import layers, ops

from ganzoo.errors import GanzooError, at_least_one
from ganzoo.layers import Conv2D, LeakyReLU, PixelShuffle, PReLU
from ganzoo.networks.convolutional import batch_norm


def residual_upscaler(scale, width, blocks, kernel_size, normalization, upsampling, name="generator"):
    """Images (batch, height, width, 3) in [-1, 1] of any size to (batch, scale height, scale width, 3).

    A convolution, residual blocks, a skip over all of them, and an upsampling. The image itself, every pixel
    repeated, is added at the end, so that the network draws only what is missing.

    Args:
        scale: 2, 4 or 8 times as large.
        width: channels of the blocks; the paper has 64.
        blocks: how many; the paper has 16.
        kernel_size: of the first convolution and of the last; the paper has 9.
        normalization: function from a name to a layer, or None for none.
        upsampling: `staged` or `direct`.

    Raises:
        GanzooError: another scale, or a size below 1.
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


def staged(x, scale, kernel_size):
    """The paper's upsampling: twice as large at a time, a convolution and a shuffle of pixels each, then the last
    convolution at full size."""
    width = x.shape[-1]
    for i in range(1, int(math.log2(scale)) + 1):
        x = PixelShuffle(2, name=f"up{i}")(_conv(4 * width, 3, f"up{i}_conv")(x))
        x = _prelu(f"up{i}_prelu")(x)
    return _conv(3, kernel_size, "picture", kernel_initializer=_small(), dtype="float32")(x)


def direct(x, scale, kernel_size):
    """One convolution to all pixels of a square (Shi et al. 2016, arXiv:1609.05158): a small share of the work, since
    nothing is computed at full size."""
    x = _conv(3 * scale**2, 3, "picture", kernel_initializer=_small(), dtype="float32")(x)
    return PixelShuffle(scale, dtype="float32", name="up")(x)


NORMALIZATIONS = {"batch": batch_norm, "none": None}
UPSAMPLINGS = {"staged": staged, "direct": direct}


def upscaler(scale, blocks, width, kernel_size, normalization, upsampling):
    """(a `residual_upscaler`, its `reach`).

    Args:
        normalization, upsampling: by their names in `NORMALIZATIONS` and `UPSAMPLINGS`; the others as there.
    """
    pieces = NORMALIZATIONS[normalization], UPSAMPLINGS[upsampling]
    generator = residual_upscaler(scale, width, blocks, kernel_size, *pieces)
    return generator, reach(blocks, kernel_size, pieces[1])


def grow(network, smaller):
    """Gives a `residual_upscaler` the weights of one with fewer blocks or channels so that it draws the same, and can
    learn what the other could not (Chen et al. 2015, arXiv:1511.05641).

    What there was of the smaller one stands first along every axis. New channels see what the others see and are seen
    by nobody at first; new blocks add nothing at first.

    Args:
        network: a `residual_upscaler`, changed in place.
        smaller: another, alike but for `blocks` and `width`, neither of them larger.
    """
    known = {variable.path: ops.convert_to_numpy(variable) for variable in smaller.weights}
    last = ("norm2/gamma", "norm2/beta")
    last_of_block = last if any(path.endswith(last) for path in known) else ("conv2/kernel", "conv2/bias")
    for variable in network.weights:
        value = np.array(ops.convert_to_numpy(variable))
        if variable.path in known:
            # A convolution before a shuffle has the channels of all four pixels one after the other.
            pixels = 4 if re.search(r"\bup\d+_conv/", variable.path) else 1
            _put_first(value.reshape(*value.shape[:-1], pixels, -1), known[variable.path], pixels)
        elif variable.path.endswith(last_of_block):
            value[:] = 0
        variable.assign(value)


def _put_first(array, smaller, pixels):
    """Puts a smaller array of (..., pixels x channels) into the corner of one of (..., pixels, channels)."""
    smaller = smaller.reshape(*smaller.shape[:-1], pixels, -1)
    *_, channels = smaller.shape
    if smaller.ndim == 5:
        # A kernel: (height, width, seen, pixels, channels).
        seen = smaller.shape[2]
        array[:, :, seen:, :, :channels] = 0
        array[:, :, :seen, :, :channels] = smaller
    else:
        array[..., :channels] = smaller


def reach(blocks, kernel_size, upsampling):
    """How many pixels around a pixel of the small image what is drawn of it depends on."""
    body = kernel_size // 2 + 2 * blocks + 1
    # In `staged` the convolutions at twice and full size reach less far; rounded up.
    return body + (1 if upsampling is direct else 2 + math.ceil(kernel_size / 4))


def crop_discriminator(crop, width, dense_width, kernel_size=3, name="discriminator"):
    """Images (batch, crop, crop, 3) in [-1, 1] to logits (batch, 1): eight convolutions, every second one of
    stride 2, their channels doubling from `width` to 8 `width`, batch norm in all but the first; two dense layers.

    Args:
        crop: height and width of the images, a multiple of 16.
        width: the paper has 64.
        dense_width: units of the hidden dense layer; the paper has 1024.

    Raises:
        GanzooError: another crop, or a size below 1.
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


def _conv(channels, kernel_size, name, **options):
    return Conv2D(channels, kernel_size, padding="same", name=name, **options)


def _prelu(name):
    """One slope for each channel; 0.25 to begin with, as He et al. 2015 (arXiv:1502.01852) have it."""
    return PReLU(keras.initializers.Constant(0.25), shared_axes=[1, 2], name=name)


def _normalized(convolution, normalization, name, x):
    x = convolution(x)
    return x if normalization is None else normalization(name)(x)


def _small():
    # The image begins as what is repeated of the small one, nearly.
    return keras.initializers.RandomNormal(0.0, 1e-3)
