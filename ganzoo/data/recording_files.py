"""Single recordings in files, decoded block by block with soundfile.

Headers are not trusted: a recording is decoded until no more samples come, and only decoded samples count.
"""

import contextlib
import functools
import os
import shlex
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import BinaryIO, TypeAlias

import numpy as np

from ganzoo.data.audio_parts import Part, PartFile, parts_of
from ganzoo.errors import GanzooError, first_line, missing_package
from ganzoo.types import PathLike

# A function called as `warn(message, category)`, e.g. `warnings.warn`.
Warn: TypeAlias = Callable[[str, type[Warning]], object]

# Recordings in formats that libsndfile does not decode. They are listed so that reading them gives an error instead of
# silently skipping them.
UNDECODED = (".m4a", ".m4b", ".aac", ".webm", ".weba", ".wma", ".amr", ".3gp", ".mka", ".ac3", ".ape", ".wv", ".mpc")
# Seconds; longer than any utterance. A header that claims more is not trusted before the file is decoded.
LONGEST = 4 * 3600
# Lowest and highest plausible sample rate in Hz.
RATES = (1_000, 384_000)
# Headers are inexact: less than this many missing seconds does not mean that a file is truncated.
_TOLERANCE = 0.1
# Size of a decoded block: seconds, and samples over all channels.
_BLOCK, _BLOCK_VALUES = 10, 2**22
# Most recordings concatenated in one file.
_MOST_PARTS = 1000
# Raised by libsndfile and soundfile for damaged and for partly supported files.
UNREADABLE = (RuntimeError, OSError, ValueError, TypeError, MemoryError, OverflowError)


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


class EndsEarly(UserWarning):
    """A recording holds less audio than its header says, or is damaged from some point on."""


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
        from ganzoo.data.recording_files import header

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
        from ganzoo.data.recording_files import opened

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
