"""The static page of docs/export/browser in a real Chromium: the model's images, and nothing from other servers."""

import functools
import http.server
import importlib.util
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

import ganzoo

pytest.importorskip("tf2onnx")
pytest.importorskip("onnxruntime")

PAGE = Path(ganzoo.__file__).parents[1] / "docs" / "export" / "browser"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# The model, and the classes of its images.
MODELS = {"dcgan": None, "cgan.fashion_mnist": [number % 10 for number in range(16)]}


@pytest.fixture(scope="module")
def build():
    spec = importlib.util.spec_from_file_location("build", PAGE / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def package(build, tmp_path_factory):
    """onnxruntime-web as npm packs it."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine (Debian: apt install chromium)")
    try:
        return build.fetch(tmp_path_factory.mktemp("npm"))
    except ganzoo.GanzooError as error:
        pytest.skip(f"onnxruntime-web cannot be fetched: {error}")


class Files(http.server.SimpleHTTPRequestHandler):
    extensions_map = {**http.server.SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module", params=MODELS)
def site(request, build, package, tmp_path_factory):
    """(name of the model, address of its page)."""
    folder = tmp_path_factory.mktemp("site")
    build.build(folder, request.param, package=package)
    handler = functools.partial(Files, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield request.param, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def page(site):
    sync_api = pytest.importorskip("playwright.sync_api")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        tab = browser.new_page()
        tab.set_default_timeout(120_000)
        tab.asked, tab.errors = [], []
        tab.on("request", lambda request: tab.asked.append(request.url))
        tab.on("pageerror", lambda error: tab.errors.append(str(error)))
        tab.goto(site[1])
        yield tab
        browser.close()


def shown(page, element):
    """The pixels of a canvas, uint8 (height, width, 3)."""
    height, width, values = page.evaluate(
        """id => {
            const canvas = document.getElementById(id);
            const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            return [canvas.height, canvas.width, Array.from(data)];
        }""",
        element,
    )
    return np.array(values, "uint8").reshape(height, width, 4)[..., :3]


def grid(images):
    """16 images in four rows of four, in color."""
    height, width, channels = images.shape[1:]
    rows = images.reshape(4, 4, height, width, channels).swapaxes(1, 2).reshape(4 * height, 4 * width, channels)
    return np.repeat(rows, 3, axis=2) if channels == 1 else rows


@pytest.mark.long
def test_the_page_generates_the_images_of_the_model(site, page):
    name, address = site
    model, labels = ganzoo.load(name), MODELS[name]
    page.wait_for_function("() => window.generated && !document.getElementById('generate').disabled")
    first = shown(page, "images")
    page.locator("#seed").fill("7")
    page.locator("#generate").click()
    page.wait_for_function("() => window.generated.seed === 7")
    if labels:
        page.locator("#class").select_option("Sneaker")
        labels = [model.class_number("Sneaker")] * 16
        page.wait_for_function("() => window.generated.labels.every(label => label === 7)")
    latents = np.array(page.evaluate("Array.from(window.generated.latents)"), "float32").reshape(16, -1)
    # Random numbers that images come from are standard normal.
    assert abs(latents.mean()) < 0.1
    assert abs(latents.std() - 1) < 0.1
    expected = model.generate(latents=latents, **({"labels": labels} if labels else {}))
    images = shown(page, "images")
    # A value halfway between two gray levels may be rounded either way.
    assert np.abs(images.astype(int) - grid(expected)).max() <= 1
    assert np.abs(images.astype(int) - first).max() > 50
    # The slider begins with the first image and ends with the second.
    for position, image in (("1", expected[1]), ("0", expected[0])):
        page.locator("#position").fill(position)
        page.wait_for_function("value => document.getElementById('position').dataset.shown === value", arg=position)
        assert np.abs(shown(page, "between").astype(int) - image).max() <= 1
    assert not page.errors
    assert page.asked
    assert all(url.startswith((address, "data:", f"blob:{address}")) for url in page.asked), page.asked


def test_a_model_that_the_page_cannot_run_is_named(build, tmp_path):
    with pytest.raises(ganzoo.GanzooError, match="gan_int_cls generates images from captions: choose another model"):
        build.build(tmp_path / "site", "gan_int_cls")
    assert not (tmp_path / "site").exists()


def test_another_package_is_named(build, tmp_path):
    import tarfile

    with tarfile.open(tmp_path / "other.tgz", "w:gz"):
        pass
    with pytest.raises(ganzoo.GanzooError, match=r"other\.tgz has no dist/ort"):
        build.copy_runtime(tmp_path, tmp_path / "other.tgz")
