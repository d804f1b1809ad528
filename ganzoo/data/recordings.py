"""Recordings as mono at one sample rate, and the ingredients of synthetic noisy speech."""

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ganzoo.data.allocation import allocate
from ganzoo.data.audio import audio_files, read_all, resampled
from ganzoo.data.recording_files import LONGEST, EndsEarly, estimated
from ganzoo.data.sources import split_source
from ganzoo.data.tfds import load_tfds
from ganzoo.errors import GanzooError, first_line

# Files decoded together; they are in memory in addition to the samples read before.
_GROUP = 64


@dataclass
class Recordings:
    """Recordings of different lengths.

    Attributes:
        samples: list of float32 (length,) in [-1, 1]; views of one array, which is memory-mapped if it is large.
        names: name of each recording.
        skipped: files that could not be read.
        noisy: list like `samples` of the same speech with noise, if the source has both; else None.
    """

    samples: list[np.ndarray]
    names: list[str]
    skipped: tuple[str, ...] = ()
    noisy: list[np.ndarray] | None = None


def open_recordings(source: str, rate: int, strict: bool = False) -> Recordings:
    """Reads the recordings of a source.

    Args:
        source: "folder:PATH" (all files that libsndfile decodes, such as wav, flac, ogg and mp3, at any depth; or the
            subfolders noisy and clean with files of the same names), or "tfds:NAME[:SPLIT]" (the features `noisy` and
            `clean`, or `speech`, or `audio`).
        rate: sample rate in Hz; recordings with another rate are resampled.
        strict: raise an error for an unreadable file instead of skipping it with a warning, and for a file that ends
            early instead of using the part that can be decoded.

    Returns:
        `Recordings`.

    Raises:
        GanzooError: the source is missing, empty or unreadable.

    Example:
        from ganzoo.data.recordings import open_recordings

        recordings = open_recordings("folder:my_speech", rate=16_000)
        samples = recordings.samples[0]     # float32 (48000,)
    """
    scheme, place = split_source(source, " of recordings", _SCHEMES)
    return _SCHEMES[scheme](place, rate, strict)


def _folder(place, rate, strict):
    root = Path(place)
    if (root / "noisy").is_dir() and (root / "clean").is_dir():
        return _pairs(root, rate, strict)
    paths = audio_files(root)
    samples, broken = read_recordings(paths, rate, str(root), strict)
    names = [path.relative_to(root).as_posix() for path in paths if path in samples]
    return Recordings([samples[path] for path in paths if path in samples], names, tuple(map(str, broken)))


def _pairs(root, rate, strict):
    by_name = {part: _named(audio_files(root / part), root / part) for part in ("clean", "noisy")}
    alone = sorted(by_name["clean"].keys() ^ by_name["noisy"].keys())
    names = sorted(by_name["clean"].keys() & by_name["noisy"].keys())
    if not names or (alone and strict):
        raise GanzooError(f"{root}: noisy and clean must hold files of the same names; without a match: {alone[0]}")
    if alone:
        warnings.warn(f"{root}: {len(alone)} files without a match left out; first: {alone[0]}", stacklevel=2)
    read = {
        part: read_recordings([by_name[part][name] for name in names], rate, str(root / part), strict)
        for part in by_name
    }
    pairs, uneven = {}, []
    for name in names:
        both = [read[part][0].get(by_name[part][name]) for part in ("clean", "noisy")]
        if any(samples is None for samples in both):
            continue
        if abs(len(both[0]) - len(both[1])) > rate // 100:
            uneven.append(name)
            continue
        length = min(map(len, both))
        pairs[name] = [samples[:length] for samples in both]
    if uneven and (strict or not pairs):
        raise GanzooError(f"{root}: noisy and clean differ in length: {uneven[0]} ({len(uneven)} of {len(names)})")
    if uneven:
        warnings.warn(f"{root}: {len(uneven)} pairs of unequal length left out; first: {uneven[0]}", stacklevel=2)
    skipped = tuple(str(path) for part in read.values() for path in part[1])
    if not pairs:
        raise GanzooError(f"{root}: of no pair can both files be read; first: {skipped[0]}")
    clean, noisy = ([pair[i] for pair in pairs.values()] for i in (0, 1))
    return Recordings(clean, list(pairs), skipped, noisy)


def _named(paths, root):
    """{name without its suffix: path}, since noisy and clean may differ in their file format."""
    found = {}
    for path in paths:
        name = path.relative_to(root).with_suffix("").as_posix()
        if name in found:
            raise GanzooError(f"{root} holds {found[name].name} and {path.name}: remove one, names must be unique")
        found[name] = path
    return found


def read_recordings(
    paths: Sequence[Path], rate: int, place: str, strict: bool = False
) -> tuple[dict[Path, np.ndarray], dict[Path, str]]:
    """({path: float32 (length,)}, {path: reason}) of files, with one allocation for all samples.

    Args:
        paths: the files.
        rate, strict: as in `open_recordings`.
        place: where the files are, for messages.

    Raises:
        GanzooError: none of the files can be read, or with `strict` not all.
    """
    # A file with an implausible header is refused when it is read.
    lengths = [frames * rate // own + 1 for frames, own in map(estimated, paths) if 0 < frames <= LONGEST * own]
    store = _Store(sum(lengths), f"recordings:{place}:{rate}")
    found: dict[Path, np.ndarray] = {}
    broken: dict[Path, str] = {}
    short: list[str] = []
    for i in range(0, len(paths), _GROUP):
        group = paths[i : i + _GROUP]
        arrays, why = read_all(group, rate, warn=lambda message, category: short.append(message))
        broken.update(why)
        for path, array in zip(group, arrays):
            if array is not None:
                found[path] = store.keep(array)
    if broken and (strict or not found):
        first = min(broken)
        raise GanzooError(f"{broken[first]} ({len(broken)} broken of {len(paths)} in {place})")
    if short and strict:
        raise GanzooError(f"{min(short)} ({len(short)} of {len(paths)} in {place}; strict=False uses what there is)")
    if broken:
        warnings.warn(f"{place}: skipped {len(broken)} of {len(paths)}; first: {broken[min(broken)]}", stacklevel=3)
    if short:
        message = f"{place}: {len(short)} of {len(paths)} recordings end early; first: {min(short)}"
        warnings.warn(message, EndsEarly, stacklevel=3)
    return found, broken


class _Store:
    """One array for all recordings, in memory or in a file.

    Args:
        samples: expected total number of samples.
        key: identifies the file.
    """

    def __init__(self, samples, key):
        self._array = allocate((4 * samples,), key).view("float32")
        self._used = 0

    def keep(self, sound):
        """Copies samples into the store and returns the view; the samples themselves if the store is full."""
        kept = self._array[self._used : self._used + len(sound)]
        if len(kept) < len(sound):
            return sound
        kept[:] = sound
        self._used += len(sound)
        return kept


def _tfds(place, rate, strict):
    dataset, info = load_tfds(place)
    import tensorflow_datasets as tfds

    has_pairs = {"noisy", "clean"} <= set(info.features)
    names = ["clean", "noisy"] if has_pairs else [next((n for n in ("speech", "audio") if n in info.features), None)]
    if names == [None]:
        raise GanzooError(
            f"tfds:{place} has neither the features 'noisy' and 'clean' nor 'speech' nor 'audio'; it has: "
            f"{', '.join(info.features)}"
        )
    found, speakers = {name: [] for name in names}, []
    # Two passes, the first one for the lengths, so that the dataset is never in memory as a whole.
    lengths = dict.fromkeys(names, 0)
    for example in tfds.as_numpy(dataset):
        for name in names:
            own = getattr(info.features[name], "sample_rate", None) or rate
            lengths[name] += len(np.atleast_1d(example[name])) * rate // own + 1
    stores = {name: _Store(lengths[name], f"recordings:{place}:{info.full_name}:{name}:{rate}") for name in names}
    try:
        for example in tfds.as_numpy(dataset):
            for name in names:
                own = getattr(info.features[name], "sample_rate", None) or rate
                samples = np.asarray(example[name])
                whole = np.issubdtype(samples.dtype, np.integer)
                # TFDS returns 16-bit samples as integers of a wider type.
                samples = (samples / 32768.0 if whole else samples).astype("float32")
                samples = samples.mean(axis=1) if samples.ndim == 2 else samples
                found[name].append(stores[name].keep(resampled(samples, own, rate)))
            who = example.get("speaker_id", example.get("speaker", f"{place}{len(speakers)}"))
            speakers.append(who.decode("utf-8", "replace") if isinstance(who, bytes) else str(who))
    except (ValueError, TypeError) as error:
        raise GanzooError(f"tfds:{place} holds no readable audio: {first_line(error)}") from None
    first = found[names[0]]
    if not first:
        raise GanzooError(f"tfds:{place} is empty")
    named = [f"{re.sub('[-_/]', ' ', who)}-{i}" for i, who in enumerate(speakers)]
    return Recordings(first, named, (), found[names[1]] if has_pairs else None)


_SCHEMES = {"folder": _folder, "tfds": _tfds}


# Ingredients of synthetic noisy speech.


def level(samples: np.ndarray) -> float:
    """The root mean square of samples, never 0."""
    flat = np.ravel(samples)
    # Unlike a square in double precision, this needs no copy of the samples.
    return float(np.sqrt(np.einsum("i,i", flat, flat, dtype="float64") / len(flat) + 1e-12))


def gain(decibels: float) -> float:
    """The amplitude factor of a gain in dB.

    Example:
        from ganzoo.data.recordings import gain

        gain(20.0)     # 10.0
    """
    return 10.0 ** (decibels / 20.0)


def segment(rng: np.random.Generator, samples: np.ndarray, length: int) -> np.ndarray:
    """A random segment of `length` samples; a shorter recording is repeated."""
    if len(samples) <= length:
        return np.take(samples, rng.integers(len(samples)) + np.arange(length), mode="wrap")
    start = rng.integers(len(samples) - length + 1)
    return samples[start : start + length]


def colored_noise(rng: np.random.Generator, length: int, exponent: float | None = None) -> np.ndarray:
    """Noise whose amplitude is proportional to 1 / frequency^exponent.

    Args:
        rng: random generator.
        length: samples.
        exponent: 0 is white, 0.5 pink, 1 brown; sampled uniformly from [0, 1] if not given.

    Returns:
        float32 (length,) with a root mean square of 1.

    Example:
        from ganzoo.data.recordings import colored_noise

        pink = colored_noise(np.random.default_rng(0), 16_000, exponent=0.5)
    """
    spectrum = np.fft.rfft(rng.standard_normal(length))
    exponent = rng.uniform(0.0, 1.0) if exponent is None else exponent
    spectrum[1:] /= np.arange(1, len(spectrum)) ** exponent
    noise = np.fft.irfft(spectrum, length)
    return (noise / level(noise)).astype("float32")


def swelling(rng: np.random.Generator, noise: np.ndarray, rate: int) -> np.ndarray:
    """Noise whose level varies by up to 10 dB either way, from several times per second to once in several seconds."""
    points = max(2, int(rng.uniform(0.3, 6.0) * len(noise) / rate))
    decibels = rng.uniform(-1.0, 1.0, points) * rng.uniform(0.0, 10.0)
    curve = np.interp(np.linspace(0, points - 1, len(noise)), np.arange(points), decibels)
    return (noise * 10.0 ** (curve / 20.0)).astype("float32")


def filtered(rng: np.random.Generator, samples: np.ndarray, decibels: float) -> np.ndarray:
    """Applies a random smooth filter of at most +-`decibels`, like a different microphone or position."""
    spectrum = np.fft.rfft(samples)
    bends = int(rng.integers(3, 10))
    # Evenly spaced in octaves, as hearing is, from 1/50 of the highest frequency on.
    place = 1.0 + np.log(np.maximum(np.arange(len(spectrum)) / max(1, len(spectrum) - 1), 0.02)) / np.log(50.0)
    curve = np.interp(place * (bends - 1), np.arange(bends), rng.uniform(-decibels, decibels, bends))
    return np.fft.irfft(spectrum * 10.0 ** (curve / 20.0), len(samples)).astype("float32")


def at_speed(rng: np.random.Generator, samples: np.ndarray, length: int, change: float) -> np.ndarray:
    """A random segment of `length` samples, with speed and pitch changed by up to the fraction `change`."""
    speed = np.exp(rng.uniform(-1.0, 1.0) * np.log1p(change))
    needed = int(np.ceil(length * speed)) + 2
    piece = segment(rng, samples, needed)
    return np.interp(np.arange(length) * speed, np.arange(needed), piece).astype("float32")


def room(rng: np.random.Generator, rate: int) -> tuple[np.ndarray, np.ndarray]:
    """(impulse response of a random room, its first 50 ms): direct sound plus noise that decays by 60 dB in 0.2 to
    0.8 s."""
    seconds = rng.uniform(0.2, 0.8)
    time = np.arange(int(seconds * rate)) / rate
    response = rng.standard_normal(len(time)) * 10 ** (-3.0 * time / seconds)
    response *= gain(rng.uniform(-12.0, 0.0)) / (np.sqrt(np.sum(response**2)) + 1e-12)
    response[: rate // 500] = 0.0
    response[0] = 1.0
    return response, response[: rate // 20]


def in_room(response: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """Convolves samples with an impulse response, cut to the length of the samples."""
    from scipy.signal import fftconvolve

    return fftconvolve(samples, response)[: len(samples)].astype("float32")
