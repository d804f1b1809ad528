"""Metrics of mel-cepstra beside natural ones: the task "speech_restoration".

Over-smoothed speech has little variance in its coefficients (Toda & Tokuda 2007, doi:10.1093/ietisy/e90-d.5.816) and
little power at high modulation frequencies (Takamichi et al. 2014, doi:10.1109/ICASSP.2014.6853604).
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ganzoo.errors import GanzooError
from ganzoo.metrics import speech  # noqa: F401
from ganzoo.metrics.cepstra import DECIBELS, distortion
from ganzoo.metrics.registry import get_metric, register_metric

TASK = "speech_restoration"
# Frames whose mean logarithmic power is further below that of the loudest frame, in dB, are pauses.
_PAUSE = 40.0
# Frames of a segment, and from one to the next, of which the modulation spectrum is the mean.
_SEGMENT, _STEP = 64, 32
# Smaller powers count as this.
_LEAST = 1e-10


@dataclass(frozen=True)
class Restoration:
    """Natural mel-cepstra and others of the same speech.

    Attributes:
        natural, restored: float (frames, order), of power spectra, as WORLD computes them.
        recording: float (samples,), the natural speech; None if no metric needs it.
        synthesize: function without arguments that returns the speech with the restored mel-cepstra, of equal length.
        sample_rate: of both, in Hz.
    """

    natural: np.ndarray
    restored: np.ndarray
    recording: np.ndarray | None = None
    synthesize: Callable[[], np.ndarray] | None = None
    sample_rate: int = 16_000

    @functools.cached_property
    def sounds(self) -> tuple[np.ndarray, np.ndarray]:
        """(the recording, the synthesized speech)."""
        if self.recording is None or self.synthesize is None:
            raise GanzooError("a metric of sound needs a recording and a synthesis: use ganzoo.evaluation")
        return self.recording, self.synthesize()


def mel_cepstral_distortion(natural: np.ndarray, other: np.ndarray) -> float:
    """The mel-cepstral distortion in dB (Kubichek 1993, doi:10.1109/PACRIM.1993.407206); 0 for equal mel-cepstra.

    The root of the summed squared differences of coefficients 1, 2, ... of a frame, as a level difference of spectra on
    the mel scale, averaged over the frames. Pauses, frames more than 40 dB below the loudest, do not count.

    Args:
        natural, other: float (frames, order), as WORLD computes them; coefficient 0 is the level.

    Raises:
        GanzooError: arrays of different or other shapes, or values that are not finite.

    Example:
        natural = np.zeros((100, 25))
        print(ganzoo.metrics.mel_cepstral_distortion(natural, natural + 0.1))   # 2.13, 4.34 times the root of 24 * 0.01
    """
    natural, other = _compared(natural, other)
    frames = _speech(natural)
    return distortion(natural[frames, 1:], other[frames, 1:])


def global_variance(cepstra: np.ndarray, frames: np.ndarray | slice = slice(None)) -> np.ndarray:
    """The variance of each coefficient over the frames of an utterance (Toda & Tokuda 2007, equation 10).

    Args:
        cepstra: float (frames, order).
        frames: which of them count; all by default.

    Returns:
        float64 (order,).

    Example:
        ganzoo.metrics.global_variance(np.array([[1.0, 0.0], [3.0, 0.0]]))     # [1, 0]
    """
    return np.var(np.asarray(cepstra, "float64")[frames], axis=0)


def variance_distance(natural: np.ndarray, other: np.ndarray) -> float:
    """How far the global variances are from natural ones: the mean absolute difference of their levels in dB.

    Over the coefficients 1, 2, ..., without pauses. Half the natural variance in all coefficients is a distance of
    3 dB.

    Args, Raises: as in `mel_cepstral_distortion`.

    Example:
        natural = np.random.default_rng(0).normal(size=(200, 25))
        print(ganzoo.metrics.variance_distance(natural, natural / 2))          # 6.02
    """
    natural, other = _compared(natural, other)
    frames = _speech(natural)
    theirs, ours = (global_variance(cepstra, frames)[1:] for cepstra in (natural, other))
    return _level_difference(theirs, ours)


def modulation_spectrum(cepstra: np.ndarray) -> np.ndarray:
    """The power spectrum of each coefficient over time: how much of it changes how fast.

    The mean over segments of 64 frames that overlap by half, with Hann windows, each without its mean (Takamichi et al.
    2014 take whole utterances).

    Args:
        cepstra: float (frames, order), at least 64 frames.

    Returns:
        float64 (32, order): multiples of 1/64 of the frame rate, 3.1 to 100 Hz for frames of 5 ms. A sine of amplitude
        1 at one of them gives 1/4.

    Raises:
        GanzooError: fewer frames.

    Example:
        trajectory = np.sin(2 * np.pi * 8 / 64 * np.arange(640))[:, None]
        powers = ganzoo.metrics.modulation_spectrum(trajectory)[:, 0]           # 1/4 at place 7, for 8/64
    """
    cepstra = np.asarray(cepstra, "float64")
    if len(cepstra) < _SEGMENT:
        raise GanzooError(f"a modulation spectrum needs at least {_SEGMENT} frames, got {len(cepstra)}")
    segments = np.lib.stride_tricks.sliding_window_view(cepstra, _SEGMENT, axis=0)[::_STEP]
    window = np.hanning(_SEGMENT + 1)[:-1]
    centered = (segments - segments.mean(axis=-1, keepdims=True)) * window
    powers = np.abs(np.fft.rfft(centered, axis=-1) / window.sum()) ** 2
    return powers.mean(axis=0).T[1:]


def modulation_distance(natural: np.ndarray, other: np.ndarray) -> float:
    """How far the modulation spectra are from natural ones: the mean absolute difference of their levels in dB.

    Over the coefficients 1, 2, ... and all modulation frequencies of `modulation_spectrum`.

    Args, Raises: as in `mel_cepstral_distortion`; fewer than 64 frames.

    Example:
        natural = np.random.default_rng(0).normal(size=(200, 25))
        print(ganzoo.metrics.modulation_distance(natural, natural / 2))        # 6.02
    """
    natural, other = _compared(natural, other)
    theirs, ours = (modulation_spectrum(cepstra)[:, 1:] for cepstra in (natural, other))
    return _level_difference(theirs, ours)


def _level_difference(first: np.ndarray, second: np.ndarray) -> float:
    levels = (10 * np.log10(np.maximum(powers, _LEAST)) for powers in (first, second))
    return float(np.mean(np.abs(np.subtract(*levels))))


def _speech(natural: np.ndarray) -> np.ndarray:
    """Which frames are not pauses, bool (frames,)."""
    return natural[:, 0] >= natural[:, 0].max() - _PAUSE / DECIBELS


def _compared(natural: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both mel-cepstra as float64, checked."""
    natural, other = np.asarray(natural, "float64"), np.asarray(other, "float64")
    if natural.ndim != 2 or natural.shape != other.shape or not len(natural) or natural.shape[1] < 2:
        raise GanzooError(
            f"mel-cepstra must be (frames, order) of one shape, at least 2 coefficients, got {natural.shape} and "
            f"{other.shape}"
        )
    if not (np.isfinite(natural).all() and np.isfinite(other).all()):
        raise GanzooError("the mel-cepstra have values that are not finite numbers")
    return natural, other


def _metric(name: str, protocol: str, **options: Any) -> Any:
    return register_metric(name, TASK, protocol=protocol, default=True, **options)


_WITHOUT_PAUSES = "frames more than 40 dB below the loudest do not count"


@_metric("mel_cepstral_distortion", f"mel-cepstral distortion in dB, {_WITHOUT_PAUSES}")
def _mel_cepstral_distortion(found: Restoration) -> float:
    return mel_cepstral_distortion(found.natural, found.restored)


@_metric("variance_distance", "mean absolute difference of the levels of global variances in dB, without such frames")
def _variance_distance(found: Restoration) -> float:
    return variance_distance(found.natural, found.restored)


@_metric("modulation_distance", "the same of modulation spectra, segments of 64 frames")
def _modulation_distance(found: Restoration) -> float:
    return modulation_distance(found.natural, found.restored)


def _of_sound(name: str) -> None:
    """Registers a metric of speech enhancement for the synthesized speech."""
    enhancement = get_metric(name, "speech_enhancement")

    def requires(sample_rate: int) -> None:
        enhancement.require(sample_rate)

    def measured(found: Restoration) -> Any:
        return enhancement.function(*found.sounds, found.sample_rate)

    register_metric(
        name,
        TASK,
        values=enhancement.values,
        protocol=enhancement.protocol,
        higher_is_better=True,
        default=True,
        requires=requires,
    )(measured)


for _name in ("pesq", "dnsmos"):
    _of_sound(_name)
