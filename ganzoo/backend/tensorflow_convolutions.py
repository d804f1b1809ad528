"""Convolutions in NHWC with padding "SAME", and their two gradients, for TensorFlow; results are equal up to rounding.

With few channels on one side, CPU kernels leave most of their vector width unused; the gradient of a deep layer's
weights is slow if the batch has few positions. The three operations `_forward`, `_backward` and `_of_kernel` are linear
in both arguments and are each other's gradients, so gradients of any order are fast.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from ganzoo.backend.tensorflow_kernels import is_portable
from ganzoo.types import Tensor

# Upper bound on the channels of an image.
_FEW = 3
# Image columns that are computed together, as channels.
_COLUMNS = 4
# Minimum width of kernels for which the trick with columns also speeds up the kernel's gradient.
_WIDE = 5
# Upper bound on the size of a batch's patches: 128 MB in float32.
_PATCHES = 2**25


def convolved(x: Tensor, kernel: Any, strides: Sequence[int], bias: Any = None) -> Tensor:
    """A convolution with padding "SAME".

    Args:
        x: (batch, height, width, inputs), float.
        kernel: (rows, columns, inputs, outputs).
        strides: (down, across).
        bias: (outputs,), or None.

    Returns:
        (batch, ceil(height / down), ceil(width / across), outputs).
    """
    x, kernel = tf.convert_to_tensor(x), tf.convert_to_tensor(kernel)
    y = tf.nn.conv2d(x, kernel, strides, "SAME") if _plain() else _forward(x, kernel, strides)
    return y if bias is None else tf.nn.bias_add(y, bias)


def transposed_convolved(x: Tensor, kernel: Any, strides: Sequence[int], bias: Any = None) -> Tensor:
    """A transposed convolution with padding "SAME".

    Args:
        x: (batch, height, width, inputs), float.
        kernel: (rows, columns, outputs, inputs).
        strides: (down, across).
        bias: (outputs,), or None.

    Returns:
        (batch, height * down, width * across, outputs).
    """
    x, kernel = tf.convert_to_tensor(x), tf.convert_to_tensor(kernel)
    sizes = [size * stride for size, stride in zip(_sizes(x), strides)]
    if _plain():
        y = tf.nn.conv2d_transpose(x, kernel, [tf.shape(x)[0], *sizes, kernel.shape[2]], strides, "SAME")
    else:
        y = _backward(x, kernel, strides, sizes)
    return y if bias is None else tf.nn.bias_add(y, bias)


def _plain() -> bool:
    """Whether to use TensorFlow's own convolutions: in `portable`, with an accelerator, and in eager mode, where unused
    gradients are not pruned."""
    accelerated = any(device.device_type != "CPU" for device in tf.config.list_logical_devices())
    return is_portable() or accelerated or tf.executing_eagerly()


# Each copies its arguments, because second-order gradients may be computed outside of the function they belong to.


def _forward(x: Tensor, kernel: Tensor, strides: Sequence[int]) -> Tensor:
    """The convolution."""

    @tf.custom_gradient
    def run(x, kernel):
        def gradient(upstream):
            return _backward(upstream, kernel, strides, _sizes(x)), _of_kernel(x, upstream, kernel.shape, strides)

        rows, columns, _, outputs = kernel.shape
        if outputs <= _FEW and _takes_columns(x) and columns > 1 and tuple(strides) == (1, 1):
            return _in_columns(x, kernel, _before(rows, columns)), gradient
        return tf.nn.conv2d(x, kernel, strides, "SAME"), gradient

    return run(tf.identity(x), tf.identity(kernel))


def _backward(y: Tensor, kernel: Tensor, strides: Sequence[int], sizes: Sequence[Any]) -> Tensor:
    """The gradient with respect to a convolution's input of height and width `sizes`, given that of its output, y: the
    transposed convolution."""

    @tf.custom_gradient
    def run(y, kernel):
        def gradient(upstream):
            return _forward(upstream, kernel, strides), _of_kernel(upstream, y, kernel.shape, strides)

        rows, columns, inputs, _ = kernel.shape
        if inputs <= _FEW and columns > 1 and strides[0] == strides[1]:
            if strides[0] > 1:
                return _in_blocks(y, kernel, strides[0], sizes), gradient
            if _takes_columns(y):
                rotated = tf.transpose(tf.reverse(kernel, [0, 1]), (0, 1, 3, 2))
                return _in_columns(y, rotated, (rows // 2, columns // 2)), gradient
        shape = tf.stack([tf.shape(y)[0], *sizes, inputs])
        return tf.raw_ops.Conv2DBackpropInput(
            input_sizes=shape, filter=kernel, out_backprop=y, strides=[1, *strides, 1], padding="SAME"
        ), gradient

    return run(tf.identity(y), tf.identity(kernel))


def _of_kernel(x: Tensor, y: Tensor, shape: Any, strides: Sequence[int]) -> Tensor:
    """The gradient with respect to a convolution's kernel of this shape, given its input x and output gradient y."""

    @tf.custom_gradient
    def run(x, y):
        def gradient(upstream):
            return _backward(y, upstream, strides, _sizes(x)), _forward(x, upstream, strides)

        rows, columns, inputs, outputs = shape
        if tuple(strides) == (1, 1) == (rows, columns):
            return _products(x, y, shape), gradient
        if outputs <= _FEW and columns >= _WIDE and tuple(strides) == (1, 1):
            return _of_kernel_in_columns(x, y, shape), gradient
        # Extracting patches and a single matrix product: faster if a patch is longer than the number of positions; in
        # float32, which has better kernels, than twice that number.
        positions, length = y.shape[:3].num_elements(), rows * columns * inputs
        if positions and positions * (1 if y.dtype.size < 4 else 2) < length and positions * length <= _PATCHES:
            patches = tf.image.extract_patches(x, [1, rows, columns, 1], [1, *strides, 1], [1, 1, 1, 1], "SAME")
            return _products(patches, y, shape), gradient
        return tf.raw_ops.Conv2DBackpropFilter(
            input=x, filter_sizes=shape, out_backprop=y, strides=[1, *strides, 1], padding="SAME"
        ), gradient

    return run(tf.identity(x), tf.identity(y))


def _takes_columns(x: Tensor) -> bool:
    """Whether convolutions of x can be computed several columns at a time.

    oneDNN's bfloat16 results for strides that differ are wrong for a single input channel, and on processors with AMX
    for some kernels and up to 24 channels.
    """
    return x.shape[-1] >= (32 if x.dtype == tf.bfloat16 else 2)


def _in_columns(x: Tensor, kernel: Tensor, before: tuple[int, int]) -> Tensor:
    """A convolution of stride 1 to few channels that computes several columns at a time, as channels of a wider kernel.

    Args:
        before: rows of zeros above the image and columns of zeros to its left.
    """
    rows, columns, _, outputs = kernel.shape
    height, width = _sizes(x)
    x, _ = _padded(x, rows, columns, before)
    shifted = [tf.pad(kernel, [[0, 0], [i, _COLUMNS - 1 - i], [0, 0], [0, 0]]) for i in range(_COLUMNS)]
    y = tf.nn.conv2d(x, tf.concat(shifted, -1), [1, _COLUMNS], "VALID")
    return tf.reshape(y, (tf.shape(x)[0], height, tf.shape(y)[2] * _COLUMNS, outputs))[:, :, :width]


def _of_kernel_in_columns(x: Tensor, y: Tensor, shape: Any) -> Tensor:
    """As `_of_kernel`, for stride 1 and few outputs, in the manner of `_in_columns`."""
    rows, columns, inputs, outputs = shape
    x, missing = _padded(x, rows, columns, _before(rows, columns))
    height, width = _sizes(y)
    y = tf.pad(y, [[0, 0], [0, 0], [0, missing], [0, 0]])
    y = tf.reshape(y, (tf.shape(y)[0], height, (width + missing) // _COLUMNS, _COLUMNS * outputs))
    wide = tf.raw_ops.Conv2DBackpropFilter(
        input=x,
        filter_sizes=(rows, columns + _COLUMNS - 1, inputs, _COLUMNS * outputs),
        out_backprop=y,
        strides=[1, 1, _COLUMNS, 1],
        padding="VALID",
    )
    parts = tf.split(wide, _COLUMNS, axis=-1)
    return tf.add_n([part[:, i : i + columns] for i, part in enumerate(parts)])


def _before(rows: int, columns: int) -> tuple[int, int]:
    """Rows and columns of zeros that "SAME" puts above an image and to its left, at stride 1."""
    return (rows - 1) // 2, (columns - 1) // 2


def _padded(x: Tensor, rows: int, columns: int, before: tuple[int, int]) -> tuple[Tensor, Any]:
    """(images padded to whole groups of columns, number of columns added to the right for that)."""
    width = _sizes(x)[1]
    # At least two groups: oneDNN's bfloat16 convolutions for AMX are wrong for an output of one column whose strides
    # differ.
    missing = -width % _COLUMNS + _COLUMNS * _at_least_0(2 - -(-width // _COLUMNS))
    top, left = before
    # Not padded by the convolution: gradients with explicit padding are slow.
    return tf.pad(x, [[0, 0], [top, rows - 1 - top], [left, columns - 1 - left + missing], [0, 0]]), missing


def _in_blocks(y: Tensor, kernel: Tensor, stride: int, sizes: Sequence[Any]) -> Tensor:
    """A transposed convolution of stride above 1 that computes all outputs between two inputs at once, as channels."""
    rows, columns, inputs, outputs = kernel.shape
    reach = [-(-size // stride) for size in (rows, columns)]
    kernel = tf.pad(kernel, [[0, reach[0] * stride - rows], [0, reach[1] * stride - columns], [0, 0], [0, 0]])
    kernel = tf.reverse(tf.reshape(kernel, (reach[0], stride, reach[1], stride, inputs, outputs)), [0, 2])
    kernel = tf.reshape(tf.transpose(kernel, (0, 2, 5, 1, 3, 4)), (*reach, outputs, stride**2 * inputs))
    around = [[0, 0], *([size - 1, size - 1] for size in reach), [0, 0]]
    blocks = tf.nn.depth_to_space(tf.nn.conv2d(y, kernel, 1, around), stride)
    first = [
        _at_least_0((count - 1) * stride + width - size) // 2
        for count, width, size in zip(_sizes(y), (rows, columns), sizes)
    ]
    return blocks[:, first[0] : first[0] + sizes[0], first[1] : first[1] + sizes[1]]


def _products(x: Tensor, y: Tensor, shape: Any) -> Tensor:
    """The sum over all positions of the outer products of their channels."""
    x, y = (tf.reshape(values, (-1, values.shape[-1])) for values in (x, y))
    return tf.reshape(tf.matmul(x, y, transpose_a=True), shape)


def _sizes(x: Tensor) -> list[Any]:
    """[height, width], as integers where known."""
    return [tf.shape(x)[axis] if x.shape[axis] is None else x.shape[axis] for axis in (1, 2)]


def _at_least_0(number: Any) -> Any:
    return max(number, 0) if isinstance(number, int) else tf.maximum(number, 0)
