"""Conversion of images between uint8 in 0..255 and the networks' float32 in [-1, 1]."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ganzoo.errors import GanzooError
from ganzoo.types import Tensor


def to_float(images: Tensor) -> Tensor:
    """Converts uint8 images to float32 in [-1, 1]; a tensor of the back end stays on its device.

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
    """`to_uint8` for tensors of the back end, also inside a graph.

    Example:
        from ganzoo.pixels import as_uint8

        as_uint8(keras.ops.array([-1.0, 0.5, 2.0]))     # [0, 191, 255]
    """
    from keras import ops

    return ops.cast(ops.clip(ops.round((ops.cast(images, "float32") + 1.0) * 127.5), 0.0, 255.0), "uint8")


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
