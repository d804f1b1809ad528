"""The networks of SEGAN (Pascual et al. 2017, arXiv:1703.09452, figures 1 and 2): a fully convolutional autoencoder for
sound of any length, and a discriminator for windows."""

from collections.abc import Callable, Sequence

import keras
from keras import layers

from ganzoo.errors import GanzooError, at_least_one
from ganzoo.layers import Conv1D, Conv1DTranspose, LeakyReLU, PReLU
from ganzoo.networks.convolutional import batch_norm
from ganzoo.types import Tensor


def tanh(noisy: Tensor, x: Tensor) -> Tensor:
    """The output as in the paper: the clean waveform, in (-1, 1)."""
    return layers.Activation("tanh", dtype="float32", name="clean")(x)


def residual(noisy: Tensor, x: Tensor) -> Tensor:
    """The output is added to the noisy sound, so that training starts from the identity."""
    return layers.Add(dtype="float32", name="clean")([noisy, x])


OUTPUTS = {"tanh": tanh, "residual": residual}


def waveform_autoencoder(
    widths: Sequence[int],
    kernel_size: int,
    stride: int,
    latent_dim: int,
    output: Callable[[Tensor, Tensor], Tensor],
    bias: bool = True,
    name: str = "generator",
) -> keras.Model:
    """Noisy sound (batch, samples, 1) to clean sound of the same shape; samples are any multiple of
    stride**len(widths).

    Strided convolutions down to a code, with which noise channels are concatenated, and transposed convolutions back,
    with skip connections. PReLU everywhere except at the output.

    Args:
        widths: channels of the convolutions, first to last.
        kernel_size: of all of them.
        stride: of all of them.
        latent_dim: channels of the noise, the second input (batch, samples / stride**len(widths), latent_dim); 0 for
            none.
        output: `tanh`, `residual`, or another function of the noisy sound and the last convolution.
        bias: whether convolutions have biases; without, and with `residual`, scaling the input scales the output.

    Raises:
        GanzooError: no widths, or a size below 1.
    """
    if not widths:
        raise GanzooError("widths: at least one convolution is needed")
    at_least_one(kernel_size=kernel_size, stride=stride, **{f"width {i + 1}": width for i, width in enumerate(widths)})
    if latent_dim < 0:
        raise GanzooError(f"latent_dim must be at least 0, got {latent_dim}")
    noisy = keras.Input((None, 1), name="noisy")
    inputs, x, skips = [noisy], noisy, []
    for i, width in enumerate(widths, start=1):
        x = Conv1D(width, kernel_size, stride, "same", use_bias=bias, name=f"down{i}")(x)
        x = _prelu(f"down{i}_prelu")(x)
        skips.append(x)
    if latent_dim:
        inputs.append(keras.Input((None, latent_dim), name="latents"))
        x = layers.Concatenate(name="code")([x, inputs[1]])
    for i in range(len(widths) - 1, 0, -1):
        x = Conv1DTranspose(widths[i - 1], kernel_size, stride, "same", use_bias=bias, name=f"up{i}")(x)
        x = layers.Concatenate(name=f"up{i}_skip")([_prelu(f"up{i}_prelu")(x), skips[i - 1]])
    x = Conv1DTranspose(
        1, kernel_size, stride, "same", use_bias=bias, kernel_initializer=_small(), dtype="float32", name="sound"
    )(x)
    return keras.Model(inputs if latent_dim else noisy, output(noisy, x), name=name)


def reach(count: int, kernel_size: int, stride: int) -> int:
    """Upper bound on how many samples to either side an output sample depends on."""
    one_layer = kernel_size // 2 + stride
    return 2 * one_layer * sum(stride**i for i in range(count))


def window_discriminator(
    window: int, channels: int, widths: Sequence[int], kernel_size: int, stride: int, name: str = "discriminator"
) -> keras.Model:
    """Sound (batch, window, channels) to logits (batch, 1): convolutions with batch norm and LeakyReLU 0.3, a
    convolution of kernel size 1 to a single channel, and a dense layer.

    Args:
        window: samples, a multiple of stride**len(widths).
        channels: of the input: 2 for the speech and its condition.
        widths, kernel_size, stride: of the convolutions.

    Raises:
        GanzooError: a window that is not such a multiple, or a size below 1.
    """
    at_least_one(window=window, **{f"discriminator width {i + 1}": width for i, width in enumerate(widths)})
    if window % stride ** len(widths):
        raise GanzooError(
            f"window {window} is not a multiple of {stride ** len(widths)}, as {len(widths)} convolutions of stride "
            f"{stride} need"
        )
    sound = x = keras.Input((window, channels), name="sound")
    for i, width in enumerate(widths, start=1):
        x = Conv1D(width, kernel_size, stride, "same", use_bias=False, name=f"down{i}")(x)
        x = LeakyReLU(0.3, name=f"down{i}_relu")(batch_norm(f"down{i}_norm")(x))
    x = layers.Flatten(name="features")(Conv1D(1, 1, name="narrow")(x))
    return keras.Model(sound, layers.Dense(1, dtype="float32", name="logit")(x), name=name)


def _prelu(name: str) -> PReLU:
    """One slope per channel, initialized to 0.25 as in He et al. 2015 (arXiv:1502.01852)."""
    return PReLU(keras.initializers.Constant(0.25), shared_axes=[1], name=name)


def _small() -> keras.initializers.Initializer:
    return keras.initializers.RandomNormal(0.0, 1e-3)
