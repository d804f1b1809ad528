"""DCGAN's networks with a class label as a second input, integers (batch,)."""

from collections.abc import Callable

import keras
from keras import layers, ops

from ganzoo.networks.convolutional import batch_norm, doublings, downsampled, logit, upsampled
from ganzoo.types import Tensor


def conditional_generator(
    image_shape: tuple[int, int, int],
    latent_dim: int,
    classes: int,
    width: int,
    kernel_size: int,
    max_width: int,
    name: str = "generator",
) -> keras.Model:
    """[latents (batch, latent_dim), labels (batch,)] to images in [-1, 1]: the one-hot label is concatenated with the
    latent vector (Mirza & Osindero 2014, arXiv:1411.1784). Sizes as in `convolutional_generator`."""
    latents, labels = keras.Input((latent_dim,), name="latents"), _label_input()
    code = layers.Concatenate(name="code")([latents, _one_hot(labels, classes)])
    images = upsampled(code, image_shape, width, kernel_size, max_width)
    return keras.Model([latents, labels], images, name=name)


def concatenating_discriminator(
    image_shape: tuple[int, int, int],
    classes: int,
    width: int,
    kernel_size: int,
    max_width: int,
    normalization: Callable[[str], keras.layers.Layer] | None = batch_norm,
    name: str = "discriminator",
) -> keras.Model:
    """[images, labels (batch,)] to logits (batch, 1): the one-hot label, repeated at every pixel, is concatenated with
    the image's channels. Sizes as in `convolutional_discriminator`."""
    images, labels = keras.Input(tuple(image_shape), name="images"), _label_input()
    planes = layers.Reshape((1, 1, classes), name="label_planes")(_one_hot(labels, classes))
    planes = layers.UpSampling2D(tuple(image_shape[:2]), name="label_map")(planes)
    x = layers.Concatenate(name="image_and_label")([images, planes])
    x = downsampled(x, width, doublings(image_shape), kernel_size, max_width, normalization)
    return keras.Model([images, labels], logit(x), name=name)


def projecting_discriminator(
    image_shape: tuple[int, int, int],
    classes: int,
    width: int,
    kernel_size: int,
    max_width: int,
    normalization: Callable[[str], keras.layers.Layer] | None = batch_norm,
    name: str = "discriminator",
) -> keras.Model:
    """[images, labels (batch,)] to logits (batch, 1): a linear function of the features plus their inner product with
    an embedding of the label (Miyato & Koyama 2018, arXiv:1802.05637, equation 3)."""
    images, labels = keras.Input(tuple(image_shape), name="images"), _label_input()
    features = downsampled(images, width, doublings(image_shape), kernel_size, max_width, normalization)
    start = keras.initializers.RandomNormal(0.0, 0.02)
    embedded = layers.Embedding(classes, features.shape[-1], embeddings_initializer=start, name="class")(labels)
    match = ops.sum(ops.cast(features * embedded, "float32"), axis=-1, keepdims=True)
    return keras.Model([images, labels], layers.Add(dtype="float32", name="match")([logit(features), match]), name=name)


def _label_input() -> Tensor:
    return keras.Input((), dtype="int32", name="labels")


def _one_hot(labels: Tensor, classes: int) -> Tensor:
    return ops.one_hot(labels, classes, dtype="float32")
