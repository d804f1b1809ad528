"""Metrics of avatars generated from captions: which of the attributes in a caption the image shows.

There are two classifiers. `avatars_classifier` may have selected the checkpoint. `avatars_judge`, with another
architecture and trained on other avatars, was not used for any selection; all metrics but two are computed with it.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ganzoo.data import avatars
from ganzoo.data.avatar_attributes import HELD_OUT, NAMES
from ganzoo.data.image_files import resized
from ganzoo.errors import GanzooError
from ganzoo.metrics.extractors import AttributeExtractor, get_extractor
from ganzoo.metrics.features import Features
from ganzoo.metrics.frechet import FeatureStatistics, frechet_distance
from ganzoo.metrics.neighbors import precision_recall
from ganzoo.metrics.registry import register_metric
from ganzoo.metrics.spectrum import spectral_distance
from ganzoo.metrics.text_to_image import (
    attributes_obeyed,
    has_two_stages,
    right_by_attributes,
    variety,
)

TASK = "avatars"
JUDGE, CHOOSER = "avatars_judge", "avatars_classifier"
# Captions to choose from, the image's own among them.
_CHOICES = 10
# Images whose spectra are compared.
_STAGE_SAMPLES = 200
_PAIRS = ", ".join(f"{hair} hair with {clothes} clothes" for hair, clothes in HELD_OUT)


@dataclass(frozen=True)
class Asked:
    """Avatars, the first caption of each, and the attributes that it names.

    Attributes:
        images: real ones, uint8 (count, height, width, channels).
        captions: list of strings.
        said: int8 (count, attributes), -1 for attributes that a caption leaves out.
        own: int8 (count, attributes): the attributes of the avatars.
    """

    images: np.ndarray
    captions: list[str]
    said: np.ndarray
    own: np.ndarray

    @classmethod
    def of(cls, request: avatars.Request, image_shape: tuple[int, int, int]) -> "Asked":
        """The avatars of a request."""
        described = avatars.captions_of(request.place)
        images = avatars.open_images(request.place, image_shape)
        own = request.attributes
        assert own is not None, "a style with captions has attributes"
        return cls(images, [of_one[0] for of_one in described.texts], described.said[:, 0], own)


class AttributeSets:
    """Avatars that a model was not trained on, and its images for their captions; computed on first use.

    Args:
        model: a `TextToImage` model.
        request: the avatars; as many with held-out pairs of colors are added.

    Attributes:
        asked: {"": `Asked` with pairs of colors seen in training, "held_out_": with held-out pairs}.
        generated: {"": images, "held_out_": images} for their captions, uint8.
        judge, chooser: the classifiers.

    Raises:
        GanzooError: images of another size than the classifiers take.
    """

    def __init__(self, model: Any, request: avatars.Request) -> None:
        self.model, self.request = model, replace(request, held_out=False)
        self.judge: Any = get_extractor(JUDGE)
        self.chooser: Any = get_extractor(CHOOSER)
        if not self.judge.takes(model.image_shape):
            raise GanzooError(
                f"{JUDGE} takes images of {self.judge.image_shape}, the model generates {model.image_shape}"
            )

    @functools.cached_property
    def asked(self) -> dict[str, Asked]:
        requests = {"": self.request, "held_out_": replace(self.request, held_out=True)}
        return {prefix: Asked.of(request, self.model.image_shape) for prefix, request in requests.items()}

    @functools.cached_property
    def generated(self) -> dict[str, np.ndarray]:
        return {prefix: self.model.generate(captions=asked.captions, seed=0) for prefix, asked in self.asked.items()}

    @functools.cached_property
    def stages(self) -> tuple[np.ndarray, np.ndarray]:
        """Images of Stage-I and of Stage-II, for the first captions."""
        captions = self.asked[""].captions[: min(_STAGE_SAMPLES, self.request.count // 2)]
        return self.model.generate_both_stages(captions, seed=0)

    @functools.cached_property
    def features(self) -> tuple[Features, Features]:
        """Features of real and of generated images, for pairs of colors seen in training."""
        return self.judge(self.asked[""].images), self.judge(self.generated[""])

    def obeyed(self, classifier: AttributeExtractor, images: np.ndarray, asked: Asked) -> dict[str, float]:
        """{"attributes_obeyed": mean, "obeyed_<attribute>": share} of images, one for each caption.

        Raises:
            GanzooError: too few captions: an attribute is named by none.
        """
        shares = attributes_obeyed(classifier.values(images), asked.said, classifier.attributes)
        if len(shares) < len(NAMES):
            raise GanzooError(f"{self.request.count} avatars are too few: their captions do not name every attribute")
        mean = float(np.mean(list(shares.values())))
        return {"attributes_obeyed": mean, **{f"obeyed_{name}": share for name, share in shares.items()}}

    def recognized(self, images: np.ndarray, asked: Asked) -> float:
        """The share of images whose own caption is rated above nine wrong ones."""
        rng = np.random.default_rng(0)
        return right_by_attributes(self.judge.probabilities(images), asked.said, asked.own, _CHOICES, rng)


def _metric(name: str, protocol: str = "", **options: Any) -> Callable:
    return register_metric(name, TASK, protocol=protocol, default=True, **options)


_OBEYED = ("attributes_obeyed", *(f"obeyed_{name}" for name in NAMES))


@_metric(
    "attributes_obeyed",
    f"attributes that captions name, by {JUDGE}, which was not used to select the checkpoint",
    values=(*_OBEYED, "real_attributes_obeyed"),
    higher_is_better=True,
)
def _attributes_obeyed(sets):
    real = sets.obeyed(sets.judge, sets.asked[""].images, sets.asked[""])["attributes_obeyed"]
    return {**sets.obeyed(sets.judge, sets.generated[""], sets.asked[""]), "real_attributes_obeyed": real}


@_metric(
    "held_out_attributes_obeyed",
    f"held out of training: {_PAIRS}",
    values=tuple(f"held_out_{name}" for name in _OBEYED),
    higher_is_better=True,
)
def _held_out_attributes_obeyed(sets):
    found = sets.obeyed(sets.judge, sets.generated["held_out_"], sets.asked["held_out_"])
    return {f"held_out_{name}": share for name, share in found.items()}


@_metric(
    "caption_recognized",
    f"how often {JUDGE} rates an image's own caption above {_CHOICES - 1} wrong ones",
    values=("right_of_10", "held_out_of_10", "real_of_10"),
)
def _caption_recognized(sets):
    seen, held_out = (sets.recognized(sets.generated[prefix], asked) for prefix, asked in sets.asked.items())
    real = sets.recognized(sets.asked[""].images, sets.asked[""])
    return dict(right_of_10=seen, held_out_of_10=held_out, real_of_10=real)


@_metric("frechet_distance", f"Fréchet distance on {JUDGE} features (not FID)")
def _frechet_distance(sets):
    return frechet_distance(*map(FeatureStatistics.of, sets.features))


@_metric(
    "precision_recall", f"precision and recall with 3 neighbors on {JUDGE} features", values=("precision", "recall")
)
def _precision_recall(sets):
    return dict(zip(("precision", "recall"), precision_recall(*sets.features)))


@_metric(
    "variety", "variety of eight images of each of 20 captions, in gray levels", values=("variety", "real_variety")
)
def _variety(sets):
    asked = sets.asked[""]
    found = [variety(sets.model.generate(8, captions=caption, seed=0)) for caption in asked.captions[:20]]
    return {"variety": float(np.mean(found)), "real_variety": variety(asked.images[:20])}


@_metric(
    "stages",
    f"of {_STAGE_SAMPLES} images of both stages: attributes kept, by {JUDGE}; distance of power spectra from real "
    "images, in decibels, above half of Stage-I's highest frequency, of Stage-II, of Stage-I enlarged by bicubic "
    "interpolation, and of other real images",
    requires=has_two_stages,
    values=("attributes_kept", "spectral_distance", "stage1_spectral_distance", "real_spectral_distance"),
)
def _stages(sets):
    small, large = sets.stages
    enlarged = np.stack([resized(image, large.shape[1:3]) for image in small])
    images = sets.asked[""].images
    real, others = images[: len(large)], images[len(large) : 2 * len(large)]
    above = small.shape[1] // 4
    return {
        "attributes_kept": float(np.mean(sets.judge.values(small) == sets.judge.values(large))),
        "spectral_distance": spectral_distance(others, large, above),
        "stage1_spectral_distance": spectral_distance(others, enlarged, above),
        "real_spectral_distance": spectral_distance(others, real, above),
    }


@_metric(
    "by_classifier",
    f"the same by {CHOOSER}, which may have been used to select the checkpoint",
    values=("classifier_attributes_obeyed", "classifier_frechet_distance"),
)
def _by_classifier(sets):
    asked, generated = sets.asked[""], sets.generated[""]
    distance = frechet_distance(*(sets.chooser.statistics(images) for images in (asked.images, generated)))
    obeyed = sets.obeyed(sets.chooser, generated, asked)["attributes_obeyed"]
    return dict(classifier_attributes_obeyed=obeyed, classifier_frechet_distance=distance)
