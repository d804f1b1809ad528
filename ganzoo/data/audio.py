"""Recordings as arrays: any file libsndfile reads, at the sample rate asked for.

Two paths give the same samples. Where tensorflow-io's native operations load (TensorFlow 2.16), files are decoded and
resampled by them within one tf.data graph; anywhere else, and for kinds of files that they do not know, by soundfile
and soxr. Decoding is the same to the bit but for rounding; the two resamplers differ by less than -60 dB of the signal
below 80 % of the lower Nyquist frequency.
"""

import contextlib
import functools
import importlib.util
import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from math import gcd
from pathlib import Path

import numpy as np

from ganzoo.data.sources import files_in
from ganzoo.errors import GanzooError, first_line, missing_package

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".opus", ".aiff", ".aif")
# Longer than any utterance; a header that promises more is not believed before it is read.
LONGEST = 4 * 3600
# Sample rates in Hz; others are errors of a header.
RATES = (1_000, 384_000)


def audio_files(root):
    """The audio files of a folder, as `ganzoo.data.sources.files_in`."""
    return files_in(root, SUFFIXES, "recordings")


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


def read_audio(path):
    """(samples float32 (length, channels), sample rate in Hz) of a file.

    Raises:
        GanzooError: missing, damaged, empty or longer than four hours.
    """
    with opened(path) as file:
        rate = file.samplerate
        if file.frames > LONGEST * rate:
            raise GanzooError(f"{path} is longer than {LONGEST // 3600} hours")
        try:
            samples = file.read(dtype="float32", always_2d=True)
        except UNREADABLE as error:
            raise GanzooError(f"{path} cannot be read as a recording: {first_line(error)}") from None
    if not len(samples):
        raise GanzooError(f"{path} holds no sound")
    return samples, rate


# What libsndfile and soundfile raise on damaged files, and on kinds that they only nearly know.
UNREADABLE = (RuntimeError, OSError, ValueError, TypeError, MemoryError, OverflowError)


@contextlib.contextmanager
def opened(path):
    """A `soundfile.SoundFile` to read from.

    Raises:
        GanzooError: missing, damaged, or of a sample rate that is none.
    """
    library, path = soundfile(), Path(path)
    with contextlib.ExitStack() as stack:
        try:
            if not path.is_file():
                raise GanzooError(f"no such recording: {path}")
            # Not by its name, which may be in no encoding at all.
            file = stack.enter_context(library.SoundFile(stack.enter_context(open(path, "rb"))))
        except GanzooError:
            raise
        except UNREADABLE as error:
            raise GanzooError(f"{path} cannot be read as a recording: {first_line(error)}") from None
        if not RATES[0] <= file.samplerate <= RATES[1]:
            raise GanzooError(f"{path} has a sample rate of {file.samplerate} Hz, not of {RATES[0]} to {RATES[1]}")
        yield file


def promised(path):
    """(samples, sample rate in Hz) by a file's header; (0, 1) where it has none."""
    library = soundfile()
    try:
        header = library.info(str(path))
    except UNREADABLE:
        return 0, 1
    return header.frames, header.samplerate


def resampled(samples, rate, wanted):
    """float32 (length, ...) at another sample rate, in Hz, by soxr's best quality."""
    return samples if rate == wanted else soxr().resample(samples, rate, wanted, quality="VHQ")


def read_all(paths, rate, native=None):
    """Recordings in mono at one sample rate.

    Args:
        paths: of the files.
        rate: in Hz.
        native: use tensorflow-io's operations; None where they load.

    Returns:
        (list of float32 arrays (length,), None in the place of a file that cannot be read, {path: why}).
    """
    paths = [Path(path) for path in paths]
    native = tensorflow_io() is not None if native is None else native
    found, broken = _read_natively(paths, rate) if native else {}, {}

    def read(path):
        try:
            samples, own = read_audio(path)
            if not np.isfinite(samples).all():
                raise GanzooError(f"{path} holds samples that are no numbers")
            sound = np.ascontiguousarray(resampled(samples.mean(axis=1), own, rate), "float32")
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

    if not backend.IS_HOME:
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
    kinds = {}
    for path in paths:
        try:
            header = library.info(str(path))
        except UNREADABLE:
            continue
        usual = RATES[0] <= header.samplerate <= RATES[1] and 0 < header.frames <= LONGEST * header.samplerate
        if usual and (header.format, header.subtype) in _NATIVE:
            kinds.setdefault((header.format, header.subtype, header.samplerate), []).append(path)
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
            if np.isfinite(samples).all() and len(samples):
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
