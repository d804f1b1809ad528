"""The networks of GAN-INT-CLS (Reed et al. 2016, arXiv:1605.05396) and StackGAN (Zhang et al. 2016, arXiv:1612.03242).
Text is a vector (batch, text_dim), from any encoder."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import layers, ops

from ganzoo.errors import GanzooError, at_least_one
from ganzoo.layers import Conv2D, LeakyReLU
from ganzoo.networks.convolutional import batch_norm, doublings, feature_map, logit, upsampled
from ganzoo.networks.split import split_at
from ganzoo.types import Tensor


def text_generator(
    image_shape: tuple[int, int, int],
    noise_dim: int,
    text_dim: int,
    condition_dim: int,
    width: int,
    kernel_size: int,
    max_width: int,
    modulated: bool = False,
    name: str = "generator",
) -> keras.Model:
    """[latents (batch, noise_dim), text] to images: the compressed text is concatenated with the noise (Reed et al.,
    figure 2). Sizes as in `convolutional_generator`. If `modulated`, the text also scales and shifts the features of
    every layer."""
    latents, text = keras.Input((noise_dim,), name="latents"), keras.Input((text_dim,), name="text")
    code = layers.Concatenate(name="code")([latents, _condition(text, condition_dim)])
    images = upsampled(code, image_shape, width, kernel_size, max_width, text if modulated else None)
    return keras.Model([latents, text], images, name=name)


def augmented_generator(
    image_shape: tuple[int, int, int],
    noise_dim: int,
    text_dim: int,
    condition_dim: int,
    width: int,
    kernel_size: int,
    max_width: int,
    modulated: bool = False,
    name: str = "generator",
) -> keras.Model:
    """Stage-I: [latents (batch, noise_dim + condition_dim), text] to images. The last `condition_dim` latents are the
    noise with which the condition is sampled from a normal distribution given by the text (equation 2). Sizes as in
    `convolutional_generator`, `modulated` as in `text_generator`."""
    latents = keras.Input((noise_dim + condition_dim,), name="latents")
    text = keras.Input((text_dim,), name="text")
    condition = _sampled_condition(latents[:, noise_dim:], conditioning(text_dim, condition_dim)(text))
    code = layers.Concatenate(name="code")([latents[:, :noise_dim], condition])
    images = upsampled(code, image_shape, width, kernel_size, max_width, text if modulated else None)
    return keras.Model([latents, text], images, name=name)


def refining_generator(
    stage1: keras.Model,
    factor: int,
    condition_dim: int,
    width: int,
    blocks: int,
    max_width: int,
    skips: bool = False,
    augmented: bool = True,
    color_blocks: int = 0,
    name: str = "generator",
) -> keras.Model:
    """Stage-II: [latents, text] to images `factor` times as large as those of Stage-I, which is a frozen part of the
    network. `refiner` refines Stage-I's image.

    Args:
        stage1: a generator made by `augmented_generator`, or by `text_generator` if not `augmented`.
        factor: 2 or 4.
        condition_dim: of stage1; the latents are those of stage1 followed by condition_dim more if `augmented`.
        width, blocks, max_width, skips, augmented, color_blocks: as in `refiner`.

    Raises:
        GanzooError: an unsupported factor, or an image that cannot be halved twice or divided into `color_blocks`.
    """
    own, text_dim = (tensor.shape[-1] for tensor in stage1.inputs)
    latents = keras.Input((own + condition_dim * augmented,), name="latents")
    text = keras.Input((text_dim,), name="text")
    stage1.trainable = False
    sizes = (condition_dim, width, blocks, max_width)
    refined = refiner(stage1.output_shape[1:], factor, text_dim, *sizes, skips, augmented, color_blocks)
    inputs = [stage1([latents[:, :own], text]), text, *([latents[:, own:]] if augmented else [])]
    return keras.Model([latents, text], refined(inputs), name=name)


def refiner(
    small_shape: tuple[int, int, int],
    factor: int,
    text_dim: int,
    condition_dim: int,
    width: int,
    blocks: int,
    max_width: int,
    skips: bool = False,
    augmented: bool = True,
    color_blocks: int = 0,
    name: str = "refiner",
) -> keras.Model:
    """[small images in [-1, 1], text, noise (batch, condition_dim)] to images `factor` times as large: the small image
    is downsampled twice, concatenated with a condition sampled from the text by means of the noise, and goes through
    residual blocks and upsampling (figure 2).

    Args:
        small_shape: (height, width, channels) of the small images.
        factor: 2 or 4.
        text_dim, condition_dim: lengths of the text vector and of the condition.
        width: channels of the layer nearest the image; they double with every halving, up to `max_width`.
        blocks: number of residual blocks; the paper has 4 at 256x256.
        max_width: upper bound on the channels of any layer.
        skips: concatenate the upsampled features with those of the same size before and between the downsampling
            layers, as in a U-Net (Ronneberger et al. 2015, arXiv:1505.04597). The paper has none; without them, all
            details of the small image must pass through features of a quarter of its size.
        augmented: False for a condition that the text determines, without noise.
        color_blocks: side, in pixels, of blocks of the small image whose mean colors are kept approximately; 0 for
            none. The differences between the block means of the small and the large image are upsampled bilinearly
            and added to the large one, as in one step of iterative back-projection (Irani and Peleg 1991).

    Raises:
        GanzooError: an unsupported factor, or an image that cannot be halved twice or divided into such blocks.
    """
    at_least_one(width=width, blocks=blocks, max_width=max_width)
    if factor not in (2, 4):
        raise GanzooError(f"factor is 1 (Stage-I alone), 2 or 4, got {factor}")
    height, breadth, channels = small_shape
    if height % 4 or breadth % 4:
        raise GanzooError(f"image_shape {tuple(small_shape)}: Stage-II halves images twice")
    if color_blocks and (height % color_blocks or breadth % color_blocks):
        raise GanzooError(
            f"color_blocks: {height}x{breadth} pixels cannot be divided into blocks of {color_blocks}x{color_blocks}"
        )
    small = keras.Input(tuple(small_shape), name="small")
    text = keras.Input((text_dim,), name="text")
    noise = [keras.Input((condition_dim,), name="noise")] if augmented else []
    widths = [min(width * 2**i, max_width) for i in range(3)]
    x = layers.ReLU(name="small_relu")(_conv(widths[0], "small_conv")(small))
    kept = [x]
    for i in (1, 2):
        x = _conv(widths[i], f"small_down{i}", kernel_size=4, strides=2)(x)
        x = layers.ReLU(name=f"small_down{i}_relu")(batch_norm(f"small_down{i}_norm")(x))
        kept.append(x)
    if augmented:
        condition = _sampled_condition(noise[0], conditioning(text_dim, condition_dim)(text))
    else:
        condition = _condition(text, condition_dim)
    x = layers.Concatenate(name="joint")([x, _everywhere(condition, x.shape[1:3], "condition")])
    x = layers.ReLU(name="joint_relu")(batch_norm("joint_norm")(_conv(widths[2], "joint_conv")(x)))
    for i in range(1, blocks + 1):
        y = layers.ReLU(name=f"block{i}_relu1")(batch_norm(f"block{i}_norm1")(_conv(widths[2], f"block{i}_conv1")(x)))
        y = batch_norm(f"block{i}_norm2")(_conv(widths[2], f"block{i}_conv2")(y))
        x = layers.ReLU(name=f"block{i}_relu2")(layers.Add(name=f"block{i}_add")([x, y]))
    doubled = 2 + factor // 2
    for i in range(1, doubled + 1):
        x = layers.UpSampling2D(2, name=f"large_up{i}")(x)
        if skips and i < 3:
            x = layers.Concatenate(name=f"large_skip{i}")([x, kept[2 - i]])
        x = _conv(max(width, widths[2] // 2**i), f"large_conv{i}")(x)
        x = layers.ReLU(name=f"large_relu{i}")(batch_norm(f"large_norm{i}")(x))
    x = _conv(channels, "picture", use_bias=True, dtype="float32")(x)
    images = layers.Activation("tanh", dtype="float32", name="image_tanh")(x)
    if color_blocks:
        images = _with_colors_of(small, images, color_blocks, factor)
    return keras.Model([small, text, *noise], images, name=name)


def _with_colors_of(small, images, size, factor):
    """Images whose blocks have about the mean colors of those of the small ones. Corrections are interpolated between
    blocks; otherwise the borders of blocks would show."""
    means = [
        layers.AveragePooling2D(count, dtype="float32", name=f"{name}_colors")(x)
        for name, x, count in (("small", small, size), ("large", images, factor * size))
    ]
    difference = layers.Subtract(dtype="float32", name="color_difference")(means)
    difference = layers.UpSampling2D(
        factor * size, interpolation="bilinear", dtype="float32", name="color_difference_up"
    )(difference)
    return ops.clip(layers.Add(dtype="float32", name="corrected")([images, difference]), -1.0, 1.0)


def conditioning(text_dim: int, condition_dim: int, name: str = "conditioning") -> keras.Model:
    """Text (batch, text_dim) to the mean and log variance of its condition, (batch, 2 condition_dim)."""
    text = keras.Input((text_dim,), name="text")
    x = layers.Dense(2 * condition_dim, dtype="float32", name="mean_and_log_variance")(text)
    return keras.Model(text, LeakyReLU(0.2, dtype="float32", name="relu")(x), name=name)


def kl_to_standard_normal(parameters: Tensor) -> Tensor:
    """The KL divergence of the conditions' distribution from the standard normal (equation 2), averaged over the batch
    and the dimensions; `parameters` is the output of `conditioning`."""
    mean, log_variance = ops.split(parameters, 2, axis=-1)
    return 0.5 * ops.mean(ops.exp(log_variance) + mean**2 - 1.0 - log_variance)


def _condition(text: Tensor, condition_dim: int) -> Tensor:
    """The compressed text (batch, condition_dim)."""
    return LeakyReLU(0.2, name="condition_relu")(layers.Dense(condition_dim, name="condition")(text))


def _sampled_condition(noise: Tensor, parameters: Tensor) -> Tensor:
    mean, log_variance = ops.split(parameters, 2, axis=-1)
    return mean + ops.exp(0.5 * log_variance) * noise


def text_discriminator(
    image_shape: tuple[int, int, int],
    text_dim: int,
    condition_dim: int,
    width: int,
    kernel_size: int,
    max_width: int,
    normalization: Callable[[str], keras.layers.Layer] | None = batch_norm,
    name: str = "discriminator",
) -> keras.Model:
    """[images, text] to logits (batch, 1): whether the image is real and matches the text. The compressed text is
    concatenated with the features at every position (figure 2). Sizes as in `convolutional_discriminator`."""
    images = keras.Input(tuple(image_shape), name="images")
    text = keras.Input((text_dim,), name="text")
    x = feature_map(images, width, doublings(image_shape), kernel_size, max_width, normalization)
    compressed = LeakyReLU(0.2, name="compressed_relu")(layers.Dense(condition_dim, name="compressed")(text))
    channels = x.shape[-1]
    x = layers.Concatenate(name="joint")([x, _everywhere(compressed, x.shape[1:3], "compressed")])
    x = _conv(channels, "joint_conv", kernel_size=1)(x)
    x = LeakyReLU(0.2, name="joint_relu")(normalization("joint_norm")(x) if normalization else x)
    return keras.Model([images, text], logit(layers.Flatten(name="features")(x)), name=name)


def attribute_classifier(discriminator: keras.Model, classes: int, name: str = "classifier") -> keras.Model:
    """The features that a discriminator of [images, text] has of images before it sees the text, to logits (batch,
    classes): one linear layer."""
    image_part, _ = split_at(discriminator, 1)
    features = [
        keras.Input(tensor.shape[1:], name=f"features{i}")
        for i, tensor in enumerate(keras.tree.flatten(image_part.output))
    ]
    flat = [layers.Flatten(dtype="float32", name=f"flat{i}")(x) for i, x in enumerate(features)]
    x = layers.Concatenate(dtype="float32", name="all")(flat) if len(flat) > 1 else flat[0]
    return keras.Model(features, layers.Dense(classes, dtype="float32", name="logits")(x), name=name)


def _everywhere(vectors: Tensor, size: Sequence[int], name: str) -> Tensor:
    """Vectors (batch, length) repeated at every position: (batch, *size, length)."""
    x = layers.Reshape((1, 1, vectors.shape[-1]), name=f"{name}_place")(vectors)
    return layers.UpSampling2D(tuple(size), name=f"{name}_places")(x)


def _conv(
    channels: int, name: str, kernel_size: int = 3, strides: int = 1, use_bias: bool = False, **options: Any
) -> Conv2D:
    start = keras.initializers.RandomNormal(0.0, 0.02)
    return Conv2D(
        channels, kernel_size, strides, "same", use_bias=use_bias, kernel_initializer=start, name=name, **options
    )
