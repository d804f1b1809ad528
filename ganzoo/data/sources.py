"""Image sources: opens "scheme:place" as an array of images of one shape.

Images of any source end up in one uint8 array (count, height, width, channels), in memory up to `MEMORY_LIMIT`, or as
a memory-mapped file in the cache folder beyond that. Training then reads every source at the same speed and can resume
at any position.
"""

import os
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import numpy as np

from ganzoo.data import avatars
from ganzoo.data.allocation import allocate
from ganzoo.data.arrays import read_arrays, read_idx
from ganzoo.data.folders import printable
from ganzoo.data.image_arrays import Images, as_uint8, checked_names, fit_array, from_arrays
from ganzoo.data.image_folders import open_folder
from ganzoo.data.tfds import load_tfds
from ganzoo.errors import GanzooError, unknown

# Names of arrays in an archive: ours, and those of Keras' mnist.npz.
_ARCHIVE_NAMES = (("images", "labels"), ("x_train", "y_train"))
# Of the arrays of an archive, how many a message names.
_NAMED = 10


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
    return Images(fit_array(images, image_shape, upscale, "digits"), labels, "digits", class_names=names)


def _idx(place, image_shape, upscale, strict):
    path = Path(place)
    images = read_idx(path)
    if images.ndim not in (3, 4):
        raise GanzooError(f"{path} holds an array of shape {images.shape}, not images: name the images file")
    candidates = _labels_files(path)
    labels_path = next((candidate for candidate in candidates if os.path.isfile(candidate)), None)
    labels = None if labels_path is None else read_idx(labels_path)
    opened = from_arrays(images, labels, image_shape, upscale, f"idx:{place}")
    if candidates:
        names = " or ".join(candidate.name for candidate in candidates)
        opened.unlabeled = f"put the labels file beside {path.name}: {names} was not found in {path.parent}"
    else:
        opened.unlabeled = (
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
    opened = from_arrays(images, labels, image_shape, upscale, f"npz:{place}", arrays.get("class_names"))
    opened.unlabeled = f"save them too: np.savez(FILE, images=IMAGES, labels=LABELS); {path} has: {_some(keys)}"
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
        image = as_uint8(example["image"], f"tfds:{place}", masks=False)
        images[i] = fit_array(image[None], image_shape, upscale, f"tfds:{place}")[0]
        if "label" in example and np.ndim(example["label"]) == 0:
            labels.append(int(example["label"]))
    classes = getattr(info.features["label"], "names", None) if "label" in info.features else None
    return Images(
        images,
        np.array(labels) if len(labels) == count else None,
        f"tfds:{place}",
        class_names=checked_names(classes, f"tfds:{place}"),
        unlabeled=f"the dataset has no integer feature 'label'; it has: {', '.join(info.features)}",
    )


def _avatars(place, image_shape, upscale, strict):
    images = avatars.open_images(place, image_shape)
    labels, names = avatars.labels_of(place)
    unlabeled = "" if labels is not None else "of this style no attributes are known: leave out style="
    return Images(images, labels, f"avatars:{place}", class_names=names, unlabeled=unlabeled)


_SCHEMES: dict[str, Callable] = {
    "avatars": _avatars,
    "digits": _digits,
    "folder": open_folder,
    "idx": _idx,
    "npz": _npz,
    "tfds": _tfds,
}
