"""Evaluation of one model on real data, or of several under the same protocol."""

import importlib
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ganzoo import loading, presets, registry
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
    classifier: Any = None,
) -> Evaluation:
    """Measures a trained model on real data.

    Args:
        model: a trained `ZooModel`.
        data: source of data that the model was not trained on, e.g. "idx:t10k-images-idx3-ubyte.gz" or "folder:Set5";
            for speech enhancement, a source of pairs of noisy and clean speech.
        extractor, samples, upscale: for image generation, see `ganzoo.evaluation.image_generation.evaluate`.
        metrics: names of metrics, see `ganzoo.metrics.register_metric`; the task's defaults if not given.
        name: name of the model, for tables.
        classifier: as `extractor`, for the metric `classifier_frechet_distance` of image generation.

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
    module = evaluation_of(model)
    if classifier and not getattr(module, "TAKES_EXTRACTOR", False):
        raise _no_extractor("classifier")
    options = {"classifier": classifier} if classifier else {}
    return module.evaluate(
        model, data, extractor=extractor, samples=samples, upscale=upscale, metrics=metrics, name=name, **options
    )


def evaluate_presets(
    names: Sequence[PathLike] | PathLike,
    data: str,
    extractor: Any = None,
    samples: int = 10_000,
    upscale: bool = False,
    metrics: Sequence[str] | None = None,
    classifier: Any = None,
) -> list[Evaluation]:
    """Evaluates presets, `.keras` files and run folders under one protocol.

    Args:
        names: one or several names that `ganzoo.load` accepts.
        extractor, metrics: as in `evaluate`; by default those of the preset or run. Of several models, each is measured
            by those metrics that it has.
        classifier: as in `evaluate`; by default the one that the preset or run selects checkpoints by.
        data, samples, upscale: as in `evaluate`.

    Returns:
        A list of `Evaluation` with the same protocol; the first are those of the task's baselines, if it has any.

    Raises:
        GanzooError: models of different tasks, or with different extractors, metrics or image sizes; a named metric
            that none of the models has.

    Example:
        names = ["dcgan.digits"]
        results = ganzoo.evaluation.evaluate_presets(names, "digits", samples=50, metrics=["classes_covered"])
    """
    return _evaluated(_all_of(names), data, extractor, samples, upscale, metrics, classifier)


def takes_extractor(model: str) -> bool:
    """Whether the metrics of a registered model need a feature extractor."""
    return getattr(_module(registry.declared(model, "evaluation"), model), "TAKES_EXTRACTOR", False)


def _evaluated(
    names: Sequence[PathLike],
    data: str,
    extractor: Any,
    samples: int,
    upscale: bool,
    metrics: Sequence[str] | None,
    classifier: Any,
    where_possible: bool = False,
) -> list[Evaluation]:
    """As `evaluate_presets`; `where_possible`: a metric that none of the models has is left out, not an error."""
    metrics = [metrics] if isinstance(metrics, str) else metrics
    # Checked before any model is loaded.
    modules = [
        _module(registry.declared(found, "evaluation"), found)
        for found in (presets.model_of(name, trained=True) for name in names)
    ]
    if any(module is not modules[0] for module in modules):
        raise GanzooError(f"{', '.join(map(str, names))} belong to different tasks: their metrics cannot be compared")
    module = modules[0]
    needs_extractor = getattr(module, "TAKES_EXTRACTOR", False)
    for option, asked in (("extractor", extractor), ("classifier", classifier)):
        if asked:
            if not needs_extractor:
                raise _no_extractor(option)
            get_extractor(asked)
    configs = [presets.config_of(name) for name in names]
    wanted = list(
        metrics or _common(names, [config.evaluation.metrics if config else [] for config in configs], "metric")
    )
    models = [loading.load(name) for name in names]
    if not needs_extractor:
        baseline = module.baseline(models[0], data, wanted)
        baselines = baseline if isinstance(baseline, list) else [baseline]
        found = [one for one in baselines if one is not None]
        found += [evaluate(model, data, metrics=wanted, name=str(name)) for model, name in zip(models, names)]
        return comparable(found)
    own = [extractor or (config and (config.evaluation.judge or config.evaluation.extractor)) for config in configs]
    chosen = _common(names, own, "extractor")
    enlarged = [upscale or bool(config and config.data.get("upscale")) for config in configs]
    if "classifier_frechet_distance" in wanted and not classifier:
        classifier = _common(names, [config and config.evaluation.extractor for config in configs], "classifier")
    measured = [wanted] * len(models)
    if wanted:
        had = [module.metrics_of(model, wanted, chosen) for model in models]
        # What none of them has is refused below, with the reason.
        if where_possible or {*wanted} == {name for some in had for name in some}:
            measured = had
    found = [
        evaluate(model, data, chosen, samples, larger, has, str(name), classifier)
        for model, larger, has, name in zip(models, enlarged, measured, names)
    ]
    return comparable(found)


# What models of different families are compared by.
_COMPARISON = (
    "negative_log_likelihood",
    "bits_per_dimension",
    "elbo",
    "frechet_distance",
    "classifier_frechet_distance",
    "precision_recall",
    "sharpness",
    "samples_per_second",
)


def compare_presets(
    names: Sequence[PathLike] | PathLike,
    data: str,
    extractor: Any = None,
    classifier: Any = None,
    samples: int = 10_000,
    upscale: bool = False,
) -> list[Evaluation]:
    """Compares models of images of different families, e.g. GAN, VAE and autoregressive, under one protocol.

    Likelihood (of models that have one), Fréchet distance on the features of two networks, precision and recall,
    sharpness, samples per second, and the training minutes that a preset states.

    Args:
        names: as in `evaluate_presets`; presets without weights remain without metrics.
        data, extractor, classifier, samples, upscale: as in `evaluate_presets`.

    Returns:
        A list of `Evaluation`, one for each name.

    Raises:
        GanzooError: no preset with weights, models that do not generate images from noise; as in `evaluate_presets`.

    Example:
        names = ["dcgan.digits"]
        found = ganzoo.evaluation.compare_presets(names, "digits", classifier="digits_classifier", samples=50)
        print(found[0].metrics["sharpness_ratio"])
    """
    names = list(dict.fromkeys(_all_of(names)))
    for name in names:
        model = presets.model_of(name)
        if not takes_extractor(model):
            raise GanzooError(f"'{name}' does not generate images from noise: use `ganzoo evaluate {name}`")
    configs = {str(name): presets.config_of(name) for name in names}
    # Run folders and .keras files are trained.
    trained = []
    for name in names:
        config = configs[str(name)]
        if config is None or config.weights or presets.is_run(name):
            trained.append(name)
    if not trained:
        # Refused with the reason.
        presets.model_of(names[0], trained=True)
    measured = _evaluated(trained, data, extractor, samples, upscale, _COMPARISON, classifier, where_possible=True)
    by_name = {one.name: one for one in measured}
    results = []
    for name, config in configs.items():
        one = by_name.get(name) or Evaluation(name, measured[0].common_protocol, {})
        stated = config.weights.metrics if config and config.weights and name in by_name else {}
        minutes = {key: value for key, value in stated.items() if key.startswith("training_")}
        results.append(replace(one, metrics={**one.metrics, **minutes}))
    return results


def _no_extractor(option: str) -> GanzooError:
    return GanzooError(
        f"the option {option} is for models that generate images from noise; the metrics of other tasks need none"
    )


def _all_of(names: Sequence[PathLike] | PathLike) -> list[PathLike]:
    """The names as a list, also a single one."""
    found = [names] if isinstance(names, (str, os.PathLike)) else list(names)
    if not found:
        raise GanzooError("name at least one preset, .keras file or run folder")
    return found


def _common(names: Sequence[PathLike], settings: list, option: str) -> Any:
    """The setting that all presets share."""
    if any(setting != settings[0] for setting in settings):
        shown = " and ".join(dict.fromkeys(str(setting) for setting in settings))
        raise GanzooError(
            f"{', '.join(map(str, names))} are measured with {shown}: metrics of different protocols cannot be "
            f"compared; set the same for all with --{option}"
        )
    return settings[0]
