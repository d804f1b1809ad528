"""Losses of a generator of images from texts besides its adversarial one: the text can be read from the images, which
differ from each other."""

import keras
from keras import ops

from ganzoo.types import Tensor

# Texts that differ in one of eight things have a squared distance of 35 to 60 numbers of 128, of which readings of
# images keep about half: the nearer text is then some tens of times as likely, and the loss of the right one small.
_SHARPNESS = 0.125
# Two avatars that differ in their skin alone have a distance of 0.03 to 0.12.
_ENOUGH = 0.04


def text_matching(read: Tensor, text: Tensor, wrong: Tensor | None = None) -> Tensor:
    """The cross-entropy of telling an image's own text by its distance from what is read of the image: a scalar, mean
    over the batch.

    Args:
        read: (batch, dim), what is read from the images.
        text: (batch, dim), their texts; each has to be nearer to its own reading than those of the others.
        wrong: (batch, dim), a text for each image that it has to be nearer than as well.

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
    """How far pairs of images are from differing by as much as 0.04 on average, seen from afar: from 1, the same image
    twice, to 0; a scalar, the mean over the batch.

    After the mode-seeking loss of Mao et al. 2019 (arXiv:1903.05628), with a bound, and on 8x8 means: what differs has
    to be large, and noise in the pixels is of no use.

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
