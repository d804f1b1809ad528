"""PReLU: Keras' numbers and gradients of both orders, in any precision, and the form that converters recognize."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ganzoo.backend.tensorflow_kernels import portable
from ganzoo.layers import PReLU


def layers_of(shape, slopes, **options):
    pair = [kind(shared_axes=list(range(1, len(shape) - 1)), **options) for kind in (PReLU, keras.layers.PReLU)]
    for layer in pair:
        layer.build(shape)
        layer.set_weights([slopes.reshape(layer.alpha.shape)])
    return pair


def found(layer, x, forward):
    """Outputs, and gradients of first and second order by the inputs and the slopes."""
    slopes = layer.alpha.value
    with tf.GradientTape() as outer:
        outer.watch([x, slopes])
        with tf.GradientTape() as tape:
            tape.watch([x, slopes])
            y = forward(x)
            score = tf.reduce_sum(tf.sin(y))
        first = tape.gradient(score, [x, slopes])
        penalty = sum(tf.reduce_sum(part**3) for part in first)
    return y, *first, *outer.gradient(penalty, [x, slopes])


@pytest.mark.parametrize("compiled", ["eager", "gradients", "gradients of unknown sizes", "layer"])
@pytest.mark.parametrize("shape", [(2, 5, 6, 3), (2, 7, 3), (4, 3)], ids=str)
def test_numbers_and_gradients_are_those_of_keras(shape, compiled):
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=shape), "float32")
    ours, theirs = layers_of(shape, rng.normal(size=shape[-1]))
    known = shape if compiled == "gradients" else (*[None] * (len(shape) - 1), shape[-1])
    graph = tf.function(
        ours if compiled == "layer" else lambda x: found(ours, x, ours), input_signature=[tf.TensorSpec(known)]
    )
    by_ours = graph(x) if "gradients" in compiled else found(ours, x, graph if compiled == "layer" else ours)
    for a, b in zip(by_ours, found(theirs, x, theirs)):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_results_are_those_of_keras_bit_for_bit():
    x = np.array([[-np.inf, -3.0, -1e-30, 0.0, 1e-30, 0.7, np.inf]] * 2, "float32")[..., None]
    for options in ({}, {"dtype": "mixed_bfloat16"}):
        ours, theirs = layers_of(x.shape, np.array([0.3], "float32"), **options)
        assert ours(x).dtype == theirs(x).dtype
        np.testing.assert_array_equal(ours(x), theirs(x))


def test_slopes_of_bfloat16_layers_have_gradients_in_float32():
    x = tf.constant(np.random.default_rng(0).normal(size=(2, 5, 6, 3)), "float32")
    for layer in layers_of(x.shape, np.full(3, 0.3), dtype="mixed_bfloat16"):
        with tf.GradientTape() as tape:
            score = tf.reduce_sum(tf.cast(layer(x), "float32"))
        gradient = tape.gradient(score, layer.alpha.value)
        assert gradient.dtype == tf.float32
        expected = tf.reduce_sum(tf.minimum(x, 0), (0, 1, 2))
        np.testing.assert_allclose(tf.reshape(gradient, [-1]), expected, rtol=0.02)


def test_exports_have_the_operations_of_keras():
    def kinds(layer):
        graph = tf.function(lambda x: layer(x)).get_concrete_function(tf.TensorSpec((2, 5, 6, 3))).graph
        return sorted(operation.type for operation in graph.get_operations())

    ours, theirs = layers_of((2, 5, 6, 3), np.zeros(3))
    with portable():
        assert kinds(ours) == kinds(theirs)
    assert kinds(ours) != kinds(theirs)
