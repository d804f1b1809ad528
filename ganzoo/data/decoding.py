"""One file to one array, and one picture to the shape asked for."""

import gzip
import zlib

import numpy as np

from ganzoo.errors import GanzooError

# A picture that unpacks to more pixels than this is taken for a decompression bomb.
_PIXEL_LIMIT = 64_000_000
_IDX_TYPES = {8: np.dtype(">u1"), 9: np.dtype(">i1"), 11: np.dtype(">i2"), 12: np.dtype(">i4"), 13: np.dtype(">f4")}


class TooSmall(GanzooError):
    """A picture smaller than asked for."""


def read_idx(path):
    """The array of an IDX file (MNIST's format), gzipped or not.

    Raises:
        GanzooError: missing, not IDX, or shorter than its header says.
    """
    try:
        with open(path, "rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if zipped else open(path, "rb") as file:
            start = file.read(4)
            if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in _IDX_TYPES or not 1 <= start[3] <= 4:
                raise GanzooError(f"{path} is damaged or not an IDX file (the format of MNIST)")
            dtype, rank = _IDX_TYPES[start[2]], start[3]
            shape = tuple(int(size) for size in np.frombuffer(file.read(4 * rank), ">u4"))
            expected = int(np.prod(shape, dtype="float64")) * dtype.itemsize
            # No more than is promised, in parts: neither a promise nor a bomb allocates what is not there.
            parts, left = [], expected + 1
            while left and (part := file.read(min(left, 2**24))):
                parts.append(part)
                left -= len(part)
    except GanzooError:
        raise
    except OSError as error:
        raise GanzooError(f"cannot read the IDX file {path}, missing or damaged: {error}") from None
    except (EOFError, ValueError, zlib.error) as error:
        raise GanzooError(f"the IDX file {path} is damaged: {error}") from None
    content = b"".join(parts)
    if len(shape) != rank or len(content) != expected:
        raise GanzooError(f"the IDX file {path} is damaged: its header promises {expected} bytes of {shape}")
    return np.frombuffer(content, dtype).reshape(shape)


def read_picture(path, channels, at_least=None):
    """A picture file as uint8 (height, width, channels), turned as its EXIF says, transparency on white.

    Args:
        path: the file.
        channels: 1 for grey, 3 for colour.
        at_least: (height, width) that is enough: a much larger JPEG is then decoded at a fraction of its size.

    Raises:
        GanzooError: not readable as a picture.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as picture:
            if at_least is not None:
                # Twice the size both ways, since EXIF may turn it.
                picture.draft(None, (2 * max(at_least), 2 * max(at_least)))
            if picture.width * picture.height > _PIXEL_LIMIT:
                raise GanzooError(f"{path}: {picture.width}x{picture.height} pixels are too many for a picture")
            sixteen_bits = picture.mode.startswith("I;16") or (picture.mode == "I" and picture.format == "PNG")
            return pillow_to_array(ImageOps.exif_transpose(picture), channels, sixteen_bits)
    except GanzooError:
        raise
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged files
        raise GanzooError(f"{path} cannot be read as a picture: {error}") from None


def pillow_to_array(picture, channels, sixteen_bits=False):
    """A Pillow picture of any mode as uint8 (height, width, channels).

    Args:
        picture: the picture.
        channels: 1 for grey, 3 for colour.
        sixteen_bits: the values of a mode of more than 8 bits run to 65,535; else to 255, or to 1 if none is above.
    """
    from PIL import Image

    if picture.mode.startswith("I") or picture.mode == "F":
        # Pillow's own conversion cuts off at 255 instead of scaling.
        values = np.asarray(picture, "float64")
        if not np.isfinite(values).all():
            raise GanzooError("the picture has values that are no numbers")
        factor = 1 / 257 if sixteen_bits else 255.0 if values.max(initial=0) <= 1 else 1.0
        values = np.rint(values * factor).clip(0, 255).astype("uint8")
        picture = Image.fromarray(values)
    if picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    array = np.asarray(picture.convert("L" if channels == 1 else "RGB"))
    return array[..., None] if channels == 1 else array


def fit(image, image_shape, upscale=False):
    """One uint8 picture (height, width, channels), centre-cropped to the aspect of image_shape and resized.

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
    picture = Image.fromarray(image[..., 0] if channels == 1 else image)
    array = np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC, box=box))
    return array[..., None] if channels == 1 else array
