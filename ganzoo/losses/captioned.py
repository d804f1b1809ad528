"""Auxiliary losses of text-to-image generators: attributes of captions, and variety of images of the same text."""

from collections.abc import Sequence
from itertools import accumulate

import keras
from keras import ops

from ganzoo.types import Tensor

# Avatars that differ only in skin have a distance of 0.03 to 0.12.
_ENOUGH = 0.04


def attribute_loss(logits: Tensor, said: Tensor, counts: Sequence[int]) -> Tensor:
    """The cross-entropy of the attributes that captions name (Odena et al. 2017, arXiv:1610.09585, equation 3): a
    scalar, the sum over attributes, averaged over the batch.

    Args:
        logits: (batch, sum of counts), those of each attribute's values in turn.
        said: int (batch, attributes): the number of the value that a caption names, or -1, which does not count.
        counts: number of values of each attribute.

    Example:
        from ganzoo.losses.captioned import attribute_loss
        logits = np.array([[0.0, 0.0, 9.0, 0.0, 0.0]], "float32")       # of an attribute with 2 values and one with 3
        attribute_loss(logits, np.array([[1, -1]]), (2, 3))     # log(2)
    """
    total, logits = 0.0, ops.cast(logits, "float32")
    for place, (end, count) in enumerate(zip(accumulate(counts), counts)):
        part = logits[:, end - count : end]
        value = ops.cast(said[:, place], "int32")
        named = ops.cast(value >= 0, "float32")
        each = keras.losses.sparse_categorical_crossentropy(ops.maximum(value, 0), part, from_logits=True)
        # Divided by the batch, not by the captions that name it, whose number differs between replicas.
        total = total + ops.mean(each * named)
    return total


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
