"""The all-convolutional networks of DCGAN (Radford et al. 2015, arXiv:1511.06434), for any image size that is a small
base size times a power of two."""

from collections.abc import Callable

import keras
from keras import layers

from ganzoo.errors import GanzooError, at_least_one
from ganzoo.layers import BatchNormalization, Conv2D, Conv2DTranspose, LeakyReLU, Modulation
from ganzoo.types import Tensor

# PyTorch's defaults; Keras' default momentum of 0.99 lags behind the fast-changing statistics of a GAN.
_BATCH_NORM = dict(momentum=0.9, epsilon=1e-5)
_SMALLEST, _LARGEST = 4, 7


def doublings(image_shape: tuple[int, int, int]) -> int:
    """How often the base size is doubled: 2 for 28 = 7 x 2^2, 4 for 64 = 4 x 2^4.

    Raises:
        GanzooError: an unsupported size; the message names the nearest supported one.
    """
    height, width, channels = image_shape
    if channels not in (1, 3):
        raise GanzooError(f"image_shape {tuple(image_shape)}: images have 1 channel (gray) or 3 (color)")
    count = 1
    while min(height, width) // 2 ** (count + 1) >= _SMALLEST:
        count += 1
    if min(height, width) < 2 * _SMALLEST or height % 2**count or width % 2**count:
        raise GanzooError(
            f"image_shape {tuple(image_shape)}: height and width must both be a base of {_SMALLEST} to {_LARGEST} "
            f"doubled equally often, e.g. 28, 32, 40, 48, 56, 64, 96, 112, 128; nearest: {_nearest(min(height, width))}"
        )
    return count


def convolutional_generator(
    image_shape: tuple[int, int, int],
    latent_dim: int,
    width: int,
    kernel_size: int,
    max_width: int,
    name: str = "generator",
) -> keras.Model:
    """Latents (batch, latent_dim) to images (batch, height, width, channels) in [-1, 1].

    A dense projection to the base size, then transposed convolutions of stride 2. Batch norm and ReLU everywhere except
    at the output, which is tanh. Weights are initialized from N(0, 0.02).

    Args:
        image_shape: (height, width, channels).
        latent_dim: length of the latent vector.
        width: channels of the last hidden layer; they double towards the input, up to `max_width`.
        kernel_size: of the transposed convolutions.
        max_width: upper bound on the channels of any layer.

    Example:
        from ganzoo.networks.convolutional import convolutional_generator

        network = convolutional_generator((28, 28, 1), latent_dim=100, width=16, kernel_size=5, max_width=512)
        images = network(np.zeros((2, 100)))            # (2, 28, 28, 1)
    """
    latents = keras.Input((latent_dim,), name="latents")
    images = upsampled(latents, image_shape, width, kernel_size, max_width)
    return keras.Model(latents, images, name=name)


def upsampled(
    code: Tensor,
    image_shape: tuple[int, int, int],
    width: int,
    kernel_size: int,
    max_width: int,
    condition: Tensor | None = None,
) -> Tensor:
    """Applies the layers of `convolutional_generator` to a code (batch, length). With a condition (batch, length), it
    scales and shifts the features after every batch norm (`ganzoo.layers.Modulation`)."""

    def normalized(x, name):
        x = batch_norm(f"{name}_norm")(x)
        return x if condition is None else Modulation(name=f"{name}_modulation")([x, condition])

    at_least_one(width=width, kernel_size=kernel_size, max_width=max_width)
    count = doublings(image_shape)
    base = (image_shape[0] // 2**count, image_shape[1] // 2**count)
    widths = _widths(width, count, max_width)[::-1]
    units = base[0] * base[1] * widths[0]
    x = layers.Dense(units, use_bias=False, kernel_initializer=_normal(), name="project")(code)
    x = layers.Reshape((*base, widths[0]), name="project_reshape")(x)
    x = layers.ReLU(name="project_relu")(normalized(x, "project"))
    for i, channels in enumerate(widths[1:], start=1):
        x = Conv2DTranspose(
            channels, kernel_size, 2, "same", use_bias=False, kernel_initializer=_normal(), name=f"up{i}"
        )(x)
        x = layers.ReLU(name=f"up{i}_relu")(normalized(x, f"up{i}"))
    x = Conv2DTranspose(
        image_shape[2], kernel_size, 2, "same", kernel_initializer=_normal(), dtype="float32", name="picture"
    )(x)
    return layers.Activation("tanh", dtype="float32", name="image_tanh")(x)


def batch_norm(name: str) -> keras.layers.Layer:
    """Batch norm as in DCGAN."""
    return BatchNormalization(gamma_initializer=_normal(1.0), name=name, **_BATCH_NORM)


def layer_norm(name: str) -> keras.layers.Layer:
    """Layer norm over all pixels and channels of an image; unlike batch norm, it keeps images independent."""
    return layers.LayerNormalization(axis=(1, 2, 3), epsilon=1e-5, name=name)


def convolutional_discriminator(
    image_shape: tuple[int, int, int],
    width: int,
    kernel_size: int,
    max_width: int,
    normalization: Callable[[str], keras.layers.Layer] | None = batch_norm,
    output_bias: bool = True,
    depth: int | None = None,
    name: str = "discriminator",
) -> keras.Model:
    """Images (batch, height, width, channels) in [-1, 1] to logits (batch, 1).

    Convolutions of stride 2 down to the base size, no pooling, LeakyReLU with slope 0.2; normalization everywhere
    except at the input and the output.

    Args:
        image_shape, width, kernel_size, max_width: as in `convolutional_generator`.
        normalization: function from a name to a layer; None for no normalization.
        output_bias: False for a critic: a bias cancels in the Wasserstein loss.
        depth: number of convolutions; None for as many as lead to the base size. For 28x28 that is two, whose receptive
            field is 10 pixels with kernels of 4; that of three is 22.
    """
    images = keras.Input(tuple(image_shape), name="images")
    x = downsampled(images, width, _depth(image_shape, depth), kernel_size, max_width, normalization)
    return keras.Model(images, logit(x, output_bias), name=name)


def downsampled(
    x: Tensor,
    width: int,
    count: int,
    kernel_size: int,
    max_width: int,
    normalization: Callable[[str], keras.layers.Layer] | None = batch_norm,
) -> Tensor:
    """Applies the layers of `convolutional_discriminator` before the logit to images of any number of channels."""
    return layers.Flatten(name="features")(feature_map(x, width, count, kernel_size, max_width, normalization))


def feature_map(
    x: Tensor,
    width: int,
    count: int,
    kernel_size: int,
    max_width: int,
    normalization: Callable[[str], keras.layers.Layer] | None = batch_norm,
) -> Tensor:
    """As `downsampled`, without flattening: (batch, height / 2**count, width / 2**count, channels)."""
    for i, channels in enumerate(_widths(width, count, max_width), start=1):
        normalized = normalization is not None and i > 1
        x = Conv2D(
            channels, kernel_size, 2, "same", use_bias=not normalized, kernel_initializer=_normal(), name=f"down{i}"
        )(x)
        if normalization is not None and i > 1:
            x = normalization(f"down{i}_norm")(x)
        x = LeakyReLU(0.2, name=f"down{i}_relu")(x)
    return x


def logit(features: Tensor, bias: bool = True) -> Tensor:
    """The last layer of a discriminator, (batch, 1)."""
    return layers.Dense(1, use_bias=bias, kernel_initializer=_normal(), dtype="float32", name="logit")(features)


def _depth(image_shape: tuple[int, int, int], depth: int | None) -> int:
    count = doublings(image_shape) if depth is None else depth
    at_least_one(discriminator_depth=count)
    # min(...) < 2**count, without computing a power of possibly millions of digits.
    if count >= int(min(image_shape[:2])).bit_length():
        raise GanzooError(f"discriminator_depth {count}: images of {tuple(image_shape)} cannot be halved so often")
    return count


def _widths(width: int, count: int, max_width: int) -> list[int]:
    return [min(width * 2**i, max_width) for i in range(count)]


def _nearest(size: int) -> int:
    allowed = [base * 2**count for base in range(_SMALLEST, _LARGEST + 1) for count in range(1, 10)]
    return min(allowed, key=lambda other: abs(other - size))


def _normal(mean: float = 0.0) -> keras.initializers.Initializer:
    return keras.initializers.RandomNormal(mean, 0.02)
