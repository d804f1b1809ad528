"""The networks of BEGAN (Berthelot et al. 2017, arXiv:1703.10717, figure 1): a decoder as the generator, an autoencoder
as the discriminator."""

import keras
from keras import layers, ops

from ganzoo.errors import at_least_one
from ganzoo.layers import Conv2D
from ganzoo.networks.convolutional import doublings
from ganzoo.types import Tensor


def decoding_generator(
    image_shape: tuple[int, int, int], latent_dim: int, width: int, name: str = "generator"
) -> keras.Model:
    """Latents (batch, latent_dim) to images (batch, height, width, channels) in [-1, 1].

    Args:
        image_shape: (height, width, channels).
        latent_dim: length of the latent vector.
        width: channels of every convolution.
    """
    latents = keras.Input((latent_dim,), name="latents")
    # The paper's output is linear; tanh because images lie in [-1, 1] throughout the package.
    return keras.Model(latents, _decoded(latents, image_shape, width, "tanh"), name=name)


def autoencoding_discriminator(
    image_shape: tuple[int, int, int], code_length: int, width: int, name: str = "discriminator"
) -> keras.Model:
    """Images (batch, height, width, channels) to their reconstruction errors (batch, 1): the mean over pixels
    and channels of |image - reconstruction| (equation 1, eta 1).

    Args:
        image_shape: (height, width, channels).
        code_length: length of the code between encoder and decoder.
        width: channels at full size. In the encoder they grow by `width` at each halving of the size, in the decoder
            they stay constant.
    """
    images = keras.Input(tuple(image_shape), name="images")
    code = layers.Dense(code_length, name="code")(layers.Flatten(name="encoded")(_encoded(images, width)))
    # Linear: a saturated tanh, as for MNIST's black, reconstructs black generated pixels whatever the balance.
    error = ops.abs(ops.cast(images, "float32") - _decoded(code, image_shape, width, "linear"))
    error = layers.Flatten(dtype="float32", name="error")(error)
    return keras.Model(images, ops.mean(error, axis=1, keepdims=True), name=name)


def _encoded(images: Tensor, width: int) -> Tensor:
    count = doublings(images.shape[1:])
    x = _convolution(width, "encode0")(images)
    for i in range(1, count + 1):
        x = _convolution(i * width, f"encode{i}_same")(x)
        x = _convolution((i + 1) * width, f"encode{i}_half", strides=2)(x)
    return _convolution((count + 1) * width, "encode_last")(x)


def _decoded(code: Tensor, image_shape: tuple[int, int, int], width: int, activation: str) -> Tensor:
    at_least_one(width=width)
    count = doublings(image_shape)
    base = (image_shape[0] // 2**count, image_shape[1] // 2**count)
    x = layers.Dense(base[0] * base[1] * width, name="decode_project")(code)
    x = layers.Reshape((*base, width), name="decode_reshape")(x)
    for i in range(count + 1):
        if i:
            x = layers.UpSampling2D(2, interpolation="nearest", name=f"decode{i}_up")(x)
        x = _convolution(width, f"decode{i}_first")(x)
        x = _convolution(width, f"decode{i}_second")(x)
    return Conv2D(image_shape[2], 3, padding="same", activation=activation, dtype="float32", name="picture")(x)


def _convolution(channels: int, name: str, strides: int = 1) -> Conv2D:
    return Conv2D(channels, 3, strides, padding="same", activation="elu", name=name)
