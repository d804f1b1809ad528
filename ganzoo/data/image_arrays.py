"""Images of one shape, from arrays of any shape."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ganzoo.classes import class_numbers
from ganzoo.data.allocation import allocate
from ganzoo.data.decoding import TooSmall, as_channels, fit, to_uint8
from ganzoo.errors import GanzooError


@dataclass
class Images:
    """Images of one shape.

    Attributes:
        images: uint8 (count, height, width, channels).
        labels: integers (count,), or None.
        source: the source that was opened.
        skipped: files that could not be read.
        class_names: name of each class, in the order of the labels (label 0 first); None if classes have no names.
        unlabeled: if there are no labels: why, and what to do.
    """

    images: np.ndarray
    labels: np.ndarray | None
    source: str
    skipped: tuple[str, ...] = ()
    class_names: tuple[str, ...] | None = None
    unlabeled: str = ""


def from_arrays(
    images: Any, labels: Any, image_shape: tuple[int, int, int], upscale: bool, source: str, class_names: Any = None
) -> Images:
    """`Images` from an array of images and one of as many labels, or None.

    Raises:
        GanzooError: arrays of other shapes or types, or images that are too small.
    """
    images = as_uint8(images, source)
    if labels is not None:
        if np.shape(labels)[:1] != (len(images),):
            raise GanzooError(f"{source}: {len(images)} images but labels of shape {np.shape(labels)}")
        labels = class_numbers(labels, where=f"{source}: labels")
    names = checked_names(class_names, source)
    if names is not None and labels is not None and labels.max() >= len(names):
        raise GanzooError(f"{source}: class_names has {len(names)} names, but the labels go up to {labels.max()}")
    return Images(fit_array(images, image_shape, upscale, source), labels, source, class_names=names)


def checked_names(names: Any, source: str) -> tuple[str, ...] | None:
    """Class names as a tuple of strings; None if there are none."""
    if names is None or not len(np.atleast_1d(names)):
        return None
    names = np.asarray(names)
    if names.ndim != 1 or names.dtype.kind not in "U":
        raise GanzooError(f"{source}: class_names is an array of strings, one for each class, got {names.dtype}")
    return tuple(map(str, names))


def as_uint8(images: Any, source: str, masks: bool = True) -> np.ndarray:
    """uint8 images (count, height, width[, channels]) from an array in any common range, see `to_uint8`."""
    images = np.asarray(images)
    if images.ndim not in (3, 4) or not images.size:
        raise GanzooError(f"{source}: images have shape (count, height, width[, channels]), got {images.shape}")
    try:
        return to_uint8(images, masks=masks)
    except GanzooError as error:
        raise GanzooError(f"{source}: {error}") from None


def fit_array(images: np.ndarray, image_shape: tuple[int, int, int], upscale: bool, source: str) -> np.ndarray:
    """uint8 images (count, height, width[, channels]) as (count, *image_shape)."""
    if (images.ndim == 3 and images.shape[0] != 1) or (images.ndim == 3 and images.shape[2] not in (1, 3, 4)):
        images = images[..., None]
    elif images.ndim == 3:
        images = images[None] if images.shape[2] in (1, 3, 4) else images[..., None]
    if images.shape[-1] not in (1, 3, 4):
        raise GanzooError(f"{source}: images have 1, 3 or 4 channels, got {images.shape[-1]}")
    if images.shape[1:] == image_shape:
        return images

    fitted = allocate((len(images), *image_shape), source)
    try:
        for i, image in enumerate(images):
            fitted[i] = fit(as_channels(image, image_shape[2]), image_shape, upscale)
        return fitted
    except TooSmall as error:
        raise GanzooError(
            f"the images of {source} are {error}, smaller than the requested {image_shape[0]}x{image_shape[1]}: "
            "choose a smaller image_shape, or allow enlarging with upscale=True (in a preset, data: {upscale: true})"
        ) from None
