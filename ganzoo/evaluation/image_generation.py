"""Models that draw from noise: how far what they draw is from real images."""

import hashlib

import numpy as np

from ganzoo.classes import class_numbers
from ganzoo.data.sources import open_images
from ganzoo.errors import GanzooError
from ganzoo.evaluation.report import Evaluation, short
from ganzoo.metrics import (
    FeatureStatistics,
    classes_covered,
    density_coverage,
    frechet_distance,
    get_extractor,
    inception_score,
    kernel_distance,
    precision_recall,
)
from ganzoo.metrics.cache import cached_features, cached_statistics
from ganzoo.metrics.linear import linear_accuracy

# The fewest images that all metrics can be computed of: coverage looks at 5 neighbors of each real image, the Inception
# Score splits the generated ones into 10 parts.
_LEAST_REAL, _LEAST_GENERATED = 6, 10
# Of the real images, for the metrics that compare every pair of vectors.
_MOST_NEIGHBORS = 10_000


# `evaluate` is asked for an extractor of features.
TAKES_EXTRACTOR = True


def baseline(model, data):
    """None: there are no generated images without a model."""
    return None


def evaluate(model, data, extractor, samples=10_000, upscale=False, name="model"):
    """Measures a model that draws images from noise.

    Args:
        model: a trained `ImageGeneration` model.
        data: source of real images, e.g. "idx:t10k-images-idx3-ubyte.gz".
        extractor: of features; a name, or anything `ganzoo.metrics.get_extractor` takes.
        samples: images drawn, from seed 0.
        upscale: enlarge real images that are smaller than the model's.
        name: of the model, for tables.

    Returns:
        An `Evaluation` with `frechet_distance`, `kernel_distance`, `precision`, `recall`, `density`, `coverage`;
        where the extractor classifies `inception_score` and `classes_covered`; for a model with labels
        `class_accuracy`, the share of images taken for what was asked.

    Raises:
        GanzooError: images of another shape than the extractor takes; fewer than 6 real images or 10 samples;
            anything wrong with the source.
    """
    if samples < _LEAST_GENERATED:
        raise GanzooError(f"samples must be at least {_LEAST_GENERATED}, got {samples}: metrics compare sets of images")
    if extractor is None:
        raise GanzooError("no feature extractor is set: name one with --extractor, e.g. mnist_classifier")
    taken = get_extractor(extractor)
    if not taken.takes(model.image_shape):
        raise GanzooError(f"{taken.name} takes images of {taken.image_shape}, the model draws {model.image_shape}")
    real = open_images(data, model.image_shape, upscale=upscale).images
    if len(real) < _LEAST_REAL:
        raise GanzooError(
            f"{short(data)} has too few images, {len(real)}: metrics compare sets of images; give at least "
            f"{_LEAST_REAL}, and some thousands for numbers that mean anything"
        )
    drawn = taken(model.generate(samples, seed=0, batch_size=250))
    statistics = cached_statistics(taken, real)
    compared = min(len(real), samples, _MOST_NEIGHBORS)
    chosen = np.sort(np.random.default_rng(0).choice(len(real), compared, replace=False))
    neighbors = cached_features(taken, real[chosen]), drawn.first(compared)
    precision, recall = precision_recall(*neighbors)
    density, coverage = density_coverage(*neighbors)
    metrics = {
        "frechet_distance": round(frechet_distance(statistics, FeatureStatistics.of(drawn)), 2),
        "kernel_distance": _rounded(kernel_distance(*neighbors)[0]),
        "precision": round(precision, 3),
        "recall": round(recall, 3),
        "density": round(density, 3),
        "coverage": round(coverage, 3),
    }
    if drawn.logits is not None:
        metrics["inception_score"] = round(inception_score(drawn)[0], 3)
        metrics["classes_covered"] = classes_covered(drawn.logits)
        if hasattr(model, "labels"):
            # Without labels asked for, generate() draws all classes in turn.
            asked = model.labels(samples)
            metrics["class_accuracy"] = round(float((drawn.logits.argmax(axis=1) == asked).mean()), 4)
    digest = hashlib.sha256(np.ascontiguousarray(real).tobytes()).hexdigest()[:8]
    protocol = (
        f"{taken.name} features{'' if taken.name == 'inception_v3' else ' (not Inception, not FID)'}, {taken.resizer}: "
        f"{samples:,} samples of seed 0, averaged generator, against {len(real):,} images of {short(data)} "
        f"({digest}){', enlarged' if upscale else ''}; {model.image_shape[0]}x{model.image_shape[1]}, "
        f"{'gray' if model.image_shape[2] == 1 else 'RGB'}, uint8, no crop; neighbors among {compared:,}: precision "
        "and recall 3, density and coverage 5; kernel distance 100 subsets of 1,000; score in 10 splits"
    )
    return Evaluation(name, protocol, metrics)


def probe(model, train, test, examples=10_000, upscale=False):
    """How far a linear classifier gets on the discriminator's features, and on raw pixels.

    Args:
        model: a trained `ImageGeneration` model whose discriminator takes images alone.
        train, test: sources of labelled images, e.g. "idx:train-images-idx3-ubyte.gz".
        examples: training images, drawn with seed 0; all if there are fewer.
        upscale: enlarge images that are smaller than the model's.

    Returns:
        (protocol, metrics): a sentence, and {"features": accuracy, "pixels": accuracy}.

    Raises:
        GanzooError: images without labels; anything wrong with the sources.

    Example:
        train, test = "idx:train-images-idx3-ubyte.gz", "idx:t10k-images-idx3-ubyte.gz"
        protocol, metrics = ganzoo.evaluation.probe(model, train, test)
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


def _rounded(number):
    """To four significant digits: kernel distances are small."""
    return float(f"{number:.4g}")
