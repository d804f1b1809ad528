"""The last and the best checkpoint of a run, each a complete `.keras` file."""

import contextlib
import json
import math
import os
import shutil
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from ganzoo import backend
from ganzoo.errors import GanzooError, first_line
from ganzoo.files import sync_folder
from ganzoo.training.callbacks.guard import TrainingStopped
from ganzoo.types import PathLike

if TYPE_CHECKING:
    from ganzoo.tasks.base import ValidationMetrics


class Checkpoints(keras.callbacks.Callback):
    """Writes `last.keras` after every epoch and every few minutes, and `best.keras` when the validation metric
    improves.

    Files are written to a temporary name and then moved, so that a kill at any time leaves the old or the new one. The
    metric's value is stored within the best checkpoint, as the comment of its zip archive, so they cannot get
    separated; further facts, such as the duration of the run, within both.

    Args:
        folder: for the two files.
        measure: the `ValidationMetrics` that determine the best checkpoint; None to write no `best.keras`.
        minutes: between checkpoints within an epoch.
        best: the metric's value for the existing `best.keras`; None lets the first measured checkpoint replace it.
        facts: function that returns further {name: number} to store with each checkpoint, as the metric's value is.

    Example:
        from ganzoo.training.callbacks import Checkpoints

        model = ganzoo.create("gan", image_shape=(8, 8, 1), generator_widths=(16,), discriminator_widths=(8,))
        model.compile()
        model.fit(np.zeros((8, 8, 8, 1), "float32"), batch_size=8, callbacks=[Checkpoints("checkpoints")])
        model = ganzoo.load("checkpoints/last.keras")
    """

    def __init__(
        self,
        folder: PathLike,
        measure: "ValidationMetrics | None" = None,
        minutes: float = 5.0,
        best: float | None = None,
        facts: Callable[[], Mapping[str, float]] | None = None,
    ):
        super().__init__()
        self.folder = Path(folder)
        self.measure = measure
        self.minutes = minutes
        self.best = best
        self.facts = facts

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._saved_at = time.monotonic()
        for leftover in self.folder.glob(".*.tmp.keras"):
            leftover.unlink(missing_ok=True)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        # The last batch of an epoch is followed by `on_epoch_end`, which saves after the metrics have been recorded.
        # In the first epoch of a dataset of unknown length, it is not known which one is the last.
        is_last = batch + 1 == self.params.get("steps")
        if time.monotonic() - self._saved_at > 60 * self.minutes and not is_last:
            self.save("last")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        value = (logs or {}).get(self.measure.monitor) if self.measure else None
        if value is not None and math.isfinite(value):
            assert self.measure is not None
            improved = self.best is None or (value != self.best and self.measure.best([self.best, value]) == value)
            if improved or not (self.folder / "best.keras").exists():
                self.save("best", float(value))
                self.best = value
        self.save("last")

    def save(self, name: str, value: float | None = None) -> Path:
        """Writes `<name>.keras` now; returns its path.

        Args:
            name: "last" or "best".
            value: of the metric, to store within the file.

        Raises:
            GanzooError: the file cannot be written; an existing one is left intact.
        """
        backend.sync_variables(self.model)
        if not all(
            np.isfinite(np.asarray(variable)).all()
            for name in self.model.averages
            for variable in self.model.networks[name].weights
        ):
            raise TrainingStopped(
                f"weights are NaN or infinite at step {self.model.steps}: the training has diverged. "
                "Start again with a lower learning rate."
            )
        path = self.folder / f"{name}.keras"
        with _replaced(path) as temporary:
            self.model.save(temporary)
            facts = dict(self.facts() if self.facts else {})
            if value is not None and self.measure is not None:
                facts[self.measure.monitor] = value
            _add_comment(temporary, facts)
        self._saved_at = time.monotonic()
        return path


def recorded_value(path: PathLike, monitor: str) -> float | None:
    """The value of a metric stored within a checkpoint; None if there is none.

    Raises:
        GanzooError: the checkpoint is damaged.
    """
    return recorded_facts(path).get(monitor)


def recorded_facts(path: PathLike) -> dict[str, float]:
    """The metric's value and the further {name: number} stored within a checkpoint.

    Raises:
        GanzooError: the checkpoint is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            comment = archive.comment
            broken = archive.testzip()
    # zipfile raises many types of errors for damaged archives.
    except Exception as error:
        raise GanzooError(f"{path} is damaged ({first_line(error)})") from None
    if broken:
        raise GanzooError(f"{path} is damaged ({broken})")
    try:
        facts = json.loads(comment)
    except (ValueError, RecursionError):
        return {}
    facts = facts if isinstance(facts, dict) else {}
    return {key: value for key, value in facts.items() if type(value) in (int, float) and math.isfinite(value)}


def write_value(path: Path, monitor: str, value: float) -> None:
    """Stores the value of a metric within an existing checkpoint."""
    facts = {**recorded_facts(path), monitor: value}
    with _replaced(path) as temporary:
        shutil.copyfile(path, temporary)
        _add_comment(temporary, facts)


def _add_comment(path: Path, facts: Mapping[str, float]) -> None:
    if facts:
        with zipfile.ZipFile(path, "a") as archive:
            archive.comment = json.dumps({key: float(value) for key, value in facts.items()}).encode()


@contextlib.contextmanager
def _replaced(path: Path) -> Iterator[Path]:
    """A temporary name, with the suffix that Keras requires, of a file that replaces `path` once it is complete."""
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp.keras")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        # Windows only synchronizes files that are open for writing.
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_folder(path.parent)
    except OSError as error:
        intact = "; the previous checkpoint is intact" if path.exists() else ""
        raise GanzooError(f"cannot write the checkpoint {path}: {error.strerror or error}{intact}") from None
    finally:
        temporary.unlink(missing_ok=True)
