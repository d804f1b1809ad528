"""Images of two kinds without pairs, for translation between them."""

import functools
import os
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from ganzoo import pixels
from ganzoo.arguments import AtLeastOne, NotNegativeWhole, Seed, Zoom
from ganzoo.data.decoding import WHITE
from ganzoo.data.feed import Feed, data_function, held_out_indices
from ganzoo.data.folders import printable
from ganzoo.data.image_files import ImageFiles, open_image_files, resized
from ganzoo.data.sources import npz_part, split_source
from ganzoo.errors import GanzooError
from ganzoo.types import Tensor

# Share of the names of "folders:" that belong to its part "test".
TEST_SHARE = 0.1
Level = Annotated[int, Field(ge=0, le=255)]


@data_function
def unpaired(
    source: str,
    crop: AtLeastOne = 256,
    batch_size: AtLeastOne = 1,
    seed: Seed = 0,
    resize: AtLeastOne | None = None,
    pad: NotNegativeWhole = 0,
    flip: bool = True,
    separate_pairs: bool = False,
    repeats: AtLeastOne = 1,
    zoom: Zoom = 1.0,
    background: tuple[Level, Level, Level] = WHITE,
    held_out: Annotated[float, Field(ge=0, lt=1)] = 0.05,
    strict: bool = False,
) -> Feed:
    """A dataset of random image crops of two kinds, such as horses and zebras, in no relation to each other.

    An epoch has as many batches as the larger side gives, `repeats` times. Both sides have an order of their own in
    each epoch.

    Args:
        source: "folder:PATH" with the subfolders trainA and trainB, "folders:PATH_A,PATH_B", or a dataset of
            tensorflow-datasets with such splits, "tfds:cycle_gan/horse2zebra"; see `open_sides`.
        crop: height and width of a crop.
        batch_size: images of each side per batch; the paper has 1.
        seed: seed of order, crops and flips: the same seed gives the same batches.
        resize: smaller of height and width that images are resized to before they are cropped, at least `crop`; None
            for the paper's proportion, 286 for a crop of 256.
        pad: pixels by which images are extended before they are cropped, by repetition of their border: shifts images
            on a plain background without enlarging them.
        flip: flip half of the images horizontally.
        separate_pairs: for sides with files of the same names, such as the same emoji by two designers: use each name
            on one side only, alternately, so that training sees no pair.
        repeats: how often an epoch takes each image of the larger side, so that epochs of few images are not too short.
        zoom: factor by which images of the first side are magnified about their center: that of the model, see
            `ganzoo.models.CycleGAN`.
        background: (red, green, blue) in 0..255 behind transparent pixels, and around images that `zoom` reduces.
        held_out: fraction of the names that is held out for validation on both sides, evenly spaced in their order.
        strict: raise an error for an unreadable file instead of skipping it with a warning.

    Returns:
        `tf.data.Dataset` of two arrays, float32 (batch_size, crop, crop, 3) in [-1, 1].

    Raises:
        GanzooError: a missing or empty side, sides that are the same folder, a `resize` below `crop`.

    Example:
        import ganzoo.data

        dataset = ganzoo.data.unpaired("folders:my_images/cats,my_images/dogs", crop=64, batch_size=4)
        cats, dogs = next(iter(dataset))     # float32 (4, 64, 64, 3) each
    """
    resize = round(crop * 286 / 256) if resize is None else resize
    if resize < crop:
        raise GanzooError(f"resize {resize} is below crop {crop}: images are resized first, then cropped")
    sides = open_sides(source, "train", shorter_side=resize, background=background, strict=strict)
    names = [names_of(side) for side in sides]
    chosen = split_names(names[0], names[1], held_out, separate_pairs)
    training = [
        [image for name, image in zip(own, side.images) if name in wanted]
        for own, side, wanted in zip(names, sides, chosen)
    ]
    training[0] = [pixels.zoomed_uint8(image, zoom, outside=background) for image in training[0]]
    for side, images in zip(sides, training):
        if not images:
            raise GanzooError(f"no image of {side.source} is left for training: hold out fewer, or add images")
    count = repeats * max(map(len, training))

    # Two: threads that prepare batches may already be in the next epoch.
    @functools.lru_cache(maxsize=2)
    def second_order(epoch: int) -> np.ndarray:
        return np.random.default_rng([seed, 8, epoch]).permutation(count)

    def make_batch(step: int, indices: np.ndarray) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng([seed, 7, int(step)])
        epoch, place = divmod(int(step), count // batch_size)
        orders = indices, second_order(epoch)[place * batch_size :][: len(indices)]
        batch = np.empty((2, len(indices), crop, crop, 3), "uint8")
        for side, order in enumerate(orders):
            for i, index in enumerate(order):
                image = training[side][index % len(training[side])]
                batch[side, i] = _cropped(rng, image, crop, pad, flip)
        return pixels.to_float(batch[0]), pixels.to_float(batch[1])

    return Feed(
        count=count,
        batch_size=batch_size,
        seed=seed,
        make_batch=make_batch,
        spec=[((crop, crop, 3), "float32")] * 2,
        source=source,
        validation=tuple(_validation(sides, names, chosen[2], crop)),
        skipped=(*sides[0].skipped, *sides[1].skipped),
    )


def _cropped(rng, image, crop, pad, flip):
    """A random crop of an image, perhaps mirrored."""
    if pad:
        image = np.pad(image, ((pad, pad), (pad, pad), (0, 0)), "edge")
    top, left = (rng.integers(0, size - crop + 1) for size in image.shape[:2])
    piece = image[top : top + crop, left : left + crop]
    return piece[:, ::-1] if flip and rng.integers(2) else piece


def _validation(sides, names, held_out, crop):
    """Pairs of held-out images at full size, in the order of names; None stands for a missing image."""
    known = [dict(zip(own, side.images)) for own, side in zip(names, sides)]
    for name in sorted(held_out):
        pair = tuple(None if name not in side else _at_side(side[name], crop) for side in known)
        if pair[0] is None or pair[1] is None or pair[0].shape == pair[1].shape:
            yield pair


def _at_side(image, side):
    shortest = min(image.shape[:2])
    return image if shortest == side else resized(image, tuple(round(n * side / shortest) for n in image.shape[:2]))


def names_of(side: ImageFiles) -> list[str]:
    """The names by which pairs of images are found: their paths in the folder without the suffix."""
    return [PurePosixPath(name).with_suffix("").as_posix() for name in side.names]


def split_names(
    first: Collection[str], second: Collection[str], held_out: float, separate_pairs: bool
) -> tuple[set[str], set[str], set[str]]:
    """The names to train on of either side, and those held out on both.

    Args:
        first, second: names of the images of both sides.
        held_out: fraction of all names to hold out, evenly spaced.
        separate_pairs: leave each name that both sides have to one of them, alternately.

    Example:
        from ganzoo.data.unpaired import split_names

        split_names("abcd", "abcd", 0.25, separate_pairs=True)     # {"a", "d"}, {"b"}, {"c"}
    """
    everything = sorted({*first, *second})
    apart = {everything[i] for i in held_out_indices(len(everything), held_out)}
    ours, theirs = ({*side} - apart for side in (first, second))
    if separate_pairs:
        shared = sorted(ours & theirs)
        ours, theirs = ours - set(shared[1::2]), theirs - set(shared[0::2])
    return ours, theirs, apart


def open_sides(
    source: str,
    part: str | None = None,
    *,
    shorter_side: int | None = None,
    background: Sequence[int] = WHITE,
    strict: bool = False,
) -> tuple[ImageFiles, ImageFiles]:
    """The images of both sides of a source.

    - "folder:PATH" holds the subfolders trainA and trainB, testA and testB, as the paper's datasets do.
    - "folders:PATH_A,PATH_B" are two folders. Its part "test" is every tenth of their names, and "train" the others.
    - "tfds:NAME" is a dataset of tensorflow-datasets with the splits trainA, trainB, testA and testB.

    Each may end in ":train" or ":test", which decides over `part`.

    Args:
        source: one of the above.
        part: "train" or "test". "folders:" gives all images unless the source itself names a part.
        shorter_side, background, strict: as in `ganzoo.data.image_files.open_image_files`.

    Raises:
        GanzooError: a missing or empty side, or sides that are the same folder.

    Example:
        from ganzoo.data.unpaired import open_sides

        cats, dogs = open_sides("folders:my_images/cats,my_images/dogs")
        cats.images, cats.names     # lists of uint8 (height, width, 3) and of file names
    """
    scheme, place = split_source(source, " of two sides", _SCHEMES)
    place, own = npz_part(place)
    options: dict[str, Any] = dict(shorter_side=shorter_side, background=background, strict=strict)
    opened = [open_image_files(side, **options) for side in _SCHEMES[scheme](place, own or part or "train")]
    if scheme != "folders" or own is None:
        return opened[0], opened[1]
    everything = sorted({*names_of(opened[0]), *names_of(opened[1])})
    test = {everything[i] for i in held_out_indices(len(everything), TEST_SHARE)}
    sides = [_selected(side, [(name in test) == (own == "test") for name in names_of(side)]) for side in opened]
    return sides[0], sides[1]


def _selected(side, wanted):
    if not any(wanted):
        raise GanzooError(f"{side.source} has too few images for a part of its own")
    images, names = (
        [one for one, is_wanted in zip(all_of, wanted) if is_wanted] for all_of in (side.images, side.names)
    )
    return replace(side, images=images, names=names)


def folder_pair(place: str) -> tuple[str, str]:
    """The two paths of the place of a "folders:" source, without its part.

    Raises:
        GanzooError: there is one path, or both are the same folder.

    Example:
        from ganzoo.data.unpaired import folder_pair

        folder_pair("my_images/cats,my_images/dogs")     # ("my_images/cats", "my_images/dogs")
    """
    pieces = place.split(",")
    # A path may contain commas.
    halves = [(",".join(pieces[:i]), ",".join(pieces[i:])) for i in range(1, len(pieces))]
    halves = [(os.path.expanduser(first), os.path.expanduser(second)) for first, second in halves if first and second]
    existing = [pair for pair in halves if all(map(os.path.isdir, pair))]
    if not halves:
        raise GanzooError(f"'folders:{printable(place)}' names one folder: write folders:PATH_A,PATH_B")
    first, second = (existing or halves)[0]
    if os.path.realpath(first) == os.path.realpath(second):
        raise GanzooError(f"both sides are the same folder, {printable(first)}: give a folder for each")
    return first, second


def _two_folders(place, part):
    return [f"folder:{path}" for path in folder_pair(place)]


def _one_folder(place, part):
    sides = [os.path.join(place, f"{part}{side}") for side in "AB"]
    if os.path.isdir(place) and not all(map(os.path.isdir, sides)):
        raise GanzooError(
            f"the folder {printable(place)} does not hold {part}A and {part}B: put both sides there, or name two "
            "folders, folders:PATH_A,PATH_B"
        )
    return [f"folder:{side}" for side in sides] if os.path.isdir(place) else [f"folder:{place}"] * 2


def _tfds(place, part):
    return [f"tfds:{place}:{part}{side}" for side in "AB"]


_SCHEMES = {"folder": _one_folder, "folders": _two_folders, "tfds": _tfds}
