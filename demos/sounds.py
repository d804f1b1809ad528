"""Recordings of visitors, and sounds as files and images."""

import functools
import itertools
import shutil
from pathlib import Path

import numpy as np

from ganzoo.data.audio import read_audio
from ganzoo.data.recording_files import opened, soundfile
from ganzoo.data.vowels import vowels
from ganzoo.errors import GanzooError
from ganzoo.inference.recordings import subtype_for

from .common import shown_warning
from .files import folder, new_result

# Samples of all channels in a second: stereo at 96 kHz.
_MOST_PER_SECOND = 2 * 96_000
WIDTH, HEIGHT = 900, 200
# Read by Kathleen, CC0; the second one in the rain. Others are digits_VOICE: three digits spoken by wavenet.digits in
# each voice of cyclegan_vc.digits. `docs/recordings.py` made all of them.
SPEECH, NOISY_SPEECH = "speech", "noisy_speech"
_EXAMPLES = Path(__file__).parent / "samples"


def has_example(name: str) -> bool:
    """Whether there is an example recording of this name."""
    return (_EXAMPLES / f"{name}.ogg").is_file()


@functools.cache
def example_recording(name: str) -> str:
    """The path of an example, e.g. SPEECH, where the page may read it."""
    path: Path = folder() / f"example-{name.replace('_', '-')}.ogg"
    shutil.copyfile(_EXAMPLES / f"{name}.ogg", path)
    return str(path)


def example_file(name: str, sound: np.ndarray, rate: int) -> str:
    """Writes a computed example, with a peak of 0.9, and returns its path. No other example may use this
    name: all pages write to one folder."""
    path: Path = folder() / f"example-{name}.wav"
    soundfile().write(path, 0.9 * sound / np.abs(sound).max(), rate, subtype="PCM_16")
    return str(path)


@functools.cache
def example_vowels() -> str:
    """The path of four synthetic vowels at 16 kHz."""
    return example_file("vowels", vowels(16_000), 16_000)


def recording(path: str | None, seconds: int, command: str) -> tuple[np.ndarray, int, str]:
    """What a visitor recorded or uploaded: (float32 (samples, channels), sample rate, subtype to write it with).

    Args:
        path: of the file, or None.
        seconds: the page's limit, with two channels at 96 kHz.
        command: of the command line, which has no limit.

    Raises:
        GanzooError: no file, one that cannot be read or is too long, or values that are not finite.
    """
    if not path:
        raise GanzooError("record or upload some speech first")
    # The header before decoding: a small file may hold hours of audio or many channels.
    with opened(path) as found:
        if found.samples is not None:
            _check(found.samples, found.channels, found.samplerate, seconds, command)
        subtype = subtype_for(".wav", found.subtype)
        longest = min(seconds, seconds * _MOST_PER_SECOND / (found.channels * found.samplerate))
    sound, rate = read_audio(path, longest, warn=lambda message, kind: shown_warning(message))
    if not np.isfinite(sound).all():
        raise GanzooError("the recording contains values that are not finite")
    return sound, rate, subtype


def _check(length: int, channels: int, rate: int, seconds: int, command: str) -> None:
    if length > seconds * rate:
        size = f"{length / rate:.0f} seconds are"
    elif length * channels > seconds * _MOST_PER_SECOND:
        size = f"{length / rate:.0f} seconds of {channels} channels at {rate} Hz are"
    else:
        return
    raise GanzooError(
        f"{size} more than the page's limit of {seconds} seconds of two channels at 96000 Hz: cut the recording, or "
        f"use `ganzoo {command}` on the command line, which has no such limit"
    )


def written(sound: np.ndarray, rate: int, name: str, subtype: str = "PCM_16") -> str:
    """Writes a WAV file for the page and returns its path."""
    path = new_result(f"{name}.wav")
    soundfile().write(path, sound, rate, subtype=subtype)
    return str(path)


def spectrogram_of(sound: np.ndarray, rate: int, window: float = 0.032, width: int = WIDTH) -> np.ndarray:
    """The spectrogram up to 8 kHz (or half the sample rate), uint8 (height, about width, 3).

    Args:
        sound: float (samples,).
        rate: sample rate in Hz.
        window: duration of a window in seconds, rounded to a power of two samples.
        width: of the image in pixels.
    """
    from ganzoo.inference.spectrogram import spectrogram

    size = 2 ** round(np.log2(max(64, window * rate)))
    image = spectrogram(sound, window=size, hop=max(1, len(sound) // width))
    shown = round(image.shape[0] * min(1.0, 16_000 / rate))
    return np.repeat(np.repeat(image[-shown:], 3, axis=2), max(1, 256 // shown), axis=0)


def waveform(sound: np.ndarray, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """The waveform as an image uint8 (height, width, 3): dark between the least and the greatest sample of a column."""
    peak = max(float(np.abs(sound).max()), 1e-6)
    edges = np.linspace(0, len(sound), width + 1).astype(int)
    sheet = np.full((height, width, 3), 255, "uint8")
    for x, (start, end) in enumerate(itertools.pairwise(edges)):
        part = sound[start : max(end, start + 1)]
        if not len(part):
            continue
        top, bottom = (round((1 - value / peak) * (height - 1) / 2) for value in (part.max(), part.min()))
        sheet[top : bottom + 1, x] = (40, 70, 140)
    return sheet
