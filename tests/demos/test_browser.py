"""The web page in a real headless Chromium: images are generated and change, nothing comes from elsewhere."""

import shutil
import socket
import subprocess
import sys
from urllib.parse import urlsplit

import numpy as np
import pytest

from ganzoo.inference import save_image
from ganzoo.inference.image_files import read_image_file

pytest.importorskip("gradio")


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def address():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-u", "-m", "ganzoo.cli", "demo", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert "ganzoo is on http://127.0.0.1" in process.stdout.readline()
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait()


@pytest.fixture
def page(address):
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine (Debian: apt install chromium)")
    sync_api = pytest.importorskip("playwright.sync_api")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        tab = browser.new_page()
        tab.set_default_timeout(60_000)
        tab.asked = []
        tab.on("request", lambda request: tab.asked.append(request.url))
        tab.goto(address)
        yield tab
        browser.close()


def source(page, element):
    """The address of an image's current content, once it has one."""
    image = page.locator(f"#{element} img")
    image.wait_for()
    return image.get_attribute("src")


def wait_for_another(page, element, old):
    page.wait_for_function(
        "([id, old]) => { const i = document.querySelector(`#${id} img`); return i && i.src && i.src !== old }",
        arg=[element, old],
    )
    return source(page, element)


def pixels(page, element):
    """Width of an image and how many different values its pixels have."""
    return page.evaluate(
        """async id => {
            const image = document.querySelector(`#${id} img`);
            await image.decode();
            const canvas = document.createElement('canvas');
            canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;
            const context = canvas.getContext('2d');
            context.drawImage(image, 0, 0);
            const data = context.getImageData(0, 0, canvas.width, canvas.height).data;
            return [canvas.width, new Set(data).size];
        }""",
        element,
    )


def paint(page, element):
    """A stroke in the middle of a canvas."""
    canvas = page.locator(f"#{element} canvas").first
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - 40, y)
    page.mouse.down()
    page.mouse.move(x + 40, y + 20, steps=8)
    page.mouse.up()


def open_card(page, model):
    """Opens the page of a model by its card in the gallery."""
    page.get_by_role("tab", name="gallery").click()
    page.locator(f".gz-card[data-model={model}]").click()


def test_a_visitor_makes_a_photo_larger(page, tmp_path):
    small = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype="uint8")
    save_image(tmp_path / "mine.png", small)
    open_card(page, "srgan")
    first = source(page, "srgan-bicubic")
    width, values = pixels(page, "srgan-bicubic")
    assert width == 768
    assert values > 50
    page.locator("#srgan-photo button[aria-label*='emove'], #srgan-photo button[title*='lear']").first.click()
    page.locator("#srgan-photo input[type=file]").set_input_files(str(tmp_path / "mine.png"))
    page.locator("#srgan-photo img").wait_for()
    page.locator("#srgan-upscale").click()
    wait_for_another(page, "srgan-bicubic", first)
    assert page.locator("#srgan-slider img").count() == 2
    # Every image says what it shows.
    texts = page.evaluate("[...document.querySelectorAll('img')].filter(i => i.offsetParent).map(i => i.alt)")
    assert {"example temple", "example flower", "Comparison: before", "Comparison: after"} <= {*texts}
    assert "" not in texts
    with page.expect_download() as download:
        page.locator("#srgan-download").click()
    assert read_image_file(download.value.path()).pixels.shape == (96, 128, 3)
    (tmp_path / "text.png").write_text("no image")
    page.locator("#srgan-photo button[aria-label*='emove'], #srgan-photo button[title*='lear']").first.click()
    page.locator("#srgan-photo input[type=file]").set_input_files(str(tmp_path / "text.png"))
    page.locator("#srgan-photo img").wait_for(state="attached")
    page.locator("#srgan-upscale").click()
    page.get_by_text("text.png cannot be read as an image").first.wait_for()
    # What was there stays in sight.
    assert page.locator("#srgan-slider img").first.is_visible()
    page.locator("#srgan-photo button[aria-label*='emove'], #srgan-photo button[title*='lear']").first.click()
    (tmp_path / "notes.txt").write_text("no image")
    page.locator("#srgan-photo input[type=file]").set_input_files(str(tmp_path / "notes.txt"))
    page.get_by_text("notes.txt cannot be used here: choose an image").first.wait_for()
    page.locator("#srgan-photo-examples .gallery-item").nth(1).click()
    page.locator("#srgan-photo img").wait_for()


def test_a_visitor_takes_noise_out_of_speech(page, tmp_path):
    soundfile = pytest.importorskip("soundfile")
    time = np.arange(24000) / 16000
    sound = 0.1 * np.sin(2 * np.pi * 200 * time) * np.sin(2 * np.pi * 2 * time) ** 2
    soundfile.write(tmp_path / "mine.wav", sound, 16000)
    open_card(page, "segan")
    # The page begins with an example and its result.
    example = source(page, "segan-after-image")
    page.locator("#segan-speech").get_by_label("Clear").click()
    (tmp_path / "notes.txt").write_text("no sound")
    page.locator("#segan-speech input[type=file]").set_input_files(str(tmp_path / "notes.txt"))
    page.get_by_text("notes.txt cannot be used here: choose a recording").first.wait_for()
    page.locator("#segan-speech input[type=file]").set_input_files(str(tmp_path / "mine.wav"))
    page.locator("#segan-speech audio, #segan-speech .waveform-container").first.wait_for(state="attached")
    page.get_by_label("pink").check()
    page.locator("#segan-enhance").click()
    wait_for_another(page, "segan-after-image", example)
    width, values = pixels(page, "segan-after-image")
    assert width > 300
    assert values > 50
    assert source(page, "segan-before-image") != source(page, "segan-after-image")
    with page.expect_download() as download:
        page.locator("#segan-download").click()
    heard, rate = soundfile.read(download.value.path())
    assert (len(heard), rate) == (24000, 16000)
    assert download.value.suggested_filename == "mine-segan.speech.wav"


def test_a_visitor_asks_for_an_image(page):
    open_card(page, "stackgan")
    first = source(page, "stackgan-images")
    page.get_by_text("a screaming person with a pink afro wearing green overalls").last.click()
    page.wait_for_function(
        "() => document.querySelector('#stackgan-text textarea, #stackgan-text input').value.includes('pink afro')"
    )
    page.locator("#stackgan-text textarea, #stackgan-text input").first.fill(
        "a sad man with a red beard in a blue hoodie"
    )
    page.locator("#stackgan-generate").click()
    wait_for_another(page, "stackgan-images", first)
    for element in ("stackgan-stage1", "stackgan-images", "stackgan-between"):
        width, values = pixels(page, element)
        assert width >= 256
        assert values > 50
    here = source(page, "stackgan-between")
    page.locator("#stackgan-place input[type=range]").click(position={"x": 2, "y": 2})
    wait_for_another(page, "stackgan-between", here)


def test_a_visitor_asks_for_digits(page):
    open_card(page, "cgan")
    first = source(page, "cgan-grid")
    page.locator("#cgan-wanted textarea, #cgan-wanted input").first.fill("2017")
    page.locator("#cgan-generate").click()
    wait_for_another(page, "cgan-grid", first)
    width, values = pixels(page, "cgan-grid")
    assert width > 400
    assert values > 50


def test_a_visitor_changes_a_face(page):
    open_card(page, "gan_int_cls")
    changed = source(page, "gan_int_cls-attribute-after")
    assert changed != source(page, "gan_int_cls-attribute-before")
    page.get_by_text("avatars_judge, a classifier that was not used for the change, sees glasses").wait_for()
    # Browsers load images that are far below what is in sight when they come near it.
    page.locator("#gan_int_cls-term-download").scroll_into_view_if_needed()
    result = source(page, "gan_int_cls-term-result")
    width, values = pixels(page, "gan_int_cls-term-result")
    assert width > 400
    assert values > 50
    page.locator("#gan_int_cls-attribute-clothes-color input").click()
    page.get_by_role("option", name="green").click()
    wait_for_another(page, "gan_int_cls-attribute-after", changed)
    page.get_by_text("clothes color: ").first.wait_for()
    page.locator("#gan_int_cls-term-c input").click()
    page.get_by_role("option", name="clothes color: red").click()
    wait_for_another(page, "gan_int_cls-term-result", result)
    with page.expect_download() as download:
        page.locator("#gan_int_cls-term-download").click()
    assert read_image_file(download.value.path()).pixels.shape == (196, 196, 3)


def test_a_visitor_paints_on_an_image(page):
    page.get_by_role("tab", name="editing").click()
    # An example is there at once: strokes, candidates and the result.
    first = source(page, "editing-result")
    for number in (1, 2, 3, 4):
        width, values = pixels(page, f"editing-candidate{number}")
        assert width == 256  # dcgan.avatars, enlarged four times
        assert values > 20
    old = source(page, "editing-candidate1")
    page.locator("#editing-another").click()
    before = wait_for_another(page, "editing-result", first)
    page.locator("#editing-candidate1 img").wait_for(state="hidden")

    # The image in the editor has no strokes any more.
    page.locator("#editing-apply").click()
    page.get_by_text("nothing is painted: choose a color").first.wait_for()

    paint(page, "editing-editor")
    page.locator("#editing-apply").click()
    assert source(page, "editing-candidate1") != old
    after = wait_for_another(page, "editing-result", before)

    page.locator("#editing-candidate2 img").click()
    other = wait_for_another(page, "editing-result", after)
    page.locator("#editing-position input[type=range]").fill("0.5")
    between = wait_for_another(page, "editing-result", other)
    with page.expect_download() as download:
        page.locator("#editing-download").click()
    assert read_image_file(download.value.path()).pixels.shape[0] in (28, 64)

    page.locator("#editing-on").click()
    page.locator("#editing-candidate1 img").wait_for(state="hidden")
    page.locator("#editing-undo").click()
    page.wait_for_function("old => document.querySelector('#editing-result img').src === old", arg=before)
    assert between != before
    # Opening the tab again leaves the work as it is.
    open_card(page, "dcgan")
    source(page, "dcgan-grid")
    page.get_by_role("tab", name="editing").click()
    assert source(page, "editing-result") == before


def test_a_visitor_begins_a_digit(page):
    open_card(page, "pixelcnn")
    # The canvas comes after the completions of the example.
    page.locator("#pixelcnn-editor canvas").first.wait_for()
    first = source(page, "pixelcnn-grid")
    page.locator("#pixelcnn-half input").click()
    page.get_by_role("option", name="left", exact=True).click()
    paint(page, "pixelcnn-editor")
    page.locator("#pixelcnn-finish").click()
    wait_for_another(page, "pixelcnn-grid", first)


def test_a_visitor_clicks_on_a_card_and_on_the_latent_map(page):
    open_card(page, "vae")
    assert page.locator(".gz-card img").count() > 10
    here = source(page, "vae-at")
    width, values = pixels(page, "vae-map")
    assert width >= 560
    assert values > 50
    page.get_by_text("at the latents (0.00, 0.00)").wait_for()
    page.locator("#vae-map img").click(position={"x": 30, "y": 30})
    here = wait_for_another(page, "vae-at", here)
    page.get_by_text("at the latents (-").wait_for()
    assert float(page.locator("#vae-across input[type=number]").input_value()) < 0.2
    # The sliders do the same.
    page.locator("#vae-across input[type=range]").fill("1")
    wait_for_another(page, "vae-at", here)
    page.get_by_text("at the latents (3.09").wait_for()
    assert page.evaluate("document.querySelector('#vae-map img').alt")


def test_a_page_has_an_address_and_begins_at_its_top(page, address):
    page.set_viewport_size({"width": 390, "height": 800})
    page.locator(".gz-card[data-model=cyclegan_vc]").click()
    heading = page.get_by_role("heading", name="CycleGAN-VC").first
    heading.wait_for()
    assert page.url == f"{address}/#cyclegan_vc"
    assert 0 < heading.bounding_box()["y"] < 400
    page.goto("about:blank")
    page.goto(f"{address}/#vae")
    page.get_by_role("heading", name="VAE").first.wait_for()


def test_a_visitor_reads_about_a_model(page):
    page.emulate_media(reduced_motion="reduce")
    page.set_viewport_size({"width": 390, "height": 800})
    # On a narrow screen the tab is behind a button.
    page.locator("#open-dcgan").evaluate("hidden => (hidden.querySelector('button') ?? hidden).click()")
    about = page.locator(".gz-about:visible")
    about.get_by_role("button", name="About this model").click()
    # Built when the panel is opened.
    generator = about.locator(".gz-network").filter(has_text="generator: 545,473 weights, 9 layers")
    generator.locator("summary").click()
    assert generator.get_by_role("cell", name="Conv2DTranspose").first.is_visible()
    equation = about.locator(".katex-display")
    assert equation.count() == 1
    # Not an error, which KaTeX shows in red.
    assert equation.locator(".katex-mathml").count() == 1
    assert page.locator(".katex-error").count() == 0
    image = about.locator(".gz-training img")
    assert image.evaluate("image => image.currentSrc.slice(0, 15)") == "data:image/png;"
    page.emulate_media(reduced_motion="no-preference")
    page.wait_for_function("document.querySelector('.gz-training img').currentSrc.startsWith('data:image/gif;')")
    # What is wide scrolls within itself.
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_a_visitor_generates_interpolates_and_downloads(page, address):
    open_card(page, "dcgan")
    first = source(page, "dcgan-grid")
    width, values = pixels(page, "dcgan-grid")
    assert width > 400
    assert values > 50

    page.locator("#dcgan-seed input").fill("7")
    page.locator("#dcgan-generate").click()
    second = wait_for_another(page, "dcgan-grid", first)

    here = source(page, "dcgan-here")
    page.locator("#dcgan-position input[type=range]").fill("0.9")
    wait_for_another(page, "dcgan-here", here)

    with page.expect_download() as download:
        page.locator("#dcgan-download").click()
    assert download.value.suggested_filename.endswith("seed7.png")
    with open(download.value.path(), "rb") as file:
        assert file.read(8) == b"\x89PNG\r\n\x1a\n"

    page.locator("#dcgan-seed input").fill("")
    page.locator("#dcgan-generate").click()
    page.get_by_text("the seed is empty: it must be a whole number from 0 to").first.wait_for()
    assert source(page, "dcgan-grid") == second
    # Nothing lies above the last result: neither a message nor the word "Error".
    assert page.evaluate(
        """() => {
            const image = document.querySelector("#dcgan-grid img"), box = image.getBoundingClientRect();
            return document.elementFromPoint(box.left + box.width / 4, box.top + box.height / 2) === image;
        }"""
    )

    hosts = {urlsplit(url).hostname for url in page.asked if urlsplit(url).scheme not in ("data", "blob")}
    assert hosts == {"127.0.0.1"}
