"""The functions of the pages with audio: speech enhancement, spoken digits, voices."""

import numpy as np
import pytest

import ganzoo
from ganzoo.inference.recordings import enhance_file
from ganzoo.registry import model_class

gradio = pytest.importorskip("gradio")

from ganzoo.demos import common, cyclegan_vc, postfilter, segan, wavenet  # noqa: E402


def silent_residual():
    """A small untrained network that finds no noise, so that speech comes back as it was."""
    model = ganzoo.create("segan", **{**model_class("segan").test_config, "output": "residual"})
    kernel = model.ema_generator.get_layer("sound").kernel
    kernel.assign(0 * kernel)
    return model


def test_speech_comes_back_without_noise(tmp_path, monkeypatch, message):
    """Of an untrained network that gives back what it got: what is heard before and after, and both files."""
    sound = 0.2 * np.sin(np.arange(22050) * 0.1).astype("float32")
    soundfile = pytest.importorskip("soundfile")
    soundfile.write(tmp_path / "mine.wav", sound, 22050)
    model = silent_residual()
    monkeypatch.setattr(segan, "loaded", lambda preset: model)
    before, after, *images, file = segan.enhance("segan.speech", str(tmp_path / "mine.wav"), "none", 5)
    for path in (before, after, file):
        heard, rate = soundfile.read(path)
        assert rate == 22050
        np.testing.assert_allclose(heard[1000:-1000], sound[1000:-1000], atol=0.01)
    assert [image.shape[2] for image in images] == [3, 3]
    before, *_ = segan.enhance("segan.speech", str(tmp_path / "mine.wav"), "white", 0)
    heard = soundfile.read(before)[0]
    ratio = np.sum(sound**2) / np.sum((heard - sound * (heard @ sound) / (sound @ sound)) ** 2)
    assert abs(10 * np.log10(ratio)) < 1.5
    soundfile.write(tmp_path / "long.wav", np.zeros(61 * 8000), 8000)
    (tmp_path / "text.wav").write_text("no sound")
    # The header of a minute in eight channels, without the sound: limits are looked at before anything is decoded.
    soundfile.write(tmp_path / "many.flac", np.zeros((60 * 48000, 8), "int16"), 48000)
    (tmp_path / "many.flac").write_bytes((tmp_path / "many.flac").read_bytes()[:200])
    soundfile.write(tmp_path / "nan.wav", np.full(8000, np.nan), 8000, subtype="FLOAT")
    for path, noise, words in (
        (None, "none", "record or upload"),
        (tmp_path / "long.wav", "none", "61 seconds are more"),
        (tmp_path / "text.wav", "none", "cannot be read"),
        (tmp_path / "mine.wav", "loud", "noise must be one of"),
        (tmp_path / "mine.wav", ["pink"], "noise must be one of"),
        (tmp_path / "many.flac", "none", "60 seconds of 8 channels at 48000 Hz are more"),
        (tmp_path / "nan.wav", "pink", "not finite"),
    ):
        assert words in message(segan.enhance, "segan.speech", path and str(path), noise, 5)
    assert "ratio is empty: it must be a number" in message(
        segan.enhance, "segan.speech", str(tmp_path / "mine.wav"), "pink", None
    )


def test_loud_recordings_come_back_as_from_the_command_line(tmp_path, monkeypatch):
    """Samples above 1 stay in the download; both players get them scaled by one factor, so that none is clipped."""
    soundfile = pytest.importorskip("soundfile")
    model = silent_residual()
    monkeypatch.setattr(segan, "loaded", lambda preset: model)
    sound = 1.6 * np.sin(np.arange(16000) * 0.1).astype("float32")
    soundfile.write(tmp_path / "loud.wav", sound, 16000, subtype="FLOAT")
    before, after, *_, file = segan.enhance("segan.speech", str(tmp_path / "loud.wav"), "none", 5)
    enhance_file(model, tmp_path / "loud.wav", tmp_path / "expected.wav", progress=False)
    expected, found = soundfile.read(tmp_path / "expected.wav")[0], soundfile.read(file)[0]
    assert np.abs(expected).max() > 1.5
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert soundfile.info(file).subtype == soundfile.info(tmp_path / "expected.wav").subtype == "FLOAT"
    for path in (before, after):
        heard = soundfile.read(path)[0]
        np.testing.assert_allclose(heard[1000:-1000] * np.abs(sound).max(), sound[1000:-1000], atol=0.02)


def test_the_page_of_speech_says_digits_one_after_another(monkeypatch, message):
    soundfile = pytest.importorskip("soundfile")
    names = {"digit": [*"0123456789"], "speaker": ["ana", "ben"]}
    model = ganzoo.create("wavenet", stacks=1, layers_per_stack=3, channels=4, hidden=8, label_names=names)
    monkeypatch.setattr(wavenet, "loaded", lambda preset: model)
    monkeypatch.setattr(wavenet, "_SECONDS", 0.05)
    monkeypatch.setattr(wavenet, "_EVERY", 0.02)
    *growing, (path, wave, spectrum) = wavenet.say("wavenet.digits", "4 7,1", "ben", 1.0, 1, 3)
    # The images come before the sound, as soon as there is some of it.
    assert [shown[0] for shown in growing] == [None] * 3
    ends = [int(((shown[1][..., 0] < 200).sum(axis=0) > 5).nonzero()[0].max()) for shown in growing]
    assert ends == sorted(set(ends))
    assert all(shown[1].shape == wave.shape and shown[2].shape[2] == 3 for shown in growing)
    # The time axis stays as it was.
    for grown, last in zip(growing[-1][1:], (wave, spectrum)):
        np.testing.assert_array_equal(last, grown)
    sound, rate = soundfile.read(path)
    assert rate == model.sample_rate
    expected = model.say({"digit": "471", "speaker": "ben"}, seed=3, seconds=0.05)
    np.testing.assert_allclose(sound, expected, atol=1e-4)
    assert wave.dtype == spectrum.dtype == np.uint8
    assert wave.shape[2] == spectrum.shape[2] == 3
    # Noise, then the pause: dark over the height of the image, then a thin line.
    dark = (wave[..., 0] < 200).sum(axis=0)
    assert dark[:60].mean() > 20 > dark[200:250].mean()
    for words, voice, told in (
        ("", "ben", "write 1 to 12 of: 0, 1"),
        ("1" * 13, "ben", "write 1 to 12"),
        ("4", "eva", "speaker: 'eva' is not one of ana, ben"),
        ("x", "ana", "unknown digit 'x'"),
        ({}, ["ana"], "write 1 to 12"),
        ("1", ["ana"], "is not one of"),
    ):
        assert told in message(wavenet.say, "wavenet.digits", words, voice, 1.0, 1, 0)
    # A model without a preset, from a file.
    monkeypatch.setattr(common, "_added", {"my.keras": (None, model)})
    model.candidates = 3
    assert wavenet._defaults("my.keras") == (gradio.update(choices=["ana", "ben"], value="ana"), 3)
    assert "the temperature must be a number" in message(wavenet.say, "wavenet.digits", "4", "ben", 9, 1, 0)
    assert "the number of candidates must be" in message(wavenet.say, "wavenet.digits", "4", "ben", 1.0, 9, 0)


def test_the_page_of_voices_converts_and_draws_speech(monkeypatch, tmp_path, message):
    soundfile = pytest.importorskip("soundfile")
    pytest.importorskip("pyworld")
    model = ganzoo.create("cyclegan_vc", **model_class("cyclegan_vc").test_config, domains=("ana", "ben"))
    model.take_statistics(*model.example_batch(4))
    # No example waits for a model.
    monkeypatch.setattr(cyclegan_vc, "loaded", lambda preset: pytest.fail("an example has loaded a model"))
    _, others, _ = postfilter._examples()
    names = cyclegan_vc.example_names("cyclegan_vc.digits")
    assert names == ["4 0 7 as george", "4 0 7 as jackson", "synthetic vowels"]
    assert all(soundfile.info(cyclegan_vc.example(name)).duration > 0.5 for name in names)
    assert cyclegan_vc.example_names("cyclegan_vc.voices") == ["synthetic vowels"]
    # Not overwritten, although pages write their examples to one folder.
    assert np.abs(soundfile.read(others)[0]).max() == pytest.approx(0.9, abs=1e-3)
    monkeypatch.setattr(cyclegan_vc, "loaded", lambda preset: model)
    path, *images = cyclegan_vc.convert("cyclegan_vc.digits", "ben_to_ana", cyclegan_vc.example("synthetic vowels"))
    given, rate = soundfile.read(cyclegan_vc.example("synthetic vowels"), dtype="float32")
    sound = soundfile.read(path)[0]
    expected = model.convert(given, rate, "backward")
    np.testing.assert_allclose(sound, expected / max(1, np.abs(expected).max()), atol=1e-4)
    assert len(images) == 4
    assert all(image.dtype == np.uint8 and image.shape[2] == 3 for image in images)
    stereo = tmp_path / "stereo.wav"
    soundfile.write(stereo, np.stack([given, given], axis=1), rate)
    assert len(soundfile.read(cyclegan_vc.convert("cyclegan_vc.digits", "ana_to_ben", str(stereo))[0])[0]) == len(given)
    soundfile.write(tmp_path / "long.wav", np.zeros(31 * 8000), 8000)
    for direction, file, told in (
        ("ana_to_ben", None, "record or upload some speech first"),
        ("forward", str(stereo), "unknown direction 'forward'"),
        ("ana_to_ben", str(tmp_path / "long.wav"), "31 seconds are more than the page's limit of 30"),
    ):
        assert told in message(cyclegan_vc.convert, "cyclegan_vc.digits", direction, file)
