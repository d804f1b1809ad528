"""Times the web page in a headless Chromium: python -m benchmarks.page [--busy]

Prints how long the server takes to start, the first contentful paint of the gallery, the time from the click on a card
to the page's first result for the first visitor (who waits for the model to be loaded) and for a later one, and the
frames and steps per second of the laboratory with one and with two games. With --busy, another visitor plays a game of
the laboratory meanwhile. Needs `playwright` and a Chromium.
"""

import argparse
import shutil
import socket
import subprocess
import sys
import time

from playwright.sync_api import sync_playwright

# {model: what its first result is}; models of one page have the same.
_IMAGES = ("gan", "dcgan", "lsgan", "wgan", "wgan_gp", "began", "cgan", "vae", "pixelcnn")
_FIRST = {
    **{model: f"#{model}-grid img" for model in _IMAGES},
    "wavenet": "#wavenet-spectrogram img",
    "gan_int_cls": "#gan_int_cls-images img",
    "stackgan": "#stackgan-images img",
    "srgan": "#srgan-slider img",
    "segan": "#segan-after-image img",
    "cyclegan": "#cyclegan-translated img",
    "cyclegan_vc": "#cyclegan_vc-after-spectrogram img",
    "smoother": "#smoother-smooth-image img",
    "postfilter": "#postfilter-restored-image img",
}
_PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
_STEP = "+document.querySelector('#lab-game-a .lab-game')?.dataset.step"
_FRAMES = """seconds => new Promise(done => {
    const steps = new Set(), begin = performance.now(), first = STEP;
    const look = () => {
        steps.add(STEP);
        const passed = (performance.now() - begin) / 1000;
        if (passed < seconds) requestAnimationFrame(look);
        else done([(steps.size - 1) / passed, (STEP - first) / passed]);
    };
    look();
})""".replace("STEP", _STEP)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--busy", action="store_true", help="another visitor plays meanwhile")
    busy = parser.parse_args().busy
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    begun = time.perf_counter()
    server = subprocess.Popen(
        [sys.executable, "-u", "-m", "ganzoo.cli", "demo", "--port", str(port)], stdout=subprocess.PIPE, text=True
    )
    server.stdout.readline()
    print(f"from the command to a server that answers: {time.perf_counter() - begun:.1f} s", flush=True)
    try:
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            visits(chromium, f"http://127.0.0.1:{port}", busy)
    finally:
        server.terminate()
        server.wait()


def visits(chromium, address, busy):
    def opened():
        tab = chromium.new_page(viewport={"width": 1280, "height": 900})
        tab.set_default_timeout(60_000)
        tab.goto(address)
        tab.locator(".gz-card").first.wait_for()
        return tab

    def in_laboratory():
        tab = opened()
        tab.get_by_role("tab", name="laboratory").click()
        tab.locator("#lab-game-a .lab-game").first.wait_for()
        return tab

    other = in_laboratory() if busy else None
    if other:
        other.locator("#lab-play").click()
    paints = []
    for _ in range(5):
        tab = opened()
        paints.append(tab.evaluate(_PAINT) / 1000)
        tab.close()
    print(f"first contentful paint: median {sorted(paints)[2]:.2f} s, worst {max(paints):.2f} s", flush=True)
    print("| page | first visitor | later visitor |\n|---|---|---|")
    for model, selector in _FIRST.items():
        seconds = []
        for _ in range(2):
            tab = opened()
            begun = time.perf_counter()
            tab.locator(f".gz-card[data-model={model}]").click()
            tab.locator(selector).first.wait_for()
            seconds.append(time.perf_counter() - begun)
            tab.close()
        print(f"| {model} | {seconds[0]:.1f} s | {seconds[1]:.1f} s |", flush=True)
    if other:
        other.close()
    tab = in_laboratory()
    for games in ("one game", "two games"):
        if games == "two games":
            tab.locator("#lab-pause").click()
            tab.locator("#lab-settings button").first.click()
            tab.locator("#lab-two input").check()
            tab.locator("#lab-reset").click()
            tab.locator("#lab-game-b .lab-game").first.wait_for()
        tab.locator("#lab-play").click()
        tab.wait_for_function(f"() => {_STEP} > 200")
        frames, steps = tab.evaluate(_FRAMES, 8)
        print(f"laboratory, {games}: {frames:.1f} frames and {steps:.0f} steps of each game per second", flush=True)


if __name__ == "__main__":
    main()
