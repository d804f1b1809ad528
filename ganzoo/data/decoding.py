"""Decoding of image files, and conversion of an image to the requested shape."""

import contextlib
import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ganzoo.data.folders import printable
from ganzoo.errors import GanzooError, first_line
from ganzoo.files import open_regular
from ganzoo.types import PathLike

# An image with more pixels is not decoded for training: it may be a decompression bomb.
PIXEL_LIMIT = 64_000_000
# The background of transparent images, (red, green, blue).
WHITE = (255, 255, 255)
# How far floating-point values may exceed their range, relative to its largest value.
_RANGE_TOLERANCE = 0.001
# Most scans of a JPEG; a progressive one has about 10. Each costs a pass over all pixels but may take only a few bytes.
MOST_SCANS = 200
_START_OF_SCAN = b"\xff\xda"
# Listed first in messages.
_COMMON = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
# Pillow passes EPS to another program (Ghostscript), which an untrusted file must not start. It recognizes MPEG but
# does not decode it. It decodes icons, which may hold PNG files of any size, before their size can be checked.
_NOT_DECODED = ("EPS", "MPEG", "ICO", "ICNS")


class TooSmall(GanzooError):
    """An image is smaller than requested."""


def image_formats() -> list[str]:
    """Names of the formats that the installed Pillow and its plug-ins decode, e.g. "JPEG"."""
    from PIL import Image, ImageFile

    Image.init()

    def decodes(name):
        opener = Image.OPEN[name][0]
        # Stubs recognize a format and decode nothing.
        return not (isinstance(opener, type) and issubclass(opener, ImageFile.StubImageFile))

    return [name for name in Image.ID if name in Image.OPEN and name not in _NOT_DECODED and decodes(name)]


def image_suffixes() -> tuple[str, ...]:
    """Suffixes of all image files that Pillow can decode: lower case, with their dot, the common ones first.

    Example:
        from ganzoo.data.decoding import image_suffixes

        suffixes = image_suffixes()     # (".jpg", ".jpeg", ".png", ...)
    """
    from PIL import Image

    # Cameras' multi-picture files (MPO) are opened as JPEG.
    formats = {*image_formats(), "MPO"}
    known = [suffix for suffix, name in Image.registered_extensions().items() if name in formats]
    return (*_COMMON, *sorted(set(known) - set(_COMMON)))


@contextlib.contextmanager
def opened_image(path: PathLike, most_pixels: int, at_least: tuple[int, int] | None = None) -> Iterator[Any]:
    """Context manager that opens a Pillow image and checks its size; only the header is read.

    Args:
        path: the file.
        most_pixels: maximum of width times height; a larger file raises an error before anything is decoded.
        at_least: (height, width) that suffices: a much larger JPEG is then decoded at reduced size, and the limit
            applies to the reduced size.

    Raises:
        GanzooError: there is no such file, it is not an image or too large; also instead of whatever Pillow raises for
            a damaged file inside the block.

    Example:
        from ganzoo.data.decoding import opened_image

        with opened_image("in.jpg", most_pixels=1_000_000) as image:
            size = image.size     # (48, 64)
    """
    from PIL import Image

    shown = printable(path)
    try:
        if not os.path.isfile(path):
            # Reading a pipe or a device may never end.
            there = os.path.exists(path)
            raise GanzooError(f"{shown} cannot be read as an image: no file" if there else f"no such image: {shown}")
        with contextlib.ExitStack() as stack:
            if most_pixels > (Image.MAX_IMAGE_PIXELS or 0):
                stack.enter_context(warnings.catch_warnings())
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = stack.enter_context(Image.open(path, formats=image_formats()))
            if at_least is not None:
                # Twice the larger side in both directions, since EXIF may rotate the image.
                image.draft(None, (2 * max(at_least), 2 * max(at_least)))
            if image.width * image.height > most_pixels:
                limit = f"more than {most_pixels / 1e6:g} megapixels"
                raise GanzooError(f"{shown}: {image.width}x{image.height} pixels are too many, {limit}")
            if image.info.get("progressive") and Path(path).read_bytes().count(_START_OF_SCAN) > MOST_SCANS:
                raise GanzooError(f"{shown} is a JPEG of more than {MOST_SCANS} scans: save it again, not progressive")
            yield image
    except GanzooError:
        raise
    except Image.UnidentifiedImageError:
        raise GanzooError(f"{shown} cannot be read as an image: its content is in no known image format") from None
    except Image.DecompressionBombError:  # far beyond either limit
        raise GanzooError(f"{shown}: too many pixels, more than {most_pixels / 1e6:g} megapixels") from None
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged files
        raise GanzooError(f"{shown} cannot be read as an image: {first_line(error)}") from None


def read_image(
    path: PathLike, channels: int, at_least: tuple[int, int] | None = None, background: Sequence[int] = WHITE
) -> np.ndarray:
    """Reads an image file as uint8 (height, width, channels).

    The EXIF orientation is applied and transparency is blended with a background, by default white. Only the first
    frame of an animation or the first page of a document is read.

    Args:
        path: the file.
        channels: 1 for grayscale, 3 for color.
        at_least: (height, width) that suffices: a much larger JPEG is then decoded at reduced size.
        background: (red, green, blue) in 0..255.

    Raises:
        GanzooError: the file is not a readable image or has more than 64 megapixels.

    Example:
        from ganzoo.data.decoding import read_image

        image = read_image("in.jpg", channels=3)     # uint8 (64, 48, 3)
    """
    from PIL import ImageOps

    with opened_image(path, PIXEL_LIMIT, at_least) as image, naming(path):
        largest = largest_value(image)
        transparent = image.info.get("transparency")
        if isinstance(transparent, tuple) and is_deep_png(path):
            # Pillow reduces colors to their upper byte, but not the transparent color.
            image.info["transparency"] = tuple(value >> 8 for value in transparent)
        return pillow_to_array(ImageOps.exif_transpose(image), channels, largest, background)


def largest_value(image: Any) -> int | None:
    """The value of white in an open single-channel Pillow image of more than 8 bits; None if the file does not say."""
    if image.format == "TIFF" and image.tag_v2.get(258) == (12,):
        return 4095
    is_deep = image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM"))
    return 65535 if is_deep else None


def is_deep_png(path: PathLike) -> bool:
    """Whether a file is a 16-bit PNG in color or with an alpha channel, which Pillow reduces to 8 bits."""
    with open_regular(path) as file:
        header = file.read(26)
    return header[:8] == b"\x89PNG\r\n\x1a\n" and len(header) == 26 and header[24] == 16 and header[25] in (2, 4, 6)


@contextlib.contextmanager
def naming(path: PathLike) -> Iterator[None]:
    """Context manager that prefixes the message of a `GanzooError` with the name of the file."""
    try:
        yield
    except GanzooError as error:
        raise GanzooError(f"{printable(path)}: {error}") from None


def pillow_to_array(
    image: Any, channels: int, largest: int | None = None, background: Sequence[int] = WHITE
) -> np.ndarray:
    """Converts a Pillow image of any mode to uint8 (height, width, channels), blended with a background.

    Args:
        image: the image.
        channels: 1 for grayscale, 3 for color.
        largest: value of white in a mode of 16 or 32 bits, see `largest_value`. None means 65,535 for "I;16", and for
            "I" if a value is above 255. Floating-point values are in [0, 1] or [0, 255].
        background: (red, green, blue) in 0..255.

    Raises:
        GanzooError: values are outside of these ranges.
    """
    from PIL import Image

    if image.mode.startswith("I") or image.mode == "F":
        # Pillow's own conversion clips at 255 instead of scaling.
        values = np.asarray(image)
        gray = _gray_to_uint8(values, largest or (65535 if image.mode.startswith("I;16") else None))
        transparent = image.info.get("transparency")
        if isinstance(transparent, int):
            gray = np.where(values == transparent, np.uint8(255), gray)
        image = Image.fromarray(gray)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (*background, 255)), image)
    array = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    return array[..., None] if channels == 1 else array


def _gray_to_uint8(values, largest):
    """uint8 values from an image file of more than 8 bits."""
    if values.dtype.kind == "f":
        # Files are scaled one by one, and a file of a set in [-1, 1] may have no value below 0: that range is refused.
        return to_uint8(values, signed=False)
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        raise GanzooError(f"values from {low} to {high} are beyond 16 bits: convert the image to 8 or 16 bits")
    if largest or high > 255:
        return np.rint(values * (255 / (largest or 65535))).clip(0, 255).astype("uint8")
    return to_uint8(values)


def to_uint8(values: np.ndarray, signed: bool = True, masks: bool = True) -> np.ndarray:
    """Converts an image array in any common range to uint8 of the same shape.

    - Floating-point values are in [0, 1], [-1, 1] or [0, 255], inferred from the smallest and the largest value.
      Values may exceed the range by 0.001 of its largest value, as rounding and interpolation cause; they are clipped.
      A largest value between 1.001 and 2 fits none of the ranges.
    - Integers are in 0..255; if the largest is 1, they are a mask, and 1 becomes 255. So does True.

    Args:
        values: array with at least one value.
        signed: allow [-1, 1].
        masks: treat integers with the largest value 1 as masks, not as nearly black images.

    Raises:
        GanzooError: the values fit none of these ranges.

    Example:
        from ganzoo.data.decoding import to_uint8

        to_uint8(np.array([0.0, 0.5, 1.00001]))      # [0, 128, 255]
    """
    if values.dtype.kind == "b":
        return values * np.uint8(255)
    if values.dtype.kind not in "iuf":
        raise GanzooError(f"images are integers in 0..255 or floating-point numbers, got {values.dtype}")
    low, high = values.min().item(), values.max().item()
    if values.dtype.kind in "iu":
        if low < 0 or high > 255:
            raise GanzooError(f"integer images have values in 0..255, got {low} to {high} ({values.dtype})")
        scaled = values.astype("uint8", copy=False)
        return scaled * np.uint8(255) if masks and high == 1 else scaled
    if low >= -_RANGE_TOLERANCE and high <= 1 + _RANGE_TOLERANCE:
        offset, factor = 0.0, 255.0
    elif signed and low >= -1 - _RANGE_TOLERANCE and high <= 1 + _RANGE_TOLERANCE:
        offset, factor = 1.0, 127.5
    elif low >= -255 * _RANGE_TOLERANCE and 2 <= high <= 255 * (1 + _RANGE_TOLERANCE):
        offset, factor = 0.0, 1.0
    else:
        ranges = "[0, 255], [0, 1] or [-1, 1]" if signed else "[0, 255] or [0, 1]"
        raise GanzooError(
            f"floating-point images have values in {ranges}, got {low:.6g} to {high:.6g}: scale or clip them"
        )
    scaled = (values + offset) * factor
    np.rint(scaled, out=scaled)
    return np.clip(scaled, 0, 255, out=scaled).astype("uint8")


def as_channels(image: np.ndarray, channels: int) -> np.ndarray:
    """Converts uint8 (height, width[, 1 to 4]) to (height, width, channels), 1 or 3; transparency becomes white."""
    from PIL import Image

    image = image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image
    return pillow_to_array(Image.fromarray(image), channels)


def fit(image: np.ndarray, image_shape: Sequence[int], upscale: bool = False) -> np.ndarray:
    """Center-crops a uint8 image (height, width, channels) to the aspect ratio of `image_shape` and resizes it.

    Raises:
        TooSmall: the image would have to be enlarged and `upscale` is False.

    Example:
        from ganzoo.data.decoding import fit

        image = fit(np.zeros((128, 96, 3), "uint8"), (64, 64, 3))     # uint8 (64, 64, 3)
    """
    from PIL import Image

    height, width, channels = image_shape
    if image.shape == tuple(image_shape):
        return image
    if (image.shape[0] < height or image.shape[1] < width) and not upscale:
        raise TooSmall(f"{image.shape[1]}x{image.shape[0]}")
    scale = min(image.shape[0] / height, image.shape[1] / width)
    # Clipped: rounding may leave the image by a tiny part of a pixel, which Pillow refuses.
    top = max(0.0, (image.shape[0] - height * scale) / 2)
    left = max(0.0, (image.shape[1] - width * scale) / 2)
    box = (left, top, min(left + width * scale, image.shape[1]), min(top + height * scale, image.shape[0]))
    # Antialiased when shrinking: Pillow widens the filter by the scale.
    pillow_image = Image.fromarray(image[..., 0] if channels == 1 else image)
    array = np.asarray(pillow_image.resize((width, height), Image.Resampling.BICUBIC, box=box))
    return array[..., None] if channels == 1 else array
