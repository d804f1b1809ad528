"""Metrics of images generated from captions: whether they show what the caption says."""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ganzoo.data.feed import held_out_indices
from ganzoo.data.image_files import resized
from ganzoo.errors import GanzooError
from ganzoo.metrics.features import Features
from ganzoo.metrics.frechet import FeatureStatistics, frechet_distance
from ganzoo.metrics.registry import register_metric
from ganzoo.metrics.text_to_image import HUES, distinct, has_color, has_two_stages, right_among, sharpness, variety

if TYPE_CHECKING:
    from ganzoo.text.matching import Matching

# Of the matching network: a seed and a size that no model's own text encoder has.
SEED, EPOCHS, _DIM = 1234, 60, 128
# The most captions of each part of the data that images are generated for.
MOST_CAPTIONS = 500
_THINGS = ("heart", "circle", "square", "book", "apple")


class CaptionedSets:
    """Real captioned images, and what a model generates from their captions; computed on first use.

    Args:
        model: a `TextToImage` model.
        images: real ones, uint8 (count, height, width, channels).
        texts: the captions of each image.

    Attributes:
        model, images, texts: as given.
        captions: the first caption of each image.
        parts: {"right": indices of images of training, "held_out": indices of the others, every tenth}, at most 500
            of each, in random order.
        generated: {"right": images, "held_out": images} from the captions of `parts`, uint8.
        matching: a `Matching` network that has learned from all real images which caption belongs to which.
    """

    def __init__(self, model: Any, images: np.ndarray, texts: list) -> None:
        self.model, self.images, self.texts = model, images, texts
        self.captions = [of_one[0] for of_one in texts]
        held_out = held_out_indices(len(images), 0.1)
        rng = np.random.default_rng(0)
        parts = {"right": [i for i in range(len(images)) if i not in held_out], "held_out": sorted(held_out)}
        self.parts = {part: rng.permutation(members)[:MOST_CAPTIONS] for part, members in parts.items()}
        # Others of training, for metrics of real images.
        self.others, self.few = (rng.permutation(parts["right"])[:count] for count in (MOST_CAPTIONS, 20))

    @functools.cached_property
    def generated(self) -> dict[str, np.ndarray]:
        return {
            part: self.model.generate(captions=[self.captions[i] for i in members], seed=0)
            for part, members in self.parts.items()
        }

    @functools.cached_property
    def matching(self) -> "Matching":
        # They import Keras, which the names of the metrics do not need.
        from ganzoo.text.characters import CharacterEncoder
        from ganzoo.text.matching import Matching

        found = Matching(CharacterEncoder(dim=_DIM))
        found.learn(self.images, self.texts, verbose=0, seed=SEED, epochs=EPOCHS)
        return found

    def recognized(self, images: np.ndarray, members: np.ndarray, count: int) -> float:
        """The share of images whose own caption matches best among `count`.

        Args:
            images: uint8.
            members: the index of the real image whose caption each has.
            count: captions to choose from, the image's own among them.
        """
        captions, own = distinct(self.captions)
        similarity = self.matching.similarity(images, captions)
        return right_among(similarity, own[members], count, np.random.default_rng(1))


def _metric(name: str, protocol: str = "", **options: Any) -> Callable:
    return register_metric(name, "text_to_image", protocol=protocol, default=True, **options)


@_metric(
    "caption_recognized",
    f"one image of seed 0 for the first caption of up to {MOST_CAPTIONS} images of training and held out, matched at "
    f"32x32 with captions of all images by an encoder of letters and an image network of seed {SEED} that learned "
    f"from all real images in {EPOCHS} epochs",
    values=("right_of_10", "right_of_100", "held_out_of_10", "held_out_of_100", "real_of_10"),
)
def _caption_recognized(sets: CaptionedSets) -> dict[str, float]:
    found = {
        f"{part}_of_{count}": sets.recognized(images, sets.parts[part], count)
        for part, images in sets.generated.items()
        for count in (10, 100)
    }
    return {**found, "real_of_10": sets.recognized(sets.images[sets.others], sets.others, 10)}


def _in_color(model: Any) -> None:
    if model.image_shape[2] != 3:
        raise GanzooError("this metric looks at colors, and the model generates gray images")


@_metric(
    "colors_obeyed",
    f"colors: {', '.join(HUES)} with {', '.join(_THINGS)}",
    higher_is_better=True,
    requires=_in_color,
)
def _colors_obeyed(sets: CaptionedSets) -> float:
    asked = [(color, f"a {color} {thing}") for color in HUES for thing in _THINGS]
    images = sets.model.generate(captions=[caption for _, caption in asked], seed=0)
    return float(np.mean([has_color(image, color) for image, (color, _) in zip(images, asked)]))


@_metric("variety", "variety of eight images of each of 20 captions", values=("variety", "real_variety"))
def _variety(sets: CaptionedSets) -> dict[str, float]:
    found = [variety(sets.model.generate(8, captions=sets.captions[i], seed=0)) for i in sets.few]
    return {"variety": float(np.mean(found)), "real_variety": variety(sets.images[sets.few])}


@_metric("frechet_distance", "Fréchet distance on the features of that image network (not FID)")
def _frechet_distance(sets: CaptionedSets) -> float:
    images = sets.images, np.concatenate(list(sets.generated.values()))
    return frechet_distance(*(FeatureStatistics.of(Features(sets.matching.vectors(x), "matching")) for x in images))


@_metric("sharpness", requires=has_two_stages, values=("sharpness", "stage1_sharpness"))
def _sharpness(sets: CaptionedSets) -> dict[str, float]:
    """Of Stage-II's images, and of Stage-I's enlarged to the same size."""
    small, large = sets.model.generate_both_stages([sets.captions[i] for i in sets.few], seed=0)
    enlarged = np.stack([resized(image, large.shape[1:3]) for image in small])
    return {"sharpness": sharpness(large), "stage1_sharpness": sharpness(enlarged)}
