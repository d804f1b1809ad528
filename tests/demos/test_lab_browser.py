"""The laboratory in a real headless Chromium: visitors play, paint, watch training and leave."""

import re
import shutil
import socket
import subprocess
import sys

import numpy as np
import pytest

from ganzoo.lab import experiments

gradio = pytest.importorskip("gradio")

from ganzoo.demos import lab, lab_svg  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The process of a laboratory, with its `address`."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine (Debian: apt install chromium)")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-u", "-m", "ganzoo.cli", "lab", "--port", str(port), "--output"]
    command.append(str(tmp_path_factory.mktemp("live")))
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert "ganzoo is on http://127.0.0.1" in process.stdout.readline()
    process.address = f"http://127.0.0.1:{port}"
    yield process
    process.terminate()
    process.wait()


@pytest.fixture
def address(server):
    return server.address


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


def slow_down(tab):
    """One step per frame: no game ends by itself before the test goes on, however slow the machine is."""
    speed = tab.locator("#lab-speed input[type=number]")
    with tab.expect_response(lambda answer: "/queue/join" in answer.url):
        speed.fill("1")
        speed.press("Tab")


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
    press(tab, "lab-pause", "() => document.getElementById('lab-status').innerText == 'paused'")
    paused = step(tab)
    # Arrow keys change the speed as well.
    with tab.expect_response(lambda answer: "/queue/join" in answer.url):
        tab.locator("#lab-speed input[type=range]").press("ArrowRight")
    press(tab, "lab-step", "() => document.getElementById('lab-status').innerText.includes('one step')")
    assert step(tab) == paused + 1
    press(tab, "lab-play", f"() => ({STEPS})() > {paused + 1}")
    press(tab, "lab-pause", "() => document.getElementById('lab-status').innerText == 'paused'")
    assert (step(tab) - paused - 1) % 41 == 0
    # An experiment: two games, its text and numbers, and it ends by itself.
    press(tab, "lab-smoothing", "() => document.body.innerText.includes('With 5 seeds')")
    tab.locator("#lab-game-b svg").first.wait_for()
    tab.get_by_text("paused").wait_for()
    assert "primary" in tab.locator("#lab-smoothing").get_attribute("class")
    assert tab.locator("#lab-experiments [aria-pressed=true]").all_inner_texts() == [experiments["smoothing"].title]
    # What to watch is above the games; the text is beside them on a wide screen, and below them on a narrow one.
    boxes = [tab.locator(f"#lab-{one}").bounding_box() for one in ("watched", "game-a", "game-b", "told")]
    assert boxes[0]["y"] + boxes[0]["height"] <= boxes[1]["y"] == boxes[2]["y"]
    assert boxes[3]["x"] >= boxes[2]["x"] + boxes[2]["width"]
    tab.set_viewport_size({"width": 390, "height": 844})
    boxes = [tab.locator(f"#lab-{one}").bounding_box() for one in ("watched", "game-a", "game-b", "told")]
    assert [box["y"] for box in boxes] == sorted({box["y"] for box in boxes})
    tab.set_viewport_size({"width": 1280, "height": 720})
    assert step(tab) == experiments["smoothing"].steps + 400
    # Settings of one's own.
    tab.locator("#lab-settings button").first.click()
    tab.locator("#lab-two input").uncheck()
    tab.locator("#lab-units input[type=number]").fill("8")
    press(tab, "lab-reset", "() => !document.querySelector('#lab-game-b svg')")
    # The text was about the experiment.
    assert "With 5 seeds" not in tab.locator("body").inner_text()
    assert "primary" not in tab.locator("#lab-smoothing").get_attribute("class")
    assert tab.locator("#lab-smoothing").get_attribute("aria-pressed") == "false"
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
        slow_down(tabs[-1])
        press(tabs[-1], "lab-play", STEPS + " > 0")
    last = opened(browser, address)
    press(last, "lab-play", "() => document.body.innerText.includes('visitors are training games already')")
    tabs[0].close()
    # As soon as the server notices, there is room again.
    last.wait_for_function(
        f"() => ({STEPS})() > 0 || (document.querySelector('#lab-play').click(), false)", polling=2000
    )


@pytest.mark.long
def test_each_experiment_begins_with_a_click(browser, address):
    tab = opened(browser, address)
    slow_down(tab)
    for name, experiment in experiments.items():
        press(tab, f"lab-{name}", f"() => document.body.innerText.includes({experiment.watch[:40]!r})")
        tab.locator("#lab-game-b svg").first.wait_for()
        tab.wait_for_function("() => document.getElementById('lab-status').innerText.includes('playing')")
        titles = tab.locator(".lab-game p b").all_inner_texts()
        assert titles[0] == experiment.names[0]
        assert experiment.names[1] in titles
        # The equation is typeset.
        assert tab.locator("#lab-told .katex").count() >= 1
        press(tab, "lab-pause", "() => document.getElementById('lab-status').innerText == 'paused'")


def settings_shown(tab, game):
    """What a game says of its settings."""
    return set(re.split(r", (?=\w+=)", tab.locator(f"#lab-game-{game} .settings").inner_text()))


@pytest.mark.long
def test_each_control_reaches_the_game(browser, address):
    """Every control is changed; the game that Reset begins trains with all of them."""
    tab = opened(browser, address)
    tab.locator("#lab-settings button").first.click()
    numbers = dict(seed=7, layers=1, units=12, batch=16, k=2, smoothing=0.1, clipping=0.5, matching=0.1)
    numbers |= {
        "latent-dim": 3,
        "pretraining": 10,
        "d-rate": 0.003,
        "g-rate": 0.002,
        "penalty-weight": 2,
        "instance-noise": 0.1,
    }
    numbers |= {"averaging": 0.1, "moments": 0.2}
    shared = ("seed", "layers", "units", "latent-dim", "batch", "pretraining")
    # Twice: a control that is just coming into being loses what is typed.
    for name, value in [*numbers.items()] * 2:
        box = tab.locator(f"#lab-{'' if name in shared else 'a-'}{name} input[type=number]")
        box.fill(str(value))
        box.press("Tab")
    choices = {"lab-data": "moons", "lab-optimizer": "rmsprop", "lab-a-loss": "minimax", "lab-a-penalty": "r1"}
    for name, value in {**choices, "lab-a-batch-norm": "generator"}.items():
        tab.locator(f"#{name} input").click()
        tab.get_by_role("option", name=value, exact=True).click()
    for name in ("of-d", "of-g"):
        tab.locator(f"#lab-a-{name}").get_by_label("spectral_normalization").check()
    tab.locator("#lab-a-conditional input").check()
    press(tab, "lab-reset", STEPS + " === 10")
    shared = {"data=moons", "layers=1", "units=12", "latent_dim=3", "batch_size=16", "pretraining_steps=10"}
    shared |= {"seed=7", "optimizer=rmsprop"}
    assert settings_shown(tab, "a") == shared | {
        *("conditional=True", "batch_norm=generator", "weight_clipping=0.5"),
        *("loss=minimax: smoothing=0.1", "penalties=[r1: weight=2]"),
        "augmentations=[instance_noise: deviation=0.1]",
        *("discriminator_steps=2", "discriminator_learning_rate=0.003", "generator_learning_rate=0.002"),
        *("feature_matching=0.1", "moment_matching=0.2", "historical_averaging=0.1"),
        *("discriminator_regularizers=[spectral_normalization]", "generator_regularizers=[spectral_normalization]"),
    }
    # The second game has what both have in common, and settings of its own.
    tab.locator("#lab-two input").check()
    tab.locator("#lab-b-loss input").click()
    tab.get_by_role("option", name="hinge", exact=True).click()
    press(tab, "lab-reset", "() => document.querySelector('#lab-game-b .settings')?.innerText.includes('hinge')")
    assert settings_shown(tab, "b") == shared | {"loss=hinge"}
    press(tab, "lab-play", STEPS + " > 60")
    press(tab, "lab-pause", "() => document.getElementById('lab-status').innerText == 'paused'")
    assert tab.locator("#lab-game-b .lab-game").get_attribute("data-step") == str(step(tab))
    assert tab.locator("[data-testid='toast-body']").count() == 0


@pytest.mark.long
def test_a_visitor_paints_points(browser, address):
    tab = opened(browser, address)
    tab.locator("#lab-settings button").first.click()
    # The canvas opens with the data, and the brush is ready.
    tab.locator("#lab-data input").click()
    tab.get_by_role("option", name="own points", exact=True).click()
    canvas = tab.locator("#lab-painting canvas").first
    canvas.scroll_into_view_if_needed()
    press(tab, "lab-reset", "() => document.body.innerText.includes('paint points on the canvas')")
    tab.locator("#lab-data input").click()
    tab.get_by_role("option", name="ring", exact=True).click()
    canvas.wait_for(state="hidden")
    tab.locator("#lab-own button").first.click()
    # A stroke chooses the data.
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    tab.mouse.move(x - 60, y)
    tab.mouse.down()
    tab.mouse.move(x + 60, y, steps=8)
    tab.mouse.up()
    tab.wait_for_function("() => document.querySelector('#lab-data input').value == 'own points'")
    press(tab, "lab-reset", "() => document.querySelector('#lab-game-a .settings').innerText == 'data=own points'")
    # A stroke from left to right through the middle.
    path = tab.locator("#lab-game-a .dots.real").get_attribute("d")
    across, down = np.array(re.findall(r"M(\d+) (\d+)", path), float).T
    assert np.ptp(across) > 60
    assert np.abs(down - lab_svg.SIDE / 2).max() < 30


@pytest.mark.long
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_returns_when_visitors_leave(browser, address, server):
    def visit():
        tab = opened(browser, address)
        press(tab, "lab-smoothing", "() => document.querySelector('#lab-game-b svg')")
        wait_for_step(tab, ">", 440)
        tab.close()
        with open(f"/proc/{server.pid}/status") as status:
            return int(re.search(r"VmRSS:\s+(\d+) kB", status.read())[1]) / 1024

    early = [visit() for _ in range(6)]
    late = [visit() for _ in range(12)]
    # Two games need tens of megabytes; what a visitor leaves is below 4.
    assert min(late[-3:]) - min(early[-3:]) < 12 * 4


@pytest.mark.long
def test_a_visitor_trains_on_images(browser, address):
    tab = opened(browser, address, viewport={"width": 390, "height": 844})
    tab.get_by_role("tab", name="Images").click()
    tab.locator("#live-epochs input[type=number]").fill("50")
    tab.locator("#live-train").click()
    tab.wait_for_function("() => +document.querySelector('.live')?.dataset.step > 30")
    images = tab.locator(".live svg[role=img][aria-label^='Generated images'] image")
    before = images.first.get_attribute("href")
    tab.wait_for_function("() => +document.querySelector('.live').dataset.step > 60")
    assert images.first.get_attribute("href") != before
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    tab.locator("#live-stop").click()
    tab.get_by_text("stopped: the run folder").wait_for()
    tab.get_by_text("ganzoo train dcgan.digits").last.wait_for()
    step = int(tab.locator(".live").get_attribute("data-step"))
    tab.locator("#live-go-on").click()
    tab.wait_for_function("step => +document.querySelector('.live').dataset.step > step", arg=step)
    # Closing the page ends the run: there is room for another.
    tab.close()
    other = opened(browser, address)
    other.get_by_role("tab", name="Images").click()
    other.wait_for_function(
        "() => document.querySelector('.live') || (document.querySelector('#live-train').click(), false)", polling=2000
    )
