"""Measures of speech, against numbers by hand and of other programs."""

import numpy as np
import pytest
from scipy.signal import lfilter

from ganzoo import GanzooError
from ganzoo.metrics import speech


@pytest.fixture(scope="module")
def pair():
    """A second of colored noise, and the same with white noise."""
    rng = np.random.default_rng(0)
    clean = lfilter([1], [1, -0.9], rng.standard_normal(16000)) * 0.05
    return clean, clean + 0.03 * rng.standard_normal(16000)


def test_si_sdr_by_hand(pair):
    """An error at right angles to the speech, of a tenth of its amplitude, is 20 dB; loudness makes no difference."""
    clean = np.tile([1.0, 1.0, -1.0, -1.0], 100)
    error = np.tile([1.0, -1.0, -1.0, 1.0], 100)
    assert speech.si_sdr(clean, 3 * (clean + 0.1 * error)) == pytest.approx(20.0)
    assert speech.si_sdr(clean, clean * 0.5) > 300
    assert speech.si_sdr(clean, 0 * clean) == float("-inf")
    with pytest.raises(GanzooError, match="silence"):
        speech.si_sdr(0 * clean, clean)


def test_segmental_snr_by_hand():
    """Half the amplitude is an error of half, 6.02 dB in every frame; limits are -10 and 35."""
    clean = np.random.default_rng(0).standard_normal(8000)
    assert speech.segmental_snr(clean, 0.5 * clean) == pytest.approx(20 * np.log10(2), abs=1e-6)
    assert speech.segmental_snr(clean, clean) == pytest.approx(35)
    assert speech.segmental_snr(clean, 100 * clean) == pytest.approx(-10)


def test_envelopes_and_slopes_beside_another_program(pair):
    """pysepm-evo 0.1.1, after Loizou's programs, gives 0.07219, 2.5050 and 11.690 for this pair; it counts one frame
    less."""
    assert speech.log_likelihood_ratio(*pair) == pytest.approx(0.07219, rel=2e-3)
    assert speech.weighted_spectral_slope(*pair) == pytest.approx(2.5050, rel=2e-3)
    assert speech.segmental_snr(*pair) == pytest.approx(11.690, rel=2e-3)
    for measure in (speech.log_likelihood_ratio, speech.weighted_spectral_slope):
        assert measure(pair[0], pair[0]) == pytest.approx(0, abs=1e-9)


def test_real_speech_beside_another_program(shared):
    """The same of recorded speech: 0.87354, 48.2248, 1.9587 and 1.2383, 65.7133, -4.2659 for two pairs."""
    soundfile = pytest.importorskip("soundfile")
    folder = shared / "speech" / "voicebank_demand"
    for name, ratio, slope, snr in (("p287_001", 0.87354, 48.2248, 1.9587), ("p287_004", 1.23834, 65.7133, -4.2659)):
        clean, noisy = (soundfile.read(folder / part / f"{name}.flac")[0] for part in ("clean", "noisy"))
        assert speech.log_likelihood_ratio(clean, noisy) == pytest.approx(ratio, rel=2e-3)
        assert speech.weighted_spectral_slope(clean, noisy) == pytest.approx(slope, rel=2e-3)
        assert speech.segmental_snr(clean, noisy) == pytest.approx(snr, abs=0.05)


def test_composite_by_hand(shared):
    """The regressions of Hu & Loizou 2008 on the measures of one pair, written out."""
    pytest.importorskip("pesq")
    soundfile = pytest.importorskip("soundfile")
    folder = shared / "speech" / "voicebank_demand"
    clean, noisy = (soundfile.read(folder / part / "p287_001.flac")[0] for part in ("clean", "noisy"))
    found = speech.composite(clean, noisy)
    quality, ratio, slope, snr = speech.pesq(clean, noisy), 0.87354, 48.2248, 1.9587
    assert found["csig"] == pytest.approx(3.093 - 1.029 * ratio + 0.603 * quality - 0.009 * slope, abs=5e-3)
    assert found["cbak"] == pytest.approx(1.634 + 0.478 * quality - 0.007 * slope + 0.063 * snr, abs=5e-3)
    assert found["covl"] == pytest.approx(1.594 + 0.805 * quality - 0.512 * ratio - 0.007 * slope, abs=5e-3)
    assert speech.composite(clean, clean)["covl"] == pytest.approx(5.0, abs=0.4)
    assert 0.5 < speech.stoi(clean, noisy) < 1


def test_what_cannot_be_compared(pair):
    clean, noisy = pair
    with pytest.raises(GanzooError, match="of one length"):
        speech.si_sdr(clean, noisy[:-1])
    with pytest.raises(GanzooError, match="not finite numbers"):
        speech.si_sdr(clean, np.where(np.arange(16000) == 5, np.nan, noisy))
    with pytest.raises(GanzooError, match="shorter than a frame"):
        speech.segmental_snr(clean[:100], noisy[:100])
    pytest.importorskip("pesq")
    with pytest.raises(GanzooError, match="8000 and 16000 Hz"):
        speech.pesq(clean, noisy, 44100)
    with pytest.raises(GanzooError, match="PESQ"):
        speech.pesq(0 * clean, noisy)


def test_silence_is_said_to_be_the_fault_of_the_model_where_it_is(tmp_path):
    pytest.importorskip("pesq")
    soundfile = pytest.importorskip("soundfile")
    from ganzoo.evaluation.speech_enhancement import evaluate_function

    sound = np.random.default_rng(0).normal(0, 0.1, 16_000)
    for folder in ("clean", "noisy"):
        (tmp_path / folder).mkdir()
        soundfile.write(tmp_path / folder / "a.wav", sound, 16_000)
    with pytest.raises(GanzooError, match="a: PESQ is not defined for silence; the enhanced signal is silent"):
        evaluate_function(np.zeros_like, 16_000, f"folder:{tmp_path}", ["pesq"])
