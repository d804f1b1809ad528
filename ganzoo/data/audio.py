"""Recordings as arrays: any file libsndfile reads, at the sample rate asked for.

What a header promises is not believed: recordings are decoded until nothing more comes, and what was decoded counts.

Two paths give the same samples. Where tensorflow-io's native operations load (TensorFlow 2.16), files are decoded and
resampled by them within one tf.data graph; anywhere else, and for kinds of files that they do not know, by soundfile
and soxr. Decoding is the same to the bit but for rounding; the two resamplers differ by less than -60 dB of the signal
below 80 % of the lower Nyquist frequency.
"""

import contextlib
import functools
import importlib.util
import os
import shlex
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import gcd
from pathlib import Path

import numpy as np

from ganzoo.data.audio_parts import PartFile, parts_of
from ganzoo.data.sources import files_in
from ganzoo.errors import GanzooError, first_line, missing_package

# What libsndfile decodes (`soundfile.available_formats`), without suffixes that mean other things as well (.mat, .raw).
DECODED = (".wav", ".wave", ".bwf", ".rf64", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".mp2", ".aiff", ".aif", ".aifc")
DECODED += (".au", ".snd", ".caf", ".w64", ".voc", ".nist", ".sph", ".avr", ".paf", ".pvf", ".sf", ".ircam")
DECODED += (".htk", ".wve", ".xi", ".svx", ".8svx")
# Recordings, too, but of kinds that it does not decode: whoever has them is told so, instead of missing them later.
UNDECODED = (".m4a", ".m4b", ".aac", ".webm", ".weba", ".wma", ".amr", ".3gp", ".mka", ".ac3", ".ape", ".wv", ".mpc")
SUFFIXES = DECODED + UNDECODED
# Longer than any utterance; a header that promises more is not believed before it is read.
LONGEST = 4 * 3600
# Sample rates in Hz; others are errors of a header.
RATES = (1_000, 384_000)


def audio_files(root):
    """The audio files of a folder, as `ganzoo.data.sources.files_in`.

    Of kinds that no decoder opens, too: reading them says what to do. Where the same recording stands beside it,
    converted, that one alone counts.
    """
    paths = files_in(root, SUFFIXES, "recordings")
    converted = {path.with_suffix("") for path in paths if path.suffix.lower() in DECODED}
    return [path for path in paths if path.suffix.lower() in DECODED or path.with_suffix("") not in converted]


def soundfile():
    """The module, or the sentence that it is missing."""
    try:
        import soundfile
    except ImportError:
        raise missing_package("soundfile", "speech", "reading recordings") from None
    except OSError as error:
        raise GanzooError(f"soundfile finds no libsndfile: {first_line(error)}") from None
    return soundfile


def soxr():
    """The module, or the sentence that it is missing."""
    try:
        import soxr
    except ImportError:
        raise missing_package("soxr", "speech", "resampling") from None
    return soxr


# Less than this many seconds is missing because headers are inexact, not because a file was cut.
_TOLERANCE = 0.1
# Seconds, and samples of all channels together, that are decoded at once.
_BLOCK, _BLOCK_VALUES = 10, 2**22
# Samples of all channels together that are kept in memory: four hours in stereo at 48 kHz.
_MOST_VALUES = LONGEST * 48_000 * 2
# Recordings joined into one file.
_MOST_PARTS = 1000
# What libsndfile and soundfile raise on damaged files, and on kinds that they only nearly know.
UNREADABLE = (RuntimeError, OSError, ValueError, TypeError, MemoryError, OverflowError)


class EndsEarly(UserWarning):
    """A recording holds less than its header says, or is damaged from some place on."""


def read_audio(path, longest=LONGEST, warn=None):
    """(samples float32 (length, channels), sample rate in Hz) of a file.

    A file that ends early gives what can be decoded. Files of one kind that were joined into one are decoded one after
    the other.

    Args:
        path: of the file.
        longest: seconds; a longer recording is refused, by its header or as soon as so much has been decoded.
        warn: called as `warn(message, EndsEarly)` where there is less than the header says; `warnings.warn` if not
            given.

    Raises:
        GanzooError: missing, damaged from its beginning, empty or too long.

    Example:
        samples, rate = read_audio("speech.flac")
    """
    blocks, rate = _decoded(path, longest, warn)
    return np.concatenate(blocks), rate


def _decoded(path, longest=LONGEST, warn=None, change=lambda block: block):
    """([`change` of each block], sample rate) of a whole recording."""
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
    """What is known of a recording before it is decoded.

    Attributes:
        samples: per channel, not exceeded when it is decoded; None where nobody knows, as in a FLAC file that was
            written into a pipe.
        samplerate: in Hz.
        channels: number of channels.
    """

    samples: int | None
    samplerate: int
    channels: int


def header(path):
    """The `Header` of a recording: in memory that does not depend on what it says.

    Raises:
        GanzooError: missing, or no recording.

    Example:
        header("speech.wav").channels
    """
    with opened(path) as recording:
        return Header(recording.samples, recording.samplerate, recording.channels)


def promised(path):
    """(samples, sample rate in Hz) that a file decodes to at the most; (0, 1) of what is no recording."""
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


def estimated(path):
    """(samples, sample rate in Hz) of a file, fast and inexact: for planning memory. (0, 1) where nothing is known.

    No header gets more than 64 samples for each byte of its file.
    """
    library = soundfile()
    try:
        found = library.info(str(path))
        return min(found.frames, 64 * os.path.getsize(path)), found.samplerate
    except UNREADABLE:
        return 0, 1


@contextlib.contextmanager
def opened(path):
    """An `OpenedRecording`.

    Raises:
        GanzooError: missing, no recording, or of a sample rate that is none.
    """
    soundfile()
    path = Path(path)
    with contextlib.ExitStack() as stack:
        try:
            if not path.is_file():
                raise GanzooError(f"no such recording: {path}")
            # Not by its name, which may be in no encoding at all.
            file = stack.enter_context(open(path, "rb"))
            parts = parts_of(file, os.fstat(file.fileno()).st_size, path.suffix.lower())
            recording = stack.enter_context(contextlib.closing(OpenedRecording(path, file, parts)))
        except GanzooError:
            raise
        except UNREADABLE as error:
            raise GanzooError(_why_unreadable(path, error)) from None
        if not RATES[0] <= recording.samplerate <= RATES[1]:
            raise GanzooError(f"{path} has a sample rate of {recording.samplerate} Hz, not of {RATES[0]} to {RATES[1]}")
        yield recording


class OpenedRecording:
    """A recording that is decoded once, from its beginning to its end; made by `opened`.

    Attributes:
        samplerate: in Hz.
        channels: number of channels.
        subtype: how samples are kept, by libsndfile's name, e.g. "PCM_16".
        decoded: samples that `blocks` has given so far.
    """

    def __init__(self, path, file, parts):
        if len(parts) > _MOST_PARTS:
            raise GanzooError(f"{path} is more than {_MOST_PARTS} recordings joined into one")
        self._path, self._file, self._parts = path, file, parts
        self._first = self._opened(parts[0])
        self.samplerate, self.channels = self._first.samplerate, self._first.channels
        self.subtype = self._first.subtype
        self.decoded, self._promised, self._reason = 0, 0.0, ""

    def close(self):
        self._first.close()

    @functools.cached_property
    def samples(self):
        """Samples per channel, not exceeded by decoding; None where nobody knows."""
        announced = [_announced(self._first, self._parts[0])]
        for part in self._parts[1:]:
            with contextlib.suppress(*UNREADABLE), self._opened(part) as sound:
                announced.append(_announced(sound, part))
        return None if None in announced else sum(announced)

    def blocks(self):
        """Yields float32 (samples, channels), each an array of its own, until nothing more can be decoded."""
        for i, part in enumerate(self._parts):
            try:
                sound = self._opened(part) if i else self._first
            except UNREADABLE as error:
                self._note(f"what follows cannot be read: {_reason(error)}")
                continue
            with sound:
                if (sound.samplerate, sound.channels) != (self.samplerate, self.channels):
                    self._note(f"another recording follows, of {sound.channels} channels at {sound.samplerate} Hz")
                    continue
                before, announced = self.decoded, _announced(sound, part)
                yield from self._blocks_of(sound, part.lead, announced)
                known = part.promised is not None and announced is not None
                self._promised += announced * part.promised if known else self.decoded - before
            if not part.ended:
                self._note("its end is missing")

    def check(self, warn=None):
        """Says what is wrong with a recording that was decoded to its end.

        Args:
            warn: called as `warn(message, EndsEarly)` where there is less than the header says; `warnings.warn` if not
                given.

        Raises:
            GanzooError: there is nothing at all.
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
        """Keeps the first reason."""
        self._reason = self._reason or reason

    def _blocks_of(self, sound, lead, announced):
        size = max(1, min(_BLOCK * self.samplerate, _BLOCK_VALUES // self.channels))
        place = 0
        while True:
            block = np.empty((size, self.channels), "float32")
            try:
                # `SoundFile.blocks` would give the whole buffer after a read that was short.
                count = len(sound.read(size, out=block))
            except UNREADABLE as error:
                # Behind the last sample there may be a tag, which is no damage.
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
    """Samples that a part decodes to at the most; None where nobody knows."""
    if part.samples is not None:
        return part.samples
    return sound.frames if sound.frames < 2**60 else None


def _place(sound):
    """How many samples libsndfile has decoded, also where it has failed then."""
    try:
        return sound.seek(0, os.SEEK_CUR)
    except UNREADABLE:
        return 0


@functools.cache
def _forward_only():
    """A `SoundFile` that goes from the beginning to the end.

    Without seeking, soundfile neither asks for the place before each read, which some decoders cannot tell, nor stops
    at a number of samples that is an estimate.
    """

    class ForwardOnly(soundfile().SoundFile):
        def seekable(self):
            return False

    return ForwardOnly


# Files of other kinds, by their first bytes.
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


def _why_unreadable(path, error):
    """One line on a file that libsndfile does not open, with the way out where there may be one."""
    with contextlib.suppress(OSError), open(path, "rb") as file:
        begin = file.read(12)
        kinds = [kind for magic, kind in _OTHER_KINDS.items() if begin.startswith(magic)]
        kind = "MP4" if begin[4:8] == b"ftyp" else kinds[0] if kinds else None
        unsupported = "unsupported encoding" in _reason(error)
        if kind or unsupported or (begin and path.suffix.lower() in UNDECODED):
            what = f"it is {kind}" if kind else _reason(error)
            target = path.with_suffix(".wav" if path.suffix.lower() != ".wav" else ".flac").name
            convert = f"ffmpeg -i {shlex.quote(path.name)} {shlex.quote(target)}"
            return f"{path} cannot be decoded here ({what}): convert it first, for example with {convert}"
    return f"{path} cannot be read as a recording: {_reason(error)}"


def _reason(error):
    """What libsndfile says, without the name that it has for an open file."""
    said = getattr(error, "error_string", None) or first_line(error)
    return said.removeprefix("Error : ").rstrip(".")


def resampled(samples, rate, wanted):
    """float32 (length, ...) at another sample rate, in Hz, by soxr's best quality."""
    return samples if rate == wanted else soxr().resample(samples, rate, wanted, quality="VHQ")


def read_all(paths, rate, native=None, warn=None):
    """Recordings in mono at one sample rate.

    Args:
        paths: of the files.
        rate: in Hz.
        native: use tensorflow-io's operations; None where they load.
        warn: of recordings that end early, as of `read_audio`.

    Returns:
        (list of float32 arrays (length,), None in the place of a file that cannot be read, {path: why}).
    """
    paths = [Path(path) for path in paths]
    native = tensorflow_io() is not None if native is None else native
    found, broken = _read_natively(paths, rate) if native else {}, {}

    def read(path):
        try:
            # In mono as it comes: many channels need no more memory than one.
            blocks, own = _decoded(path, warn=warn, change=lambda block: block.mean(axis=1))
            samples = np.concatenate(blocks)
            if not np.isfinite(samples).all():
                raise GanzooError(f"{path} holds samples that are no numbers")
            sound = np.ascontiguousarray(resampled(samples, own, rate), "float32")
            if not len(sound):
                raise GanzooError(f"{path} holds no sound")
            found[path] = sound
        except GanzooError as error:
            broken[path] = str(error)

    with ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 2)) as pool:
        list(pool.map(read, [path for path in paths if path not in found]))
    return [found.get(path) for path in paths], broken


# By format and subtype of a file: tensorflow-io's operation and the type that it gives. Another type than the file's
# would end the process, so what is not listed goes through soundfile.
_NATIVE = {
    ("WAV", "PCM_16"): ("decode_wav", "int16"),
    ("FLAC", "PCM_16"): ("decode_flac", "int16"),
    ("OGG", "VORBIS"): ("decode_vorbis", None),
    ("MP3", "MPEG_LAYER_III"): ("decode_mp3", None),
}


@functools.cache
def tensorflow_io():
    """tensorflow-io's `audio` where its native operations load, or None."""
    if importlib.util.find_spec("tensorflow_io") is None:
        return None
    from ganzoo import backend

    if not backend.IS_TENSORFLOW:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import tensorflow_io

            # The library is opened by its first operation.
            tensorflow_io.audio.resample(np.zeros((8, 1), "float32"), 2, 1)
            return tensorflow_io.audio
        except Exception:  # what it raises beside another TensorFlow than its own is of many kinds
            return None


def _read_natively(paths, rate):
    """{path: float32 (length,)} of those files that tensorflow-io decodes, in a tf.data graph for each kind."""
    import tensorflow as tf

    library, audio = soundfile(), tensorflow_io()
    if audio is None:
        raise GanzooError("tensorflow-io's native operations do not load beside this TensorFlow: leave native out")
    kinds, lengths = {}, {}
    for path in paths:
        try:
            told = library.info(str(path))
            with open(path, "rb") as file:
                size = os.fstat(file.fileno()).st_size
                # Joined files, headers that need a repair, and files whose end is missing go through soundfile.
                parts = parts_of(file, size, path.suffix.lower())
                whole = [(part.start, part.end, part.ended) for part in parts] == [(0, size, True)]
        except UNREADABLE:
            continue
        usual = RATES[0] <= told.samplerate <= RATES[1] and 0 < told.frames <= LONGEST * told.samplerate
        if whole and usual and (told.format, told.subtype) in _NATIVE:
            kinds.setdefault((told.format, told.subtype, told.samplerate), []).append(path)
            lengths[path] = (2 * told.frames * rate + told.samplerate) // (2 * told.samplerate)
    found = {}
    for (*kind, own), group in kinds.items():
        operation, dtype = _NATIVE[tuple(kind)]
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
            # One that ends early goes through soundfile, which says so.
            if np.isfinite(samples).all() and len(samples) and abs(len(samples) - lengths[group[i]]) <= 1:
                found[group[i]] = samples
    return found


def _resampled_natively(audio, samples, rate, wanted):
    """tensorflow-io's resampling without its delay of half a filter.

    The Speex resampler's filter is 64 samples of the lower rate, in samples of the input a multiple of 8; silence in
    front makes the delay a whole number of samples of the result.
    """
    import tensorflow as tf

    if rate == wanted:
        return samples
    filter_length = -(-int(64 * max(1.0, rate / wanted)) // 8) * 8
    step = rate // gcd(rate, wanted)
    padding = -(filter_length // 2) % step
    delay = (filter_length // 2 + padding) * wanted // rate
    # As soxr rounds it.
    length = (2 * tf.shape(samples, out_type=tf.int64)[0] * wanted + rate) // (2 * rate)
    # Silence behind, too: the last samples come out after as many more.
    padded = tf.pad(samples, [[padding, filter_length + step], [0, 0]])
    return audio.resample(padded, rate, wanted)[delay : delay + length]
