"""Measures the generator after an epoch."""

import keras

from ganzoo.metrics import frechet_distance


class Quality(keras.callbacks.Callback):
    """Adds `frechet_distance` to the logs: samples of the averaged generator against real pictures.

    Args:
        extractor: of the features, e.g. `ganzoo.metrics.get_extractor("mnist_classifier")`.
        real: `FeatureStatistics` of the real pictures under the same extractor.
        samples: pictures drawn each time, always from the same latents.
        every: epochs between measurements.
        last_epoch: number of the run's last epoch, which is always measured.
    """

    def __init__(self, extractor, real, samples=5000, every=1, last_epoch=None):
        super().__init__()
        self.extractor = extractor
        self.real = real
        self.samples = samples
        self.every = every
        self.last_epoch = last_epoch

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None and ((epoch + 1) % self.every == 0 or epoch + 1 == self.last_epoch):
            pictures = self.model.generate(self.samples, seed=0, batch_size=250)
            logs["frechet_distance"] = frechet_distance(self.real, self.extractor.statistics(pictures))
