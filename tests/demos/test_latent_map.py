"""The latent map of the VAE's page."""

import numpy as np
import pytest
from PIL import Image

import ganzoo

gradio = pytest.importorskip("gradio")

from ganzoo.demos import canvas, gate, vae  # noqa: E402

PRESET = "vae.mnist_2d"


def click(x, y):
    return gradio.SelectData(None, {"index": [x, y], "value": None})


def test_places_are_quantiles_of_the_prior():
    places = np.array([[0.5, 0.5], [0.975, 0.5], [0.5, 0.1587]])
    np.testing.assert_allclose(vae.latents_at(places), [[0, 0], [1.96, 0], [0, 1]], atol=1e-3)
    np.testing.assert_allclose(vae.places_of(vae.latents_at(places)), places, atol=1e-6)
    # The border itself is infinitely far away.
    assert np.isfinite(vae.latents_at(np.array([[0, 1], [1, 0]]))).all()


def test_a_click_shows_the_image_of_the_place():
    model = ganzoo.load(PRESET, precision="auto")
    side = vae._manifold(PRESET).shape[0]
    across, down = vae.pick(PRESET, click(side // 4, side // 2))
    assert (across, down) == (0.25, 0.5)
    # NumPy's numbers reach the browser as text.
    assert type(across) is type(down) is float
    sheet, here, told = vae.show(PRESET, across, down, False)
    latents = np.array([[-0.6745, 0]], "float32")
    wanted = np.kron(model.decode(latents)[0, :, :, 0], np.ones((15, 15), "uint8"))
    assert np.abs(here[..., 0].astype(int) - wanted).max() <= 3
    assert "(-0.67, 0.00)" in told
    # The map consists of the decoder's images; the ring is far from its corner.
    corner = model.decode(vae.latents_at(np.array([[0.025, 0.025]])))[0, :, :, 0]
    step = side // (vae.CELLS * 28)
    shown = sheet[: 28 * step : step, : 28 * step : step, 0]
    assert np.abs(shown.astype(int) - corner).max() <= 3


def test_codes_of_one_digit_lie_together():
    places, labels = vae._codes(PRESET)
    assert len(places) == len(labels) == vae.MOST_CODES
    middles = np.stack([places[labels == digit].mean(axis=0) for digit in range(10)])
    within = np.mean([np.linalg.norm(places[labels == d] - middles[d], axis=1).mean() for d in range(10)])
    assert within < 0.75 * np.linalg.norm(places - places.mean(axis=0), axis=1).mean()
    assert (vae.show(PRESET, 0.5, 0.5, True)[0] != vae.show(PRESET, 0.5, 0.5, False)[0]).mean() > 0.02


def test_an_image_of_the_visitor_is_placed(tmp_path, message):
    model = ganzoo.load(PRESET, precision="auto")
    wanted = np.array([[0.3, 0.6]])
    Image.fromarray(model.decode(vae.latents_at(wanted))[0, :, :, 0]).save(tmp_path / "own.png")
    across, down = vae.locate(PRESET, None, str(tmp_path / "own.png"))
    # The encoder finds about where a decoded image comes from.
    assert abs(across - 0.3) < 0.2
    assert abs(down - 0.6) < 0.2
    assert vae.show(PRESET, across, down, True)[1].shape == (420, 420, 3)
    assert "the canvas is empty" in message(vae.locate, PRESET, canvas.blank(), None)


@pytest.mark.parametrize("odd", [None, float("nan"), -1, 2, "x", [1], True])
def test_odd_values_become_messages(odd, message):
    assert "the place" in message(vae.show, PRESET, odd, 0.5, True)
    assert "click" in message(vae.pick, PRESET)
    if odd != 2:
        assert "the place" in message(vae.pick, PRESET, click(odd, 1))


def test_models_with_more_dimensions_have_no_map(message):
    assert PRESET in vae.maps()
    assert "vae.mnist" not in vae.maps()
    assert "more than two" in message(vae.show, "vae.mnist", 0.5, 0.5, False)


@pytest.mark.parametrize(
    "odd", [None, [], 3, {"index": 1}, {"index": [1]}, {"index": [1, "x"]}, {"index": [True, 1]}, {"index": [-1, 2]}]
)
def test_the_gate_lets_only_places_through(odd):
    assert gate._place(odd) is None
    assert gate._place({"index": [3, 4], "value": {"path": "/etc/passwd"}, "more": 1}) == [3, 4]
