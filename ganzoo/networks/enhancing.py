"""The pair of SEGAN (Pascual et al. 2017, arXiv:1703.09452, metrics 1 and 2): a fully convolutional auto-encoder of
sound of any length, and a discriminator of windows."""

import keras
from keras import layers

from ganzoo.errors import GanzooError, at_least_one
from ganzoo.layers import Conv1D, Conv1DTranspose, LeakyReLU, PReLU
from ganzoo.networks.convolutional import batch_norm


def tanh(noisy, x):
    """The paper's: the sound itself, in (-1, 1)."""
    return layers.Activation("tanh", dtype="float32", name="clean")(x)


def residual(noisy, x):
    """What is drawn is added to the noisy sound, so that training begins where doing nothing is."""
    return layers.Add(dtype="float32", name="clean")([noisy, x])


OUTPUTS = {"tanh": tanh, "residual": residual}


def waveform_autoencoder(widths, kernel_size, stride, latent_dim, output, bias=True, name="generator"):
    """Noisy sound (batch, samples, 1) to clean sound of the same shape; samples are any multiple of
    stride**len(widths).

    Convolutions down to a code, to which noise is added as more channels, and transposed ones back; each of these sees
    the output of its counterpart as well. PReLU everywhere but at the end.

    Args:
        widths: channels of the convolutions, first to last.
        kernel_size: of all of them.
        stride: of all of them.
        latent_dim: channels of noise, the second input (batch, samples / stride**len(widths), latent_dim); with 0 there
            is no second input.
        output: `tanh` or `residual`, or another function of noisy sound and last convolution.
        bias: False, with `residual`, gives a network that makes of louder sound the same, louder.

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


def reach(count, kernel_size, stride):
    """How many samples around a sample of the sound what is drawn of it depends on, at the most."""
    one_layer = kernel_size // 2 + stride
    return 2 * one_layer * sum(stride**i for i in range(count))


def window_discriminator(window, channels, widths, kernel_size, stride, name="discriminator"):
    """Sound (batch, window, channels) to logits (batch, 1): convolutions with batch norm and LeakyReLU 0.3, one of a
    single sample that brings them to one channel, and a dense layer.

    Args:
        window: samples, a multiple of stride**len(widths).
        channels: the candidate and what goes with it.
        widths, kernel_size, stride: of the convolutions.

    Raises:
        GanzooError: a window that is no such multiple, or a size below 1.
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


def _prelu(name):
    """One slope for each channel; 0.25 to begin with, as in He et al. 2015 (arXiv:1502.01852)."""
    return PReLU(keras.initializers.Constant(0.25), shared_axes=[1], name=name)


def _small():
    return keras.initializers.RandomNormal(0.0, 1e-3)
