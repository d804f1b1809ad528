"""A progress bar over the whole run, with the time left."""

import sys

import keras
from tqdm import tqdm


class Progress(keras.callbacks.Callback):
    """One bar for all epochs and one line after each.

    Args:
        total: steps of the whole run.
        every: steps between updates of the metrics shown; each waits for the device.
    """

    def __init__(self, total, every=20):
        super().__init__()
        self.total = total
        self.every = every
        self.bar = None

    def on_train_begin(self, logs=None):
        if self.bar is None:
            # Into a file or a pipe only the lines go.
            hidden = not sys.stderr.isatty()
            self.bar = tqdm(total=self.total, initial=self.model.steps, unit="step", disable=hidden, smoothing=0.05)

    def on_train_batch_end(self, batch, logs=None):
        if (batch + 1) % self.every == 0:
            self.bar.update(self.model.steps - self.bar.n)
            self.bar.set_postfix({name: f"{float(value):.3g}" for name, value in (logs or {}).items()})

    def on_epoch_end(self, epoch, logs=None):
        self.bar.update(self.model.steps - self.bar.n)
        metrics = "  ".join(f"{name} {float(value):.4g}" for name, value in (logs or {}).items())
        tqdm.write(f"epoch {epoch + 1}  step {self.model.steps}/{self.total}  {metrics}", file=sys.stderr)

    def close(self):
        if self.bar is not None:
            self.bar.close()
