"""Analysis of speech into pitch, mel-cepstra and aperiodicity, and synthesis from them, by WORLD (Morise et al. 2016,
doi:10.1587/transinf.2015EDP7457)."""

import warnings
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from ganzoo.errors import missing_package

# Seconds from one frame to the next.
PERIOD = 0.005


@dataclass(frozen=True)
class Analysis:
    """What WORLD makes of a recording.

    Attributes:
        pitch: float64 (frames,) in Hz, 0 where unvoiced.
        cepstra: float32 (frames, order), mel-cepstra of the power spectrum.
        aperiodicity: float64 (frames, bins).
    """

    pitch: np.ndarray
    cepstra: np.ndarray
    aperiodicity: np.ndarray


def world() -> ModuleType:
    """The module `pyworld`.

    Raises:
        GanzooError: it is not installed.
    """
    try:
        with warnings.catch_warnings(action="ignore"):
            import pyworld
    except ImportError:
        raise missing_package("pyworld", "voice", "analysis of voices") from None
    return pyworld


def _pitch_and_spectrum(sound, rate):
    library = world()
    sound = np.ascontiguousarray(sound, "float64")
    rough, times = library.dio(sound, rate, frame_period=1000 * PERIOD)
    pitch = library.stonemask(sound, rough, times, rate)
    return sound, pitch, times, library.cheaptrick(sound, pitch, times, rate)


def mel_cepstra(sound: np.ndarray, rate: int, order: int) -> np.ndarray:
    """Mel-cepstra float32 (frames, order)."""
    _, _, _, spectrum = _pitch_and_spectrum(sound, rate)
    return world().code_spectral_envelope(spectrum, rate, order).astype("float32")


def analyzed(sound: np.ndarray, rate: int, order: int) -> Analysis:
    """The analysis of a sound (samples,)."""
    sound, pitch, times, spectrum = _pitch_and_spectrum(sound, rate)
    library = world()
    aperiodicity = library.d4c(sound, pitch, times, rate)
    cepstra = library.code_spectral_envelope(spectrum, rate, order).astype("float32")
    return Analysis(pitch, cepstra, aperiodicity)


def synthesized(analysis: Analysis, rate: int, length: int) -> np.ndarray:
    """The sound of an analysis, float32 (length,)."""
    library = world()
    size = library.get_cheaptrick_fft_size(rate)
    spectrum = library.decode_spectral_envelope(np.ascontiguousarray(analysis.cepstra, "float64"), rate, size)
    sound = library.synthesize(analysis.pitch, spectrum, analysis.aperiodicity, rate, 1000 * PERIOD)
    return np.pad(sound, (0, max(0, length - len(sound))))[:length].astype("float32")
