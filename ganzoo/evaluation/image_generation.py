"""Models that generate images from noise: how close their images are to real ones."""

import hashlib
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from ganzoo.classes import class_numbers
from ganzoo.data.sources import open_images
from ganzoo.errors import GanzooError
from ganzoo.evaluation.report import Evaluation, short
from ganzoo.metrics import get_extractor
from ganzoo.metrics.extractors import AttributeExtractor, Extractor
from ganzoo.metrics.image_sets import ImageSets
from ganzoo.metrics.linear import linear_accuracy
from ganzoo.metrics.registry import chosen_metrics, clauses_of, compute, get_metric, rounded

# The fewest images from which all metrics can be computed: coverage uses 5 neighbors of each real image, and the
# Inception Score splits the generated images into 10 parts.
_LEAST_REAL, _LEAST_GENERATED = 6, 10
# Images generated at once.
_BATCH = 250

# `evaluate` needs a feature extractor.
TAKES_EXTRACTOR = True


def baseline(model: Any, data: str, metrics: Sequence[str] | None = None) -> None:
    """None: without a model there are no generated images."""
    return None


def evaluate(
    model: Any,
    data: str,
    extractor: Any,
    samples: int = 10_000,
    upscale: bool = False,
    metrics: Sequence[str] | None = None,
    name: str = "model",
    classifier: Any = None,
) -> Evaluation:
    """Measures a model that generates images from noise.

    Args:
        model: a trained `ImageGeneration` model.
        data: source of real images, e.g. "idx:t10k-images-idx3-ubyte.gz".
        extractor: feature extractor: a name, or anything `ganzoo.metrics.get_extractor` accepts.
        samples: number of images to generate, with seed 0.
        upscale: upscale real images that are smaller than the model's.
        metrics: names of metrics. By default `frechet_distance`, `kernel_distance`, `precision_recall` and
            `density_coverage`; if the extractor classifies, also `inception_score` and `classes_covered`; for a
            class-conditional model, also `class_accuracy`, the share of images assigned to their requested class.
            For a model with a likelihood, also `negative_log_likelihood` (and `bits_per_dimension` of 8-bit images),
            and for a VAE `elbo`. A classifier of attributes classifies if the model's classes are the values of one of
            them. `sharpness`, `samples_per_second` and `classifier_frechet_distance` are reported where they are named.
        name: name of the model, for tables.
        classifier: a second feature extractor, for `classifier_frechet_distance`.

    Returns:
        An `Evaluation`.

    Raises:
        GanzooError: images of a shape that the extractor does not accept; fewer than 6 real images or 10 samples; an
            unknown metric; an unusable source.
    """
    if samples < _LEAST_GENERATED:
        raise GanzooError(f"samples must be at least {_LEAST_GENERATED}, got {samples}: metrics compare sets of images")
    if extractor is None:
        raise GanzooError("no feature extractor is set: choose one with --extractor, e.g. mnist_classifier")
    found = _extractor_of(model, extractor)
    second = _extractor_of(model, classifier) if classifier else None
    real = open_images(data, model.image_shape, upscale=upscale).images
    if len(real) < _LEAST_REAL:
        raise GanzooError(
            f"{short(data)} has too few images, {len(real)}: metrics compare sets of images; give at least "
            f"{_LEAST_REAL}, and thousands for meaningful values"
        )
    # generate() without labels cycles through all classes.
    labels = model.labels(samples) if hasattr(model, "labels") else None
    chosen = chosen_metrics("image_generation", metrics, found, labels is not None, model)
    if second is None and any(metric.name == "classifier_frechet_distance" for metric in chosen):
        raise GanzooError("classifier_frechet_distance needs a second feature extractor, `classifier`")
    timed = any(metric.name == "samples_per_second" for metric in chosen)
    if timed:
        # The first call compiles.
        model.generate(min(samples, _BATCH), seed=0, batch_size=_BATCH)
    start = time.perf_counter()
    generated = model.generate(samples, seed=0, batch_size=_BATCH)
    speed = samples / (time.perf_counter() - start) if timed else None
    values = compute(chosen, ImageSets(real, generated, found, labels, model, second, speed))
    digest = hashlib.sha256(np.ascontiguousarray(real).tobytes()).hexdigest()[:8]
    protocol = (
        f"{found.name} features{'' if found.name == 'inception_v3' else ' (not Inception, not FID)'}, {found.resizer}: "
        f"{samples:,} samples of seed 0, averaged generator, against {len(real):,} images of {short(data)} "
        f"({digest}){', enlarged' if upscale else ''}; {model.image_shape[0]}x{model.image_shape[1]}, "
        f"{'gray' if model.image_shape[2] == 1 else 'RGB'}, uint8, no crop"
    )
    clauses = clauses_of(chosen)
    if "classifier_frechet_distance" in values and second:
        clauses = (f"classifier Fréchet distance on {second.name} features", *clauses)
    return Evaluation(name, protocol + "".join(f"; {clause}" for clause in clauses), rounded(values), clauses)


def metrics_of(model: Any, metrics: Sequence[str], extractor: Any) -> list[str]:
    """Those of the named metrics that a model has: not all have a likelihood, or classes.

    Raises:
        GanzooError: an unknown metric or extractor.
    """
    known = (_extractor_of(model, extractor), hasattr(model, "labels"), model)
    return [name for name in metrics if get_metric(name, "image_generation").usable(*known)]


def _extractor_of(model: Any, name: Any) -> Extractor:
    """An extractor for the images of a model."""
    found = get_extractor(name)
    if isinstance(found, AttributeExtractor):
        found = found.for_classes(getattr(model, "class_names", ()))
    if not found.takes(model.image_shape):
        raise GanzooError(f"{found.name} takes images of {found.image_shape}, the model generates {model.image_shape}")
    return found


def probe(
    model: Any, train: str, test: str, examples: int = 10_000, upscale: bool = False
) -> tuple[str, dict[str, float]]:
    """The accuracy of a linear classifier on the discriminator's features and, for comparison, on raw pixels.

    Args:
        model: a trained `ImageGeneration` model whose discriminator takes images only.
        train, test: sources of labeled images, e.g. "idx:train-images-idx3-ubyte.gz".
        examples: number of training images, chosen at random with seed 0; all if there are fewer.
        upscale: upscale images that are smaller than the model's.

    Returns:
        (protocol, metrics): a sentence, and {"features": accuracy, "pixels": accuracy}.

    Raises:
        GanzooError: images without labels; an unusable source.

    Example:
        model = ganzoo.create("dcgan", image_shape=(16, 16, 1), width=4)
        protocol, metrics = ganzoo.evaluation.probe(model, "digits", "digits", examples=20, upscale=True)
    """
    if examples < 2:
        raise GanzooError(f"examples must be at least 2, got {examples}")
    sets = [open_images(source, model.image_shape, upscale=upscale, with_labels=True) for source in (train, test)]
    for source, images in zip((train, test), sets):
        if images.labels is None:
            raise GanzooError(f"the images of {short(source)} have no labels")
    if len(sets[0].images) < 2:
        raise GanzooError(f"{short(train)} has 1 image: a classifier needs at least 2 to learn from")
    chosen = np.random.default_rng(0).permutation(len(sets[0].images))[:examples]
    train_labels, test_labels = (
        class_numbers(images.labels, where=f"the labels of {short(source)}")
        for source, images in zip((train, test), sets)
    )
    train_images, train_labels = sets[0].images[chosen], train_labels[chosen]
    test_images = sets[1].images
    views = {
        "features": model.features,
        "pixels": lambda images: images.reshape(len(images), -1).astype("float32"),
    }
    metrics = {
        name: round(linear_accuracy(view(train_images), train_labels, view(test_images), test_labels), 4)
        for name, view in views.items()
    }
    protocol = (
        f"ridge classifier on {len(chosen):,} images of {short(train)}, its strength chosen on a fifth "
        f"of them; accuracy on {len(test_images):,} images of {short(test)}"
    )
    return protocol, metrics
