"""PReLU: Keras' numbers and gradients of both orders, and the form that converters know."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ganzoo.backend.tensorflow_kernels import portable
from ganzoo.layers import PReLU


def layers_of(shape, slopes):
    pair = [kind(shared_axes=list(range(1, len(shape) - 1))) for kind in (PReLU, keras.layers.PReLU)]
    for layer in pair:
        layer.build(shape)
        layer.set_weights([slopes.reshape(layer.alpha.shape)])
    return pair


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("shape", [(2, 5, 6, 3), (2, 7, 3), (4, 3)], ids=str)
def test_the_same_numbers_and_gradients_as_keras(shape, compiled):
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=shape), "float32")
    ours, theirs = layers_of(shape, rng.normal(size=shape[-1]))

    def found(layer, x):
        slopes = layer.alpha.value
        with tf.GradientTape() as outer:
            outer.watch([x, slopes])
            with tf.GradientTape() as tape:
                tape.watch([x, slopes])
                y = layer(x)
                score = tf.reduce_sum(tf.sin(y))
            first = tape.gradient(score, [x, slopes])
            penalty = sum(tf.reduce_sum(part**3) for part in first)
        return y, *first, *outer.gradient(penalty, [x, slopes])

    run = tf.function(found) if compiled else found
    for a, b in zip(run(ours, x), found(theirs, x)):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_results_are_those_of_keras_bit_for_bit():
    x = np.array([[-np.inf, -3.0, -1e-30, 0.0, 1e-30, 0.7, np.inf]] * 2, "float32")[..., None]
    ours, theirs = layers_of(x.shape, np.array([0.3], "float32"))
    np.testing.assert_array_equal(ours(x), theirs(x))


def test_exports_have_the_operations_that_converters_know():
    ours, _ = layers_of((2, 5, 6, 3), np.zeros(3))
    with portable():
        graph = tf.function(ours).get_concrete_function(tf.TensorSpec((2, 5, 6, 3))).graph
    kinds = {operation.type for operation in graph.get_operations()}
    assert "Relu" in kinds
    assert "SelectV2" not in kinds
