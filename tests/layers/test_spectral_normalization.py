"""Against NumPy's singular value decomposition, and gradients against differences."""

import keras
import numpy as np
import pytest
from keras import ops

from ganzoo import backend
from ganzoo.layers import SpectralNormalization


def normalized(layer, inputs, calls=300):
    wrapper = SpectralNormalization(layer)
    for _ in range(calls):
        wrapper(inputs, training=True)
    return wrapper


@pytest.mark.parametrize(
    ("layer", "shape"),
    [(keras.layers.Dense(7, use_bias=False), (4, 5)), (keras.layers.Conv2D(6, 3, use_bias=False), (2, 5, 5, 3))],
)
def test_kernel_is_divided_by_its_largest_singular_value(layer, shape):
    inputs = np.random.default_rng(0).normal(size=shape).astype("float32")
    wrapper = normalized(layer, inputs)
    kernel = np.asarray(layer.kernel)
    sigma = np.linalg.svd(kernel.reshape(-1, kernel.shape[-1]), compute_uv=False)[0]
    plain = np.asarray(layer(inputs))
    np.testing.assert_allclose(np.asarray(wrapper(inputs)), plain / sigma, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(np.asarray(layer.kernel), kernel)


def test_first_call_already_divides_by_nearly_that():
    keras.utils.set_random_seed(0)
    layer = keras.layers.Dense(32, use_bias=False)
    wrapper = SpectralNormalization(layer)
    inputs = np.eye(32, dtype="float32")
    largest = np.linalg.svd(np.asarray(wrapper(inputs)), compute_uv=False)[0]
    assert largest == pytest.approx(1.0, abs=0.05)


def test_embeddings_and_layers_without_a_kernel():
    embedding = keras.layers.Embedding(4, 3)
    wrapper = normalized(embedding, np.array([0, 1, 2, 3]))
    rows = np.asarray(wrapper(np.array([0, 1, 2, 3])))
    assert np.linalg.svd(rows, compute_uv=False)[0] == pytest.approx(1.0, abs=1e-4)
    with pytest.raises(ValueError, match="no kernel"):
        SpectralNormalization(keras.layers.ReLU())(np.ones((1, 2), "float32"))


def test_gradient_passes_through_sigma():
    """Of sum(c * x W / sigma(W)) with respect to W, against central differences of an exact sigma."""
    rng = np.random.default_rng(1)
    inputs, weights = rng.normal(size=(3, 4)).astype("float32"), rng.normal(size=(3, 5)).astype("float32")
    layer = keras.layers.Dense(5, use_bias=False)
    wrapper = normalized(layer, inputs, calls=100)
    kernel = np.asarray(layer.kernel).astype("float64")

    def loss():
        return ops.sum(wrapper(inputs) * weights)

    class Recorded(keras.optimizers.SGD):
        def apply(self, gradients, variables=None):
            self.gradient = ops.convert_to_numpy(gradients[0])

    optimizer = Recorded(1.0)
    optimizer.build([layer.kernel if hasattr(layer.kernel, "path") else layer.trainable_variables[0]])
    backend.minimize(loss, optimizer, layer.trainable_variables, {})

    def exact(changed):
        return (inputs @ changed / np.linalg.svd(changed, compute_uv=False)[0] * weights).sum()

    expected = np.zeros_like(kernel)
    for place in np.ndindex(*kernel.shape):
        step = np.zeros_like(kernel)
        step[place] = 1e-5
        expected[place] = (exact(kernel + step) - exact(kernel - step)) / 2e-5
    np.testing.assert_allclose(optimizer.gradient, expected, rtol=2e-3, atol=2e-3)
    without = inputs.T @ weights / np.linalg.svd(kernel, compute_uv=False)[0]
    assert np.abs(without - expected).max() > 0.05  # or the test would show nothing


def test_a_kernel_of_zeros_stays_one():
    wrapper = SpectralNormalization(keras.layers.Dense(3, kernel_initializer="zeros"))
    np.testing.assert_array_equal(np.asarray(wrapper(np.ones((2, 4), "float32"), training=True)), np.zeros((2, 3)))
