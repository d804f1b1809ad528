"""Evaluation of one model on real data, or of several under the same protocol."""

import importlib
from collections.abc import Sequence
from typing import Any

from ganzoo import presets, registry
from ganzoo.errors import GanzooError
from ganzoo.evaluation.report import Evaluation, comparable
from ganzoo.metrics import get_extractor
from ganzoo.types import PathLike


def evaluation_of(model: Any) -> Any:
    """The module that evaluates models of a model's task.

    It has the functions `evaluate(model, data, extractor, samples, upscale, metrics, name)` and `baseline(model, data,
    metrics)`. The latter returns the `Evaluation` of a result without a model, e.g. bicubic interpolation, a list of
    several, or None.

    Raises:
        GanzooError: the model's task has no such module.
    """
    return _module(model.evaluation, model.model_name or type(model).__name__)


def _module(evaluation: Any, name: str) -> Any:
    if evaluation is None:
        raise GanzooError(f"{name} cannot be evaluated: its task names no evaluation")
    return importlib.import_module(evaluation) if isinstance(evaluation, str) else evaluation


def evaluate(
    model: Any,
    data: str,
    extractor: Any = None,
    samples: int = 10_000,
    upscale: bool = False,
    metrics: Sequence[str] | None = None,
    name: str = "model",
) -> Evaluation:
    """Measures a trained model on real data.

    Args:
        model: a trained `ZooModel`.
        data: source of data that the model was not trained on, e.g. "idx:t10k-images-idx3-ubyte.gz" or "folder:Set5";
            for speech enhancement, a source of pairs of noisy and clean speech.
        extractor, samples, upscale: for image generation, see `ganzoo.evaluation.image_generation.evaluate`.
        metrics: names of metrics, see `ganzoo.metrics.register_metric`; the task's defaults if not given.
        name: name of the model, for tables.

    Returns:
        An `Evaluation`. The modules of `ganzoo.evaluation`, one per task, describe its metrics.

    Raises:
        GanzooError: arguments that do not fit the model, an unknown metric, or unusable data.

    Example:
        names = ["frechet_distance", "classes_covered"]
        model = ganzoo.load("dcgan.digits")
        result = ganzoo.evaluation.evaluate(model, "digits", "digits_classifier", 50, upscale=True, metrics=names)
        print(result.metrics["frechet_distance"], result.protocol)
    """
    return evaluation_of(model).evaluate(
        model, data, extractor=extractor, samples=samples, upscale=upscale, metrics=metrics, name=name
    )


def evaluate_presets(
    names: Sequence[PathLike],
    data: str,
    extractor: Any = None,
    samples: int = 10_000,
    upscale: bool = False,
    metrics: Sequence[str] | None = None,
) -> list[Evaluation]:
    """Evaluates presets, `.keras` files and run folders under one protocol.

    Args:
        names: one or several names that `ganzoo.load` accepts.
        extractor, metrics: as in `evaluate`; by default those of the preset or run.
        data, samples, upscale: as in `evaluate`.

    Returns:
        A list of `Evaluation` with the same protocol; the first are those of the task's baselines, if it has any.

    Raises:
        GanzooError: models of different tasks, or with different extractors, metrics or image sizes.

    Example:
        names = ["dcgan.digits"]
        results = ganzoo.evaluation.evaluate_presets(names, "digits", samples=50, metrics=["classes_covered"])
    """
    # Checked before any model is loaded.
    modules = [
        _module(registry.declared(found, "evaluation"), found)
        for found in (presets.model_of(name, trained=True) for name in names)
    ]
    if any(module is not modules[0] for module in modules):
        raise GanzooError(f"{', '.join(map(str, names))} belong to different tasks: their metrics cannot be compared")
    module = modules[0]
    takes_extractor = getattr(module, "TAKES_EXTRACTOR", False)
    if extractor:
        if not takes_extractor:
            raise GanzooError(
                "--extractor is for models that generate images from noise; the metrics of other tasks need none"
            )
        get_extractor(extractor)
    configs = [presets.config_of(name) for name in names]
    wanted = list(
        metrics or _common(names, [config.evaluation.metrics if config else [] for config in configs], "metric")
    )
    models = [presets.load(name) for name in names]
    if not takes_extractor:
        baseline = module.baseline(models[0], data, wanted)
        baselines = baseline if isinstance(baseline, list) else [baseline]
        found = [one for one in baselines if one is not None]
        found += [evaluate(model, data, metrics=wanted, name=str(name)) for model, name in zip(models, names)]
        return comparable(found)
    own = [extractor or (config and (config.evaluation.judge or config.evaluation.extractor)) for config in configs]
    chosen = _common(names, own, "extractor")
    enlarged = [upscale or bool(config and config.data.get("upscale")) for config in configs]
    found = [
        evaluate(model, data, chosen, samples, larger, wanted, str(name))
        for model, larger, name in zip(models, enlarged, names)
    ]
    return comparable(found)


def _common(names: Sequence[PathLike], settings: list, option: str) -> Any:
    """The setting that all presets share."""
    if any(setting != settings[0] for setting in settings):
        shown = " and ".join(dict.fromkeys(str(setting) for setting in settings))
        raise GanzooError(
            f"{', '.join(map(str, names))} are measured with {shown}: metrics of different protocols cannot be "
            f"compared; set the same for all with --{option}"
        )
    return settings[0]
