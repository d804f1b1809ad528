"""Power spectra against known answers, and blur that they must notice."""

import numpy as np
import pytest
from PIL import Image

from ganzoo.errors import GanzooError
from ganzoo.metrics.spectrum import power_spectrum, sharpness, spectral_distance


def test_a_sine_has_its_power_at_its_frequency():
    size, cycles, amplitude = 64, 12, 100
    wave = 127.5 + amplitude * np.sin(2 * np.pi * cycles * np.arange(size) / size)
    images = np.rint(np.broadcast_to(wave, (2, size, size)))[..., None].astype("uint8")
    power = power_spectrum(images)
    assert power.argmax() == cycles - 1
    # Windowed, a sine spreads to its neighbors only.
    assert power[cycles - 4 : cycles + 3].sum() > 0.999 * power.sum()


def test_white_noise_has_its_variance_at_every_frequency():
    noise = np.random.default_rng(0).integers(0, 256, (64, 32, 32, 1), "uint8")
    power = power_spectrum(noise)
    np.testing.assert_allclose(power, (256**2 - 1) / 12, rtol=0.12)


def test_enlarged_images_lack_high_frequencies():
    rng = np.random.default_rng(1)
    real = np.kron(rng.integers(0, 256, (8, 16, 16, 1)), np.ones((1, 4, 4, 1))).astype("uint8")
    small = [Image.fromarray(image[..., 0]).resize((16, 16), Image.Resampling.BOX) for image in real]
    blurred = np.stack([np.asarray(image.resize((64, 64), Image.Resampling.BICUBIC)) for image in small])[..., None]
    assert spectral_distance(real[:4], real[4:]) < 3
    assert spectral_distance(real, blurred, above=16) > 2 * spectral_distance(real[:4], real[4:], above=16)
    # A tenth of the contrast is 20 dB.
    faint = np.rint(127.5 + (real - 127.5) / 10).astype("uint8")
    assert spectral_distance(real, faint) == pytest.approx(20, abs=0.3)


def test_sharpness_is_the_share_of_high_frequencies():
    size, rng = 32, np.random.default_rng(2)
    # White noise: as many frequencies lie in a ring as it is wide, so the share is that of the rings' areas.
    noise = rng.integers(0, 256, (64, size, size, 1), "uint8")
    assert sharpness(noise) == pytest.approx(sum(range(9, 17)) / sum(range(1, 17)), abs=0.02)
    for cycles, expected in ((3, 0), (13, 1)):
        wave = 127.5 + 100 * np.sin(2 * np.pi * cycles * np.arange(size) / size)
        images = np.rint(np.broadcast_to(wave, (2, size, size)))[..., None].astype("uint8")
        assert sharpness(images) == pytest.approx(expected, abs=1e-3)
    blocks = np.kron(rng.integers(0, 256, (8, 8, 8, 1)), np.ones((1, 4, 4, 1)))
    # Half the contrast is as sharp, a mean of neighbors is not.
    assert sharpness(np.rint(blocks / 2).astype("uint8")) == pytest.approx(sharpness(blocks.astype("uint8")), rel=0.02)
    blurred = (blocks + np.roll(blocks, 1, 1) + np.roll(blocks, 1, 2) + np.roll(blocks, (1, 1), (1, 2))) / 4
    assert sharpness(blurred.astype("uint8")) < 0.5 * sharpness(blocks.astype("uint8"))
    assert sharpness(np.full((1, size, size, 1), 7, "uint8")) == 0


def test_images_of_other_shapes_are_refused():
    square = np.zeros((1, 8, 8, 1), "uint8")
    with pytest.raises(GanzooError, match="square"):
        power_spectrum(np.zeros((1, 8, 9, 1), "uint8"))
    with pytest.raises(GanzooError, match="different"):
        spectral_distance(square, np.zeros((1, 16, 16, 1), "uint8"))
