"""Image files read and written without loss: bit depth, transparency, color profile and EXIF orientation."""

import os
import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ganzoo.data.decoding import is_deep_png, largest_value, naming, opened_image
from ganzoo.data.folders import printable
from ganzoo.data.image_files import resized
from ganzoo.errors import GanzooError
from ganzoo.files import write_atomically
from ganzoo.inference.sampling import WRITTEN, save_image
from ganzoo.pixels import checked
from ganzoo.types import PathLike

# An image with more pixels is not decoded: it may be a decompression bomb.
PIXEL_LIMIT = 100_000_000
_ORIENTATION, _EXIF_IFD = 0x0112, 0x8769
# EXIF tags of the width and height of the camera's original.
_SIZES_IN_EXIF = (0xA002, 0xA003)
_WITHOUT_ALPHA = (".jpg", ".jpeg", ".bmp")
# Pillow's default, 6, made the PNG of a photo of 840x840 pixels 1.4% smaller, in 1.7 times the time.
_OPTIONS = {".png": {"compress_level": 4}} | {suffix: {"quality": 95} for suffix in (".jpg", ".jpeg", ".webp")}
# Largest height and width of a format.
_LONGEST_SIDE = {".jpg": 65_535, ".jpeg": 65_535, ".gif": 65_535, ".webp": 16_383}


@dataclass
class ImageFile:
    """An image and its metadata.

    Attributes:
        pixels: uint8 or uint16 (height, width, channels): grayscale, grayscale and alpha, RGB, or RGBA; upright.
        extras: options for Pillow's `save`: `icc_profile`, `exif`.
    """

    pixels: np.ndarray
    extras: dict = field(default_factory=dict)


def read_image_file(path: PathLike, most_pixels: int = PIXEL_LIMIT) -> ImageFile:
    """Reads an `ImageFile`; only the first frame of an animation, see `ganzoo.inference.frames` for all frames.

    Args:
        path: the file.
        most_pixels: maximum of width times height, checked in the header before anything is decoded.

    Raises:
        GanzooError: the file is missing, damaged, truncated, not an image, too large, or of an unsupported bit depth:
            16-bit color is read from PNG only, 16-bit grayscale from PNG and TIFF.

    Example:
        from ganzoo.inference.image_files import read_image_file, write_image_file

        image = read_image_file("in.jpg")     # image.pixels: uint8 (64, 48, 3)
        write_image_file("copy.png", image)
    """
    with opened_image(path, most_pixels) as image, naming(path):
        if is_deep_png(path):
            turn = image.getexif().get(_ORIENTATION, 1)
            pixels = _turned(_with_alpha(_decoded_deep(path), image.info.get("transparency")), turn)
            return ImageFile(pixels, as_image_file(image, pixels.shape[2]).extras)
        return as_image_file(image)


def as_image_file(image: Any, channels: int | None = None) -> ImageFile:
    """The `ImageFile` of the current frame of an open Pillow image.

    Args:
        image: the Pillow image.
        channels: number of channels that the extras have to fit, if the pixels are read by other means.

    Raises:
        GanzooError: the bit depth is not supported.
    """
    from PIL import ImageOps

    if image.format == "TIFF" and len(image.getbands()) > 1 and max(image.tag_v2.get(258, (8,))) > 8:
        raise GanzooError("a 16-bit color TIFF cannot be read: convert it to PNG")
    # Avoids copies: Pillow would copy an image that is already upright or already has the target mode.
    upright = image if image.getexif().get(_ORIENTATION, 1) == 1 else ImageOps.exif_transpose(image)
    pixels = _as_array(upright)
    if largest_value(image) == 4095:
        pixels = np.rint(pixels * (65535 / 4095)).clip(0, 65535).astype("uint16")
    return ImageFile(pixels, _extras(image.format, upright, channels or pixels.shape[2]))


def fitted(pixels: np.ndarray, image_shape: tuple[int, int, int]) -> np.ndarray:
    """The middle of an image of any size, resized to a model's, with transparency on white.

    Args:
        pixels: as those of an `ImageFile`.
        image_shape: (height, width, channels), 1 or 3 channels.

    Returns:
        uint8 image_shape.

    Example:
        from ganzoo.inference.image_files import fitted, read_image_file

        image = fitted(read_image_file("in.jpg").pixels, (28, 28, 1))       # uint8 (28, 28, 1)
    """
    if pixels.dtype == np.uint16:
        pixels = np.rint(pixels / 257.0).astype("uint8")
    if pixels.shape[2] in (2, 4):
        share = pixels[..., -1:] / 255.0
        pixels = np.rint(pixels[..., :-1] * share + 255.0 * (1 - share)).astype("uint8")
    if pixels.shape[2] != image_shape[2]:
        gray = image_shape[2] == 1
        luma = np.rint(pixels @ [[0.299], [0.587], [0.114]]).astype("uint8") if gray else None
        pixels = np.repeat(pixels, 3, axis=2) if luma is None else luma
    height, width = pixels.shape[:2]
    # The largest part of the model's proportions.
    unit = min(height / image_shape[0], width / image_shape[1])
    sides = [max(1, round(unit * size)) for size in image_shape[:2]]
    top, left = (height - sides[0]) // 2, (width - sides[1]) // 2
    return checked(
        resized(pixels[top : top + sides[0], left : left + sides[1]], image_shape[:2])[None], image_shape, "images"
    )[0]


def check_size(path: PathLike, height: int, width: int) -> None:
    """Checks that a file of this name can hold an image of this size.

    Raises:
        GanzooError: it is a folder, its suffix is not an image format, or the format is limited to smaller sizes.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if os.path.isdir(path):
        raise GanzooError(f"{printable(path)} is a folder: name a file in it, e.g. {printable(path / 'large.png')}")
    if suffix not in WRITTEN:
        raise GanzooError(f"cannot write '{printable(path.name)}' as an image: use {', '.join(WRITTEN)}")
    longest = _LONGEST_SIDE.get(suffix)
    if longest is not None and max(height, width) > longest:
        raise GanzooError(
            f"{printable(path.name)}: {suffix} holds at most {longest} pixels a side, not {width}x{height}: write .png"
        )


def is_deep(path: PathLike, image: Any) -> bool:
    """Whether an image file, open in Pillow, is read as uint16."""
    return image.mode == "I" or image.mode.startswith("I;16") or is_deep_png(path)


def fitting_format(photo: ImageFile, target: PathLike) -> ImageFile:
    """An image without its alpha channel, if the target's format has none and the image is opaque everywhere."""
    pixels = photo.pixels
    if Path(target).suffix.lower() not in _WITHOUT_ALPHA or pixels.shape[2] not in (2, 4):
        return photo
    opaque = pixels[..., -1].min() == np.iinfo(pixels.dtype).max
    return ImageFile(pixels[..., :-1], photo.extras) if opaque else photo


def check_writable(path: PathLike, shape: tuple[int, int, int], dtype: Any) -> None:
    """Checks that `write_image_file` could write an image of this shape and type, before it is computed.

    Raises:
        GanzooError: it is a folder, or its format cannot hold the image.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    check_size(path, *shape[:2])
    if shape[2] in (2, 4) and suffix in _WITHOUT_ALPHA:
        raise GanzooError(f"{path.suffix} has no transparency: write a .png or .webp")
    if dtype == np.uint16 and suffix != ".png":
        raise GanzooError(f"images of more than 8 bits are written as .png, not as {path.suffix}")
    if dtype == np.uint16 and np.prod(shape, dtype="float64") >= 2**31:
        raise GanzooError(f"{shape[1]}x{shape[0]} in 16 bits is too large for a PNG: convert the image to 8 bits")


def write_image_file(path: PathLike, photo: ImageFile) -> None:
    """Writes an `ImageFile` atomically, in the format of the path's suffix; 16-bit images only as .png.

    Raises:
        GanzooError: the format cannot hold the image, or the file cannot be written.
    """
    path, pixels = Path(path), photo.pixels
    check_writable(path, pixels.shape, pixels.dtype)
    if pixels.dtype != np.uint16:
        options = _OPTIONS.get(path.suffix.lower(), {})
        save_image(path, pixels, **options, **photo.extras)
        return
    tf = _tensorflow()
    try:
        write_atomically(path, _with_extras(tf.io.encode_png(pixels).numpy(), photo.extras))
    except OSError as error:
        raise GanzooError(f"cannot write {path}: {error.strerror or error}") from None


def _extras(file_format, image, channels):
    """The metadata of an upright image that still applies to its array."""
    extras = {}
    profile = image.info.get("icc_profile") or b""
    # A CMYK profile, for example, would be wrong after conversion to RGB.
    if profile[16:20] == (b"GRAY" if channels < 3 else b"RGB "):
        extras["icc_profile"] = profile
    exif = image.getexif()
    exif.pop(_ORIENTATION, None)
    for key in _SIZES_IN_EXIF:
        exif.get_ifd(_EXIF_IFD).pop(key, None)
    # In a TIFF these tags describe the layout of the file itself.
    if len(exif) and file_format != "TIFF":
        extras["exif"] = exif.tobytes()
    return extras


def _with_extras(png, extras):
    """The bytes of a PNG with color profile and EXIF inserted after its header."""
    chunks = b""
    if "icc_profile" in extras:
        chunks += _chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(extras["icc_profile"]))
    if "exif" in extras:
        chunks += _chunk(b"eXIf", extras["exif"].removeprefix(b"Exif\0\0"))
    return png[:33] + chunks + png[33:]


def _chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _as_array(image):
    """uint8 or uint16 (height, width, channels) from a Pillow image of any mode."""
    if image.mode == "I" or image.mode.startswith("I;16"):
        values = np.asarray(image, "int64")
        if values.min(initial=0) < 0 or values.max(initial=0) > 65535:
            raise GanzooError("32-bit images are not supported: convert it to 8 or 16 bits")
        return _with_alpha(values.astype("uint16")[..., None], image.info.get("transparency"))
    if image.mode == "F":
        raise GanzooError("floating-point images are not supported: convert it to 8 or 16 bits")
    if "transparency" in image.info or image.mode in ("RGBA", "PA", "RGBa"):
        mode = "LA" if image.mode in ("L", "1") else "RGBA"
    else:
        mode = {"1": "L", "L": "L", "LA": "LA", "La": "LA"}.get(image.mode, "RGB")
    array = np.asarray(image if image.mode == mode else image.convert(mode))
    return array[..., None] if array.ndim == 2 else array


def _with_alpha(pixels, transparent):
    """uint16 pixels with an alpha channel added if one value or color is transparent (PNG's tRNS)."""
    if not isinstance(transparent, (int, tuple)) or pixels.shape[2] not in (1, 3):
        return pixels
    clear = (pixels == np.array(transparent)).all(axis=2, keepdims=True)
    return np.concatenate([pixels, np.where(clear, 0, 65535).astype("uint16")], axis=2)


def _tensorflow():
    """TensorFlow, which reads and writes 16-bit color, unlike Pillow."""
    try:
        import tensorflow as tf
    except ImportError:
        raise GanzooError("a 16-bit color PNG needs the package tensorflow: pip install tensorflow") from None
    return tf


def _decoded_deep(path):
    tf = _tensorflow()
    return tf.io.decode_png(Path(os.fspath(path)).read_bytes(), dtype=tf.uint16).numpy()


def _turned(array, turn):
    """An array with the EXIF orientation, 1 to 8, applied."""
    mirrored = {2, 4, 5, 7}
    quarter_turns = {3: 2, 4: 2, 5: 1, 6: 3, 7: 3, 8: 1}
    array = array[:, ::-1] if turn in mirrored else array
    return np.ascontiguousarray(np.rot90(array, quarter_turns.get(turn, 0)))
