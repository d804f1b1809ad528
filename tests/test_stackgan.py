"""Images from sentences: two stages, a discriminator that reads, and captions of any kind."""

import keras
import numpy as np
import pytest
from keras import ops

import ganzoo
from ganzoo.networks.text_to_image import kl_to_standard_normal, refiner
from ganzoo.registry import model_class
from ganzoo.training.callbacks.record import read_records

SMALL = model_class("stackgan").test_config


def test_kl_by_hand():
    """Mean 1 and variance 1: 1/2 for each dimension. Mean 0 and variance e: (e - 2) / 2."""
    assert float(kl_to_standard_normal(np.array([[1.0, 1.0, 0.0, 0.0]]))) == pytest.approx(0.5)
    assert float(kl_to_standard_normal(np.array([[0.0, 1.0]]))) == pytest.approx((np.e - 2) / 2)
    assert float(kl_to_standard_normal(np.zeros((3, 8)))) == 0


def test_the_second_stage_starts_from_the_first_and_leaves_it_as_it_is():
    keras.utils.set_random_seed(0)
    first = ganzoo.create("stackgan", **{**SMALL, "factor": 1})
    first.compile()
    first.fit(*first.example_batch(8), batch_size=8, verbose=0)
    model = ganzoo.create("stackgan", **SMALL)
    assert model.image_shape == (32, 32, 3)
    model.start_from(first)
    model.compile()
    model.fit(*model.example_batch(8), batch_size=8, epochs=2, verbose=0)
    small, large = model.generate_both_stages(["a red apple", "x"], seed=3)
    latents = model.latents(2, 3)[:, : first.latent_dim]
    np.testing.assert_array_equal(small, first.generate(captions=["a red apple", "x"], latents=latents))
    assert large.shape == (2, 32, 32, 3)
    np.testing.assert_array_equal(model.vectors("a"), first.vectors("a"))
    with pytest.raises(ganzoo.GanzooError, match="different sizes"):
        model.start_from(ganzoo.create("stackgan", **{**SMALL, "factor": 1, "width": 5}))
    with pytest.raises(ganzoo.GanzooError, match="another text encoder"):
        model.start_from(ganzoo.create("stackgan", **{**SMALL, "factor": 1, "text": {**SMALL["text"], "dim": 7}}))
    with pytest.raises(ganzoo.GanzooError, match="no Stage-II"):
        first.generate_both_stages(["a"])


def test_without_augmentation_stage1_may_be_a_gan_int_cls():
    names = ("image_shape", "condition_dim", "text", "width", "kernel_size")
    first = ganzoo.create("gan_int_cls", **{name: SMALL[name] for name in names}, latent_dim=4, max_width=1024)
    first.compile()
    first.fit(*first.example_batch(8), batch_size=8, verbose=0)
    model = ganzoo.create("stackgan", **SMALL, conditioning_augmentation=False)
    assert model.latent_dim == 4
    model.start_from(first)
    model.compile(reconstruction=1.0)
    history = model.fit(*model.example_batch(8), batch_size=8, verbose=0).history
    assert "kl" not in history
    small, large = model.generate_both_stages(["a red apple", "x"], seed=3)
    np.testing.assert_array_equal(small, first.generate(captions=["a red apple", "x"], latents=model.latents(2, 3)))
    assert large.shape == (2, 32, 32, 3)
    with pytest.raises(ganzoo.GanzooError, match="different sizes"):
        ganzoo.create("stackgan", **SMALL).start_from(first)


@pytest.mark.parametrize("skips", [False, True])
def test_skips_lead_around_the_smallest_features(skips):
    network = refiner((16, 16, 3), 2, text_dim=6, condition_dim=3, width=4, blocks=1, max_width=64, skips=skips)
    images = np.random.default_rng(0).uniform(-1, 1, (2, 16, 16, 3)).astype("float32")
    inputs = [images, np.zeros((2, 6), "float32"), np.zeros((2, 3), "float32")]
    changes = []
    for closed in (False, True):
        if closed:
            # What comes from the smallest features is now the same for all images.
            kernel = network.get_layer("joint_conv").weights[0]
            kernel.assign(0 * kernel)
        first, second = keras.ops.convert_to_numpy(network(inputs))
        changes.append(bool((first != second).any()))
    assert changes == [True, skips]


def test_colors_of_the_small_image_are_kept():
    def means(images, size):
        return images.reshape(2, 16 // 4, size, 16 // 4, size, 3).mean(axis=(2, 4))

    def refined(model, small):
        return np.asarray(
            model.generator.get_layer("refiner")([small, np.zeros((2, 6), "float32"), np.zeros((2, 3), "float32")])
        )

    away = []
    for blocks in (0, 4):
        model = ganzoo.create("stackgan", **{**SMALL, "color_blocks": blocks})
        small = np.random.default_rng(0).uniform(-1, 1, (2, 16, 16, 3)).astype("float32")
        # Untrained, Stage-II gives gray images whatever the small ones show.
        away.append(np.abs(means(refined(model, small), 8) - means(small, 4)).mean())
    assert away[1] < 0.5 * away[0]
    # A small image of one color keeps it.
    small[:] = np.array([0.9, -1.0, 0.2])
    np.testing.assert_allclose(means(refined(model, small), 8), means(small, 4), atol=0.02)
    # A correction ends at white.
    kernel = model.generator.get_layer("refiner").get_layer("picture").weights[0]
    kernel.assign(1e9 * kernel)
    small = np.random.default_rng(0).uniform(0.5, 1, small.shape).astype("float32")
    assert refined(model, small).max() == 1
    with pytest.raises(ganzoo.GanzooError, match="16x16 pixels cannot be divided into blocks of 3x3"):
        ganzoo.create("stackgan", **{**SMALL, "color_blocks": 3})


def test_reconstruction_is_the_error_on_downsampled_real_images():
    model = ganzoo.create("stackgan", **SMALL)
    images, text = (ops.convert_to_tensor(part) for part in model.example_batch(4))
    losses = []
    for weight in (0.0, 2.0):
        model.compile(reconstruction=weight)
        model.noise.start_step(0)
        model._step_state.recorded = {}
        losses.append(float(model.generator_loss((images, text))))
    small = np.asarray(images).reshape(4, 16, 2, 16, 2, 3).mean(axis=(2, 4))
    # An untrained network gives nearly the same whatever the noise.
    large = model.generator.get_layer("refiner")([ops.convert_to_tensor(small), text, ops.zeros((4, 3))], training=True)
    error = float(np.abs(np.asarray(large) - np.asarray(images)).mean())
    assert float(model._step_state.recorded["g_reconstruction"]) == pytest.approx(error, rel=1e-2)
    assert losses[1] - losses[0] == pytest.approx(2 * error, rel=1e-2)
    stage1 = ganzoo.create("stackgan", **{**SMALL, "factor": 1})
    with pytest.raises(ganzoo.GanzooError, match="no Stage-II"):
        stage1.compile(reconstruction=1.0)


def test_the_encoder_goes_with_the_model(tmp_path):
    model = ganzoo.create("stackgan", **SMALL)
    model.text_encoder.network.get_layer("text").learned.assign(1.0)
    model.save(tmp_path / "m.keras")
    loaded = ganzoo.load(tmp_path / "m.keras")
    assert loaded.text_encoder.learned
    np.testing.assert_array_equal(loaded.vectors(["a red apple"]), model.vectors(["a red apple"]))
    sha256 = model.save_shipped(tmp_path / "w.npz")
    other = ganzoo.create("stackgan", **SMALL)
    other.load_shipped(tmp_path / "w.npz", sha256)
    np.testing.assert_allclose(other.vectors(["a red apple"]), model.vectors(["a red apple"]), atol=0.02)


def test_the_wrong_text_is_the_next_ones():
    """A discriminator that accepts only text of ones: real and generated images match it, and no other text."""
    model = ganzoo.create("stackgan", **SMALL)
    model.compile(loss="least_squares")

    images, text = (keras.Input(tensor.shape[1:]) for tensor in model.discriminator.inputs)
    logits = keras.ops.mean(text, axis=-1, keepdims=True)
    object.__setattr__(model, "discriminator", keras.Model([images, text], logits))
    model._step_state.recorded = {}
    model.noise.start_step(0)
    images, text = model.example_batch(4)
    text = np.repeat(np.array([[1.0], [1.0], [0.0], [0.0]], "float32"), text.shape[1], axis=1)
    # Real and generated with their own text: logits 1 1 0 0, wrong ones 0 1 1 0. Half of (x - 1)^2 and of x^2 each.
    expected = (0.25 + 0.25 + 0.25 + 0.25) / 2
    batch = keras.ops.convert_to_tensor(images), keras.ops.convert_to_tensor(text)
    assert float(model.discriminator_loss(batch)) == pytest.approx(expected)
    assert float(model._step_state.recorded["d_wrong"]) == pytest.approx(0.5)


def test_captions_asked_for():
    keras.utils.set_random_seed(0)
    model = ganzoo.create("gan_int_cls", **model_class("gan_int_cls").test_config)
    for weight in model.ema_generator.weights:
        if weight.name == "kernel":
            weight.assign(10 * weight)
    generated = model.generate(captions=["a red apple", "a blue ball"], seed=0)
    assert generated.shape == (2, 16, 16, 3)
    same_noise = model.generate(captions=["a green leaf", "a blue ball"], seed=0)
    assert (generated[0] != same_noise[0]).any()
    assert np.abs(generated[1].astype(int) - same_noise[1]).max() <= 1
    assert model.generate(5, captions="a red apple", seed=0).shape[0] == 5
    for odd in ("", "\U0001f34e", "word " * 10_000):
        assert model.generate(captions=odd, seed=0).shape == (1, 16, 16, 3)
    for wrong in (0, 2.5):
        with pytest.raises(ganzoo.GanzooError, match="count must be an integer of at least 1"):
            model.interpolate("a red apple", "a blue ball", count=wrong)
    walk = model.interpolate("a red apple", "a blue ball", count=5, seed=0)
    ends = model.generate(captions=["a red apple", "a blue ball"], latents=np.repeat(model.latents(1, 0), 2, axis=0))
    assert np.abs(walk[[0, -1]].astype(int) - ends).max() <= 1
    for wrong, words in (
        (dict(count=2), "generates images from captions"),
        (dict(count=3, captions=["a", "b"]), "need one caption or 3"),
        (dict(captions=[1]), "captions are strings"),
        (dict(captions=[]), "captions are strings"),
        (dict(captions=5), "captions are strings"),
    ):
        with pytest.raises(ganzoo.GanzooError, match=words):
            model.generate(**wrong)
    with pytest.raises(ganzoo.GanzooError, match="Did you mean 'characters'"):
        ganzoo.create("stackgan", **{**SMALL, "text": "charcters"})


def test_a_run_learns_captions_first_and_is_evaluated(tmp_path, monkeypatch):
    """Two colors: after a few epochs the image has the one that was said."""
    from PIL import Image

    from ganzoo.evaluation import evaluate

    rng = np.random.default_rng(0)
    lines = []
    for i in range(64):
        name, color = (("red", (230, 20, 20)), ("blue", (20, 20, 230)))[i % 2]
        Image.fromarray(np.clip(np.array(color) + rng.integers(-20, 20, (16, 16, 3)), 0, 255).astype("uint8")).save(
            tmp_path / f"{i}.png"
        )
        lines += [f"{i}.png\ta {name} {thing}" for thing in ("wall", "sheet")]
    (tmp_path / "captions.txt").write_text("\n".join(lines))
    preset = tmp_path / "tiny.yaml"
    preset.write_text(
        f"""
model: gan_int_cls
arguments: {{image_shape: [16, 16, 3], latent_dim: 8, text: {{name: characters, dim: 16, width: 16, length: 16}},
  condition_dim: 8, width: 16, kernel_size: 4}}
compile: {{ema_decay: 0.9, interpolation: 0.0, generator_optimizer: {{learning_rate: 0.002}},
  discriminator_optimizer: {{learning_rate: 0.001}}}}
data: {{source: "captions:{tmp_path}", batch_size: 16}}
training: {{epochs: 25, samples: 8}}
evaluation: {{extractor: matching, samples: 40, every_epochs: 12}}
"""
    )
    run = ganzoo.train(preset, output=tmp_path / "runs")
    model = ganzoo.load(run)
    assert model.text_encoder.learned
    assert not model.text_encoder.network.trainable
    red, blue = (model.generate(4, captions=f"a {name} wall", seed=0).mean(axis=(0, 1, 2)) for name in ("red", "blue"))
    assert red[0] > red[2] + 50
    assert blue[2] > blue[0] + 50
    assert (run / "samples" / "epoch_0025.png").exists()
    measured = [record for record in read_records(run / "metrics.jsonl") if "right_of_10" in record]
    assert measured[-1]["frechet_joint_distance"] < measured[0]["frechet_joint_distance"] / 2
    assert measured[-1]["right_of_10"] > 0.9
    assert (run / "checkpoints" / "best.keras").exists()
    with pytest.raises(ganzoo.GanzooError, match="set it to matching"):
        ganzoo.train(preset, output=tmp_path / "runs", settings=["evaluation.extractor=mnist_classifier"])
    monkeypatch.setattr("ganzoo.metrics.captioned_sets.EPOCHS", 5)
    found = evaluate(model, f"captions:{tmp_path}")
    assert {"right_of_10", "held_out_of_10", "colors_obeyed", "frechet_distance"} <= set(found.metrics)
    assert "not FID" in found.protocol


def test_captions_on_the_command_line(tmp_path):
    from click.testing import CliRunner
    from PIL import Image

    from ganzoo.cli import main

    model = ganzoo.create("stackgan", **SMALL)
    model.save(tmp_path / "m.keras")
    arguments = ["--caption", "a red apple", "--caption", "", "--count", "3", "--output", str(tmp_path / "o.png")]
    done = CliRunner().invoke(main, ["generate", str(tmp_path / "m.keras"), *arguments])
    assert done.exit_code == 0, done.output
    assert Image.open(tmp_path / "o.png").size == (3 * 34 - 2, 2 * 34 - 2)
    done = CliRunner().invoke(main, ["generate", "dcgan.digits", *arguments])
    assert "use `ganzoo generate dcgan.digits`" in done.output


def test_an_image_with_another_ones_text_is_wrong():
    keras.utils.set_random_seed(0)
    model = ganzoo.create("stackgan", **{**SMALL, "factor": 1})
    model.compile()
    real, text = (ops.convert_to_tensor(part) for part in model.example_batch(4))
    for weight in model.discriminator.trainable_variables:
        weight.assign(np.random.default_rng(0).normal(0, 0.5, weight.shape))
    model._step_state.recorded = {}
    model.discriminator_loss((real, text), training=False)
    others = ops.convert_to_tensor(np.asarray(text)[[1, 0, 3, 2]])
    scores = [np.asarray(ops.sigmoid(model.discriminator([real, about]))) for about in (text, others)]
    assert float(model._step_state.recorded["d_real"]) == pytest.approx(float(scores[0].mean()), rel=1e-4)
    assert float(model._step_state.recorded["d_wrong"]) == pytest.approx(float(scores[1].mean()), rel=1e-4)
    assert abs(scores[0].mean() - scores[1].mean()) > 1e-3
