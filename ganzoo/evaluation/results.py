"""What was measured of a model, and which figures may stand beside each other."""

import importlib
from dataclasses import dataclass
from pathlib import Path

from ganzoo import presets, registry
from ganzoo.errors import GanzooError
from ganzoo.metrics import get_extractor

# The room that measures models of each kind of data.
_ROOMS = {"images": "drawn", "labelled": "drawn", "pairs": "upscaled", "speech": "enhanced", "captions": "captioned"}


@dataclass(frozen=True)
class Evaluation:
    """What was measured of a model, and how.

    Attributes:
        name: of the model.
        protocol: a sentence: what the figures depend on besides the model.
        figures: {name: number}.
    """

    name: str
    protocol: str
    figures: dict


def evaluate(model, data, extractor=None, samples=10_000, upscale=False, name="model"):
    """Measures a trained model on real data.

    Args:
        model: a trained `AdversarialModel`.
        data: source of pictures kept from training, e.g. "idx:t10k-images-idx3-ubyte.gz" or "folder:Set5"; of
            pairs of speech for models that enhance it.
        extractor, samples, upscale: for models that draw, see `ganzoo.evaluation.drawn.evaluate`.
        name: of the model, for tables.

    Returns:
        An `Evaluation`; what its figures are say `ganzoo.evaluation.drawn`, `upscaled`, `enhanced` and `captioned`.

    Raises:
        GanzooError: what does not fit the model, or anything wrong with the data.

    Example:
        found = ganzoo.evaluation.evaluate(model, "idx:t10k-images-idx3-ubyte.gz", "mnist_classifier")
        print(found.figures["frechet_distance"], found.protocol)
    """
    room = importlib.import_module(f"ganzoo.evaluation.{_ROOMS[model.data_kind]}")
    return room.evaluate(model, data, extractor=extractor, samples=samples, upscale=upscale, name=name)


def evaluate_presets(names, data, extractor=None, samples=10_000, upscale=False):
    """`evaluate` of presets, `.keras` files and run folders under one protocol.

    Args:
        names: what `ganzoo.load` takes, one or several.
        extractor: as `evaluate`; a preset's and a run's own if not given.
        data, samples, upscale: as `evaluate`.

    Returns:
        A list of `Evaluation`, all of the same protocol.

    Raises:
        GanzooError: models whose own extractors or picture sizes differ: their figures say nothing beside each other.
    """
    # Before any model is loaded.
    rooms = {_ROOMS[registry.data_kind(presets.model_of(name, trained=True))] for name in names}
    if len(rooms) > 1:
        raise GanzooError(f"{', '.join(map(str, names))} are of different kinds: their figures are not compared")
    if rooms != {"drawn"} and extractor:
        raise GanzooError("--extractor is for models that draw: others have measures of their own")
    if extractor:
        get_extractor(extractor)
    models = [presets.load(name) for name in names]
    if rooms != {"drawn"}:
        found = _baseline(models[0], data)
        found += [evaluate(model, data, name=str(name)) for model, name in zip(models, names)]
        return comparable(found)
    configs = [presets.config_of(name) for name in names]
    chosen = [extractor or (config and config.evaluation.extractor) for config in configs]
    if len(set(chosen)) > 1:
        raise GanzooError(
            f"{', '.join(map(str, names))} are measured with {' and '.join(sorted(map(str, set(chosen))))}: figures of "
            "different protocols are not compared; name one for all with --extractor"
        )
    enlarged = [upscale or bool(config and config.data.get("upscale")) for config in configs]
    found = [
        evaluate(model, data, one, samples, larger, str(name))
        for model, one, larger, name in zip(models, chosen, enlarged, names)
    ]
    return comparable(found)


def _baseline(model, data):
    """[the figures of what anybody has without a model]; empty where there is no such thing."""
    if model.data_kind == "pairs":
        from ganzoo.evaluation.upscaled import evaluate_bicubic

        return [evaluate_bicubic(model.scale, data)]
    if model.data_kind == "speech":
        from ganzoo.evaluation.enhanced import evaluate_noisy

        return [evaluate_noisy(model.sample_rate, data)]
    return []


def comparable(evaluations):
    """The evaluations, if all are of one protocol.

    Raises:
        GanzooError: two protocols, both named.
    """
    for other in evaluations[1:]:
        if other.protocol != evaluations[0].protocol:
            raise GanzooError(
                "figures of different protocols are not compared:\n"
                f"  {evaluations[0].name}: {evaluations[0].protocol}\n  {other.name}: {other.protocol}"
            )
    return evaluations


def short(source):
    """A source without the folders of the machine it lies on."""
    scheme, _, place = source.partition(":")
    return f"{scheme}:{Path(place).name}" if scheme in ("captions", "folder", "idx", "npz") else source
