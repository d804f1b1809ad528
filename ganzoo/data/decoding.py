"""One file to one array, and one image to the shape asked for."""

import contextlib
import gzip
import math
import os
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np

from ganzoo.data.folders import printable
from ganzoo.errors import GanzooError, first_line
from ganzoo.files import open_regular

# An image of more pixels than this is not decoded for training: it may be a decompression bomb.
PIXEL_LIMIT = 64_000_000
# Bytes that are unpacked at a time.
_PART = 2**24
# Bytes that a gzip file or a member of an archive may unpack to whatever it has been compressed from, and how many
# times as large as its compressed bytes a larger one may be: MNIST's images take a fifth, nothing but zeros a
# two-hundredth or less.
_UNPACKED_FREELY, _MOST_COMPRESSED = 2**28, 150
# What floating-point values may lie outside of their range, as a share of its largest value.
_RANGE_TOLERANCE = 0.001
# Scans of a JPEG: a progressive one has about 10. Each costs a pass over all pixels and may take only a few bytes.
MOST_SCANS = 200
_START_OF_SCAN = b"\xff\xda"
# Shown first in messages.
_COMMON = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
# Pillow gives EPS to another program (Ghostscript), which no file from a stranger may start, only recognizes MPEG, and
# decodes icons, which hold PNG files of any size, before their size can be checked.
_NOT_DECODED = ("EPS", "MPEG", "ICO", "ICNS")
_IDX_TYPES = {8: np.dtype(">u1"), 9: np.dtype(">i1"), 11: np.dtype(">i2"), 12: np.dtype(">i4"), 13: np.dtype(">f4")}


class TooSmall(GanzooError):
    """An image smaller than asked for."""


def read_idx(path):
    """The array of an IDX file (MNIST's format), gzipped or not.

    Raises:
        GanzooError: missing, no ordinary file, not IDX, shorter or longer than its header says, or a gzip file that
            unpacks to far more than images compress from.
    """
    shown = printable(path)
    try:
        with open_regular(path) as raw:
            size = os.fstat(raw.fileno()).st_size
            zipped = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            with gzip.GzipFile(fileobj=raw) if zipped else contextlib.nullcontext(raw) as file:
                return _idx_array(file, shown, size, zipped)
    except GanzooError:
        raise
    except OSError as error:
        said = error.strerror or error
        raise GanzooError(f"cannot read the IDX file {shown}, missing or damaged: {said}") from None
    except (EOFError, ValueError, MemoryError, zlib.error) as error:
        raise GanzooError(f"the IDX file {shown} is damaged: {first_line(error)}") from None


def _idx_array(file, shown, size, zipped):
    """The array of an open IDX file; `size` is that of the file on the disk, in bytes."""
    start = file.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in _IDX_TYPES or not 1 <= start[3] <= 4:
        raise GanzooError(f"{shown} is damaged or not an IDX file (the format of MNIST)")
    dtype, rank = _IDX_TYPES[start[2]], start[3]
    shape = tuple(int(length) for length in np.frombuffer(file.read(4 * rank), ">u4"))
    expected = math.prod(shape) * dtype.itemsize
    damaged = GanzooError(f"the IDX file {shown} is damaged: its header promises {expected} bytes of {shape}")
    if len(shape) != rank or (not zipped and size != 4 + 4 * rank + expected):
        raise damaged
    if zipped:
        _refuse_bomb(f"the IDX file {shown}", "it", expected, size, "unpack it with gunzip")
    # One array, filled in parts: memory is taken as bytes arrive, and never twice.
    content, filled = np.empty(expected, "uint8"), 0
    while filled < expected and (count := file.readinto(content[filled : filled + _PART])):
        filled += count
    if filled != expected or file.read(1):
        raise damaged
    return content.view(dtype).reshape(shape)


def read_arrays(path, names):
    """Arrays of a NumPy file.

    Args:
        path: an archive (.npz), or a single array (.npy), which then is called "images".
        names: of the arrays to read.

    Returns:
        ({name: array} of those that are there, list of the names of all).

    Raises:
        GanzooError: missing, damaged or another kind of file.
    """
    shown = printable(path)
    try:
        with open_regular(path) as file:
            start = file.read(6)
        if start == b"\x93NUMPY":
            # Nothing is read before it is used; what is written to the array never reaches the file.
            return {"images": np.load(path, mmap_mode="c", allow_pickle=False)}, ["images"]
        if start[:2] == b"PK":
            _refuse_bombs(path, shown)
            with np.load(path, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files if name in names}, archive.files
    except GanzooError:
        raise
    except OSError as error:
        raise GanzooError(f"cannot read {shown}: {error.strerror or error}") from None
    except Exception as error:  # NumPy raises nearly anything on damaged archives and headers
        raise GanzooError(
            f"cannot read {shown}, which is damaged or holds no plain array: {first_line(error)}"
        ) from None
    is_image = os.path.splitext(path)[1].lower() in image_suffixes()
    hint = "an image goes in a folder, folder:PATH" if is_image else "write it with np.savez(FILE, images=IMAGES)"
    raise GanzooError(f"cannot read {shown}: it is neither an archive (.npz) nor an array (.npy) of NumPy; {hint}")


def _refuse_bombs(path, shown):
    """Refuses an archive of which a member is a bomb."""
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            name = f"'{printable(member.filename)}'"
            way_out = "save it again with np.savez, which does not compress"
            _refuse_bomb(shown, name, member.file_size, member.compress_size, way_out)


def _refuse_bomb(shown, name, unpacked, packed, way_out):
    """Refuses what unpacks to far more bytes than images of anything compress from.

    Args:
        shown: the file, for the message.
        name: of what it is that unpacks.
        unpacked, packed: bytes.
        way_out: what to do.
    """
    if unpacked > _UNPACKED_FREELY and unpacked > _MOST_COMPRESSED * packed:
        sizes = f"from {packed / 2**20:.3g} MB to {unpacked / 2**30:.3g} GB"
        raise GanzooError(f"cannot read {shown}: {name} unpacks {sizes}: {way_out}")


def image_formats():
    """Names of the formats that Pillow decodes here, e.g. "JPEG"; with those of installed plug-ins."""
    from PIL import Image, ImageFile

    Image.init()

    def decodes(name):
        opener = Image.OPEN[name][0]
        # Stubs recognize a format and decode nothing.
        return not (isinstance(opener, type) and issubclass(opener, ImageFile.StubImageFile))

    return [name for name in Image.ID if name in Image.OPEN and name not in _NOT_DECODED and decodes(name)]


def image_suffixes():
    """Suffixes of the image files that count in a folder, for training and for enlarging alike: all that Pillow can
    decode. Lower case, with their dot; the common ones first."""
    from PIL import Image

    # Multi-image files of cameras are opened as JPEG.
    formats = {*image_formats(), "MPO"}
    known = [suffix for suffix, name in Image.registered_extensions().items() if name in formats]
    return (*_COMMON, *sorted(set(known) - set(_COMMON)))


@contextlib.contextmanager
def opened_image(path, most_pixels, at_least=None):
    """An open Pillow image of which the header alone has been read, and whose size is within a limit.

    Args:
        path: the file.
        most_pixels: width times height beyond which the file is refused before anything is decoded.
        at_least: (height, width) that is enough: a much larger JPEG will then be decoded at a fraction of its size,
            which is what the limit then applies to.

    Raises:
        GanzooError: no such file, no image, too large; also what Pillow raises on damaged files within the block.
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
                # Twice the size both ways, since EXIF may turn it.
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


def read_image(path, channels, at_least=None):
    """An image file as uint8 (height, width, channels), turned as its EXIF says, transparency on white; the first
    frame of an animation, the first page of a document.

    Args:
        path: the file.
        channels: 1 for gray, 3 for color.
        at_least: (height, width) that is enough: a much larger JPEG is then decoded at a fraction of its size.

    Raises:
        GanzooError: not readable as an image, or of more than 64 megapixels.
    """
    from PIL import ImageOps

    with opened_image(path, PIXEL_LIMIT, at_least) as image, naming(path):
        largest = largest_value(image)
        transparent = image.info.get("transparency")
        if isinstance(transparent, tuple) and is_deep_png(path):
            # Pillow keeps the upper byte of each color, but of the transparent color both bytes.
            image.info["transparency"] = tuple(value >> 8 for value in transparent)
        return pillow_to_array(ImageOps.exif_transpose(image), channels, largest)


def largest_value(image):
    """What white is in an open Pillow image of one channel of more than 8 bits; None where its file does not say."""
    if image.format == "TIFF" and image.tag_v2.get(258) == (12,):
        return 4095
    is_deep = image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM"))
    return 65535 if is_deep else None


def is_deep_png(path):
    """Whether a file is a PNG of 16 bits in color or with an alpha channel, which Pillow reduces to 8."""
    with open_regular(path) as file:
        header = file.read(26)
    return header[:8] == b"\x89PNG\r\n\x1a\n" and len(header) == 26 and header[24] == 16 and header[25] in (2, 4, 6)


@contextlib.contextmanager
def naming(path):
    """Puts the name of the file before a `GanzooError` of the block that does not name it."""
    try:
        yield
    except GanzooError as error:
        raise GanzooError(f"{printable(path)}: {error}") from None


def pillow_to_array(image, channels, largest=None):
    """A Pillow image of any mode as uint8 (height, width, channels), transparency on white.

    Args:
        image: the image.
        channels: 1 for gray, 3 for color.
        largest: what white is in a mode of 16 or 32 bits, see `largest_value`. None takes 65,535 for "I;16", and for
            "I" where a value is above 255. Floating-point values are in [0, 1] or [0, 255].

    Raises:
        GanzooError: values outside of these ranges.
    """
    from PIL import Image

    if image.mode.startswith("I") or image.mode == "F":
        # Pillow's own conversion cuts off at 255 instead of scaling.
        values = np.asarray(image)
        gray = _gray_to_uint8(values, largest or (65535 if image.mode.startswith("I;16") else None))
        transparent = image.info.get("transparency")
        if isinstance(transparent, int):
            gray = np.where(values == transparent, np.uint8(255), gray)
        image = Image.fromarray(gray)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    array = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    return array[..., None] if channels == 1 else array


def _gray_to_uint8(values, largest):
    """uint8 from the values of an image file of more than 8 bits."""
    if values.dtype.kind == "f":
        # Each file is scaled by itself: one of a set in [-1, 1] may have no value below 0, so that range is refused.
        return to_uint8(values, signed=False)
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        raise GanzooError(f"values from {low} to {high} are beyond 16 bits: convert the image to 8 or 16 bits")
    if largest or high > 255:
        return np.rint(values * (255 / (largest or 65535))).clip(0, 255).astype("uint8")
    return to_uint8(values)


def to_uint8(values, signed=True, masks=True):
    """uint8 of the same shape, from an array as people keep images.

    - Floating-point values are in [0, 1], [-1, 1] or [0, 255], by the smallest and the largest. Each range may be left
      by 0.001 of its largest value, as rounding and interpolation do; that is clipped. A largest value between 1.001
      and 2 belongs to none of them.
    - Whole numbers are in 0..255; where the largest is 1 they are masks, and 1 becomes 255. So does True.

    Args:
        values: array with at least one value.
        signed: allow [-1, 1].
        masks: whole numbers with the largest value 1 are masks; else they are nearly black.

    Raises:
        GanzooError: any other values.

    Example:
        to_uint8(np.array([0.0, 0.5, 1.00001]))      # [0, 128, 255]
    """
    if values.dtype.kind == "b":
        return values * np.uint8(255)
    if values.dtype.kind not in "iuf":
        raise GanzooError(f"images are whole numbers in 0..255 or floating-point numbers, got {values.dtype}")
    low, high = values.min().item(), values.max().item()
    if values.dtype.kind in "iu":
        if low < 0 or high > 255:
            raise GanzooError(f"images of whole numbers lie in 0..255, got {low} to {high} ({values.dtype})")
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
            f"images of floating-point numbers lie in {ranges}, got {low:.6g} to {high:.6g}: scale or clip them"
        )
    scaled = (values + offset) * factor
    np.rint(scaled, out=scaled)
    return np.clip(scaled, 0, 255, out=scaled).astype("uint8")


def as_channels(image, channels):
    """A uint8 array (height, width[, 1 to 4]) as (height, width, channels), transparency on white; channels 1 or 3."""
    from PIL import Image

    image = image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image
    return pillow_to_array(Image.fromarray(image), channels)


def fit(image, image_shape, upscale=False):
    """One uint8 image (height, width, channels), center-cropped to the aspect of image_shape and resized.

    Raises:
        TooSmall: it would have to be enlarged and `upscale` is False.
    """
    from PIL import Image

    height, width, channels = image_shape
    if image.shape == tuple(image_shape):
        return image
    if (image.shape[0] < height or image.shape[1] < width) and not upscale:
        raise TooSmall(f"{image.shape[1]}x{image.shape[0]}")
    scale = min(image.shape[0] / height, image.shape[1] / width)
    top = (image.shape[0] - height * scale) / 2
    left = (image.shape[1] - width * scale) / 2
    box = (left, top, left + width * scale, top + height * scale)
    # Antialiased when it shrinks: Pillow widens the filter by the scale.
    pillow_image = Image.fromarray(image[..., 0] if channels == 1 else image)
    array = np.asarray(pillow_image.resize((width, height), Image.Resampling.BICUBIC, box=box))
    return array[..., None] if channels == 1 else array
