"""The pages of the laboratory, games and live training: their functions."""

import gc
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

from ganzoo import load
from ganzoo.files import held
from ganzoo.lab import Settings, experiments
from ganzoo.training.callbacks.record import read_records

gradio = pytest.importorskip("gradio")

from ganzoo.demos import lab, lab_controls, live, live_watch  # noqa: E402
from ganzoo.demos.common import Refused  # noqa: E402


def visitor(name):
    return SimpleNamespace(session_hash=name)


@pytest.fixture(autouse=True)
def no_sessions(monkeypatch):
    monkeypatch.setattr(lab, "_sessions", {})


@pytest.mark.parametrize("name", experiments)
def test_the_controls_say_exactly_what_an_experiment_plays(name):
    for settings in experiments[name].settings(seed=5):
        assert lab_controls.settings_of(lab_controls.values_of(settings), None) == settings


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(units=1e9), "units must be a whole number from 2 to 128"),
        (dict(generator_learning_rate=float("nan")), "learning rate of G must be a number"),
        (dict(loss=Refused("Loss: 'x' is not one of")), "Loss: 'x' is not"),
        (dict(data="own points"), "paint points on the canvas"),
        (
            dict(loss="hinge", smoothing=0.1),
            "label smoothing is for cross-entropy: set it to 0, or change the loss hinge",
        ),
    ],
)
def test_what_a_request_may_not_ask_is_said(change, message):
    with pytest.raises(lab.GanzooError, match=message):
        lab_controls.settings_of({**lab_controls.values_of(Settings()), **change}, None)


def test_visitors_share_the_machine_and_leave_nothing_behind(monkeypatch):
    monkeypatch.setattr(lab, "MOST_PLAYING", 1)
    monkeypatch.setattr(lab, "MOST_VISITORS", 2)
    small = [Settings(units=4, batch_size=8)]
    for name in "ab":
        lab._set_up(visitor(name), small, ["Game A"])
    first = lab.play(visitor("a"))
    image, _, status = next(first)
    assert 'data-step="40"' in image
    assert "playing" in status
    # There is room for one who plays: the other is told, and may take single steps.
    with pytest.warns(UserWarning, match="1 visitors are training games already"):
        assert next(lab.play(visitor("b"))) == gradio.skip()
    assert 'data-step="1"' in lab._stepping(None, "")(visitor("b"))[0]
    # A third visitor takes the place of the one who does not play.
    lab._set_up(visitor("c"), small, ["Game A"])
    assert set(lab._sessions) == {"a", "c"}
    with pytest.warns(UserWarning, match="press Reset"):
        lab._stepping(None, "")(visitor("b"))
    # A closed page ends the game, and its memory returns.
    model = weakref.ref(lab._sessions["a"].games[0].model)
    lab.left(visitor("a"))
    assert list(first) == []
    assert lab.playing() == 0
    del first
    gc.collect()
    assert model() is None


def test_what_playing_shows_last_is_the_pause():
    lab._set_up(visitor("a"), [Settings(units=4, batch_size=8)], ["Game A"])
    views = lab.play(visitor("a"))
    assert "playing" in next(views)[2]
    image, _, status = lab.pause(visitor("a"))
    assert "paused" in status
    # The browser may get this image after the answer to Pause.
    assert list(views) == [(image, *lab._shown(lab._sessions["a"])[1:])]


def test_a_pause_during_a_frame_is_shown_last():
    lab._set_up(visitor("a"), [Settings(units=4, batch_size=8)], ["Game A"])
    views = lab.play(visitor("a"))
    next(views)

    def wait_for(count):
        deadline = time.monotonic() + 60
        while len(lab.TRAINING._waiting) < count:
            assert time.monotonic() < deadline

    with ThreadPoolExecutor() as pool:
        # Somebody else's turn, until the next frame and Pause wait for theirs.
        with lab.TRAINING:
            frame = pool.submit(next, views)
            wait_for(2)
            answer = pool.submit(lab.pause, visitor("a"))
            wait_for(3)
        assert 'data-step="80"' in frame.result()[0]
        assert list(views) == [answer.result()]


def test_own_points_are_where_they_were_painted(tmp_path):
    from PIL import Image

    layer = np.zeros((60, 60, 4), "uint8")
    layer[:6, 54:] = 255  # the upper right corner
    Image.fromarray(layer).save(tmp_path / "layer.png")
    points = np.array(lab_controls.own_points({"layers": [str(tmp_path / "layer.png")]}))
    assert len(points) == 36
    assert points.min() > 2.3
    assert lab_controls.own_points({"layers": []}) is None


@pytest.fixture
def run_folders(tmp_path, monkeypatch):
    """A folder for the runs of live training, of which none has begun."""
    monkeypatch.setattr(live, "_output", tmp_path / "runs")
    monkeypatch.setattr(live, "_begun", 0)
    monkeypatch.setattr(live, "_last", {})
    monkeypatch.setattr(live_watch, "SECONDS_PER_FRAME", 0.0)
    yield tmp_path / "runs"
    live._end()


AS_IS = (0, "non_saturating", 2e-4, 1)
EPOCH = 28  # steps


def test_a_visitor_watches_a_run_stops_it_and_goes_on(run_folders):
    # Many epochs, so that the run is stopped before its end on a slow machine, too.
    views = live.train(visitor("a"), live.MOST_EPOCHS, *AS_IS)
    image, status, told = next(view for view in views if "· " in view[1])
    assert image.count("<title>D = 0.") == live_watch.IMAGES + live_watch.REAL_IMAGES
    assert "loss of D" in image
    assert "steps per second" in status
    assert told == ""
    # One run at a time.
    with pytest.warns(UserWarning, match="another visitor's run is training"):
        assert list(live.train(visitor("b"), 2, *AS_IS)) == [gradio.skip()]
    live.stop(visitor("b"))
    live.stop(visitor("a"))
    *_, (image, status, told) = views
    folder = run_folders / "dcgan.digits-001"
    step = load(folder / "checkpoints" / "last.keras").steps
    assert f'data-step="{step}"' in image
    assert 2 <= step < EPOCH * live.MOST_EPOCHS
    assert f"stopped: the run folder is {folder}" in status
    assert f"ganzoo train dcgan.digits --output {run_folders} --resume" in told
    # To the end, on the page as on the command line.
    epochs = step // EPOCH + 2
    *_, (image, status, told) = live.go_on(visitor("a"), epochs)
    assert f'data-step="{EPOCH * epochs}"' in image
    assert "finished" in status
    assert f"training.epochs={2 * epochs}" in told
    ends_of_epochs = [EPOCH * (epoch + 1) for epoch in range(epochs + 1)]
    assert [line["step"] for line in read_records(folder / "metrics.jsonl")] == ends_of_epochs[:-1]
    with pytest.warns(UserWarning, match="you have no run to resume"):
        next(live.go_on(visitor("b"), 2))
    # Also after an attempt that failed.
    with held(folder):
        *_, (_, status, _) = live.go_on(visitor("a"), epochs + 1)
    assert "another process" in status
    # Another visitor's run is the newest now: each goes on with the own one.
    *_, (_, status, _) = live.train(visitor("b"), 1, *AS_IS)
    assert "dcgan.digits-002" in status
    *_, (image, status, told) = live.go_on(visitor("a"), epochs + 1)
    assert f"finished: the run folder is {folder}" in status
    command = f"ganzoo train dcgan.digits --output {run_folders} --resume --run 1"
    assert f"{command} --set training.epochs={2 * (epochs + 1)}" in told
    assert [line["step"] for line in read_records(folder / "metrics.jsonl")] == ends_of_epochs


def test_a_closed_page_ends_its_run_and_keeps_the_folder(run_folders, monkeypatch):
    monkeypatch.setattr(live, "MOST_RUNS", 1)
    views = live.train(visitor("a"), 40, *AS_IS)
    next(view for view in views if "training" in view[1])
    run = live._running
    live.left(visitor("a"))
    assert run.ended.wait(60)
    assert load(run_folders / "dcgan.digits-001" / "checkpoints" / "last.keras").steps < 1120
    with pytest.warns(UserWarning, match="1 runs have been trained on this page"):
        next(live.train(visitor("a"), 40, *AS_IS))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({0: 1e9}, "epochs must be a whole number from 1 to 100"),
        ({1: -1}, "the seed must be"),
        ({2: Refused("Loss: 'x' is not one of")}, "Loss: 'x' is not"),
        ({3: float("nan")}, "the learning rate must be"),
        ({4: None}, "k is empty"),
    ],
)
def test_what_live_training_may_not_ask_is_said(change, message):
    values = [change.get(i, value) for i, value in enumerate((40, *AS_IS))]
    with pytest.raises(lab.GanzooError, match=message):
        live.settings_of(*values)
