"""The networks of CycleGAN-VC (Kaneko & Kameoka 2017, arXiv:1711.11293, figure 4): a gated convolutional network from a
voice's features to another's, and a discriminator of mel-cepstra."""

from typing import Literal

import keras
from keras import layers

from ganzoo.errors import GanzooError, at_least_one
from ganzoo.layers import Conv1D, Conv2D, GatedLinearUnit, MissingFrames, VoiceRestoration, VoiceStatistics
from ganzoo.networks.translation import instance_norm as _instance_norm
from ganzoo.types import Tensor

# Frames that the generator takes are multiples of this.
MULTIPLE = 4
# Names of the layers that hold the statistics of both voices.
SOURCE, TARGET = "source_voice", "target_voice"


def voice_converter(
    coefficients: int,
    width: int,
    channels: int,
    hidden: int,
    blocks: int,
    output: Literal["direct", "residual"] = "direct",
    fills_in: bool = False,
    name: str = "generator",
) -> keras.Model:
    """Features of one voice (batch, frames, 2 + coefficients) to those of another; frames are a multiple of 4.

    Features are those of `ganzoo.layers.VoiceStatistics`. Pitch is standardized by the statistics of the first voice,
    and restored by those of the second, which is the logarithm-Gaussian conversion; coefficient 0 stays. Of the
    standardized mel-cepstra, a convolution, two of stride 2, residual blocks, two convolutions whose output is shuffled
    to twice the frames, and a last one make those of the second voice. Gated linear units and instance normalization.

    Args:
        coefficients: of a mel-cepstrum.
        width: channels after the first gate, twice as many after the second; the paper has 128.
        channels: of the residual blocks' sums; the paper has 512.
        hidden: channels within a residual block after the gate; the paper has 1024.
        blocks: number of residual blocks; the paper has 6.
        output: "direct" as in the paper, or "residual": the network's output is added to the standardized mel-cepstra,
            so that training starts near the conversion of mean and deviation.
        fills_in: whether the network is told which frames are missing, see `ganzoo.layers.MissingFrames`.

    Raises:
        GanzooError: a size below 1.

    Example:
        from ganzoo.networks.voice import voice_converter

        network = voice_converter(24, width=8, channels=16, hidden=16, blocks=1)
        features = network(np.zeros((2, 128, 26), "float32"))       # (2, 128, 26)
    """
    at_least_one(coefficients=coefficients, width=width, channels=channels, hidden=hidden, blocks=blocks)
    features = keras.Input((None, 2 + coefficients), name="features")
    pitch, cepstra = VoiceStatistics(coefficients, name=SOURCE)(features)
    known = MissingFrames(name="missing_frames")([features, cepstra]) if fills_in else cepstra
    x = GatedLinearUnit(name="first_gate")(Conv1D(2 * width, 15, padding="same", name="first")(known))
    x = _gated(x, 2 * width, 5, "down1", strides=2)
    x = _gated(x, channels, 5, "down2", strides=2)
    for i in range(1, blocks + 1):
        y = _gated(x, hidden, 3, f"block{i}_first")
        y = Conv1D(channels, 3, padding="same", use_bias=False, name=f"block{i}_second")(y)
        x = layers.Add(name=f"block{i}_add")([x, _instance_norm(f"block{i}_second_norm")(y)])
    x = _gated(x, 2 * width, 5, "up1", shuffle=True)
    x = _gated(x, width, 5, "up2", shuffle=True)
    initial = keras.initializers.RandomNormal(0.0, 1e-3) if output == "residual" else "glorot_uniform"
    x = Conv1D(coefficients, 15, padding="same", dtype="float32", kernel_initializer=initial, name="last")(x)
    if output == "residual":
        # In missing frames, the output is added to the mean.
        x = layers.Add(dtype="float32", name="sum")([known[..., :coefficients] if fills_in else cepstra, x])
    return keras.Model(features, VoiceRestoration(coefficients, name=TARGET)([features, pitch, x]), name=name)


def cepstra_discriminator(
    frames: int,
    coefficients: int,
    width: int,
    depth: int = 4,
    patches: bool = False,
    instance_norm: bool = True,
    name: str = "discriminator",
) -> keras.Model:
    """Mel-cepstra (batch, frames, coefficients) to logits: gated convolutions over time and coefficients, and a dense
    layer to (batch, 1), or a convolution to a map of logits.

    Args:
        frames: a multiple of 2^depth.
        coefficients: a multiple of 4.
        width: channels of the first convolution after its gate, twice as many after each further; the paper has 128.
        depth: number of gated convolutions, 2 to 4; the paper has 4. With `patches`, 2, 3 or 4 of them see 15, 31 or
            63 frames.
        patches: whether overlapping patches have a logit each, as in CycleGAN and in CycleGAN-VC2 (Kaneko et al. 2019,
            arXiv:1904.04631), or the segment as a whole.
        instance_norm: normalize as in the paper. Without, the discriminator also sees the means and deviations of a
            segment.

    Raises:
        GanzooError: another number of frames or coefficients, or a size below 1.

    Example:
        from ganzoo.networks.voice import cepstra_discriminator

        logits = cepstra_discriminator(128, 24, width=4)(np.zeros((2, 128, 24), "float32"))     # (2, 1)
    """
    at_least_one(frames=frames, coefficients=coefficients, width=width)
    if not 2 <= depth <= 4:
        raise GanzooError(f"the discriminator has 2 to 4 gated convolutions, got {depth}")
    if frames % 2**depth or coefficients % 4:
        raise GanzooError(
            f"the discriminator takes multiples of {2**depth} frames and of 4 coefficients, got {frames} and "
            f"{coefficients}"
        )
    cepstra = keras.Input((frames, coefficients), name="cepstra")
    # Time is the first axis.
    x = layers.Reshape((frames, coefficients, 1), name="image")(cepstra)
    for i in range(1, depth + 1):
        kernel_size = (3, 6) if i == depth else (3, 3)
        # The first and the last keep the number of coefficients.
        strides = (2, 1) if i in (1, depth) else (2, 2)
        bias = i == 1 or not instance_norm
        x = Conv2D(2**i * width, kernel_size, strides, "same", use_bias=bias, name=f"conv{i}")(x)
        # The first layer sees levels as they are.
        x = _instance_norm(f"conv{i}_norm")(x) if instance_norm and i > 1 else x
        x = GatedLinearUnit(name=f"conv{i}_gate")(x)
    if patches:
        return keras.Model(cepstra, Conv2D(1, 3, padding="same", dtype="float32", name="logits")(x), name=name)
    return keras.Model(
        cepstra, layers.Dense(1, dtype="float32", name="logit")(layers.Flatten(name="flat")(x)), name=name
    )


def _gated(x: Tensor, channels: int, kernel_size: int, name: str, strides: int = 1, shuffle: bool = False) -> Tensor:
    """A convolution, perhaps shuffled to twice the frames, instance normalization and a gate."""
    outputs = (4 if shuffle else 2) * channels
    x = Conv1D(outputs, kernel_size, strides, "same", use_bias=False, name=name)(x)
    if shuffle:
        # Halves of the channels become neighboring frames (Shi et al. 2016, arXiv:1609.05158, in one dimension).
        x = layers.Reshape((-1, outputs // 2), name=f"{name}_shuffle")(x)
    return GatedLinearUnit(name=f"{name}_gate")(_instance_norm(f"{name}_norm")(x))
