"""Features of a discriminator, and the accuracy of a linear classifier on them."""

import keras
import numpy as np
import pytest

import ganzoo
from ganzoo.evaluation import probe
from ganzoo.registry import model_class


def test_features_are_the_hidden_layers_pooled_to_four_by_four():
    model = ganzoo.create("dcgan", image_shape=(32, 32, 1), latent_dim=8, width=4)
    images = model.generate(3, seed=0)
    scaled = images.astype("float32") / 127.5 - 1
    expected = []
    for name, pool in (("down1_relu", 4), ("down2_relu", 2), ("down3_relu", 1)):
        hidden = np.asarray(keras.Model(model.discriminator.input, model.discriminator.get_layer(name).output)(scaled))
        side = hidden.shape[1] // pool
        expected.append(hidden.reshape(3, side, pool, side, pool, -1).max(axis=(2, 4)).reshape(3, -1))
    # The last hidden layer is there as it is, 4x4 positions flattened.
    np.testing.assert_allclose(model.features(images), np.concatenate(expected, axis=1), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.features(images, batch_size=2), model.features(images), atol=1e-6)


@pytest.mark.parametrize(
    "name", [name for name in ganzoo.list_models() if issubclass(model_class(name), ganzoo.ImageGeneration)]
)
def test_every_model_has_features_or_says_why_not(name):
    model = ganzoo.create(name, **model_class(name).test_config)
    images = np.random.default_rng(0).integers(0, 256, (4, *model.image_shape), dtype="uint8")
    if not hasattr(model, "discriminator"):
        with pytest.raises(ganzoo.GanzooError, match="has no discriminator"):
            model.features(images)
        return
    if len(model.discriminator.inputs) > 1:
        with pytest.raises(ganzoo.GanzooError, match="takes images with a condition"):
            model.features(images)
        return
    features = model.features(images)
    assert features.dtype == np.float32
    assert features.shape[0] == 4
    assert features.shape[1] > 4
    assert features.std(axis=0).max() > 0
    with pytest.raises(ganzoo.GanzooError, match="images for features are uint8"):
        model.features(images.astype("float32"))


def test_a_trained_discriminators_features_are_no_worse_than_pixels(tmp_path):
    """The digits of scikit-learn, 1,000 for training and 797 for testing."""
    from ganzoo.data.sources import open_images

    digits = open_images("digits", (8, 8, 1))
    for name, part in (("train", slice(0, 1000)), ("test", slice(1000, None))):
        np.savez(tmp_path / f"{name}.npz", images=digits.images[part], labels=digits.labels[part])
    model = ganzoo.load("dcgan.digits")
    sources = (f"npz:{tmp_path}/train.npz", f"npz:{tmp_path}/test.npz")
    protocol, metrics = probe(model, *sources, upscale=True)
    assert "1,000 images of npz:train.npz" in protocol
    assert metrics["pixels"] > 0.85
    assert metrics["features"] > metrics["pixels"] - 0.01
    shuffled = np.random.default_rng(0).permutation(digits.labels[:1000])
    np.savez(tmp_path / "train.npz", images=digits.images[:1000], labels=shuffled)
    assert probe(model, *sources, upscale=True)[1]["features"] < 0.3
