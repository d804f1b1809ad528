"""Measures the model after an epoch."""

import keras


class Quality(keras.callbacks.Callback):
    """Adds the metrics of `ValidationMetrics` to the logs.

    Args:
        measure: what the model's own `validation_metrics` gives.
        every: epochs between measurements.
        last_epoch: number of the run's last epoch, which is always measured.
    """

    def __init__(self, measure, every=1, last_epoch=None):
        super().__init__()
        self.measure = measure
        self.every = every
        self.last_epoch = last_epoch

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None and ((epoch + 1) % self.every == 0 or epoch + 1 == self.last_epoch):
            logs.update(self.measure.compute(self.model))
