"""The fully connected pair of the first GAN (Goodfellow et al. 2014, arXiv:1406.2661)."""

import math

import keras
from keras import layers

from ganzoo.errors import at_least_one
from ganzoo.layers import Dropout, Maxout


def dense_generator(image_shape, latent_dim, widths, name="generator"):
    """Latents (batch, latent_dim) to images (batch, height, width, channels) in [-1, 1].

    Args:
        image_shape: (height, width, channels), any size.
        latent_dim: length of the latent vector.
        widths: units of each hidden layer, rectified.
    """
    at_least_one(generator_widths=min(widths))
    latents = x = keras.Input((latent_dim,), name="latents")
    for i, units in enumerate(widths, start=1):
        x = layers.Dense(units, activation="relu", name=f"hidden{i}")(x)
    x = layers.Dense(math.prod(image_shape), activation="tanh", dtype="float32", name="pixels")(x)
    return keras.Model(latents, layers.Reshape(tuple(image_shape), dtype="float32", name="image")(x), name=name)


def maxout_discriminator(image_shape, widths, pieces, dropout, name="discriminator"):
    """Images (batch, height, width, channels) in [-1, 1] to logits (batch, 1).

    Hidden units are the largest of a few linear ones (maxout, Goodfellow et al. 2013, arXiv:1302.4389), with dropout.

    Args:
        image_shape: (height, width, channels).
        widths: units of each hidden layer.
        pieces: linear units behind each of them.
        dropout: share of the hidden units left out in training.
    """
    at_least_one(discriminator_widths=min(widths), pieces=pieces)
    images = keras.Input(tuple(image_shape), name="images")
    x = layers.Flatten(name="flat")(images)
    for i, units in enumerate(widths, start=1):
        x = layers.Dense(units * pieces, name=f"hidden{i}")(x)
        x = Maxout(pieces, name=f"hidden{i}_pieces")(x)
        # Its own fixed seed: dropout repeats with the model's other random numbers, whatever was drawn before.
        x = Dropout(dropout, seed=i, name=f"hidden{i}_dropout")(x)
    logits = layers.Dense(1, dtype="float32", name="logit")(x)
    return keras.Model(images, logits, name=name)
