"""Against the equation, and in a generator whose text has no other way to the image."""

import keras
import numpy as np

import ganzoo
from ganzoo.layers import Modulation


def test_scales_and_shifts_each_channel_of_each_example():
    rng = np.random.default_rng(0)
    features, condition = rng.normal(size=(2, 3, 4, 5)), rng.normal(size=(2, 6))
    layer = Modulation()
    layer.build([features.shape, condition.shape])
    kernel, bias = rng.normal(size=(6, 10)), rng.normal(size=10)
    layer.set_weights([kernel, bias])
    amounts = condition @ kernel + bias
    expected = features * (1 + amounts[:, None, None, :5]) + amounts[:, None, None, 5:]
    outputs = keras.ops.convert_to_numpy(layer([features.astype("float32"), condition.astype("float32")]))
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-5)
    assert layer.compute_output_shape([features.shape, condition.shape]) == features.shape


def test_text_modulation_is_a_way_of_its_own_from_the_text_to_the_image(tmp_path):
    config = dict(image_shape=(16, 16, 3), latent_dim=4, condition_dim=3, width=4, kernel_size=3)
    text = {"name": "characters", "dim": 6, "width": 4, "length": 12}
    asked = dict(captions=["a red apple", "a lemon"], latents=np.ones((2, 4), "float32"))
    largest_change = {}
    # With other weights, a network this small may have no unit left that passes the change on.
    keras.utils.set_random_seed(0)
    for modulated in (False, True):
        model = ganzoo.create("gan_int_cls", text=text, text_modulation=modulated, **config)
        # The text no longer joins the noise.
        condition = model.inference_network.get_layer("condition")
        condition.set_weights([np.zeros_like(weight) for weight in condition.get_weights()])
        # Not the pixels of `generate`: untrained, images are so near to gray that rounding can hide the change.
        inputs = [asked["latents"], model.text_encoder.encode(asked["captions"])]
        first, second = keras.ops.convert_to_numpy(model.inference_network(inputs))
        largest_change[modulated] = np.abs(first - second).max()
    assert largest_change[False] < 1e-6
    assert largest_change[True] > 1e-5
    model.save(tmp_path / "model.keras")
    again = ganzoo.load(tmp_path / "model.keras").generate(**asked)
    np.testing.assert_array_equal(again, model.generate(**asked))
