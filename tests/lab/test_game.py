"""The laboratory's game: real models of the package on points, step by step."""

import dataclasses

import numpy as np
import pytest
from keras import ops

import ganzoo
from ganzoo.lab import measures
from ganzoo.lab.data import DISTRIBUTIONS, LIMIT, sample
from ganzoo.losses import adversarial, penalties
from ganzoo.networks import regularizers


@pytest.fixture(scope="module")
def game():
    """A game that has taken 30 steps; tests that train it further come last."""
    game = ganzoo.lab.Game(units=16, seed=3)
    game.train(30)
    return game


def test_a_game_is_the_model_of_the_package_and_its_seed_decides_all(game):
    assert isinstance(game.model, ganzoo.AdversarialModel)
    first = game.frame()
    again = ganzoo.lab.Game({"units": 16}, seed=3)
    again.train(10)
    again.train(20)  # however the steps are divided
    second = again.frame()
    assert (first.step, second.step) == (30, 30)
    np.testing.assert_array_equal(first.fake, second.fake)
    np.testing.assert_array_equal(first.surface, second.surface)
    again.reset()
    assert again.step == 0
    assert np.abs(again.frame().fake - first.fake).max() > 1e-3


def test_a_frame_shows_what_the_networks_say(game):
    frame = game.frame()
    # The surface is D on the grid, its first row at the bottom.
    line = np.linspace(-LIMIT, LIMIT, 33)
    np.testing.assert_allclose(frame.surface[3, 20], game.scores([[line[20], line[3]]])[0], rtol=1e-4)
    np.testing.assert_allclose(frame.scores, game.scores(frame.fake), rtol=1e-4)
    # The gradient pushes a point to where its loss, softplus(-logit), falls: compared with finite differences.
    i, small = int(np.argmax(np.abs(frame.gradients).sum(axis=1))), 1e-2
    for axis in range(2):
        move = small * np.eye(2, dtype="float32")[axis]
        ahead, behind = (-np.log(game.scores(frame.fake[i : i + 1] + sign * move))[0] for sign in (1, -1))
        assert frame.gradients[i, axis] == pytest.approx((behind - ahead) / (2 * small), rel=0.05, abs=2e-3)
    assert frame.estimate == pytest.approx(
        np.log(2) + (np.log(game.scores(frame.real)).mean() + np.log(1 - frame.scores).mean()) / 2, abs=1e-5
    )


def test_half_a_step_changes_one_network_alone(game):
    def weights(network):
        return np.concatenate([ops.convert_to_numpy(weight).ravel() for weight in network.trainable_variables])

    for objective, moved, still in (("d_loss", "discriminator", "generator"), ("g_loss", "generator", "discriminator")):
        before = {name: weights(game.model.networks[name]) for name in (moved, still)}
        game.train(only=objective)
        np.testing.assert_array_equal(weights(game.model.networks[still]), before[still])
        assert np.abs(weights(game.model.networks[moved]) - before[moved]).max() > 0
    losses = game.frame().losses
    assert {"d_loss", "g_loss"} <= set(losses)


def test_the_discriminator_learns_the_divergence_of_far_points():
    # Real at (1.5, 0), generated near the origin: the Jensen-Shannon divergence is nearly log 2.
    game = ganzoo.lab.Game(data="point", units=16, pretraining_steps=600)
    frame = game.frame()
    assert 0.6 < frame.estimate <= np.log(2)
    assert frame.scores.mean() < 0.1
    assert frame.distance == pytest.approx(1.5, abs=0.5)


EVERYTHING = [
    dict(loss="minimax", penalties=[{"name": "r1", "weight": 0.1}], conditional=True),
    dict(loss="wasserstein", penalties=["gradient_penalty"], discriminator_steps=3, batch_norm="generator"),
    dict(loss="least_squares", discriminator_regularizers=["minibatch_discrimination"], historical_averaging=0.01),
    dict(loss="hinge", discriminator_regularizers=["spectral_normalization"], augmentations=["instance_noise"]),
    dict(loss="boundary_equilibrium", optimizer="rmsprop"),
    dict(moment_matching=1.0),
    dict(
        loss={"name": "non_saturating", "smoothing": 0.1},
        batch_norm="both",
        discriminator_regularizers=[{"name": "virtual_batch_normalization", "size": 32}],
        generator_regularizers=[{"name": "virtual_batch_normalization", "size": 32}],
        feature_matching=1.0,
    ),
    dict(loss="wasserstein", weight_clipping=0.05, optimizer="sgd", conditional=True, data="moons"),
]


@pytest.mark.parametrize(
    "settings", [EVERYTHING[0], *(pytest.param(one, marks=pytest.mark.long) for one in EVERYTHING[1:])]
)
def test_all_of_the_package_can_be_played_with(settings):
    game = ganzoo.lab.Game(settings, units=8, batch_size=16)
    game.train(3)
    game.train(only="d_loss")
    game.train(only="g_loss")
    frame = game.frame()
    assert frame.step == 5
    assert not frame.has_failed
    assert frame.fake.shape == frame.gradients.shape == (256, 2)
    assert np.abs(frame.gradients).max() > 0
    assert frame.losses["d_loss"] != frame.losses["g_loss"]
    if settings.get("weight_clipping"):
        assert max(np.abs(ops.convert_to_numpy(w)).max() for w in game.model.discriminator.trainable_variables) <= 0.05


def test_no_loss_penalty_or_regularizer_is_left_out():
    played = str(EVERYTHING)
    for name in (*adversarial._names._classes, *penalties._names._classes, *regularizers._REGULARIZERS):
        assert f"'{name}'" in played


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_distributions_lie_in_sight_and_have_classes(name):
    points = sample(name, 500, seed=1)
    assert np.abs(points.points).max() <= LIMIT
    assert len(set(points.labels)) == points.classes
    np.testing.assert_array_equal(points.points, sample(name, 500, seed=1).points)
    if points.centers is not None:
        assert measures.modes_found(points.points, points) == len(points.centers)


def test_own_points_are_sampled_with_little_noise():
    own = sample([[1, 1], [-2, 0]], 400)
    near = np.abs(own.points - np.where(own.points[:, :1] > 0, [1, 1], [-2, 0]))
    assert 0 < near.max() < 0.3


def test_measures_of_known_answer():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(200, 2))
    # All points moved by (3, 4): the distance is 5 whatever the order.
    assert measures.wasserstein(points, rng.permutation(points) + [3, 4]) == pytest.approx(5)
    left, right = np.full((10, 2), -1.0), np.full((10, 2), 1.0)
    assert measures.jensen_shannon(left, right) == pytest.approx(np.log(2))
    assert measures.jensen_shannon(left, left) == 0
    # Half of the second sample lies on the first: p = (1, 0), q = (1/2, 1/2).
    half = np.concatenate([left, right])
    expected = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25)) - np.log(2) / 2
    assert measures.jensen_shannon(left, half) == pytest.approx(expected)
    ring = sample("ring", 800)
    assert measures.modes_found(ring.points[ring.labels < 3], ring) == 3
    assert measures.modes_found(ring.points, sample("moons")) is None
    assert measures.rank_correlation([1, 2, 3, 4], [1, 8, 27, 64]) == pytest.approx(1)
    assert measures.rank_correlation([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(data="rings"), "unknown distribution 'rings'. Did you mean 'ring'"),
        (dict(data=[[9, 0]]), "must lie in"),
        (dict(data=[1, 2]), "pairs of numbers"),
        (dict(loss="minmax"), "Did you mean 'minimax'"),
        (dict(layer=3), "Did you mean 'layers'"),
        (dict(units=0), "units"),
        (dict(batch_norm="all"), "batch_norm must be"),
        (dict(optimizer="adamw"), "optimizer must be"),
        (dict(augmentations=["diffaugment"]), "changes images, not points"),
    ],
)
def test_what_cannot_be_played_is_said(settings, message):
    with pytest.raises(ganzoo.GanzooError, match=message):
        ganzoo.lab.Game(settings)


def test_settings_are_compared_and_changed():
    settings = ganzoo.lab.Settings(data="grid").with_changes(seed=2)
    assert dataclasses.asdict(settings)["seed"] == 2
    assert settings == ganzoo.lab.Settings.of({"data": "grid", "seed": 2})
    # Whole numbers as YAML and web pages may write them.
    settings = ganzoo.lab.Settings(units="16", latent_dim=4.0)
    assert (settings.units, settings.latent_dim) == (16, 4)
    points = np.zeros((5, 2))
    assert list(ganzoo.lab.Settings(data=points).differing()) == ["data"]
    assert ganzoo.lab.Settings(data=points) == ganzoo.lab.Settings(data=points.copy())
    assert ganzoo.lab.Settings(data=list(points)) == ganzoo.lab.Settings(data=points.tolist())
    assert ganzoo.lab.Settings(data=points) != ganzoo.lab.Settings(data=points + 1)
