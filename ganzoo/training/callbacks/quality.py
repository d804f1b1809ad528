"""Computes validation metrics after an epoch."""

import warnings
from typing import TYPE_CHECKING, Any

import keras

from ganzoo.errors import first_line

if TYPE_CHECKING:
    from ganzoo.tasks.base import ValidationMetrics


class Quality(keras.callbacks.Callback):
    """Adds validation metrics to the logs.

    Args:
        measure: the `ValidationMetrics` that the model's `validation_metrics` returns.
        every: epochs between evaluations.
        last_epoch: number of the run's last epoch, which is always evaluated.
    """

    def __init__(self, measure: "ValidationMetrics", every: int = 1, last_epoch: int | None = None):
        super().__init__()
        self.measure = measure
        self.every = every
        self.last_epoch = last_epoch

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if logs is not None and ((epoch + 1) % self.every == 0 or epoch + 1 == self.last_epoch):
            try:
                logs.update(self.measure.compute(self.model))
            except Exception as error:
                # The epoch's checkpoint is worth more than its metrics.
                warnings.warn(f"epoch {epoch + 1} has no validation metrics: {first_line(error)}", stacklevel=2)
