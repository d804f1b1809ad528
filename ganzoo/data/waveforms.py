"""Audio as arrays: checks, types, and places at which to divide it."""

from typing import Any

import numpy as np

from ganzoo.data.recording_files import RATES
from ganzoo.errors import GanzooError

# The largest absolute sample value is 40 dB above full scale, which no recording reaches.
MOST_CHANNELS, _LOUDEST = 64, 100.0


def checked_audio(audio: Any, what: str = "the model") -> np.ndarray:
    """Audio that a user passed, as float32, after a check.

    Args:
        audio: (samples,) or (samples, channels), at most 64 channels. int16, int32, uint8, or floats in [-1, 1].
        what: what takes it, for errors.

    Returns:
        float32 with the same shape, in [-1, 1]; floats keep their level.

    Raises:
        GanzooError: an array of another type or shape, an empty one, or one with values that are NaN, infinite or
            beyond 100.

    Example:
        from ganzoo.data.waveforms import checked_audio

        checked_audio(np.array([0, -32768], "int16"))       # [0, -1]
    """
    audio = np.asarray(audio)
    if audio.ndim not in (1, 2) or not audio.size or audio.dtype.kind not in "fiu":
        raise GanzooError(f"{what} takes audio (samples[, channels]), got {audio.dtype} {audio.shape}")
    if audio.ndim == 2 and audio.shape[1] > MOST_CHANNELS:
        raise GanzooError(
            f"audio must be (samples, channels); {audio.shape[1]} channels look like samples: transpose it"
        )
    check_values(audio)
    return as_float(audio)


def checked_rate(rate: Any) -> int:
    """A sample rate in Hz as an integer, after a check.

    Raises:
        GanzooError: it is not a whole number, or out of range.
    """
    whole = isinstance(rate, (int, np.integer)) or (isinstance(rate, float) and rate.is_integer())
    if not whole or isinstance(rate, bool) or not RATES[0] <= rate <= RATES[1]:
        raise GanzooError(f"sample_rate must be an integer from {RATES[0]} to {RATES[1]} Hz, got {rate!r}")
    return int(rate)


def check_values(audio: np.ndarray, before: int = 0) -> None:
    """Refuses values that are not finite or far beyond full scale.

    Args:
        audio: (samples[, channels]).
        before: number of samples in earlier blocks, for the message.
    """
    if audio.dtype.kind != "f":
        return
    # False for NaN too.
    valid = np.abs(audio) <= _LOUDEST
    if valid.all():
        return
    index = tuple(np.argwhere(~valid)[0])
    value, where = audio[index], f"sample {before + index[0]}"
    where += f" of channel {index[1]}" if audio.ndim == 2 and audio.shape[1] > 1 else ""
    if not np.isfinite(value):
        raise GanzooError(f"the audio has values that are not finite numbers: {value} at {where}")
    raise GanzooError(
        f"the audio has values beyond {_LOUDEST:g}: {value:.3g} at {where}. Samples lie in [-1, 1]; divide integers by "
        "their full scale, 32768 for 16 bits"
    )


def as_float(audio: np.ndarray) -> np.ndarray:
    """Audio of any type that files use, as float32 in [-1, 1]."""
    if audio.dtype.kind == "f":
        return audio.astype("float32")
    if audio.dtype == np.uint8:
        return (audio.astype("float32") - 128.0) / 128.0
    if audio.dtype not in (np.int16, np.int32):
        raise GanzooError(f"audio must be float, int16, int32 or uint8, got {audio.dtype}")
    return (audio / -float(np.iinfo(audio.dtype).min)).astype("float32")


def of_length(sound: np.ndarray, length: int) -> np.ndarray:
    """The first `length` samples of (samples,), or all of them followed by silence.

    Example:
        from ganzoo.data.waveforms import of_length

        of_length(np.ones(2), 3)        # [1, 1, 0]
    """
    return sound[:length] if len(sound) >= length else np.pad(sound, (0, length - len(sound)))


def quiet_places(sound: np.ndarray, sample_rate: int, shortest: float, longest: float) -> list[int]:
    """Samples at which to divide a long recording into parts: each part ends where it is quietest for 50 ms.

    Args:
        sound: float (samples,).
        sample_rate: in Hz.
        shortest, longest: durations of a part in seconds; the last one may be shorter.

    Returns:
        Indices in ascending order; none for a recording of at most `longest`.

    Example:
        from ganzoo.data.waveforms import quiet_places

        sound = np.ones(50)
        sound[20:30] = 0
        quiet_places(sound, sample_rate=20, shortest=1, longest=2)      # [21]
    """
    places, start, width = [], 0, max(1, round(0.05 * sample_rate))
    while len(sound) - start > longest * sample_rate:
        first, last = (start + round(seconds * sample_rate) for seconds in (shortest, longest))
        power = np.cumsum(np.square(sound[first:last], dtype="float64"))
        start = first + int(np.argmin(power[width:] - power[:-width])) + width // 2
        places.append(start)
    return places
