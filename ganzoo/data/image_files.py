"""ImageFiles of many sizes, each whole, for models that learn from crops of them."""

import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ganzoo.data.decoding import PIXEL_LIMIT, as_channels, opened_image, read_image
from ganzoo.data.sources import allocate, find_image_files, load_tfds, split_source
from ganzoo.errors import GanzooError, missing_package


@dataclass
class ImageFiles:
    """ImageFiles, each of its own size.

    Attributes:
        images: list of uint8 (height, width, 3); views of one array, which is a file where it is large.
        names: what each is called.
        source: what was asked for.
        skipped: files that could not be read.
    """

    images: list
    names: list
    source: str
    skipped: tuple[str, ...] = ()


def open_image_files(source, at_least=1, strict=False):
    """The photos of a source, in color, turned as their EXIF says.

    Args:
        source: "folder:PATH" (images at any depth, of any format that Pillow decodes), "tfds:NAME[:SPLIT]" (the
            feature `hr`, as in div2k, or `image`), "photos" (the two that scikit-learn carries) or
            "photos:scikit-image".
        at_least: height and width below which one is left out.
        strict: a broken file is an error instead of being skipped and counted.

    Returns:
        `ImageFiles`.

    Raises:
        GanzooError: naming the source and the way out.
    """
    scheme, place = split_source(source, " of photos", _SCHEMES, without_place=["photos"])
    found = _SCHEMES[scheme](place, at_least, strict)
    found.source = str(source)
    return found


def _folder(place, at_least, strict):
    root = Path(place)
    paths = find_image_files(root)

    def size(path):
        """(height, width), of the file's header alone; or why it cannot be read."""
        try:
            # The limit first: of a PNG the EXIF is found by decoding all of it.
            with opened_image(path, PIXEL_LIMIT) as opened:
                turned = opened.getexif().get(0x0112, 1) in (5, 6, 7, 8)
                return (opened.width, opened.height) if turned else (opened.height, opened.width)
        except GanzooError as error:
            return str(error)

    sizes = [size(path) for path in paths]
    broken = {path: found for path, found in zip(paths, sizes) if isinstance(found, str)}
    readable = {path: size for path, size in zip(paths, sizes) if not isinstance(size, str)}
    large = {path: size for path, size in readable.items() if min(size) >= at_least}
    offsets = np.cumsum([0] + [3 * height * width for height, width in large.values()])
    pixels = allocate((int(offsets[-1]),), f"photos:{root}:{len(large)}")

    def read(place, path):
        try:
            image = read_image(path, 3)
            if image.shape[:2] != large[path]:
                raise GanzooError(f"{path}: {image.shape[:2]} pixels instead of {large[path]}")
            pixels[offsets[place] : offsets[place + 1]] = image.ravel()
        except GanzooError as error:
            broken[path] = str(error)

    with ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 2)) as pool:
        list(pool.map(read, range(len(large)), large))
    if broken and strict:
        raise GanzooError(f"{broken[min(broken)]} ({len(broken)} broken of {len(paths)}; strict=False skips them)")
    kept = [i for i, path in enumerate(large) if path not in broken]
    if not kept:
        reason = f"first: {broken[min(broken)]}" if broken else f"all are smaller than {at_least}x{at_least}"
        raise GanzooError(f"none of the {len(paths)} images in {root} can be used ({reason})")
    if broken:
        warnings.warn(f"{root}: skipped {len(broken)} of {len(paths)}; first: {broken[min(broken)]}", stacklevel=2)
    if len(large) < len(readable):
        left_out = len(readable) - len(large)
        warnings.warn(f"{root}: {left_out} images are smaller than {at_least}x{at_least}, left out", stacklevel=2)
    shapes, names = list(large.values()), [path.relative_to(root).as_posix() for path in large]
    images = [pixels[offsets[i] : offsets[i + 1]].reshape(*shapes[i], 3) for i in kept]
    return ImageFiles(images, [names[i] for i in kept], "", tuple(map(str, broken)))


def _tfds(place, at_least, strict):
    dataset, info = load_tfds(place)
    import tensorflow_datasets as tfds

    feature = next((name for name in ("hr", "image") if name in info.features), None)
    if feature is None:
        raise GanzooError(f"tfds:{place} has neither a feature 'hr' nor 'image'; it has: {', '.join(info.features)}")
    # Twice through the set: the first time for the sizes, so that all of it is never in memory.
    sizes = [example[feature].shape for example in tfds.as_numpy(dataset)]
    wanted = [min(size[:2]) >= at_least for size in sizes]
    offsets = np.cumsum([0] + [3 * size[0] * size[1] for size, want in zip(sizes, wanted) if want])
    if len(offsets) == 1:
        raise GanzooError(f"all images of tfds:{place} are smaller than {at_least}x{at_least}")
    pixels, images = allocate((int(offsets[-1]),), f"photos:{place}:{info.full_name}"), []
    for example, want in zip(tfds.as_numpy(dataset), wanted):
        if want:
            image = as_channels(example[feature], 3)
            images.append(pixels[offsets[len(images)] : offsets[len(images) + 1]].reshape(image.shape))
            images[-1][:] = image
    return ImageFiles(images, [f"{place}-{i}" for i in range(len(images))], "")


def _embedded(place, at_least, strict):
    if place not in ("", "scikit-image"):
        raise GanzooError(f"'photos:{place}' is none of: photos, photos:scikit-image")
    if place:
        try:
            from skimage import data
        except ImportError:
            raise missing_package("scikit-image", "photos", "photos:scikit-image") from None
        found = {name: getattr(data, name)() for name in ("astronaut", "chelsea", "coffee", "rocket")}
    else:
        from sklearn.datasets import load_sample_images

        bunch = load_sample_images()
        found = dict(zip((Path(name).stem for name in bunch.filenames), bunch.images))
    kept = {name: np.asarray(image) for name, image in found.items() if min(image.shape[:2]) >= at_least}
    if not kept:
        raise GanzooError(f"all of these photos are smaller than {at_least}x{at_least}")
    return ImageFiles(list(kept.values()), list(kept), "")


_SCHEMES = {"folder": _folder, "tfds": _tfds, "photos": _embedded}


def to_small(image, scale):
    """The image `scale` times smaller: bicubic (Keys, a = -0.5), antialiased, as Pillow and MATLAB have it.

    Args:
        image: uint8 (height, width, 1, 3 or 4), height and width multiples of scale.
        scale: whole.
    """
    return resized(image, (image.shape[0] // scale, image.shape[1] // scale))


def resized(image, size):
    """uint8 (height, width, channels) resized to (height, width) by antialiased bicubic interpolation."""
    from PIL import Image

    pillow_image = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    array = np.asarray(pillow_image.resize((size[1], size[0]), Image.Resampling.BICUBIC))
    return array[..., None] if image.shape[-1] == 1 else array


def resized_plane(plane, size):
    """(height, width) of any whole-number type resized likewise, in floating point."""
    from PIL import Image

    image = Image.fromarray(plane.astype("float32")).resize((size[1], size[0]), Image.Resampling.BICUBIC)
    return np.rint(np.asarray(image)).clip(0, np.iinfo(plane.dtype).max).astype(plane.dtype)


def multiple_of(image, scale):
    """The image without the last rows and columns that `scale` does not divide."""
    height, width = image.shape[:2]
    return image[: height // scale * scale, : width // scale * scale]
