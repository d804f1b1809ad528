"""Grids of images, and writing of images."""

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ganzoo.errors import GanzooError, at_least_one
from ganzoo.files import write_atomically
from ganzoo.types import PathLike

if TYPE_CHECKING:
    import PIL.Image

WRITTEN = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")


def grid(images: np.ndarray, columns: int | None = None, gap: int = 2) -> np.ndarray:
    """Arranges images in a grid.

    Args:
        images: uint8 (count, height, width, channels).
        columns: number of columns; as square as possible if not given.
        gap: white pixels between images.

    Returns:
        uint8 (grid height, grid width, channels).

    Example:
        from ganzoo.inference import grid

        sheet = grid(ganzoo.load("dcgan.digits").generate(16, seed=0))     # uint8 (118, 118, 1)
    """
    count, height, width, channels = images.shape
    at_least_one(count=count, columns=columns or 1)
    columns = min(count, columns or math.ceil(math.sqrt(count)))
    rows = math.ceil(count / columns)
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, channels), 255, "uint8")
    for i, image in enumerate(images):
        top, left = i // columns * (height + gap), i % columns * (width + gap)
        sheet[top : top + height, left : left + width] = image
    return sheet


def to_pillow(image: np.ndarray) -> "PIL.Image.Image":
    """A Pillow image from uint8 (height, width, channels): grayscale, grayscale and alpha, RGB, or RGBA."""
    from PIL import Image

    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)


def save_image(path: PathLike, image: np.ndarray, **options: Any) -> None:
    """Writes an image atomically, in the format of the path's suffix.

    Args:
        path: file to write.
        image: uint8 (height, width, channels), 1 to 4 channels, see `to_pillow`. In a GIF, pixels are either invisible
            or opaque.
        **options: options of Pillow's `save`, e.g. `quality`, `icc_profile`.

    Raises:
        GanzooError: the suffix is not supported, or the file cannot be written.

    Example:
        from ganzoo.inference import save_image

        save_image("image.png", np.zeros((28, 28, 1), "uint8"))
    """
    from PIL import Image

    path = Path(path)
    check_suffix(path)
    buffer = io.BytesIO()
    try:
        if path.suffix.lower() == ".gif":
            image = with_binary_alpha(image)
        to_pillow(image).save(buffer, Image.registered_extensions()[path.suffix.lower()], **options)
        write_atomically(path, buffer.getvalue())
    except (OSError, ValueError) as error:  # a disk error, or a size that the format cannot hold
        raise GanzooError(f"cannot write {path}: {getattr(error, 'strerror', None) or error}") from None


def with_binary_alpha(image: np.ndarray) -> np.ndarray:
    """An image whose transparent pixels are either invisible or opaque, as a GIF needs it: if an image has only soft
    edges, Pillow drops all transparency.

    Args:
        image: uint8 (height, width, channels); images without an alpha channel are returned as they are.

    Returns:
        uint8 (height, width, 4) of images with an alpha channel.
    """
    if image.ndim != 3 or image.shape[-1] not in (2, 4):
        return image
    if image.shape[-1] == 2:
        # Pillow drops the transparency of gray images.
        image = image[..., [0, 0, 0, 1]]
    return np.concatenate([image[..., :-1], np.where(image[..., -1:] < 128, 0, 255).astype("uint8")], axis=2)


def check_suffix(path: PathLike) -> None:
    """Checks that `save_image` can write the format of a path's suffix.

    Raises:
        GanzooError: it cannot; names the supported formats.
    """
    path = Path(path)
    if path.suffix.lower() not in WRITTEN:
        raise GanzooError(f"cannot write '{path.name}' as an image: use {', '.join(WRITTEN)}")


def checked_seconds(seconds: float) -> float:
    """A duration, which is a positive number.

    Raises:
        GanzooError: it is not.
    """
    if not isinstance(seconds, (int, float, np.number)) or not 0 < seconds < math.inf:
        raise GanzooError(f"seconds must be a positive number, got {seconds!r}")
    return float(seconds)


def save_animation(path: PathLike, images: Sequence[np.ndarray] | np.ndarray, seconds: float = 6.0) -> None:
    """Writes uint8 images of one shape as a looping GIF of about `seconds`, with a pause on the last image.

    Raises:
        GanzooError: `seconds` is not a positive number, or the file cannot be written.

    Example:
        from ganzoo.inference.sampling import save_animation

        save_animation("animation.gif", np.zeros((4, 28, 28, 1), "uint8"), seconds=1.0)
    """
    checked_seconds(seconds)
    frames = [to_pillow(image) for image in images]
    each = max(40, int(1000 * seconds / len(frames)))
    buffer = io.BytesIO()
    durations = [each] * (len(frames) - 1) + [1500]
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0)
    try:
        write_atomically(path, buffer.getvalue())
    except OSError as error:
        raise GanzooError(f"cannot write {path}: {error.strerror or error}") from None
