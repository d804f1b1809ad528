import numpy as np
import pytest

from ganzoo import metrics
from ganzoo.errors import GanzooError
from ganzoo.metrics.registry import chosen_metrics, compute
from ganzoo.metrics.smoothness import Restoration


def test_global_variance_of_known_trajectories():
    frames = np.arange(200)
    # Alternates between 2 and 4; a ramp from 0 to 1; a constant.
    cepstra = np.stack([3.0 + (-1.0) ** frames, frames / 199, np.ones(200)], axis=1)
    # The variance of n evenly spaced values in [0, 1] is (n + 1) / (12 (n - 1)).
    np.testing.assert_allclose(metrics.global_variance(cepstra), [1.0, 201 / (12 * 199), 0.0], atol=1e-12)


def test_modulation_spectrum_of_a_sine_has_a_quarter_of_its_squared_amplitude_at_its_frequency():
    frames = np.arange(64 * 20)
    # 9.375 Hz at 200 frames a second is 3/64 of the frame rate.
    trajectory = 5.0 + 2.0 * np.sin(2 * np.pi * 9.375 * frames / 200)
    spectrum = metrics.modulation_spectrum(trajectory[:, None])
    assert spectrum.shape == (32, 1)
    assert spectrum[2, 0] == pytest.approx(2.0**2 / 4)
    # A Hann window spreads a sine over its two neighbors, at half the amplitude, and nowhere else.
    np.testing.assert_allclose(spectrum[[1, 3], 0], 2.0**2 / 16)
    np.testing.assert_allclose(spectrum[4:], 0, atol=1e-20)


def test_distances_are_level_differences():
    natural = np.random.default_rng(0).normal(size=(400, 20))
    for factor in (0.5, 2.0):
        other = natural * factor
        assert metrics.variance_distance(natural, other) == pytest.approx(20 * np.log10(2))
        assert metrics.modulation_distance(natural, other) == pytest.approx(20 * np.log10(2))
    # The level, coefficient 0, and a constant added to any coefficient, do not count.
    other = natural + np.arange(20)
    assert metrics.variance_distance(natural, other) == pytest.approx(0, abs=1e-9)
    assert metrics.modulation_distance(natural, other) == pytest.approx(0, abs=1e-9)
    other = natural.copy()
    other[:, 0] *= 3
    assert metrics.variance_distance(natural, other) == metrics.mel_cepstral_distortion(natural, other) == 0


def test_distortion_is_the_level_difference_of_the_spectra():
    # WORLD's mel-cepstra and this metric: the distortion is the root mean square level difference on the mel scale.
    library = pytest.importorskip("pyworld")
    frequency = np.arange(513) * 16_000 / 1024
    place = np.clip(np.log((1 + frequency / 700) / (1 + 40 / 700)) / np.log((1 + 8000 / 700) / (1 + 40 / 700)), 0, 1)
    decibels = 6 * np.cos(3 * np.pi * place)
    flat, shaped = (np.tile(10 ** (levels / 10), (4, 1)) for levels in (0 * decibels, decibels))
    cepstra = [library.code_spectral_envelope(spectrum, 16_000, 24) for spectrum in (flat, shaped)]
    assert metrics.mel_cepstral_distortion(*cepstra) == pytest.approx(6 / np.sqrt(2), rel=0.01)


def test_pauses_do_not_count():
    natural = np.random.default_rng(1).normal(size=(300, 8))
    natural[:, 0] = 0.0
    # 50 dB below the loudest, in the units of logarithms of powers.
    natural[100:200, 0] = -50 * np.log(10) / 10
    other = natural.copy()
    other[100:200, 1:] += 100.0
    assert metrics.mel_cepstral_distortion(natural, other) == 0
    assert metrics.variance_distance(natural, other) == 0
    natural[100:200, 0] = other[100:200, 0] = -30 * np.log(10) / 10
    assert metrics.mel_cepstral_distortion(natural, other) > 100


@pytest.mark.parametrize(
    ("natural", "other", "message"),
    [
        (np.zeros((90, 4)), np.zeros((90, 5)), "of one shape"),
        (np.zeros((0, 4)), np.zeros((0, 4)), "of one shape"),
        (np.zeros((90, 4)), np.full((90, 4), np.nan), "not finite"),
        (np.zeros((63, 4)), np.zeros((63, 4)), "at least 64 frames"),
    ],
)
def test_unusable_mel_cepstra_are_refused(natural, other, message):
    with pytest.raises(GanzooError, match=message):
        metrics.modulation_distance(natural, other)


def test_metrics_of_sound_compare_the_recording_with_the_synthesis():
    pytest.importorskip("pesq")
    from ganzoo.data.vowels import vowels

    sound = vowels(16_000)
    same = Restoration(np.zeros((90, 4)), np.zeros((90, 4)), sound, lambda: sound)
    found = compute(chosen_metrics("speech_restoration", ["pesq", "variance_distance"], 16_000), same)
    assert found["pesq"] == pytest.approx(4.64, abs=0.01)
    assert found["variance_distance"] == 0
