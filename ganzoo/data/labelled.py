"""Images with class labels."""

from dataclasses import replace

from ganzoo.classes import class_numbers
from ganzoo.config import AtLeastOne, Seed
from ganzoo.data.feed import Feed, data_function
from ganzoo.data.images import image_feed
from ganzoo.errors import GanzooError


@data_function
def labelled(
    source: str,
    image_shape: tuple[int, int, int],
    batch_size: AtLeastOne = 64,
    seed: Seed = 0,
    flip: bool = False,
    upscale: bool = False,
    strict: bool = False,
    classes: AtLeastOne | None = None,
) -> Feed:
    """A dataset of images and their classes.

    Args:
        source, image_shape, batch_size, seed, flip, upscale, strict: as in `ganzoo.data.images`. The labels come from
            "digits", from the labels file beside an "idx:" file, from the array `labels` of an "npz:" file, from the
            feature `label` of a "tfds:" dataset, or from the folders directly in a "folder:", in alphabetical order
            with numbers ordered by value ("2" before "10"). Images beside these folders are left out with a warning.
            In an "npz:" file labels are integers (count,) or (count, 1), or one-hot vectors (count, classes).
        classes: number of classes; labels must be below it.

    Returns:
        `tf.data.Dataset` of (float32 (batch_size, height, width, channels) in [-1, 1], int32 (batch_size,)).

    Raises:
        GanzooError: as `ganzoo.data.images`; a source without labels; more classes than `classes`.

    Example:
        import ganzoo.data

        dataset = ganzoo.data.labelled("folder:my_images", image_shape=(64, 64, 3), batch_size=8)
        images, labels = next(iter(dataset))     # float32 (8, 64, 64, 3) and int32 (8,)
    """
    images = image_feed(source, image_shape, batch_size, seed, flip, upscale, strict, with_labels=True)
    labels = images.labels
    if labels is None:
        raise GanzooError(f"the images of {source} have no labels: {images.unlabelled}")
    labels = class_numbers(labels, where=f"the labels of {source}")
    if classes is not None and labels.max() >= classes:
        raise GanzooError(
            f"the labels of {source} range from {labels.min()} to {labels.max()}, but the model has {classes} classes: "
            f"set arguments.classes to {labels.max() + 1}"
        )
    labels = labels.astype("int32")

    def make_batch(step, indices, *held):
        return images.make_batch(step, indices, *held), labels[indices]

    return replace(images, make_batch=make_batch, spec=[images.spec, ((), "int32")])
