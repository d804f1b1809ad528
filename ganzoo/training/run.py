"""A training run and its folder.

runs/dcgan.mnist-001/
  config.yaml         everything the run was made from
  metrics.jsonl       a line per epoch
  events/             for TensorBoard
  samples/            a grid per epoch, from the same latents; samples.gif at the end
  checkpoints/        last.keras, best.keras
"""

import importlib
import re
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import keras

from ganzoo import presets
from ganzoo.config import (
    dump,
    load_config,
    parameters_of,
    to_mapping,
    validated_arguments,
    with_settings,
    without_weights,
)
from ganzoo.errors import GanzooError
from ganzoo.metrics import get_extractor
from ganzoo.metrics.cache import cached_statistics
from ganzoo.registry import model_class
from ganzoo.training import callbacks
from ganzoo.training.adversarial import parameter_count
from ganzoo.weights import write_atomically

# What a resumed run may not change: its weights or its data would no longer be the same run's.
_FIXED = ("model", "arguments", "compile", "data", "training.seed", "training.precision")


def train(preset, data=None, settings=(), output="runs", resume=False):
    """Trains a preset and keeps everything in a run folder.

    Args:
        preset: a preset's name, or the path of a YAML file.
        data: source of the data, e.g. "folder:my_pictures"; the preset's own if not given.
        settings: "key=value" strings that change the preset, e.g. ["training.epochs=5"].
        output: folder for run folders.
        resume: go on with the newest run of this preset in `output` instead of beginning a new one;
            its config is used, with `settings` on top.

    Returns:
        The run folder, a `pathlib.Path`. Ctrl-C saves a checkpoint and returns as well.

    Raises:
        GanzooError: anything wrong with preset, settings or data; nothing to resume; a resumed run
            with another architecture; a training that diverged or collapsed.

    Example:
        folder = ganzoo.train("dcgan.digits")
        model = ganzoo.load(folder)
    """
    plan = prepare(preset, data, settings, output, resume)
    folder = plan.folder
    if not resume:
        folder.mkdir(parents=True)
    write_atomically(folder / "config.yaml", dump(plan.config).encode())
    model, config = plan.model, plan.config
    record = callbacks.Record(
        folder / "metrics.jsonl", folder / "events", plan.feed.batch_size * model.discriminator_steps
    )
    quality = _quality(config, plan.feed)
    checkpoints = callbacks.Checkpoints(
        folder / "checkpoints", record, "frechet_distance" if quality else None, config.training.checkpoint_minutes
    )
    progress = callbacks.Progress(plan.total_steps)
    interrupt = _Interrupt()
    # The order matters: broken weights reach no file, and a line is on disk before the checkpoint that follows it.
    everything = [
        callbacks.Guard(patience=config.training.collapse_patience),
        *([quality] if quality else []),
        callbacks.Samples(folder / "samples", config.training.samples),
        record,
        checkpoints,
        progress,
        interrupt,
    ]
    checkpoints.set_model(model)
    try:
        with interrupt:
            _fit(model, plan, everything)
    except _Interrupted:
        path = checkpoints.save("last")
        print(f"stopped at step {model.steps} of {plan.total_steps}; saved {path}; go on with --resume")
    finally:
        progress.close()
    return folder


@dataclass
class Plan:
    """A run that could begin: everything checked, nothing written."""

    config: object
    folder: Path
    model: object
    feed: object

    @property
    def steps_per_epoch(self):
        return self.feed.batches_per_epoch // self.model.discriminator_steps

    @property
    def total_steps(self):
        return self.config.training.epochs * self.steps_per_epoch

    def describe(self):
        """What would happen, and how long it would take, found by a few steps on a copy of the model."""
        batch = self.feed.batch_size * self.model.discriminator_steps
        seconds = self._seconds_per_step()
        rows = {
            "model": f"{self.config.model}: generator {parameter_count(self.model.generator):,} and discriminator "
            f"{parameter_count(self.model.discriminator):,} parameters, {self.config.training.precision}",
            "data": f"{self.feed.source}: {self.feed.count:,} examples, {len(self.feed.skipped)} skipped, "
            f"{batch} per step",
            "steps": f"{self.total_steps:,} = {self.config.training.epochs} epochs of {self.steps_per_epoch:,}, "
            f"{self.model.steps:,} done",
            "time": f"{seconds:.3g} s a step, about {_duration(seconds * (self.total_steps - self.model.steps))} "
            "on this machine, measurements and pictures not counted",
            "best": f"lowest Fréchet distance, {self.config.evaluation.extractor} features, "
            f"{self.config.evaluation.samples:,} samples"
            if self.config.evaluation.extractor
            else "not measured: no extractor is set (evaluation.extractor)",
            "folder": str(self.folder),
        }
        return "\n".join(f"{name:8}{text}" for name, text in rows.items())

    def _seconds_per_step(self):
        model = presets.build(self.config, "dry run")
        steps = [next(iter(self.feed.dataset(first_step=0)))] * 4
        steps = [
            keras.tree.map_structure(lambda t: keras.ops.concatenate([t] * model.discriminator_steps), s) for s in steps
        ]
        began = None
        for i, batch in enumerate(steps):
            model.train_on_batch(batch)
            began = time.monotonic() if i == 0 else began
        return (time.monotonic() - began) / (len(steps) - 1)


def prepare(preset, data=None, settings=(), output="runs", resume=False):
    """The `Plan` of a run; arguments and errors as `train`."""
    found = presets.find(preset)
    label = Path(found.name).stem if found.name == str(found.path) else found.name
    folder = _folder(Path(output), label, resume)
    base = load_config(folder / "config.yaml") if resume else without_weights(found.config)
    config = with_settings(base, [*settings, *([f"data.source={data}"] if data else [])])
    if resume:
        _refuse_changes(base, config, folder)
    cls = model_class(config.model)
    if not config.data.get("source"):
        raise GanzooError(f"{found.name} names no data: give it with --data, e.g. --data folder:my_pictures")
    keras.utils.set_random_seed(config.training.seed)
    if resume:
        model = presets.load_saved(folder / "checkpoints" / "last.keras")
    else:
        model = presets.build(config, found.name)
    feed_function = importlib.import_module(f"ganzoo.data.{cls.data_kind}").feed
    arguments = {**model.data_arguments(), "seed": config.training.seed, **config.data}
    where = f"{found.name}, section 'data'"
    plan = Plan(
        config, folder, model, feed_function(**validated_arguments(parameters_of(feed_function), arguments, where))
    )
    if plan.steps_per_epoch < 1:
        raise GanzooError(
            f"{plan.feed.count} examples give {plan.feed.batches_per_epoch} batches of {plan.feed.batch_size}, but one "
            f"step takes {model.discriminator_steps}: lower data.batch_size"
        )
    if config.training.epochs < 1:
        raise GanzooError(f"training.epochs must be at least 1, got {config.training.epochs}")
    if config.evaluation.extractor:
        extractor = get_extractor(config.evaluation.extractor)
        if extractor.image_shape != model.image_shape:
            raise GanzooError(
                f"the extractor {extractor.name} takes pictures of {extractor.image_shape}, the model draws "
                f"{model.image_shape}: set evaluation.extractor=null to train without a best checkpoint"
            )
    return plan


def _fit(model, plan, everything):
    """All epochs that are left; a run stopped within an epoch first takes the rest of that one."""
    epoch, place = divmod(model.steps, plan.steps_per_epoch)
    stretches = [(epoch, plan.config.training.epochs, plan.steps_per_epoch)]
    if place:
        stretches = [(epoch, epoch + 1, plan.steps_per_epoch - place), (epoch + 1, *stretches[0][1:])]
    for first_epoch, last_epoch, steps in stretches:
        if first_epoch < last_epoch:
            dataset = plan.feed.dataset(first_step=model.steps * model.discriminator_steps)
            model.fit(
                dataset,
                initial_epoch=first_epoch,
                epochs=last_epoch,
                steps_per_epoch=steps,
                callbacks=everything,
                verbose=0,
            )


def _quality(config, feed):
    """The measurement that decides on the best checkpoint, or None."""
    if config.evaluation.extractor is None or feed.pictures is None:
        return None
    extractor = get_extractor(config.evaluation.extractor)
    real = cached_statistics(extractor, feed.pictures)
    return callbacks.Quality(extractor, real, config.evaluation.samples, config.evaluation.every_epochs)


def _folder(output, label, resume):
    """The folder of a new run, or of the newest one with a checkpoint."""
    pattern = re.compile(re.escape(label) + r"-(\d+)")
    runs = {int(found[1]): path for path in output.glob(f"{label}-*") if (found := pattern.fullmatch(path.name))}
    if not resume:
        return output / f"{label}-{max(runs, default=0) + 1:03d}"
    for _, path in sorted(runs.items(), reverse=True):
        if (path / "checkpoints" / "last.keras").exists():
            return path
    raise GanzooError(f"there is no run of '{label}' with a checkpoint in {output}: nothing to resume")


def _refuse_changes(base, config, folder):
    before, after = to_mapping(base), to_mapping(config)
    for key in _FIXED:
        old, new = before, after
        for part in key.split("."):
            old, new = old[part], new[part]
        if isinstance(old, dict):
            changed = [name for name in {*old, *new} if old.get(name) != new.get(name)]
            changed = [name for name in changed if (key, name) != ("data", "source")]
            if not changed:
                continue
            key, old, new = f"{key}.{changed[0]}", old.get(changed[0]), new.get(changed[0])
        if old != new:
            raise GanzooError(
                f"the run in {folder} was trained with {key}={old}, now {new} is asked for: resume without "
                "that setting, or begin a new run without --resume"
            )


class _Interrupted(Exception):
    """Leaves `fit` between two steps: an epoch cut short is not recorded as one."""


class _Interrupt(keras.callbacks.Callback):
    """Turns Ctrl-C and a request to terminate into a stop after the step; a second one is not caught."""

    def __init__(self):
        super().__init__()
        self.asked = False

    def __enter__(self):
        self._before = {}
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *_):
        self._restore()

    def _ask(self, number, frame):
        self.asked = True
        self._restore()
        print("stopping after this step; once more to stop at once", flush=True)

    def _restore(self):
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def on_train_batch_end(self, batch, logs=None):
        if self.asked:
            raise _Interrupted


def _duration(seconds):
    if seconds < 120:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"
