"""PyTorch's operations under our layers beside TensorFlow's: numbers, and gradients of first and second order."""

import numpy as np
import pytest
import tensorflow as tf

torch = pytest.importorskip("torch")
from ganzoo.backend import torch_kernels  # noqa: E402

# (kernel, strides, inputs): kernels even, odd and smaller than the stride; sizes that the stride does not divide.
CONVOLUTIONS = [
    ((3, 3, 5, 3), (1, 1), (2, 7, 9, 5)),
    ((4, 4, 3, 5), (2, 2), (3, 9, 8, 3)),
    ((5, 5, 1, 5), (2, 2), (3, 8, 11, 1)),
    ((4, 4, 2, 5), (1, 1), (2, 5, 6, 2)),
    ((1, 1, 2, 5), (2, 2), (2, 8, 7, 2)),
    ((3, 3, 2, 5), (3, 3), (2, 8, 7, 2)),
    ((4, 4, 3, 4), (1, 2), (2, 5, 8, 3)),
]
TRANSPOSED = [
    ((4, 4, 3, 6), (2, 2), (2, 5, 7, 6)),
    ((5, 5, 1, 5), (2, 2), (2, 4, 6, 5)),
    ((3, 3, 3, 4), (1, 1), (2, 5, 6, 4)),
    ((2, 2, 3, 4), (3, 3), (2, 4, 5, 4)),
    ((3, 4, 3, 4), (2, 1), (2, 4, 5, 4)),
]


def by_tensorflow(function, arrays, weights):
    """Outputs, a slope and the gradients of a loss with a penalty on that slope: first and second order."""
    x, *others = given = [tf.constant(array) for array in arrays]
    with tf.GradientTape() as outer:
        outer.watch(given)
        with tf.GradientTape() as inner:
            inner.watch(x)
            outputs = function(x, *others)
            score = tf.reduce_sum(weights * tf.sin(outputs))
        slope = inner.gradient(score, x)
        loss = score + tf.reduce_sum(slope**3)
    return [value.numpy() for value in (outputs, slope, *outer.gradient(loss, given))]


def by_torch(function, arrays, weights):
    x, *others = given = [torch.tensor(array, requires_grad=True) for array in arrays]
    outputs = function(x, *others)
    score = (torch.tensor(weights) * torch.sin(outputs)).sum()
    slope = torch.autograd.grad(score, x, create_graph=True)[0]
    loss = score + (slope**3).sum()
    return [value.detach().numpy() for value in (outputs, slope, *torch.autograd.grad(loss, given))]


def assert_same(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5 * np.abs(b).max())


def sampled(*shapes):
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape).astype("float32") for shape in shapes]


@pytest.mark.parametrize("case", CONVOLUTIONS, ids=str)
def test_convolutions(case):
    kernel_shape, strides, shape = case
    given = x, kernel, _ = sampled(shape, kernel_shape, kernel_shape[3:])
    (weights,) = sampled(tf.nn.conv2d(x, kernel, strides, "SAME").shape)
    assert_same(
        by_torch(lambda x, kernel, bias: torch_kernels.convolved(x, kernel, strides, bias), given, weights),
        by_tensorflow(lambda x, kernel, bias: tf.nn.conv2d(x, kernel, strides, "SAME") + bias, given, weights),
    )


@pytest.mark.parametrize("case", TRANSPOSED, ids=str)
def test_transposed_convolutions(case):
    kernel_shape, strides, shape = case
    given = sampled(shape, kernel_shape, kernel_shape[2:3])
    sizes = (shape[0], shape[1] * strides[0], shape[2] * strides[1], kernel_shape[2])
    (weights,) = sampled(sizes)
    assert_same(
        by_torch(lambda x, kernel, bias: torch_kernels.transposed_convolved(x, kernel, strides, bias), given, weights),
        by_tensorflow(
            lambda x, kernel, bias: tf.nn.conv2d_transpose(x, kernel, sizes, strides, "SAME") + bias, given, weights
        ),
    )


@pytest.mark.parametrize("shape", [(4, 5, 6, 3), (5, 7, 3), (6, 3), (1, 3)], ids=str)
def test_batch_norm(shape):
    x, scale, offset, weights = sampled(shape, shape[-1:], shape[-1:], shape)
    axes = list(range(len(shape) - 1))

    def formula(x, scale, offset):
        # Not tf.nn.moments, whose second derivative leaves the mean out.
        mean = tf.reduce_mean(x, axes)
        variance = tf.reduce_mean((x - mean) ** 2, axes)
        return (x - mean) / tf.sqrt(variance + 1e-2) * scale + offset

    assert_same(
        by_torch(lambda *given: torch_kernels.batch_normalized(*given, 1e-2)[0], (x, scale, offset), weights),
        by_tensorflow(formula, (x, scale, offset), weights),
    )
    _, mean, variance = torch_kernels.batch_normalized(*map(torch.tensor, (x, scale, offset)), 1e-2)
    np.testing.assert_allclose(mean, x.mean(tuple(axes)), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(variance, x.var(tuple(axes)), rtol=1e-4, atol=1e-6)

    mean, variance = sampled(shape[-1:], shape[-1:])
    moments = (mean, variance**2)

    def given(x, scale, offset):
        return torch_kernels.normalized(x, scale, offset, *map(torch.tensor, moments), 1e-2)

    assert_same(
        by_torch(given, (x, scale, offset), weights),
        by_tensorflow(
            lambda x, scale, offset: (x - moments[0]) / tf.sqrt(moments[1] + 1e-2) * scale + offset,
            (x, scale, offset),
            weights,
        ),
    )


@pytest.mark.parametrize("shape", [(2, 5, 6, 3), (2, 7, 3)], ids=str)
def test_prelu(shape):
    x, slopes, weights = sampled(shape, (*(1 for _ in shape[2:]), shape[-1]), shape)
    assert_same(
        by_torch(torch_kernels.prelu, (x, slopes), weights),
        by_tensorflow(lambda x, slopes: tf.nn.relu(x) - slopes * tf.nn.relu(-x), (x, slopes), weights),
    )
