"""Three examples of one feature each, worked out by hand."""

import math

import numpy as np

from ganzoo.layers import MinibatchDiscrimination


def test_closeness_by_hand():
    """With the projections (1, 2) and (-1, 0) as two kernels of two dimensions each, features 0, 1 and 3 lie at L1
    distances 3 |difference| and 1 |difference|."""
    layer = MinibatchDiscrimination(kernels=2, dimensions=2)
    features = np.array([[0.0], [1.0], [3.0]], "float32")
    layer.build(features.shape)
    layer.projection.assign([[1.0, 2.0, -1.0, 0.0]])
    e = math.exp
    expected = [
        [0, e(-3) + e(-9), e(-1) + e(-3)],
        [1, e(-3) + e(-6), e(-1) + e(-2)],
        [3, e(-9) + e(-6), e(-3) + e(-2)],
    ]
    np.testing.assert_allclose(np.asarray(layer(features)), expected, atol=1e-6)


def test_a_batch_of_copies_is_as_close_as_can_be():
    layer = MinibatchDiscrimination(kernels=3, dimensions=4)
    features = np.ones((6, 5), "float32")
    np.testing.assert_allclose(np.asarray(layer(features))[:, 5:], 5.0, rtol=1e-6)
