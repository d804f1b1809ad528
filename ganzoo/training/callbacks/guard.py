"""Stops a run that can only waste hours."""

import keras
import numpy as np

from ganzoo.errors import GanzooError


class TrainingStopped(GanzooError):
    """The training went wrong; the message says how and what to try."""


class Guard(keras.callbacks.Callback):
    """Stops when a loss is no longer a number, or when all samples have become alike.

    Args:
        patience: epochs in a row with all images alike before the run is given up.
        after: steps from which on it counts: an untrained generator's images are alike as well.
        every: steps between looks at the losses; each waits for the device.
    """

    def __init__(self, patience=3, after=500, every=20):
        super().__init__()
        self.patience = patience
        self.after = after
        self.every = every
        self._alike = 0

    def on_train_batch_end(self, batch, logs=None):
        if batch % self.every == 0:
            self._check_losses(logs or {})

    def on_epoch_end(self, epoch, logs=None):
        self._check_losses(logs or {})
        alike = self.model.steps >= self.after and self.model.collapsed()
        self._alike = self._alike + 1 if alike else 0
        if self._alike >= self.patience:
            raise TrainingStopped(
                f"the generator has collapsed: for {self.patience} epochs all of its images have been alike. "
                "Start again with another seed (training.seed), a lower learning rate, or a model made "
                "against it (see README, 'When training goes wrong')."
            )

    def _check_losses(self, logs):
        for name, value in logs.items():
            if not np.isfinite(float(value)):
                raise TrainingStopped(
                    f"{name} became {float(value)} near step {self.model.steps}: the training has diverged. "
                    "Start again with a lower learning rate, or in float32 if it ran in float16."
                )
