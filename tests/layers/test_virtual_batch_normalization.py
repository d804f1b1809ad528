"""Equations of section 3.5 of arXiv:1606.03498, by hand in NumPy."""

import numpy as np
import pytest
import tensorflow as tf

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


@pytest.mark.parametrize("sizes_known", [True, False])
def test_the_gradient_is_that_of_the_definition(sizes_known):
    """Of a network's scores by its inputs, also where the sizes of images are unknown."""
    rng = np.random.default_rng(0)
    layer = VirtualBatchNormalization(2)
    layer.build((None, None, None, 3))
    gamma, beta = (rng.normal(size=3).astype("float32") for _ in range(2))
    layer.set_weights([gamma, beta])
    x = tf.constant(rng.normal(1.0, 2.0, size=(5, 4, 6, 3)), "float32")

    def by_definition(x):
        results = []
        means, squares = (tf.reduce_mean(part, (1, 2), keepdims=True) for part in (x, x**2))
        virtual = [tf.reduce_mean(part[:2], 0, keepdims=True) for part in (means, squares)]
        for i in range(5):
            mean, square = (
                reference if i < 2 else own[i : i + 1] / 3 + reference * 2 / 3
                for own, reference in zip((means, squares), virtual)
            )
            results.append((x[i : i + 1] - mean) / tf.sqrt(square - mean**2 + layer.epsilon) * gamma + beta)
        return tf.concat(results, 0)

    def found(function, x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
            score = tf.reduce_sum(tf.sin(y))
        return y, tape.gradient(score, x)

    shape = x.shape if sizes_known else (None, None, None, 3)
    graph = tf.function(lambda x: found(layer, x), input_signature=[tf.TensorSpec(shape)])
    for a, b in zip(graph(x), found(by_definition, x)):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
