"""Conversion of images between uint8 in 0..255 and the networks' float32 in [-1, 1], and magnification."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ganzoo.errors import GanzooError
from ganzoo.types import Tensor

# Rows that `zoomed_uint8` computes at once: it needs no more memory for a large image.
_BAND = 256


def to_float(images: Tensor) -> Tensor:
    """Converts uint8 images to float32 in [-1, 1]; a tensor of the backend stays on its device.

    Example:
        from ganzoo.pixels import to_float

        to_float(np.array([0, 255], "uint8"))     # [-1.0, 1.0]
    """
    if isinstance(images, (np.ndarray, list, tuple)):
        return np.asarray(images, "float32") / 127.5 - 1.0
    from keras import ops

    return ops.cast(images, "float32") / 127.5 - 1.0


def to_uint8(images: Any) -> np.ndarray:
    """Converts images in [-1, 1] to uint8; values outside are clipped.

    Example:
        from ganzoo.pixels import to_uint8

        to_uint8(np.array([-1.0, 0.5, 2.0]))     # [0, 191, 255]
    """
    return np.clip(np.rint((np.asarray(images, "float32") + 1.0) * 127.5), 0, 255).astype("uint8")


def as_uint8(images: Tensor) -> Tensor:
    """`to_uint8` for tensors of the backend, also inside a graph.

    Example:
        from ganzoo.pixels import as_uint8

        as_uint8(keras.ops.array([-1.0, 0.5, 2.0]))     # [0, 191, 255]
    """
    from keras import ops

    return ops.cast(ops.clip(ops.round((ops.cast(images, "float32") + 1.0) * 127.5), 0.0, 255.0), "uint8")


def zoomed(images: Tensor, factor: float, *, outside: Any) -> Tensor:
    """Magnifies images about their center, at the same size, or reduces them and surrounds them with a color.

    Magnifying cuts off the border. Cubic interpolation (Keys, a = -0.5) without antialiasing, which is good for factors
    between 1/2 and 2. Results may exceed the range of the images a little.

    Args:
        images: float32 (..., height, width, channels), an array or a tensor of the backend, also inside a graph.
        factor: how much larger things become; below 1, they become smaller.
        outside: the color around reduced images, a number or one for each channel.

    Returns:
        float32 with the same shape.

    Example:
        from ganzoo.pixels import zoomed

        row = np.array([0, 0, 0, 4, 0, 0, 0], "float32").reshape(1, 7, 1)
        zoomed(row, 2.0, outside=0.0)[0, :, 0]     # [-0.25, 0.0, 2.25, 4.0, 2.25, 0.0, -0.25]
    """
    return _zoomed_along(_zoomed_along(images, factor, -3, outside), factor, -2, outside)


def zoomed_uint8(image: np.ndarray, factor: float, *, outside: Any) -> np.ndarray:
    """`zoomed` for one image of any size, in little memory.

    Args:
        image: uint8 (height, width, channels).
        factor: how much larger things become; below 1, they become smaller.
        outside: the color around a reduced image in 0..255, a number or one for each channel.

    Returns:
        uint8 with the same shape; the image itself for a factor of 1.

    Example:
        from ganzoo.pixels import zoomed_uint8

        zoomed_uint8(np.full((8, 8, 3), 200, "uint8"), 0.5, outside=255)     # 4x4 pixels of 200 in white
    """
    if factor == 1:
        return image
    result = np.empty_like(image)
    for top in range(0, len(image), _BAND):
        band = _zoomed_along(image, factor, -3, outside, slice(top, top + _BAND))
        result[top : top + _BAND] = np.clip(np.rint(_zoomed_along(band, factor, -2, outside)), 0, 255)
    return result


def _zoomed_along(images: Any, factor: float, axis: int, outside: Any, part: slice = slice(None)) -> Any:
    """Images magnified along one axis; with `part`, these rows of the result alone."""
    xp: Any = np
    if not isinstance(images, np.ndarray):
        from keras import ops

        xp = ops
    positions = xp.arange(xp.shape(images)[axis], dtype="float32")
    last = positions[-1]
    places = (positions[part] - last / 2) / factor + last / 2
    before = xp.floor(places)
    t = places - before
    # Of the two neighbors before and the two after.
    weights = (
        ((1.0 - 0.5 * t) * t - 0.5) * t,
        (1.5 * t - 2.5) * t * t + 1.0,
        ((2.0 - 1.5 * t) * t + 0.5) * t,
        (0.5 * t - 0.5) * t * t,
    )
    total, shape = 0.0, (-1,) + (1,) * (-axis - 1)
    for i, weight in enumerate(weights):
        nearest = xp.clip(before + (i - 1.0), 0.0, last)
        nearest = nearest.astype("int32") if xp is np else xp.cast(nearest, "int32")
        total = total + xp.take(images, nearest, axis=axis) * xp.reshape(weight, shape)
    if factor >= 1:
        return total
    # Which part of a pixel of the result lies inside the image. The border is repeated until there: a cubic across the
    # edge to the color outside would overshoot.
    inside = xp.clip((xp.minimum(places, last - places) + 0.5) * factor + 0.5, 0.0, 1.0)
    inside = xp.reshape(inside, shape)
    color = np.asarray(outside, "float32") if xp is np else xp.convert_to_tensor(outside, "float32")
    return total * inside + color * (1.0 - inside)


def checked(images: Any, image_shape: Sequence[int], purpose: str) -> np.ndarray:
    """Images as an array, after a check of their type and shape.

    Raises:
        GanzooError: they are not uint8 (count, *image_shape), or there are none.
    """
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.shape[1:] != tuple(image_shape) or not len(images):
        raise GanzooError(
            f"{purpose} are uint8 (count, {', '.join(map(str, image_shape))}), got {images.dtype} {images.shape}"
        )
    return images
