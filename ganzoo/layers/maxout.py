"""Maxout units (Goodfellow et al. 2013, arXiv:1302.4389)."""

import functools
from typing import Any

import keras
from keras import ops

from ganzoo.errors import at_least_one
from ganzoo.types import Tensor


@keras.saving.register_keras_serializable(package="ganzoo")
class Maxout(keras.layers.Layer):
    """The maximum over groups of `pieces` adjacent values: (..., units * pieces) to (..., units).

    After a linear layer this gives maxout units. If several values are equal, TensorFlow sends the gradient to one of
    them; the other backends divide it.

    Args:
        pieces: linear units per maxout unit.

    Raises:
        GanzooError: fewer than one piece.
        ValueError: the last axis of the inputs is not a multiple of `pieces`, or unknown.

    Example:
        x = keras.layers.Dense(5 * 240)(np.zeros((2, 16), "float32"))
        x = ganzoo.layers.Maxout(5)(x)                  # (2, 240)
    """

    def __init__(self, pieces: int, **options: Any):
        super().__init__(**options)
        at_least_one(pieces=pieces)
        self.pieces = int(pieces)

    def call(self, x: Tensor) -> Tensor:
        shape = ops.shape(x)
        x = ops.reshape(x, (*shape[:-1], self._units(x.shape), self.pieces))
        # Piece by piece: a maximum over a short last axis is slow, and so is its gradient.
        return functools.reduce(ops.maximum, ops.unstack(ops.moveaxis(x, -1, 0), self.pieces, axis=0))

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*shape[:-1], self._units(shape))

    def _units(self, shape: tuple[int | None, ...]) -> int:
        if shape[-1] is None or shape[-1] % self.pieces:
            raise ValueError(f"{shape[-1]} inputs are not a multiple of {self.pieces} pieces")
        return shape[-1] // self.pieces

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "pieces": self.pieces}
