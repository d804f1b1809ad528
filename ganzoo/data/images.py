"""Images without labels, for models that draw from noise."""

import numpy as np

from ganzoo import pixels
from ganzoo.config import AtLeastOne, Seed
from ganzoo.data.feed import Feed, data_function
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
):
    """A data set of images.

    Args:
        source: "digits" (in the package), "folder:PATH", "idx:FILE", "npz:FILE" or "tfds:NAME[:SPLIT]"; see
            `ganzoo.data.sources.open_images`.
        image_shape: (height, width, channels) of the result; images are center-cropped to its aspect
            and resized with antialiasing, gray or color as its channels say.
        batch_size: images per batch; the last incomplete batch of an epoch is left out.
        seed: of the order and the flips: the same seed gives the same batches. Each time the data
            set is iterated it gives one epoch, in another order than the last.
        flip: mirror half of the images, left to right.
        upscale: enlarge smaller images instead of refusing them.
        strict: a broken file is an error instead of being skipped with a warning.

    Returns:
        `tf.data.Dataset` of float32 (batch_size, height, width, channels) in [-1, 1].

    Raises:
        GanzooError: a missing or empty source, images smaller than asked, a batch larger than the set.

    Example:
        dataset = ganzoo.data.images("folder:my_images", image_shape=(64, 64, 3), batch_size=64)
    """
    return image_feed(source, image_shape, batch_size, seed, flip, upscale, strict)


def image_feed(source, image_shape, batch_size, seed, flip, upscale, strict, with_labels=False):
    """The `Feed` of images; `with_labels` as `open_images` takes it, the other arguments as `images`."""
    opened = open_images(source, image_shape, upscale, strict, with_labels)

    def make_batch(step, indices, images=opened.images):
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
        count=len(opened.images),
        batch_size=batch_size,
        seed=seed,
        make_batch=make_batch,
        takes_images=True,
        spec=(opened.images.shape[1:], "float32"),
        source=source,
        images=opened.images,
        labels=opened.labels,
        class_names=opened.class_names,
        unlabelled=opened.unlabelled,
        skipped=opened.skipped,
    )
