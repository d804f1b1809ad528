"""Measures the generator after an epoch."""

import keras

from ganzoo.metrics import frechet_distance


class Quality(keras.callbacks.Callback):
    """Adds `frechet_distance` to the logs: samples of the averaged generator against real pictures.

    Args:
        extractor: of the features, e.g. `ganzoo.metrics.get_extractor("mnist_classifier")`.
        real: `FeatureStatistics` of the real pictures under the same extractor.
        samples: pictures drawn each time, always from the same latents.
        every: epochs between measurements; the last epoch is always measured.
    """

    def __init__(self, extractor, real, samples=5000, every=1):
        super().__init__()
        self.extractor = extractor
        self.real = real
        self.samples = samples
        self.every = every

    def on_epoch_end(self, epoch, logs=None):
        last = epoch + 1 == self.params.get("epochs")
        if logs is not None and ((epoch + 1) % self.every == 0 or last):
            pictures = self.model.generate(self.samples, seed=0, batch_size=250)
            logs["frechet_distance"] = frechet_distance(self.real, self.extractor.statistics(pictures))
