"""Stops a run that has failed."""

from typing import Any

import keras
import numpy as np

from ganzoo.errors import GanzooError


class TrainingStopped(GanzooError):
    """The training failed; the message explains why and what to try."""


class Guard(keras.callbacks.Callback):
    """Stops when a loss is NaN or infinite, or when the generator has collapsed to a single sample.

    Args:
        patience: consecutive epochs with all samples alike after which to stop.
        after: steps before which collapse is ignored: the samples of an untrained generator are alike, too.
        every: steps between checks of the losses; each waits for the device.

    Example:
        from ganzoo.training.callbacks import Guard

        model = ganzoo.create("gan", image_shape=(8, 8, 1), generator_widths=(16,), discriminator_widths=(8,))
        model.compile()
        model.fit(np.zeros((8, 8, 8, 1), "float32"), batch_size=8, callbacks=[Guard(patience=5)])
    """

    def __init__(self, patience: int = 3, after: int = 500, every: int = 20):
        super().__init__()
        self.patience = patience
        self.after = after
        self.every = every
        self._alike = 0
        self._checked = -1

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        # With `steps_per_execution`, only every so many batches end here.
        if batch // self.every != self._checked:
            self._checked = batch // self.every
            self._check_losses(logs or {})

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._checked = -1

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._check_losses(logs or {})
        alike = self.model.steps >= self.after and self.model.collapsed()
        self._alike = self._alike + 1 if alike else 0
        if self._alike >= self.patience:
            raise TrainingStopped(
                f"the generator has collapsed: for {self.patience} epochs all of its images have been alike. "
                "Start again with another seed (training.seed), a lower learning rate, or a remedy of the page "
                "'When training goes wrong' (docs/when_training_goes_wrong.md)."
            )

    def _check_losses(self, logs: dict[str, Any]) -> None:
        for name, value in logs.items():
            if not np.isfinite(float(value)):
                raise TrainingStopped(
                    f"{name} became {float(value)} near step {self.model.steps}: the training has diverged. "
                    "Start again with a lower learning rate, or in float32 if it ran in float16."
                )
