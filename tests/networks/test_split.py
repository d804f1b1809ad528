import keras
import numpy as np
import pytest

import ganzoo
from ganzoo.networks import regularizers
from ganzoo.networks.split import split_at
from ganzoo.registry import model_class


@pytest.mark.parametrize("name", ["stackgan", "gan_int_cls"])
@pytest.mark.parametrize("regularizer", [[], ["spectral_normalization"], ["virtual_batch_normalization"]], ids=str)
def test_a_discriminator_in_two_parts_gives_the_same_logits(name, regularizer):
    model = ganzoo.create(name, **model_class(name).test_config, discriminator_regularizers=regularizer)
    model.compile()
    for place, reference in regularizers.reference_batches(model.discriminator):
        reference.take(model.example_batch(reference.size)[place])
    images, text = (keras.ops.convert_to_tensor(part) for part in model.example_batch(4))
    image_part, joint_part = split_at(model.discriminator, 1)
    seen = keras.tree.flatten(image_part(images))
    for about in (text, text[::-1]):
        expected = np.asarray(model.discriminator([images, about]))
        assert expected.std() > 0
        np.testing.assert_allclose(joint_part([*seen, about]), expected, rtol=1e-5, atol=1e-6)


def test_what_has_nothing_to_share_and_what_takes_the_late_input_twice():
    first, second = keras.Input((3,)), keras.Input((3,))
    x = keras.layers.Dense(4)(keras.layers.Concatenate()([first, second]))
    network = keras.Model([first, second], keras.layers.Concatenate()([x, second, keras.layers.Dense(2)(first)]))
    a, b = keras.ops.convert_to_tensor(np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32"))
    for place, early, late in ((1, a, b), (0, b, a)):
        image_part, joint_part = split_at(network, place)
        np.testing.assert_allclose(
            joint_part([*keras.tree.flatten(image_part(early)), late]), network([a, b]), atol=1e-6
        )


class _Raised(keras.Model):
    def call(self, inputs, training=None):
        return 10.0 + super().call(inputs, training=training)


def test_networks_that_are_unlike_a_discriminator():
    """A layer on both sides; paths that never meet; a call of its own: early is what can be."""
    first, second = keras.Input((3,)), keras.Input((3,))
    shared, activation, join = keras.layers.Dense(4), keras.layers.LeakyReLU(), keras.layers.Concatenate()
    networks = [
        keras.Model([first, second], join([shared(keras.layers.Dense(3)(first)), shared(second)])),
        keras.Model([first, second], activation(join([activation(shared(first)), second]))),
        keras.Model([first, second], shared(first)),
        keras.Model([first, second], shared(second)),
        _Raised([first, second], join([shared(first), second])),
    ]
    a, b = keras.ops.convert_to_tensor(np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32"))
    for network in networks:
        image_part, joint_part = split_at(network, 1)
        np.testing.assert_allclose(joint_part([*keras.tree.flatten(image_part(a)), b]), network([a, b]), atol=1e-6)
        assert {id(weight) for weight in network.weights} == {
            id(weight) for weight in image_part.weights + joint_part.weights
        }
