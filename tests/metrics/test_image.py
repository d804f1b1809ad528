"""PSNR and SSIM by hand and beside scikit-image; the field's metrics for bicubic on Set5."""

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

import ganzoo
from ganzoo.evaluation.super_resolution import evaluate_bicubic
from ganzoo.metrics import psnr, ssim
from ganzoo.metrics.image import luma


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (40, 52, 3), dtype="uint8")
    return image, (image + rng.normal(0, 20, image.shape)).clip(0, 255).astype("uint8")


def test_luma_of_black_white_and_the_primaries():
    """ITU-R BT.601: 16 to 235; red 65.481 above 16, green 128.553, blue 24.966."""
    colors = np.array([[[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255]]], "uint8")
    np.testing.assert_allclose(luma(colors)[0, :, 0], [16, 235, 81.481, 144.553, 40.966], atol=1e-3)


def test_psnr_by_hand(pair):
    gray = np.full((20, 20, 1), 100, "uint8")
    other = gray + np.uint8(10)
    assert psnr(other, gray, "rgb") == pytest.approx(10 * np.log10(255**2 / 100))
    # Luma spans 219 of the 255 levels.
    assert psnr(other, gray) == pytest.approx(10 * np.log10(255**2 / (10 * 219 / 255) ** 2), abs=1e-3)
    assert psnr(gray, gray) == float("inf")
    assert psnr(*pair, "rgb") == pytest.approx(peak_signal_noise_ratio(*pair), abs=1e-6)
    assert psnr(*pair, "rgb", 4) == pytest.approx(peak_signal_noise_ratio(*(p[4:-4, 4:-4] for p in pair)), abs=1e-6)


@pytest.mark.parametrize("channel", ["y", "rgb"])
def test_ssim_beside_scikit_image(pair, channel):
    first, second = (luma(p) if channel == "y" else p.astype("float64") for p in pair)
    settings = dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255, channel_axis=2)
    assert ssim(*pair, channel) == pytest.approx(structural_similarity(first, second, **settings), abs=1e-6)
    assert ssim(pair[0], pair[0], channel) == pytest.approx(1)


def test_bicubic_on_set5_gives_the_published_metrics(shared, monkeypatch):
    """28.42 dB and 0.8104 are what papers report at x4 (Lim et al. 2017, table 2), 33.66 and 0.9299 at x2."""
    monkeypatch.setenv("GANZOO_WEIGHTS", str(shared / "networks"))
    x4 = evaluate_bicubic(4, f"folder:{shared}/set5")
    assert x4.metrics["psnr_y"] == pytest.approx(28.42, abs=0.03)
    assert x4.metrics["ssim_y"] == pytest.approx(0.8104, abs=0.002)
    assert x4.metrics["lpips_alex"] == pytest.approx(0.340, abs=0.002)
    assert "BT.601" in x4.protocol
    x2 = evaluate_bicubic(2, f"folder:{shared}/set5")
    assert x2.metrics["psnr_y"] == pytest.approx(33.66, abs=0.03)
    assert x2.metrics["ssim_y"] == pytest.approx(0.9299, abs=0.002)


def test_what_cannot_be_compared(pair):
    with pytest.raises(ganzoo.GanzooError, match="cannot be compared"):
        psnr(pair[0], pair[0][:-1])
    with pytest.raises(ganzoo.GanzooError, match="uint8"):
        ssim(pair[0] / 255.0, pair[0] / 255.0)
    with pytest.raises(ganzoo.GanzooError, match="too small"):
        ssim(pair[0][:10], pair[0][:10])
    with pytest.raises(ganzoo.GanzooError, match="'y' or 'rgb'"):
        psnr(*pair, "lab")
