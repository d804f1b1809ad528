"""DCGAN's pair with a class label as a second input, integers (batch,)."""

import keras
from keras import layers, ops

from ganzoo.networks.convolutional import doublings, downsampled, logit, upsampled


def conditional_generator(image_shape, latent_dim, classes, width, kernel_size, max_width, name="generator"):
    """[latents (batch, latent_dim), labels (batch,)] to images in [-1, 1]: the label joins the latent as a
    one-hot vector (Mirza & Osindero 2014, arXiv:1411.1784). Sizes as in `convolutional_generator`."""
    latents, labels = keras.Input((latent_dim,), name="latents"), _label_input()
    code = layers.Concatenate(name="code")([latents, _one_hot(labels, classes)])
    images = upsampled(code, image_shape, width, kernel_size, max_width)
    return keras.Model([latents, labels], images, name=name)


def concatenating_discriminator(image_shape, classes, width, kernel_size, max_width, name="discriminator"):
    """[images, labels (batch,)] to logits (batch, 1): the label joins the image as one-hot channels, ones all
    over that of its class. Sizes as in `convolutional_discriminator`."""
    images, labels = keras.Input(tuple(image_shape), name="images"), _label_input()
    planes = layers.Reshape((1, 1, classes), name="label_planes")(_one_hot(labels, classes))
    planes = layers.UpSampling2D(tuple(image_shape[:2]), name="label_map")(planes)
    x = layers.Concatenate(name="image_and_label")([images, planes])
    x = downsampled(x, width, doublings(image_shape), kernel_size, max_width)
    return keras.Model([images, labels], logit(x), name=name)


def projecting_discriminator(image_shape, classes, width, kernel_size, max_width, name="discriminator"):
    """[images, labels (batch,)] to logits (batch, 1): a linear function of the features plus their inner product
    with an embedding of the label (Miyato & Koyama 2018, arXiv:1802.05637, equation 3)."""
    images, labels = keras.Input(tuple(image_shape), name="images"), _label_input()
    features = downsampled(images, width, doublings(image_shape), kernel_size, max_width)
    start = keras.initializers.RandomNormal(0.0, 0.02)
    embedded = layers.Embedding(classes, features.shape[-1], embeddings_initializer=start, name="class")(labels)
    match = ops.sum(ops.cast(features * embedded, "float32"), axis=-1, keepdims=True)
    return keras.Model([images, labels], layers.Add(dtype="float32", name="match")([logit(features), match]), name=name)


def _label_input():
    return keras.Input((), dtype="int32", name="labels")


def _one_hot(labels, classes):
    return ops.one_hot(labels, classes, dtype="float32")
