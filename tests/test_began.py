"""What is particular to BEGAN: errors for scores, and the controller of their ratio."""

import keras
import numpy as np
import pytest

import ganzoo
from ganzoo import losses
from ganzoo.networks.autoencoding import autoencoding_discriminator

SMALL = dict(image_shape=(28, 28, 1), latent_dim=8, width=4)


def test_loss_controller_and_measure_by_hand():
    """Real errors 0.2 and 0.4, generated 0.1 and 0.5: means 0.3 and 0.3."""
    loss = losses.get({"name": "boundary_equilibrium", "gamma": 0.5, "rate": 0.1})
    real, fake = np.array([[0.2], [0.4]], "float32"), np.array([[0.1], [0.5]], "float32")
    loss.balance = 0.25
    assert float(loss.discriminator(real, fake)) == pytest.approx(0.3 - 0.25 * 0.3)
    assert float(loss.generator(fake)) == pytest.approx(0.3)
    assert float(loss.next_balance(0.25, 0.3, 0.1)) == pytest.approx(0.25 + 0.1 * (0.15 - 0.1))
    assert float(loss.next_balance(0.0, 0.3, 0.9)) == 0
    assert float(loss.next_balance(0.999, 1.0, 0.0)) == 1
    assert float(loss.convergence(0.3, 0.1)) == pytest.approx(0.3 + 0.05)


def test_score_is_the_mean_absolute_error_of_the_reconstruction():
    network = autoencoding_discriminator((28, 28, 1), 8, 4)
    images = np.random.default_rng(0).uniform(-1, 1, (3, 28, 28, 1)).astype("float32")
    rebuilt = keras.Model(network.input, network.get_layer("picture").output)(images)
    expected = np.abs(images - np.asarray(rebuilt)).mean((1, 2, 3))
    np.testing.assert_allclose(np.asarray(network(images))[:, 0], expected, rtol=1e-5)


def test_a_reconstruction_is_not_bounded_by_the_range_of_images():
    """At a bound it would have no gradient: generated black would stay well reconstructed, whatever the balance."""
    network = autoencoding_discriminator((28, 28, 1), 8, 4)
    last = network.get_layer("picture")
    last.set_weights([0 * last.get_weights()[0], np.array([-3.0], "float32")])
    black = -np.ones((1, 28, 28, 1), "float32")
    assert float(network(black)[0, 0]) == pytest.approx(2.0, rel=1e-6)


def test_balance_moves_by_the_steps_errors_and_is_saved(tmp_path):
    keras.utils.set_random_seed(0)
    model = ganzoo.create("began", **SMALL)
    model.compile(loss={"name": "boundary_equilibrium", "gamma": 0.7, "rate": 0.5})
    history = model.fit(model.example_batch(8), batch_size=8, verbose=0).history
    # k was 0, and the generator's loss is its error: rate (gamma E[L(x)] - E[L(G(z))]).
    expected = 0.5 * (0.7 * history["d_real"][0] - history["g_loss"][0])
    assert float(model.balance) == pytest.approx(expected, rel=1e-5)
    assert history["balance"] == [0.0]
    assert history["convergence"][0] == pytest.approx(history["d_real"][0] + expected / 0.5, rel=1e-5)
    model.save(tmp_path / "b.keras")
    loaded = ganzoo.load(tmp_path / "b.keras")
    assert float(loaded.balance) == float(model.balance)
    assert loaded.loss.balance is loaded.balance


def test_replicas_agree_on_one_balance(two_replicas):
    with two_replicas.scope():
        keras.utils.set_random_seed(0)
        model = ganzoo.create("began", **SMALL)
        model.compile(loss={"name": "boundary_equilibrium", "rate": 0.5})
    history = model.fit(model.example_batch(8), batch_size=8, verbose=0).history
    expected = 0.5 * (0.5 * history["d_real"][0] - history["g_loss"][0])
    values = [float(value) for value in two_replicas.experimental_local_results(model.balance.value)]
    assert values == pytest.approx([expected] * 2, rel=1e-4)


def test_losses_on_logits_are_refused_and_the_reverse():
    with pytest.raises(ganzoo.GanzooError, match="'hinge' works on logits"):
        ganzoo.create("began", **SMALL).compile(loss="hinge")
    with pytest.raises(ganzoo.GanzooError, match="gives logits"):
        ganzoo.create("dcgan", **SMALL).compile(loss="boundary_equilibrium")


@pytest.mark.parametrize("setting", ["feature_matching", "moment_matching"])
def test_matching_of_codes_moves_the_generator_and_leaves_the_controller_its_errors(setting):
    """The discriminator and k are the same in both runs' first step; the generator learns something else."""
    models = []
    for factor in (0.0, 10.0):
        keras.utils.set_random_seed(0)
        model = ganzoo.create("began", **SMALL)
        model.compile("sgd", loss={"name": "boundary_equilibrium", "rate": 0.5}, **{setting: factor})
        model.fit(model.example_batch(8), batch_size=8, verbose=0)
        models.append(model)
    plain, matched = models
    assert float(plain.balance) == pytest.approx(float(matched.balance), rel=1e-5)
    for ours, theirs in zip(plain.discriminator.get_weights(), matched.discriminator.get_weights()):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    assert not np.allclose(plain.generate(4, seed=0), matched.generate(4, seed=0))
