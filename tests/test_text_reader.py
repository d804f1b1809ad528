"""Discriminators that read the text from images, and wrong texts that come with the data."""

import keras
import numpy as np
import pytest

import ganzoo
from ganzoo.losses.captioned import likeness
from ganzoo.registry import model_class

_SMALL = {**model_class("gan_int_cls").test_config, "reads_text": True}


def batch_with_wrong_texts(model, count=8):
    images, text = model.example_batch(count)
    wrong = np.random.default_rng(5).standard_normal(text.shape).astype("float32")
    return tuple(keras.ops.convert_to_tensor(part) for part in (images, text, wrong))


def test_the_nearest_text_has_to_be_the_images_own():
    model = ganzoo.create("gan_int_cls", **_SMALL)
    batch = batch_with_wrong_texts(model)
    # A reader that reads the same of every image.
    read = np.linspace(-1, 1, 6).astype("float32")
    model.reader.set_weights([np.zeros_like(model.reader.get_weights()[0]), read])
    losses = {}
    for weight in (0.0, 1.0, 3.0):
        model.compile(interpolation=0.0, text_matching=weight)
        model.noise.start_step(0)
        model._step_state.recorded = {}
        losses[weight] = float(model.generator_loss(batch)), float(model._step_state.recorded["g_text"])
    text, wrong = (np.asarray(part) for part in batch[1:])
    expected = []
    for i in range(len(text)):
        # Its own first, then those of the other images, and the wrong one.
        texts = np.concatenate([text[[i]], np.delete(text, i, axis=0), wrong[[i]]])
        nearness = -0.125 * ((read - texts) ** 2).sum(axis=1)
        expected.append(np.log(np.exp(nearness).sum()) - nearness[0])
    assert losses[1.0][1] == pytest.approx(np.mean(expected), rel=1e-4)
    assert losses[3.0][0] - losses[0.0][0] == pytest.approx(3 * np.mean(expected), rel=1e-3)


def test_the_discriminators_features_learn_to_tell_the_text():
    keras.utils.set_random_seed(0)
    model = ganzoo.create("gan_int_cls", **{**_SMALL, "width": 8})
    rng = np.random.default_rng(0)
    # The text says which side is bright.
    left = rng.random(64) < 0.5
    images = np.full((64, 16, 16, 3), -1, "float32")
    images[left, :, :8], images[~left, :, 8:] = 1, 1
    text = np.where(left[:, None], 1.0, -1.0) * np.ones((64, 6), "float32")
    model.compile(interpolation=0.0, optimizer={"learning_rate": 3e-3})
    history = model.fit(images, text.astype("float32"), batch_size=16, epochs=12, verbose=0).history
    assert np.isfinite(history["g_text"]).all()
    read = keras.ops.convert_to_numpy(model.reader(model._features(images, False)))
    assert ((read.mean(axis=1) > 0) == left).mean() > 0.95


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


def test_a_model_with_a_reader_is_saved_loaded_and_trained_on(tmp_path):
    model = ganzoo.create("gan_int_cls", **_SMALL)
    model.compile(interpolation=0.0)
    images, text = model.example_batch(8)
    model.fit(images, text, batch_size=8, verbose=0)
    model.save(tmp_path / "m.keras")
    loaded = ganzoo.load(tmp_path / "m.keras")
    for mine, other in zip(model.reader.get_weights(), loaded.reader.get_weights()):
        np.testing.assert_array_equal(mine, other)
    loaded.fit(images, text, batch_size=8, verbose=0)
    assert loaded.steps == 2
    assert "g_text" not in ganzoo.create("gan_int_cls", **model_class("gan_int_cls").test_config).reported
    with pytest.raises(ganzoo.GanzooError, match="reads_text"):
        ganzoo.create("gan_int_cls", **{**_SMALL, "reads_text": "maybe"})


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
    batch = batch_with_wrong_texts(model)
    found = []
    for variety in (0.0, 2.0):
        model.compile(interpolation=0.0, variety=variety)
        model.noise.start_step(0)
        found.append(float(model.generator_loss(batch)))
    # Two outputs of an untrained generator are nearly the same.
    assert 1.0 < found[1] - found[0] <= 2.0
