"""Images as people keep them, uint8 in 0..255, and as networks see them, float32 in [-1, 1]."""

import numpy as np

from ganzoo.errors import GanzooError


def to_float(images: Tensor) -> Tensor:
    """float32 images in [-1, 1] from uint8 ones; a tensor of the back end stays where it is."""
    if isinstance(images, (np.ndarray, list, tuple)):
        return np.asarray(images, "float32") / 127.5 - 1.0
    from keras import ops

    return ops.cast(images, "float32") / 127.5 - 1.0


def to_uint8(images: Any) -> np.ndarray:
    """uint8 images from images in [-1, 1]; what lies outside is cut off."""
    return np.clip(np.rint((np.asarray(images, "float32") + 1.0) * 127.5), 0, 255).astype("uint8")


def checked(images: Any, image_shape: Sequence[int], purpose: str) -> np.ndarray:
    """The images as an array.

    Raises:
        GanzooError: they are not uint8 (count, *image_shape), or there are none.
    """
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.shape[1:] != tuple(image_shape) or not len(images):
        raise GanzooError(
            f"{purpose} are uint8 (count, {', '.join(map(str, image_shape))}), got {images.dtype} {images.shape}"
        )
    return images
