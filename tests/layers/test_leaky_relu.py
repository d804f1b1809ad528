"""Leaky ReLU: Keras' numbers and gradients of both orders, and no error of TensorFlow's optimizer of graphs."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import ganzoo
from ganzoo.layers import LeakyReLU


@pytest.mark.parametrize("compiled", [False, True])
def test_the_same_numbers_and_gradients_as_keras(compiled):
    x = tf.constant([[-2.0, -0.5, 0.0, 1e-30, 3.0]])

    def found(layer):
        def gradients(x):
            with tf.GradientTape() as outer:
                outer.watch(x)
                with tf.GradientTape() as tape:
                    tape.watch(x)
                    y = layer(x) ** 3
                first = tape.gradient(y, x)
                penalty = tf.reduce_sum(first**2)
            return y, first, outer.gradient(penalty, x)

        return (tf.function(gradients) if compiled else gradients)(x)

    for slope in (0.2, 0.3, 0.0):
        for ours, theirs in zip(found(LeakyReLU(slope)), found(keras.layers.LeakyReLU(slope))):
            np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize("name", ["dcgan", "wgan_gp"])
def test_training_prints_no_error(name, capfd):
    """TensorFlow printed "remapper failed" once for every model with leaky ReLUs, which looks like a crash; also where
    a penalty asks for gradients of gradients."""
    model = ganzoo.create(name, image_shape=(16, 16, 1), latent_dim=4, width=8)
    model.compile(discriminator_steps=1)
    model.fit(model.example_batch(8), batch_size=8, verbose=0)
    assert "failed" not in capfd.readouterr().err
