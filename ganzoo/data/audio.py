"""Recordings as arrays: any file libsndfile reads, at the requested sample rate.

Two code paths give the same samples. Where tensorflow-io's native operations load (TensorFlow 2.16), they decode and
resample files within one tf.data graph. Otherwise, and for file types they do not support, soundfile and soxr are used.
Decoding is identical up to rounding; the two resamplers differ by less than -60 dB of the signal below 80% of the
lower Nyquist frequency.
"""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import numpy as np

from ganzoo.data.folders import files_in
from ganzoo.data.native_audio import read_natively, tensorflow_io
from ganzoo.data.recording_files import LONGEST, UNDECODED, Warn, opened
from ganzoo.errors import GanzooError, missing_package
from ganzoo.types import PathLike

# Formats libsndfile decodes (`soundfile.available_formats`), without ambiguous suffixes (.mat, .raw).
DECODED = (".wav", ".wave", ".bwf", ".rf64", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".mp2", ".aiff", ".aif", ".aifc")
DECODED += (".au", ".snd", ".caf", ".w64", ".voc", ".nist", ".sph", ".avr", ".paf", ".pvf", ".sf", ".ircam")
DECODED += (".htk", ".wve", ".xi", ".svx", ".8svx")
SUFFIXES = DECODED + UNDECODED
# Most samples over all channels held in memory: four hours in stereo at 48 kHz.
_MOST_VALUES = LONGEST * 48_000 * 2


def audio_files(root: PathLike) -> list[Path]:
    """The audio files of a folder, found as by `ganzoo.data.folders.files_in`.

    Includes formats that cannot be decoded, so that reading them raises an error that says what to do. If a converted
    copy of such a file lies beside it, only the copy counts.

    Example:
        from ganzoo.data.audio import audio_files

        paths = audio_files("my_speech")
    """
    paths = files_in(root, SUFFIXES, "recordings")
    converted = {path.with_suffix("") for path in paths if path.suffix.lower() in DECODED}
    return [path for path in paths if path.suffix.lower() in DECODED or path.with_suffix("") not in converted]


def soxr() -> ModuleType:
    """The module `soxr`.

    Raises:
        GanzooError: soxr is not installed.
    """
    try:
        import soxr
    except ImportError:
        raise missing_package("soxr", "speech", "resampling") from None
    return soxr


def read_audio(path: PathLike, longest: float = LONGEST, warn: Warn | None = None) -> tuple[np.ndarray, int]:
    """Reads a recording: (samples float32 (length, channels), sample rate in Hz).

    A truncated file gives the samples that can be decoded. Recordings of the same format that were concatenated into
    one file are decoded one after the other.

    Args:
        path: the file.
        longest: maximum length in seconds; a longer recording raises an error, by its header or while it is decoded.
        warn: called as `warn(message, EndsEarly)` if there is less audio than the header says; default
            `warnings.warn`.

    Raises:
        GanzooError: the file is missing, unreadable, empty or too long.

    Example:
        from ganzoo.data.audio import read_audio

        samples, rate = read_audio("noisy.wav")     # float32 (16000, 1), 16000
    """
    blocks, rate = _decoded(path, longest, warn)
    return np.concatenate(blocks), rate


def _decoded(
    path: PathLike,
    longest: float = LONGEST,
    warn: Warn | None = None,
    change: Callable[[np.ndarray], np.ndarray] = lambda block: block,
) -> tuple[list[np.ndarray], int]:
    """([`change(block)` for each block], sample rate) of a whole recording."""
    blocks, length = [], 0
    with opened(path) as recording:
        limit = min(int(longest * recording.samplerate), _MOST_VALUES // recording.channels)
        seconds = limit / recording.samplerate
        refused = GanzooError(f"{path} is longer than {seconds / 3600:.3g} hours ({seconds:.0f} seconds)")
        if (recording.samples or 0) > limit:
            raise refused
        for block in recording.blocks():
            length += len(block)
            if length > limit:
                raise refused
            blocks.append(change(block))
        recording.check(warn)
        return blocks, recording.samplerate


def resampled(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """Resamples float32 (length, ...) from `rate` to `wanted` Hz with soxr's best quality.

    Example:
        from ganzoo.data.audio import resampled

        halved = resampled(np.zeros(16_000, "float32"), 16_000, 8_000)     # float32 (8000,)
    """
    return samples if rate == wanted else soxr().resample(samples, rate, wanted, quality="VHQ")


def read_all(
    paths: Iterable[PathLike], rate: int, native: bool | None = None, warn: Warn | None = None
) -> tuple[list[np.ndarray | None], dict[Path, str]]:
    """Reads recordings as mono at one sample rate.

    Args:
        paths: the files.
        rate: sample rate in Hz.
        native: use tensorflow-io's operations; None uses them if they load.
        warn: called for recordings that end early, as in `read_audio`.

    Returns:
        (list of float32 arrays (length,), with None for a file that cannot be read; {path: reason} of these files).

    Example:
        from ganzoo.data.audio import read_all

        (samples,), broken = read_all(["noisy.wav"], rate=8_000)     # float32 (8000,), {}
    """
    files = [Path(path) for path in paths]
    native = tensorflow_io() is not None if native is None else native
    found = read_natively(files, rate) if native else {}
    broken: dict[Path, str] = {}

    def read(path):
        try:
            # Converted to mono block by block: many channels need no more memory than one.
            blocks, own = _decoded(path, warn=warn, change=lambda block: block.mean(axis=1))
            samples = np.concatenate(blocks)
            if not np.isfinite(samples).all():
                raise GanzooError(f"{path} holds samples that are not finite numbers")
            sound = np.ascontiguousarray(resampled(samples, own, rate), "float32")
            if not len(sound):
                raise GanzooError(f"{path} holds no sound")
            found[path] = sound
        except GanzooError as error:
            broken[path] = str(error)

    with ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 2)) as pool:
        list(pool.map(read, [path for path in files if path not in found]))
    return [found.get(path) for path in files], broken
