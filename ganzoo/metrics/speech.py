"""How good enhanced speech is beside the clean: PESQ and STOI of their libraries, and measures that have none."""

import functools
import warnings

import numpy as np

from ganzoo.errors import GanzooError, first_line, missing_package

_EPSILON = 1e-10


def pesq(clean, enhanced, sample_rate=16_000, band=None):
    """Perceptual evaluation of speech quality (ITU-T P.862), 1.04 to 4.64 in wide band: higher is better.

    Args:
        clean, enhanced: float (samples,), of one length.
        sample_rate: 8000 or 16000 Hz.
        band: "wb" (P.862.2) or "nb"; wide at 16000 Hz if not given.

    Raises:
        GanzooError: the package pesq is missing, another rate, sounds that cannot be compared.
    """
    try:
        from pesq import PesqError
        from pesq import pesq as measure
    except ImportError:
        raise missing_package("pesq", "speech-metrics", "PESQ") from None
    if sample_rate not in (8_000, 16_000):
        raise GanzooError(f"PESQ is defined at 8000 and 16000 Hz, not at {sample_rate}")
    clean, enhanced = _compared(clean, enhanced)
    try:
        return float(measure(sample_rate, clean, enhanced, band or ("wb" if sample_rate == 16_000 else "nb")))
    except (PesqError, ValueError) as error:
        raise GanzooError(f"PESQ: {first_line(error)}") from None


def stoi(clean, enhanced, sample_rate=16_000):
    """Short-time objective intelligibility (Taal et al. 2011, doi:10.1109/TASL.2011.2114881), up to 1.

    Args, Raises: as `pesq`; any sample rate.
    """
    try:
        import pystoi
    except ImportError:
        raise missing_package("pystoi", "speech-metrics", "STOI") from None
    clean, enhanced = _compared(clean, enhanced)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            return float(pystoi.stoi(clean, enhanced, sample_rate))
        except RuntimeWarning as error:
            raise GanzooError(f"STOI: {first_line(error)}") from None


def si_sdr(clean, enhanced, sample_rate=None):
    """Scale-invariant signal-to-distortion ratio in dB (Le Roux et al. 2018, arXiv:1811.02508, equation 3).

    Without its zero-mean step, as there. Infinite for a multiple of the clean sound.

    Args, Raises: as `pesq`; the sample rate makes no difference.
    """
    clean, enhanced = _compared(clean, enhanced)
    energy = np.dot(clean, clean)
    if not energy:
        raise GanzooError("SI-SDR of silence is not defined")
    target = np.dot(enhanced, clean) / energy * clean
    noise = np.sum((enhanced - target) ** 2)
    return float(10 * np.log10(np.sum(target**2) / noise)) if noise else float("inf")


def segmental_snr(clean, enhanced, sample_rate=16_000):
    """The mean signal-to-noise ratio of 30 ms frames in dB, each limited to -10 to 35 (Hansen & Pellom 1998).

    Hann windows that overlap by three quarters, as in Loizou's programs.

    Args, Raises: as `pesq`.
    """
    clean, enhanced = _compared(clean, enhanced)
    ours, theirs = (_frames(sound, sample_rate) for sound in (enhanced, clean))
    signal, noise = np.sum(theirs**2, axis=1), np.sum((theirs - ours) ** 2, axis=1)
    return float(np.mean(np.clip(10 * np.log10(signal / (noise + _EPSILON) + _EPSILON), -10, 35)))


def _compared(clean, enhanced):
    clean, enhanced = np.asarray(clean, "float64"), np.asarray(enhanced, "float64")
    if clean.ndim != 1 or clean.shape != enhanced.shape or not len(clean):
        raise GanzooError(f"sounds are (samples,) of one length, got {clean.shape} and {enhanced.shape}")
    if not (np.isfinite(clean).all() and np.isfinite(enhanced).all()):
        raise GanzooError("a sound holds values that are no numbers")
    return clean, enhanced


def _frames(sound, sample_rate):
    """Windowed frames (count, samples) of 30 ms, a quarter of that apart."""
    length = round(0.03 * sample_rate)
    if len(sound) < length:
        raise GanzooError(f"a sound of {len(sound)} samples is shorter than a frame of {length}")
    window = 0.5 * (1 - np.cos(2 * np.pi * np.arange(1, length + 1) / (length + 1)))
    return np.lib.stride_tricks.sliding_window_view(sound, length)[:: length // 4] * window


_MEASURES = {"pesq": pesq, "stoi": stoi, "si_sdr": si_sdr, "segmental_snr": segmental_snr}


def measures(names, sample_rate):
    """{name: function of clean and enhanced} of those whose packages are installed and that take the sample rate."""
    found = {}
    for name in names:
        packages = {"pesq": "pesq", "stoi": "pystoi"}
        try:
            if name in packages:
                __import__(packages[name])
        except ImportError:
            continue
        if name == "pesq" and sample_rate not in (8_000, 16_000):
            continue
        found[name] = functools.partial(_MEASURES[name], sample_rate=sample_rate)
    return found
