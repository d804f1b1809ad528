"""Operations that Keras writes as many, or that TensorFlow's kernels do slowly on processors: the same numbers, to
rounding, by others."""

import contextlib
import contextvars

import tensorflow as tf

_portable = contextvars.ContextVar("portable", default=False)


@contextlib.contextmanager
def portable():
    """In it, graphs have TensorFlow's own convolutions: for what is written to be served elsewhere."""
    token = _portable.set(True)
    try:
        yield
    finally:
        _portable.reset(token)


def adam(variable, momentum, velocity, step, gradient, learning_rate, beta_1, beta_2, epsilon):
    """Adam's change of one variable and its two moments, in place; `step` counts from 1."""
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


def batch_normalized(x, scale, offset, epsilon):
    """Batch norm over all axes but the last by one kernel, in float32 whatever the inputs are; its gradient by another,
    and that one's, which no kernel takes, by formula.

    Args:
        x: (..., channels).
        scale, offset: variables, float32 (channels,).
        epsilon: added to variances.

    Returns:
        (normalized, of the dtype of x; means and variances, float32 (channels,), without a gradient).
    """
    scale, offset = (tf.convert_to_tensor(variable.value) for variable in (scale, offset))
    # The kernels know images alone.
    sizes = tf.shape(x)
    pixels = x if len(x.shape) == 4 else tf.reshape(x, (sizes[0], tf.reduce_prod(sizes[1:-1]), 1, x.shape[-1]))

    @tf.custom_gradient
    def gradient(upstream, pixels, scale, *kept):
        found = tf.raw_ops.FusedBatchNormGradV3(
            y_backprop=upstream,
            x=pixels,
            scale=scale,
            **{f"reserve_space_{i}": value for i, value in enumerate(kept, start=1)},
            epsilon=epsilon,
            is_training=True,
        )[:3]

        def second(*upstreams):
            given = (upstream, pixels, scale)
            with tf.GradientTape() as tape:
                tape.watch(given)
                found = _gradients_of_batch_norm(*given, epsilon)
            return *tape.gradient(found, given, output_gradients=upstreams), *(None for _ in kept)

        return found, second

    @tf.custom_gradient
    def normalized(pixels, scale, offset):
        outputs, mean, variance, *kept = tf.raw_ops.FusedBatchNormV3(
            x=pixels, scale=scale, offset=offset, mean=[], variance=[], epsilon=epsilon, is_training=True
        )

        def first(upstream, *_):
            # Copies: a gradient's gradient may be asked for outside of the function that these are of.
            return gradient(*(tf.identity(value) for value in (upstream, pixels, scale, *kept)))

        return (outputs, mean, variance), first

    outputs, mean, variance = normalized(pixels, scale, offset)
    count = tf.cast(tf.size(pixels) // x.shape[-1], "float32")
    # The kernel's variance is the estimate of a larger whole's, Keras' the batch's own.
    return tf.reshape(outputs, sizes), mean, variance * (count - 1) / count


def _gradients_of_batch_norm(upstream, x, scale, epsilon):
    """(of the inputs, of the scale, of the offset), section 3 of arXiv:1502.03167."""
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


def leaky_relu(x, slope):
    """x where it is positive, elsewhere x times the slope, a positive number; its gradient uses the output, whose sign
    is the same.

    With TensorFlow's own gradient, which uses x, the optimizer of graphs fails to fuse a convolution, its bias and this
    ("remapper failed: ... fanout ... LeakyReluGrad exist for missing node ... BiasAdd"), and fuses nothing else either.
    """

    @tf.custom_gradient
    def run(x):
        y = tf.nn.leaky_relu(x, slope)

        def gradient(upstream):
            # Of second order only the upstream gradient matters; without the stop a gradient of zeros would go on to x.
            return tf.raw_ops.LeakyReluGrad(gradients=upstream, features=tf.stop_gradient(y), alpha=slope)

        return y, gradient

    return run(x)


# Convolutions, NHWC and padding "SAME", and their two gradients. With an image on one side, the kernels of processors
# leave most of their width unused; the gradient of a deep layer's weights is slow where the batch has few places. The
# three operations below are linear in either argument and each other's gradients, so that any order of them is as fast.

# Channels of an image, at most.
_FEW = 3
# Columns of an image computed side by side, as channels.
_COLUMNS = 4
# Kernels as wide as this gain by columns in the kernel's gradient too.
_WIDE = 5
# Numbers that the patches of a batch may be, at most: 128 MB in float32.
_PATCHES = 2**25


def convolved(x, kernel, strides, bias=None):
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


def transposed_convolved(x, kernel, strides, bias=None):
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


def _plain():
    """Whether TensorFlow's own convolutions are to be used: in `portable`, with an accelerator, whose kernels are
    others, and outside of graphs, where nothing prunes a gradient that nobody asked for."""
    accelerated = any(device.device_type != "CPU" for device in tf.config.list_logical_devices())
    return _portable.get() or accelerated or tf.executing_eagerly()


# Each takes copies of its arguments: a gradient's gradient may be asked for outside of the function that they are of.


def _forward(x, kernel, strides):
    """The convolution."""

    @tf.custom_gradient
    def run(x, kernel):
        def gradient(upstream):
            return _backward(upstream, kernel, strides, _sizes(x)), _of_kernel(x, upstream, kernel.shape, strides)

        rows, columns, inputs, outputs = kernel.shape
        # With one channel into few TensorFlow's bfloat16 is wrong where the strides differ.
        if outputs <= _FEW and inputs > 1 and columns > 1 and tuple(strides) == (1, 1):
            return _in_columns(x, kernel, _before(rows, columns)), gradient
        return tf.nn.conv2d(x, kernel, strides, "SAME"), gradient

    return run(tf.identity(x), tf.identity(kernel))


def _backward(y, kernel, strides, sizes):
    """The gradient of a convolution's input, whose height and width are `sizes`, from its output's, y: also the
    transposed convolution."""

    @tf.custom_gradient
    def run(y, kernel):
        def gradient(upstream):
            return _forward(upstream, kernel, strides), _of_kernel(upstream, y, kernel.shape, strides)

        rows, columns, inputs, outputs = kernel.shape
        if inputs <= _FEW and columns > 1 and strides[0] == strides[1]:
            if strides[0] > 1:
                return _in_blocks(y, kernel, strides[0], sizes), gradient
            if outputs > 1:
                turned = tf.transpose(tf.reverse(kernel, [0, 1]), (0, 1, 3, 2))
                return _in_columns(y, turned, (rows // 2, columns // 2)), gradient
        shape = tf.stack([tf.shape(y)[0], *sizes, inputs])
        return tf.raw_ops.Conv2DBackpropInput(
            input_sizes=shape, filter=kernel, out_backprop=y, strides=[1, *strides, 1], padding="SAME"
        ), gradient

    return run(tf.identity(y), tf.identity(kernel))


def _of_kernel(x, y, shape, strides):
    """The gradient of a convolution's kernel, which has a shape, from its input x and its output's gradient y."""

    @tf.custom_gradient
    def run(x, y):
        def gradient(upstream):
            return _backward(y, upstream, strides, _sizes(x)), _forward(x, upstream, strides)

        rows, columns, inputs, outputs = shape
        if tuple(strides) == (1, 1) == (rows, columns):
            return _products(x, y, shape), gradient
        if outputs <= _FEW and columns >= _WIDE and tuple(strides) == (1, 1):
            return _of_kernel_in_columns(x, y, shape), gradient
        # A copy of every place's surroundings and one product of matrices: faster where the kernel has more rows than
        # there are places, in float32, whose kernels are better, twice as many.
        places, length = y.shape[:3].num_elements(), rows * columns * inputs
        if places and places * (1 if y.dtype.size < 4 else 2) < length and places * length <= _PATCHES:
            patches = tf.image.extract_patches(x, [1, rows, columns, 1], [1, *strides, 1], [1, 1, 1, 1], "SAME")
            return _products(patches, y, shape), gradient
        return tf.raw_ops.Conv2DBackpropFilter(
            input=x, filter_sizes=shape, out_backprop=y, strides=[1, *strides, 1], padding="SAME"
        ), gradient

    return run(tf.identity(x), tf.identity(y))


def _in_columns(x, kernel, before):
    """A convolution of stride 1 to few channels, several columns at a time: side by side they are as many channels of a
    kernel that is wider by as many columns.

    Args:
        before: rows above the image and columns left of it that are zero.
    """
    rows, columns, _, outputs = kernel.shape
    height, width = _sizes(x)
    x, _ = _padded(x, rows, columns, before)
    shifted = [tf.pad(kernel, [[0, 0], [i, _COLUMNS - 1 - i], [0, 0], [0, 0]]) for i in range(_COLUMNS)]
    y = tf.nn.conv2d(x, tf.concat(shifted, -1), [1, _COLUMNS], "VALID")
    return tf.reshape(y, (tf.shape(x)[0], height, tf.shape(y)[2] * _COLUMNS, outputs))[:, :, :width]


def _of_kernel_in_columns(x, y, shape):
    """As `_of_kernel`, of stride 1 and few outputs, by the trick of `_in_columns`."""
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


def _before(rows, columns):
    """How many rows and columns of zeros "SAME" has above an image and left of it, at a stride of 1."""
    return (rows - 1) // 2, (columns - 1) // 2


def _padded(x, rows, columns, before):
    """The images with zeros around them for whole groups of columns, and how many columns the last one lacks."""
    missing = -_sizes(x)[1] % _COLUMNS
    top, left = before
    # Not by the convolution: the gradients of one with a padding of its own are slow.
    return tf.pad(x, [[0, 0], [top, rows - 1 - top], [left, columns - 1 - left + missing], [0, 0]]), missing


def _in_blocks(y, kernel, stride, sizes):
    """A transposed convolution of a larger stride: all places between two of the input at once, as channels."""
    rows, columns, inputs, outputs = kernel.shape
    reach = [-(-size // stride) for size in (rows, columns)]
    kernel = tf.pad(kernel, [[0, reach[0] * stride - rows], [0, reach[1] * stride - columns], [0, 0], [0, 0]])
    kernel = tf.reverse(tf.reshape(kernel, (reach[0], stride, reach[1], stride, inputs, outputs)), [0, 2])
    kernel = tf.reshape(tf.transpose(kernel, (0, 2, 5, 1, 3, 4)), (*reach, outputs, stride**2 * inputs))
    around = [[0, 0], *([size - 1, size - 1] for size in reach), [0, 0]]
    blocks = tf.nn.depth_to_space(tf.nn.conv2d(y, kernel, 1, around), stride)
    first = [
        _at_least_0((places - 1) * stride + width - size) // 2
        for places, width, size in zip(_sizes(y), (rows, columns), sizes)
    ]
    return blocks[:, first[0] : first[0] + sizes[0], first[1] : first[1] + sizes[1]]


def _products(x, y, shape):
    """The sum over all places of the outer products of their channels."""
    x, y = (tf.reshape(values, (-1, values.shape[-1])) for values in (x, y))
    return tf.reshape(tf.matmul(x, y, transpose_a=True), shape)


def _sizes(x):
    """[height, width], numbers where they are known."""
    return [tf.shape(x)[axis] if x.shape[axis] is None else x.shape[axis] for axis in (1, 2)]


def _at_least_0(number):
    return max(number, 0) if isinstance(number, int) else tf.maximum(number, 0)
