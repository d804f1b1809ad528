"""Faster implementations of operations for which Keras uses many TensorFlow operations, or for which TensorFlow's CPU
kernels are slow; results are equal up to rounding."""

import contextlib
import contextvars
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from ganzoo.types import Tensor

_portable = contextvars.ContextVar("portable", default=False)


@contextlib.contextmanager
def portable() -> Iterator[None]:
    """A context in which graphs use Keras' and TensorFlow's own forms of operations: for exported models."""
    token = _portable.set(True)
    try:
        yield
    finally:
        _portable.reset(token)


def is_portable() -> bool:
    """Whether this code runs in the context `portable`."""
    return _portable.get()


def adam(
    variable: Any,
    momentum: keras.Variable,
    velocity: keras.Variable,
    step: Tensor,
    gradient: Tensor,
    learning_rate: Tensor,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> None:
    """Adam's update of a variable and its two moments, in place; `step` counts from 1."""
    step, rate = tf.cast(step, variable.dtype), tf.cast(learning_rate, variable.dtype)
    tf.raw_ops.ResourceApplyAdam(
        var=variable.handle,
        m=momentum.value.handle,
        v=velocity.value.handle,
        beta1_power=tf.pow(tf.cast(beta_1, variable.dtype), step),
        beta2_power=tf.pow(tf.cast(beta_2, variable.dtype), step),
        lr=rate,
        beta1=beta_1,
        beta2=beta_2,
        epsilon=epsilon,
        grad=tf.cast(tf.convert_to_tensor(gradient), variable.dtype),
    )


def batch_normalized(x: Tensor, scale: Any, offset: Any, epsilon: float) -> tuple[Tensor, Tensor, Tensor]:
    """Batch norm over all axes but the last with a fused kernel, in float32 for any dtype of the inputs. The gradient
    has a fused kernel too; the second-order gradient, for which there is no kernel, is computed from the formula.

    Args:
        x: (..., channels).
        scale, offset: variables, float32 (channels,).
        epsilon: added to variances.

    Returns:
        (outputs with the dtype of x, means, variances); the latter float32 (channels,), without a gradient.
    """
    scale, offset = (tf.convert_to_tensor(variable.value) for variable in (scale, offset))
    pixels = _as_images(x)

    @tf.custom_gradient
    def gradient(upstream, pixels, scale, *reserved):
        found = tf.raw_ops.FusedBatchNormGradV3(
            y_backprop=upstream,
            x=pixels,
            scale=scale,
            **{f"reserve_space_{i}": value for i, value in enumerate(reserved, start=1)},
            epsilon=epsilon,
            is_training=True,
        )[:3]

        def second(*upstreams):
            given = (upstream, pixels, scale)
            with tf.GradientTape() as tape:
                tape.watch(given)
                found = _gradients_of_batch_norm(*given, epsilon)
            return *tape.gradient(found, given, output_gradients=upstreams), *(None for _ in reserved)

        return found, second

    @tf.custom_gradient
    def normalized(pixels, scale, offset):
        outputs, mean, variance, *reserved = tf.raw_ops.FusedBatchNormV3(
            x=pixels, scale=scale, offset=offset, mean=[], variance=[], epsilon=epsilon, is_training=True
        )

        def first(upstream, *_):
            # Copies, because second-order gradients may be computed outside of the function these tensors belong to.
            return gradient(*(tf.identity(value) for value in (upstream, pixels, scale, *reserved)))

        return (outputs, mean, variance), first

    outputs, mean, variance = normalized(pixels, scale, offset)
    count = tf.cast(tf.size(pixels) // x.shape[-1], "float32")
    # The kernel's variance is the unbiased estimate, Keras' is the biased one.
    return tf.reshape(outputs, tf.shape(x)), mean, variance * (count - 1) / count


def _as_images(x: Tensor) -> Tensor:
    """Features (batch, ..., channels) in the four axes that the kernels of batch norm require."""
    sizes = tf.shape(x)
    return x if len(x.shape) == 4 else tf.reshape(x, (sizes[0], tf.reduce_prod(sizes[1:-1]), 1, x.shape[-1]))


def _gradients_of_batch_norm(upstream: Tensor, x: Tensor, scale: Tensor, epsilon: float) -> tuple[Tensor, ...]:
    """Gradients of (inputs, scale, offset), section 3 of arXiv:1502.03167."""
    dtype = x.dtype
    upstream, x = tf.cast(upstream, "float32"), tf.cast(x, "float32")
    axes = list(range(len(x.shape) - 1))
    mean, variance = tf.nn.moments(x, axes)
    deviation = tf.sqrt(variance + epsilon)
    normalized = (x - mean) / deviation
    of_scale, of_offset = tf.reduce_sum(upstream * normalized, axes), tf.reduce_sum(upstream, axes)
    count = tf.cast(tf.size(x) // x.shape[-1], "float32")
    of_x = scale / deviation * (upstream - (of_offset + normalized * of_scale) / count)
    return tf.cast(of_x, dtype), of_scale, of_offset


def normalized(x: Tensor, scale: Any, offset: Any, mean: Any, variance: Any, epsilon: float) -> Tensor:
    """Batch norm with given statistics, computed in float32; in half precision by a fused kernel, which saves casts.

    The graph optimizer fuses the kernel with a ReLU after it, which turns NaN to 0 on some processors. So that an
    overflow is noticed, float32 keeps Keras' own form; in bfloat16, it may go unnoticed.

    Args:
        x: (..., channels).
        scale, offset, mean, variance: variables, float32 (channels,).
        epsilon: added to the variances.

    Returns:
        Outputs with the shape and dtype of x.
    """
    scale, offset, mean, variance = (tf.convert_to_tensor(one.value) for one in (scale, offset, mean, variance))
    if is_portable() or x.dtype == tf.float32:
        # Converters recognize it, too.
        y = tf.nn.batch_normalization(tf.cast(x, "float32"), mean, variance, offset, scale, epsilon)
        return tf.cast(y, x.dtype)
    outputs = tf.raw_ops.FusedBatchNormV3(
        x=_as_images(x), scale=scale, offset=offset, mean=mean, variance=variance, epsilon=epsilon, is_training=False
    )[0]
    return tf.reshape(outputs, tf.shape(x)) if len(x.shape) != 4 else outputs


def leaky_relu(x: Tensor, slope: float) -> Tensor:
    """x where it is positive, x times a positive slope elsewhere; the gradient is computed from the output, which has
    the same sign.

    TensorFlow's own gradient is computed from x. With it, the graph optimizer fails to fuse a convolution, its bias and
    the activation ("remapper failed: ... fanout ... LeakyReluGrad exist for missing node ... BiasAdd"), and fuses
    nothing else.
    """

    @tf.custom_gradient
    def run(x):
        y = tf.nn.leaky_relu(x, slope)

        def gradient(upstream):
            # The second-order gradient depends on `upstream` only; without the stop, zeros would be propagated to x.
            return tf.raw_ops.LeakyReluGrad(gradients=upstream, features=tf.stop_gradient(y), alpha=slope)

        return y, gradient

    return run(x)


def prelu(x: Tensor, slopes: Any) -> Tensor:
    """x where it is positive, x times the slope of its channel elsewhere, with half as many operations as Keras has for
    it and its gradients. The gradient at 0 is the slope, as in PyTorch; Keras has 0.

    Args:
        x: (batch, ..., channels).
        slopes: (1, ..., channels).
    """
    x, slopes = tf.convert_to_tensor(x), tf.convert_to_tensor(slopes)
    if is_portable():
        # Keras' own form, which converters recognize.
        return tf.nn.relu(x) + -slopes * tf.nn.relu(-x)

    def slope_of(x, slopes):
        return tf.where(x > 0, tf.ones((), x.dtype), slopes)

    @tf.custom_gradient
    def run(x, slopes):
        def gradient(upstream):
            # Copies, because second-order gradients may be computed outside of the function these tensors belong to.
            given, factors = tf.identity(x), tf.identity(slopes)
            # Sums over the axes that `slopes` broadcasts.
            axes = list(range(len(x.shape) - 1))
            of_slopes = tf.reduce_sum(upstream * tf.minimum(given, 0), axes)
            return upstream * slope_of(given, factors), tf.reshape(of_slopes, slopes.shape)

        return x * slope_of(x, slopes), gradient

    return run(x, slopes)
