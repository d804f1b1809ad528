"""Maxout units (Goodfellow et al. 2013, arXiv:1302.4389)."""

import functools

import keras
from keras import ops

from ganzoo.errors import at_least_one


@keras.saving.register_keras_serializable(package="ganzoo")
class Maxout(keras.layers.Layer):
    """The largest of every `pieces` neighbors: (..., units pieces) to (..., units).

    Behind a linear layer of as many units, that is a layer of maxout units. Of equal ones the gradient goes to one on
    TensorFlow; other back ends share it.

    Args:
        pieces: linear units behind each one.

    Raises:
        GanzooError: less than one piece.
        ValueError: inputs whose last axis `pieces` does not divide, or of unknown length.

    Example:
        x = Maxout(5)(keras.layers.Dense(5 * 240)(x))      # (batch, 240)
    """

    def __init__(self, pieces, **options):
        super().__init__(**options)
        at_least_one(pieces=pieces)
        self.pieces = int(pieces)

    def call(self, x):
        shape = ops.shape(x)
        x = ops.reshape(x, (*shape[:-1], self._units(x.shape), self.pieces))
        # Piece by piece: a maximum along the last axis reads a few numbers at a time and, in its gradient, compares
        # and divides all of them.
        return functools.reduce(ops.maximum, ops.unstack(ops.moveaxis(x, -1, 0), self.pieces, axis=0))

    def compute_output_shape(self, shape):
        return (*shape[:-1], self._units(shape))

    def _units(self, shape):
        if shape[-1] is None or shape[-1] % self.pieces:
            raise ValueError(f"{shape[-1]} inputs are not a multiple of {self.pieces} pieces")
        return shape[-1] // self.pieces

    def get_config(self):
        return {**super().get_config(), "pieces": self.pieces}
