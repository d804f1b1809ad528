"""Publishes a run as a preset: the weights of its best checkpoint in half precision, with license and metrics."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from ganzoo import presets
from ganzoo.config import Weights, dump, load_config
from ganzoo.errors import GanzooError
from ganzoo.evaluation import evaluate
from ganzoo.files import write_atomically
from ganzoo.training.callbacks.record import read_records
from ganzoo.types import PathLike


def publish_run(run: PathLike, folder: PathLike, data: str, license: str, trained_on: str) -> Path:
    """Writes `<folder>/<preset>.npz` and `<preset>.yaml` from a run folder of `ganzoo train`.

    The metrics are those of the published weights, after rounding to float16, on data that was used neither for
    training nor for choosing the checkpoint.

    Args:
        run: the run folder.
        folder: where to write the files.
        data: source of held-out data, as for `ganzoo evaluate`.
        license: of the training data.
        trained_on: description of the training data.

    Returns:
        The path of the YAML file.

    Raises:
        GanzooError: no best checkpoint, or anything `evaluate` raises.
    """
    run, folder = Path(run).resolve(), Path(folder)
    checkpoint = presets.best_checkpoint_of(run)
    config = load_config(run / "config.yaml")
    name = re.sub(r"-\d+$", "", run.name).split(".")[-1]
    trained = presets.load_saved(checkpoint)
    measure = trained.validation_metrics(None, config.evaluation)
    records = {r[measure.monitor]: r for r in read_records(run / "metrics.jsonl") if measure.monitor in r}
    if not records:
        raise GanzooError(f"{run / 'metrics.jsonl'} has no validation metrics: the best checkpoint cannot be described")
    best = records[measure.best(records)]
    sha256 = trained.save_shipped(folder / f"{name}.npz")
    # In float32, as users load it.
    model = presets.build(config, str(run), policy="float32")
    model.load_shipped(folder / f"{name}.npz", sha256)
    upscale = bool(config.data.get("upscale"))
    extractor = config.evaluation.judge or config.evaluation.extractor
    found = evaluate(model, data, extractor, upscale=upscale, metrics=config.evaluation.metrics)
    metrics = dict(found.metrics)
    metrics["best_epoch"] = best["epoch"]
    metrics["training_cpu_minutes"] = round(best["cpu_seconds"] / 60, 1)
    published = presets.preset_files().get(f"{config.model}.{name}")
    # The run's source and start may be paths on one machine, and its precision that machine's choice: a preset that
    # exists keeps its own.
    known = load_config(published) if published else config
    sources: dict[str, Any] = {key: known.data.get(key) for key in ("source", "noise") if key in config.data}
    weights = Weights(f"{name}.npz", sha256, license, trained_on, found.protocol, metrics)
    precision = load_config(run / "preset.yaml").training.precision
    training = replace(config.training, start_from=known.training.start_from, precision=precision, loggers=[])
    settings: dict[str, Any] = {**config.data, **sources}
    settings = {key: value for key, value in settings.items() if value is not None}
    preset = replace(config, weights=weights, data=settings, training=training)
    path = folder / f"{name}.yaml"
    write_atomically(path, dump(preset).encode())
    return path
