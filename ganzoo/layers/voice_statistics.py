"""Standardization of the features of a voice by the voice's own statistics."""

from typing import Any

import keras
import numpy as np
from keras import ops

from ganzoo.types import Tensor


@keras.saving.register_keras_serializable(package="ganzoo")
class VoiceStatistics(keras.layers.Layer):
    """Holds mean and standard deviation of the logarithm of a voice's pitch, and of each of its mel-cepstral
    coefficients.

    Features are float32 (batch, frames, 2 + coefficients): the logarithm of the pitch in Hz, 0 where the speech is
    unvoiced; the loudness; the mel-cepstrum. Called with features, the layer returns the standardized pitch (batch,
    frames, 1) and mel-cepstrum (batch, frames, coefficients). `restored` is the way back.

    Until `take` is called, means are 0 and deviations 1.

    Args:
        coefficients: number of coefficients of a mel-cepstrum.

    Example:
        layer = ganzoo.layers.VoiceStatistics(24)
        features = np.random.default_rng(0).normal(4, 1, (2, 128, 26)).astype("float32")
        layer.take(features)
        pitch, cepstra = layer(features)        # (2, 128, 1), (2, 128, 24)
    """

    # Also where `set_precision` changes the precision of a network.
    always_float32 = True

    def __init__(self, coefficients: int, **options: Any):
        super().__init__(**{"dtype": "float32", **options})
        self.coefficients = coefficients
        shape = (1 + coefficients,)
        self.mean = self.add_weight(shape=shape, initializer="zeros", trainable=False, name="mean")
        self.deviation = self.add_weight(shape=shape, initializer="ones", trainable=False, name="deviation")
        self.built = True

    @property
    def is_taken(self) -> bool:
        """Whether the statistics of a voice have been taken."""
        return bool((ops.convert_to_numpy(self.mean) != 0).any())

    def take(self, features: np.ndarray) -> None:
        """Takes the statistics of features (..., 2 + coefficients): of the pitch over voiced frames."""
        features = np.asarray(features, "float64").reshape(-1, 2 + self.coefficients)
        pitch = features[:, 0][features[:, 0] > 0]
        cepstra = features[:, 2:]
        mean = [pitch.mean() if len(pitch) else 0.0, *cepstra.mean(axis=0)]
        # A voice of one pitch, or silence.
        deviation = [pitch.std() if len(pitch) else 1.0, *cepstra.std(axis=0)]
        self.mean.assign(np.array(mean, "float32"))
        self.deviation.assign(np.maximum(np.array(deviation, "float32"), 1e-3))

    def forget(self) -> None:
        """Sets all means to 0 and deviations to 1, as before `take`."""
        self.mean.assign(np.zeros(self.mean.shape, "float32"))
        self.deviation.assign(np.ones(self.deviation.shape, "float32"))

    def call(self, features: Tensor) -> tuple[Tensor, Tensor]:
        return self.standardized(features)

    def standardized(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """The standardized pitch and mel-cepstrum of features."""
        features = ops.cast(features, "float32")
        pitch = (features[..., :1] - self.mean[:1]) / self.deviation[:1]
        return pitch, (features[..., 2:] - self.mean[1:]) / self.deviation[1:]

    def restored(self, features: Tensor, pitch: Tensor, cepstra: Tensor) -> Tensor:
        """Features of this voice with standardized pitch and mel-cepstra; those given say where the speech is voiced,
        and how loud it is."""
        features = ops.cast(features, "float32")
        pitch = ops.cast(pitch, "float32") * self.deviation[:1] + self.mean[:1]
        cepstra = ops.cast(cepstra, "float32") * self.deviation[1:] + self.mean[1:]
        return ops.concatenate(
            [ops.where(features[..., :1] > 0, pitch, ops.zeros_like(pitch)), features[..., 1:2], cepstra], axis=-1
        )

    def compute_output_shape(self, shape: Any) -> tuple[Any, Any]:
        return (*shape[:-1], 1), (*shape[:-1], self.coefficients)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "coefficients": self.coefficients}


@keras.saving.register_keras_serializable(package="ganzoo")
class MissingFrames(keras.layers.Layer):
    """Says which frames of features are missing: those whose mel-cepstral coefficients are all 0.

    Called with [features, standardized mel-cepstrum], the layer returns float32 (batch, frames, coefficients + 1): the
    mel-cepstrum, with 0, which is the mean, in missing frames, and 1 in the others.

    Example:
        layer = ganzoo.layers.MissingFrames()
        features, cepstra = np.ones((2, 128, 26), "float32"), np.ones((2, 128, 24), "float32")
        features[:, 40:60, 2:] = 0
        known = layer([features, cepstra])      # (2, 128, 25), 0 in 20 frames
    """

    # Also where `set_precision` changes the precision of a network.
    always_float32 = True

    def __init__(self, **options: Any):
        super().__init__(**{"dtype": "float32", **options})

    def call(self, inputs: Any) -> Tensor:
        features, cepstra = inputs
        is_known = ops.cast(ops.any(ops.not_equal(features[..., 2:], 0.0), axis=-1, keepdims=True), "float32")
        return ops.concatenate([ops.cast(cepstra, "float32") * is_known, is_known], axis=-1)

    def compute_output_shape(self, shapes: Any) -> Any:
        return (*shapes[1][:-1], shapes[1][-1] + 1)


@keras.saving.register_keras_serializable(package="ganzoo")
class VoiceRestoration(VoiceStatistics):
    """`VoiceStatistics.restored` as a layer, called with [features, standardized pitch, standardized mel-cepstra].

    Example:
        layer = ganzoo.layers.VoiceRestoration(24)
        features, pitch, cepstra = (np.ones((2, 128, size), "float32") for size in (26, 1, 24))
        restored = layer([features, pitch, cepstra])        # (2, 128, 26)
    """

    def call(self, inputs: Any) -> Tensor:
        return self.restored(*inputs)

    def compute_output_shape(self, shapes: Any) -> Any:
        return shapes[0]
