"""A run turned into a preset that ships: the best checkpoint in half precision, and what is to be said of it."""

import re
from dataclasses import replace
from pathlib import Path

from ganzoo import presets
from ganzoo.config import Weights, dump, load_config
from ganzoo.errors import GanzooError
from ganzoo.evaluation import evaluate
from ganzoo.files import write_atomically
from ganzoo.training.callbacks.record import read_records


def publish_run(run, folder, data, license, trained_on):
    """Writes `<folder>/<preset>.npz` and `<preset>.yaml` from a run folder of `ganzoo train`.

    The metrics are those of the packed weights, measured after the rounding to float16, on images
    that the training and the choice of the checkpoint have not seen.

    Args:
        run: the run folder.
        folder: where to write.
        data: source of real images kept from training.
        license: of the training data.
        trained_on: what the training data is, in words.

    Returns:
        The YAML file's path.

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
        raise GanzooError(f"{run / 'metrics.jsonl'} holds no measurement: the best checkpoint cannot be described")
    best = records[measure.best(records)]
    sha256 = trained.save_shipped(folder / f"{name}.npz")
    # As anybody loads it, whatever precision it was trained in.
    model = presets.build(config, str(run), policy="float32")
    model.load_shipped(folder / f"{name}.npz", sha256)
    upscale = bool(config.data.get("upscale"))
    found = evaluate(model, data, config.evaluation.extractor, upscale=upscale, metrics=config.evaluation.metrics)
    metrics = dict(found.metrics)
    metrics["best_epoch"] = best["epoch"]
    metrics["training_cpu_minutes"] = round(best["cpu_seconds"] / 60, 1)
    published = presets.preset_files().get(f"{config.model}.{name}")
    # The run's own source and start are paths of one machine, its precision may be that machine's choice; the preset
    # goes on naming what anybody finds.
    known = load_config(published) if published else config
    sources = {key: known.data.get(key) for key in ("source", "noise") if key in config.data}
    weights = Weights(f"{name}.npz", sha256, license, trained_on, found.protocol, metrics)
    asked = load_config(run / "preset.yaml").training.precision
    training = replace(config.training, start_from=known.training.start_from, precision=asked)
    data = {key: value for key, value in {**config.data, **sources}.items() if value is not None}
    packed = replace(config, weights=weights, data=data, training=training)
    path = folder / f"{name}.yaml"
    write_atomically(path, dump(packed).encode())
    return path
