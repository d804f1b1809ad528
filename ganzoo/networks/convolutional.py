"""The all-convolutional pair of DCGAN (Radford et al. 2015, arXiv:1511.06434), for any image size
that is a small base doubled a few times."""

import keras
from keras import layers

from ganzoo.errors import GanzooError, at_least_one
from ganzoo.layers import BatchNormalization, Conv2D, Conv2DTranspose, LeakyReLU

# torch's 1e-5 and 0.9 in Keras' terms; Keras' own 0.99 trails the fast-moving statistics of a GAN.
_BATCH_NORM = dict(momentum=0.9, epsilon=1e-5)
_SMALLEST, _LARGEST = 4, 7


def doublings(image_shape):
    """How often the base is doubled: 28 = 7 x 2^2 gives 2, 64 = 4 x 2^4 gives 4.

    Raises:
        GanzooError: a size that is no small base doubled at least once, with the nearest that is.
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


def convolutional_generator(image_shape, latent_dim, width, kernel_size, max_width, name="generator"):
    """Latents (batch, latent_dim) to images (batch, height, width, channels) in [-1, 1].

    A projection to the base size, then transposed convolutions of stride 2. Batch norm and ReLU
    everywhere but at the output, which is tanh. Weights start at N(0, 0.02).

    Args:
        image_shape: (height, width, channels).
        latent_dim: length of the latent vector.
        width: channels of the last hidden layer; they double towards the latent, up to `max_width`.
        kernel_size: of the transposed convolutions.
        max_width: the most channels anywhere.
    """
    latents = keras.Input((latent_dim,), name="latents")
    images = upsampled(latents, image_shape, width, kernel_size, max_width)
    return keras.Model(latents, images, name=name)


def upsampled(code, image_shape, width, kernel_size, max_width):
    """The layers of `convolutional_generator` on any code (batch, length)."""
    at_least_one(width=width, kernel_size=kernel_size, max_width=max_width)
    count = doublings(image_shape)
    base = (image_shape[0] // 2**count, image_shape[1] // 2**count)
    widths = _widths(width, count, max_width)[::-1]
    units = base[0] * base[1] * widths[0]
    x = layers.Dense(units, use_bias=False, kernel_initializer=_normal(), name="project")(code)
    x = layers.Reshape((*base, widths[0]), name="project_reshape")(x)
    x = layers.ReLU(name="project_relu")(batch_norm("project_norm")(x))
    for i, channels in enumerate(widths[1:], start=1):
        x = Conv2DTranspose(
            channels, kernel_size, 2, "same", use_bias=False, kernel_initializer=_normal(), name=f"up{i}"
        )(x)
        x = layers.ReLU(name=f"up{i}_relu")(batch_norm(f"up{i}_norm")(x))
    x = Conv2DTranspose(
        image_shape[2], kernel_size, 2, "same", kernel_initializer=_normal(), dtype="float32", name="picture"
    )(x)
    return layers.Activation("tanh", dtype="float32", name="image_tanh")(x)


def batch_norm(name):
    """The normalization of DCGAN."""
    return BatchNormalization(gamma_initializer=_normal(1.0), name=name, **_BATCH_NORM)


def layer_norm(name):
    """Over all pixels and channels of one image, so that a batch's images stay independent."""
    return layers.LayerNormalization(axis=(1, 2, 3), epsilon=1e-5, name=name)


def convolutional_discriminator(
    image_shape,
    width,
    kernel_size,
    max_width,
    normalization=batch_norm,
    output_bias=True,
    depth=None,
    name="discriminator",
):
    """Images (batch, height, width, channels) in [-1, 1] to logits (batch, 1).

    Convolutions of stride 2 down to the base size, no pooling, LeakyReLU 0.2; a normalization everywhere
    but at the input and the output. Arguments as in `convolutional_generator`, and

    Args:
        normalization: function from a name to a layer, or None for none.
        output_bias: False for a critic: a Wasserstein loss, a difference, does not see a bias.
        depth: how many convolutions; down to the base size if None. At 28x28 that is two, which see 10 pixels at
            once with kernels of 4; three see 22.
    """
    images = keras.Input(tuple(image_shape), name="images")
    x = downsampled(images, width, _depth(image_shape, depth), kernel_size, max_width, normalization)
    return keras.Model(images, logit(x, output_bias), name=name)


def downsampled(x, width, count, kernel_size, max_width, normalization=batch_norm):
    """The layers of `convolutional_discriminator` below its logit, on images (batch, height, width, any channels)."""
    return layers.Flatten(name="features")(feature_map(x, width, count, kernel_size, max_width, normalization))


def feature_map(x, width, count, kernel_size, max_width, normalization=batch_norm):
    """The same before they are made flat: (batch, height / 2**count, width / 2**count, channels)."""
    for i, channels in enumerate(_widths(width, count, max_width), start=1):
        normalized = normalization is not None and i > 1
        x = Conv2D(
            channels, kernel_size, 2, "same", use_bias=not normalized, kernel_initializer=_normal(), name=f"down{i}"
        )(x)
        if normalized:
            x = normalization(f"down{i}_norm")(x)
        x = LeakyReLU(0.2, name=f"down{i}_relu")(x)
    return x


def logit(features, bias=True):
    """The last layer of a discriminator."""
    return layers.Dense(1, use_bias=bias, kernel_initializer=_normal(), dtype="float32", name="logit")(features)


def _depth(image_shape, depth):
    count = doublings(image_shape) if depth is None else depth
    at_least_one(discriminator_depth=count)
    # min(...) < 2**count, without a power that may have millions of digits.
    if count >= int(min(image_shape[:2])).bit_length():
        raise GanzooError(f"discriminator_depth {count}: images of {tuple(image_shape)} cannot be halved so often")
    return count


def _widths(width, count, max_width):
    return [min(width * 2**i, max_width) for i in range(count)]


def _nearest(size):
    allowed = [base * 2**count for base in range(_SMALLEST, _LARGEST + 1) for count in range(1, 10)]
    return min(allowed, key=lambda other: abs(other - size))


def _normal(mean=0.0):
    return keras.initializers.RandomNormal(mean, 0.02)
