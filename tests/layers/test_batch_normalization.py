"""Keras' own batch norm beside ours: numbers, statistics and gradients, of first and second order."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ganzoo.layers import BatchNormalization

SETTINGS = dict(momentum=0.8, epsilon=1e-3)


def both(shape):
    """(Keras' layer, ours), of the same weights; inputs whose channels differ, and factors of outputs."""
    rng = np.random.default_rng(0)
    x = rng.normal(rng.uniform(-2, 2, shape[-1]), rng.uniform(0.2, 3, shape[-1]), shape)
    theirs, ours = keras.layers.BatchNormalization(**SETTINGS), BatchNormalization(**SETTINGS)
    for layer in (theirs, ours):
        layer.build(shape)
    ours.set_weights([rng.uniform(0.5, 2, shape[-1]) for _ in ours.weights])
    theirs.set_weights(ours.get_weights())
    return theirs, ours, tf.constant(x, "float32"), tf.constant(rng.normal(size=shape), "float32")


def gradients(layer, x, weights, training=True):
    """Of what a loss with a gradient penalty asks of a discriminator: first and second order."""
    variables = [variable.value for variable in layer.trainable_variables]
    with tf.GradientTape() as outer:
        outer.watch(variables)
        with tf.GradientTape() as inner:
            inner.watch(x)
            outputs = layer(x, training=training)
            score = tf.reduce_sum(weights * tf.sin(outputs))
        slope = inner.gradient(score, x)
        loss = score + tf.reduce_sum(slope**3)
    return [outputs, slope, *outer.gradient(loss, variables)]


@pytest.mark.parametrize("shape", [(6, 5, 4, 3), (16, 3), (4, 7, 3)])
@pytest.mark.parametrize("graph", [False, True])
@pytest.mark.parametrize("training", [True, False])
def test_numbers_statistics_and_gradients_are_those_of_keras(shape, graph, training):
    theirs, ours, x, weights = both(shape)
    found = []
    for layer in (theirs, ours):
        take = tf.function(gradients) if graph else gradients
        found.append([*take(layer, x, weights, training), *(v.numpy() for v in layer.non_trainable_variables)])
    for a, b in zip(*found):
        np.testing.assert_allclose(b, a, rtol=2e-4, atol=2e-4 * np.abs(a).max())


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_keeps_its_statistics_in_float32(dtype):
    x = 100 + np.random.default_rng(0).normal(size=(64, 4, 4, 2)).astype("float32")
    layer = BatchNormalization(momentum=0.0, dtype=dtype)
    outputs = layer(x, training=True)
    assert outputs.dtype == dtype.removeprefix("mixed_")
    seen = np.asarray(tf.cast(tf.cast(x, outputs.dtype), "float32")).astype("float64")
    np.testing.assert_allclose(layer.moving_mean, seen.mean((0, 1, 2)), rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, seen.var((0, 1, 2)), rtol=1e-3)


@pytest.mark.parametrize("shape", [(6, 5, 4, 3), (16, 3), (4, 7, 3)])
@pytest.mark.parametrize(("dtype", "bits"), [("bfloat16", 8), ("float16", 11)])
def test_inference_in_half_precision_is_no_more_than_rounded(shape, dtype, bits):
    theirs, ours, x, _ = both(shape)
    for one in (theirs, ours):
        one.dtype_policy = f"mixed_{dtype}"
    x = tf.cast(x, dtype)
    for outputs in (ours(x), tf.function(ours)(x)):
        assert outputs.dtype == dtype
        # By one unit in the last place at most.
        np.testing.assert_allclose(tf.cast(outputs, "float32"), tf.cast(theirs(x), "float32"), rtol=2 ** (1 - bits))


def test_what_has_no_kernel_is_left_to_keras():
    x = np.random.default_rng(0).normal(size=(6, 4, 4, 2)).astype("float32")
    for settings in (dict(scale=False), dict(center=False), dict(axis=1)):
        theirs, ours = keras.layers.BatchNormalization(**settings), BatchNormalization(**settings)
        np.testing.assert_allclose(ours(x, training=True), theirs(x, training=True), atol=1e-6)
    frozen = BatchNormalization(trainable=False)
    np.testing.assert_allclose(frozen(x, training=True), frozen(x), atol=1e-6)
    x = x.astype("float64")
    np.testing.assert_allclose(
        BatchNormalization(dtype="float64")(x, training=True).numpy().mean((0, 1, 2)), 0, atol=1e-9
    )
    assert BatchNormalization(dtype="bfloat16")(x, training=True).dtype == "bfloat16"


def test_gradients_of_a_function_of_its_own():
    """What a training loop of one's own asks for: a penalty on a tf.function, its tapes outside. Beside the formula:
    Keras' gradient of second order is not that of a function that no shift of its inputs changes."""
    _, ours, x, weights = both((6, 5, 4, 3))
    gamma, beta = (variable.value for variable in ours.trainable_variables)

    def formula(x):
        mean = tf.reduce_mean(x, (0, 1, 2))
        variance = tf.reduce_mean((x - mean) ** 2, (0, 1, 2))
        return gamma * (x - mean) / tf.sqrt(variance + SETTINGS["epsilon"]) + beta

    found = []
    for normalized in (formula, lambda x: ours(x, training=True)):
        graph = tf.function(lambda x, normalized=normalized: tf.reduce_sum(weights * tf.sin(normalized(x))))
        with tf.GradientTape() as outer:
            outer.watch([x, gamma, beta])
            with tf.GradientTape() as inner:
                inner.watch(x)
                score = graph(x)
            slope = inner.gradient(score, x)
            penalty = tf.reduce_sum(slope**3)
        found.append([slope, *outer.gradient(penalty, [x, gamma, beta])])
    for a, b in zip(*found):
        np.testing.assert_allclose(b, a, rtol=2e-4, atol=2e-4 * np.abs(a).max())
