"""The difference that ears make of two sounds."""

import functools

import numpy as np
from keras import ops

# Samples of a window and from one to the next, in seconds; PESQ's.
_WINDOW, _HOP = 0.032, 0.016
# How loud speech is taken to be, dB of sound pressure, and the least mean square of samples that is taken for speech.
_LEVEL, _QUIET = 79.0, 1e-4
_BANDS_PER_BARK = 2
# Zwicker's exponent of loudness, and what of the excitation at the threshold the ear's own noise is.
_EXPONENT, _OWN = 0.23, 0.5
# Of P.862: the share of the smaller of two loudnesses that masks a difference; and how much more power counts as added,
# where the offset, in dB, is the standard's 50 on a scale on which speech at 79 dB has a power of about 10^7.
_MASKED = 0.25
_ADDED_OFFSET, _ADDED_EXPONENT, _ADDED = 26.0, 1.2, (3.0, 12.0)
# Of what was added beside all differences: little, since what was added is among these too.
_ASYMMETRIC = 0.01


def loudness_difference(real, fake, sample_rate):
    """How much louder or softer, band by band, one sound is than another, and more so where sound was added.

    After the model of hearing in PESQ (ITU-T P.862; Rix et al. 2001): specific loudness (Zwicker) in half Bark bands of
    windows of 32 ms, differences below a quarter of the smaller loudness masked, and a second sum in which what was
    added counts by how much it was. Unlike PESQ it does not align the sounds or forgive filters and gains, and takes
    the mean of squares over time; Martín-Doñas et al. 2018 (doi:10.1109/LSP.2018.2871419) have trained so before.

    Args:
        real, fake: sounds (batch, samples), float32 in [-1, 1]. Both are made louder or softer by what takes `real` to
            79 dB, as if it were at least 40 dB below full scale: a pause is not made loud.
        sample_rate: in Hz.

    Returns:
        A scalar, float32, in sone; 0 where no difference is heard.

    Example:
        loss = loudness_difference(clean, enhanced, 16000)
    """
    window, hop = round(_WINDOW * sample_rate), round(_HOP * sample_rate)
    length = fourier_length(sample_rate)
    bands, thresholds = _hearing(length, sample_rate)
    real, fake = ops.cast(real, "float32"), ops.cast(fake, "float32")
    power = ops.maximum(ops.mean(real**2, axis=-1, keepdims=True), _QUIET)
    excitations = []
    for sound in (real, fake):
        parts = ops.stft(sound / ops.sqrt(power), window, hop, length, window="hann")
        # A full scale of 1: the sum over all bins of a window is the mean square.
        spectrum = (parts[0] ** 2 + parts[1] ** 2) * (2.0 / (length * window * 0.375))
        excitations.append(ops.matmul(spectrum, bands) * 10 ** (_LEVEL / 10))
    x, y = (_loudness(excitation, thresholds) for excitation in excitations)
    difference = ops.maximum(ops.abs(y - x) - _MASKED * ops.minimum(x, y), 0.0)
    offset = 10 ** (_ADDED_OFFSET / 10)
    ratio = ops.stop_gradient((excitations[1] + offset) / (excitations[0] + offset)) ** _ADDED_EXPONENT
    added = ops.where(ratio < _ADDED[0], 0.0, ops.minimum(ratio, _ADDED[1]))
    width = 1.0 / _BANDS_PER_BARK
    symmetric = ops.sum(difference**2, axis=-1) * width
    asymmetric = ops.sum(difference * added, axis=-1) * width
    # Over time the mean of squares, of each sound.
    parts = [_root(ops.mean(symmetric, axis=-1)), _root(ops.mean(asymmetric**2, axis=-1))]
    return ops.mean(parts[0] + _ASYMMETRIC * parts[1])


def fourier_length(sample_rate):
    """Samples of the Fourier transform: sounds have more than half as many."""
    return 2 ** int(np.ceil(np.log2(round(_WINDOW * sample_rate))))


def _loudness(excitation, thresholds):
    """Sone per Bark: Zwicker and Feldtkeller's formula, nothing below the threshold of hearing."""
    ratio = ops.maximum(excitation / thresholds, 1.0)
    return 0.08 * (thresholds / _OWN) ** _EXPONENT * ((1 - _OWN + _OWN * ratio) ** _EXPONENT - 1.0)


def _root(x):
    return ops.sqrt(x + 1e-8)


@functools.cache
def _hearing(length, sample_rate):
    """(bins to bands (length / 2 + 1, bands), thresholds of hearing (bands,) as power), float32.

    Barks after Traunmüller 1990, the threshold after Terhardt 1979.
    """
    hz = np.fft.rfftfreq(length, 1 / sample_rate)
    bark = 26.81 * hz / (1960.0 + hz) - 0.53
    # Below 50 Hz nobody hears speech.
    place = np.floor((bark - bark[hz >= 50][0]) * _BANDS_PER_BARK).astype(int)
    used = [band for band in range(place.max() + 1) if (place == band).any()]
    bands = np.stack([place == band for band in used], axis=1).astype("float32")
    khz = (bands * hz[:, None]).sum(axis=0) / bands.sum(axis=0) / 1000
    decibels = 3.64 * khz**-0.8 - 6.5 * np.exp(-0.6 * (khz - 3.3) ** 2) + 1e-3 * khz**4
    return bands, (10 ** (decibels / 10)).astype("float32")
