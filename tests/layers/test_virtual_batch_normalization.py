"""Equations of section 3.5 of arXiv:1606.03498, by hand in NumPy."""

import numpy as np

from ganzoo.layers import VirtualBatchNormalization


def test_normalized_by_the_reference_and_itself():
    rng = np.random.default_rng(0)
    x = rng.normal(2, 3, (7, 4, 4, 5)).astype("float32")
    layer = VirtualBatchNormalization(size=3, epsilon=1e-5)
    ours = np.asarray(layer(x))
    reference = x[:3].astype("float64")
    mean, square = reference.mean((0, 1, 2)), (reference**2).mean((0, 1, 2))
    np.testing.assert_allclose(ours[:3], (reference - mean) / np.sqrt(square - mean**2 + 1e-5), atol=1e-4)
    for i in range(3, 7):
        own = x[i].astype("float64")
        own_mean = own.mean((0, 1)) / 4 + mean * 3 / 4
        own_square = (own**2).mean((0, 1)) / 4 + square * 3 / 4
        np.testing.assert_allclose(ours[i], (own - own_mean) / np.sqrt(own_square - own_mean**2 + 1e-5), atol=1e-4)


def test_an_example_does_not_see_the_others_of_its_batch():
    rng = np.random.default_rng(0)
    reference, one, others = (rng.normal(size=(n, 6)).astype("float32") for n in (4, 1, 5))
    layer = VirtualBatchNormalization(size=4)
    alone = np.asarray(layer(np.concatenate([reference, one])))[4]
    among = np.asarray(layer(np.concatenate([reference, one, others])))[4]
    np.testing.assert_allclose(alone, among, rtol=1e-4)
