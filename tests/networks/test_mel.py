"""Mel spectrograms."""

import numpy as np

from ganzoo.networks.mel import log_mel


def test_log_mel_is_that_of_an_fft():
    sound = np.random.default_rng(0).normal(0, 0.1, (1, 640)).astype("float32")
    found = np.asarray(log_mel(sound, 8_000, bands=10, hop=64))[0]
    assert found.shape == (11, 10)
    window = np.hanning(257)[:-1]
    frame = np.pad(sound[0], 128)[5 * 64 : 5 * 64 + 256] * window / (window.sum() / 2)
    power = np.abs(np.fft.rfft(frame)) ** 2
    mels = np.linspace(0, 2595 * np.log10(1 + 4000 / 700), 12)
    edges, frequencies = 700 * (10 ** (mels / 2595) - 1), np.arange(129) * 8_000 / 256
    expected = [np.interp(frequencies, edges[i : i + 3], [0, 1, 0]) @ power for i in range(10)]
    np.testing.assert_allclose(found[5], 1 - np.log(expected) / np.log(1e-8), atol=1e-4)
    assert np.abs(np.asarray(log_mel(np.zeros((1, 64), "float32"), 8_000, 10, 64))).max() < 1e-6
