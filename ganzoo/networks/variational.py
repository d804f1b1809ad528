"""The encoders and decoders of variational autoencoders (Kingma & Welling 2013, arXiv:1312.6114)."""

import math

import keras
from keras import layers

from ganzoo.errors import at_least_one
from ganzoo.layers import Conv2D, Conv2DTranspose, LeakyReLU
from ganzoo.losses.likelihoods import Likelihood
from ganzoo.networks.convolutional import doublings
from ganzoo.types import Tensor


def convolutional_encoder(
    image_shape: tuple[int, int, int],
    latent_dim: int,
    width: int,
    kernel_size: int,
    max_width: int,
    hidden: int,
    name: str = "encoder",
) -> keras.Model:
    """Images in [-1, 1] to moments (batch, 2 latent_dim): means, then log-variances.

    Convolutions of stride 2 down to the base size of `convolutional_generator`, and a dense layer.

    Args:
        image_shape: (height, width, channels).
        latent_dim: length of a latent.
        width: channels of the first convolution; they double at each halving of the size, up to `max_width`.
        kernel_size: of the convolutions.
        max_width: upper bound on the channels.
        hidden: units of the dense layer.
    """
    at_least_one(width=width, kernel_size=kernel_size, max_width=max_width, hidden=hidden)
    images = x = keras.Input(tuple(image_shape), name="images")
    for i in range(doublings(image_shape)):
        x = Conv2D(min(width * 2**i, max_width), kernel_size, 2, "same", name=f"down{i + 1}")(x)
        x = LeakyReLU(0.2, name=f"down{i + 1}_relu")(x)
    x = layers.Flatten(name="flat")(x)
    x = LeakyReLU(0.2, name="hidden_relu")(layers.Dense(hidden, name="hidden")(x))
    return keras.Model(images, _moments(x, latent_dim), name=name)


def convolutional_decoder(
    image_shape: tuple[int, int, int],
    latent_dim: int,
    width: int,
    kernel_size: int,
    max_width: int,
    hidden: int,
    likelihood: Likelihood,
    name: str = "generator",
) -> keras.Model:
    """Latents (batch, latent_dim) to mean images in [-1, 1]; the layer "outputs" has what the likelihood takes. The
    layers of `convolutional_encoder` in reverse."""
    at_least_one(width=width, kernel_size=kernel_size, max_width=max_width, hidden=hidden)
    count = doublings(image_shape)
    base = (image_shape[0] // 2**count, image_shape[1] // 2**count)
    widths = [min(width * 2**i, max_width) for i in range(count)][::-1]
    latents = x = keras.Input((latent_dim,), name="latents")
    for title, units in (("hidden", hidden), ("project", base[0] * base[1] * widths[0])):
        x = LeakyReLU(0.2, name=f"{title}_relu")(layers.Dense(units, name=title)(x))
    x = layers.Reshape((*base, widths[0]), name="map")(x)
    for i, channels in enumerate(widths[1:], start=1):
        x = Conv2DTranspose(channels, kernel_size, 2, "same", name=f"up{i}")(x)
        x = LeakyReLU(0.2, name=f"up{i}_relu")(x)
    channels = likelihood.output_channels(image_shape[2])
    x = Conv2DTranspose(channels, kernel_size, 2, "same", dtype="float32", name="outputs")(x)
    return keras.Model(latents, likelihood.mean(x), name=name)


def dense_encoder(
    image_shape: tuple[int, int, int], latent_dim: int, hidden: int, depth: int = 2, name: str = "encoder"
) -> keras.Model:
    """Images to moments as `convolutional_encoder`, by `depth` dense layers of `hidden` units."""
    at_least_one(hidden=hidden, depth=depth)
    images = keras.Input(tuple(image_shape), name="images")
    x = _dense(layers.Flatten(name="flat")(images), hidden, depth)
    return keras.Model(images, _moments(x, latent_dim), name=name)


def dense_decoder(
    image_shape: tuple[int, int, int],
    latent_dim: int,
    hidden: int,
    likelihood: Likelihood,
    depth: int = 2,
    name: str = "generator",
) -> keras.Model:
    """Latents to mean images as `convolutional_decoder`, by `depth` dense layers of `hidden` units."""
    at_least_one(hidden=hidden, depth=depth)
    latents = keras.Input((latent_dim,), name="latents")
    shape = (*image_shape[:2], likelihood.output_channels(image_shape[2]))
    x = layers.Dense(math.prod(shape), dtype="float32", name="values")(_dense(latents, hidden, depth))
    x = layers.Reshape(shape, dtype="float32", name="outputs")(x)
    return keras.Model(latents, likelihood.mean(x), name=name)


def _dense(x: Tensor, units: int, depth: int) -> Tensor:
    for i in range(1, depth + 1):
        x = LeakyReLU(0.2, name=f"hidden{i}_relu")(layers.Dense(units, name=f"hidden{i}")(x))
    return x


def _moments(x: Tensor, latent_dim: int) -> Tensor:
    at_least_one(latent_dim=latent_dim)
    start = keras.initializers.RandomNormal(0.0, 0.01)
    return layers.Dense(2 * latent_dim, kernel_initializer=start, dtype="float32", name="moments")(x)
