"""Auxiliary losses of text-to-image generators: text matching, and variety of images of the same text."""

import keras
from keras import ops

from ganzoo.types import Tensor

# Texts of 128 components that differ in one of eight attributes have a squared distance of 35 to 60, and predictions
# from images about half of it: this scale makes the nearer text some tens of times as likely.
_SHARPNESS = 0.125
# Avatars that differ only in skin have a distance of 0.03 to 0.12.
_ENOUGH = 0.04


def text_matching(read: Tensor, text: Tensor, wrong: Tensor | None = None) -> Tensor:
    """The cross-entropy of identifying each image's text among those of the batch, by the distance from the text
    predicted from the image: a scalar, the mean over the batch.

    Args:
        read: (batch, dim), the texts predicted from the images.
        text: (batch, dim), the texts of the images.
        wrong: (batch, dim), a wrong text for each image, which is one more choice for that image.

    Example:
        from ganzoo.losses.captioned import text_matching
        text = 5.0 * np.eye(4, dtype="float32")
        assert text_matching(text, text) < text_matching(text, text[::-1])
    """
    candidates = [_nearness(read[:, None], text[None])]
    if wrong is not None:
        candidates.append(_nearness(read, wrong)[:, None])
    own = ops.arange(ops.shape(text)[0])
    nearness = ops.concatenate(candidates, axis=1)
    return ops.mean(keras.losses.sparse_categorical_crossentropy(own, nearness, from_logits=True))


def _nearness(read, text):
    return -_SHARPNESS * ops.sum(ops.square(read - text), axis=-1)


def likeness(images: Tensor, others: Tensor) -> Tensor:
    """How similar pairs of images are: 1 for equal images, 0 if their 8x8 averages differ by at least 0.04 on average;
    a scalar, the mean over the batch.

    After the mode-seeking loss of Mao et al. 2019 (arXiv:1903.05628), but bounded, and computed on averages, which
    pixel noise does not change.

    Args:
        images, others: (batch, height, width, channels) in [-1, 1].

    Example:
        from ganzoo.losses.captioned import likeness
        images = np.zeros((2, 16, 16, 3), "float32")
        assert likeness(images, images) == 1 and likeness(images, images + 0.5) == 0
    """
    height, width = images.shape[1:3]
    size = max(1, height // 8), max(1, width // 8)
    difference = ops.average_pool(ops.cast(images, "float32") - ops.cast(others, "float32"), size, size, "same")
    distance = ops.mean(ops.abs(difference), axis=(1, 2, 3))
    return ops.mean(ops.relu(1.0 - distance / _ENOUGH))
