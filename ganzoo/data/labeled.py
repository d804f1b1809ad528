"""Images with class labels."""

from dataclasses import replace
from typing import Annotated

import numpy as np
from pydantic import Field

from ganzoo.arguments import AtLeastOne, Seed
from ganzoo.classes import class_numbers
from ganzoo.data.feed import Feed, data_function
from ganzoo.data.images import image_feed
from ganzoo.errors import GanzooError


@data_function
def labeled(
    source: str,
    image_shape: tuple[int, int, int],
    batch_size: AtLeastOne = 64,
    seed: Seed = 0,
    flip: bool = False,
    upscale: bool = False,
    strict: bool = False,
    classes: AtLeastOne | None = None,
    held_out: Annotated[float, Field(ge=0, lt=1)] = 0.0,
) -> Feed:
    """A dataset of images and their classes.

    Args:
        source, image_shape, batch_size, seed, flip, upscale, strict, held_out: as in `ganzoo.data.images`. The labels
            come from "digits", from the labels file beside an "idx:" file, from the array `labels` of an "npz:" file,
            from the feature `label` of a "tfds:" dataset, or from the folders directly in a "folder:", in alphabetical
            order with numbers ordered by value ("2" before "10"). Images beside these folders are left out with a
            warning. In an "npz:" file labels are integers (count,) or (count, 1), or one-hot vectors (count, classes).
        classes: number of classes; labels must be below it.

    Returns:
        `tf.data.Dataset` of (float32 (batch_size, height, width, channels) in [-1, 1], int32 (batch_size,)).

    Raises:
        GanzooError: as `ganzoo.data.images`; a source without labels; more classes than `classes`.

    Example:
        import ganzoo.data

        dataset = ganzoo.data.labeled("folder:my_images", image_shape=(64, 64, 3), batch_size=8)
        images, labels = next(iter(dataset))     # float32 (8, 64, 64, 3) and int32 (8,)
    """
    images = image_feed(
        source, image_shape, batch_size, seed, flip, upscale, strict, with_labels=True, held_out=held_out
    )
    if images.labels is None:
        raise GanzooError(f"the images of {source} have no labels: {images.unlabeled}")
    given = np.concatenate([images.labels, *[[label] for _, label in images.validation]])
    numbers = class_numbers(given, where=f"the labels of {source}").astype("int32")
    if classes is not None and numbers.max() >= classes:
        raise GanzooError(
            f"the labels of {source} range from {numbers.min()} to {numbers.max()}, but the model has {classes} "
            f"classes: set arguments.classes to {numbers.max() + 1}"
        )
    labels, held = np.split(numbers, [images.count])
    validation = tuple(zip([image for image, _ in images.validation], held))

    def make_batch(step, indices, *held):
        return images.make_batch(step, indices, *held), labels[indices]

    spec = [images.spec, ((), "int32")]
    return replace(images, make_batch=make_batch, spec=spec, labels=labels, validation=validation)
