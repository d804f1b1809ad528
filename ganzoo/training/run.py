"""A training run and its folder.

runs/dcgan.mnist-001/
  config.yaml         the complete configuration of the run
  metrics.jsonl       one line per epoch
  events/             for TensorBoard
  curves.png          losses, D(x), D(G(z)) and the other metrics of all epochs so far
  samples/            a grid of samples per epoch, from the same latents; samples.gif at the end
  checkpoints/        last.keras, best.keras

Two more files are read later: preset.yaml, the original preset, and data.json (see `ganzoo.training.facts`). A resumed
run is checked against them, and data.json tells whether the run selects a best checkpoint.
"""

import contextlib
import math
import signal
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
from keras import ops

from ganzoo import loading
from ganzoo.config import dump, to_mapping
from ganzoo.errors import GanzooError
from ganzoo.files import held, write_atomically
from ganzoo.training import callbacks
from ganzoo.training.agreement import Agreement
from ganzoo.training.callbacks.checkpoints import recorded_facts, recorded_value, write_value
from ganzoo.training.callbacks.loggers import LOGGERS
from ganzoo.training.callbacks.record import read_records
from ganzoo.training.distribute import placement, workers_needed
from ganzoo.training.facts import write_facts
from ganzoo.training.plan import prepared, random_states_restored, stages_of
from ganzoo.training.stages import number_of
from ganzoo.types import PathLike


def train(
    preset: PathLike,
    data: PathLike | None = None,
    settings: str | Sequence[str] | Mapping[str, Any] = (),
    output: PathLike = "runs",
    resume: bool = False,
    strategy: str = "auto",
    max_minutes: float | None = None,
    callbacks: Iterable[keras.callbacks.Callback] = (),
    run: int | None = None,
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
        resume: resume the newest run of this preset in `output`, or that of `run`, with its config and `settings` on
            top, instead of starting a new one.
        strategy: where to train: "auto", "one", "mirrored", "multiworker" or "tpu", see
            `ganzoo.training.distribute.placement`. The batch size is that of all devices together.
        max_minutes: stop after this time, including preparation, as Ctrl-C does; None trains to the end.
        callbacks: more Keras callbacks. One that sets `self.model.stop_training = True` stops the run after the current
            step, as Ctrl-C does; what callbacks do at the end, such as restoring the best weights, is in the last
            checkpoint. With several workers, only the first one calls them.
        run: number of the run to resume, that at the end of its folder's name; the newest by default.

    Returns:
        The run folder; of a preset with stages, that of the last stage that has begun.

    Raises:
        GanzooError: a mistake in preset, settings or data; no run to resume, or `run` without `resume`; a resumed run
            with another architecture, other data or a damaged file; a run that another process is training; training
            that diverged or collapsed.

    Example:
        # For a quick try; without settings, the preset as it is.
        settings = {"training.epochs": 1, "arguments.width": 4, "data.batch_size": 512, "evaluation.extractor": None}
        folder = ganzoo.train("dcgan.digits", settings=settings)
        model = ganzoo.load(folder)
    """
    if max_minutes is not None and not (isinstance(max_minutes, (int, float)) and 0 <= max_minutes < math.inf):
        raise GanzooError(f"max_minutes must be a number of at least 0, or None, got {max_minutes!r}")
    until = time.monotonic() + 60 * max_minutes if max_minutes is not None else math.inf
    callbacks = list(callbacks)
    # First of all: workers must find each other before TensorFlow is used.
    place = placement(strategy)
    with workers_needed(place):
        found, (first, *later) = stages_of(preset, settings, output, resume, run)
    plan = _train_stage(place, found, first, data, settings, until, callbacks)
    for stage in later:
        if plan.interrupted:
            break
        plan = _train_stage(place, found, stage.after(plan.folder), data, settings, until, callbacks)
    return plan.folder


def _train_stage(place, found, run, data, settings, until, more_callbacks):
    if run.title:
        print(run.title, flush=True)
    with contextlib.ExitStack() as lock, random_states_restored():
        plan = prepared(place, found, run, data, settings, lock)
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
        folder / "metrics.jsonl",
        folder / "events",
        plan.feed.batch_size * model.batches_per_step,
        plan.feed,
        recorded_facts(folder / "checkpoints" / "last.keras") if plan.resumed else None,
    )
    measure = plan.measure
    best = _best_value(folder, plan) if plan.resumed and measure else None
    checkpoints = callbacks.Checkpoints(
        folder / "checkpoints", measure, config.training.checkpoint_minutes, best, record.times
    )
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
    write_facts(folder, replace(plan.facts, monitor=measure.monitor if measure else ""))
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
        if more_callbacks:
            # What they did at the end, such as restoring the best weights.
            checkpoints.save("last")
    except _Interrupted:
        finished = True
        if model.stop_training:
            # A callback ended the training for good: Keras does not come to this.
            for callback in all_callbacks:
                callback.on_train_end()
        path = checkpoints.save("last")
        again = f"resume with --resume --run {number_of(folder)}"
        print(f"stopped at step {model.steps} of {plan.total_steps}; saved {path}; {again}")
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
        if plan.placement.several_workers:
            # One of several workers cannot load a model alone: use the recorded metrics.
            recorded = [line[monitor] for line in read_records(folder / "metrics.jsonl") if monitor in line]
            return plan.measure.best(recorded) if recorded else None
        # Written by an older version. metrics.jsonl may lack the line of this checkpoint.
        best = loading.load_saved(path)
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
