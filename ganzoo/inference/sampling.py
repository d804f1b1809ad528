"""Images laid out and written."""

import io
import math
from pathlib import Path

import numpy as np

from ganzoo.errors import GanzooError, at_least_one
from ganzoo.files import write_atomically

WRITTEN = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")


def grid(images: np.ndarray, columns: int | None = None, gap: int = 2) -> np.ndarray:
    """One image of many.

    Args:
        images: uint8 (count, height, width, channels).
        columns: how many side by side; as square as possible if not given.
        gap: white pixels between them.

    Returns:
        uint8 (grid height, grid width, channels).

    Example:
        sheet = ganzoo.inference.grid(model.generate(64, seed=0))
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
    """A Pillow image from uint8 (height, width, channels): gray, gray and alpha, RGB, or RGB and alpha."""
    from PIL import Image

    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)


def save_image(path: PathLike, image: np.ndarray, **options: Any) -> None:
    """Writes a uint8 image (height, width, channels) as the file's suffix says, atomically.

    Args:
        path: of the file.
        image: with 1 to 4 channels, see `to_pillow`.
        **options: of Pillow's `save`, e.g. `quality`, `icc_profile`.

    Raises:
        GanzooError: a suffix Pillow does not write, or a place that cannot be written.
    """
    from PIL import Image

    path = Path(path)
    check_suffix(path)
    buffer = io.BytesIO()
    try:
        to_pillow(image).save(buffer, Image.registered_extensions()[path.suffix.lower()], **options)
        write_atomically(path, buffer.getvalue())
    except (OSError, ValueError) as error:  # the disk's, or a size that the format cannot hold
        raise GanzooError(f"cannot write {path}: {getattr(error, 'strerror', None) or error}") from None


def check_suffix(path: PathLike) -> None:
    """Refuses a file whose suffix is of no image format that `save_image` writes.

    Raises:
        GanzooError: names the formats.
    """
    path = Path(path)
    if path.suffix.lower() not in WRITTEN:
        raise GanzooError(f"cannot write '{path.name}' as an image: use {', '.join(WRITTEN)}")


def save_animation(path: PathLike, images: Sequence[np.ndarray] | np.ndarray, seconds: float = 6.0) -> None:
    """Writes uint8 images of one shape as a GIF that plays once through in about `seconds`, last one held."""
    frames = [to_pillow(image) for image in images]
    each = max(40, int(1000 * seconds / len(frames)))
    buffer = io.BytesIO()
    durations = [each] * (len(frames) - 1) + [1500]
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0)
    write_atomically(path, buffer.getvalue())
