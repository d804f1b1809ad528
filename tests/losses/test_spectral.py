import numpy as np
import pytest

from ganzoo.losses.spectral import RESOLUTIONS, magnitude, multi_resolution_stft


@pytest.fixture(scope="module")
def sounds():
    rng = np.random.default_rng(0)
    real = 0.1 * rng.standard_normal((3, 4000)).astype("float32")
    return real, (real + 0.05 * rng.standard_normal(real.shape)).astype("float32")


def test_the_loss_beside_pytorch(sounds):
    """torch.stft and equations 4 to 6 written out."""
    torch = pytest.importorskip("torch")
    real, fake = map(torch.from_numpy, sounds)
    total = 0.0
    for length, window, hop in RESOLUTIONS:
        ours, theirs = (
            torch.stft(x, length, hop, window, torch.hann_window(window), return_complex=True).abs().clamp(min=1e-4)
            for x in (fake, real)
        )
        convergence = torch.linalg.norm(theirs - ours) / torch.linalg.norm(theirs)
        total += float(convergence + (theirs.log() - ours.log()).abs().mean())
    assert float(multi_resolution_stft(*sounds)) == pytest.approx(total / 3, rel=1e-4)
    assert float(multi_resolution_stft(sounds[0], sounds[0])) < 1e-6


def test_a_sine_is_one_line():
    """A sine of amplitude 1 in bin 32: half the window's sum there, nothing far from it."""
    time = np.arange(2048, dtype="float32")
    found = np.asarray(magnitude(np.sin(2 * np.pi * time * 32 / 512)[None], 512, 512, 128))[0, 8]
    assert found.argmax() == 32
    assert found[32] == pytest.approx(128, rel=1e-2)
    assert found[60:].max() < 0.1
