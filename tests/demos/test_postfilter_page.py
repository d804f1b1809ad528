"""The page of smoother and postfilter: every version of a recording as sound and image."""

import numpy as np
import pytest

pytest.importorskip("gradio")
pytest.importorskip("pyworld")
soundfile = pytest.importorskip("soundfile")

from ganzoo.demos import common, postfilter  # noqa: E402

RATE = 16_000


@pytest.fixture
def shown(monkeypatch, with_random_kernels):
    """The page's module with a model of its own, and a list of its messages."""
    messages = []
    model = with_random_kernels("postfilter", size=0.03, order=40)
    monkeypatch.setattr(postfilter, "loaded", lambda preset: model)
    monkeypatch.setattr(common, "shown_warning", messages.append)
    return postfilter, model, messages


def test_the_page_gives_every_version_as_sound_and_image(shown, three_speakers):
    page, model, messages = shown
    path = str(three_speakers / "a-0.wav")
    sound, _ = soundfile.read(path, dtype="float32")
    (*made,) = page.restore("postfilter.speech", path, page.NATURAL, 0.5, 3)
    sounds, images = made[:4], made[4:]
    heard = [soundfile.read(one, dtype="float32")[0] for one in sounds]
    loudest = np.abs(heard[3]).max() / np.abs(sound).max()
    expected = [model.smooth(sound, RATE), model.restore(sound, RATE, 0.5, 3, True), sound]
    for ours, theirs in zip(heard[1:], expected):
        np.testing.assert_allclose(ours, loudest * theirs, atol=4e-3)
    assert all(image.shape == images[0].shape and image.dtype == np.uint8 for image in images)
    (*made,) = page.restore("postfilter.speech", path, page.SMOOTH, 1.0, 0)
    assert [one is None for one in made] == [True, True, False, False] * 2
    assert not messages


def test_the_page_says_what_is_wrong_in_one_line(shown, three_speakers, tmp_path):
    page, _, messages = shown
    soundfile.write(tmp_path / "long.wav", np.zeros(31 * 8000), 8000)
    soundfile.write(tmp_path / "nan.wav", np.full(8000, np.nan), 8000, subtype="FLOAT")
    (tmp_path / "text.wav").write_text("no sound")
    fine = str(three_speakers / "a-0.wav")
    for path, strength, seed, words in (
        (None, 1, 0, "record or upload"),
        (str(tmp_path / "long.wav"), 1, 0, "31 seconds are more"),
        (str(tmp_path / "nan.wav"), 1, 0, "not finite"),
        (str(tmp_path / "text.wav"), 1, 0, "cannot be read"),
        (fine, 3, 0, "the strength"),
        (fine, None, 0, "the strength"),
        (fine, 1, -1, "the seed"),
    ):
        page.restore("postfilter.speech", path, page.NATURAL, strength, seed)
        assert words in messages[-1]
        assert len(messages[-1]) <= 500
        assert "\n" not in messages[-1]


def test_examples_of_the_page_are_heard(shown):
    page, _, _ = shown
    for path in page._examples():
        sound, rate = soundfile.read(path)
        assert rate == RATE
        assert np.isfinite(sound).all()
        assert 0.5 < np.abs(sound).max() <= 1
