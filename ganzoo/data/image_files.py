"""Images of different sizes, for models that learn from crops of them."""

import importlib.util
import os
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ganzoo.data.allocation import allocate
from ganzoo.data.decoding import PIXEL_LIMIT, WHITE, as_channels, opened_image, read_image
from ganzoo.data.image_folders import find_image_files
from ganzoo.data.sources import split_source
from ganzoo.data.tfds import load_tfds
from ganzoo.errors import GanzooError, missing_package


@dataclass
class ImageFiles:
    """Images of different sizes.

    Attributes:
        images: list of uint8 (height, width, 3); views of one array, which is memory-mapped if it is large.
        names: name of each image.
        source: the source that was opened.
        skipped: files that could not be read.
    """

    images: list[np.ndarray]
    names: list[str]
    source: str
    skipped: tuple[str, ...] = ()


def open_image_files(
    source: str,
    at_least: int = 1,
    strict: bool = False,
    *,
    shorter_side: int | None = None,
    background: Sequence[int] = WHITE,
) -> ImageFiles:
    """The images of a source, in color, with their EXIF orientation applied.

    Args:
        source: "folder:PATH" (images at any depth, of any format that Pillow decodes), "tfds:NAME[:SPLIT]" (the
            feature `hr`, as in div2k, or `image`), "photos" (two images that ship with scikit-learn) or
            "photos:scikit-image".
        at_least: smallest height and width; smaller images are left out.
        strict: raise an error for an unreadable file instead of skipping it with a warning.
        shorter_side: resize all images (antialiased, bicubic) so that the smaller of height and width is this.
        background: (red, green, blue) in 0..255 behind transparent pixels of files.

    Returns:
        `ImageFiles`.

    Raises:
        GanzooError: the source is missing, empty or unreadable.

    Example:
        from ganzoo.data.image_files import open_image_files

        images = open_image_files("folder:my_images", at_least=96).images     # 16 arrays, uint8 (128, 128, 3)
    """
    scheme, place = split_source(source, " of photos", _SCHEMES, without_place=["photos"])
    if scheme == "folder":
        found = _folder(place, at_least, strict, shorter_side, background)
    else:
        found = _SCHEMES[scheme](place, at_least, strict)
        if shorter_side is not None:
            found.images = [resized(image, _size_for(image.shape[:2], shorter_side)) for image in found.images]
    found.source = str(source)
    return found


def _size_for(size, shorter_side):
    """(height, width) of an image resized to a shorter side; None leaves the size as it is."""
    if shorter_side is None:
        return size
    return tuple(max(shorter_side, round(length * shorter_side / min(size))) for length in size)


def _folder(place, at_least, strict, shorter_side=None, background=WHITE):
    root = Path(place)
    paths = find_image_files(root)

    def size(path):
        """(height, width), read from the header alone; or the reason why the file cannot be read."""
        try:
            # Checks the limit first: Pillow decodes all of a PNG to find its EXIF.
            with opened_image(path, PIXEL_LIMIT) as opened:
                turned = opened.getexif().get(0x0112, 1) in (5, 6, 7, 8)
                return (opened.width, opened.height) if turned else (opened.height, opened.width)
        except GanzooError as error:
            return str(error)

    sizes = [size(path) for path in paths]
    broken = {path: found for path, found in zip(paths, sizes) if isinstance(found, str)}
    readable = {path: size for path, size in zip(paths, sizes) if not isinstance(size, str)}
    large = {path: size for path, size in readable.items() if min(size) >= at_least}
    kept_sizes = {path: _size_for(size, shorter_side) for path, size in large.items()}
    offsets = np.cumsum([0] + [3 * height * width for height, width in kept_sizes.values()])
    pixels = allocate((int(offsets[-1]),), f"photos:{root}:{len(large)}")

    def read(place, path):
        try:
            image = read_image(path, 3, background=background)
            # Pillow has turned the size of a TIFF already, in some versions.
            if image.shape[:2] == large[path][::-1]:
                kept_sizes[path] = kept_sizes[path][::-1]
            elif image.shape[:2] != large[path]:
                raise GanzooError(f"{path}: {image.shape[:2]} pixels instead of {large[path]}")
            image = image if shorter_side is None else resized(image, kept_sizes[path])
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
    shapes, names = list(kept_sizes.values()), [path.relative_to(root).as_posix() for path in large]
    images = [pixels[offsets[i] : offsets[i + 1]].reshape(*shapes[i], 3) for i in kept]
    return ImageFiles(images, [names[i] for i in kept], "", tuple(map(str, broken)))


def _tfds(place, at_least, strict):
    dataset, info = load_tfds(place)
    import tensorflow_datasets as tfds

    feature = next((name for name in ("hr", "image") if name in info.features), None)
    if feature is None:
        raise GanzooError(f"tfds:{place} has neither a feature 'hr' nor 'image'; it has: {', '.join(info.features)}")
    # Two passes, the first one for the sizes, so that the dataset is never in memory as a whole.
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
        found = _sample_photos()
    kept = {name: np.asarray(image) for name, image in found.items() if min(image.shape[:2]) >= at_least}
    if not kept:
        raise GanzooError(f"all of these photos are smaller than {at_least}x{at_least}")
    return ImageFiles(list(kept.values()), list(kept), "")


def _sample_photos():
    """{name: image} of scikit-learn's two photos."""
    spec = importlib.util.find_spec("sklearn")
    # Its files, without importing it, which also imports much of SciPy: the web page shows these photos at once.
    files = sorted(Path(spec.origin).parent.glob("datasets/images/*.jpg")) if spec and spec.origin else []
    if files:
        return {path.stem: read_image(path, channels=3) for path in files}
    from sklearn.datasets import load_sample_images

    bunch = load_sample_images()
    return dict(zip((Path(name).stem for name in bunch.filenames), bunch.images))


_SCHEMES = {"folder": _folder, "tfds": _tfds, "photos": _embedded}


def to_small(image: np.ndarray, scale: int) -> np.ndarray:
    """Downscales an image by antialiased bicubic interpolation (Keys, a = -0.5), as in Pillow and MATLAB.

    Args:
        image: uint8 (height, width, 1, 3 or 4), height and width multiples of scale.
        scale: integer factor.

    Example:
        from ganzoo.data.image_files import to_small

        small = to_small(np.zeros((96, 96, 3), "uint8"), 4)     # uint8 (24, 24, 3)
    """
    return resized(image, (image.shape[0] // scale, image.shape[1] // scale))


def resized(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resizes uint8 (height, width, channels) to `size`, (height, width), by antialiased bicubic interpolation."""
    from PIL import Image

    pillow_image = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    array = np.asarray(pillow_image.resize((size[1], size[0]), Image.Resampling.BICUBIC))
    return array[..., None] if image.shape[-1] == 1 else array


def resized_plane(plane: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resizes one channel (height, width) of any integer type like `resized`, computed in float32."""
    from PIL import Image

    image = Image.fromarray(plane.astype("float32")).resize((size[1], size[0]), Image.Resampling.BICUBIC)
    return np.rint(np.asarray(image)).clip(0, np.iinfo(plane.dtype).max).astype(plane.dtype)


def resampled(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resizes uint8 or uint16 (height, width, channels) to `size`, (height, width), each channel like `resized`."""
    if image.shape[:2] == tuple(size):
        return image
    return np.stack([resized_plane(image[..., i], size) for i in range(image.shape[2])], axis=2)


def multiple_of(image: np.ndarray, scale: int) -> np.ndarray:
    """Crops an image at the bottom and right so that `scale` divides its height and width."""
    height, width = image.shape[:2]
    return image[: height // scale * scale, : width // scale * scale]
