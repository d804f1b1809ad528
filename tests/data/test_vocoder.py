"""Pitch, mel-cepstra and aperiodicity of speech, and speech from them."""

import numpy as np
import pytest

from ganzoo.data.vocoder import (
    PitchStatistics,
    analyze,
    features_of,
    frame_count,
    pitch_statistics,
    synthesize,
    with_features,
)
from ganzoo.data.vowels import vowels
from ganzoo.errors import GanzooError
from ganzoo.metrics.cepstra import distortion

soundfile = pytest.importorskip("soundfile")
pytest.importorskip("pyworld")


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
def test_analysis_and_synthesis_keep_the_sound(rate):
    sound = vowels(rate)
    analysis = analyze(sound, rate)
    assert len(analysis.pitch) == len(analysis.cepstra) == len(analysis.aperiodicity) == frame_count(len(sound), rate)
    again = synthesize(analysis)
    assert again.shape == sound.shape
    second = analyze(again, rate)
    voiced = (analysis.pitch > 0) & (second.pitch > 0)
    # The vowels are 70% of the sound; their pitch falls from 120 to 105 Hz.
    assert 0.55 < voiced.mean() < 0.8
    # But for the first and last frames of a vowel.
    assert np.quantile(np.abs(second.pitch[voiced] / analysis.pitch[voiced] - 1), 0.95) < 0.03
    # Each frame is far closer to itself than vowels are to each other.
    first, second = (one.cepstra[voiced][:, 1:] for one in (analysis, second))
    assert distortion(second, first) < 0.4 * distortion(second, np.random.default_rng(0).permutation(first))
    assert again.std() == pytest.approx(sound.std(), rel=0.1)
    # No random numbers, and nothing from outside of arrays.
    np.testing.assert_array_equal(synthesize(analyze(sound, rate)), again)


@pytest.mark.parametrize("pitch", [95, 150, 240])
def test_pitch_of_a_tone(pitch, tone):
    found = analyze(tone(pitch), 8_000).pitch
    assert (found > 0).mean() > 0.9
    assert np.median(found[found > 0]) == pytest.approx(pitch, rel=0.01)


@pytest.mark.parametrize("rate", [8_000, 16_000])
@pytest.mark.parametrize("samples", [1, 7, 799, 8_000])
def test_any_length_and_silence(rate, samples):
    for sound in (np.zeros(samples, "float32"), np.full(samples, 0.5, "float32")):
        analysis = analyze(sound, rate)
        assert np.isfinite(analysis.cepstra).all()
        assert not analysis.pitch.any()
        assert np.abs(synthesize(analysis)).max() < 1e-3


def test_features_and_back():
    analysis = analyze(vowels(8_000), 8_000)
    features = features_of(analysis)
    assert features.shape == (len(analysis.pitch), 26)
    assert ((features[:, 0] > 0) == (analysis.pitch > 0)).all()
    back = with_features(analysis, features)
    np.testing.assert_allclose(back.pitch, analysis.pitch, rtol=1e-5)
    np.testing.assert_array_equal(back.cepstra, analysis.cepstra)


def test_pitch_statistics():
    found = pitch_statistics([np.exp([4.0, 6.0]), np.array([0.0, np.exp(5.0)])])
    assert found == PitchStatistics(pytest.approx(5.0), pytest.approx(np.sqrt(2 / 3)))
    with pytest.raises(GanzooError, match="no frame of these recordings is voiced"):
        pitch_statistics([np.zeros(5)])


@pytest.mark.parametrize(
    ("audio", "rate", "options", "words"),
    [
        (np.zeros((5, 2), "float32"), 8_000, {}, "takes audio float"),
        (np.zeros(0, "float32"), 8_000, {}, "takes audio float"),
        (np.zeros(5, "int16"), 8_000, {}, "takes audio float"),
        (np.array([0, np.nan]), 8_000, {}, "not finite"),
        (np.zeros(5), 7_999, {}, "at least 8000 Hz"),
        (np.zeros(5), 8_000, {"coefficients": 256}, "fewer than 256"),
        (np.zeros(5), 8_000, {"coefficients": 0}, "at least 1"),
    ],
)
def test_what_cannot_be_analyzed(audio, rate, options, words):
    with pytest.raises(GanzooError, match=words):
        analyze(audio, rate, **options)


def test_another_spectrum_keeps_the_power_of_each_frame():
    rate = 16_000
    analysis = analyze(vowels(rate), rate)
    features = features_of(analysis)
    # A spectrum that is tilted and has other formants.
    features[:, 2:] = features[:, 2:][:, ::-1] * 0.3
    features[:, 2] += 2.0
    changed = synthesize(with_features(analysis, features))
    original = synthesize(analysis)
    size = rate // 10
    levels = [
        10 * np.log10([np.mean(sound[i : i + size] ** 2) for i in range(size, len(sound) - size, size)])
        for sound in (original, changed)
    ]
    differences = np.abs(levels[0] - levels[1])[levels[0] > -28]
    assert np.median(differences) < 1
    assert differences.max() < 3
