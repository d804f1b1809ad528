"""Recordings of all kinds of files, through soundfile and, where its operations load, through tensorflow-io."""

import numpy as np
import pytest
from scipy.signal import firwin, lfilter

import ganzoo
from ganzoo.data import audio

soundfile = pytest.importorskip("soundfile")
pytest.importorskip("soxr")
KINDS = [
    ("wav", "PCM_16"),
    ("wav", "PCM_24"),
    ("wav", "FLOAT"),
    ("wav", "PCM_U8"),
    ("flac", "PCM_16"),
    ("flac", "PCM_24"),
]
KINDS += [("ogg", "VORBIS"), ("mp3", "MPEG_LAYER_III")]


def tone(rate, seconds=1.0, hertz=440.0):
    return 0.3 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)


@pytest.fixture
def files(tmp_path):
    """The same tone in many formats, rates and numbers of channels."""
    paths = []
    for i, (suffix, depth) in enumerate(KINDS):
        for rate, channels in ((16000, 1), (44100, 2), (8000, 1)):
            path = tmp_path / f"{i}-{rate}.{suffix}"
            soundfile.write(path, np.repeat(tone(rate)[:, None], channels, axis=1), rate, subtype=depth)
            paths.append(path)
    return paths


def test_every_format_rate_and_channel_count_is_the_same_tone(files):
    found, broken = audio.read_all(files, 16000)
    assert not broken
    for path, samples in zip(files, found):
        assert abs(len(samples) - 16000) <= 1600, path.name  # mp3 and its padding
        spectrum = np.abs(np.fft.rfft(samples[2000:10000] * np.hanning(8000)))
        assert spectrum.argmax() == 220, path.name
        assert np.sqrt(np.mean(samples[2000:10000] ** 2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.03), path.name
        if path.suffix != ".mp3":
            np.testing.assert_allclose(samples[2000:10000], tone(16000)[2000:10000], atol=0.02, err_msg=path.name)


def test_both_paths_give_the_same_samples(files, shared):
    """The bound of the module's first lines: -60 dB below 80 % of the lower Nyquist frequency."""
    if audio.tensorflow_io() is None:
        pytest.skip("tensorflow-io's native operations do not load beside this TensorFlow")
    paths = [*files, *audio.audio_files(shared / "noise" / "blanket"), *audio.audio_files(shared / "speech")[:8]]
    native = audio._read_natively(paths, 16000)
    assert {path.suffix for path in native} == {".wav", ".flac", ".ogg", ".mp3"}
    other, broken = audio.read_all(native, 16000, native=False)
    assert not broken
    for (path, ours), theirs in zip(native.items(), other):
        assert abs(len(ours) - len(theirs)) <= 1, path
        length = min(len(ours), len(theirs))
        lowest = min(16000, soundfile.info(str(path)).samplerate)
        low = firwin(401, 0.4 * lowest, fs=16000)
        # The middle: a recording that ends at full loudness leaves each resampler with its own guess of what follows.
        ours, theirs = (lfilter(low, [1.0], sound[:length])[800:-800] for sound in (ours, theirs))
        assert np.sum((ours - theirs) ** 2) < 1e-6 * np.sum(theirs**2), path


def test_broken_files_are_named_and_left_out(tmp_path):
    good = tmp_path / "good.wav"
    soundfile.write(good, tone(16000), 16000)
    (tmp_path / "text.wav").write_text("no sound")
    (tmp_path / "cut.flac").write_bytes(b"fLaC" + bytes(40))
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 16000)
    soundfile.write(tmp_path / "nan.wav", np.full(100, np.nan), 16000, subtype="FLOAT")
    soundfile.write(tmp_path / "odd.wav", tone(16000), 500_000)
    soundfile.write(tmp_path / "one.wav", np.zeros(1), 48000)
    paths = audio.audio_files(tmp_path)
    found, broken = audio.read_all(paths, 16000)
    assert {path.name for path in broken} == {"text.wav", "cut.flac", "empty.wav", "nan.wav", "odd.wav", "one.wav"}
    assert [samples is not None for samples in found] == [path == good for path in paths]
    with pytest.raises(ganzoo.GanzooError, match="no such recording"):
        audio.read_audio(tmp_path / "none.wav")
    with pytest.raises(ganzoo.GanzooError, match="no such folder"):
        audio.audio_files(tmp_path / "none")
