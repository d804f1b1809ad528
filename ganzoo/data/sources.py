"""Image sources: opens "scheme:place" as an array of images of one shape.

Images of any source end up in one uint8 array (count, height, width, channels), in memory up to `MEMORY_LIMIT`, or as
a memory-mapped file in the cache folder beyond that. Training then reads every source at the same speed and can resume
at any position.
"""

import hashlib
import os
import warnings
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ganzoo.classes import class_numbers
from ganzoo.data import avatars
from ganzoo.data.allocation import allocate, select_in_place
from ganzoo.data.arrays import read_arrays, read_idx
from ganzoo.data.decoding import (
    TooSmall,
    as_channels,
    fit,
    image_suffixes,
    read_image,
    to_uint8,
)
from ganzoo.data.folders import files_in, natural, printable
from ganzoo.data.tfds import load_tfds
from ganzoo.errors import GanzooError, unknown
from ganzoo.types import PathLike

# Names of arrays in an archive: ours, and those of Keras' mnist.npz.
_ARCHIVE_NAMES = (("images", "labels"), ("x_train", "y_train"))
# Of the arrays of an archive, how many a message names.
_NAMED = 10


@dataclass
class Images:
    """Images of one shape.

    Attributes:
        images: uint8 (count, height, width, channels).
        labels: integers (count,), or None.
        source: the source that was opened.
        skipped: files that could not be read.
        class_names: name of each class, in the order of the labels (label 0 first); None if classes have no names.
        unlabelled: if there are no labels: why, and what to do.
    """

    images: np.ndarray
    labels: np.ndarray | None
    source: str
    skipped: tuple[str, ...] = ()
    class_names: tuple[str, ...] | None = None
    unlabelled: str = ""


def open_images(
    source: str, image_shape: Sequence[int], upscale: bool = False, strict: bool = False, with_labels: bool = False
) -> Images:
    """Opens the images of a source, center-cropped to the requested aspect ratio and resized (antialiased).

    Sources ("~" is the home folder; only the first frame of an animation counts):

    - "digits": the digits that ship with scikit-learn.
    - "idx:FILE": MNIST's format, gzipped or not; the labels file beside it is found by its name.
    - "npz:FILE": arrays `images` and optionally `labels`, integers (count,) or (count, 1), and `class_names`. Or
      Keras' `x_train`, `y_train`, `x_test` and `y_test`, where "npz:FILE:test" takes the last two. Or one array of
      images, .npy. `ganzoo.data.decoding.to_uint8` says which values are allowed.
    - "avatars:COUNT": rendered, see `ganzoo.data.avatars`;
    - "folder:PATH": images at any depth, in any format that Pillow decodes; `ganzoo.data.folders.files_in` says which
      files count. The folders directly in it are the classes, numbers ordered by value.
    - "tfds:NAME[:SPLIT]": a dataset of tensorflow-datasets.

    Args:
        source: one of the above.
        image_shape: (height, width, channels), channels 1 or 3.
        upscale: enlarge smaller images instead of raising an error.
        strict: raise an error for an unreadable file instead of skipping it with a warning.
        with_labels: leave out, with a warning, images of a "folder:" that lie beside the class folders and have no
            class. Otherwise such images count, and if there are any, no image has a label.

    Returns:
        `Images`; a class without readable images keeps its number and its name.

    Raises:
        GanzooError: the source is missing, empty or unreadable.

    Example:
        from ganzoo.data.sources import open_images

        opened = open_images("folder:my_images", (64, 64, 3), with_labels=True)
        opened.class_names     # ("cats", "dogs")
    """
    image_shape = tuple(image_shape)
    if len(image_shape) != 3 or min(image_shape) < 1 or image_shape[2] not in (1, 3):
        raise GanzooError(f"image_shape is (height, width, 1 or 3), got {image_shape}")
    scheme, place = split_source(source, "", _SCHEMES, without_place=["digits"])
    options = {"with_labels": with_labels} if scheme == "folder" else {}
    return _SCHEMES[scheme](place, image_shape, upscale, strict, **options)


def split_source(
    source: str, kind: str, schemes: Collection[str], without_place: Collection[str] = ()
) -> tuple[str, str]:
    """Splits a source into its scheme and place.

    Args:
        source: e.g. "folder:PATH".
        kind: kind of source for the error, e.g. " of recordings".
        schemes: the allowed schemes.
        without_place: schemes that need no place.

    Raises:
        GanzooError: the scheme is unknown, or its place is missing.

    Example:
        from ganzoo.data.sources import split_source

        split_source("folder:my_images", "", ["folder", "digits"])     # ("folder", "my_images")
    """
    scheme, _, place = str(source).partition(":")
    if scheme not in schemes:
        if meant := _meant(str(source), schemes):
            raise GanzooError(f"'{printable(source)}' is a path without a scheme: write {meant}:{printable(source)}")
        known = [name if name in without_place else f"{name}:..." for name in schemes]
        raise unknown(f"source{kind}", source, known)
    if scheme not in without_place and not place:
        place = {"avatars": "COUNT", "tfds": "NAME", "idx": "FILE", "npz": "FILE"}.get(scheme, "FOLDER")
        raise GanzooError(f"the source '{source}' is incomplete: write {scheme}:{place}")
    return scheme, os.path.expanduser(place)


def _meant(source, schemes):
    """The scheme that a path without a scheme probably needs, or None."""
    path = os.path.expanduser(source)
    name = os.path.basename(path).lower()
    if os.path.isdir(path):
        captioned = any(os.path.isfile(os.path.join(path, f"captions{suffix}")) for suffix in (".json", ".txt"))
        kinds = ("captions", "folder") if captioned else ("folder", "captions")
    elif not os.path.isfile(path):
        kinds = ()
    elif name.endswith((".npz", ".npy")):
        kinds = ("npz",)
    else:
        kinds = ("idx",) if "idx" in name else ()
    return next((kind for kind in kinds if kind in schemes), None)


def _digits(place, image_shape, upscale, strict):
    from ganzoo.data.embedded import digits

    images, labels = digits()
    names = tuple(map(str, range(10)))
    return Images(_fit_array(images, image_shape, upscale, "digits"), labels, "digits", class_names=names)


def _idx(place, image_shape, upscale, strict):
    path = Path(place)
    images = read_idx(path)
    if images.ndim not in (3, 4):
        raise GanzooError(f"{path} holds an array of shape {images.shape}, not images: name the images file")
    candidates = _labels_files(path)
    labels_path = next((candidate for candidate in candidates if os.path.isfile(candidate)), None)
    labels = None if labels_path is None else read_idx(labels_path)
    opened = _from_arrays(images, labels, image_shape, upscale, f"idx:{place}")
    if candidates:
        names = " or ".join(candidate.name for candidate in candidates)
        opened.unlabelled = f"put the labels file beside {path.name}: {names} was not found in {path.parent}"
    else:
        opened.unlabelled = (
            f"the labels file is found by the name of the images file, which must contain 'images-idx3' "
            f"(the labels file then contains 'labels-idx1'), but is {path.name}"
        )
    return opened


def _labels_files(path):
    """Where the labels file of an IDX file of images may be: beside it, gzipped or not."""
    name = path.name.replace("images-idx3", "labels-idx1").replace("images.idx3", "labels.idx1")
    if name == path.name:
        return []
    other = name.removesuffix(".gz") if name.endswith(".gz") else f"{name}.gz"
    return [path.with_name(name), path.with_name(other)]


def _npz(place, image_shape, upscale, strict):
    path, part = npz_part(place)
    choices = [(f"x_{part}", f"y_{part}")] if part else _ARCHIVE_NAMES
    arrays, keys = read_arrays(path, {name for names in choices for name in names} | {"class_names"})
    names = next((names for names in choices if names[0] in arrays), None)
    if names is None:
        raise GanzooError(
            f"{path} has no array '{choices[0][0]}'; it has: {_some(keys)}. "
            "Save it with np.savez(FILE, images=IMAGES, labels=LABELS)"
        )
    images, labels = arrays[names[0]], arrays.get(names[1])
    opened = _from_arrays(images, labels, image_shape, upscale, f"npz:{place}", arrays.get("class_names"))
    opened.unlabelled = f"save them too: np.savez(FILE, images=IMAGES, labels=LABELS); {path} has: {_some(keys)}"
    return opened


def _some(keys):
    """The first names of arrays, for a message."""
    more = f" and {len(keys) - _NAMED:,} more" if len(keys) > _NAMED else ""
    return (", ".join(map(printable, keys[:_NAMED])) or "none") + more


def npz_part(place: str) -> tuple[str, str | None]:
    """(path, part) of the place of an "npz:" source; part is "train", "test" or None.

    Example:
        from ganzoo.data.sources import npz_part

        npz_part("mnist.npz:test")      # ("mnist.npz", "test")
    """
    path, colon, part = place.rpartition(":")
    return (path, part) if colon and part in ("train", "test") else (place, None)


def _tfds(place, image_shape, upscale, strict):
    dataset, info = load_tfds(place)
    import tensorflow_datasets as tfds

    if "image" not in info.features:
        raise GanzooError(f"the dataset '{place}' has no feature 'image'; it has: {', '.join(info.features)}")
    count = dataset.cardinality().numpy()
    images = allocate((count, *image_shape), f"tfds:{place}:{info.full_name}")
    labels = []
    for i, example in enumerate(tfds.as_numpy(dataset)):
        # A single image does not show whether it is a mask or nearly black.
        image = _as_uint8(example["image"], f"tfds:{place}", masks=False)
        images[i] = _fit_array(image[None], image_shape, upscale, f"tfds:{place}")[0]
        if "label" in example and np.ndim(example["label"]) == 0:
            labels.append(int(example["label"]))
    classes = getattr(info.features["label"], "names", None) if "label" in info.features else None
    return Images(
        images,
        np.array(labels) if len(labels) == count else None,
        f"tfds:{place}",
        class_names=_checked_names(classes, f"tfds:{place}"),
        unlabelled=f"the dataset has no integer feature 'label'; it has: {', '.join(info.features)}",
    )


def _folder(place, image_shape, upscale, strict, with_labels):
    root = Path(place)
    paths = find_image_files(root)
    beside = [path for path in paths if path.parent == root]
    # From all files, so that an unreadable one does not change the numbers of other classes.
    classes = sorted({_class_of(path, root) for path in paths if path.parent != root}, key=natural)
    if with_labels and beside and len(classes) > 1:
        problem = f"{len(beside)} of {len(paths)} images lie beside the class folders and have no class, left out"
        warnings.warn(f"{printable(root)}: {problem}; first: {printable(beside[0].name)}", stacklevel=2)
        paths, beside = [path for path in paths if path.parent != root], []
    key = hashlib.sha256(repr([(str(p.resolve()), p.stat().st_mtime_ns, p.stat().st_size) for p in paths]).encode())
    images = allocate((len(paths), *image_shape), f"folder:{key.hexdigest()}")
    broken, small = [], []

    def read(i):
        try:
            images[i] = fit(read_image(paths[i], image_shape[2], image_shape[:2]), image_shape, upscale)
            return None
        except TooSmall as error:
            small.append((i, str(error)))
        except GanzooError as error:
            broken.append((i, str(error)))
        return i

    with ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 2)) as pool:
        lost = {i for i in pool.map(read, range(len(paths))) if i is not None}
    if small:
        first = min(small)
        raise GanzooError(
            f"{len(small)} of {len(paths)} images in {root} are smaller than the requested "
            f"{image_shape[0]}x{image_shape[1]} (first: {paths[first[0]]}, {first[1]}): choose a smaller image_shape, "
            "remove them, "
            "or allow enlarging with upscale=True (in a preset, data: {upscale: true})"
        )
    if broken and strict:
        raise GanzooError(f"{min(broken)[1]} ({len(broken)} broken of {len(paths)}; strict=False skips them)")
    if len(broken) == len(paths):
        raise GanzooError(f"none of the {len(paths)} images in {root} can be read (first: {min(broken)[1]})")
    if broken:
        warnings.warn(f"{root}: skipped {len(broken)} of {len(paths)} images; first: {min(broken)[1]}", stacklevel=2)
    kept = [i for i in range(len(paths)) if i not in lost]
    labelled = len(classes) > 1 and not beside
    labels = None
    if labelled:
        number = {name: i for i, name in enumerate(classes)}
        labels = np.array([number[_class_of(paths[i], root)] for i in kept])
        lost_classes = sorted(set(range(len(classes))) - set(labels.tolist()))
        if lost_classes:
            first = f"class {lost_classes[0]} ('{printable(classes[lost_classes[0]])}')"
            warnings.warn(
                f"{root}: {len(lost_classes)} of {len(classes)} classes have no readable image; first: {first}",
                stacklevel=2,
            )
    if beside and len(classes) > 1:
        first = printable(beside[0].name)
        unlabelled = f"move or remove the {len(beside)} images beside the class folders; first: {first}"
    else:
        unlabelled = f"put the images of each class in a subfolder of {printable(root)}, named after the class"
    return Images(
        select_in_place(images, kept),
        labels,
        f"folder:{place}",
        tuple(str(paths[i]) for i in sorted(lost)),
        class_names=tuple(classes) if labelled else None,
        unlabelled=unlabelled,
    )


def _class_of(path, root):
    """The name of the folder directly in `root` that contains an image at any depth."""
    return path.relative_to(root).parts[0]


def _avatars(place, image_shape, upscale, strict):
    images = avatars.open_images(place, image_shape)
    labels, names = avatars.labels_of(place)
    unlabelled = "" if labels is not None else "of this style no attributes are known: leave out style="
    return Images(images, labels, f"avatars:{place}", class_names=names, unlabelled=unlabelled)


_SCHEMES: dict[str, Callable] = {
    "avatars": _avatars,
    "digits": _digits,
    "folder": _folder,
    "idx": _idx,
    "npz": _npz,
    "tfds": _tfds,
}


def find_image_files(root: PathLike, **options: Any) -> list[Path]:
    """The image files of a folder; options as in `ganzoo.data.folders.files_in`.

    Example:
        from ganzoo.data.sources import find_image_files

        paths = find_image_files("my_images", companions=["captions.txt"])     # 16 paths
    """
    return files_in(root, image_suffixes(), "images", **options)


def _from_arrays(images, labels, image_shape, upscale, source, class_names=None):
    images = _as_uint8(images, source)
    if labels is not None:
        if np.shape(labels)[:1] != (len(images),):
            raise GanzooError(f"{source}: {len(images)} images but labels of shape {np.shape(labels)}")
        labels = class_numbers(labels, where=f"{source}: labels")
    names = _checked_names(class_names, source)
    if names is not None and labels is not None and labels.max() >= len(names):
        raise GanzooError(f"{source}: class_names has {len(names)} names, but the labels go up to {labels.max()}")
    return Images(_fit_array(images, image_shape, upscale, source), labels, source, class_names=names)


def _checked_names(names, source):
    """Class names as a tuple of strings; None if there are none."""
    if names is None or not len(np.atleast_1d(names)):
        return None
    names = np.asarray(names)
    if names.ndim != 1 or names.dtype.kind not in "U":
        raise GanzooError(f"{source}: class_names is an array of strings, one for each class, got {names.dtype}")
    return tuple(map(str, names))


def _as_uint8(images, source, masks=True):
    """uint8 images (count, height, width[, channels]) from an array in any common range, see `to_uint8`."""
    images = np.asarray(images)
    if images.ndim not in (3, 4) or not images.size:
        raise GanzooError(f"{source}: images have shape (count, height, width[, channels]), got {images.shape}")
    try:
        return to_uint8(images, masks=masks)
    except GanzooError as error:
        raise GanzooError(f"{source}: {error}") from None


def _fit_array(images, image_shape, upscale, source):
    """uint8 images (count, height, width[, channels]) as (count, *image_shape)."""
    if (images.ndim == 3 and images.shape[0] != 1) or (images.ndim == 3 and images.shape[2] not in (1, 3, 4)):
        images = images[..., None]
    elif images.ndim == 3:
        images = images[None] if images.shape[2] in (1, 3, 4) else images[..., None]
    if images.shape[-1] not in (1, 3, 4):
        raise GanzooError(f"{source}: images have 1, 3 or 4 channels, got {images.shape[-1]}")
    if images.shape[1:] == image_shape:
        return images

    fitted = allocate((len(images), *image_shape), source)
    try:
        for i, image in enumerate(images):
            fitted[i] = fit(as_channels(image, image_shape[2]), image_shape, upscale)
        return fitted
    except TooSmall as error:
        raise GanzooError(
            f"the images of {source} are {error}, smaller than the requested {image_shape[0]}x{image_shape[1]}: "
            "choose a smaller image_shape, or allow enlarging with upscale=True (in a preset, data: {upscale: true})"
        ) from None
