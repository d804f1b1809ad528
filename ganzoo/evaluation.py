"""The figures of a trained model against real pictures, and the protocol they were measured under."""

from pathlib import Path

from ganzoo import presets
from ganzoo.data.sources import open_pictures
from ganzoo.errors import GanzooError
from ganzoo.metrics import FeatureStatistics, classes_covered, frechet_distance, get_extractor
from ganzoo.metrics.cache import cached_statistics


def evaluate(model, data, extractor, samples=10_000, upscale=False):
    """Measures a model that draws pictures from noise.

    Args:
        model: a trained `AdversarialModel`.
        data: source of real pictures, e.g. "idx:t10k-images-idx3-ubyte.gz".
        extractor: name of the feature extractor.
        samples: pictures drawn, from seed 0.
        upscale: enlarge real pictures that are smaller than the model's.

    Returns:
        (protocol, figures): a sentence, and {name: number}: `frechet_distance`; `classes_covered`, as the extractor
            classifies; for a model with labels `class_accuracy`, the share of pictures taken for what was asked.

    Raises:
        GanzooError: pictures of another shape than the extractor takes; anything wrong with the source.
    """
    if extractor is None:
        raise GanzooError("no feature extractor is set: name one with --extractor, e.g. mnist_classifier")
    taken = get_extractor(extractor)
    if taken.image_shape != model.image_shape:
        raise GanzooError(f"{extractor} takes pictures of {taken.image_shape}, the model draws {model.image_shape}")
    real = open_pictures(data, model.image_shape, upscale=upscale).images
    drawn = model.generate(samples, seed=0, batch_size=250)
    features, logits = taken(drawn)
    statistics = FeatureStatistics.of(features, taken.name)
    figures = {
        "frechet_distance": round(frechet_distance(cached_statistics(taken, real), statistics), 2),
        "classes_covered": classes_covered(logits),
    }
    if hasattr(model, "labels"):
        # Without labels asked for, generate() draws all classes in turn.
        figures["class_accuracy"] = round(float((logits.argmax(axis=1) == model.labels(samples)).mean()), 4)
    protocol = (
        f"Fréchet distance with {extractor} features (not Inception, not FID): {samples:,} samples of seed 0, "
        f"averaged generator, against {len(real):,} pictures of {_short(data)}; {model.image_shape[0]}x"
        f"{model.image_shape[1]}, {'grey' if model.image_shape[2] == 1 else 'RGB'}, uint8, no crop"
        f"{', real pictures enlarged' if upscale else ', no resizing'}"
    )
    return protocol, figures


def evaluate_preset(name, data, extractor=None, samples=10_000, upscale=False):
    """`evaluate` of a preset, a `.keras` file or a run folder; a preset and a run bring their own extractor."""
    config = presets.config_of(name)
    if config is not None:
        extractor = extractor or config.evaluation.extractor
        upscale = upscale or bool(config.data.get("upscale"))
    return evaluate(presets.load(name), data, extractor, samples, upscale)


def _short(source):
    """A source without the folders of the machine it lies on."""
    scheme, _, place = source.partition(":")
    return f"{scheme}:{Path(place).name}" if scheme in ("folder", "idx", "npz") else source
