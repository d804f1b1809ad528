"""Statistics of a source and a preview of it, before training: what `ganzoo data SOURCE` shows."""

import os
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ganzoo.data import avatars, image_files, image_folders, sources
from ganzoo.data.arrays import read_arrays, read_idx
from ganzoo.data.audio import audio_files, read_audio
from ganzoo.data.captions_file import read_captions
from ganzoo.data.decoding import PIXEL_LIMIT, image_suffixes, opened_image, read_image
from ganzoo.data.folders import natural, printable
from ganzoo.data.labeled_recordings import named_files
from ganzoo.data.tfds import load_tfds
from ganzoo.data.unpaired import folder_pair
from ganzoo.errors import GanzooError, first_line
from ganzoo.inference.sampling import grid
from ganzoo.inference.spectrogram import spectrogram

_SCHEMES = ("avatars", "captions", "digits", "folder", "folders", "idx", "named", "npz", "photos", "tfds")
# Sizes, classes and broken files that are listed one by one.
_NAMED = 8
# Classes and images per class of a preview; images of one without classes.
_ROWS, _COLUMNS, _SHOWN = 10, 8, 64


@dataclass
class Inspection:
    """What is known about a source.

    Attributes:
        source: the source.
        kind: "images" or "recordings".
        count: how many could be read.
        sizes: {"width x height" of images, or sampling rate of recordings: count}.
        channels: {"gray", "color", "color and alpha", ...: count}.
        values: (lowest, highest, mean, standard deviation) of gray levels 0 to 255, or of samples in [-1, 1].
        classes: {name: count}, in the order of the labels; empty without classes.
        captions: number of captions; 0 without.
        seconds: duration of recordings, (shortest, longest, total); None for images.
        broken: {file: why it cannot be read}.
        notes: warnings about the source.
        shape: (height, width) of the smallest image: the largest `image_shape` for which none is enlarged.
        preview: images of any size, uint8 (height, width, 3), to show.
    """

    source: str
    kind: str = "images"
    count: int = 0
    sizes: Counter = field(default_factory=Counter)
    channels: Counter = field(default_factory=Counter)
    values: tuple[float, float, float, float] | None = None
    classes: dict[str, int] = field(default_factory=dict)
    captions: int = 0
    seconds: tuple[float, float, float] | None = None
    broken: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    shape: tuple[int, int] | None = None
    preview: list[np.ndarray] = field(default_factory=list)

    def lines(self) -> Iterator[tuple[str, str]]:
        """Yields (title, text) of each line of a report."""
        files = f"{len(self.broken):,} broken file{'s' if len(self.broken) > 1 else ''}"
        yield self.kind, f"{self.count:,}" + (f", and {files}" if self.broken else "")
        yield "sizes" if self.kind == "images" else "rates", _listed(self.sizes)
        yield "channels", _listed(self.channels)
        if self.seconds:
            shortest, longest, total = self.seconds
            yield "duration", f"{shortest:.3g} to {longest:.3g} seconds, {total / 60:.3g} minutes in all"
        if self.values:
            lowest, highest, mean, deviation = self.values
            yield "values", f"{lowest:.4g} to {highest:.4g}, mean {mean:.4g}, standard deviation {deviation:.4g}"
        if self.classes:
            yield "classes", f"{len(self.classes)}: {_listed(self.classes, ordered=False)}"
        if self.captions:
            yield "captions", f"{self.captions:,}"
        if self.shape and self.kind == "images":
            height, width = self.shape
            yield "image_shape", f"at most {height}x{width}, unless smaller images are enlarged (upscale: true)"
        for note in self.notes:
            yield "note", note
        for why in list(self.broken.values())[:_NAMED]:
            yield "broken", why
        if len(self.broken) > _NAMED:
            yield "broken", f"{len(self.broken) - _NAMED:,} more files"


class _Statistics:
    """Collects the statistics of items one by one, and a random choice of each class for the preview."""

    def __init__(self, found: Inspection) -> None:
        self.found = found
        self._lowest, self._highest, self._sum, self._squares, self._values = np.inf, -np.inf, 0.0, 0.0, 0
        self._seen: Counter = Counter()
        self._kept: dict[Any, list[np.ndarray]] = {}
        self._rng = np.random.default_rng(0)

    def add(self, values: np.ndarray, size: str, channels: str, label: Any = None, shown: Any = None) -> None:
        """Adds an item; `shown` is a function of no arguments that renders it for the preview."""
        found = self.found
        found.count += 1
        found.sizes[size] += 1
        found.channels[channels] += 1
        self._lowest, self._highest = min(self._lowest, values.min()), max(self._highest, values.max())
        self._sum += float(values.sum(dtype="float64"))
        self._squares += float(np.square(values, dtype="float64").sum())
        self._values += values.size
        # A uniform choice of what has come so far (reservoir sampling).
        kept, most = self._kept.setdefault(label, []), _SHOWN if label is None else _COLUMNS
        self._seen[label] += 1
        if len(kept) < most:
            kept.append(shown() if shown else values)
        elif (place := int(self._rng.integers(self._seen[label]))) < most:
            kept[place] = shown() if shown else values

    def end(self, names: Sequence[str] | None = None, classes: Sequence[Any] = ()) -> Inspection:
        found = self.found
        if not found.count:
            first = next(iter(found.broken.values()), "it is empty")
            raise GanzooError(f"nothing in {found.source} can be read; first: {first}")
        mean = self._sum / self._values
        deviation = max(0.0, self._squares / self._values - mean**2) ** 0.5
        found.values = float(self._lowest), float(self._highest), mean, deviation
        labels = list(classes) or sorted((label for label in self._seen if label is not None), key=natural)
        for label in labels:
            known = names is not None and isinstance(label, int) and label < len(names)
            found.classes[names[label] if names is not None and known else str(label)] = self._seen[label]
        rows = [label for label in labels if self._seen[label]][:_ROWS] or [None]
        found.preview = [image for label in rows for image in self._kept[label]]
        return found


def inspect(source: str) -> Inspection:
    """Reads all of a source and describes it.

    Args:
        source: anything that a model can be trained on: "folder:PATH" of images or recordings, "folders:PATH_A,PATH_B",
            of which each is described like a class, "captions:FOLDER",
            "idx:FILE", "npz:FILE", "tfds:NAME[:SPLIT]", "avatars:COUNT", "photos" or "digits"; recordings also as
            "named:FOLDER:PATTERN", see `ganzoo.data.labeled_recordings.open_labeled`.

    Returns:
        An `Inspection`. Files that cannot be read are listed there.

    Raises:
        GanzooError: an unknown or missing source, or one of which nothing can be read.

    Example:
        from ganzoo.inference.inspection import inspect

        found = inspect("folder:my_images")
        found.count, found.classes     # 16, {"cats": 8, "dogs": 8}
    """
    scheme, place = sources.split_source(source, "", _SCHEMES, without_place=["digits", "photos"])
    found = Inspection(source)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        if scheme == "folder":
            _folder(found, Path(place))
        elif scheme == "folders":
            _two_folders(found, place)
        elif scheme == "captions":
            _captions(found, Path(place))
        elif scheme == "named":
            files = named_files(place)
            _recordings(found, [path for path, _ in files])
            for name in files[0][1]:
                counts = Counter(labels[name] for _, labels in files)
                found.notes.append(f"{name}: {len(counts)} values, {_listed(dict(counts), ordered=False)}")
        elif scheme == "photos":
            opened = image_files.open_image_files(source)
            _images(found, opened.images)
        elif scheme == "tfds":
            _tfds(found, place)
        else:
            _arrays(found, source, scheme, place)
    found.notes += [str(warning.message) for warning in heard if issubclass(warning.category, UserWarning)]
    return found


def preview_grid(found: Inspection, size: int = 64) -> np.ndarray:
    """A grid of the images of a preview, uint8 (height, width, 3): each whole, in a square of `size` pixels.

    Images of classes have a row for each class.

    Example:
        from ganzoo.inference.inspection import inspect, preview_grid

        sheet = preview_grid(inspect("folder:my_images"), 32)     # uint8 (66, 270, 3)
    """
    from PIL import Image, ImageOps

    squares = []
    for image in found.preview:
        color = np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image
        # So that the shorter side is not less than a pixel of the square.
        for axis in (0, 1):
            least = -(-color.shape[1 - axis] // size)
            color = np.repeat(color, -(-least // color.shape[axis]), axis=axis)
        fitted = ImageOps.pad(Image.fromarray(color), (size, size), Image.Resampling.BICUBIC, color=(200, 200, 200))
        squares.append(np.asarray(fitted))
    rows = min(_ROWS, len(found.classes))
    even = rows > 1 and len(squares) == rows * _COLUMNS
    return grid(np.stack(squares), _COLUMNS if even else None)


def _folder(found: Inspection, root: Path) -> None:
    if not root.is_dir():
        raise GanzooError(f"no such folder: {printable(root)}")
    suffixes = {path.suffix.lower() for path in root.rglob("*")}
    if not suffixes & set(image_suffixes()):
        try:
            paths = audio_files(root)
        except GanzooError:
            raise GanzooError(f"the folder {printable(root)} holds neither images nor recordings") from None
        _recordings(found, paths)
        return
    paths = image_folders.find_image_files(root)
    folders = sorted({path.relative_to(root).parts[0] for path in paths if path.parent != root}, key=natural)
    beside = sum(path.parent == root for path in paths)
    labeled = len(folders) > 1 and not beside
    if len(folders) > 1 and beside:
        found.notes.append(f"{beside:,} images lie beside the folders, so the folders are no classes")
    labels = [path.relative_to(root).parts[0] if labeled else None for path in paths]
    _files(found, paths, labels).end(classes=folders if labeled else ())


def _two_folders(found: Inspection, place: str) -> None:
    roots = [Path(path) for path in folder_pair(sources.npz_part(place)[0])]
    for root in roots:
        if not root.is_dir():
            raise GanzooError(f"no such folder: {printable(root)}")
    # The folders may have the same name.
    names = [str(root) for root in roots] if roots[0].name == roots[1].name else [root.name for root in roots]
    suffixes = {path.suffix.lower() for root in roots for path in root.rglob("*")}
    if not suffixes & set(image_suffixes()):
        sides = [audio_files(root) for root in roots]
        _recordings(found, [*sides[0], *sides[1]])
        found.notes += [f"{name}: {len(side):,} recordings" for name, side in zip(names, sides)]
        return
    sides = [image_folders.find_image_files(root) for root in roots]
    labels: list[str | None] = [name for name, side in zip(names, sides) for _ in side]
    _files(found, [*sides[0], *sides[1]], labels).end(classes=names)


def _captions(found: Inspection, root: Path) -> None:
    texts = read_captions(root)
    found.captions = sum(map(len, texts.values()))
    _files(found, list(texts), [None] * len(texts)).end()


def _files(found: Inspection, paths: Sequence[Path], labels: Sequence[str | None]) -> _Statistics:
    """The statistics of image files."""
    statistics = _Statistics(found)

    def read(path: Path) -> tuple[np.ndarray, str] | GanzooError:
        try:
            with opened_image(path, PIXEL_LIMIT) as image:
                mode, transparent = image.mode, "transparency" in image.info
            color = not (mode.startswith(("1", "L", "I", "F")) and mode != "LAB")
            alpha = " and alpha" if transparent or mode in ("LA", "La", "PA", "RGBA", "RGBa") else ""
            pixels = read_image(path, 3 if color else 1)
            return pixels, ("color" if color else "gray") + alpha + (", 16 bits" if mode.startswith("I") else "")
        except GanzooError as error:
            return error

    for path, label, result in zip(paths, labels, _mapped(read, paths)):
        if isinstance(result, GanzooError):
            found.broken[str(path)] = str(result)
            continue
        pixels, channels = result
        _add_image(statistics, pixels, channels, label)
    return statistics


def _mapped(function: Any, paths: Sequence[Path]) -> Iterator[Any]:
    """The results of a function of files, read ahead by a few threads, with a progress bar."""
    from tqdm import tqdm

    workers = max(2, os.cpu_count() or 2)
    with ThreadPoolExecutor(max_workers=workers) as pool:
        # In blocks, so that results do not pile up in memory.
        for start in tqdm(range(0, len(paths), 4 * workers), desc="reading", disable=None, leave=False):
            yield from pool.map(function, paths[start : start + 4 * workers])


def _add_image(statistics: _Statistics, pixels: np.ndarray, channels: str, label: Any = None) -> None:
    height, width = pixels.shape[:2]
    found = statistics.found
    least = found.shape or (height, width)
    found.shape = min(least[0], height), min(least[1], width)
    statistics.add(pixels, f"{width}x{height}", channels, label, lambda: _small(pixels))


def _small(pixels: np.ndarray, most: int = 256) -> np.ndarray:
    """A copy of at most about `most` pixels a side, to be kept in memory."""
    step = max(1, max(pixels.shape[:2]) // most)
    return pixels[::step, ::step].copy()


def _images(found: Inspection, images: Any, labels: Any = None, names: Sequence[str] | None = None) -> None:
    """The statistics of uint8 images in memory."""
    statistics = _Statistics(found)
    for i, image in enumerate(images):
        image = np.atleast_3d(np.asarray(image))
        channels = {1: "gray", 2: "gray and alpha", 3: "color", 4: "color and alpha"}.get(image.shape[2], "")
        _add_image(statistics, image[..., :3], channels, None if labels is None else int(labels[i]))
    statistics.end(names, range(len(names)) if names else ())


def _arrays(found: Inspection, source: str, scheme: str, place: str) -> None:
    """Sources whose images have one size."""
    shape = (64, 64, 3)
    if scheme == "digits":
        from ganzoo.data.embedded import digits

        shape = (*digits()[0].shape[1:3], 1)
    elif scheme == "avatars":
        avatars.parse(place)
        found.notes.append("avatars are rendered in any size; these are of 64x64")
    else:
        if scheme == "idx":
            raw = read_idx(Path(place))
        else:
            path, part = sources.npz_part(place)
            arrays, _ = read_arrays(Path(path), {"images", "x_train", "x_test"})
            names = [f"x_{part}"] if part else ["images", "x_train"]
            raw = next((arrays[name] for name in names if name in arrays), np.empty(0))
        if raw.ndim in (3, 4) and raw.size:
            last = raw.shape[3] if raw.ndim == 4 else 1
            shape = (*raw.shape[1:3], 3 if last in (3, 4) else 1)
            if raw.dtype != np.uint8:
                found.notes.append(f"the file holds {raw.dtype} from {raw.min():.4g} to {raw.max():.4g}")
    opened = sources.open_images(source, shape)
    _images(found, opened.images, opened.labels, opened.class_names)
    if scheme == "avatars":
        found.shape = None


def _tfds(found: Inspection, place: str) -> None:
    dataset, info = load_tfds(place)
    import tensorflow_datasets as tfds

    key = next((name for name in ("image", "hr") if name in info.features), None)
    if key is None:
        raise GanzooError(f"tfds:{place} has no images; it has: {', '.join(info.features)}")
    names = getattr(info.features["label"], "names", None) if "label" in info.features else None
    statistics = _Statistics(found)
    for example in tfds.as_numpy(dataset):
        label = int(example["label"]) if names is not None else None
        image = np.atleast_3d(example[key])
        _add_image(statistics, image[..., :3], {1: "gray", 3: "color"}.get(image.shape[2], "color and alpha"), label)
    statistics.end(names, range(len(names)) if names else ())


def _recordings(found: Inspection, paths: Sequence[Path]) -> None:
    found.kind, statistics = "recordings", _Statistics(found)
    seconds: list[float] = []

    def read(path: Path) -> tuple[np.ndarray, int] | GanzooError:
        try:
            samples, rate = read_audio(path)
            if not np.isfinite(samples).all():
                raise GanzooError(f"{printable(path)} holds samples that are not finite numbers")
            return samples, rate
        except GanzooError as error:
            return error
        except (OSError, ValueError, MemoryError, RuntimeError) as error:
            return GanzooError(f"{printable(path)}: {first_line(error)}")

    for path, result in zip(paths, _mapped(read, paths)):
        if isinstance(result, GanzooError):
            found.broken[str(path)] = str(result)
            continue
        samples, rate = result
        seconds.append(len(samples) / rate)
        channels = {1: "mono", 2: "stereo"}.get(samples.shape[1], f"{samples.shape[1]} channels")
        begin = samples[: 2 * rate, 0]
        statistics.add(samples, f"{rate} Hz", channels, shown=lambda begin=begin: spectrogram(begin))
    statistics.end()
    found.seconds = min(seconds), max(seconds), sum(seconds)


def _listed(counts: Any, ordered: bool = True) -> str:
    """Counts as text: all alike, or the most frequent first; or in the order of the classes."""
    items = list(counts.items())
    if ordered and len(items) == 1:
        return f"all {printable(items[0][0])}"
    shown = sorted(items, key=lambda item: -item[1]) if ordered else items
    most = _NAMED if ordered else 2 * _NAMED
    text = ", ".join(f"{printable(name)} ({count:,})" for name, count in shown[:most])
    return text + (f" and {len(items) - most:,} others" if len(items) > most else "")
