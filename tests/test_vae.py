"""The variational autoencoder: its bounds against exact values, and what it does with images."""

import numpy as np
import pytest
from keras import ops

import ganzoo
from ganzoo.evaluation import evaluate

SHAPE = (8, 8, 1)


@pytest.fixture(scope="module")
def images():
    """Squares at one of four places: black and white, with two bits of information."""
    found = np.zeros((256, *SHAPE), "uint8")
    for i, (y, x) in enumerate(np.random.default_rng(0).integers(0, 2, (256, 2)) * 4):
        found[i, y : y + 4, x : x + 4] = 255
    return found


@pytest.fixture(scope="module")
def trained(images):
    model = ganzoo.create("vae", image_shape=SHAPE, latent_dim=2, width=8, hidden=32)
    model.compile({"name": "adam", "learning_rate": 5e-3}, ema_decay=0.9)
    model.fit(np.tile(images / 127.5 - 1.0, (20, 1, 1, 1)), batch_size=32, epochs=3, verbose=0)
    return model


def test_learns_the_four_places(trained, images):
    elbo, log_p, kl = trained.elbo(images)
    np.testing.assert_allclose(elbo, log_p - kl, rtol=1e-5)
    assert kl.min() >= 0
    # Four equally likely images have a log-probability of -log(4) = -1.39 at best.
    assert -5.0 < elbo.mean() <= -np.log(4) + 0.05
    estimate = trained.log_likelihood(images, samples=200)
    assert elbo.mean() < estimate.mean() <= -np.log(4) + 0.05
    assert np.abs(trained.reconstruct(images).astype(int) - images).mean() < 5
    generated = trained.generate(64, seed=0)
    nearest = np.abs(generated[:, None].astype(int) - images[None]).mean(axis=(2, 3, 4)).min(axis=1)
    assert np.median(nearest) < 20
    path = trained.interpolate(images[0], images[1], 5)
    np.testing.assert_array_equal(path[[0, -1]], trained.reconstruct(images[:2]))


def test_importance_weighted_estimate_is_exact_where_the_integral_is_known():
    """A decoder that ignores the latent, and an encoder with another distribution than the prior: p(x) is the decoder's
    own probability, whatever q is, and the ELBO is below it by the KL divergence."""
    model = ganzoo.create(
        "vae", image_shape=SHAPE, latent_dim=2, architecture="dense", hidden=4, likelihood={"name": "gaussian"}
    )
    mean, log_variance = np.float32([0.3, -0.2]), np.log(np.float32([0.8, 1.1]))
    for layer in model.ema_encoder.layers + model.ema_generator.layers:
        layer.set_weights([np.zeros_like(weight) for weight in layer.get_weights()])
    moments = model.ema_encoder.get_layer("moments")
    moments.set_weights([np.zeros((4, 4)), np.concatenate([mean, log_variance])])
    image = np.random.default_rng(0).integers(0, 256, (3, *SHAPE), "uint8")
    given = image / 127.5 - 1
    exact = (-0.5 * (given / 0.1) ** 2 - np.log(0.1) - 0.5 * np.log(2 * np.pi)).sum(axis=(1, 2, 3))
    kl = 0.5 * (np.exp(log_variance) + mean**2 - 1 - log_variance).sum()
    elbo, log_p, found = model.elbo(image)
    np.testing.assert_allclose(log_p, exact, rtol=1e-5)
    np.testing.assert_allclose(found, kl, rtol=1e-5)
    estimate = model.log_likelihood(image, samples=20_000)
    np.testing.assert_allclose(estimate, exact, atol=0.05)
    assert (estimate > elbo).all()
    encoded = model.encode(image)
    np.testing.assert_allclose(encoded[0], [mean] * 3, rtol=1e-5)
    np.testing.assert_allclose(encoded[1], [np.exp(log_variance / 2)] * 3, rtol=1e-5)


def test_beta_and_warm_up_weight_the_divergence():
    model = ganzoo.create("vae", image_shape=SHAPE, latent_dim=2, architecture="dense", hidden=4)
    moments = model.encoder.get_layer("moments")
    moments.set_weights([np.zeros((4, 4)), np.ones(4)])
    batch = -np.ones((2, *SHAPE), "float32")
    kl = np.e + 1 - 1 - 1
    losses = {}
    for beta, warm_up, step in ((0.0, 0, 0), (1.0, 0, 0), (3.0, 0, 0), (1.0, 10, 5)):
        model.compile(beta=beta, warm_up_steps=warm_up)
        model.noise.start_step(step)
        losses[beta, warm_up] = float(ops.convert_to_numpy(model.negative_elbo(batch)))
    assert losses[1.0, 0] - losses[0.0, 0] == pytest.approx(kl, rel=1e-3)
    assert losses[3.0, 0] - losses[0.0, 0] == pytest.approx(3 * kl, rel=1e-3)
    model.compile(beta=0.0)
    model.noise.start_step(5)
    without = float(ops.convert_to_numpy(model.negative_elbo(batch)))
    assert losses[1.0, 10] - without == pytest.approx(kl / 2, rel=1e-3)
    # Evaluation has no warm-up: its steps are those of evaluation.
    model.compile(warm_up_steps=10)
    model.noise.start_step(5)
    whole = float(ops.convert_to_numpy(model.negative_elbo(batch, training=False)))
    assert whole - without == pytest.approx(kl, rel=1e-3)


@pytest.mark.parametrize(
    ("likelihood", "architecture"),
    [("discretized_logistic", "convolutional"), ({"name": "gaussian", "deviation": 0.2}, "dense")],
)
def test_other_likelihoods_learn_color(likelihood, architecture, tmp_path):
    colors = np.random.default_rng(0).integers(40, 216, (64, 1, 1, 3), "uint8")
    images = np.broadcast_to(colors, (64, 8, 8, 3)).copy()
    # Half of this width ignores two colors with some initial weights.
    arguments = dict(image_shape=(8, 8, 3), latent_dim=4, width=16, hidden=32, architecture=architecture)
    model = ganzoo.create("vae", likelihood=likelihood, **arguments)
    model.compile({"name": "adam", "learning_rate": 5e-3}, ema_decay=0.9)
    before = model.elbo(images)[0].mean()
    model.fit(np.tile(images / 127.5 - 1.0, (20, 1, 1, 1)), batch_size=16, epochs=8, verbose=0)
    assert model.elbo(images)[0].mean() > before + 50
    # Independent colors differ by 59 on average.
    assert np.abs(model.reconstruct(images).astype(int) - images).mean() < 25
    model.save(tmp_path / "model.keras")
    loaded = ganzoo.load(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.elbo(images)[0], model.elbo(images)[0], rtol=1e-5)


def test_a_run_selects_by_held_out_images_and_the_evaluation_reports_bounds(tmp_path):
    preset = tmp_path / "tiny.yaml"
    preset.write_text(
        """
model: vae
arguments: {image_shape: [32, 32, 1], latent_dim: 4, width: 4, hidden: 16, likelihood: discretized_logistic}
data: {source: digits, batch_size: 64, held_out: 0.1, upscale: true}
training: {epochs: 2, samples: 4}
evaluation: {extractor: null}
"""
    )
    run = ganzoo.train(preset, output=tmp_path / "runs")
    lines = (run / "metrics.jsonl").read_text()
    assert "negative_elbo" in lines
    model = ganzoo.load(run)
    found = evaluate(model, "digits", extractor="digits_classifier", samples=20, upscale=True, metrics=["elbo"])
    assert set(found.metrics) == {"negative_elbo", "reconstruction", "kl"}
    assert "negative ELBO of all images" in found.protocol


def test_what_is_not_an_image_gets_one_line(trained, images):
    for method in (trained.encode, trained.elbo, trained.log_likelihood, trained.reconstruct):
        with pytest.raises(ganzoo.GanzooError, match=r"uint8 \(count, 8, 8, 1\), got float"):
            method(images / 255)
    with pytest.raises(ganzoo.GanzooError, match="samples must be an integer of at least 1"):
        trained.log_likelihood(images, samples=0)
    refused = {
        "count must be an integer": lambda: trained.interpolate(images[0], images[1], count=2.5),
        r"uint8 \(count, 8, 8, 1\), got uint8 \(1, 4, 8, 1\)": lambda: trained.interpolate(images[0], images[1][:4]),
        "batch_size must be at least 1": lambda: trained.encode(images, batch_size=0),
        "seed must be an integer of at least 0": lambda: trained.elbo(images, seed=-1),
        "seed must be an integer:": lambda: trained.log_likelihood(images, samples=1, seed=None),
    }
    for message, call in refused.items():
        with pytest.raises(ganzoo.GanzooError, match=message):
            call()
    with pytest.raises(ganzoo.GanzooError, match="unknown likelihood"):
        ganzoo.create("vae", likelihood="poisson")
    with pytest.raises(ganzoo.GanzooError, match="architecture"):
        ganzoo.create("vae", architecture="recurrent")
