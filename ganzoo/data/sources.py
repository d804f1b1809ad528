"""Where pictures come from: "scheme:place" to an array of pictures, all of one shape.

Whatever the source, its pictures end as one uint8 array (count, height, width, channels): in memory
up to `MEMORY_LIMIT`, beyond that as a memory-mapped file in the cache folder. Training then reads any
source at the same speed and can go on at any place of its order.
"""

import hashlib
import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ganzoo.data.decoding import TooSmall, fit, pillow_to_array, read_idx, read_picture
from ganzoo.errors import GanzooError, first_line, missing_package, unknown
from ganzoo.files import cache_folder
from ganzoo.weights import BAD_ARCHIVE

MEMORY_LIMIT = 2**30
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")


@dataclass
class Pictures:
    """Pictures of one shape.

    Attributes:
        images: uint8 (count, height, width, channels).
        labels: integers (count,), or None.
        skipped: files that could not be read.
        source: what was asked for.
    """

    images: np.ndarray
    labels: np.ndarray | None
    source: str
    skipped: tuple[str, ...] = ()


def open_pictures(source, image_shape, upscale=False, strict=False):
    """The pictures of a source, centre-cropped to the wanted aspect and resized (antialiased).

    Args:
        source: "digits", "idx:FILE" (MNIST's format, .gz or not; the labels file beside it is found),
            "npz:FILE" (arrays `images` and optionally `labels`), "folder:PATH" (jpg, png, webp, bmp at
            any depth; its subfolders' names are the labels) or "tfds:NAME[:SPLIT]".
        image_shape: (height, width, channels), channels 1 or 3.
        upscale: enlarge pictures smaller than that instead of refusing them.
        strict: a broken file is an error instead of being skipped and counted.

    Returns:
        `Pictures`.

    Raises:
        GanzooError: naming the source and the way out.
    """
    image_shape = tuple(image_shape)
    if len(image_shape) != 3 or min(image_shape) < 1 or image_shape[2] not in (1, 3):
        raise GanzooError(f"image_shape is (height, width, 1 or 3), got {image_shape}")
    scheme, place = split_source(source, "", _SCHEMES, without_place=["digits"])
    return _SCHEMES[scheme](place, image_shape, upscale, strict)


def split_source(source, kind, schemes, without_place=()):
    """("folder", "PATH") of "folder:PATH".

    Args:
        source: what was asked for.
        kind: of what it is a source, for the error: " of recordings", say.
        schemes: those there are.
        without_place: those that may stand alone.

    Raises:
        GanzooError: another scheme, or one without its place.
    """
    scheme, _, place = str(source).partition(":")
    if scheme not in schemes:
        known = [name if name in without_place else f"{name}:..." for name in schemes]
        raise unknown(f"kind of source{kind}", source, known)
    if scheme not in without_place and not place:
        raise GanzooError(f"the source '{source}' names no place: write {scheme}:PATH_OR_NAME")
    return scheme, place


def _digits(place, image_shape, upscale, strict):
    from ganzoo.data.embedded import digits

    images, labels = digits()
    return Pictures(_fit_array(images, image_shape, upscale, "digits"), labels, "digits")


def _idx(place, image_shape, upscale, strict):
    path = Path(place)
    images = read_idx(path)
    if images.ndim not in (3, 4):
        raise GanzooError(f"{path} holds an array of shape {images.shape}, not pictures: name the images file")
    labels = None
    labels_path = Path(str(path).replace("images-idx3", "labels-idx1").replace("images.idx3", "labels.idx1"))
    if labels_path != path and labels_path.is_file():
        labels = read_idx(labels_path).astype("int64")
    return _from_arrays(images, labels, image_shape, upscale, f"idx:{place}")


def _npz(place, image_shape, upscale, strict):
    try:
        with np.load(place, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files if key in ("images", "labels")}
            keys = archive.files
    except BAD_ARCHIVE as error:
        raise GanzooError(f"cannot read {place} as an .npz archive: {error}") from None
    if "images" not in arrays:
        raise GanzooError(f"{place} has no array 'images'; it has: {', '.join(keys) or 'none'}")
    return _from_arrays(arrays["images"], arrays.get("labels"), image_shape, upscale, f"npz:{place}")


def _tfds(place, image_shape, upscale, strict):
    dataset, info = load_tfds(place)
    import tensorflow_datasets as tfds

    if "image" not in info.features:
        raise GanzooError(f"the data set '{place}' has no feature 'image'; it has: {', '.join(info.features)}")
    count = dataset.cardinality().numpy()
    images = allocate((count, *image_shape), f"tfds:{place}:{info.full_name}")
    labels = []
    for i, example in enumerate(tfds.as_numpy(dataset)):
        images[i] = _fit_array(_as_uint8(example["image"], place)[None], image_shape, upscale, f"tfds:{place}")[0]
        if "label" in example and np.ndim(example["label"]) == 0:
            labels.append(int(example["label"]))
    return Pictures(images, np.array(labels) if len(labels) == count else None, f"tfds:{place}")


def load_tfds(place):
    """(tf.data set, info) of "NAME[:SPLIT]" of tensorflow-datasets.

    Raises:
        GanzooError: not installed, or whatever keeps it from loading.
    """
    try:
        import tensorflow_datasets as tfds
    except ImportError:
        raise missing_package("tensorflow-datasets", "tfds", f"the source tfds:{place}") from None
    name, _, split = place.partition(":")
    try:
        # Read here too: tensorflow-datasets itself reads the variable only when it is imported.
        folder = os.environ.get("TFDS_DATA_DIR")
        return tfds.load(name, split=split or "train", data_dir=folder, with_info=True)
    except Exception as error:  # whatever the data set's own code or the network raises
        raise GanzooError(
            f"tensorflow-datasets cannot load '{name}': {first_line(error)}. "
            "Without a network, name files that you have: idx:FILE, npz:FILE or folder:PATH"
        ) from None


def _folder(place, image_shape, upscale, strict):
    root = Path(place)
    paths = picture_files(root)
    key = hashlib.sha256(repr([(str(p.resolve()), p.stat().st_mtime_ns, p.stat().st_size) for p in paths]).encode())
    images = allocate((len(paths), *image_shape), f"folder:{key.hexdigest()}")
    broken, small = [], []

    def read(i):
        try:
            images[i] = fit(read_picture(paths[i], image_shape[2], image_shape[:2]), image_shape, upscale)
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
            f"{len(small)} of {len(paths)} pictures in {root} are smaller than the {image_shape[0]}x{image_shape[1]} "
            f"asked for (first: {paths[first[0]]}, {first[1]}): choose a smaller image_shape, remove them, "
            "or allow enlarging with upscale=True (in a preset, data: {upscale: true})"
        )
    if broken and strict:
        raise GanzooError(f"{min(broken)[1]} ({len(broken)} broken of {len(paths)}; strict=False skips them)")
    if len(broken) == len(paths):
        raise GanzooError(f"none of the {len(paths)} pictures in {root} can be read (first: {min(broken)[1]})")
    if broken:
        warnings.warn(f"{root}: skipped {len(broken)} of {len(paths)} pictures; first: {min(broken)[1]}", stacklevel=2)
    kept = [i for i in range(len(paths)) if i not in lost]
    names = [paths[i].parent.relative_to(root).as_posix() for i in kept]
    classes = sorted(set(names))
    labels = np.array([classes.index(name) for name in names]) if len(classes) > 1 else None
    images = kept_in_place(images, kept)
    return Pictures(images, labels, f"folder:{place}", tuple(str(paths[i]) for i in sorted(lost)))


_SCHEMES = {"digits": _digits, "folder": _folder, "idx": _idx, "npz": _npz, "tfds": _tfds}


def picture_files(root):
    """The picture files of a folder, as `files_in`."""
    return files_in(root, SUFFIXES, "pictures")


def files_in(root, suffixes, kind):
    """The files of a folder with one of the suffixes, at any depth, sorted; `kind` names them in errors.

    Raises:
        GanzooError: no such folder, or none in it.
    """
    root = Path(root)
    if not root.is_dir():
        raise GanzooError(f"no such folder of {kind}: {root}")
    paths = sorted(path for path in root.rglob("*") if path.suffix.lower() in suffixes and path.is_file())
    if not paths:
        raise GanzooError(f"the folder {root} holds no {kind} ({', '.join(suffixes)})")
    return paths


def _from_arrays(images, labels, image_shape, upscale, source):
    images = _as_uint8(images, source)
    if labels is not None and np.shape(labels)[:1] != (len(images),):
        raise GanzooError(f"{source}: {len(images)} pictures but labels of shape {np.shape(labels)}")
    return Pictures(_fit_array(images, image_shape, upscale, source), labels, source)


def _as_uint8(images, source):
    """uint8 pictures (..., height, width, channels) from arrays as people keep them."""
    images = np.asarray(images)
    if images.ndim not in (3, 4) or not images.size:
        raise GanzooError(f"{source}: pictures have shape (count, height, width[, channels]), got {images.shape}")
    if images.dtype.kind == "b":
        images = images * np.uint8(255)
    if images.dtype.kind == "f":
        low, high = float(images.min()), float(images.max())
        if not (np.isfinite(low) and np.isfinite(high)) or low < -1 or high > 255 or (low < 0 and high > 1):
            raise GanzooError(f"{source}: pictures lie in 0..255, [0, 1] or [-1, 1], got {low} to {high}")
        offset, factor = (1.0, 127.5) if low < 0 else (0.0, 255.0 if high <= 1 else 1.0)
        images = np.rint((images + offset) * factor)
    elif images.dtype.kind not in "iu" or images.min() < 0 or images.max() > 255:
        raise GanzooError(f"{source}: pictures are whole numbers in 0..255 or floats, got {images.dtype}")
    return images.astype("uint8", copy=False)


def _fit_array(images, image_shape, upscale, source):
    """uint8 pictures (count, height, width[, channels]) as (count, *image_shape)."""
    from PIL import Image

    if (images.ndim == 3 and images.shape[0] != 1) or (images.ndim == 3 and images.shape[2] not in (1, 3, 4)):
        images = images[..., None]
    elif images.ndim == 3:
        images = images[None] if images.shape[2] in (1, 3, 4) else images[..., None]
    if images.shape[-1] not in (1, 3, 4):
        raise GanzooError(f"{source}: pictures have 1, 3 or 4 channels, got {images.shape[-1]}")
    if images.shape[1:] == image_shape:
        return images

    def converted(image):
        picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
        return fit(pillow_to_array(picture, image_shape[2]), image_shape, upscale)

    fitted = allocate((len(images), *image_shape), source)
    try:
        for i, image in enumerate(images):
            fitted[i] = converted(image)
        return fitted
    except TooSmall as error:
        raise GanzooError(
            f"the pictures of {source} are {error}, smaller than the {image_shape[0]}x{image_shape[1]} asked for: "
            "choose a smaller image_shape, or allow enlarging with upscale=True (in a preset, data: {upscale: true})"
        ) from None


def kept_in_place(images, kept):
    """The pictures whose places are in `kept`, in rising order, moved together: a selection would copy an array that is
    kept in a file into memory."""
    for to, kept_from in enumerate(kept):
        if to != kept_from:
            images[to] = images[kept_from]
    return images[: len(kept)]


def allocate(shape, key):
    """An empty uint8 array for all pictures: in memory, or a file in the cache folder when it is large.

    Args:
        shape: of the array.
        key: tells the file from others.
    """
    if np.prod(shape, dtype="float64") <= MEMORY_LIMIT:
        return np.zeros(shape, "uint8")
    name = hashlib.sha256(repr((key, shape)).encode()).hexdigest()[:24]
    path = cache_folder() / f"pictures-{name}-{os.getpid()}.npy"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        array = np.lib.format.open_memmap(path, mode="w+", dtype="uint8", shape=shape)
    except OSError as error:
        raise GanzooError(f"cannot keep an array of {shape} in {path.parent}: {error}; set GANZOO_CACHE") from None
    # The mapping keeps the data reachable; without a name nothing is left behind when the process ends.
    if os.name == "posix":
        path.unlink()
    return array
