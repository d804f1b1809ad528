"""Networks on mel-cepstra: one that predicts them from coarse ones, the post-filter of Kaneko et al. 2017
(doi:10.1109/ICASSP.2017.7953090), and a discriminator of segments."""

from collections.abc import Sequence

import keras
from keras import layers

from ganzoo.errors import GanzooError, at_least_one
from ganzoo.layers import Conv1D, Conv2D, LeakyReLU, Standardization
from ganzoo.types import Tensor

# Name of the layer that standardizes mel-cepstra.
SCALE = "scale"


def cepstral_smoother(
    order: int, coarse_order: int, hop: int, width: int, blocks: int, kernel_size: int, name: str = "generator"
) -> keras.Model:
    """Coarse mel-cepstra (batch, frames / hop, coarse_order) to mel-cepstra (batch, frames, order).

    Two convolutions over the coarse frames; a linear layer that turns each of them into `hop` frames; residual blocks
    of two convolutions.

    Args:
        order: coefficients of the output.
        coarse_order: coefficients of the input, at most `order`.
        hop: frames of the output for one of the input.
        width: channels of the convolutions.
        blocks: number of residual blocks.
        kernel_size: of the convolutions.

    Raises:
        GanzooError: a size below 1, or more coefficients in the input than in the output.

    Example:
        from ganzoo.networks.cepstral import cepstral_smoother

        network = cepstral_smoother(order=24, coarse_order=8, hop=4, width=16, blocks=1, kernel_size=5)
        cepstra = network(np.zeros((2, 10, 8), "float32"))      # (2, 40, 24)
    """
    sizes = dict(order=order, coarse_order=coarse_order, hop=hop, width=width, kernel_size=kernel_size)
    at_least_one(**sizes, blocks=blocks)
    if coarse_order > order:
        raise GanzooError(f"coarse_order {coarse_order} is more than the {order} coefficients of order")
    scale = Standardization(order, name=SCALE)
    coarse = keras.Input((None, coarse_order), name="coarse")
    x = scale(coarse)
    for i in (1, 2):
        x = _convolved(x, width, kernel_size, f"coarse{i}")
    x = layers.Reshape((-1, width), name="frames")(layers.Dense(hop * width, name="fine")(x))
    x = _residual_blocks(x, width, blocks, kernel_size)
    x = Conv1D(order, kernel_size, padding="same", dtype="float32", name="change")(x)
    return keras.Model(coarse, scale(x, inverse=True), name=name)


def cepstral_postfilter(
    order: int, width: int, blocks: int, kernel_size: int, noise_channels: int, name: str = "generator"
) -> keras.Model:
    """Smooth mel-cepstra (batch, frames, order) to ones with texture, of the same shape.

    A convolution over time, with the coefficients and the noise as channels; residual blocks of two convolutions; and
    a last convolution, whose output is added to the input.

    Args:
        order: coefficients.
        width: channels of the convolutions.
        blocks: number of residual blocks.
        kernel_size: of the convolutions.
        noise_channels: channels of the noise, the second input (batch, frames, noise_channels); 0 for none.

    Raises:
        GanzooError: a size below 1.

    Example:
        from ganzoo.networks.cepstral import cepstral_postfilter

        network = cepstral_postfilter(order=24, width=16, blocks=1, kernel_size=5, noise_channels=4)
        inputs = [np.zeros((2, 40, 24), "float32"), np.zeros((2, 40, 4), "float32")]
        cepstra = network(inputs)      # (2, 40, 24)
    """
    at_least_one(order=order, width=width, blocks=blocks, kernel_size=kernel_size)
    if noise_channels < 0:
        raise GanzooError(f"noise_channels must be at least 0, got {noise_channels}")
    scale = Standardization(order, name=SCALE)
    smooth = keras.Input((None, order), name="smooth")
    inputs, scaled = [smooth], scale(smooth)
    x = scaled
    if noise_channels:
        inputs.append(keras.Input((None, noise_channels), name="latents"))
        x = layers.Concatenate(name="with_noise")([x, inputs[1]])
    x = _convolved(x, width, kernel_size, "first")
    x = _residual_blocks(x, width, blocks, kernel_size)
    small = keras.initializers.RandomNormal(0.0, 1e-3)
    x = Conv1D(order, kernel_size, padding="same", kernel_initializer=small, dtype="float32", name="change")(x)
    x = layers.Add(dtype="float32", name="textured")([scaled, x])
    return keras.Model(inputs if noise_channels else smooth, scale(x, inverse=True), name=name)


def postfilter_reach(blocks: int, kernel_size: int) -> int:
    """How many frames to either side an output frame of `cepstral_postfilter` depends on.

    Example:
        from ganzoo.networks.cepstral import postfilter_reach

        postfilter_reach(blocks=2, kernel_size=5)       # 12: six convolutions of two frames to either side
    """
    return (2 * blocks + 2) * (kernel_size // 2)


def smoother_reach(hop: int, blocks: int, kernel_size: int) -> int:
    """How many frames to either side an output frame of `cepstral_smoother` depends on.

    Example:
        from ganzoo.networks.cepstral import smoother_reach

        smoother_reach(hop=8, blocks=2, kernel_size=5)      # 49: ten, four coarse ones of 8, and 7
    """
    coarse = 2 * (kernel_size // 2)
    fine = (2 * blocks + 1) * (kernel_size // 2)
    # A frame may be at the beginning or the end of its coarse one.
    return fine + coarse * hop + hop - 1


def texture_discriminator(
    frames: int, order: int, widths: Sequence[int], kernel_size: int, name: str = "discriminator"
) -> keras.Model:
    """Segments (batch, frames, order, 2) to logits (batch, frames / 2^n, 1), one for each of overlapping stretches of
    time; n convolutions of stride 2 over time and quefrency.

    Args:
        frames: of a segment, a multiple of 2^n.
        order: coefficients.
        widths: channels of the convolutions.
        kernel_size: of the convolutions, over time and over the coefficients.

    Raises:
        GanzooError: a size below 1, no widths, or a number of frames that is not such a multiple.

    Example:
        from ganzoo.networks.cepstral import texture_discriminator

        network = texture_discriminator(frames=64, order=24, widths=(8, 16), kernel_size=5)
        logits = network(np.zeros((2, 64, 24, 2), "float32"))       # (2, 16, 1)
    """
    if not widths:
        raise GanzooError("discriminator_widths: at least one convolution is needed")
    at_least_one(frames=frames, order=order, kernel_size=kernel_size, **{f"width {i}": w for i, w in enumerate(widths)})
    if frames % 2 ** len(widths):
        raise GanzooError(
            f"a window of {frames} frames is not a multiple of {2 ** len(widths)}, as the {len(widths)} convolutions "
            "of the discriminator need"
        )
    x = segments = keras.Input((frames, order, 2), name="segments")
    for i, width in enumerate(widths, start=1):
        x = Conv2D(width, kernel_size, 2, "same", name=f"conv{i}")(x)
        x = LeakyReLU(0.2, name=f"conv{i}_relu")(x)
    # Each coefficient is different: from here on they are channels.
    x = layers.Reshape((x.shape[1], x.shape[2] * x.shape[3]), name="features")(x)
    return keras.Model(segments, Conv1D(1, 3, padding="same", dtype="float32", name="logits")(x), name=name)


def _residual_blocks(x: Tensor, width: int, blocks: int, kernel_size: int) -> Tensor:
    for i in range(1, blocks + 1):
        y = _convolved(x, width, kernel_size, f"block{i}_first")
        y = Conv1D(width, kernel_size, padding="same", name=f"block{i}_second")(y)
        x = layers.Add(name=f"block{i}_add")([x, y])
    return x


def _convolved(x: Tensor, width: int, kernel_size: int, name: str) -> Tensor:
    return LeakyReLU(0.2, name=f"{name}_relu")(Conv1D(width, kernel_size, padding="same", name=name)(x))
