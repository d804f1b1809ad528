"""A progress bar for the whole run, with the remaining time."""

import sys
from typing import Any

import keras
from tqdm import tqdm


class Progress(keras.callbacks.Callback):
    """Shows a progress bar over all epochs, and prints a line after each epoch.

    Args:
        total: number of steps of the whole run.
        every: steps between updates of the metrics; each waits for the device.
    """

    def __init__(self, total: int, every: int = 20):
        super().__init__()
        self.total = total
        self.every = every
        self.bar: Any = None
        self._updates = 0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if self.bar is None:
            # Files and pipes get only the lines.
            hidden = not sys.stderr.isatty()
            self.bar = tqdm(total=self.total, initial=self.model.steps, unit="step", disable=hidden, smoothing=0.05)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._updates = 0

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        # With `steps_per_execution`, only every so many batches end here.
        if (batch + 1) // self.every != self._updates:
            self._updates = (batch + 1) // self.every
            self.bar.update(self.model.steps - self.bar.n)
            self.bar.set_postfix({name: f"{float(value):.3g}" for name, value in (logs or {}).items()})

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.bar.update(self.model.steps - self.bar.n)
        metrics = "  ".join(f"{name} {float(value):.4g}" for name, value in (logs or {}).items())
        tqdm.write(f"epoch {epoch + 1}  step {self.model.steps}/{self.total}  {metrics}", file=sys.stderr)

    def close(self) -> None:
        """Removes the bar."""
        if self.bar is not None:
            self.bar.close()
