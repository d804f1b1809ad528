"""A loss that follows PESQ, the measure of speech quality of ITU-T P.862."""

import functools

import numpy as np
from keras import ops

from ganzoo.errors import GanzooError
from ganzoo.losses.hearing import asymmetry, audible_difference, bark, hertz, specific_loudness, threshold_in_quiet
from ganzoo.types import Tensor

SAMPLE_RATE = 16_000
# Frames in samples, and how many of them are pooled to one group, which starts every half a group.
_FRAME, _HOP, _GROUP = 512, 256, 20
# The shortest sound that the loss takes: one group.
SHORTEST = _FRAME + (_GROUP - 1) * _HOP
_BANDS = 49
# Mean square, from 350 to 3250 Hz, to which each sound is scaled; lower mean squares are raised to _QUIET before.
_LEVEL, _LEVEL_HZ, _QUIET = 1e7, (350, 3250), 1e-4
# Factors from spectra to power and from power to loudness: a tone of 1 kHz at 40 dB has about one sone. The standard's
# factor of 100 varies with the band, from 50 to 118.
_POWER, _SONE = 6.910853e-6 * 100, 0.1866055
# The high-pass filter of P.862.2: numerator and denominator.
_FILTER = (2.6657628, -5.3315255, 2.6657628), (1.0, -1.8890331, 0.89487434)
# Zwicker's exponent, larger below 4 Bark.
_EXPONENT = 0.23
# Compensation of gains: what is added to both powers, and the range of the ratio. In the standard, a gain is 0.8 of its
# frame's and 0.2 of the gain before; these three weights are close to that average, and sum to 1.
_GAIN_OFFSET, _GAIN_RANGE, _GAIN_MEMORY = 5e3, (3e-4, 5.0), (0.8, 0.16, 0.04)
# Added to both powers before the asymmetry is computed.
_ADDED_OFFSET = 50.0
# Quiet frames count more; the disturbance of a frame is limited.
_LOUD_OFFSET, _LOUD_POWER, _LOUD_EXPONENT, _LIMIT = 1e5, 1e7, 0.04, 45.0
# Exponent of the mean within a group; that over groups is 2. Weights of the symmetric and the asymmetric disturbance.
_POOLING, _WEIGHTS = 6, (0.1, 0.0309)
# The lowest disturbance of a frame, which is subtracted at the end.
_LEAST = 1e-3


def pesq_disturbance(real: Tensor, fake: Tensor) -> Tensor:
    """How far PESQ's raw score is below its highest, 4.5: 0 for equal sounds, about 2.5 for noisy speech.

    A differentiable approximation of wide-band PESQ (ITU-T P.862 and P.862.2; Rix et al. 2001,
    doi:10.1109/ICASSP.2001.941023): its filter, compensation of gains, loudness, masking, asymmetry and pooling over
    time. The sounds must already be aligned in time. Unlike PESQ, it does not compensate for filtering, so a change of
    timbre counts. It neither skips silence at the ends nor weights the parts of long recordings. Bark bands and hearing
    thresholds come from formulas, not from the standard's tables.

    Combine it with a loss on the waveform, such as L1: it ignores phase and sign, nearly ignores the level, and has no
    gradient for a silent output. Each sound is scaled to the same level, but sounds below -40 dB of full scale (mean
    square from 350 to 3250 Hz) as if they had -40 dB, so that pauses are not amplified. Martín-Doñas et al. 2018
    (doi:10.1109/LSP.2018.2871419) trained with a similar loss.

    Args:
        real, fake: aligned sounds (batch, samples) at 16 kHz, float32 in [-1, 1], of at least 5,376 samples.

    Returns:
        A scalar, float32: the mean over the batch.

    Raises:
        GanzooError: the sounds are shorter.

    Example:
        from ganzoo.losses.pesq import pesq_disturbance

        clean = np.random.default_rng(0).normal(0, 0.1, (2, 16_000)).astype("float32")
        loss = pesq_disturbance(clean, 0.5 * clean)     # 0, since only the level differs
    """
    for sound in (real, fake):
        if sound.shape[-1] is not None and sound.shape[-1] < SHORTEST:
            raise GanzooError(f"PESQ needs sounds of at least {SHORTEST} samples, not {sound.shape[-1]}")
    # Tensors, since PyTorch does not compute with NumPy arrays.
    bands, thresholds, exponents, passed, leveled = (ops.convert_to_tensor(part) for part in _hearing())
    x, y = (_bark_power(ops.cast(sound, "float32"), bands, passed, leveled) for sound in (real, fake))
    # Compensates for a gain that varies from frame to frame.
    powers = [ops.sum(_heard(sound, thresholds), axis=-1, keepdims=True) for sound in (x, y)]
    y = y * ops.clip(_smoothed((powers[0] + _GAIN_OFFSET) / (powers[1] + _GAIN_OFFSET)), *_GAIN_RANGE)
    difference = audible_difference(*(_SONE * specific_loudness(sound, thresholds, exponents) for sound in (x, y)))
    added = asymmetry((y + _ADDED_OFFSET) / (x + _ADDED_OFFSET))
    total = float(bark(SAMPLE_RATE / 2) - bark(_lowest()))
    # Norms over frequency: quadratic for the symmetric disturbance, in which the standard's program squares the widths
    # of the bands too; a sum for the asymmetric one.
    squares = ops.mean(difference**2, axis=-1) * (total / _BANDS)
    frames = [total * ops.sqrt(squares + 1e-12), total * ops.mean(difference * added, axis=-1)]
    loud = ((powers[0][..., 0] + _LOUD_OFFSET) / _LOUD_POWER) ** _LOUD_EXPONENT
    pooled = [_pooled(ops.minimum(frame / loud, _LIMIT)) for frame in frames]
    return ops.mean(_WEIGHTS[0] * pooled[0] + _WEIGHTS[1] * pooled[1])


def _bark_power(sound: Tensor, bands: Tensor, passed: Tensor, leveled: Tensor) -> Tensor:
    """Power (batch, frames, bands) of a filtered sound (batch, samples) that is scaled to the standard level."""
    parts = ops.stft(sound, _FRAME, _HOP, _FRAME, window="hann", center=False)
    spectrum = parts[0] ** 2 + parts[1] ** 2
    # By Parseval's theorem; the mean square of a Hann window is 0.375.
    square = ops.mean(ops.matmul(spectrum, leveled), axis=(1, 2), keepdims=True) * (2.0 / (0.375 * _FRAME**2))
    return ops.matmul(spectrum * passed, bands) * (_POWER * _LEVEL / ops.maximum(square, _QUIET))


def _heard(power: Tensor, thresholds: Tensor) -> Tensor:
    return ops.where(power > thresholds, power, 0.0)


def _smoothed(gains: Tensor) -> Tensor:
    """Running average over the frames (axis 1) of (batch, frames, 1)."""
    padded = ops.concatenate([gains[:, :1], gains[:, :1], gains], axis=1)
    count = len(_GAIN_MEMORY)
    return sum(weight * padded[:, count - 1 - i : -i or None] for i, weight in enumerate(_GAIN_MEMORY))


def _pooled(frames: Tensor) -> Tensor:
    """(batch,) from (batch, frames): means of the sixth power within groups, of the square over groups."""
    # A lower bound, as the gradient of a root is unbounded at 0.
    powers = ops.maximum(frames, _LEAST)[..., None] ** _POOLING
    # A group begins at every tenth frame up to the last one; what is missing of the last groups counts as undisturbed.
    powers = ops.pad(powers, [[0, 0], [0, _GROUP - 1], [0, 0]], constant_values=_LEAST**_POOLING)
    groups = ops.average_pool(powers, _GROUP, _GROUP // 2, data_format="channels_last")[..., 0]
    return ops.sqrt(ops.mean(groups ** (2.0 / _POOLING), axis=-1)) - _LEAST


def _lowest() -> float:
    """Where the lowest band begins, in Hz: in the middle between the first two bins."""
    return SAMPLE_RATE / _FRAME / 2


@functools.cache
def _hearing() -> tuple[np.ndarray, ...]:
    """What the ear does by frequency, float32: the matrix from bins to bands (257, 49), thresholds (49,) as power,
    exponents (49,), the power that P.862.2's filter passes (257,), and the bins of the level, 1 or 0 (257, 1)."""
    hz = np.fft.rfftfreq(_FRAME, 1 / SAMPLE_RATE)
    ends = np.linspace(bark(_lowest()), bark(SAMPLE_RATE / 2), _BANDS + 1)
    low, high = hertz(ends[:-1]), hertz(ends[1:])
    # The share of each bin that lies within each band.
    bands = np.minimum(hz[:, None] + hz[1] / 2, high) - np.maximum(hz[:, None] - hz[1] / 2, low)
    thresholds = 10 ** (threshold_in_quiet((low + high) / 2) / 10)
    centers = (ends[:-1] + ends[1:]) / 2 - ends[0]
    exponents = _EXPONENT * np.clip(6 / (centers + 2), 1, 2) ** 0.15
    delay = np.exp(-2j * np.pi * hz / SAMPLE_RATE)
    passed = abs(np.polyval(_FILTER[0][::-1], delay) / np.polyval(_FILTER[1][::-1], delay)) ** 2
    leveled = (hz >= _LEVEL_HZ[0]) & (hz <= _LEVEL_HZ[1])
    parts = np.maximum(bands, 0) / hz[1], thresholds, exponents, passed, leveled[:, None]
    return tuple(part.astype("float32") for part in parts)
