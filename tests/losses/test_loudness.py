"""The difference that ears make, against the formulas and against PESQ itself."""

import numpy as np
import pytest

from ganzoo.losses.loudness import loudness_difference

RATE = 16_000


def tone(hz, decibels, seconds=1.0):
    """A sine, so many dB louder than one of full scale's tenth."""
    time = np.arange(round(seconds * RATE)) / RATE
    return (0.1 * 10 ** (decibels / 20) * np.sin(2 * np.pi * hz * time)).astype("float32")


def difference(real, fake):
    return float(loudness_difference(real[None], fake[None], RATE))


def test_nothing_heard_is_no_difference():
    speech = np.random.default_rng(0).standard_normal(RATE).astype("float32") * 0.1
    assert difference(speech, speech) < 2e-4
    # Twice the power is 1.17 times as loud: less than the quarter that is masked.
    assert difference(speech, speech * 2**0.5) < 0.02
    # Below the threshold of hearing, and below what is heard at all.
    assert difference(speech, speech + tone(1000, -100)) < 1e-3
    assert difference(speech, speech + 0.05) < 2e-4


@pytest.mark.parametrize("rate", [8_000, 48_000, 96_000, 192_000])
def test_any_sample_rate_has_a_finite_difference(rate):
    sounds = np.random.default_rng(0).normal(0, 0.1, (2, 1, rate)).astype("float32")
    assert 0.1 < float(loudness_difference(*sounds, rate)) < 100


def test_loudness_of_a_tone_by_hand():
    """1 kHz at 79 dB against silence. By Zwicker: 0.08 (2 t)^0.23 ((1 + 10^7.9 / t)^0.23 / 2^0.23 - 1) sone per Bark,
    where t, the threshold at 1 kHz, is 10^0.336; the window spreads a tone over some more of the half Bark bands."""
    sound = tone(1000, 0)
    t = 10**0.336
    sone = 0.08 * (2 * t) ** 0.23 * (((1 + 10**7.9 / t) / 2) ** 0.23 - 1)
    found = difference(sound, 0 * sound)
    # 0.75 of it is not masked by nothing: all is heard; the root of half a Bark, and of the neighbors' loudness.
    assert sone * 0.5**0.5 < found < 2 * sone * 0.5**0.5


def test_added_sound_counts_for_more_than_what_is_missing():
    speech, noise = tone(500, 0), tone(3000, -10)
    assert difference(speech, speech + noise) > 1.05 * difference(speech + noise, speech)


def test_a_pause_is_not_made_loud():
    silence = np.zeros(RATE, "float32")
    assert difference(silence, tone(1000, -60)) < difference(silence, tone(1000, -20)) / 3


def test_the_order_of_mixtures_is_that_of_pesq(shared):
    """Noise of several colors and ratios on real speech."""
    pesq = pytest.importorskip("pesq")
    from scipy.stats import spearmanr

    from ganzoo.data.audio import read_audio
    from ganzoo.data.recordings import colored_noise, level

    folder = shared / "speech" / "librispeech" / "train"
    ours, theirs = [], []
    for place, path in enumerate(sorted(folder.glob("**/*.flac"))[:4]):
        speech = read_audio(path)[0][: 4 * RATE, 0].astype("float32")
        for i, ratio in enumerate((0, 6, 12, 18, 24)):
            noise = colored_noise(np.random.default_rng([place, i]), len(speech)).astype("float32")
            mixed = speech + noise * level(speech) / level(noise) / 10 ** (ratio / 20)
            ours.append(difference(speech, mixed))
            theirs.append(pesq.pesq(RATE, speech, mixed, "wb"))
    assert spearmanr(ours, theirs).statistic < -0.8
