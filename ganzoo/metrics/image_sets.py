"""Metrics that compare a set of generated images with a set of real images."""

import functools
from typing import Any

import numpy as np

from ganzoo.errors import GanzooError
from ganzoo.metrics.cache import cached_features, cached_statistics
from ganzoo.metrics.coverage import classes_covered
from ganzoo.metrics.extractors import Extractor
from ganzoo.metrics.features import Features
from ganzoo.metrics.frechet import FeatureStatistics, frechet_distance
from ganzoo.metrics.inception_score import inception_score
from ganzoo.metrics.kernel import kernel_distance
from ganzoo.metrics.neighbors import density_coverage, precision_recall
from ganzoo.metrics.registry import read_only, register_metric
from ganzoo.metrics.spectrum import sharpness

# Images per set for metrics that compare every pair of feature vectors.
_MOST_NEIGHBORS = 10_000
# Images whose likelihood is estimated, which takes hundreds of forward passes.
_MOST_LIKELIHOODS = 2_000


class ImageSets:
    """Real and generated images; their features are computed on first use.

    Args:
        real: uint8 (count, height, width, channels).
        generated: uint8 (count, height, width, channels); the count may differ.
        extractor: a `ganzoo.metrics.Extractor` that accepts such images.
        labels: int (count,), the class each generated image was generated for; None if no classes were given.
        model: the model that generated the images, for metrics of its likelihood; None if there is none.
        classifier: a second extractor, for `classifier_frechet_distance`; None if there is none.
        samples_per_second: how fast the model generated the images; None if that was not measured.

    Attributes:
        real, generated: as given, read-only.
        extractor, labels, model, classifier, samples_per_second: as given.
        real_statistics, generated_statistics: `FeatureStatistics` of all images.
        generated_features: `Features` of all generated images.
        neighbors: (real, generated) `Features` of equally many images of each set, at most 10,000.

    Example:
        real, generated = np.random.default_rng(0).integers(0, 256, (2, 20, 28, 28, 1), "uint8")
        sets = ganzoo.metrics.ImageSets(real, generated, ganzoo.metrics.get_extractor("mnist_classifier"))
        distance = ganzoo.metrics.get_metric("frechet_distance", "image_generation")(sets)
    """

    def __init__(
        self,
        real: np.ndarray,
        generated: np.ndarray,
        extractor: Extractor,
        labels: np.ndarray | None = None,
        model: Any = None,
        classifier: Extractor | None = None,
        samples_per_second: float | None = None,
    ) -> None:
        # Backends warn of arrays that cannot be written, so that features are computed on the arrays themselves.
        self._real, self._generated = real, generated
        self.real, self.generated = read_only(real), read_only(generated)
        self.extractor, self.labels, self.model = extractor, labels, model
        self.classifier, self.samples_per_second = classifier, samples_per_second

    @functools.cached_property
    def generated_features(self) -> Features:
        return self.extractor(self._generated)

    @functools.cached_property
    def generated_statistics(self) -> FeatureStatistics:
        return FeatureStatistics.of(self.generated_features)

    @functools.cached_property
    def real_statistics(self) -> FeatureStatistics:
        return cached_statistics(self.extractor, self._real)

    @functools.cached_property
    def classifier_statistics(self) -> tuple[FeatureStatistics, FeatureStatistics]:
        """Those of all real and of all generated images, by the second extractor."""
        assert self.classifier is not None
        generated = FeatureStatistics.of(self.classifier(self._generated))
        return cached_statistics(self.classifier, self._real), generated

    @functools.cached_property
    def log_likelihoods(self) -> np.ndarray:
        """log p(x) of at most 2,000 real images, in nats."""
        count = min(len(self.real), _MOST_LIKELIHOODS)
        return self.model.log_likelihood(self._real[np.arange(count) * len(self.real) // count])

    @functools.cached_property
    def neighbors(self) -> tuple[Features, Features]:
        count = min(len(self.real), len(self.generated), _MOST_NEIGHBORS)
        chosen = np.sort(np.random.default_rng(0).choice(len(self.real), count, replace=False))
        return cached_features(self.extractor, self._real[chosen]), self.generated_features.first(count)


def _image_metric(name: str, protocol: str = "", **options: Any) -> Any:
    return register_metric(name, "image_generation", protocol=protocol, default=True, **options)


@_image_metric("frechet_distance")
def _frechet_distance(sets: ImageSets) -> float:
    return frechet_distance(sets.real_statistics, sets.generated_statistics)


@_image_metric("kernel_distance", "kernel distance over 100 subsets of 1,000")
def _kernel_distance(sets: ImageSets) -> float:
    return kernel_distance(*sets.neighbors)[0]


@_image_metric(
    "precision_recall",
    "precision and recall with 3 neighbors among at most 10,000 images of each set",
    values=("precision", "recall"),
)
def _precision_recall(sets: ImageSets) -> dict[str, float]:
    return dict(zip(("precision", "recall"), precision_recall(*sets.neighbors)))


@_image_metric(
    "density_coverage", "density and coverage with 5 neighbors among as many", values=("density", "coverage")
)
def _density_coverage(sets: ImageSets) -> dict[str, float]:
    return dict(zip(("density", "coverage"), density_coverage(*sets.neighbors)))


def _logits_of(sets: ImageSets) -> np.ndarray:
    """The logits of the generated images; `_logits` has checked that there are any."""
    assert sets.generated_features.logits is not None
    return sets.generated_features.logits


def _logits(extractor: Extractor, has_labels: bool, model: Any = None) -> None:
    if not extractor.classifies:
        raise GanzooError(f"the extractor {extractor.name} returns no logits, which this metric needs")


def _logits_and_labels(extractor: Extractor, has_labels: bool, model: Any = None) -> None:
    _logits(extractor, has_labels)
    if not has_labels:
        raise GanzooError("the model generates no classes, so it has no class accuracy")


@_image_metric("inception_score", "Inception Score in 10 splits", higher_is_better=True, requires=_logits)
def _inception_score(sets: ImageSets) -> float:
    return inception_score(sets.generated_features)[0]


@_image_metric("classes_covered", higher_is_better=True, requires=_logits)
def _classes_covered(sets: ImageSets) -> int:
    return classes_covered(_logits_of(sets))


@_image_metric("class_accuracy", higher_is_better=True, requires=_logits_and_labels)
def _class_accuracy(sets: ImageSets) -> float:
    """The share of images that the extractor assigns to the class they were generated for."""
    return float((_logits_of(sets).argmax(axis=1) == sets.labels).mean())


def _bound(extractor: Extractor, has_labels: bool, model: Any = None) -> None:
    if not hasattr(model, "elbo"):
        raise GanzooError("the model has no evidence lower bound")


def _likelihood(extractor: Extractor, has_labels: bool, model: Any = None) -> None:
    if not hasattr(model, "log_likelihood"):
        raise GanzooError("the model has no likelihood")


def _discrete(extractor: Extractor, has_labels: bool, model: Any = None) -> None:
    _likelihood(extractor, has_labels, model)
    if not model.likelihood.is_discrete:
        raise GanzooError(f"the likelihood '{model.likelihood.name}' is not that of 8-bit images")


@_image_metric(
    "elbo",
    "negative ELBO of all images, one latent of seed 0 for each, in nats",
    values=("negative_elbo", "reconstruction", "kl"),
    requires=_bound,
)
def _elbo(sets: ImageSets) -> dict[str, float]:
    elbo, log_p, kl = (float(part.mean()) for part in sets.model.elbo(sets._real))
    return {"negative_elbo": -elbo, "reconstruction": -log_p, "kl": kl}


@_image_metric(
    "negative_log_likelihood",
    f"negative log-likelihood of at most {_MOST_LIKELIHOODS:,} images, evenly spaced, in nats (of a VAE from 500 "
    "importance samples for each, of a PixelCNN exact)",
    requires=_likelihood,
)
def _negative_log_likelihood(sets: ImageSets) -> float:
    return -float(sets.log_likelihoods.mean())


@_image_metric("bits_per_dimension", "bits per dimension of the same images", requires=_discrete)
def _bits_per_dimension(sets: ImageSets) -> float:
    return -float(sets.log_likelihoods.mean()) / (np.prod(sets.real.shape[1:]) * np.log(2.0))


# Reported where they are named.


def _square(extractor: Extractor, has_labels: bool, model: Any = None) -> None:
    shape = getattr(model, "image_shape", None)
    if shape and shape[0] != shape[1]:
        raise GanzooError(f"sharpness is measured on square images, those of the model are {shape[0]}x{shape[1]}")


@register_metric(
    "sharpness",
    "image_generation",
    protocol="sharpness: share of the power above half the Nyquist frequency, and its ratio to that of the real images",
    values=("sharpness", "real_sharpness", "sharpness_ratio"),
    higher_is_better=True,
    requires=_square,
)
def _sharpness(sets: ImageSets) -> dict[str, float]:
    generated, real = sharpness(sets.generated), sharpness(sets.real)
    if not real:
        raise GanzooError("the real images have no edges: the sharpness of others cannot be compared with theirs")
    return {"sharpness": generated, "real_sharpness": real, "sharpness_ratio": generated / real}


@register_metric("classifier_frechet_distance", "image_generation")
def _classifier_frechet_distance(sets: ImageSets) -> float:
    if sets.classifier is None:
        raise GanzooError("classifier_frechet_distance needs a second feature extractor, `classifier`")
    return frechet_distance(*sets.classifier_statistics)


@register_metric(
    "samples_per_second",
    "image_generation",
    protocol="samples per second in batches of 250, after a warm-up, on the machine that measures",
    higher_is_better=True,
)
def _samples_per_second(sets: ImageSets) -> float:
    if sets.samples_per_second is None:
        raise GanzooError("the time to generate the images was not measured")
    return sets.samples_per_second
