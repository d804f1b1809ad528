"""Photographs read and written as they are: depth, transparency, colour profile and the turn their EXIF asks for."""

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ganzoo.errors import GanzooError
from ganzoo.files import write_atomically
from ganzoo.inference.sampling import save_picture

# A picture that unpacks to more pixels than this is taken for a decompression bomb.
PIXEL_LIMIT = 100_000_000
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")
_ORIENTATION = 0x0112
_WITHOUT_ALPHA = (".jpg", ".jpeg", ".bmp")


@dataclass
class Photograph:
    """A picture and what goes with it.

    Attributes:
        pixels: uint8 or uint16 (height, width, channels): grey, grey and alpha, RGB, or RGB and alpha; upright.
        extras: what Pillow's `save` takes along: `icc_profile`, `exif`.
    """

    pixels: np.ndarray
    extras: dict = field(default_factory=dict)


def read_photograph(path):
    """The `Photograph` of a file.

    Raises:
        GanzooError: missing, damaged, cut short, no picture, or of more than 100 megapixels.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as picture:
            if picture.width * picture.height > PIXEL_LIMIT:
                raise GanzooError(f"{path}: {picture.width}x{picture.height} pixels are beyond 100 megapixels")
            extras = {key: picture.info[key] for key in ("icc_profile",) if picture.info.get(key)}
            turn = picture.getexif().get(_ORIENTATION, 1)
            upright = ImageOps.exif_transpose(picture)
            pixels = _turned(_decoded_deep(path), turn) if _is_deep_png(path) else _as_array(upright)
            exif = upright.getexif()
            exif.pop(_ORIENTATION, None)
            if len(exif):
                extras["exif"] = exif.tobytes()
            return Photograph(pixels, extras)
    except GanzooError:
        raise
    except FileNotFoundError:
        raise GanzooError(f"no such picture: {path}") from None
    except Image.DecompressionBombError:
        raise GanzooError(f"{path} unpacks to more than 100 megapixels") from None
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged files
        raise GanzooError(f"{path} cannot be read as a picture: {error}") from None


def write_photograph(path, photograph):
    """Writes a `Photograph` as the file's suffix says, atomically; 16 bits as .png alone.

    Raises:
        GanzooError: a suffix that cannot hold it, or a place that cannot be written.
    """
    path, pixels = Path(path), photograph.pixels
    if pixels.shape[2] in (2, 4) and path.suffix.lower() in _WITHOUT_ALPHA:
        raise GanzooError(f"{path.name}: {path.suffix} has no transparency: write a .png or .webp")
    if pixels.dtype != np.uint16:
        options = {"quality": 95} if path.suffix.lower() in (".jpg", ".jpeg", ".webp") else {}
        save_picture(path, pixels, **options, **photograph.extras)
        return
    if path.suffix.lower() != ".png":
        raise GanzooError(f"{path.name}: a picture of 16 bits is written as .png alone")
    import tensorflow as tf

    try:
        write_atomically(path, tf.io.encode_png(pixels).numpy())
    except OSError as error:
        raise GanzooError(f"cannot write {path}: {error.strerror or error}") from None


def pictures_in(place):
    """The picture files of a folder, at any depth, sorted; a file alone as it is."""
    place = Path(place)
    if not place.is_dir():
        return [place]
    found = sorted(path for path in place.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not found:
        raise GanzooError(f"the folder {place} holds no pictures ({', '.join(SUFFIXES)})")
    return found


def _as_array(picture):
    """uint8 or uint16 (height, width, channels) from a Pillow picture of any mode."""
    if picture.mode.startswith("I;16") or picture.mode == "I":
        values = np.asarray(picture, "int64")
        if values.min(initial=0) < 0 or values.max(initial=0) > 65535:
            raise GanzooError("a picture of 32 bits cannot be kept: convert it to 8 or 16")
        return values.astype("uint16")[..., None]
    if picture.mode == "F":
        raise GanzooError("a picture of floating-point numbers cannot be kept: convert it to 8 or 16 bits")
    if "transparency" in picture.info or picture.mode in ("RGBA", "PA", "RGBa"):
        mode = "LA" if picture.mode in ("L", "1") else "RGBA"
    else:
        mode = {"1": "L", "L": "L", "LA": "LA", "La": "LA"}.get(picture.mode, "RGB")
    array = np.asarray(picture.convert(mode))
    return array[..., None] if array.ndim == 2 else array


def _is_deep_png(path):
    """Whether it is a PNG of 16 bits in colour or with alpha, which Pillow cuts down to 8."""
    with open(path, "rb") as file:
        header = file.read(26)
    return header[:8] == b"\x89PNG\r\n\x1a\n" and len(header) == 26 and header[24] == 16 and header[25] in (2, 4, 6)


def _decoded_deep(path):
    import tensorflow as tf

    return tf.io.decode_png(Path(os.fspath(path)).read_bytes(), dtype=tf.uint16).numpy()


def _turned(array, turn):
    """An array as the EXIF orientation, 1 to 8, says."""
    mirrored = {2, 4, 5, 7}
    quarter_turns = {3: 2, 4: 2, 5: 1, 6: 3, 7: 3, 8: 1}
    array = array[:, ::-1] if turn in mirrored else array
    return np.ascontiguousarray(np.rot90(array, quarter_turns.get(turn, 0)))
