"""Recordings as arrays: any file libsndfile reads, at the requested sample rate.

Headers are not trusted: a recording is decoded until no more samples come, and only decoded samples count.

Two code paths give the same samples. Where tensorflow-io's native operations load (TensorFlow 2.16), they decode and
resample files within one tf.data graph. Otherwise, and for file types they do not support, soundfile and soxr are used.
Decoding is identical up to rounding; the two resamplers differ by less than -60 dB of the signal below 80 % of the
lower Nyquist frequency.
"""

import contextlib
import functools
import importlib.util
import os
import shlex
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import gcd
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, TypeAlias

import numpy as np

from ganzoo.data.audio_parts import Part, PartFile, parts_of
from ganzoo.data.sources import files_in
from ganzoo.errors import GanzooError, first_line, missing_package
from ganzoo.types import PathLike

# A function called as `warn(message, category)`, e.g. `warnings.warn`.
Warn: TypeAlias = Callable[[str, type[Warning]], object]

# Formats libsndfile decodes (`soundfile.available_formats`), without ambiguous suffixes (.mat, .raw).
DECODED = (".wav", ".wave", ".bwf", ".rf64", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".mp2", ".aiff", ".aif", ".aifc")
DECODED += (".au", ".snd", ".caf", ".w64", ".voc", ".nist", ".sph", ".avr", ".paf", ".pvf", ".sf", ".ircam")
DECODED += (".htk", ".wve", ".xi", ".svx", ".8svx")
# Recordings in formats that libsndfile does not decode. They are listed so that reading them gives an error instead of
# silently skipping them.
UNDECODED = (".m4a", ".m4b", ".aac", ".webm", ".weba", ".wma", ".amr", ".3gp", ".mka", ".ac3", ".ape", ".wv", ".mpc")
SUFFIXES = DECODED + UNDECODED
# Seconds; longer than any utterance. A header that claims more is not trusted before the file is decoded.
LONGEST = 4 * 3600
# Lowest and highest plausible sample rate in Hz.
RATES = (1_000, 384_000)


def audio_files(root: PathLike) -> list[Path]:
    """The audio files of a folder, found as by `ganzoo.data.sources.files_in`.

    Includes formats that cannot be decoded, so that reading them raises an error that says what to do. If a converted
    copy of such a file lies beside it, only the copy counts.

    Example:
        from ganzoo.data.audio import audio_files

        paths = audio_files("my_speech")
    """
    paths = files_in(root, SUFFIXES, "recordings")
    converted = {path.with_suffix("") for path in paths if path.suffix.lower() in DECODED}
    return [path for path in paths if path.suffix.lower() in DECODED or path.with_suffix("") not in converted]


def soundfile() -> ModuleType:
    """The module `soundfile`.

    Raises:
        GanzooError: soundfile or libsndfile is not installed.
    """
    try:
        import soundfile
    except ImportError:
        raise missing_package("soundfile", "speech", "reading recordings") from None
    except OSError as error:
        raise GanzooError(f"soundfile cannot find libsndfile: {first_line(error)}") from None
    return soundfile


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


# Headers are inexact: less than this many missing seconds does not mean that a file is truncated.
_TOLERANCE = 0.1
# Size of a decoded block: seconds, and samples over all channels.
_BLOCK, _BLOCK_VALUES = 10, 2**22
# Most samples over all channels held in memory: four hours in stereo at 48 kHz.
_MOST_VALUES = LONGEST * 48_000 * 2
# Most recordings concatenated in one file.
_MOST_PARTS = 1000
# Raised by libsndfile and soundfile for damaged and for partly supported files.
UNREADABLE = (RuntimeError, OSError, ValueError, TypeError, MemoryError, OverflowError)


class EndsEarly(UserWarning):
    """A recording holds less audio than its header says, or is damaged from some point on."""


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


@dataclass(frozen=True)
class Header:
    """What is known about a recording before it is decoded.

    Attributes:
        samples: upper bound of the samples per channel; None if unknown, as in a FLAC file that was written to a pipe.
        samplerate: in Hz.
        channels: number of channels.
    """

    samples: int | None
    samplerate: int
    channels: int


def header(path: PathLike) -> Header:
    """The `Header` of a recording, read with bounded memory.

    Raises:
        GanzooError: the file is missing or not a recording.

    Example:
        from ganzoo.data.audio import header

        channels = header("noisy.wav").channels     # 1
    """
    with opened(path) as recording:
        return Header(recording.samples, recording.samplerate, recording.channels)


def promised(path: PathLike) -> tuple[int, int]:
    """(upper bound of the samples per channel, sample rate in Hz) of a file; (0, 1) if it is not a recording."""
    soundfile()
    try:
        with opened(path) as recording:
            samples, rate = recording.samples, recording.samplerate
            if samples is None:
                samples = 0
                for block in recording.blocks():
                    samples += len(block)
                    if samples > LONGEST * rate:
                        break
    except GanzooError:
        return 0, 1
    return samples, rate


def estimated(path: PathLike) -> tuple[int, int]:
    """(samples, sample rate in Hz) of a file, a fast estimate for planning memory; (0, 1) if unknown.

    The estimate is at most 64 samples per byte of the file, whatever the header says.
    """
    library = soundfile()
    try:
        found = library.info(str(path))
        return min(found.frames, 64 * os.path.getsize(path)), found.samplerate
    except UNREADABLE:
        return 0, 1


@contextlib.contextmanager
def opened(path: PathLike) -> Iterator["OpenedRecording"]:
    """Context manager that opens a recording as an `OpenedRecording`.

    Raises:
        GanzooError: the file is missing, not a recording, or has an implausible sample rate.

    Example:
        from ganzoo.data.audio import opened

        with opened("noisy.wav") as recording:
            count = sum(len(block) for block in recording.blocks())     # 16000
    """
    soundfile()
    path = Path(path)
    with contextlib.ExitStack() as stack:
        try:
            if not path.is_file():
                raise GanzooError(f"no such recording: {path}")
            # As a file object: the name may not be valid in any encoding.
            file = stack.enter_context(open(path, "rb"))
            parts = parts_of(file, os.fstat(file.fileno()).st_size, path.suffix.lower())
            recording = stack.enter_context(contextlib.closing(OpenedRecording(path, file, parts)))
        except GanzooError:
            raise
        except UNREADABLE as error:
            raise GanzooError(_why_unreadable(path, error)) from None
        if not RATES[0] <= recording.samplerate <= RATES[1]:
            raise GanzooError(f"{path} has a sample rate of {recording.samplerate} Hz, not {RATES[0]} to {RATES[1]}")
        yield recording


class OpenedRecording:
    """A recording that is decoded once, from start to end; opened by `opened`.

    Attributes:
        samplerate: in Hz.
        channels: number of channels.
        subtype: libsndfile's name of the sample encoding, e.g. "PCM_16".
        decoded: samples per channel decoded so far by `blocks`.
    """

    def __init__(self, path: Path, file: BinaryIO, parts: list[Part]):
        if len(parts) > _MOST_PARTS:
            raise GanzooError(f"{path} is more than {_MOST_PARTS} recordings concatenated into one")
        self._path, self._file, self._parts = path, file, parts
        self._first = self._opened(parts[0])
        self.samplerate, self.channels = self._first.samplerate, self._first.channels
        self.subtype = self._first.subtype
        self.decoded, self._promised, self._reason = 0, 0.0, ""

    def close(self) -> None:
        self._first.close()

    @functools.cached_property
    def samples(self) -> int | None:
        """Upper bound of the samples per channel; None if unknown."""
        announced = [_announced(self._first, self._parts[0])]
        for part in self._parts[1:]:
            with contextlib.suppress(*UNREADABLE), self._opened(part) as sound:
                announced.append(_announced(sound, part))
        return None if None in announced else sum(announced)

    def blocks(self) -> Iterator[np.ndarray]:
        """Yields blocks, float32 (samples, channels), until nothing more can be decoded; blocks share no memory."""
        for i, part in enumerate(self._parts):
            try:
                sound = self._opened(part) if i else self._first
            except UNREADABLE as error:
                self._note(f"the rest cannot be read: {_reason(error)}")
                continue
            with sound:
                if (sound.samplerate, sound.channels) != (self.samplerate, self.channels):
                    self._note(f"a different recording follows: {sound.channels} channels at {sound.samplerate} Hz")
                    continue
                before, announced = self.decoded, _announced(sound, part)
                yield from self._blocks_of(sound, part.lead, announced)
                known = part.promised is not None and announced is not None
                self._promised += announced * part.promised if known else self.decoded - before
            if not part.ended:
                self._note("its end is missing")

    def check(self, warn: Warn | None = None) -> None:
        """Reports what is wrong with a recording; called after `blocks` is exhausted.

        Args:
            warn: called as `warn(message, EndsEarly)` if there is less audio than the header says; default
                `warnings.warn`.

        Raises:
            GanzooError: the recording is empty.
        """
        why = f" ({self._reason})" if self._reason else ""
        if not self.decoded:
            raise GanzooError(f"{self._path} holds no sound{why}")
        found, wanted = self.decoded / self.samplerate, self._promised / self.samplerate
        if wanted - found > _TOLERANCE:
            message = f"{self._path} ends early: its header promises {wanted:.2f} s, {found:.2f} s can be decoded{why}"
        elif self._reason:
            message = f"{self._path} ends early: {found:.2f} s can be decoded{why}"
        else:
            return
        (warn or warnings.warn)(message, EndsEarly)

    def _opened(self, part):
        return _forward_only()(PartFile(self._file, part))

    def _note(self, reason):
        """Records the first problem only."""
        self._reason = self._reason or reason

    def _blocks_of(self, sound, lead, announced):
        size = max(1, min(_BLOCK * self.samplerate, _BLOCK_VALUES // self.channels))
        place = 0
        while True:
            block = np.empty((size, self.channels), "float32")
            try:
                # `SoundFile.blocks` would yield the whole buffer after a short read.
                count = len(sound.read(size, out=block))
            except UNREADABLE as error:
                # A tag after the last sample is not damage.
                if announced is None or _place(sound) < announced:
                    self._note(_reason(error))
                count = max(0, min(size, _place(sound) - place))
            if not count:
                return
            kept = block[max(0, lead - place) : count]
            place += count
            self.decoded += len(kept)
            if len(kept):
                yield kept


def _announced(sound, part):
    """Upper bound of the samples in a part; None if unknown."""
    if part.samples is not None:
        return part.samples
    return sound.frames if sound.frames < 2**60 else None


def _place(sound):
    """How many samples libsndfile has decoded, even if it failed afterwards."""
    try:
        return sound.seek(0, os.SEEK_CUR)
    except UNREADABLE:
        return 0


@functools.cache
def _forward_only():
    """A `SoundFile` that is only read from start to end.

    Without seeking, soundfile neither asks for the position before each read, which some decoders cannot tell, nor
    stops at an estimated number of samples.
    """

    class ForwardOnly(soundfile().SoundFile):
        def seekable(self):
            return False

    return ForwardOnly


# Formats that libsndfile does not read, by their first bytes.
_OTHER_KINDS = {
    b"\x1aE\xdf\xa3": "WebM or Matroska",
    b"0&\xb2u": "Windows Media",
    b"#!AM": "AMR",
    b"MAC ": "Monkey's Audio",
    b"wvpk": "WavPack",
    b"\xff\xf1": "AAC",
    b"\xff\xf9": "AAC",
    b"\x0bw": "AC-3",
}


def _why_unreadable(path: Path, error: Exception) -> str:
    """Error message for a file that libsndfile does not open, with a way to convert it if there may be one."""
    with contextlib.suppress(OSError), open(path, "rb") as file:
        start = file.read(12)
        kinds = [kind for magic, kind in _OTHER_KINDS.items() if start.startswith(magic)]
        kind = "MP4" if start[4:8] == b"ftyp" else kinds[0] if kinds else None
        unsupported = "unsupported encoding" in _reason(error)
        if kind or unsupported or (start and path.suffix.lower() in UNDECODED):
            what = f"it is {kind}" if kind else _reason(error)
            target = path.with_suffix(".wav" if path.suffix.lower() != ".wav" else ".flac").name
            convert = f"ffmpeg -i {shlex.quote(path.name)} {shlex.quote(target)}"
            return f"{path} cannot be decoded here ({what}): convert it first, for example with {convert}"
    return f"{path} cannot be read as a recording: {_reason(error)}"


def _reason(error: Exception) -> str:
    """libsndfile's message, without its name for the open file."""
    said = getattr(error, "error_string", None) or first_line(error)
    return said.removeprefix("Error : ").rstrip(".")


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
    found = _read_natively(files, rate) if native else {}
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


# By format and subtype of a file: tensorflow-io's operation and its output type. Asking for a type other than the
# file's would crash the process, so everything not listed here goes through soundfile.
_NATIVE = {
    ("WAV", "PCM_16"): ("decode_wav", "int16"),
    ("FLAC", "PCM_16"): ("decode_flac", "int16"),
    ("OGG", "VORBIS"): ("decode_vorbis", None),
    ("MP3", "MPEG_LAYER_III"): ("decode_mp3", None),
}


@functools.cache
def tensorflow_io() -> Any:
    """tensorflow-io's module `audio` if its native operations load, else None."""
    if importlib.util.find_spec("tensorflow_io") is None:
        return None
    from ganzoo import backend

    if not backend.IS_TENSORFLOW:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import tensorflow_io

            # The native library is loaded by its first operation.
            tensorflow_io.audio.resample(np.zeros((8, 1), "float32"), 2, 1)
            return tensorflow_io.audio
        except Exception:  # it raises many kinds of errors with other versions of TensorFlow
            return None


def _read_natively(paths: list[Path], rate: int) -> dict[Path, np.ndarray]:
    """{path: float32 (length,)} of the files that tensorflow-io decodes, with one tf.data graph per format."""
    import tensorflow as tf

    library, audio = soundfile(), tensorflow_io()
    if audio is None:
        raise GanzooError("tensorflow-io's native operations do not load with this TensorFlow: omit native")
    kinds: dict[tuple[str, str, int], list[Path]] = {}
    lengths: dict[Path, int] = {}
    for path in paths:
        try:
            told = library.info(str(path))
            with open(path, "rb") as file:
                size = os.fstat(file.fileno()).st_size
                # Concatenated files, files with a wrong header and truncated files go through soundfile.
                parts = parts_of(file, size, path.suffix.lower())
                whole = [(part.start, part.end, part.ended) for part in parts] == [(0, size, True)]
        except UNREADABLE:
            continue
        usual = RATES[0] <= told.samplerate <= RATES[1] and 0 < told.frames <= LONGEST * told.samplerate
        if whole and usual and (told.format, told.subtype) in _NATIVE:
            kinds.setdefault((told.format, told.subtype, told.samplerate), []).append(path)
            lengths[path] = (2 * told.frames * rate + told.samplerate) // (2 * told.samplerate)
    found = {}
    for (file_format, subtype, own), group in kinds.items():
        operation, dtype = _NATIVE[file_format, subtype]
        decode = getattr(audio, operation)

        def decoded(i, path, decode=decode, dtype=dtype, own=own):
            content = tf.io.read_file(path)
            samples = decode(content, dtype=tf.int16) if dtype else decode(content)
            samples = tf.cast(samples, tf.float32) / (32768.0 if dtype else 1.0)
            return i, _resampled_natively(audio, tf.reduce_mean(samples, axis=1, keepdims=True), own, rate)[:, 0]

        indices = tf.range(len(group), dtype=tf.int64)
        dataset = tf.data.Dataset.from_tensor_slices((indices, [str(path) for path in group]))
        dataset = dataset.map(decoded, num_parallel_calls=tf.data.AUTOTUNE).ignore_errors()
        for i, samples in dataset.as_numpy_iterator():
            # A recording that ends early goes through soundfile, which warns.
            if np.isfinite(samples).all() and len(samples) and abs(len(samples) - lengths[group[i]]) <= 1:
                found[group[i]] = samples
    return found


def _resampled_natively(audio, samples, rate, wanted):
    """tensorflow-io's resampling, compensated for its delay of half a filter.

    The Speex resampler's filter spans 64 samples at the lower rate, rounded to a multiple of 8 input samples. Leading
    silence makes the delay a whole number of output samples.
    """
    import tensorflow as tf

    if rate == wanted:
        return samples
    filter_length = -(-int(64 * max(1.0, rate / wanted)) // 8) * 8
    step = rate // gcd(rate, wanted)
    padding = -(filter_length // 2) % step
    delay = (filter_length // 2 + padding) * wanted // rate
    # Rounded as soxr does.
    length = (2 * tf.shape(samples, out_type=tf.int64)[0] * wanted + rate) // (2 * rate)
    # Trailing silence too: the last samples come out after the same delay.
    padded = tf.pad(samples, [[padding, filter_length + step], [0, 0]])
    return audio.resample(padded, rate, wanted)[delay : delay + length]
