"""Pictures as people keep them, uint8 in 0..255, and as networks see them, float32 in [-1, 1]."""

import numpy as np

from ganzoo.errors import GanzooError


def to_float(pictures):
    """float32 pictures in [-1, 1] from uint8 ones; a tensor of the back end stays where it is."""
    if isinstance(pictures, (np.ndarray, list, tuple)):
        return np.asarray(pictures, "float32") / 127.5 - 1.0
    from keras import ops

    return ops.cast(pictures, "float32") / 127.5 - 1.0


def to_uint8(pictures):
    """uint8 pictures from pictures in [-1, 1]; what lies outside is cut off."""
    return np.clip(np.rint((np.asarray(pictures, "float32") + 1.0) * 127.5), 0, 255).astype("uint8")


def checked(pictures, image_shape, purpose):
    """The pictures as an array.

    Raises:
        GanzooError: they are not uint8 (count, *image_shape), or there are none.
    """
    pictures = np.asarray(pictures)
    if pictures.dtype != np.uint8 or pictures.shape[1:] != tuple(image_shape) or not len(pictures):
        raise GanzooError(
            f"{purpose} are uint8 (count, {', '.join(map(str, image_shape))}), got {pictures.dtype} {pictures.shape}"
        )
    return pictures
