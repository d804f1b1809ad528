"""Against the definition, and which of the pieces learns."""

import keras
import numpy as np
import pytest

from ganzoo import GanzooError, backend
from ganzoo.layers import Maxout


@pytest.mark.parametrize("shape", [(4, 12), (2, 5, 3, 12)])
def test_the_largest_of_neighbors(shape):
    inputs = np.random.default_rng(0).normal(size=shape).astype("float32")
    outputs = np.asarray(Maxout(3)(inputs))
    np.testing.assert_array_equal(outputs, inputs.reshape(*shape[:-1], 4, 3).max(axis=-1))
    assert Maxout(3).compute_output_shape(shape) == outputs.shape


def test_the_largest_alone_learns():
    inputs = keras.ops.convert_to_tensor(np.float32([[1, 3, 2, 9, 8, 7], [-1, -3, -2, 0, 5, 4]]))
    gradient = np.asarray(backend.input_gradient(Maxout(3), inputs))
    np.testing.assert_array_equal(gradient, [[0, 1, 0, 1, 0, 0], [1, 0, 0, 0, 1, 0]])
    equal = keras.ops.convert_to_tensor(np.zeros((1, 6), "float32"))
    gradient = np.asarray(backend.input_gradient(Maxout(3), equal))
    np.testing.assert_allclose(gradient.reshape(2, 3).sum(axis=1), 1.0)


def test_pieces_must_fit():
    with pytest.raises(ValueError, match="5 inputs are not a multiple of 2"):
        Maxout(2)(np.zeros((1, 5), "float32"))
    with pytest.raises(ValueError, match="None inputs are not a multiple of 2"):
        Maxout(2)(keras.Input((3, None)))
    with pytest.raises(GanzooError, match="pieces must be at least 1, got 0"):
        Maxout(0)
