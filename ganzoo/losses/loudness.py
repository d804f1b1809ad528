"""A loss that models the loudness differences that listeners hear."""

import functools

import numpy as np
from keras import ops

from ganzoo.losses.hearing import asymmetry, audible_difference, bark, specific_loudness, threshold_in_quiet
from ganzoo.types import Tensor

# Window and hop in seconds, as in PESQ.
_WINDOW, _HOP = 0.032, 0.016
# The assumed level of speech in dB SPL, and the lower bound on the mean square of the samples.
_LEVEL, _QUIET = 79.0, 1e-4
_BANDS_PER_BARK = 2
# Zwicker's exponent of loudness, and his factor for loudness in sone.
_EXPONENT, _SONE = 0.23, 0.08
# The offset of the asymmetry in dB: the standard's 50 on a scale on which speech at 79 dB has a power of about 10^7.
_ADDED_OFFSET = 26.0
# Weight of the asymmetric term; small, because the symmetric one already includes added sound.
_ASYMMETRIC = 0.01


def loudness_difference(real: Tensor, fake: Tensor, sample_rate: int) -> Tensor:
    """The perceived loudness difference of two sounds, band by band; added sound counts more than missing sound.

    Follows the hearing model of PESQ (ITU-T P.862; Rix et al. 2001): specific loudness (Zwicker) in half-Bark bands of
    32 ms windows; differences below a quarter of the smaller loudness are masked; a second, asymmetric term weights
    added sound by how much was added. Unlike PESQ it does not align the sounds or compensate for filters and gains, and
    averages squares over time. Martín-Doñas et al. 2018 (doi:10.1109/LSP.2018.2871419) trained with a similar loss.

    Args:
        real, fake: sounds (batch, samples), float32 in [-1, 1]. Both are scaled by the gain that brings `real` to 79
            dB; a level of `real` below -40 dB of full scale counts as -40 dB, so pauses are not amplified.
        sample_rate: in Hz.

    Returns:
        A scalar, float32, in sone; 0 if no difference is audible.

    Example:
        from ganzoo.losses.loudness import loudness_difference

        clean = np.random.default_rng(0).normal(0, 0.1, (2, 4000)).astype("float32")
        loss = loudness_difference(clean, 0.5 * clean, 16_000)
    """
    window, hop = round(_WINDOW * sample_rate), round(_HOP * sample_rate)
    length = fourier_length(sample_rate)
    # Tensors, since PyTorch does not compute with NumPy arrays.
    bands, thresholds = (ops.convert_to_tensor(part) for part in _hearing(length, sample_rate))
    real, fake = ops.cast(real, "float32"), ops.cast(fake, "float32")
    power = ops.maximum(ops.mean(real**2, axis=-1, keepdims=True), _QUIET)
    excitations = []
    for sound in (real, fake):
        parts = ops.stft(sound / ops.sqrt(power), window, hop, length, window="hann")
        # Normalized so that the sum over the bins of a window is the mean square.
        spectrum = (parts[0] ** 2 + parts[1] ** 2) * (2.0 / (length * window * 0.375))
        excitations.append(ops.matmul(spectrum, bands) * 10 ** (_LEVEL / 10))
    difference = audible_difference(*(_SONE * specific_loudness(one, thresholds, _EXPONENT) for one in excitations))
    offset = 10 ** (_ADDED_OFFSET / 10)
    added = asymmetry(ops.stop_gradient((excitations[1] + offset) / (excitations[0] + offset)))
    width = 1.0 / _BANDS_PER_BARK
    symmetric = ops.sum(difference**2, axis=-1) * width
    asymmetric = ops.sum(difference * added, axis=-1) * width
    # Root mean square over time, per sound.
    parts = [_root(ops.mean(symmetric, axis=-1)), _root(ops.mean(asymmetric**2, axis=-1))]
    return ops.mean(parts[0] + _ASYMMETRIC * parts[1])


def fourier_length(sample_rate: int) -> int:
    """Length of the Fourier transform in samples; sounds must be longer than half of it."""
    return 2 ** int(np.ceil(np.log2(round(_WINDOW * sample_rate))))


def _root(x: Tensor) -> Tensor:
    return ops.sqrt(x + 1e-8)


@functools.cache
def _hearing(length: int, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """(matrix from bins to bands (length / 2 + 1, bands), hearing thresholds (bands,) as power), float32."""
    hz = np.fft.rfftfreq(length, 1 / sample_rate)
    # The lowest band starts at 50 Hz.
    place = np.floor((bark(hz) - bark(hz[hz >= 50][0])) * _BANDS_PER_BARK).astype(int)
    used = [band for band in range(place.max() + 1) if (place == band).any()]
    bands = np.stack([place == band for band in used], axis=1).astype("float32")
    # Nobody hears the bands above 20 kHz, whose thresholds are beyond float32.
    decibels = np.minimum(threshold_in_quiet((bands * hz[:, None]).sum(axis=0) / bands.sum(axis=0)), 300.0)
    return bands, (10 ** (decibels / 10)).astype("float32")
