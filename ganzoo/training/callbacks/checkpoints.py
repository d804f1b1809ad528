"""The last and the best state of a run, each a complete `.keras` file."""

import contextlib
import json
import math
import os
import shutil
import time
import zipfile
from pathlib import Path

import keras
import numpy as np

from ganzoo import backend
from ganzoo.errors import GanzooError, first_line
from ganzoo.files import sync_folder
from ganzoo.training.callbacks.guard import TrainingStopped


class Checkpoints(keras.callbacks.Callback):
    """Writes `last.keras` after every epoch and every few minutes, `best.keras` when a figure improves.

    A file is written beside its place and moved there when it is whole, so a kill at any moment
    leaves the old one or the new one. The value of the metric that made a checkpoint the best one is
    inside that very file, as the comment of its zip archive: the two cannot be torn apart.

    Args:
        folder: for the two files.
        measure: the `Measure` whose metric decides; None keeps no best.
        minutes: between checkpoints within an epoch.
        best: the metric's value of the `best.keras` that is there; None lets the first measured one take its place.
    """

    def __init__(self, folder, measure=None, minutes=5.0, best=None):
        super().__init__()
        self.folder = Path(folder)
        self.measure = measure
        self.minutes = minutes
        self.best = best

    def on_train_begin(self, logs=None):
        self._saved_at = time.monotonic()
        for leftover in self.folder.glob(".*.tmp.keras"):
            leftover.unlink(missing_ok=True)

    def on_train_batch_end(self, batch, logs=None):
        # The end of an epoch saves by itself, after the epoch has been recorded.
        if time.monotonic() - self._saved_at > 60 * self.minutes and batch + 1 < (self.params.get("steps") or 0):
            self.save("last")

    def on_epoch_end(self, epoch, logs=None):
        value = (logs or {}).get(self.measure.monitor) if self.measure else None
        if value is not None and math.isfinite(value):
            improved = self.best is None or (value != self.best and self.measure.best([self.best, value]) == value)
            if improved or not (self.folder / "best.keras").exists():
                self.save("best", float(value))
                self.best = value
        self.save("last")

    def save(self, name, value=None):
        """Writes `<name>.keras` now; returns its path.

        Args:
            name: "last" or "best".
            value: of the metric, kept inside the file.

        Raises:
            GanzooError: it cannot be written; the file that was there is untouched.
        """
        backend.sync_variables(self.model)
        if not all(
            np.isfinite(np.asarray(variable)).all()
            for name in self.model.averages
            for variable in self.model.networks[name].weights
        ):
            raise TrainingStopped(
                f"weights are no longer numbers at step {self.model.steps}: the training has diverged. "
                "Start again with a lower learning rate."
            )
        path = self.folder / f"{name}.keras"
        with _replaced(path) as temporary:
            self.model.save(temporary)
            if value is not None:
                _add_comment(temporary, self.measure.monitor, value)
        self._saved_at = time.monotonic()
        return path


def recorded_value(path, monitor):
    """The value of a metric that is kept inside a checkpoint; None where it has none.

    Raises:
        GanzooError: the checkpoint is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            comment = archive.comment
            broken = archive.testzip()
    # zipfile raises a good many errors on damaged archives.
    except Exception as error:
        raise GanzooError(f"{path} is damaged ({first_line(error)})") from None
    if broken:
        raise GanzooError(f"{path} is damaged ({broken})")
    try:
        value = json.loads(comment)[monitor]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return value if type(value) in (int, float) and math.isfinite(value) else None


def write_value(path, monitor, value):
    """Puts the value of a metric into a checkpoint that is there."""
    with _replaced(path) as temporary:
        shutil.copyfile(path, temporary)
        _add_comment(temporary, monitor, value)


def _add_comment(path, monitor, value):
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = json.dumps({monitor: float(value)}).encode()


@contextlib.contextmanager
def _replaced(path):
    """The name of a file to write that takes the place of `path` when it is whole; Keras asks for its suffix."""
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp.keras")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_folder(path.parent)
    except OSError as error:
        kept = "; the previous checkpoint is intact" if path.exists() else ""
        raise GanzooError(f"cannot write the checkpoint {path}: {error.strerror or error}{kept}") from None
    finally:
        temporary.unlink(missing_ok=True)
