"""The ten experiments are complete, measured, and their effects repeat."""

import json

import numpy as np
import pytest
from PIL import Image

import ganzoo
from ganzoo.lab import Experiment, prepared


@pytest.mark.parametrize("name", ganzoo.lab.experiments)
def test_each_experiment_is_complete_and_measured_with_five_seeds(name):
    experiment = ganzoo.lab.experiments[name]
    assert experiment.name == name
    assert 3 <= experiment.text.count(". ") + 1 <= 4
    first, second = experiment.settings(seed=4)
    assert first != second
    assert first.seed == second.seed == 4
    assert len(experiment.results) == 5
    # The page says it where the effect is not there.
    assert ("not measurable" in experiment.verdict) != experiment.holds(experiment.results)


def test_all_effects_are_measurable():
    held = [one.name for one in ganzoo.lab.experiments.values() if one.holds(one.results)]
    assert held == list(ganzoo.lab.experiments)


def test_the_verdict_is_made_of_the_numbers(monkeypatch):
    experiment = ganzoo.lab.experiments["saturation"]
    monkeypatch.setattr(prepared, "_measured", lambda: {"saturation": [[1, 2], [1, 3], [2, 1]]})
    assert "With 3 seeds and 200 steps, 1.33 (minimax) and 2 (non-saturating) on average; as" in experiment.verdict
    assert "as claimed for 2 of 3" in experiment.verdict
    assert "not measurable" in experiment.verdict
    monkeypatch.setattr(prepared, "_measured", dict)
    assert experiment.verdict == "This was not measured."


# Those whose effect needs few steps; the others are `long`.
QUICK = {"smoothing": 40}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.long]) for name in ganzoo.lab.experiments]
)
def test_a_measured_effect_repeats_with_other_seeds(name):
    experiment: Experiment = ganzoo.lab.experiments[name]
    if not experiment.holds(experiment.results):
        pytest.skip("the page says that this effect is not measurable")
    seeds = (20,) if name in QUICK else (20, 21)
    results = [experiment.play(seed, frames=QUICK.get(name, 40)) for seed in seeds]
    assert np.isfinite(results).all()
    # On average: a single game is chaotic.
    assert experiment.holds([tuple(np.mean(results, axis=0))]), json.dumps(results)


def test_games_are_compared_by_one_call(tmp_path):
    games = {"minimax": {"loss": "minimax"}, "non-saturating": {}}
    played = ganzoo.lab.compare(games, tmp_path / "games.gif", steps=6, frames=3, units=8, seed=2)
    assert [one.name for one in played] == ["minimax", "non-saturating"]
    assert [frame.step for frame in played[0].frames] == [2, 4, 6]
    # The same seed: they begin alike, and differ.
    assert {one.game.settings.seed for one in played} == {2}
    assert np.abs(played[0].frames[-1].fake - played[1].frames[-1].fake).max() > 0
    with Image.open(tmp_path / "games.gif") as animation:
        assert animation.n_frames == 3
    played[0].save(tmp_path / "one.png")
    with Image.open(tmp_path / "one.png") as image:
        assert len(set(image.convert("RGB").getdata())) > 50
    # A game that diverges has no finite distance.
    rates = dict(optimizer="sgd", generator_learning_rate=1e30, discriminator_learning_rate=1e30)
    ganzoo.lab.play(units=8, steps=8, frames=1, **rates).save(tmp_path / "diverged.png")
    with pytest.raises(ganzoo.GanzooError, match="steps must be a whole number of at least 1, got 0"):
        ganzoo.lab.compare(games, steps=0)
    with pytest.raises(ganzoo.GanzooError, match="Did you mean 'saturation'"):
        ganzoo.lab.compare("saturatoin")
    for call, message in (
        (lambda: ganzoo.lab.play("ring"), "the settings of a game are a mapping"),
        (lambda: ganzoo.lab.play(frames="x"), "frames must be a whole number of at least 1, got 'x'"),
        (lambda: ganzoo.lab.play(steps=2, frames=3), "frames must be at most the number of steps, 2"),
        (lambda: ganzoo.lab.compare({"a": 3}), "the settings of the game 'a' are a mapping"),
        (lambda: ganzoo.lab.compare(["saturation"]), "takes the name of an experiment"),
        (lambda: played[0].figure(3), "there are 3 frames"),
        (lambda: played[0].game.train(1.5), "steps must be an integer, got 1.5"),
        (lambda: played[0].save(tmp_path / "a.gif", float("nan")), "seconds must be a positive number, got nan"),
        # Before anything is played.
        (lambda: ganzoo.lab.compare(games, tmp_path / "a.gif", steps=10**9, seconds=0), "seconds must be a positive"),
        (lambda: ganzoo.lab.data.sample("ring", -1), "count must be at least 1, got -1"),
    ):
        with pytest.raises(ganzoo.GanzooError, match=message):
            call()
    with pytest.raises(ganzoo.GanzooError, match=r"ends in \.png, or \.gif"):
        ganzoo.lab.compare(games, tmp_path / "games.jpg")


def test_what_an_experiment_compares_stays_different():
    played = ganzoo.lab.compare("saturation", steps=2, frames=1, loss="hinge", units=4)
    assert [one.game.settings.loss for one in played] == [
        one.loss for one in ganzoo.lab.experiments["saturation"].settings()
    ]
    assert {one.game.settings.units for one in played} == {4}
