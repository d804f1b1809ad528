"""Dropout: the share left out, the scale of what stays, and other units on another device."""

import numpy as np
import pytest
import tensorflow as tf

from ganzoo.layers import Dropout, ExampleDropout


def test_what_stays_is_scaled_up_and_inference_leaves_nothing_out():
    x = np.ones((500, 20), "float32")
    found = np.asarray(Dropout(0.25, seed=0)(x, training=True))
    np.testing.assert_allclose(np.unique(found), [0.0, 4 / 3], rtol=1e-6)
    assert (found == 0).mean() == pytest.approx(0.25, abs=0.02)
    np.testing.assert_array_equal(np.asarray(Dropout(0.25)(x)), x)
    np.testing.assert_array_equal(np.asarray(Dropout(1.0)(x, training=True)), 0 * x)
    with pytest.raises(ValueError, match="noise_shape"):
        Dropout(0.5, noise_shape=(1, 20))


def test_examples_are_dropped_whole_and_others_stay():
    x = np.ones((2000, 3, 2), "float32")
    found = np.asarray(ExampleDropout(0.25, seed=0)(x, training=True)).reshape(2000, -1)
    assert set(map(tuple, np.unique(found, axis=0))) == {(0,) * 6, (1,) * 6}
    assert (found == 0).mean() == pytest.approx(0.25, abs=0.03)
    np.testing.assert_array_equal(np.asarray(ExampleDropout(0.25)(x)), x)
    np.testing.assert_array_equal(np.asarray(ExampleDropout(1.0)(x, training=True)), 0 * x)


@pytest.mark.parametrize("kind", [Dropout, ExampleDropout])
def test_replicas_leave_out_their_own_units(two_replicas, kind):
    x = np.ones((64, 50), "float32")
    with two_replicas.scope():
        layer = kind(0.5, seed=3)
    parts = two_replicas.run(tf.function(lambda: layer(tf.constant(x[:32]), training=True)))
    shared = np.concatenate([part.numpy() for part in two_replicas.experimental_local_results(parts)])
    np.testing.assert_array_equal(shared, np.asarray(kind(0.5, seed=3)(x, training=True)))
    assert (shared[:32] != shared[32:]).any()
