"""The page of the laboratory: its functions, and a visit in a real headless Chromium."""

import gc
import shutil
import socket
import subprocess
import sys
import weakref
from types import SimpleNamespace

import numpy as np
import pytest

from ganzoo.lab import Settings, experiments

gradio = pytest.importorskip("gradio")

from ganzoo.demos import lab, lab_controls  # noqa: E402
from ganzoo.demos.common import Refused  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


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
        (dict(generator_learning_rate=float("nan")), "generator learning rate must be a number"),
        (dict(loss=Refused("Loss: 'x' is not one of")), "Loss: 'x' is not"),
        (dict(data="own points"), "paint points on the canvas"),
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


def test_own_points_are_where_they_were_painted(tmp_path):
    from PIL import Image

    layer = np.zeros((60, 60, 4), "uint8")
    layer[:6, 54:] = 255  # the upper right corner
    Image.fromarray(layer).save(tmp_path / "layer.png")
    points = np.array(lab_controls.own_points({"layers": [str(tmp_path / "layer.png")]}))
    assert len(points) == 36
    assert points.min() > 2.3
    assert lab_controls.own_points({"layers": []}) is None


@pytest.fixture(scope="module")
def address():
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine (Debian: apt install chromium)")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-u", "-m", "ganzoo.cli", "lab", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert "ganzoo is on http://127.0.0.1" in process.stdout.readline()
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait()


@pytest.fixture
def browser():
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


def opened(browser, address, **options):
    tab = browser.new_page(**options)
    tab.set_default_timeout(60_000)
    tab.goto(address)
    tab.locator("#lab-game-a .lab-game").wait_for()
    return tab


def press(tab, button, until):
    """Presses a button and waits until a condition holds."""
    tab.locator(f"#{button}").click()
    tab.wait_for_function(until)


STEPS = "() => +document.querySelector('#lab-game-a .lab-game').dataset.step"


def step(tab):
    return int(tab.locator("#lab-game-a .lab-game").get_attribute("data-step"))


def wait_for_step(tab, test, than):
    tab.wait_for_function(
        f"than => +document.querySelector('#lab-game-a .lab-game').dataset.step {test} than", arg=than
    )


@pytest.mark.long
def test_a_visitor_plays(browser, address):
    tab = opened(browser, address)
    press(tab, "lab-play", STEPS + " > 40")
    wait_for_step(tab, ">", 200)
    # Two at once: the other plays as well, and the first goes on.
    other = opened(browser, address, viewport={"width": 390, "height": 844})
    press(other, "lab-play", STEPS + " > 40")
    wait_for_step(tab, ">", step(tab))
    assert other.evaluate("document.documentElement.scrollWidth") <= 390
    other.close()
    for button, words in (("step", "one step"), ("half-d", "one update of D"), ("half-g", "one update of G")):
        press(tab, f"lab-{button}", f"() => document.getElementById('lab-status').innerText.includes('{words}')")
    press(tab, "lab-play", "() => document.getElementById('lab-status').innerText.includes('playing')")
    press(tab, "lab-pause", "() => true")
    # An experiment: two games, its text and numbers, and it ends by itself.
    press(tab, "lab-smoothing", "() => document.body.innerText.includes('Measured with 5 seeds')")
    tab.locator("#lab-game-b svg").first.wait_for()
    tab.get_by_text("paused").wait_for()
    assert step(tab) == experiments["smoothing"].steps + 400
    # Settings of one's own.
    tab.locator("#lab-settings button").first.click()
    tab.locator("#lab-two input").uncheck()
    tab.locator("#lab-units input[type=number]").fill("8")
    press(tab, "lab-reset", "() => !document.querySelector('#lab-game-b svg')")
    assert step(tab) == 400  # the steps of D before the game
    # Each control has a name for a screen reader, and each image says what it shows.
    assert tab.locator("svg[role=img][aria-label*='Real points in blue']").count() == 1
    nameless = """() => [...document.querySelectorAll('#lab-play, #lab-speed input, #lab-data input')].filter(
        e => !(e.innerText || e.labels?.length || e.ariaLabel)).length"""
    assert tab.evaluate(nameless) == 0


@pytest.mark.long
def test_a_closed_tab_ends_its_training(browser, address):
    tabs = []
    for _ in range(lab.MOST_PLAYING):
        tabs.append(opened(browser, address))
        press(tabs[-1], "lab-play", STEPS + " > 0")
    last = opened(browser, address)
    press(last, "lab-play", "() => document.body.innerText.includes('visitors are training games already')")
    tabs[0].close()
    # As soon as the server notices, there is room again.
    last.wait_for_function(
        f"() => ({STEPS})() > 0 || (document.querySelector('#lab-play').click(), false)", polling=2000
    )
