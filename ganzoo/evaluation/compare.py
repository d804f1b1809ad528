"""Models measured on real data, one or several under one protocol."""

import importlib

from ganzoo import presets, registry
from ganzoo.errors import GanzooError
from ganzoo.evaluation.report import comparable
from ganzoo.metrics import get_extractor


def evaluation_of(model):
    """The module that evaluates models of a model's task.

    It has the functions `evaluate(model, data, extractor, samples, upscale, name)` and `baseline(model, data)`, which
    gives the `Evaluation` of what anybody has without a model, or None.

    Raises:
        GanzooError: the model's task has none.
    """
    return _module(model.evaluation, model.model_name or type(model).__name__)


def _module(evaluation, name):
    if evaluation is None:
        raise GanzooError(f"there is no evaluation of {name}: its task names none")
    return importlib.import_module(evaluation) if isinstance(evaluation, str) else evaluation


def evaluate(model, data, extractor=None, samples=10_000, upscale=False, name="model"):
    """Measures a trained model on real data.

    Args:
        model: a trained `ZooModel`.
        data: source of images kept from training, e.g. "idx:t10k-images-idx3-ubyte.gz" or "folder:Set5"; of
            pairs of speech for models that enhance it.
        extractor, samples, upscale: for models that draw, see `ganzoo.evaluation.image_generation.evaluate`.
        name: of the model, for tables.

    Returns:
        An `Evaluation`; the modules of `ganzoo.evaluation` say what its metrics are, one for each task.

    Raises:
        GanzooError: what does not fit the model, or anything wrong with the data.

    Example:
        found = ganzoo.evaluation.evaluate(model, "idx:t10k-images-idx3-ubyte.gz", "mnist_classifier")
        print(found.metrics["frechet_distance"], found.protocol)
    """
    return evaluation_of(model).evaluate(model, data, extractor=extractor, samples=samples, upscale=upscale, name=name)


def evaluate_presets(names, data, extractor=None, samples=10_000, upscale=False):
    """`evaluate` of presets, `.keras` files and run folders under one protocol.

    Args:
        names: what `ganzoo.load` takes, one or several.
        extractor: as `evaluate`; a preset's and a run's own if not given.
        data, samples, upscale: as `evaluate`.

    Returns:
        A list of `Evaluation`, all of the same protocol.

    Raises:
        GanzooError: models whose own extractors or image sizes differ: their metrics say nothing beside each other.
    """
    # Before any model is loaded.
    modules = [
        _module(registry.declared(found, "evaluation"), found)
        for found in (presets.model_of(name, trained=True) for name in names)
    ]
    if any(module is not modules[0] for module in modules):
        raise GanzooError(f"{', '.join(map(str, names))} are of different tasks: their metrics are not compared")
    module = modules[0]
    takes_extractor = getattr(module, "TAKES_EXTRACTOR", False)
    if extractor:
        if not takes_extractor:
            raise GanzooError("--extractor is for models that generate images: others have metrics of their own")
        get_extractor(extractor)
    models = [presets.load(name) for name in names]
    if not takes_extractor:
        baseline = module.baseline(models[0], data)
        found = [baseline] if baseline is not None else []
        found += [evaluate(model, data, name=str(name)) for model, name in zip(models, names)]
        return comparable(found)
    configs = [presets.config_of(name) for name in names]
    chosen = [extractor or (config and config.evaluation.extractor) for config in configs]
    if len(set(chosen)) > 1:
        raise GanzooError(
            f"{', '.join(map(str, names))} are measured with {' and '.join(sorted(map(str, set(chosen))))}: metrics of "
            "different protocols are not compared; name one for all with --extractor"
        )
    enlarged = [upscale or bool(config and config.data.get("upscale")) for config in configs]
    found = [
        evaluate(model, data, one, samples, larger, str(name))
        for model, one, larger, name in zip(models, chosen, enlarged, names)
    ]
    return comparable(found)
