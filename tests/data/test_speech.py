"""Noisy and clean speech: the parts of a mixture, and what is held out of training."""

import numpy as np
import pytest

import ganzoo
from ganzoo.data import recordings
from ganzoo.data.recording_files import EndsEarly
from ganzoo.data.speech import speaker_of, speech

soundfile = pytest.importorskip("soundfile")
pytest.importorskip("soxr")


@pytest.fixture
def voices(tmp_path):
    """Ten speakers with two utterances of a second each, a tone of their own; two noises, of 16 and 44.1 kHz."""
    rng = np.random.default_rng(0)
    (tmp_path / "speech").mkdir()
    (tmp_path / "noise").mkdir()
    for speaker in range(10):
        for utterance in range(2):
            time = np.arange(16000) / 16000
            sound = 0.1 * np.sin(2 * np.pi * (200 + 100 * speaker) * time)
            soundfile.write(tmp_path / "speech" / f"{speaker}-{utterance}.flac", sound, 16000)
    soundfile.write(tmp_path / "noise" / "a.wav", 0.1 * rng.standard_normal(8000), 16000)
    soundfile.write(tmp_path / "noise" / "b.wav", 0.1 * rng.standard_normal((88200, 2)), 44100)
    return tmp_path


def sources(folder):
    return dict(source=f"folder:{folder}/speech", noise=f"folder:{folder}/noise")


def test_a_mixture_has_the_asked_ratio_and_loudness(voices):
    options = dict(window=16000, batch_size=4, augment=False, **sources(voices))
    for snr, loudness in ((0, -30), (12, -20)):
        noisy, clean = speech.feed(snr=(snr, snr), loudness=(loudness, loudness), **options).make_batch(0, np.arange(4))
        assert noisy.shape == clean.shape == (4, 16000, 1)
        assert noisy.dtype == clean.dtype == np.float32
        powers = np.mean(clean**2, axis=1)[:, 0], np.mean((noisy - clean) ** 2, axis=1)[:, 0]
        np.testing.assert_allclose(10 * np.log10(powers[0] / powers[1]), snr, atol=0.2)
        np.testing.assert_allclose(10 * np.log10(powers[0]), loudness, atol=0.2)


def test_filters_and_rooms_leave_the_ratio_as_asked(voices):
    """Over steady tones, where a window is as loud as its utterance."""
    for more in (dict(), dict(reverberation=1.0)):
        found = speech.feed(window=16000, batch_size=8, snr=(6, 6), loudness=(-24, -24), **more, **sources(voices))
        noisy, _ = found.make_batch(0, np.arange(8))
        heard = 10 * np.log10(np.mean(noisy**2, axis=1)[:, 0])
        # Speech of -24 dB and noise of -30 together; what is in phase by chance is little.
        np.testing.assert_allclose(heard, 10 * np.log10(10**-2.4 + 10**-3.0), atol=1.0)


def test_who_is_who():
    names = [
        "p287_001.wav",
        "a/p287_002.wav",
        "26/50026/26-50026-0001.flac",
        "26/1/26-1-7.flac",
        "bob/0.wav",
        "bob/1.wav",
    ]
    assert [speaker_of(name) for name in names] == ["p287", "p287", "26", "26", "bob", "bob"]


def test_takes_of_one_noise_stay_together(voices):
    for i in range(8):
        for take in "AB":
            samples = np.sin(np.arange(8000) * (0.1 + 0.2 * i))
            soundfile.write(voices / "noise" / f"1-{i}-{take}.wav", samples, 16000)
    found = speech.feed(window=4000, batch_size=4, held_out=0.3, augment=False, snr=(-60, -60), **sources(voices))
    held_out = {
        round(np.abs(np.fft.rfft(noisy[:8000])).argmax() / 8000 * 2 * np.pi, 1) for noisy, _ in found.validation
    }
    heard = set()
    for step in range(30):
        for noisy in found.make_batch(step, np.arange(4))[0]:
            spectrum = np.abs(np.fft.rfft(noisy[:, 0]))
            if spectrum.max() > 20 * np.median(spectrum):
                heard |= {
                    round(place / 4000 * 2 * np.pi, 1) for place in np.flatnonzero(spectrum > 0.3 * spectrum.max())
                }
    assert held_out
    assert len(heard) >= 4
    assert not {tone for tone in held_out if round(tone * 10) % 2 == 1} & heard


def test_the_same_seed_the_same_batches_other_steps_others(voices):
    options = dict(window=4096, batch_size=4, **sources(voices))
    first, again, other = (list(speech.feed(seed=seed, **options).dataset()) for seed in (0, 0, 1))
    for ours, theirs in zip(first, again):
        np.testing.assert_array_equal(ours[0], theirs[0])
    assert not np.array_equal(first[0][0], other[0][0])
    assert not np.array_equal(first[0][0], first[1][0])
    assert np.abs(np.concatenate([batch[0] for batch in first])).max() <= 1


def test_held_out_speakers_are_never_heard_in_training(voices):
    found = speech.feed(window=8000, batch_size=2, augment=False, held_out=0.2, babble=0.5, **sources(voices))
    # Two of ten speakers, evenly spaced, with both utterances.
    assert len(found.validation) == 4
    held_out = {int(np.abs(np.fft.rfft(clean)).argmax()) for _, clean in found.validation}
    assert held_out == {400, 900}
    heard = set()
    for step in range(20):
        for noisy in found.make_batch(step, np.arange(2 * step, 2 * step + 2) % found.count)[0]:
            spectrum = np.abs(np.fft.rfft(noisy[:, 0]))
            heard |= {200 + 100 * i for i in range(10) if spectrum[(200 + 100 * i) // 2] > 0.05 * spectrum.max()}
    assert {300, 1000} <= heard
    assert not held_out & heard
    assert len(speech.feed(held_out=0, window=8000, batch_size=2, **sources(voices)).validation) == 0


def test_pairs_stay_together(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(4):
        clean = 0.1 * rng.standard_normal(9000)
        for part, sound in (("clean", clean), ("noisy", clean + 0.05)):
            (tmp_path / part).mkdir(exist_ok=True)
            soundfile.write(tmp_path / part / f"p{i}.wav", sound, 16000, subtype="FLOAT")
    soundfile.write(tmp_path / "noisy" / "alone.wav", clean, 16000)
    with pytest.warns(UserWarning, match="1 files without a match"):
        found = speech.feed(f"folder:{tmp_path}", window=4096, batch_size=3, loudness=(-20, -20))
    noisy, clean = found.make_batch(0, np.arange(3))
    np.testing.assert_allclose(noisy - clean, 0.05, atol=1e-3)
    assert len(found.validation) == 1
    with pytest.raises(ganzoo.GanzooError, match="already holds noisy speech"):
        speech.feed(f"folder:{tmp_path}", noise="generated")


def test_a_room_keeps_the_speaker_where_he_was():
    rng = np.random.default_rng(0)
    response, early = recordings.room(rng, 16000)
    sound = rng.standard_normal(16000)
    assert response[0] == 1
    assert len(early) == 800
    there = recordings.in_room(response, sound)
    assert np.correlate(there, sound, "full").argmax() == 15999
    # 60 dB in the time it takes: what is left in its last tenth is nearly nothing.
    assert np.abs(response[-len(response) // 10 :]).max() < 0.01 * np.abs(response[1:]).max()


def test_speech_without_files_and_what_is_wrong_with_it(voices):
    noisy, clean = speech.feed(f"folder:{voices}/speech", noise="generated", window=4096, batch_size=2).make_batch(
        0, [0, 1]
    )
    assert np.abs(noisy - clean).max() > 1e-3
    for options, words in (
        (dict(source=f"folder:{voices}/speech"), "give noise"),
        (dict(source=f"folder:{voices}/none", noise="generated"), "no such folder"),
        (dict(source="flder:x"), "unknown source of recordings"),
        (dict(source=f"folder:{voices}/speech", noise="generated", snr=(5, 0)), r"snr is \(lowest, highest\)"),
    ):
        with pytest.raises(ganzoo.GanzooError, match=words):
            speech.feed(**options)


def test_recordings_that_end_early_are_used_as_far_as_they_go(voices):
    folder = voices / "speech"
    soundfile.write(folder / "11-0.wav", 0.1 * np.sin(np.arange(16000)), 16000)
    content = (folder / "11-0.wav").read_bytes()
    (folder / "11-0.wav").write_bytes(content[: 44 + 2 * 6000])
    with pytest.warns(EndsEarly, match=r"1 of 21 recordings end early; first: .*11-0.wav.* 1.00 s, 0.38 s can"):
        found = recordings.open_recordings(f"folder:{folder}", 16000)
    lengths = dict(zip(found.names, map(len, found.samples)))
    assert lengths.pop("11-0.wav") == 6000
    assert set(lengths.values()) == {16000}
    with pytest.raises(ganzoo.GanzooError, match=r"11-0\.wav ends early"):
        recordings.open_recordings(f"folder:{folder}", 16000, strict=True)


def test_pairs_of_which_no_two_files_can_be_read_are_refused(tmp_path):
    for part, good, broken in (("clean", "a", "b"), ("noisy", "b", "a")):
        (tmp_path / part).mkdir()
        soundfile.write(tmp_path / part / f"{good}.wav", np.zeros(1000), 16000)
        (tmp_path / part / f"{broken}.wav").write_bytes(b"nothing")
    with (
        pytest.warns(UserWarning, match="cannot"),
        pytest.raises(ganzoo.GanzooError, match=r"can both files be read; first: .*\.wav"),
    ):
        recordings.open_recordings(f"folder:{tmp_path}", 16000)


def test_two_recordings_of_one_name_are_no_pair(tmp_path):
    for part in ("clean", "noisy"):
        (tmp_path / part).mkdir()
        soundfile.write(tmp_path / part / "a.wav", np.zeros(1000), 16000)
    soundfile.write(tmp_path / "noisy" / "a.flac", np.zeros(1000), 16000)
    with pytest.raises(ganzoo.GanzooError, match=r"noisy holds a\.flac and a\.wav: remove one"):
        recordings.open_recordings(f"folder:{tmp_path}", 16000)


def test_a_set_of_tensorflow_datasets(tmp_path, monkeypatch):
    tfds = pytest.importorskip("tensorflow_datasets")

    class Sounds(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            features = tfds.features.FeaturesDict({"speech": tfds.features.Audio(sample_rate=8000)})
            return self.dataset_info_from_configs(features=features)

        def _split_generators(self, _):
            return {"train": self._generate_examples()}

        def _generate_examples(self):
            for i in range(3):
                yield i, {"speech": (3000 * np.sin(np.arange(8000) * 0.3 * (i + 1))).astype("int64")}

    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    Sounds(data_dir=str(tmp_path)).download_and_prepare()
    found = recordings.open_recordings("tfds:sounds", 16000)
    assert [len(samples) for samples in found.samples] == [16000] * 3
    assert np.abs(found.samples[0]).max() == pytest.approx(3000 / 32768, rel=0.02)
