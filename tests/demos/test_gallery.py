"""The gallery, and what the pages say about their models."""

import pytest

from ganzoo import registry

gradio = pytest.importorskip("gradio")

from ganzoo.demos import gallery, hub  # noqa: E402


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


def test_a_page_says_how_its_model_was_trained_and_measured():
    text = hub.about("vae")
    for part in (
        "ELBO(x) = E_q",
        "arXiv:1312.6114",
        'ganzoo.load("vae.mnist")',
        "Protocol",
        "Training:",
        "negative ELBO",
    ):
        assert part in text
    assert "Args:" not in text
