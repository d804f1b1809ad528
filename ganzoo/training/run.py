"""A training run and its folder.

runs/dcgan.mnist-001/
  config.yaml         the complete configuration of the run
  metrics.jsonl       one line per epoch
  events/             for TensorBoard
  curves.png          losses, D(x), D(G(z)) and the other metrics of all epochs so far
  samples/            a grid of samples per epoch, from the same latents; samples.gif at the end
  checkpoints/        last.keras, best.keras

A resumed run is checked against two more files: preset.yaml, the original preset, and data.json (see
`ganzoo.training.facts`).
"""

import contextlib
import functools
import math
import random
import signal
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from ganzoo import presets
from ganzoo.arguments import parameters_of, validated_arguments
from ganzoo.config import (
    Config,
    dump,
    load_config,
    to_mapping,
    with_settings,
    without_weights,
)
from ganzoo.data.feed import Feed
from ganzoo.errors import GanzooError, needs_loggers
from ganzoo.files import held, write_atomically
from ganzoo.metrics.registry import check_names
from ganzoo.registry import model_class
from ganzoo.tasks.base import ValidationMetrics
from ganzoo.training import callbacks
from ganzoo.training.callbacks.checkpoints import recorded_value, write_value
from ganzoo.training.callbacks.loggers import LOGGERS
from ganzoo.training.callbacks.record import read_records
from ganzoo.training.distribute import Agreement, Placement, of_several_workers, placement, workers_needed
from ganzoo.training.facts import Facts, read_facts, write_facts
from ganzoo.training.stages import stage_runs
from ganzoo.training.zoo_model import ZooModel, describe_networks
from ganzoo.types import PathLike

# What a resumed run may not change.
_FIXED = (
    *("model", "arguments", "compile", "data", "training.seed", "training.precision"),
    # Metrics computed in two ways could not be compared to find the best checkpoint.
    *("evaluation.extractor", "evaluation.monitor", "evaluation.samples"),
    # Training has started already.
    "training.start_from",
)


def train(
    preset: PathLike,
    data: PathLike | None = None,
    settings: str | Iterable[str] | Mapping[str, Any] = (),
    output: PathLike = "runs",
    resume: bool = False,
    strategy: str = "auto",
    max_minutes: float | None = None,
    callbacks: Iterable[keras.callbacks.Callback] = (),
) -> Path:
    """Trains a preset, and writes config, metrics, samples and checkpoints to a run folder.

    A preset with `stages` trains one after the other, each in a run folder of its own; the last one is the preset
    itself. Ctrl-C, or a request to terminate, saves a checkpoint and returns. If any of several workers receives one,
    all stop within about a second of training. The random states of Python and NumPy are restored at the end.

    Args:
        preset: a preset's name, or the path of a YAML file.
        data: source of the data, e.g. "folder:my_images"; the preset's own by default.
        settings: changes to the preset: ["training.epochs=5"], or {"training.epochs": 5}. What a stage changes itself
            stays as it is.
        output: parent folder of the run folders.
        resume: resume the newest run of this preset in `output`, with its config and `settings` on top, instead of
            starting a new one.
        strategy: where to train: "auto", "one", "mirrored", "multiworker" or "tpu", see
            `ganzoo.training.distribute.placement`. The batch size is that of all devices together.
        max_minutes: stop after this time, including preparation, as Ctrl-C does; None trains to the end.
        callbacks: more Keras callbacks. One that sets `self.model.stop_training = True` stops the run after the current
            step, as Ctrl-C does. With several workers, only the first one calls them.

    Returns:
        The run folder; of a preset with stages, that of the last stage that has begun.

    Raises:
        GanzooError: a mistake in preset, settings or data; no run to resume; a resumed run with another architecture,
            other data or a damaged file; a run that another process is training; training that diverged or collapsed.

    Example:
        # For a quick try; without settings, the preset as it is.
        settings = {"training.epochs": 1, "arguments.width": 4, "data.batch_size": 512, "evaluation.extractor": None}
        folder = ganzoo.train("dcgan.digits", settings=settings)
        model = ganzoo.load(folder)
    """
    until = time.monotonic() + 60 * max_minutes if max_minutes is not None else math.inf
    callbacks = list(callbacks)
    # First of all: workers must find each other before TensorFlow is used.
    place = placement(strategy)
    with workers_needed(place):
        found, (first, *later) = _stages(preset, settings, output, resume)
    plan = _train_stage(place, found, first, data, settings, until, callbacks)
    for run in later:
        if plan.interrupted:
            break
        plan = _train_stage(place, found, run.after(plan.folder), data, settings, until, callbacks)
    return plan.folder


def _train_stage(place, found, run, data, settings, until, more_callbacks):
    if run.title:
        print(run.title, flush=True)
    with contextlib.ExitStack() as lock, _random_states_restored():
        plan = _prepared(place, found, run, data, settings, lock)
        print(f"strategy: {plan.placement.words}; {plan.config.training.precision}", flush=True)
        try:
            with workers_needed(plan.placement):
                # Not in `prepare`: a dry run trains nothing.
                plan.feed.learn()
                if not plan.placement.chief:
                    _train_along(plan, until)
                    return plan
                if not plan.resumed:
                    _make_folder(plan)
                    lock.enter_context(held(plan.folder))
                _train_in(plan.folder, plan, until, more_callbacks)
        except OSError as error:
            raise GanzooError(f"cannot write to {plan.folder}: {error.strerror or error}") from None
        return plan


def _train_along(plan, until):
    """Trains in a worker that writes no files; the chief does."""
    if plan.model.steps >= plan.total_steps:
        return
    interrupt = _Interrupt(plan, until)
    with contextlib.suppress(_Interrupted), interrupt:
        _fit(plan.model, plan, [callbacks.Guard(patience=plan.config.training.collapse_patience), interrupt])


def _train_in(folder, plan, until, more_callbacks):
    model, config = plan.model, plan.config
    record = callbacks.Record(
        folder / "metrics.jsonl", folder / "events", plan.feed.batch_size * model.batches_per_step, plan.feed
    )
    measure = plan.measure
    best = _best_value(folder, plan) if plan.resumed and measure else None
    checkpoints = callbacks.Checkpoints(folder / "checkpoints", measure, config.training.checkpoint_minutes, best)
    progress = callbacks.Progress(plan.total_steps)
    interrupt = _Interrupt(plan, until)
    loggers = [LOGGERS[name](folder, to_mapping(config)) for name in dict.fromkeys(config.training.loggers)]
    # The order matters: broken weights reach no file, and an epoch is recorded before its checkpoint is saved.
    all_callbacks = [
        callbacks.Guard(patience=config.training.collapse_patience),
        *([callbacks.Quality(measure, config.evaluation.every_epochs, config.training.epochs)] if measure else []),
        callbacks.Samples(folder / "samples", plan.feed, config.training.samples),
        record,
        callbacks.Curves(folder / "curves.png", record.path),
        checkpoints,
        *loggers,
        progress,
        *more_callbacks,
        interrupt,
    ]
    checkpoints.set_model(model)
    write_atomically(folder / "config.yaml", dump(plan.config).encode())
    # For a resumed run too: an older version may have written fewer facts.
    write_facts(folder, plan.facts)
    if model.steps == 0:
        write_atomically(folder / "preset.yaml", dump(plan.preset).encode())
        checkpoints.save("last")
    elif model.steps >= plan.total_steps:
        print(f"{folder} is finished: {model.steps} steps; to train longer, use --set training.epochs=N")
        return
    else:
        print(f"resuming {folder} at step {model.steps} of {plan.total_steps}")
    finished = False
    try:
        with interrupt:
            _fit(model, plan, all_callbacks)
        finished = True
    except _Interrupted:
        finished = True
        path = checkpoints.save("last")
        print(f"stopped at step {model.steps} of {plan.total_steps}; saved {path}; resume with --resume")
    finally:
        progress.close()
        for logger in loggers:
            logger.end(finished)


def _best_value(folder, plan):
    """The metric of a resumed run's best.keras; None if the file is missing or damaged."""
    path, monitor = folder / "checkpoints" / "best.keras", plan.measure.monitor
    if path.is_dir():
        raise GanzooError(f"{path} is a folder: move it away, the best checkpoint belongs there")
    if not path.exists():
        return None
    try:
        value = recorded_value(path, monitor)
        if value is not None:
            return value
        if of_several_workers(plan.placement):
            # One of several workers cannot load a model alone: use the recorded metrics.
            recorded = [line[monitor] for line in read_records(folder / "metrics.jsonl") if monitor in line]
            return plan.measure.best(recorded) if recorded else None
        # Written by an older version. metrics.jsonl may lack the line of this checkpoint.
        best = presets.load_saved(path)
        recorded = {line["step"]: line.get(monitor) for line in read_records(folder / "metrics.jsonl")}
        value = recorded.get(best.steps)
        value = plan.measure.compute(best)[monitor] if value is None else value
    except GanzooError as error:
        print(f"{error}; the next evaluated checkpoint will replace it", flush=True)
        return None
    write_value(path, monitor, value)
    return value


def _make_folder(plan):
    """Creates a new run's folder, with the next free number."""
    while True:
        try:
            plan.folder.mkdir(parents=True)
            return
        except FileExistsError:
            if not plan.folder.is_dir():
                raise
            # Another run has started in the meantime.
            label, _, number = plan.folder.name.rpartition("-")
            plan.folder = plan.folder.with_name(f"{label}-{int(number) + 1:03d}")


@contextlib.contextmanager
def _random_states_restored() -> Iterator[None]:
    """Restores the random states of Python and NumPy at the end."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


@dataclass
class Plan:
    """A run that is ready to start: everything is checked, nothing is written.

    Attributes:
        config: the preset with the run's settings.
        preset: the original preset.
        folder: the run folder, which need not exist yet.
        resumed: whether the run has been started before.
        model: the compiled model.
        feed: the training data.
        placement: where to train.
        measure: the metrics of each epoch; None computes none.
        stage: of a preset with stages, which one this is.
        interrupted: whether training was asked to stop.
    """

    config: Config
    preset: Config
    folder: Path
    resumed: bool
    model: ZooModel
    feed: Feed
    placement: Placement
    measure: ValidationMetrics | None = None
    stage: str = ""
    interrupted: bool = False

    @functools.cached_property
    def facts(self) -> Facts:
        """What must not change when the run is resumed."""
        return Facts.of(self.config, self.feed)

    @property
    def steps_per_epoch(self) -> int:
        """Training steps of one epoch."""
        return self.feed.batches_per_epoch // self.model.batches_per_step

    @property
    def total_steps(self) -> int:
        """Training steps of all epochs."""
        return self.config.training.epochs * self.steps_per_epoch

    def describe(self) -> str:
        """Describes the run. A few training steps are timed, so the plan cannot be used to train afterwards."""
        batch = self.feed.batch_size * self.model.batches_per_step
        done = self.model.steps
        seconds = self.seconds_per_step()
        learning = ", nor training of the caption encoder" if self.feed.learning else ""
        rows = {
            "model": f"{self.config.model}: {describe_networks(self.model)}, {self.config.training.precision}",
            "data": f"{self.feed.source}: {self.feed.count:,} examples, {len(self.feed.skipped)} skipped, "
            f"{batch} per step",
            "steps": f"{self.total_steps:,} = {self.config.training.epochs} epochs of {self.steps_per_epoch:,}, "
            f"{done:,} done",
            "time": f"{seconds:.3g} s a step, about {_duration(seconds * (self.total_steps - done))} "
            f"on this machine, not including metrics and images{learning}",
            "where": self.placement.words,
            "best": self.measure.description if self.measure else "no metric (section 'evaluation')",
            "folder": str(self.folder),
        }
        if self.stage:
            rows = {"stage": self.stage, **rows}
        return "\n".join(f"{name:8}{text}" for name, text in rows.items())

    def seconds_per_step(self) -> float:
        """The duration of a training step, measured by training for a few steps."""
        at_once = self.model.steps_per_execution
        for steps in (at_once, 3 * at_once):
            started = time.monotonic()
            self.model.fit(self.feed.dataset(first_step=0, trial=True), steps_per_epoch=steps, verbose=0)
        return (time.monotonic() - started) / steps


def prepare(
    preset: PathLike,
    data: PathLike | None = None,
    settings: str | Iterable[str] | Mapping[str, Any] = (),
    output: PathLike = "runs",
    resume: bool = False,
    strategy: str = "auto",
) -> Plan:
    """The `Plan` of a run, without writing anything or locking a run; arguments and errors as in `train`.

    Example:
        from ganzoo.training.run import prepare

        plan = prepare("dcgan.digits", settings={"training.epochs": 2})
        plan.total_steps  # 2 * plan.steps_per_epoch
    """
    place = placement(strategy)
    with _random_states_restored(), workers_needed(place):
        found, runs = _stages(preset, settings, output, resume)
        return _prepared(place, found, runs[0], data, settings)


def _stages(preset, settings, output, resume):
    """(the `Preset`, the `StageRun`s to train).

    Raises:
        GanzooError: a mistake in a later stage too, which would otherwise be found after hours.
    """
    found = presets.find(preset)
    config = with_settings(found.config, settings, "settings")
    runs = stage_runs(config, found.label, Path(output), resume)
    for run in runs:
        presets.check(run.apply(config), f"{found.name}, {run.title}" if run.title else found.name)
    return found, runs


def _prepared(place, found, run, data, settings, lock=None):
    """As `prepare`, but leaves the random states set by the run's seed.

    Args:
        place: where to train.
        found: the `Preset`.
        run: the `StageRun`.
        data, settings: as in `train`.
        lock: a `contextlib.ExitStack` that holds the lock of a resumed run. The run is locked before it is read, since
            another process could otherwise train it meanwhile. None does not lock.
    """
    with workers_needed(place):
        return _planned(place, found, run, data, settings, lock)


def _planned(place, found, run, data, settings, lock):
    folder, resume = run.folder, run.resume
    resuming, workers = Agreement(place).count(resume)
    if 0 < resuming < workers:
        raise GanzooError(
            f"{resuming} of {workers} workers were started with --resume: start all of them with it, or none"
        )
    given = run.apply(without_weights(found.config))
    start = run.start
    facts = Facts()
    if resume:
        if lock is not None and place.chief:
            lock.enter_context(held(folder))
        facts = read_facts(folder)
    base = load_config(folder / "config.yaml") if resume else given
    if start:
        # A resumed run keeps the name of the stage before: the folder of both may have been moved.
        given.training.start_from = base.training.start_from if resume else str(start)
    if facts.config is not None:
        _refuse_changes(facts.config, base, folder, "its config.yaml says {}")
    # The changes of a stage win over settings, which are meant for the preset itself.
    config = with_settings(base, settings, "settings")
    if run.number is not None:
        config = run.apply(replace(config, stages=found.config.stages))
        config.training.start_from = given.training.start_from
    if data is not None:
        config.data["source"] = str(data)
    if config.training.precision == "auto":
        config.training.precision = base.training.precision if resume else place.fastest_precision
    if resume:
        _refuse_changes(load_config(folder / "preset.yaml"), given, folder)
        _refuse_changes(base, config, folder)
    cls = model_class(config.model, found.name)
    if not config.data.get("source"):
        raise GanzooError(f"{found.name} names no data: give it with --data, e.g. --data folder:my_images")
    # Keras takes the seeds of initializers from Python's random state. TensorFlow's global seed is not used, and it is
    # not set, since it could not be restored.
    random.seed(config.training.seed)
    np.random.seed(config.training.seed)
    with place.strategy.scope():
        if resume:
            model = presets.load_saved(folder / "checkpoints" / "last.keras")
            _refuse_another_model(model, cls, config, folder)
        else:
            model = presets.build(config, found.name)
            if config.training.start_from:
                model.start_from(presets.load(config.training.start_from))
    where = f"{found.name}, section 'data'"
    for key, value in model.data_arguments().items():
        if key in config.data and tuple(np.ravel(config.data[key])) != tuple(np.ravel(value)):
            raise GanzooError(
                f"{where}: '{key}' is {config.data[key]}, the model's is {value}: set arguments.{key} alone"
            )
    if cls.data is None:
        raise GanzooError(f"{found.name}: the model '{config.model}' has no data function: train it with model.fit()")
    arguments = {"seed": config.training.seed, **config.data, **model.data_arguments()}
    feed = cls.data.feed(**validated_arguments(parameters_of(cls.data), arguments, where))
    _name_classes(config, base, feed, model, resume)
    plan = Plan(config, given, folder, resume, model, feed, place, stage=run.title)
    if feed.batch_size % place.replicas:
        raise GanzooError(
            f"data.batch_size={feed.batch_size} is that of all devices together: {place.replicas} cannot share it "
            "evenly; change it, or train on one device with strategy one"
        )
    if resume and (problem := facts.difference(plan.facts)):
        raise GanzooError(
            f"the run in {folder} was trained on {problem.format(source=plan.feed.source)}: resume with the same data, "
            "or start a new run"
        )
    if plan.steps_per_epoch < 1:
        raise GanzooError(
            f"{plan.feed.count} examples give {plan.feed.batches_per_epoch} batches of {plan.feed.batch_size}, but one "
            f"step takes {model.batches_per_step}: lower data.batch_size"
        )
    if plan.steps_per_epoch % model.steps_per_execution:
        raise GanzooError(
            f"compile.steps_per_execution={model.steps_per_execution} does not divide the {plan.steps_per_epoch} "
            "steps of an epoch"
        )
    model.prepare()
    check_names(config.evaluation.metrics)
    needs_loggers(config.training.loggers)
    plan.measure = model.validation_metrics(plan.feed, config.evaluation)
    return plan


def _name_classes(config, base, feed, model, resume):
    """Sets the names of the classes in the run's config and model.

    `--set class_names=[...]` overrides the data's names, and these override the preset's.

    Raises:
        GanzooError: a resumed run was trained on classes with other names.
    """
    found = list(feed.class_names or ())
    if len(set(found)) < len(found):
        # Ambiguous, and not allowed in a config.
        found = []
    if resume and found and base.class_names not in ([], found) and config.class_names == base.class_names:
        raise GanzooError(
            f"the run was trained on the classes {', '.join(base.class_names)}, {feed.source} has "
            f"{', '.join(found)}: resume with the same data, or start a new run"
        )
    if found and config.class_names == base.class_names:
        config.class_names = found
    if config.class_names and hasattr(model, "class_names"):
        model.class_names = config.class_names


def _fit(model, plan, all_callbacks):
    """Trains the remaining epochs. A run that stopped during an epoch first finishes that epoch."""
    epoch, steps_done = divmod(model.steps, plan.steps_per_epoch)
    # (first epoch, last epoch, steps per epoch) of each call of fit().
    calls = [(epoch, plan.config.training.epochs, plan.steps_per_epoch)]
    if steps_done:
        calls = [(epoch, epoch + 1, plan.steps_per_epoch - steps_done), (epoch + 1, *calls[0][1:])]
        all_callbacks = [_RestoreMeans(model), *all_callbacks]
    for first_epoch, last_epoch, steps in calls:
        if first_epoch < last_epoch:
            dataset = plan.feed.dataset(first_step=model.steps * model.batches_per_step)
            model.fit(
                dataset,
                initial_epoch=first_epoch,
                epochs=last_epoch,
                steps_per_epoch=steps,
                callbacks=all_callbacks,
                verbose=0,
            )


class _RestoreMeans(keras.callbacks.Callback):
    """Restores the running means of a resumed epoch, which fit() resets."""

    def __init__(self, model):
        super().__init__()
        self._means = [
            (variable, ops.convert_to_numpy(variable)) for metric in model.metrics for variable in metric.variables
        ]

    def on_epoch_begin(self, epoch, logs=None):
        for variable, value in self._means:
            variable.assign(value)
        self._means = []


def _refuse_another_model(model, cls, config, folder):
    """Raises if the checkpoint and the config belong to different runs, since one of them was replaced or edited."""
    place = folder / "checkpoints" / "last.keras"
    if type(model) is not cls:
        raise GanzooError(f"{place} holds the model {model.model_name}, {folder / 'config.yaml'} says {config.model}")
    parameters = parameters_of("__init__", owner=cls)
    arguments = validated_arguments(parameters, config.arguments, f"{folder / 'config.yaml'}, section 'arguments'")
    for key, value in arguments.items():
        if key in model.arguments and _as_in_files(model.arguments[key]) != _as_in_files(value):
            raise GanzooError(
                f"{place} was made with arguments.{key}={model.arguments[key]}, {folder / 'config.yaml'} says {value}: "
                "restore the one that was changed, or start a new run"
            )


def _as_in_files(value):
    """A value with tuples as lists, as YAML and JSON store it."""
    if isinstance(value, dict):
        return {key: _as_in_files(item) for key, item in value.items()}
    return [_as_in_files(item) for item in value] if isinstance(value, (list, tuple)) else value


def _refuse_changes(base, config, folder, now="now {} is asked for"):
    """Raises if a setting differs that a run may not change; `now` says where the new value comes from."""
    before, after = to_mapping(base), to_mapping(config)
    for key in _FIXED:
        old, new = before, after
        for part in key.split("."):
            old, new = old[part], new[part]
        if isinstance(old, dict):
            changed = [name for name in {*old, *new} if old.get(name) != new.get(name)]
            # The location of the data may change; `Facts` compare its content.
            changed = [name for name in changed if key != "data" or name not in ("source", "noise")]
            if not changed:
                continue
            key, old, new = f"{key}.{changed[0]}", old.get(changed[0]), new.get(changed[0])
        # The run's config has the precision that "auto" stands for.
        if old != new and not (key == "training.precision" and "auto" in (old, new)):
            raise GanzooError(
                f"the run in {folder} was begun with {key}={old}, {now.format(new)}: undo that change, or start a new "
                "run without --resume"
            )


class _Interrupted(Exception):
    """Raised to leave `fit` between two steps, so that an incomplete epoch is not recorded."""


class _Interrupt(keras.callbacks.Callback):
    """Stops after the current step on Ctrl-C, SIGTERM, a time limit or a callback's `stop_training`.

    A second Ctrl-C is not caught.
    """

    def __init__(self, plan, until):
        super().__init__()
        self._plan, self._until = plan, until
        self.last_epoch = plan.config.training.epochs
        self.asked = False
        self._agreement = Agreement(plan.placement)

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
        print("stopping after this step; press Ctrl-C again to stop at once", flush=True)

    def _restore(self):
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    # The last step of an epoch does not stop: its epoch is recorded first. The last epoch ends the run anyway.

    def on_train_batch_end(self, batch, logs=None):
        self.asked |= time.monotonic() > self._until or self.model.stop_training
        if self._agreement.after_step(self.asked) and batch + 1 < self.params["steps"]:
            self._plan.interrupted = True
            raise _Interrupted

    def on_epoch_end(self, epoch, logs=None):
        self.asked |= self.model.stop_training
        if self._agreement.after_epoch(self.asked):
            self._plan.interrupted = True
            if epoch + 1 < self.last_epoch:
                raise _Interrupted


def _duration(seconds):
    if seconds < 120:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"
