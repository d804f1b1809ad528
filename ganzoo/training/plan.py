"""What a training run will do, checked before anything is written: `prepare`."""

import contextlib
import functools
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ganzoo import loading, presets
from ganzoo.arguments import parameters_of, validated_arguments
from ganzoo.config import Config, load_config, to_mapping, with_settings, without_weights
from ganzoo.data.feed import Feed
from ganzoo.errors import GanzooError, needs_loggers
from ganzoo.files import held
from ganzoo.metrics.registry import check_names
from ganzoo.registry import model_class
from ganzoo.tasks.base import ValidationMetrics
from ganzoo.training.agreement import Agreement
from ganzoo.training.distribute import Placement, placement, workers_needed
from ganzoo.training.facts import Facts, read_facts
from ganzoo.training.stages import StageRun, stage_runs
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
    settings: str | Sequence[str] | Mapping[str, Any] = (),
    output: PathLike = "runs",
    resume: bool = False,
    strategy: str = "auto",
    run: int | None = None,
) -> Plan:
    """The `Plan` of a run, without writing anything or locking a run; arguments and errors as in `train`.

    Example:
        from ganzoo.training.plan import prepare

        plan = prepare("dcgan.digits", settings={"training.epochs": 2})
        plan.total_steps  # 2 * plan.steps_per_epoch
    """
    place = placement(strategy)
    with random_states_restored(), workers_needed(place):
        found, runs = stages_of(preset, settings, output, resume, run)
        return prepared(place, found, runs[0], data, settings)


def stages_of(
    preset: PathLike,
    settings: str | Sequence[str] | Mapping[str, Any],
    output: PathLike,
    resume: bool,
    number: int | None = None,
) -> tuple[presets.Preset, list[StageRun]]:
    """(the `Preset`, the `StageRun`s to train).

    Raises:
        GanzooError: a mistake in a later stage too, which would otherwise be found after hours.
    """
    found = presets.find(preset)
    config = with_settings(found.config, settings, "settings")
    runs = stage_runs(config, found.label, Path(output), resume, number)
    for run in runs:
        loading.check(run.apply(config), f"{found.name}, {run.title}" if run.title else found.name)
    return found, runs


def prepared(
    place: Placement,
    found: presets.Preset,
    run: StageRun,
    data: PathLike | None,
    settings: str | Sequence[str] | Mapping[str, Any],
    lock: contextlib.ExitStack | None = None,
) -> Plan:
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
            model = loading.load_saved(folder / "checkpoints" / "last.keras")
            _refuse_another_model(model, cls, config, folder)
        else:
            model = loading.build(config, found.name)
            if config.training.start_from:
                model.start_from(loading.load(config.training.start_from))
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


@contextlib.contextmanager
def random_states_restored() -> Iterator[None]:
    """Restores the random states of Python and NumPy at the end."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


def _duration(seconds):
    if seconds < 120:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"
