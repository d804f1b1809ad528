"""Recordings decoded and resampled within tf.data graphs, by tensorflow-io's native operations (TensorFlow 2.16)."""

import functools
import importlib.util
import os
import warnings
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np

from ganzoo.data.audio_parts import parts_of
from ganzoo.data.recording_files import LONGEST, RATES, UNREADABLE, soundfile
from ganzoo.errors import GanzooError

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


def read_natively(paths: list[Path], rate: int) -> dict[Path, np.ndarray]:
    """{path: float32 (length,)} of the files that tensorflow-io decodes, with one tf.data graph per format.

    Args:
        paths: the files.
        rate: sample rate of the results in Hz.

    Raises:
        GanzooError: tensorflow-io's operations do not load.
    """
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
