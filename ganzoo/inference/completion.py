"""Completes images of which a part is known, from files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ganzoo.data.folders import printable
from ganzoo.errors import GanzooError
from ganzoo.inference.image_files import fitted, read_image_file
from ganzoo.inference.sampling import grid, save_image
from ganzoo.types import PathLike

# The halves of an image that can be kept, as functions of the rows and columns of its pixels, from 0 to 1.
HALVES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "top": lambda row, column: row < 0.5,
    "left": lambda row, column: column < 0.5,
    "bottom": lambda row, column: row >= 0.5,
    "right": lambda row, column: column >= 0.5,
}


def half_mask(half: str, image_shape: tuple[int, int, int]) -> np.ndarray:
    """The mask that keeps a half of an image, bool (height, width).

    Args:
        half: "top", "left", "bottom" or "right".
        image_shape: (height, width, channels).

    Example:
        from ganzoo.inference.completion import half_mask

        mask = half_mask("top", (28, 28, 1))        # True in the first 14 rows
    """
    height, width = image_shape[:2]
    row, column = np.mgrid[:height, :width] / np.array([height, width]).reshape(2, 1, 1)
    return HALVES[half](row, column)


def read_mask(path: PathLike, image_shape: tuple[int, int, int]) -> np.ndarray:
    """A mask from an image file of the model's size: pixels from 128 on are kept, bool (height, width).

    Raises:
        GanzooError: the file cannot be read, or has another size.
    """
    found = read_image_file(path).pixels
    if found.shape[:2] != tuple(image_shape[:2]):
        raise GanzooError(
            f"the mask {printable(path)} has {found.shape[1]}x{found.shape[0]} pixels, the model's images "
            f"{image_shape[1]}x{image_shape[0]}"
        )
    return fitted(found, (*image_shape[:2], 1))[..., 0] >= 128


def complete_file(
    model: Any,
    path: PathLike,
    target: PathLike,
    mask: np.ndarray,
    count: int = 1,
    seed: int = 0,
    **options: Any,
) -> np.ndarray:
    """Completes an image from a file, and writes the result.

    Args:
        model: a model with `complete`.
        path: image of any size; its middle is resized to the model's.
        target: image to write: one completion, or a grid of several.
        mask: as in the model's `complete`.
        count: number of completions.
        seed: of the completions.
        **options: of the model's `complete`, e.g. `temperature`, `labels`.

    Returns:
        uint8 (count, height, width, channels).

    Raises:
        GanzooError: a file that cannot be read or written; as in the model's `complete`.

    Example:
        from ganzoo.inference.completion import complete_file, half_mask

        model = ganzoo.create("pixelcnn", image_shape=(8, 8, 1), width=4, depth=2, hidden=4)
        complete_file(model, "in.jpg", "completed.png", half_mask("top", model.image_shape), count=4)
    """
    given = fitted(read_image_file(Path(path)).pixels, model.image_shape)
    images = model.complete(np.repeat(given[None], count, axis=0), mask, seed=seed, **options)
    save_image(target, grid(images) if count > 1 else images[0])
    return images
