"""Pairs of a low-resolution and a high-resolution image, for super-resolution."""

from typing import Annotated

import numpy as np
from pydantic import Field

from ganzoo import pixels
from ganzoo.arguments import AtLeastOne, Seed
from ganzoo.data.feed import Feed, data_function, held_out_indices
from ganzoo.data.image_files import multiple_of, open_image_files, resized, to_small
from ganzoo.errors import GanzooError


@data_function
def pairs(
    source: str,
    scale: AtLeastOne = 4,
    crop: AtLeastOne = 96,
    batch_size: AtLeastOne = 16,
    seed: Seed = 0,
    augment: bool = True,
    shrink: Annotated[float, Field(ge=1, le=16)] = 1.0,
    held_out: Annotated[float, Field(ge=0, lt=1)] = 0.1,
    strict: bool = False,
) -> Feed:
    """A dataset of random image crops, each with its downscaled version.

    An epoch has as many crops as would cover the images once, so large images contribute more crops. Crop positions
    are random and differ between epochs.

    Args:
        source: "folder:PATH", "tfds:NAME[:SPLIT]" (e.g. div2k/bicubic_x4, of which only the high-resolution images are
            read), "photos" (two images that ship with scikit-learn) or "photos:scikit-image".
        scale: downscaling factor; antialiased bicubic.
        crop: height and width of a high-resolution crop, a multiple of scale.
        batch_size: pairs per batch.
        seed: seed of crop positions, order and augmentation: the same seed gives the same batches.
        augment: rotate by a multiple of 90 degrees and flip, at random.
        shrink: cut out regions of up to this many times the crop's height and width, at random, and downscale them to
            the crop, so that photos also appear as if taken from further away. 1 only cuts out.
        held_out: fraction of the images that is held out for validation, evenly spaced in the order of their names,
            the same for every seed.
        strict: raise an error for an unreadable file instead of skipping it with a warning.

    Returns:
        `tf.data.Dataset` of (small float32 (batch_size, crop / scale, crop / scale, 3), large float32 (batch_size,
        crop, crop, 3)), both in [-1, 1].

    Raises:
        GanzooError: a missing or empty source, all images smaller than a crop, a crop that is not a multiple of scale.
            If only some images are smaller, they are left out with a warning.

    Example:
        import ganzoo.data

        dataset = ganzoo.data.pairs("folder:my_images", scale=4, crop=96, batch_size=4)
        small, large = next(iter(dataset))     # float32 (4, 24, 24, 3) and (4, 96, 96, 3)
    """
    if crop % scale:
        raise GanzooError(f"crop {crop} is not a multiple of scale {scale}")
    opened = open_image_files(source, at_least=crop, strict=strict)
    chosen = held_out_indices(len(opened.images), held_out)
    train = [image for i, image in enumerate(opened.images) if i not in chosen]
    validation = [opened.images[i] for i in sorted(chosen)]
    # Which image the n-th crop of an epoch comes from.
    cells = np.concatenate(
        [np.full((image.shape[0] // crop) * (image.shape[1] // crop), i) for i, image in enumerate(train)]
    )

    def make_batch(step, indices):
        rng = np.random.default_rng([seed, 2, int(step)])
        large = np.empty((len(indices), crop, crop, 3), "uint8")
        small = np.empty((len(indices), crop // scale, crop // scale, 3), "uint8")
        for i, image in enumerate(train[cells[index]] for index in indices):
            # Without shrink, no random number is spent on the side: a seed gives the same batches as ever.
            side = crop if shrink == 1 else _side(rng, crop, min(shrink, min(image.shape[:2]) / crop))
            top, left = (rng.integers(0, size - side + 1) for size in image.shape[:2])
            piece = image[top : top + side, left : left + side]
            piece = piece if side == crop else resized(piece, (crop, crop))
            if augment:
                piece = np.rot90(piece, rng.integers(4))
                piece = piece[:, ::-1] if rng.integers(2) else piece
            large[i] = piece
            small[i] = to_small(large[i], scale)
        return pixels.to_float(small), pixels.to_float(large)

    return Feed(
        count=len(cells),
        batch_size=batch_size,
        seed=seed,
        make_batch=make_batch,
        spec=[((crop // scale, crop // scale, 3), "float32"), ((crop, crop, 3), "float32")],
        source=source,
        validation=tuple(multiple_of(image, scale) for image in validation),
        skipped=opened.skipped,
    )


def _side(rng, crop, shrink):
    """Random height and width of a region, from crop to crop * shrink; all factors on a logarithmic scale alike."""
    return int(crop * shrink ** rng.random())
