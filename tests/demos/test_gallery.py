"""The gallery, and what the pages say about their models."""

import base64
import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import ganzoo
from docs import training_gifs
from ganzoo import registry
from ganzoo.training.zoo_model import describe_networks

gradio = pytest.importorskip("gradio")

from ganzoo.demos import about, common, gallery, hub  # noqa: E402


def test_cards_come_from_what_models_say():
    models = hub.models_with_pages()
    found = gallery.ordered(models)
    assert list(found) == ["families", "training", "applications"]
    assert sorted(name for names in found.values() for name in names) == models
    assert found["families"].index("gan") < found["families"].index("cgan") < found["families"].index("dcgan")
    assert {"wgan", "wgan_gp", "lsgan"} <= set(found["training"])
    assert {"srgan", "stackgan", "segan"} <= set(found["applications"])
    text = gallery.card("vae", "vae.mnist")
    for part in ("VAE", "Variational autoencoder. It generates images.", "Kingma &amp; Welling 2013", "<img", "alt="):
        assert part in text


def test_a_description_without_a_paper_is_a_card_too():
    assert gallery.described("dcgan")[2] == "Radford et al. 2015, arXiv:1511.06434"

    @registry.register("mine_of_the_gallery")
    class Mine(registry.model_class("dcgan")):
        """My <b>own</b> model."""

    try:
        text = gallery.card("mine_of_the_gallery", "dcgan.mnist")
    finally:
        registry._classes.pop("mine_of_the_gallery", None)
    assert "My &lt;b&gt;own&lt;/b&gt; model" in text
    assert "<img" not in text


def test_a_page_begins_with_its_models():
    app = hub.build()
    texts = [block.value for block in app.blocks.values() if isinstance(block, gradio.Markdown)]
    headings = [text for text in texts if isinstance(text, str) and text.startswith("## GAN\n")]
    assert headings == [
        "## GAN\n\nThe first generative adversarial network. It generates images. "
        "Measured: Fréchet distance 53.5 (`mnist`). *Goodfellow et al. 2014, arXiv:1406.2661*"
    ]
    both = next(text for text in texts if isinstance(text, str) and text.startswith("## SRGAN, SRResNet\n"))
    assert "**SRResNet**: Super-resolution by a residual network" in both


def test_a_page_says_what_its_model_is_and_how_it_was_measured():
    first, rest = about.text("vae")
    for part in ("### vae.mnist", "ELBO(x) = E_q", "https://arxiv.org/abs/1312.6114", r"\mathrm{KL}(q(z|x)"):
        assert part in first
    for part in ('ganzoo.load("vae.mnist")', "Protocol", "Training:", "negative ELBO"):
        assert part in rest
    assert "Args:" not in first + rest


def test_every_page_has_an_equation():
    for model in hub.models_with_pages():
        equation = registry.declared(model, "equation")
        assert "L" in equation, model
        assert equation.count("{") == equation.count("}"), model
        assert re.findall(r"\\begin\{(\w+)\}", equation) == re.findall(r"\\end\{(\w+)\}", equation), model
        assert equation.count(r"\left") == equation.count(r"\right"), model
        assert equation == registry.model_class(model).equation
        assert f"$$\n{equation}\n$$" in about.text(model)[0]
    assert "This preset sets `penalties: [{name: r1, weight: 10.0}]`." in about.text("dcgan")[0]
    assert "This preset sets" not in about.text("wgan")[0]


def test_a_page_shows_the_layers_of_the_networks():
    found = about.networks("dcgan.mnist")
    assert re.findall(r"<summary><b>(\w+)</b>: ([\d,]+) weights", found) == [
        ("generator", "545,473"),
        ("discriminator", "372,817"),
    ]
    assert describe_networks(ganzoo.load("dcgan.mnist")) == ("generator 545,473 and discriminator 372,817 parameters")
    assert "<td>project</td><td>Dense</td><td>4704</td>" in found
    assert "<td>picture</td><td>Conv2DTranspose</td><td>28 × 28 × 1</td>" in found
    assert "10 blocks of 4 layers like this" in about.networks("srresnet.photos_x4")
    assert "any × any × 3" in about.networks("srresnet.photos_x4")


def test_a_panel_is_filled_when_it_is_opened_for_the_first_time():
    app = hub.build("gan")
    assert "716,560" not in str(app.get_config_file()["components"])
    (event,) = [event for event in app.fns.values() if event.concurrency_id == "about"]
    assert (event.concurrency_limit, event.api_visibility) == (1, "private")
    is_filled, found = event.fn(False)
    assert is_filled
    assert found == about.training("gan") + about.networks("gan.mnist")
    assert event.fn(is_filled) == gradio.skip()


def test_a_model_of_the_owner_without_metrics_has_a_panel(tmp_path, monkeypatch):
    monkeypatch.setattr(common, "_added", {})
    ganzoo.create("gan", image_shape=(8, 8, 1), generator_widths=(16,), discriminator_widths=(8,)).save(
        tmp_path / "<b>.keras"
    )
    mine = str(tmp_path / "<b>.keras")
    assert common.add_preset(mine) == "gan"
    assert "### gan.mnist" in about.text("gan")[0]
    found = about.networks(mine)
    assert "&lt;b&gt;.keras" in found
    assert "<b>.keras" not in found
    assert "<td>8 × 8 × 1</td>" in found


def test_a_page_shows_how_training_goes(tmp_path, monkeypatch):
    assert about.training("dcgan").count("<img") == 1
    assert "dcgan.digits: steps 1 to" in about.training("dcgan")
    monkeypatch.setattr(about, "SAMPLES", tmp_path)
    assert about.training("cgan") == ""
    frames = [Image.new("L", (4, 4), value) for value in (0, 255)]
    frames[0].save(tmp_path / "cgan.gif", save_all=True, append_images=frames[1:], comment=b'<script>"')
    found = about.training("cgan")
    assert "&lt;script&gt;&quot;" in found
    assert "<script>" not in found
    still = base64.b64decode(re.search(r"prefers-reduced-motion: reduce.*?base64,([^\"]*)", found)[1])
    assert Image.open(io.BytesIO(still)).getpixel((0, 0)) == (255, 255, 255)


def test_animations_are_small_and_say_what_they_show():
    paths = sorted((Path(about.__file__).parent / "samples").glob("*.gif"))
    assert {"dcgan", "gan"} <= {path.stem for path in paths}
    for path in paths:
        assert path.stat().st_size <= training_gifs.MOST_BYTES
        with Image.open(path) as image:
            caption = image.info["comment"].decode()
            preset, last = re.match(r"(\S+): steps 1 to ([\d,]+) of its training", caption).groups()
            assert preset in ganzoo.list_presets(f"{path.stem}.*")
            assert int(last.replace(",", "")) >= 100
            assert image.n_frames >= 8


def test_an_animation_is_made_of_the_first_steps(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(training_gifs, "FOLDER", tmp_path)
    monkeypatch.setattr(training_gifs, "MOST_IMAGES", 7)
    training_gifs.main(["dcgan.digits", "--steps", "3"])
    assert "dcgan.digits: steps 1 to 3 of its training, which has 1,120" in capsys.readouterr().out
    with Image.open(tmp_path / "dcgan.gif") as image:
        assert image.info["comment"] == b"dcgan.digits: steps 1 to 3 of its training, which has 1,120"
        assert image.size == (7 * 34 - 2, 32)
        assert image.n_frames == 3
        image.seek(2)
        assert image.info["duration"] == training_gifs.LAST


def test_the_server_starts_before_keras_is_imported():
    """Whoever types `ganzoo demo` sees the gallery without waiting for TensorFlow; the first event waits for Keras.
    Gradio reads and writes no .pyi files."""
    code = """
import sys
opened = set()
sys.addaudithook(lambda name, values: name == "open" and str(values[0]).endswith(".pyi") and opened.add(values[0]))
from ganzoo.demos import common, hub
hub.web(hub.build(), hub.Hosts("127.0.0.1"))
hub.web(hub.build_lab(), hub.Hosts("127.0.0.1"))
print([name for name in ("keras", "tensorflow", "torch", "jax") if name in sys.modules], len(opened))
from ganzoo.start import import_keras_in_background
import_keras_in_background()
print(common.shown_errors(lambda: hasattr(sys.modules.get("keras"), "Model"))())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    # The last lines: Gradio 6.0 prints lines of its own before them.
    assert done.stdout.splitlines()[-2:] == ["[] 0", "True"], done.stderr
