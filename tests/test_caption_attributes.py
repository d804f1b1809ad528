"""Discriminators that classify the attributes of captions, and wrong texts that come with the data."""

import keras
import numpy as np
import pytest

import ganzoo
from ganzoo.losses.captioned import attribute_loss, likeness
from ganzoo.registry import model_class

# Two attributes, of two and of three values.
_COUNTS = [2, 3]
_SMALL = {**model_class("gan_int_cls").test_config, "attributes": _COUNTS}


def batch_with_attributes(model, count=8):
    return tuple(keras.ops.convert_to_tensor(part) for part in model.example_batch(count))


def test_only_named_attributes_count():
    logits = np.log(np.array([[0.2, 0.8, 0.5, 0.25, 0.25], [0.9, 0.1, 0.1, 0.1, 0.8]], "float32"))
    found = float(attribute_loss(logits, np.array([[1, 2], [0, -1]]), _COUNTS))
    assert found == pytest.approx((-np.log(0.8) - np.log(0.25) - np.log(0.9)) / 2, rel=1e-5)
    assert float(attribute_loss(logits, np.full((2, 2), -1), _COUNTS)) == 0


def test_two_halves_of_a_batch_have_the_loss_of_the_whole():
    """Replicas share a batch, and their captions name attributes unequally often."""
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((8, 5)).astype("float32")
    said = np.stack([rng.integers(-1, n, 8) for n in _COUNTS], axis=1)
    said[:4, 0] = -1
    halves = [float(attribute_loss(logits[part], said[part], _COUNTS)) for part in (slice(0, 4), slice(4, 8))]
    assert np.mean(halves) == pytest.approx(float(attribute_loss(logits, said, _COUNTS)), rel=1e-5)


def test_the_weight_multiplies_the_loss_of_what_the_classifier_says():
    model = ganzoo.create("gan_int_cls", **_SMALL)
    batch = batch_with_attributes(model)
    # A classifier that says the same of every image.
    logits = np.linspace(-1, 1, sum(_COUNTS)).astype("float32")
    model.classifier.set_weights([np.zeros_like(model.classifier.get_weights()[0]), logits])
    expected = float(attribute_loss(np.tile(logits, (8, 1)), np.asarray(batch[3]), _COUNTS))
    for loss, key in ((model.generator_loss, "g_attributes"), (model.discriminator_loss, "d_attributes")):
        found = {}
        for weight in (0.0, 3.0):
            model.compile(interpolation=0.0, attribute_weight=weight)
            model.noise.start_step(0)
            model._step_state.recorded = {}
            found[weight] = float(loss(batch))
            assert float(model._step_state.recorded[key]) == pytest.approx(expected, rel=1e-4)
        assert found[3.0] - found[0.0] == pytest.approx(3 * expected, rel=1e-3)


def test_discriminator_and_generator_learn_the_attributes():
    keras.utils.set_random_seed(0)
    model = ganzoo.create("gan_int_cls", **{**_SMALL, "width": 8, "attributes": [2]})
    rng = np.random.default_rng(0)
    # The caption says which half is bright; a quarter of the captions say nothing.
    left = rng.random(128) < 0.5
    images = np.full((128, 16, 16, 3), -1, "float32")
    images[left, :, :8], images[~left, :, 8:] = 1, 1
    text = (np.where(left[:, None], 1.0, -1.0) * np.ones((128, 6))).astype("float32")
    silent = rng.random(128) < 0.25
    text[silent] = 0
    said = np.where(silent, -1, left).astype("int32")[:, None]
    tf = pytest.importorskip("tensorflow")
    data = tf.data.Dataset.from_tensor_slices((images, text, text[::-1].copy(), said)).batch(16)
    model.compile(interpolation=0.0, optimizer={"learning_rate": 3e-3}, attribute_weight=2.0)
    model.fit(data, epochs=12, verbose=0)
    seen = keras.ops.convert_to_numpy(model.classifier(model._features(images, False))).argmax(axis=1)
    assert (seen == left)[~silent].mean() > 0.95
    generated = model.generator([model.latents(64, seed=0), np.repeat([[1.0], [-1.0]], 32, axis=0) * np.ones((1, 6))])
    generated = keras.ops.convert_to_numpy(generated).mean(axis=(1, 3))
    brighter_left = generated[:, :8].mean(axis=1) > generated[:, 8:].mean(axis=1)
    assert (brighter_left == (np.arange(64) < 32)).mean() > 0.9


def test_data_without_attributes_is_refused_in_a_line():
    model = ganzoo.create("gan_int_cls", **_SMALL)
    model.compile()
    images, text, *_ = model.example_batch(8)
    with pytest.raises(ganzoo.GanzooError, match="contradictions"):
        model.fit(images, text, batch_size=8, verbose=0)
    with pytest.raises(ganzoo.GanzooError, match="2 attributes"):
        model.split_batch((images, text, text, np.zeros((8, 3), "int32")))
    plain = ganzoo.create("gan_int_cls", **model_class("gan_int_cls").test_config)
    with pytest.raises(ganzoo.GanzooError, match="use ganzoo"):
        plain.split_batch((images, text, text, np.zeros((8, 2), "int32")))
    with pytest.raises(ganzoo.GanzooError, match="attributes"):
        ganzoo.create("gan_int_cls", **{**_SMALL, "attributes": "many"})


def test_the_datas_wrong_texts_take_the_place_of_the_neighbors():
    """A discriminator that accepts only text of ones."""
    model = ganzoo.create("gan_int_cls", **model_class("gan_int_cls").test_config)
    model.compile(loss="least_squares")
    images, text = (keras.Input(tensor.shape[1:]) for tensor in model.discriminator.inputs)
    logits = keras.ops.mean(text, axis=-1, keepdims=True)
    object.__setattr__(model, "discriminator", keras.Model([images, text], logits))
    ones = np.ones((4, 6), "float32")
    shown = keras.ops.convert_to_tensor(model.example_batch(4)[0])
    found = []
    for wrong in (ones, 0 * ones):
        model.noise.start_step(0)
        model._step_state.recorded = {}
        model.discriminator_loss((shown, keras.ops.convert_to_tensor(ones), keras.ops.convert_to_tensor(wrong)))
        found.append(float(model._step_state.recorded["d_wrong"]))
    assert found == [1.0, 0.0]


def test_a_model_with_a_classifier_is_saved_loaded_and_trained_on(tmp_path):
    tf = pytest.importorskip("tensorflow")
    model = ganzoo.create("gan_int_cls", **_SMALL)
    model.compile(interpolation=0.0)
    data = tf.data.Dataset.from_tensors(batch_with_attributes(model))
    model.fit(data, verbose=0)
    model.save(tmp_path / "m.keras")
    loaded = ganzoo.load(tmp_path / "m.keras")
    for mine, other in zip(model.classifier.get_weights(), loaded.classifier.get_weights()):
        np.testing.assert_array_equal(mine, other)
    history = loaded.fit(data, verbose=0).history
    assert loaded.steps == 2
    assert {"d_attributes", "g_attributes"} <= set(history)
    plain = ganzoo.create("gan_int_cls", **model_class("gan_int_cls").test_config)
    plain.compile()
    assert "g_attributes" not in plain.reported_metrics


def test_images_that_differ_as_much_as_two_avatars_are_not_alike():
    images = np.zeros((4, 16, 16, 3), "float32")
    others = images.copy()
    others[1] += 0.02  # half of what is enough
    others[2, :8] += 0.08  # enough in half of the image
    # The same in every pixel, but up and down within each of the means.
    others[3, ::2] += 0.5
    others[3, 1::2] -= 0.5
    assert float(likeness(images, others)) == pytest.approx((1 + 0.5 + 0 + 1) / 4, abs=1e-4)


def test_variety_adds_the_likeness_of_two_images_of_a_text():
    model = ganzoo.create("gan_int_cls", **_SMALL)
    batch = batch_with_attributes(model)
    found = []
    for variety in (0.0, 2.0):
        model.compile(interpolation=0.0, variety=variety)
        model.noise.start_step(0)
        found.append(float(model.generator_loss(batch)))
    # Two outputs of an untrained generator are nearly the same.
    assert 1.0 < found[1] - found[0] <= 2.0
