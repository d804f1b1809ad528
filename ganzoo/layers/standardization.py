"""Features in units of their standard deviation."""

from typing import Any

import keras
import numpy as np
from keras import ops

from ganzoo.errors import at_least_one
from ganzoo.types import Tensor

# Standard deviations below this count as this: a feature that never changes.
_LEAST = 1e-4


@keras.saving.register_keras_serializable(package="ganzoo")
class Standardization(keras.layers.Layer):
    """Subtracts the mean of each channel and divides by its standard deviation, (..., channels).

    Means and deviations are weights that are not trained, 0 and 1 until `take` is called. Inputs with fewer channels
    are standardized with the first ones. With `inverse=True` the layer does the opposite.

    Args:
        channels: number of channels.

    Raises:
        GanzooError: a number of channels below 1.

    Example:
        scale = ganzoo.layers.Standardization(2)
        scale.take(np.array([[0.0, 5.0], [2.0, 7.0], [4.0, 9.0]], "float32"))
        scale(np.array([[2.0, 7.0]], "float32"))                        # [[0, 0]]
        scale(np.array([[0.0, 0.0]], "float32"), inverse=True)          # [[2, 7]]
    """

    # Also where `set_precision` changes the precision of a network.
    always_float32 = True

    def __init__(self, channels: int, **options: Any):
        # Half precision would round the features before their mean is subtracted.
        super().__init__(**{**options, "dtype": "float32"})
        at_least_one(channels=channels)
        self.channels = channels

    def build(self, input_shape: Any) -> None:
        def weight(name, initializer, shape=(self.channels,)):
            return self.add_weight(shape=shape, initializer=initializer, trainable=False, dtype="float32", name=name)

        self.mean, self.deviation = weight("mean", "zeros"), weight("deviation", "ones")
        self.taken = weight("taken", "zeros", ())

    def take(self, examples: Any) -> None:
        """Stores the means and standard deviations of examples (..., channels)."""
        if not self.built:
            self.build((None, self.channels))
        rows = np.reshape(ops.convert_to_numpy(examples), (-1, self.channels)).astype("float64")
        self.mean.assign(rows.mean(axis=0).astype("float32"))
        self.deviation.assign(np.maximum(rows.std(axis=0), _LEAST).astype("float32"))
        self.taken.assign(1.0)

    @property
    def is_taken(self) -> bool:
        """Whether `take` has been called."""
        return bool(ops.convert_to_numpy(self.taken) > 0)

    def call(self, inputs: Tensor, inverse: bool = False) -> Tensor:
        count = inputs.shape[-1]
        mean, deviation = self.mean[:count], self.deviation[:count]
        return inputs * deviation + mean if inverse else (inputs - mean) / deviation

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "channels": self.channels}
