"""A training run and its folder.

runs/dcgan.mnist-001/
  config.yaml         everything the run was made from
  metrics.jsonl       a line per epoch
  events/             for TensorBoard
  samples/            a grid per epoch, from the same latents; samples.gif at the end
  checkpoints/        last.keras, best.keras

Two more files say what a resumed run is compared with: preset.yaml, the preset as it was, and data.json (see
`ganzoo.training.facts`).
"""

import contextlib
import functools
import math
import os
import random
import re
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from keras import ops

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
from ganzoo.files import held, write_atomically
from ganzoo.registry import model_class
from ganzoo.training import callbacks
from ganzoo.training.callbacks.checkpoints import recorded_value, write_value
from ganzoo.training.callbacks.record import read_records
from ganzoo.training.distribute import Agreement, of_several_workers, placement, workers_needed
from ganzoo.training.facts import Facts, read_facts, write_facts
from ganzoo.training.zoo_model import describe_networks

# What a resumed run may not change: its weights or its data would no longer be the same run's.
_FIXED = (
    *("model", "arguments", "compile", "data", "training.seed", "training.precision"),
    # Distances of two protocols in one run could not decide on a best checkpoint.
    *("evaluation.extractor", "evaluation.monitor", "evaluation.samples"),
    # It has begun.
    "training.start_from",
)


def train(preset, data=None, settings=(), output="runs", resume=False, strategy="auto", max_minutes=None):
    """Trains a preset and keeps everything in a run folder.

    Args:
        preset: a preset's name, or the path of a YAML file.
        data: source of the data, e.g. "folder:my_images"; the preset's own if not given.
        settings: changes of the preset: ["training.epochs=5"], or {"training.epochs": 5}.
        output: folder for run folders.
        resume: go on with the newest run of this preset in `output` instead of beginning a new one;
            its config is used, with `settings` on top.
        strategy: where to train: "auto", "one", "mirrored", "multiworker" or "tpu", see
            `ganzoo.training.distribute.placement`. The batch size is that of all devices together.
        max_minutes: stop after so long, preparations included, as Ctrl-C does; None goes on to the end.

    The random states of Python and NumPy are afterwards what they were before.

    Returns:
        The run folder, a `pathlib.Path`. Ctrl-C, or a request to terminate, saves a checkpoint and returns as well; of
        several workers one that is asked stops all, within about a second of training.

    Raises:
        GanzooError: anything wrong with preset, settings or data; nothing to resume; a resumed run with another
            architecture, with other data, or with a damaged file; a run that another process is training; a training
            that diverged or collapsed.

    Example:
        folder = ganzoo.train("dcgan.digits")
        model = ganzoo.load(folder)
    """
    until = time.monotonic() + 60 * max_minutes if max_minutes is not None else math.inf
    with contextlib.ExitStack() as lock, _random_states_kept():
        plan = _prepared(preset, data, settings, output, resume, strategy, lock)
        print(f"strategy: {plan.placement.words}; {plan.config.training.precision}", flush=True)
        try:
            with workers_needed(plan.placement):
                # Not before: a dry run trains nothing.
                plan.feed.learn()
                if not plan.placement.chief:
                    _train_along(plan, until)
                    return plan.folder
                if not plan.resumed:
                    _make_folder(plan)
                    lock.enter_context(held(plan.folder))
                _train_in(plan.folder, plan, until)
        except OSError as error:
            raise GanzooError(f"cannot write to {plan.folder}: {error.strerror or error}") from None
        return plan.folder


def _train_along(plan, until):
    """A worker's part of a run whose files another one writes."""
    if plan.model.steps >= plan.total_steps:
        return
    interrupt = _Interrupt(plan, until)
    with contextlib.suppress(_Interrupted), interrupt:
        _fit(plan.model, plan, [callbacks.Guard(patience=plan.config.training.collapse_patience), interrupt])


def _train_in(folder, plan, until):
    model, config = plan.model, plan.config
    record = callbacks.Record(
        folder / "metrics.jsonl", folder / "events", plan.feed.batch_size * model.batches_per_step, plan.feed
    )
    measure = plan.measure
    best = _best_value(folder, plan) if plan.resumed and measure else None
    checkpoints = callbacks.Checkpoints(folder / "checkpoints", measure, config.training.checkpoint_minutes, best)
    progress = callbacks.Progress(plan.total_steps)
    interrupt = _Interrupt(plan, until)
    # The order matters: broken weights reach no file, and a line is on disk before the checkpoint that follows it.
    everything = [
        callbacks.Guard(patience=config.training.collapse_patience),
        *([callbacks.Quality(measure, config.evaluation.every_epochs, config.training.epochs)] if measure else []),
        callbacks.Samples(folder / "samples", plan.feed, config.training.samples),
        record,
        checkpoints,
        progress,
        interrupt,
    ]
    checkpoints.set_model(model)
    write_atomically(folder / "config.yaml", dump(plan.config).encode())
    # Also into a run of an older version, which has fewer of them.
    write_facts(folder, plan.facts)
    if model.steps == 0:
        write_atomically(folder / "preset.yaml", dump(plan.preset).encode())
        checkpoints.save("last")
    elif model.steps >= plan.total_steps:
        print(f"{folder} is finished: {model.steps} steps; more with --set training.epochs=N")
        return
    else:
        print(f"going on with {folder} at step {model.steps} of {plan.total_steps}")
    try:
        with interrupt:
            _fit(model, plan, everything)
    except _Interrupted:
        path = checkpoints.save("last")
        print(f"stopped at step {model.steps} of {plan.total_steps}; saved {path}; go on with --resume")
    finally:
        progress.close()


def _best_value(folder, plan):
    """The metric's value of a resumed run's best.keras; None where there is no such file, or only a damaged one."""
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
            # Of several workers one alone cannot load a model: the metrics of older versions have to do.
            recorded = [line[monitor] for line in read_records(folder / "metrics.jsonl") if monitor in line]
            return plan.measure.best(recorded) if recorded else None
        # Written by an older version. The metrics alone cannot tell: lines of them may be lost.
        best = presets.load_saved(path)
        recorded = {line["step"]: line.get(monitor) for line in read_records(folder / "metrics.jsonl")}
        value = recorded.get(best.steps)
        value = plan.measure.compute(best)[monitor] if value is None else value
    except GanzooError as error:
        print(f"{error}; the next measured checkpoint takes its place", flush=True)
        return None
    write_value(path, monitor, value)
    return value


def _make_folder(plan):
    """Makes a new run's folder, under the next number that is free."""
    while True:
        try:
            plan.folder.mkdir(parents=True)
            return
        except FileExistsError:
            if not plan.folder.is_dir():
                raise
            # Another run has begun in the meantime.
            plan.folder = _folder(plan.folder.parent, re.sub(r"-\d+$", "", plan.folder.name), resume=False)


@contextlib.contextmanager
def _random_states_kept():
    """Gives Python and NumPy their random states back."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


@dataclass
class Plan:
    """A run that could begin: everything checked, nothing written."""

    config: object
    preset: object
    folder: Path
    resumed: bool
    model: object
    feed: object
    placement: object
    measure: object = None

    @functools.cached_property
    def facts(self):
        """What must not change when the run goes on, a `Facts`."""
        return Facts.of(self.config, self.feed)

    @property
    def steps_per_epoch(self):
        return self.feed.batches_per_epoch // self.model.batches_per_step

    @property
    def total_steps(self):
        return self.config.training.epochs * self.steps_per_epoch

    def describe(self):
        """What would happen, and how long it would take, found by a few steps; the plan is then used up."""
        batch = self.feed.batch_size * self.model.batches_per_step
        done = self.model.steps
        seconds = self.seconds_per_step()
        learning = ", nor the encoder of captions, which learns first" if self.feed.learning else ""
        rows = {
            "model": f"{self.config.model}: {describe_networks(self.model)}, {self.config.training.precision}",
            "data": f"{self.feed.source}: {self.feed.count:,} examples, {len(self.feed.skipped)} skipped, "
            f"{batch} per step",
            "steps": f"{self.total_steps:,} = {self.config.training.epochs} epochs of {self.steps_per_epoch:,}, "
            f"{done:,} done",
            "time": f"{seconds:.3g} s a step, about {_duration(seconds * (self.total_steps - done))} "
            f"on this machine, measurements and images not counted{learning}",
            "where": self.placement.words,
            "best": self.measure.description if self.measure else "not measured (section 'evaluation')",
            "folder": str(self.folder),
        }
        return "\n".join(f"{name:8}{text}" for name, text in rows.items())

    def seconds_per_step(self):
        """How long a training step takes, found by a few; the model is then no longer fresh."""
        at_once = self.model.steps_per_execution
        for steps in (at_once, 3 * at_once):
            began = time.monotonic()
            self.model.fit(self.feed.dataset(first_step=0, trial=True), steps_per_epoch=steps, verbose=0)
        return (time.monotonic() - began) / steps


def prepare(preset, data=None, settings=(), output="runs", resume=False, strategy="auto"):
    """The `Plan` of a run; arguments and errors as `train`. Nothing is written, and no run is locked."""
    with _random_states_kept():
        return _prepared(preset, data, settings, output, resume, strategy)


def _prepared(preset, data, settings, output, resume, strategy, lock=None):
    """As `prepare`, from where on all random states are those of the run's seed.

    Args:
        lock: a `contextlib.ExitStack` that keeps a resumed run locked: before anything of it is read, or another
            process could take it further meanwhile. None reads without.
    """
    # Before anything else: several workers have to find each other before TensorFlow does anything at all.
    place = placement(strategy)
    with workers_needed(place):
        return _planned(place, preset, data, settings, output, resume, lock)


def _planned(place, preset, data, settings, output, resume, lock):
    resuming, workers = Agreement(place).count(resume)
    if 0 < resuming < workers:
        raise GanzooError(
            f"{resuming} of {workers} workers were started with --resume: start all of them with it, or none"
        )
    found = presets.find(preset)
    label = Path(found.name).stem if found.name == str(found.path) else found.name
    folder = _folder(Path(output), label, resume)
    given = without_weights(found.config)
    facts = Facts()
    if resume:
        if lock is not None and place.chief:
            lock.enter_context(held(folder))
        facts = read_facts(folder)
    base = load_config(folder / "config.yaml") if resume else given
    if facts.config is not None:
        _refuse_changes(facts.config, base, folder, "its config.yaml says {}")
    config = with_settings(base, settings, "settings")
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
    # Keras takes the seeds of fresh weights from Python's random state. The caller's of TensorFlow stays as it is:
    # nothing here draws from it, and it could not be given back.
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
    plan = Plan(config, given, folder, resume, model, feed, place)
    if feed.batch_size % place.replicas:
        raise GanzooError(
            f"data.batch_size={feed.batch_size} is that of all devices together: {place.replicas} cannot share it "
            "evenly; change it, or train on one with strategy one"
        )
    if resume and (problem := facts.difference(plan.facts)):
        raise GanzooError(
            f"the run in {folder} was trained on {problem.format(source=plan.feed.source)}: resume with the same data, "
            "or begin a new run"
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
    plan.measure = model.validation_metrics(plan.feed, config.evaluation)
    return plan


def _name_classes(config, base, feed, model, resume):
    """Keeps the names of the data's classes in the run's config and model.

    The data's own names come before the preset's, and `--set class_names=[...]` before both.

    Raises:
        GanzooError: a resumed run was trained on classes of other names.
    """
    found = list(feed.class_names or ())
    if len(set(found)) < len(found):
        # Such names tell nobody which class is meant, and no config may hold them.
        found = []
    if resume and found and base.class_names not in ([], found) and config.class_names == base.class_names:
        raise GanzooError(
            f"the run was trained on the classes {', '.join(base.class_names)}, {feed.source} has "
            f"{', '.join(found)}: resume with the same data, or begin a new run"
        )
    if found and config.class_names == base.class_names:
        config.class_names = found
    if config.class_names and hasattr(model, "class_names"):
        model.class_names = config.class_names


def _fit(model, plan, everything):
    """All epochs that are left; a run stopped within an epoch first takes the rest of that one."""
    epoch, place = divmod(model.steps, plan.steps_per_epoch)
    stretches = [(epoch, plan.config.training.epochs, plan.steps_per_epoch)]
    if place:
        stretches = [(epoch, epoch + 1, plan.steps_per_epoch - place), (epoch + 1, *stretches[0][1:])]
        everything = [_KeepMeans(model), *everything]
    for first_epoch, last_epoch, steps in stretches:
        if first_epoch < last_epoch:
            dataset = plan.feed.dataset(first_step=model.steps * model.batches_per_step)
            model.fit(
                dataset,
                initial_epoch=first_epoch,
                epochs=last_epoch,
                steps_per_epoch=steps,
                callbacks=everything,
                verbose=0,
            )


class _KeepMeans(keras.callbacks.Callback):
    """Goes on with the means of an epoch that was begun before, which fit() resets."""

    def __init__(self, model):
        super().__init__()
        self._kept = [
            (variable, ops.convert_to_numpy(variable)) for metric in model.metrics for variable in metric.variables
        ]

    def on_epoch_begin(self, epoch, logs=None):
        for variable, value in self._kept:
            variable.assign(value)
        self._kept = []


def _folder(output, label, resume):
    """The folder of a new run, or of the newest one with a checkpoint."""
    pattern = re.compile(re.escape(label) + r"-(\d+)")
    there = output.iterdir() if output.is_dir() else []
    runs = {int(found[1]): path for path in there if (found := pattern.fullmatch(path.name))}
    if not resume:
        return output / f"{label}-{max(runs, default=0) + 1:03d}"
    for _, path in sorted(runs.items(), reverse=True):
        # A broken link, too: an older run must not be taken instead.
        if os.path.lexists(path / "checkpoints" / "last.keras"):
            return path
    raise GanzooError(f"there is no run of '{label}' with a checkpoint in {output}: nothing to resume")


def _refuse_another_model(model, cls, config, folder):
    """A checkpoint and a config that are not of one run: one of them was exchanged or edited."""
    place = folder / "checkpoints" / "last.keras"
    if type(model) is not cls:
        raise GanzooError(f"{place} holds the model {model.model_name}, {folder / 'config.yaml'} says {config.model}")
    parameters = parameters_of("__init__", owner=cls)
    arguments = validated_arguments(parameters, config.arguments, f"{folder / 'config.yaml'}, section 'arguments'")
    for key, value in arguments.items():
        if key in model.arguments and _as_in_files(model.arguments[key]) != _as_in_files(value):
            raise GanzooError(
                f"{place} was made with arguments.{key}={model.arguments[key]}, {folder / 'config.yaml'} says {value}: "
                "put back the one that was changed, or begin a new run"
            )


def _as_in_files(value):
    """A value in which lists and tuples are the same, as in YAML and JSON."""
    if isinstance(value, dict):
        return {key: _as_in_files(item) for key, item in value.items()}
    return [_as_in_files(item) for item in value] if isinstance(value, (list, tuple)) else value


def _refuse_changes(base, config, folder, now="now {} is asked for"):
    """Refuses what a run may not change; `now` says where the new value comes from."""
    before, after = to_mapping(base), to_mapping(config)
    for key in _FIXED:
        old, new = before, after
        for part in key.split("."):
            old, new = old[part], new[part]
        if isinstance(old, dict):
            changed = [name for name in {*old, *new} if old.get(name) != new.get(name)]
            # Where the data lies is the machine's; of another length it is refused.
            changed = [name for name in changed if key != "data" or name not in ("source", "noise")]
            if not changed:
                continue
            key, old, new = f"{key}.{changed[0]}", old.get(changed[0]), new.get(changed[0])
        # What "auto" was found to be is in the run's config.
        if old != new and not (key == "training.precision" and "auto" in (old, new)):
            raise GanzooError(
                f"the run in {folder} was begun with {key}={old}, {now.format(new)}: take that change back, or begin a "
                "new run without --resume"
            )


class _Interrupted(Exception):
    """Leaves `fit` between two steps: an epoch cut short is not recorded as one."""


class _Interrupt(keras.callbacks.Callback):
    """Turns Ctrl-C, a request to terminate and a time into a stop after the step; a second Ctrl-C is not caught."""

    def __init__(self, plan, until):
        super().__init__()
        self._until = until
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
        print("stopping after this step; once more to stop at once", flush=True)

    def _restore(self):
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    # At the end of an epoch only when it is recorded, and not at all at the end of the run.

    def on_train_batch_end(self, batch, logs=None):
        if not self.asked and time.monotonic() > self._until:
            self.asked = True
        if self._agreement.after_step(self.asked) and batch + 1 < self.params["steps"]:
            raise _Interrupted

    def on_epoch_end(self, epoch, logs=None):
        if self._agreement.after_epoch(self.asked) and epoch + 1 < self.last_epoch:
            raise _Interrupted


def _duration(seconds):
    if seconds < 120:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"
