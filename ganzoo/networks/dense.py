"""The fully connected networks of the first GAN (Goodfellow et al. 2014, arXiv:1406.2661)."""

import math
from collections.abc import Sequence

import keras
from keras import layers

from ganzoo.errors import GanzooError, at_least_one
from ganzoo.layers import Dropout, Maxout


def dense_generator(
    image_shape: tuple[int, int, int], latent_dim: int, widths: Sequence[int], name: str = "generator"
) -> keras.Model:
    """Latents (batch, latent_dim) to images (batch, height, width, channels) in [-1, 1].

    Args:
        image_shape: (height, width, channels), any size.
        latent_dim: length of the latent vector.
        widths: units of each hidden layer, with ReLU.
    """
    _need_layers("generator_widths", widths)
    latents = x = keras.Input((latent_dim,), name="latents")
    for i, units in enumerate(widths, start=1):
        x = layers.Dense(units, activation="relu", name=f"hidden{i}")(x)
    x = layers.Dense(math.prod(image_shape), activation="tanh", dtype="float32", name="pixels")(x)
    return keras.Model(latents, layers.Reshape(tuple(image_shape), dtype="float32", name="image")(x), name=name)


def maxout_discriminator(
    image_shape: tuple[int, int, int],
    widths: Sequence[int],
    pieces: int,
    dropout: float,
    name: str = "discriminator",
) -> keras.Model:
    """Images (batch, height, width, channels) in [-1, 1] to logits (batch, 1).

    Each hidden unit is the maximum of a few linear units (maxout, Goodfellow et al. 2013, arXiv:1302.4389), with
    dropout.

    Args:
        image_shape: (height, width, channels).
        widths: units of each hidden layer.
        pieces: linear units per hidden unit.
        dropout: dropout rate of the hidden units.
    """
    _need_layers("discriminator_widths", widths)
    at_least_one(pieces=pieces)
    images = keras.Input(tuple(image_shape), name="images")
    x = layers.Flatten(name="flat")(images)
    for i, units in enumerate(widths, start=1):
        x = layers.Dense(units * pieces, name=f"hidden{i}")(x)
        x = Maxout(pieces, name=f"hidden{i}_pieces")(x)
        # A fixed seed of its own: dropout is reproducible whatever random numbers were used before.
        x = Dropout(dropout, seed=i, name=f"hidden{i}_dropout")(x)
    logits = layers.Dense(1, dtype="float32", name="logit")(x)
    return keras.Model(images, logits, name=name)


def _need_layers(name: str, widths: Sequence[int]) -> None:
    if not widths:
        raise GanzooError(f"{name}: at least one hidden layer is needed")
    at_least_one(**{name: min(widths)})
