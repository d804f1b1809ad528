"""Speech as pitch, mel-cepstra and aperiodicity, and back, by the WORLD vocoder (Morise et al. 2016,
doi:10.1587/transinf.2015EDP7457)."""

import functools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from types import ModuleType

import numpy as np

from ganzoo.data.waveforms import of_length
from ganzoo.errors import GanzooError, at_least_one, missing_package

# Seconds from one frame to the next.
FRAME_SECONDS = 0.005
# WORLD needs some periods of the lowest pitch. In search of frequencies up to 7900 Hz, it writes outside of its arrays
# below the first rate, and reads outside of them below the second.
_SHORTEST_SECONDS, _LOWEST_RATE, _WIDE_RATE = 0.1, 8_000, 16_000
# Below every recording: the power of one step of 16 bits, with which silence has a spectrum.
_FLOOR = (1 / 32768) ** 2 / 16


@dataclass(frozen=True)
class Analysis:
    """What WORLD finds in a recording, a frame every 5 ms.

    Attributes:
        pitch: float32 (frames,), the fundamental frequency in Hz; 0 where the speech is unvoiced.
        cepstra: float32 (frames, 1 + coefficients), the mel-cepstra: an orthonormal cosine transform of the logarithm
            of the spectral power over mel frequencies. Column 0 is the mean logarithm, the others are the shape.
        aperiodicity: float32 (frames, bins) in [0, 1], the share of noise at each frequency; None if it was not asked
            for.
        sample_rate: in Hz.
        samples: length of the recording.
    """

    pitch: np.ndarray
    cepstra: np.ndarray
    aperiodicity: np.ndarray | None
    sample_rate: int
    samples: int


@dataclass(frozen=True)
class PitchStatistics:
    """Mean and standard deviation of the natural logarithm of a voice's pitch in Hz."""

    mean: float
    deviation: float


def analyze(audio: np.ndarray, sample_rate: int, coefficients: int = 24, aperiodicity: bool = True) -> Analysis:
    """The pitch, mel-cepstra and aperiodicity of a recording.

    Args:
        audio: float (samples,) in [-1, 1], of any length.
        sample_rate: in Hz, at least 8000.
        coefficients: of a mel-cepstrum besides the loudness.
        aperiodicity: whether to compute it; only synthesis needs it.

    Raises:
        GanzooError: an array of another type or shape, an empty one, one with values that are not finite, a sample rate
            or a number of coefficients out of range, or pyworld is missing.

    Example:
        from ganzoo.data.vocoder import analyze, synthesize
        from ganzoo.data.vowels import vowels

        analysis = analyze(vowels(16_000)[:16_000], 16_000)
        analysis.pitch.shape, analysis.cepstra.shape    # (201,), (201, 25)
        audio = synthesize(analysis)                    # float32 (16000,)
    """
    world = pyworld()
    at_least_one(coefficients=coefficients)
    audio = np.asarray(audio)
    if audio.ndim != 1 or not audio.size or audio.dtype.kind != "f":
        raise GanzooError(f"analyze() takes audio float (samples,), got {audio.dtype} {audio.shape}")
    if not np.isfinite(audio).all():
        raise GanzooError("the audio holds samples that are not finite numbers")
    if sample_rate < _LOWEST_RATE:
        raise GanzooError(f"the vocoder needs a sample rate of at least {_LOWEST_RATE} Hz, got {sample_rate}")
    samples = len(audio)
    frames = frame_count(samples, sample_rate)
    x = np.pad(audio.astype("float64"), (0, max(0, int(_SHORTEST_SECONDS * sample_rate) - samples)))
    rough, times = world.dio(x, sample_rate, frame_period=1000 * FRAME_SECONDS)
    pitch = world.stonemask(x, rough, times, sample_rate)
    envelope = np.maximum(world.cheaptrick(x, pitch, times, sample_rate), _FLOOR)
    if coefficients >= envelope.shape[1] - 1:
        raise GanzooError(f"a spectrum at {sample_rate} Hz has fewer than {coefficients} mel-cepstral coefficients")
    cepstra = world.code_spectral_envelope(envelope, sample_rate, 1 + coefficients)
    noise = _aperiodicity(x, pitch, times, sample_rate, envelope.shape[1])[:frames] if aperiodicity else None
    return Analysis(pitch[:frames].astype("float32"), cepstra[:frames].astype("float32"), noise, sample_rate, samples)


def features_of(analysis: Analysis) -> np.ndarray:
    """What models of voices take: float32 (frames, 2 + coefficients), the natural logarithm of the pitch in Hz, 0 where
    the speech is unvoiced, and the mel-cepstra with the loudness.

    Example:
        from ganzoo.data.vocoder import analyze, features_of

        features = features_of(analyze(np.zeros(16_000, "float32"), 16_000))    # (201, 26)
    """
    voiced = analysis.pitch > 0
    pitch = np.where(voiced, np.log(np.where(voiced, analysis.pitch, 1.0)), 0.0)
    return np.concatenate([pitch[:, None], analysis.cepstra], axis=1).astype("float32")


def with_features(analysis: Analysis, features: np.ndarray) -> Analysis:
    """The analysis with other features of `features_of`, at the power that it had: the coefficient 0 is the mean of the
    logarithm of the spectrum, with which another shape may be louder."""
    pitch = np.where(features[:, 0] > 0, np.exp(features[:, 0]), 0.0).astype("float32")
    cepstra = np.array(features[:, 1:], "float64")
    cepstra[:, 0] += _log_power(analysis.cepstra, analysis.sample_rate) - _log_power(cepstra, analysis.sample_rate)
    return replace(analysis, pitch=pitch, cepstra=cepstra.astype("float32"))


def _log_power(cepstra, rate):
    """The natural logarithm of the mean power of the spectrum of each frame, (frames,)."""
    world = pyworld()
    size = world.get_cheaptrick_fft_size(rate)
    power = world.decode_spectral_envelope(np.ascontiguousarray(cepstra, "float64"), rate, size).mean(axis=1)
    # Finite for every spectrum.
    return np.log(np.clip(power, 1e-300, 1e300))


def _aperiodicity(x, pitch, times, rate, bins):
    """WORLD's aperiodicity, float32 (frames, bins), at rates below 16 kHz from twice as many samples."""
    double = rate < _WIDE_RATE
    if double:
        from scipy.signal import resample_poly

        x, rate = resample_poly(x, 2, 1), 2 * rate
    found = pyworld().d4c(x, pitch, times, rate, fft_size=(2 if double else 1) * 2 * (bins - 1))
    return found[:, :bins].astype("float32")


def synthesize(analysis: Analysis) -> np.ndarray:
    """The recording with given pitch, mel-cepstra and aperiodicity, float32 (samples,).

    Raises:
        GanzooError: there is no aperiodicity, values that are not finite, or pyworld is missing.
    """
    world, rate = pyworld(), analysis.sample_rate
    if analysis.aperiodicity is None:
        raise GanzooError("synthesis needs the aperiodicity: analyze(..., aperiodicity=True)")
    if not (np.isfinite(analysis.cepstra).all() and np.isfinite(analysis.pitch).all()):
        raise GanzooError("pitch and mel-cepstra must be finite numbers")
    pitch, cepstra, noise = (
        np.ascontiguousarray(array, "float64") for array in (analysis.pitch, analysis.cepstra, analysis.aperiodicity)
    )
    envelope = world.decode_spectral_envelope(cepstra, rate, 2 * (noise.shape[1] - 1))
    audio = world.synthesize(pitch, envelope, noise, rate, 1000 * FRAME_SECONDS)
    return of_length(audio.astype("float32"), analysis.samples)


def frame_count(samples: int, sample_rate: int) -> int:
    """The number of frames of a recording: one at its start, and one every 5 ms."""
    # As WORLD computes it: rounding decides about the last frame.
    return int(1000 * samples / sample_rate / (1000 * FRAME_SECONDS)) + 1


def pitch_statistics(pitches: Iterable[np.ndarray]) -> PitchStatistics:
    """Statistics of the pitch of recordings over all voiced frames.

    Args:
        pitches: float (frames,) each, in Hz, 0 where unvoiced.

    Raises:
        GanzooError: no frame is voiced.

    Example:
        from ganzoo.data.vocoder import pitch_statistics

        pitch_statistics([np.array([0.0, 100.0, 100.0])])   # mean log(100), deviation 0
    """
    voiced = np.concatenate([np.zeros(0), *(np.asarray(pitch, "float64").ravel() for pitch in pitches)])
    voiced = np.log(voiced[voiced > 0])
    if not len(voiced):
        raise GanzooError("no frame of these recordings is voiced, so that they have no pitch")
    return PitchStatistics(float(voiced.mean()), float(voiced.std()))


@functools.cache
def pyworld() -> ModuleType:
    """The package pyworld.

    Raises:
        GanzooError: it is not installed.
    """
    try:
        import pyworld
    except ImportError:
        raise missing_package("pyworld", "voice", "analyzing and synthesizing speech") from None
    return pyworld
