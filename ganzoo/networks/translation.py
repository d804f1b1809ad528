"""The networks of CycleGAN (Zhu et al. 2017, arXiv:1703.10593, section 7.2): a residual network from images to images
of the same size, and a discriminator of patches."""

from typing import Any

import keras
from keras import layers, ops

from ganzoo.errors import GanzooError, at_least_one, unknown
from ganzoo.layers import Conv2D, Conv2DTranspose, LeakyReLU, PixelShuffle
from ganzoo.types import Tensor

# Height and width of the generator's input are multiples of this.
MULTIPLE = 4


def residual_translator(
    width: int, blocks: int, upsampling: str = "transposed", name: str = "generator", output: str = "direct"
) -> keras.Model:
    """Images (batch, height, width, 3) in [-1, 1] to images of the same size, multiples of 4.

    The network of Johnson et al. 2016 (arXiv:1603.08155): a convolution, two of stride 2, residual blocks, two
    convolutions that double the size, and a last one. Instance normalization; the borders are reflected.

    Args:
        width: channels of the first convolution, four times as many in the blocks; the paper has 64.
        blocks: number of residual blocks; the paper has 6 for images of 128 pixels and 9 for larger ones.
        upsampling: "transposed" convolutions, as in the paper, or "nearest": repeated pixels, then a convolution, which
            leaves no checkerboard (Odena et al. 2016, doi:10.23915/distill.00003).
        output: "direct" as in the paper, through tanh, or "residual": the network's output is added to the images, so
            that training starts at the identity and details need not pass through the network. Such sums may lie
            outside of [-1, 1].

    Raises:
        GanzooError: a size below 1, or another word for `upsampling` or `output`.

    Example:
        from ganzoo.networks.translation import residual_translator

        network = residual_translator(width=8, blocks=2)
        images = network(np.zeros((2, 32, 48, 3)))     # (2, 32, 48, 3)
    """
    at_least_one(width=width, blocks=blocks)
    for what, word, words in (
        ("upsampling", upsampling, ("transposed", "nearest")),
        ("output", output, ("direct", "residual")),
    ):
        if word not in words:
            raise unknown(what, word, words)
    images = keras.Input((None, None, 3), name="images")
    x = _convolved(_padded(images, 3), width, 7, "first", padding="valid")
    for i in (1, 2):
        x = _convolved(x, width * 2**i, 3, f"down{i}", strides=2)
    for i in range(1, blocks + 1):
        y = _convolved(_padded(x, 1), 4 * width, 3, f"block{i}_first", padding="valid")
        y = _convolved(_padded(y, 1), 4 * width, 3, f"block{i}_second", padding="valid", activation=None)
        x = layers.Add(name=f"block{i}_add")([x, y])
    for i in (1, 2):
        channels = width * 2 ** (2 - i)
        if upsampling == "nearest":
            # As UpSampling2D, which a LiteRT file cannot have before a convolution.
            x = layers.Concatenate(name=f"up{i}_four")([x] * 4)
            x = PixelShuffle(2, name=f"up{i}_repeated")(x)
            x = _convolved(x, channels, 3, f"up{i}")
        else:
            x = Conv2DTranspose(channels, 3, 2, "same", use_bias=False, name=f"up{i}", **_initial())(x)
            x = layers.Activation("relu", name=f"up{i}_relu")(instance_norm(f"up{i}_norm")(x))
    x = _padded(x, 3)
    if output == "residual":
        initial = keras.initializers.RandomNormal(0.0, 1e-3)
        x = Conv2D(3, 7, dtype="float32", kernel_initializer=initial, name="change")(x)
        return keras.Model(images, layers.Add(dtype="float32", name="sum")([images, x]), name=name)
    last = Conv2D(3, 7, activation="tanh", dtype="float32", name="picture", **_initial())
    return keras.Model(images, last(x), name=name)


def patch_discriminator(crop: int, width: int, strides: int = 3, name: str = "discriminator") -> keras.Model:
    """Images (batch, crop, crop, 3) in [-1, 1] to a map of logits, one for each of many overlapping patches.

    Convolutions of 4x4: `strides` of stride 2, whose channels double up to 8 `width`, then two of stride 1. A patch has
    16, 34, 70 or 142 pixels for 1, 2, 3 or 4 strides; the paper's has 70 (Isola et al. 2016, arXiv:1611.07004).

    Args:
        crop: height and width of the images.
        width: channels of the first convolution; the paper has 64.
        strides: number of convolutions of stride 2.

    Raises:
        GanzooError: a size below 1, or a crop that is too small for the strides.

    Example:
        from ganzoo.networks.translation import patch_discriminator

        logits = patch_discriminator(crop=64, width=8, strides=2)(np.zeros((2, 64, 64, 3)))     # (2, 14, 14, 1)
    """
    at_least_one(crop=crop, width=width, strides=strides)
    if -(-crop // 2**strides) < 3:
        raise GanzooError(f"a crop of {crop} is too small for {strides} strides of a discriminator: take fewer")
    images = keras.Input((crop, crop, 3), name="images")
    x = images
    for i in range(strides + 1):
        x = _patches(x, width * 2 ** min(i, 3), 2 if i < strides else 1, f"conv{i + 1}", use_bias=i == 0)
        # The first layer sees colors as they are.
        x = instance_norm(f"conv{i + 1}_norm")(x) if i else x
        x = LeakyReLU(0.2, name=f"conv{i + 1}_relu")(x)
    return keras.Model(images, _patches(x, 1, 1, "logits", dtype="float32"), name=name)


def instance_norm(name: str) -> keras.layers.Layer:
    """Instance normalization (Ulyanov et al. 2016, arXiv:1607.08022): each channel of each image by itself."""
    return layers.GroupNormalization(groups=-1, epsilon=1e-5, name=name)


def _convolved(
    x: Tensor,
    channels: int,
    kernel_size: int,
    name: str,
    strides: int = 1,
    padding: str = "same",
    activation: str | None = "relu",
) -> Tensor:
    """A convolution, instance normalization and an activation."""
    x = Conv2D(channels, kernel_size, strides, padding, use_bias=False, name=name, **_initial())(x)
    x = instance_norm(f"{name}_norm")(x)
    return layers.Activation(activation, name=f"{name}_{activation}")(x) if activation else x


def _patches(x: Tensor, channels: int, strides: int, name: str, **options: Any) -> Tensor:
    """A convolution of 4x4 with a border of one pixel; without a stride the output is one pixel smaller."""
    if strides > 1:
        return Conv2D(channels, 4, strides, "same", name=name, **options, **_initial())(x)
    return Conv2D(channels, 4, 1, "valid", name=name, **options, **_initial())(_padded(x, 1, "constant"))


def _padded(x: Tensor, pixels: int, mode: str = "reflect") -> Tensor:
    return ops.pad(x, [[0, 0], [pixels, pixels], [pixels, pixels], [0, 0]], mode=mode)


def _initial() -> dict[str, Any]:
    """Section 7.1: weights from N(0, 0.02)."""
    return {"kernel_initializer": keras.initializers.RandomNormal(0.0, 0.02)}
