"""Images without labels, for models that generate from noise."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from pydantic import Field

from ganzoo import pixels
from ganzoo.arguments import AtLeastOne, Seed
from ganzoo.data.feed import Feed, data_function, held_out_indices
from ganzoo.data.sources import open_images


@data_function
def images(
    source: str,
    image_shape: tuple[int, int, int],
    batch_size: AtLeastOne = 64,
    seed: Seed = 0,
    flip: bool = False,
    upscale: bool = False,
    strict: bool = False,
    held_out: Annotated[float, Field(ge=0, lt=1)] = 0.0,
) -> Feed:
    """A dataset of images.

    Args:
        source: "digits" (needs no files), "folder:PATH", "idx:FILE", "npz:FILE" or "tfds:NAME[:SPLIT]"; see
            `ganzoo.data.sources.open_images`.
        image_shape: (height, width, channels) of the result; images are center-cropped to this aspect ratio, resized
            with antialiasing, and converted to grayscale (1 channel) or color (3).
        batch_size: images per batch; the incomplete last batch of an epoch is dropped.
        seed: seed of the order and the flips: the same seed gives the same batches. Each iteration over the dataset
            is one epoch, in a new order.
        flip: flip half of the images horizontally.
        upscale: enlarge smaller images instead of raising an error.
        strict: raise an error for an unreadable file instead of skipping it with a warning.
        held_out: fraction of the images that is held out for validation, evenly spaced in their order.

    Returns:
        `tf.data.Dataset` of float32 (batch_size, height, width, channels) in [-1, 1].

    Raises:
        GanzooError: a missing or empty source, images smaller than requested, a batch larger than the dataset.

    Example:
        import ganzoo.data

        dataset = ganzoo.data.images("folder:my_images", image_shape=(64, 64, 3), batch_size=8)
        images = next(iter(dataset))     # float32 (8, 64, 64, 3)
    """
    return image_feed(source, image_shape, batch_size, seed, flip, upscale, strict, held_out=held_out)


def image_feed(
    source: str,
    image_shape: Sequence[int],
    batch_size: int,
    seed: int,
    flip: bool,
    upscale: bool,
    strict: bool,
    with_labels: bool = False,
    held_out: float = 0.0,
) -> Feed:
    """The `Feed` of images; `with_labels` as in `open_images`; the other arguments as in `images`.
    With labels, the held-out examples are pairs (image, label)."""
    opened = open_images(source, image_shape, upscale, strict, with_labels)
    is_held_out = np.zeros(len(opened.images), bool)
    is_held_out[list(held_out_indices(len(opened.images), held_out))] = True
    training, validation = opened.images, tuple(opened.images[is_held_out])
    labels = opened.labels
    if validation:
        training = training[~is_held_out]
        if labels is not None:
            labels = np.asarray(labels)
            validation = tuple(zip(validation, labels[is_held_out])) if with_labels else validation
            labels = labels[~is_held_out]

    def make_batch(step, indices, images=training):
        if isinstance(images, np.ndarray):
            ops = np
        else:
            from keras import ops
        batch = ops.take(images, indices, axis=0)
        if flip:
            mirrored = np.random.default_rng([seed, 1, int(step)]).random((len(indices), 1, 1, 1)) < 0.5
            batch = ops.where(mirrored, ops.flip(batch, axis=2), batch)
        return pixels.to_float(batch)

    return Feed(
        count=len(training),
        batch_size=batch_size,
        seed=seed,
        make_batch=make_batch,
        takes_images=True,
        spec=(opened.images.shape[1:], "float32"),
        source=source,
        images=training,
        validation=validation,
        labels=labels,
        class_names=opened.class_names,
        unlabeled=opened.unlabeled,
        skipped=opened.skipped,
    )
