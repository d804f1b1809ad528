"""Keras' own convolutions beside ours: numbers and gradients of first and second order, of every way they take."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ganzoo.layers import Conv1D, Conv1DTranspose, Conv2D, Conv2DTranspose

# (kind, kernel size, stride, shape of the inputs, channels of the outputs): an image on either side with strides and
# kernels even, odd and larger than each other; sizes that no group of columns fits; few places of many channels; sound.
CASES = [
    (Conv2D, 3, 1, (2, 7, 9, 5), 3),
    (Conv2D, 9, 1, (2, 10, 11, 4), 3),
    (Conv2D, 6, 1, (2, 8, 13, 4), 1),
    (Conv2D, (3, 5), 1, (2, 6, 7, 3), 4),
    (Conv2D, 4, 1, (2, 5, 6, 1), 6),
    (Conv2D, 4, 2, (3, 9, 8, 3), 5),
    (Conv2D, 5, 2, (3, 8, 11, 1), 5),
    (Conv2D, 3, 3, (2, 8, 7, 2), 5),
    (Conv2D, 1, 2, (2, 8, 7, 2), 5),
    (Conv2D, 1, 1, (2, 3, 3, 40), 8),
    (Conv2D, 4, 2, (2, 4, 6, 32), 8),
    (Conv2D, 3, 1, (1, 2, 3, 40), 6),
    (Conv2D, 4, (1, 2), (2, 5, 8, 3), 4),
    (Conv2DTranspose, 4, 2, (2, 5, 7, 6), 3),
    (Conv2DTranspose, 5, 2, (2, 4, 6, 5), 1),
    (Conv2DTranspose, 3, 1, (2, 5, 6, 4), 3),
    (Conv2DTranspose, 2, 3, (2, 4, 5, 4), 3),
    (Conv2DTranspose, 4, 2, (2, 2, 2, 48), 16),
    (Conv1D, 5, 1, (2, 9, 3), 2),
    (Conv1D, 7, 2, (2, 11, 1), 4),
    (Conv1D, 31, 4, (2, 16, 8), 6),
    (Conv1DTranspose, 7, 2, (2, 9, 4), 1),
    (Conv1DTranspose, 5, 4, (2, 3, 24), 5),
]


def found(layer, x, weights):
    """Outputs and what a loss with a gradient penalty asks of a discriminator: first and second order."""
    variables = [variable.value for variable in layer.trainable_variables]
    with tf.GradientTape() as outer:
        outer.watch(variables + [x])
        with tf.GradientTape() as inner:
            inner.watch(x)
            outputs = layer(x)
            score = tf.reduce_sum(weights * tf.sin(outputs))
        slope = inner.gradient(score, x)
        loss = score + tf.reduce_sum(slope**3)
    return [outputs, slope, *outer.gradient(loss, variables + [x])]


@pytest.mark.parametrize("sizes_known", [True, False])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_numbers_and_gradients_are_those_of_keras(case, sizes_known):
    kind, size, stride, shape, channels = case
    rng = np.random.default_rng(0)
    ours = kind(channels, size, stride, "same", activation="tanh")
    theirs = getattr(keras.layers, kind.__name__).from_config(ours.get_config())
    for layer in (ours, theirs):
        layer.build(shape)
    ours.set_weights([rng.normal(size=weight.shape) / 4 for weight in ours.weights])
    theirs.set_weights(ours.get_weights())
    x = tf.constant(rng.normal(size=shape), "float32")
    weights = tf.constant(rng.normal(size=theirs(x).shape), "float32")
    specs = [tf.TensorSpec(a.shape if sizes_known else (*[None] * (a.ndim - 1), a.shape[-1])) for a in (x, weights)]
    graph = tf.function(lambda x, weights: found(ours, x, weights), input_signature=specs)
    for a, b in zip(graph(x, weights), found(theirs, x, weights)):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5 * np.abs(b).max())


@pytest.mark.parametrize("settings", [{"padding": "valid"}, {"padding": "same", "dilation_rate": 2}])
def test_other_kinds_are_left_to_keras(settings):
    for kind in (Conv1D, Conv1DTranspose, Conv2D, Conv2DTranspose):
        shape = (2, 9, 3) if "1D" in kind.__name__ else (2, 9, 9, 3)
        x = np.random.default_rng(0).normal(size=shape).astype("float32")
        ours = kind(2, 3, **settings)
        ours.build(x.shape)
        theirs = getattr(keras.layers, kind.__name__).from_config(ours.get_config())
        theirs.build(x.shape)
        theirs.set_weights(ours.get_weights())
        try:
            expected = theirs(x)
        except tf.errors.InvalidArgumentError as error:
            # TensorFlow's own kernels, on processors where it does without oneDNN.
            if "do not yet support dilation rates" not in str(error):
                raise
            with pytest.raises(tf.errors.InvalidArgumentError):
                tf.function(ours)(x)
            continue
        np.testing.assert_allclose(tf.function(ours)(x), expected, atol=1e-6)


@pytest.mark.parametrize("case", [CASES[0], CASES[5], CASES[10], CASES[13]], ids=str)
def test_gradients_of_a_function_of_its_own(case):
    """What a training loop of one's own asks for: a penalty on a tf.function, its tapes outside; of third order too."""
    kind, size, stride, shape, channels = case
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=shape), "float32")
    ours = kind(channels, size, stride, "same")
    theirs = getattr(keras.layers, kind.__name__).from_config(ours.get_config())
    for layer in (ours, theirs):
        layer.build(shape)
    theirs.set_weights(ours.get_weights())
    gradients = []
    for layer in (ours, theirs):
        score = tf.function(lambda x, layer=layer: tf.reduce_sum(tf.sin(layer(x))))
        with tf.GradientTape() as third:
            third.watch(x)
            with tf.GradientTape() as second:
                second.watch(x)
                with tf.GradientTape() as first:
                    first.watch(x)
                    y = score(x)
                slope = first.gradient(y, x)
                penalty = tf.reduce_sum(slope**2)
            bend = second.gradient(penalty, x)
            last = tf.reduce_sum(bend**2)
        gradients.append([slope, bend, *third.gradient(last, [x, *layer.trainable_variables])])
    for a, b in zip(*gradients):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5 * np.abs(b).max())


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("size", [3, 4, 5, 9])
@pytest.mark.parametrize(
    "shape", [(2, 6, 3, 1), (2, 4, 9, 1), (2, 6, 3, 3), (2, 9, 10, 3), (2, 6, 7, 16), (1, 4, 3, 32)], ids=str
)
def test_few_channels_to_few(shape, size, dtype):
    """Beside the same in float64: TensorFlow's kernels are wrong for some of what is asked of them here."""
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=shape), rng.normal(size=(size, size, shape[-1], 3))
    found = []
    for kind, precision in ((Conv2D, dtype), (keras.layers.Conv2D, "float64")):
        layer = kind(3, size, padding="same", use_bias=False, dtype=precision)
        layer.build(shape)
        layer.set_weights([kernel])

        @tf.function
        def of_all(x, layer=layer):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = layer(x)
                score = tf.reduce_sum(y**2)
            return y, *tape.gradient(score, [x, layer.kernel.value])

        found.append(of_all(tf.constant(x, precision)))
    for a, b in zip(*found):
        a, b = (tf.cast(value, "float64").numpy() for value in (a, b))
        np.testing.assert_allclose(a, b, rtol=0, atol=(1e-5 if dtype == "float32" else 0.03) * np.abs(b).max())
