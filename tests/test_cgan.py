"""What is particular to the conditional GAN: labels in, the right class out."""

import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner

import ganzoo
from ganzoo.cli import main
from ganzoo.config import load_config
from ganzoo.networks.conditional import concatenating_discriminator, projecting_discriminator

SMALL = dict(image_shape=(28, 28, 1), classes=3, latent_dim=4, width=4)


def test_images_depend_on_the_label_asked_for():
    model = ganzoo.create("cgan", **SMALL)
    images = model.generate(labels=[0, 1, 1, 2], seed=0)
    assert images.shape == (4, 28, 28, 1)
    latents = model.latents(1, seed=0).repeat(3, axis=0)
    zero, one, two = model.generate(latents=latents, labels=range(3))
    assert (zero != one).any()
    assert (one != two).any()
    np.testing.assert_array_equal(model.generate(3, labels=1, seed=0), model.generate(3, labels=[1, 1, 1], seed=0))
    np.testing.assert_array_equal(model.labels(5), [0, 1, 2, 0, 1])


def test_wrong_labels_say_what_is_allowed():
    model = ganzoo.create("cgan", **SMALL)
    wrong = {
        (3,): "from 0 to 2",
        (-1,): "from 0 to 2",
        (0.5,): "whole numbers",
        ("a",): "whole",
        (0, 1): "one label or 5",
    }
    for labels, message in wrong.items():
        with pytest.raises(ganzoo.GanzooError, match=message):
            model.generate(5, labels=labels)
    model.compile()
    with pytest.raises(ganzoo.GanzooError, match=r"learns from \(images, labels\)"):
        model.fit(np.zeros((4, 28, 28, 1), "float32"), verbose=0)
    images = np.zeros((4, 28, 28, 1), "float32")
    for labels in ([1, 2, 3, 1], [-1, 0, 1, 2], [0.5, 1, 1, 1], np.eye(4), 2 * np.eye(4)[:, :3], [0, 1, 2]):
        with pytest.raises(ganzoo.GanzooError, match=r"labels (are whole|of shape|.*got shape)|4 images need as many"):
            model.fit(images, np.array(labels), verbose=0)
    # As other libraries give them.
    for labels in ([0, 1, 2, 1], np.array([0.0, 1, 2, 1]), tf.constant([0, 1, 2, 1])):
        model.fit(tf.constant(images), labels, batch_size=2, verbose=0)
    assert model.steps == 6


def test_classes_are_generated_by_name(tmp_path):
    model = ganzoo.create("cgan", **SMALL)
    with pytest.raises(ganzoo.GanzooError, match="classes have no names"):
        model.generate(labels="cat")
    model.class_names = ["cat", "Dog"]
    named = model.generate(labels=["Dog", "CAT", 2], seed=0)
    np.testing.assert_array_equal(named, model.generate(labels=[1, 0, 2], seed=0))
    np.testing.assert_array_equal(model.generate(2, labels="dog", seed=0), model.generate(2, labels=1, seed=0))
    with pytest.raises(ganzoo.GanzooError, match=r"unknown class 'dgo'. Did you mean 'Dog'\?"):
        model.generate(labels=["dgo"])
    with pytest.raises(ganzoo.GanzooError, match="4 class_names, but the model has 3 classes"):
        model.class_names = "abcd"
    model.compile()
    model.save(tmp_path / "m.keras")
    assert ganzoo.load(tmp_path / "m.keras").class_names == ("cat", "Dog")
    assert ganzoo.load("cgan.fashion_mnist").class_number("ankle boot") == 9


def test_a_run_keeps_the_names_of_its_datas_classes(tmp_path):
    from PIL import Image

    for name in ("10", "2", "cat"):
        (tmp_path / "in" / name).mkdir(parents=True)
        for i in range(2):
            Image.new("L", (28, 28), 40 * i).save(tmp_path / "in" / name / f"{i}.png")
    config = tmp_path / "tiny.yaml"
    config.write_text(
        "model: cgan\narguments: {image_shape: [28, 28, 1], classes: 3, latent_dim: 4, width: 4}\n"
        f"data: {{source: 'folder:{tmp_path}/in', batch_size: 2}}\n"
        "class_names: [one, 2, three]\ntraining: {epochs: 1, samples: 4}\n"
    )
    run = ganzoo.train(config, output=tmp_path / "runs")
    assert load_config(run / "config.yaml").class_names == ["2", "10", "cat"]
    assert ganzoo.load(run).class_names == ("2", "10", "cat")
    assert "class_names: ['2', '10', cat]" in CliRunner().invoke(main, ["info", str(run)]).output
    (tmp_path / "in" / "cat").rename(tmp_path / "in" / "dog")
    with pytest.raises(ganzoo.GanzooError, match=r"trained on the classes 2, 10, cat, .* has 2, 10, dog"):
        ganzoo.train(config, output=tmp_path / "runs", resume=True, settings=["epochs=2"])
    mine = ganzoo.train(config, output=tmp_path / "runs", settings={"class_names": ["a", "b", "c"]})
    assert ganzoo.load(mine).class_names == ("a", "b", "c")


def test_labels_come_with_their_images(tmp_path):
    """Images whose gray is their label: whatever the order, they stay together."""
    labels = np.arange(60) % 3
    np.savez(
        tmp_path / "a.npz", images=np.ones((60, 28, 28), "uint8") * labels[:, None, None].astype("uint8"), labels=labels
    )
    for images, asked in ganzoo.data.labeled(f"npz:{tmp_path}/a.npz", (28, 28, 1), 20, classes=3):
        np.testing.assert_array_equal(np.rint((images.numpy()[:, 0, 0, 0] + 1) * 127.5), asked.numpy())
        assert asked.dtype == "int32"
    with pytest.raises(ganzoo.GanzooError, match=r"set arguments.classes to 3"):
        ganzoo.data.labeled(f"npz:{tmp_path}/a.npz", (28, 28, 1), 20, classes=2)
    for same in (labels[:, None], np.eye(3)[labels], labels.astype("float64")):
        np.savez(tmp_path / "c.npz", images=np.zeros((60, 28, 28), "uint8"), labels=same)
        for (_, ours), (_, theirs) in zip(
            ganzoo.data.labeled(f"npz:{tmp_path}/c.npz", (28, 28, 1), 20, classes=3),
            ganzoo.data.labeled(f"npz:{tmp_path}/a.npz", (28, 28, 1), 20, classes=3),
        ):
            np.testing.assert_array_equal(ours, theirs)
    for wrong in (np.where(labels, labels, np.nan), labels - 0.5, labels - 1, labels.astype(str)):
        np.savez(tmp_path / "d.npz", images=np.zeros((60, 28, 28), "uint8"), labels=wrong)
        with pytest.raises(ganzoo.GanzooError, match=r"npz:.*: labels are whole numbers of at least 0"):
            ganzoo.data.labeled(f"npz:{tmp_path}/d.npz", (28, 28, 1), 20, classes=3)
    np.savez(tmp_path / "b.npz", images=np.zeros((60, 28, 28), "uint8"))
    with pytest.raises(ganzoo.GanzooError, match="have no labels"):
        ganzoo.data.labeled(f"npz:{tmp_path}/b.npz", (28, 28, 1), 20)


def test_projection_adds_the_inner_product_with_the_labels_embedding():
    """Equation 3 of arXiv:1802.05637, put together apart from the network."""
    network = projecting_discriminator((28, 28, 1), 3, width=4, kernel_size=3, max_width=64)
    images, labels = (
        np.random.default_rng(0).uniform(-1, 1, (5, 28, 28, 1)).astype("float32"),
        np.array([0, 1, 2, 0, 1]),
    )
    import keras

    features = np.asarray(keras.Model(network.input, network.get_layer("features").output)([images, labels]))
    kernel, bias = network.get_layer("logit").get_weights()
    embedding = network.get_layer("class").get_weights()[0]
    expected = features @ kernel[:, 0] + bias[0] + (features * embedding[labels]).sum(axis=1)
    np.testing.assert_allclose(np.asarray(network([images, labels]))[:, 0], expected, rtol=1e-4, atol=1e-6)


def test_concatenation_gives_every_class_a_plane_of_ones():
    network = concatenating_discriminator((28, 28, 1), 3, width=4, kernel_size=3, max_width=64)
    import keras

    joined = keras.Model(network.input, network.get_layer("image_and_label").output)
    planes = np.asarray(joined([np.zeros((2, 28, 28, 1), "float32"), np.array([2, 0])]))[..., 1:]
    np.testing.assert_array_equal(planes[0], np.broadcast_to([0, 0, 1], (28, 28, 3)))
    np.testing.assert_array_equal(planes[1], np.broadcast_to([1, 0, 0], (28, 28, 3)))


@pytest.mark.parametrize("conditioning", ["concatenation", "projection"])
def test_two_gray_levels_are_learned_on_demand(conditioning):
    """Class 0 is dark, class 1 bright; after a few hundred steps a tiny network generates the requested class."""
    import keras

    keras.utils.set_random_seed(0)
    model = ganzoo.create(
        "cgan", image_shape=(8, 8, 1), classes=2, latent_dim=4, width=8, kernel_size=3, conditioning=conditioning
    )
    fast = {"name": "adam", "learning_rate": 2e-3, "beta_1": 0.5}
    model.compile(fast, ema_decay=0.9)
    labels = np.arange(256) % 2
    images = np.random.default_rng(0).normal(0, 0.1, (256, 8, 8, 1)) + np.where(labels, 0.5, -0.5)[:, None, None, None]
    model.fit(images.astype("float32"), labels.astype("int32"), batch_size=32, epochs=25, verbose=0)
    dark, bright = (model.generate(32, labels=label, seed=1).mean() for label in (0, 1))
    assert dark < 100
    assert bright > 155


def test_coverage_counts_classes_that_are_generated():
    from ganzoo.metrics import classes_covered

    logits = np.zeros((1000, 4))
    logits[:, 0] = 1
    assert classes_covered(logits) == 1
    logits[:30, 1] = 2  # 3% of an even share of 25%: 0.12 of it
    logits[30:50, 2] = 2  # 0.08 of it
    assert classes_covered(logits) == 2
