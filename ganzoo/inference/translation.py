"""Translation of image files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ganzoo.data.decoding import naming, opened_image
from ganzoo.data.folders import printable
from ganzoo.errors import GanzooError
from ganzoo.inference.frames import frame_count
from ganzoo.inference.image_files import (
    PIXEL_LIMIT,
    ImageFile,
    check_size,
    check_writable,
    fitting_format,
    read_image_file,
    write_image_file,
)
from ganzoo.types import PathLike


def translate_file(
    model: Any,
    source: PathLike,
    target: PathLike,
    direction: str = "forward",
    tile: int = 512,
    progress: bool | Callable[[int, int], object] | None = None,
    most_pixels: int = PIXEL_LIMIT,
) -> None:
    """Translates an image file; color profile and EXIF are preserved where the format supports them.

    Args:
        model: an `ImageTranslation` model.
        source: file to read; 16-bit images are converted to 8 bits.
        target: file to write; its suffix determines the format.
        direction, tile, progress: as in `ImageTranslation.translate`.
        most_pixels: maximum of width times height.

    Raises:
        GanzooError: not a still image, too many pixels, or a format that cannot hold the result.

    Example:
        from ganzoo.inference.translation import translate_file

        model = ganzoo.create("cyclegan", width=8, blocks=2)
        translate_file(model, "in.jpg", "out.png")
    """
    check_size(target, 1, 1)
    image = read_still(source, most_pixels)
    with naming(source):
        image = fitting_format(image, target)
        check_writable(target, image.pixels.shape, image.pixels.dtype)
        translated = model.translate(image.pixels, direction, tile=tile, progress=progress)
    write_image_file(target, ImageFile(translated, image.extras))


def read_still(path: PathLike, most_pixels: int = PIXEL_LIMIT) -> ImageFile:
    """An image file in 8 bits, in color.

    Raises:
        GanzooError: not an image, too many pixels, or several frames.

    Example:
        from ganzoo.inference.translation import read_still

        read_still("in.jpg").pixels     # uint8 (64, 48, 3)
    """
    with opened_image(path, most_pixels) as opened:
        if (count := frame_count(opened)) > 1:
            raise GanzooError(f"{printable(Path(path).name)} has {count} frames: choose an image with one")
    image = read_image_file(path, most_pixels)
    found, extras = image.pixels, image.extras
    if found.dtype == np.uint16:
        found = np.rint(found / 257.0).astype("uint8")
    if found.shape[2] < 3:
        # A profile of grays does not fit colors.
        extras = {key: value for key, value in extras.items() if key != "icc_profile"}
        found = np.concatenate([np.repeat(found[..., :1], 3, axis=2), found[..., 1:]], axis=2)
    return ImageFile(found, extras)
