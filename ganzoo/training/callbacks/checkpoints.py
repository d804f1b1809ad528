"""The last and the best state of a run, each a complete `.keras` file."""

import os
import time
from pathlib import Path

import keras
import numpy as np

from ganzoo import backend
from ganzoo.errors import GanzooError
from ganzoo.training.callbacks.guard import TrainingStopped


class Checkpoints(keras.callbacks.Callback):
    """Writes `last.keras` after every epoch and every few minutes, `best.keras` when a figure improves.

    A file is written beside its place and moved there when it is whole, so a kill at any moment
    leaves the old one or the new one.

    Args:
        folder: for the two files.
        record: the run's `Record`: the best figure so far is what it has written down.
        measure: the `Measure` whose figure decides; None keeps no best.
        minutes: between checkpoints within an epoch.
    """

    def __init__(self, folder, record, measure=None, minutes=5.0):
        super().__init__()
        self.folder = Path(folder)
        self.record = record
        self.measure = measure
        self.minutes = minutes

    def on_train_begin(self, logs=None):
        self._saved_at = time.monotonic()
        for leftover in self.folder.glob(".*.tmp.keras"):
            leftover.unlink(missing_ok=True)

    def on_train_batch_end(self, batch, logs=None):
        # The end of an epoch saves by itself, after the epoch has been recorded.
        if time.monotonic() - self._saved_at > 60 * self.minutes and batch + 1 < (self.params.get("steps") or 0):
            self.save("last")

    def on_epoch_end(self, epoch, logs=None):
        monitor = self.measure and self.measure.monitor
        value = (logs or {}).get(monitor)
        if value is not None:
            earlier = [line[monitor] for line in self.record.lines[:-1] if monitor in line]
            improved = value not in earlier and self.measure.best([*earlier, value]) == value
            if improved or not (self.folder / "best.keras").exists():
                self.save("best")
        self.save("last")

    def save(self, name):
        """Writes `<name>.keras` now; returns its path.

        Raises:
            GanzooError: it cannot be written; the file that was there is untouched.
        """
        backend.settle(self.model)
        if not all(np.isfinite(np.asarray(variable)).all() for variable in self.model.generator.weights):
            raise TrainingStopped(
                f"the generator's weights are no longer numbers at step {self.model.steps}: the training has diverged. "
                "Start again with a lower learning rate."
            )
        path = self.folder / f"{name}.keras"
        temporary = self.folder / f".{name}.{os.getpid()}.tmp.keras"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.model.save(temporary)
            with open(temporary, "rb") as file:
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            kept = "; the previous checkpoint is intact" if path.exists() else ""
            raise GanzooError(f"cannot write the checkpoint {path}: {error.strerror or error}{kept}") from None
        self._saved_at = time.monotonic()
        return path
