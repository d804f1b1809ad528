"""PixelCNN: what a pixel depends on, sampling against the naive loop, completion, and exact likelihoods."""

import keras
import numpy as np
import pytest
from keras import ops

import ganzoo
from benchmarks.sampling import sampled_naively
from ganzoo import backend
from ganzoo.evaluation import evaluate
from ganzoo.inference.generation import write_walk
from ganzoo.inference.pixel_sampling import PixelSampler
from ganzoo.inference.stepwise import last

SHAPE = (6, 7, 1)
SIZES = dict(width=6, depth=3, kernel_size=3, first_kernel_size=3, hidden=12)
MIXTURE = {"name": "logistic_mixture", "components": 3}
# (likelihood, channels): one channel after the other where the network orders them, all at once where the likelihood
# does.
LIKELIHOODS = [("bernoulli", 1), ("categorical", 3), ("discretized_logistic", 2), (MIXTURE, 3), ("logistic_mixture", 1)]


def made(likelihood="bernoulli", channels=1, name="pixelcnn", **arguments):
    """A model with weights so large that each dependence shows."""
    model = ganzoo.create(name, image_shape=(*SHAPE[:2], channels), likelihood=likelihood, **SIZES, **arguments)
    rng = np.random.default_rng(1)
    for network in (model.generator, model.ema_generator):
        network.set_weights([0.4 * rng.standard_normal(weight.shape) for weight in network.get_weights()])
    return model


@pytest.fixture(scope="module")
def conditional():
    return made(name="conditional_pixelcnn", classes=3)


@pytest.fixture(scope="module")
def halves():
    """Images whose lower half repeats the upper one: bright columns at random; 7 bits of information."""
    rows = np.random.default_rng(0).integers(0, 2, (512, 1, 7, 1)) * 255
    return np.broadcast_to(rows, (512, *SHAPE)).astype("uint8")


@pytest.fixture(scope="module")
def trained(halves):
    keras.utils.set_random_seed(0)
    model = ganzoo.create("pixelcnn", image_shape=SHAPE, width=8, depth=2, hidden=16)
    model.compile({"name": "adam", "learning_rate": 1e-2}, ema_decay=0.9)
    model.fit(halves / 127.5 - 1.0, batch_size=32, epochs=15, verbose=0)
    return model


@pytest.mark.parametrize(("likelihood", "channels"), LIKELIHOODS[:4])
def test_a_pixel_depends_on_all_before_it_within_reach_and_on_none_after(likelihood, channels):
    model = made(likelihood, channels)
    passes = 1 if model.likelihood.is_joint else channels
    row, column = 4, 3
    image = np.random.default_rng(0).uniform(-1, 1, (1, *model.image_shape)).astype("float32")
    # Of a kernel of 3 in the first layer and two layers of 3: a reach of 3 rows up, and 3 columns to each side.
    height, width = np.indices(SHAPE[:2])
    within = (height >= row - 3) & (abs(width - column) <= 3)
    before = within & ((height < row) | ((height == row) & (width < column)))
    for channel in range(passes):

        def outputs_of_channel(images, channel=channel):
            return ops.sin(model.generator(images, training=False))[:, row, column, channel::passes]

        seen = ops.convert_to_numpy(backend.input_gradient(outputs_of_channel, ops.convert_to_tensor(image)))[0] != 0
        expected = np.repeat(before[..., None], channels, axis=-1)
        if passes > 1:
            # Of the pixel itself, the channels before this one.
            expected[row, column, :channel] = True
        np.testing.assert_array_equal(seen, expected, err_msg=f"channel {channel}")


@pytest.mark.parametrize(("likelihood", "channels"), LIKELIHOODS)
def test_cached_sampling_is_the_naive_loop(likelihood, channels):
    model = made(likelihood, channels)
    rng = np.random.default_rng(0)
    images = (rng.integers(0, 256, (3, *model.image_shape)) / 127.5 - 1).astype("float32")
    uniform = rng.uniform(1e-9, 1, (3, 42, channels + 1))
    keep = rng.random((3, *SHAPE[:2])) < 0.3
    # A row, and the end of another, that nothing has to be sampled for.
    keep[:, 1], keep[:, 4, 5:] = True, True
    for kept in (np.zeros_like(keep), keep):
        arguments = model.inference_network, model.likelihood, images, kept, uniform, 0.8
        expected = sampled_naively(*arguments)
        found = last(PixelSampler(*arguments[:2]).rows(*arguments[2:]))
        np.testing.assert_allclose(found, expected, atol=1e-6)
        np.testing.assert_array_equal(found[kept], images[kept])
    assert found.std() > 0.1


def test_labels_change_the_distribution(conditional):
    images = conditional.generate(labels=[0, 1, 2], seed=0)
    uniform = np.stack([np.random.default_rng([0, i]).random((42, 2)) for i in range(3)])
    nothing = np.zeros((3, *SHAPE), "float32"), np.zeros((3, *SHAPE[:2]), bool)
    arguments = conditional.inference_network, conditional.likelihood, *nothing, uniform
    naive = sampled_naively(*arguments, labels=np.arange(3))
    np.testing.assert_array_equal(images, np.where(naive > 0, 255, 0))
    of_class = [conditional.log_likelihood(images, labels=label) for label in range(3)]
    assert np.abs(of_class[0] - of_class[1]).min() > 0.1
    # Without labels, the mean over equally likely classes.
    np.testing.assert_allclose(
        conditional.log_likelihood(images), np.log(np.exp(np.float64(of_class)).mean(axis=0)), rtol=1e-5
    )
    # The class of an image that is known up to its last pixel is that under which it is likeliest.
    mask = np.ones(SHAPE[:2], bool)
    mask[-1, -1] = False
    rng = np.random.default_rng(1)
    given = rng.integers(0, 2, (20, *SHAPE)).astype("uint8") * 255
    likeliest = np.argmax([conditional.log_likelihood(given, labels=label) for label in range(3)], axis=0)
    completed = conditional.complete(given, mask, seed=0)
    np.testing.assert_array_equal(completed, conditional.complete(given, mask, seed=0, labels=likeliest))
    for labels in (None, 1):
        whole = last(conditional.complete_progressively(given, mask, seed=0, labels=labels))
        np.testing.assert_array_equal(whole, conditional.complete(given, mask, seed=0, labels=labels))


def test_classes_are_learned_from_a_model_without_them():
    plain = made()
    model = ganzoo.create("conditional_pixelcnn", image_shape=SHAPE, classes=3, **SIZES)
    model.start_from(plain)
    images = np.random.default_rng(0).integers(0, 2, (6, *SHAPE), dtype="uint8") * 255
    expected = plain.log_likelihood(images)
    for labels in ([0, 1, 2, 0, 1, 2], None):
        np.testing.assert_allclose(model.log_likelihood(images, labels=labels), expected, rtol=1e-5)
    for ours, average in zip(model.generator.get_weights(), model.ema_generator.get_weights()):
        np.testing.assert_array_equal(ours, average)
    model.compile({"name": "adam", "learning_rate": 1e-2}, ema_decay=0.0)
    # Every class is one image.
    model.fit(images[:3] / 127.5 - 1.0, np.arange(3), epochs=30, verbose=0)
    right, wrong = (model.log_likelihood(images[:3], labels=labels) for labels in ([0, 1, 2], [1, 2, 0]))
    assert (right > wrong + 1).all()
    with pytest.raises(ganzoo.GanzooError, match="different sizes"):
        model.start_from(ganzoo.create("pixelcnn", image_shape=SHAPE, **{**SIZES, "width": 8}))


def test_probabilities_of_all_images_sum_to_one():
    model = ganzoo.create("pixelcnn", image_shape=(2, 3, 1), **SIZES)
    rng = np.random.default_rng(0)
    model.ema_generator.set_weights([rng.standard_normal(w.shape) for w in model.ema_generator.get_weights()])
    images = np.uint8((np.arange(64)[:, None] >> np.arange(6)) & 1).reshape(64, 2, 3, 1) * 255
    log_p = model.log_likelihood(images).astype("float64")
    assert np.exp(log_p).sum() == pytest.approx(1.0, abs=1e-4)
    np.testing.assert_allclose(model.bits_per_dimension(images), -log_p / np.log(2) / 6, rtol=1e-5)
    # The images that it generates are as frequent as it says.
    generated = model.generate(4000, seed=0, batch_size=4000).reshape(-1, 6) > 0
    frequency = np.bincount(generated @ (1 << np.arange(6)), minlength=64) / 4000
    assert np.abs(frequency - np.exp(log_p)).max() < 0.03


def test_learns_completes_and_keeps_known_pixels(trained, halves, tmp_path):
    # 7 bits are the least that a pixel's distribution can have.
    assert 7 * np.log(2) - 0.1 < -trained.log_likelihood(halves[:100]).mean() < 7 * np.log(2) + 1.0
    mask = np.arange(6)[:, None] < np.full(7, 3)
    given = np.where(mask[..., None], halves[:20], 100).astype("uint8")
    completed = trained.complete(given, mask, seed=0)
    np.testing.assert_array_equal(completed[:, :3], halves[:20, :3])
    assert (completed == halves[:20]).mean() > 0.97
    # Gray pixels stay as they are; each image may have its own mask.
    gray = np.where(halves[:2] > 0, 200, 30).astype("uint8")
    masks = np.stack([mask, np.ones_like(mask)])
    kept = trained.complete(gray, masks, seed=0)
    np.testing.assert_array_equal(kept[masks], gray[masks])
    assert (kept[0, 3:] == np.where(halves[0, 3:] > 0, 255, 0)).mean() > 0.9
    cold = trained.generate(8, seed=0, temperature=1e-3)
    assert (cold == cold[:1]).all()
    trained.save(tmp_path / "model.keras")
    loaded = ganzoo.load(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.complete(given, mask, seed=0), completed)
    growing = list(trained.complete_progressively(given, mask, seed=0))
    np.testing.assert_array_equal(growing[-1], completed)
    # Rows above are as they will be, rows below gray.
    rows = np.flatnonzero(~mask.all(axis=1))
    assert len(growing) == len(rows)
    np.testing.assert_array_equal(growing[0][:, : rows[0] + 1], completed[:, : rows[0] + 1])
    assert (growing[0][:, rows[0] + 1 :][:, ~mask[rows[0] + 1 :]] == 128).all()


def test_a_run_selects_by_held_out_images_and_the_evaluation_reports_the_likelihood(tmp_path):
    preset = tmp_path / "tiny.yaml"
    preset.write_text(
        """
model: conditional_pixelcnn
arguments: {image_shape: [32, 32, 1], width: 4, depth: 2, hidden: 8, dropout: 0.1, likelihood: discretized_logistic}
data: {source: digits, batch_size: 128, held_out: 0.02, upscale: true}
training: {epochs: 1, samples: 1}
evaluation: {extractor: digits_classifier}
"""
    )
    run = ganzoo.train(preset, output=tmp_path / "runs")
    assert "negative_log_likelihood" in (run / "metrics.jsonl").read_text()
    model = ganzoo.load(run)
    metrics = ["negative_log_likelihood", "bits_per_dimension"]
    found = evaluate(model, "digits", extractor="digits_classifier", samples=10, upscale=True, metrics=metrics)
    assert set(found.metrics) == set(metrics)
    assert "exact" in found.protocol
    nats, bits = (found.metrics[name] for name in metrics)
    assert bits == pytest.approx(nats / 1024 / np.log(2), rel=1e-3)


def test_wrong_input_gets_one_line(trained, conditional, halves):
    mask = np.ones(SHAPE[:2], bool)
    refused = {
        "got float64": lambda: trained.complete(halves / 255, mask),
        r"uint8 \(count, 6, 7, 1\), got uint8 \(2, 6, 6, 1\)": lambda: trained.complete(halves[:2, :, 1:], mask),
        r"shape \(6, 7\) or \(2, 6, 7\), got \(7, 6\)": lambda: trained.complete(halves[:2], mask.T),
        "a mask is bool": lambda: trained.complete(halves[:2], 255 * mask),
        "temperature must be a positive number": lambda: trained.generate(1, temperature=0),
        "seed must be an integer": lambda: trained.generate(1, seed=-1),
        "count must be": lambda: trained.generate(0),
        "batch_size must be an integer": lambda: trained.generate(2, batch_size=1.5),
        "whole numbers from 0 to 2": lambda: conditional.generate(labels=[3]),
        "need one label or 2": lambda: conditional.complete(halves[:2], mask, labels=[0, 1, 2]),
        "has no latents": lambda: trained.latents(2),
        "no latents to walk through": lambda: write_walk(trained, "walk.gif", [{}], 2, 0),
        "must be odd": lambda: ganzoo.create("pixelcnn", kernel_size=4),
        "multiple of 3": lambda: ganzoo.create("pixelcnn", image_shape=(8, 8, 3), width=8, likelihood="categorical"),
        "unknown key 'classes'": lambda: ganzoo.create("pixelcnn", classes=3),
        r"images are float32 in \[-1, 1\]": lambda: trained.fit(halves.astype("float32")),
        "components must be a whole number": lambda: ganzoo.losses.get_likelihood(
            {"name": "logistic_mixture", "components": 0}
        ),
    }
    for message, call in refused.items():
        with pytest.raises(ganzoo.GanzooError, match=message) as error:
            call()
        assert "\n" not in str(error.value)
