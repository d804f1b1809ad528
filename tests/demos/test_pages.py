"""The pages' functions with what a browser, or somebody without one, may send."""

from pathlib import Path

import numpy as np
import pytest

import ganzoo
from ganzoo.inference import grid
from ganzoo.inference.photographs import Photograph, read_photograph, write_photograph
from ganzoo.registry import model_class

gradio = pytest.importorskip("gradio")

from ganzoo.demos import cgan, common, dcgan, hub, segan, srgan, stackgan  # noqa: E402


@pytest.mark.parametrize("odd", [None, float("nan"), float("inf"), -1, 1.5, 2**40, "x", [1], True])
def test_odd_numbers_become_messages(odd):
    with pytest.raises(gradio.Error, match="must be a"):
        dcgan.draw("dcgan.mnist", odd, 4)
    with pytest.raises(gradio.Error, match="must be a"):
        dcgan.draw("dcgan.mnist", 0, odd)
    if odd != 1.5:
        with pytest.raises(gradio.Error, match="must be a"):
            dcgan.walk("dcgan.mnist", 0, 1, odd if odd is not True else 2)
    with pytest.raises(gradio.Error, match="unknown preset"):
        dcgan.draw("dcgan.nothing", 0, 4)


def test_a_walk_begins_and_ends_at_its_seeds():
    start, _, path = dcgan.walk("dcgan.mnist", 1, 2, 0.0)
    end, _, _ = dcgan.walk("dcgan.mnist", 1, 2, 1.0)
    model = common.loaded("dcgan.mnist")
    for shown, seed in ((start, 1), (end, 2)):
        expected = common.enlarged(model.generate(1, seed=seed)[0], 280)
        assert np.abs(shown.astype(int) - expected).max() <= 1
    assert Path(path).exists()


def test_downloads_do_not_pile_up():
    for seed in range(60):
        _, path = dcgan.draw("dcgan.mnist", seed, 1)
    assert len(list(Path(path).parent.iterdir())) <= common.KEPT_FILES


def test_classes_asked_for_are_drawn_in_rows():
    sheet, path = cgan.draw("cgan.mnist", "3, 1 4", 5, 2)
    model = common.loaded("cgan.mnist")
    expected = common.enlarged(grid(model.generate(6, labels=[3, 1, 4, 3, 1, 4], seed=5), columns=3))
    assert np.abs(sheet.astype(int) - expected).max() <= 1
    assert path.endswith("cgan.mnist-314-seed5.png")
    for odd in ("", None, "12a", "x", "1" * 17, "-1", "\u0663"):
        with pytest.raises(gradio.Error, match=r"classes"):
            cgan.draw("cgan.mnist", odd, 0, 1)


def test_classes_are_asked_for_by_name():
    model = common.loaded("cgan.fashion_mnist")
    assert cgan._labels("Sneaker, ankle BOOT, 0, 12 3", model) == [7, 9, 0, 1, 2, 3]
    with pytest.raises(ganzoo.GanzooError, match=r"unknown class 'Sneeker'. Did you mean 'Sneaker'\?"):
        cgan._labels("Sneeker, Bag", model)
    for long in ("0," * 10**5, "9" * 10**5, "x" * 10**5):
        with pytest.raises(ganzoo.GanzooError, match="class"):
            cgan._labels(long, model)
    assert "7 Sneaker, 8 Bag, 9 Ankle boot" in cgan._info("cgan.fashion_mnist")["info"]
    assert cgan._info("cgan.mnist")["info"] == ""


def test_names_that_are_numbers_are_the_classes_of_those_names():
    model = ganzoo.create("cgan", **{**model_class("cgan").small, "classes": 3})
    assert cgan._labels("2, 0 1", model) == [2, 0, 1]
    model.class_names = ["1", "2", "10"]
    assert cgan._labels("1, 10", model) == cgan._labels("1 10", model) == [0, 2]


def test_a_photograph_comes_back_beside_itself(tmp_path):
    small = np.random.default_rng(0).integers(0, 256, (20, 30, 4), dtype="uint8")
    write_photograph(tmp_path / "mine.png", Photograph(small))
    (before, after), bicubic, path = srgan.upscale("srresnet.photos_x4", str(tmp_path / "mine.png"))
    assert before.shape == after.shape == bicubic.shape == (80, 120, 3)
    share = small[..., 3:] / 255.0
    np.testing.assert_allclose(before[::4, ::4], small[..., :3] * share + 255 * (1 - share), atol=0.51)
    assert Path(path).name == "mine-srresnet.photos_x4.png"
    np.testing.assert_array_equal(
        read_photograph(path).pixels, common.loaded("srresnet.photos_x4").upscale(small, progress=False)
    )


def test_photographs_that_a_page_refuses(tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    write_photograph(tmp_path / "large.png", Photograph(np.zeros((1001, 1500, 1), "uint8")))
    for path, words in (
        (None, "choose a photograph"),
        (tmp_path / "text.png", "cannot be read"),
        (tmp_path / "large.png", "1500x1001 is more than the page's limit of 1.5 megapixel"),
    ):
        with pytest.raises(gradio.Error, match=words):
            srgan.upscale("srresnet.photos_x4", path and str(path))


def test_only_models_with_weights_have_a_page():
    pages = hub.models_with_pages()
    assert {"cgan", "dcgan", "lsgan"} <= set(pages)
    hub.build()
    with pytest.raises(hub.GanzooError, match="unknown model"):
        hub.build("nothing")


def test_speech_comes_back_without_noise(tmp_path, monkeypatch):
    """Of an untrained network that gives back what it got: what is heard before and after, and both files."""
    sound = 0.2 * np.sin(np.arange(22050) * 0.1).astype("float32")
    soundfile = pytest.importorskip("soundfile")
    soundfile.write(tmp_path / "mine.wav", sound, 22050)
    model = ganzoo.create("segan", **{**model_class("segan").small, "output": "residual"})
    kernel = model.ema_generator.get_layer("sound").kernel
    kernel.assign(0 * kernel)
    monkeypatch.setattr(segan, "loaded", lambda preset: model)
    before, after, *pictures, file = segan.enhance("segan.speech", str(tmp_path / "mine.wav"), "none", 5)
    for path in (before, after, file):
        heard, rate = soundfile.read(path)
        assert rate == 22050
        np.testing.assert_allclose(heard[1000:-1000], sound[1000:-1000], atol=0.01)
    assert [picture.shape[2] for picture in pictures] == [3, 3]
    before, *_ = segan.enhance("segan.speech", str(tmp_path / "mine.wav"), "white", 0)
    heard = soundfile.read(before)[0]
    ratio = np.sum(sound**2) / np.sum((heard - sound * (heard @ sound) / (sound @ sound)) ** 2)
    assert abs(10 * np.log10(ratio)) < 1.5
    soundfile.write(tmp_path / "long.wav", np.zeros(61 * 8000), 8000)
    (tmp_path / "text.wav").write_text("no sound")
    for path, noise, words in (
        (None, "none", "record or upload"),
        (tmp_path / "long.wav", "none", "61 seconds are more"),
        (tmp_path / "text.wav", "none", "cannot be read"),
        (tmp_path / "mine.wav", "loud", "noise is one of"),
        (tmp_path / "mine.wav", "pink", "must be a number"),
    ):
        with pytest.raises(gradio.Error, match=words):
            segan.enhance("segan.speech", path and str(path), noise, None)


@pytest.mark.parametrize("factor", [1, 2])
def test_a_sentence_is_drawn_in_both_stages(factor, monkeypatch):
    model = ganzoo.create("stackgan", **{**model_class("stackgan").small, "factor": factor})
    monkeypatch.setattr(stackgan, "loaded", lambda preset: model)
    stage1, large, path = stackgan.draw("stackgan.emoji", "a red heart", 4, 3)
    expected = model.generate(4, captions="a red heart", seed=3)
    np.testing.assert_array_equal(large, common.enlarged(grid(expected)))
    np.testing.assert_array_equal(read_photograph(path).pixels, grid(expected))
    assert stage1["visible"] == (factor == 2)
    if factor == 2:
        both = model.draw_both(["a red heart"] * 4, seed=3)
        np.testing.assert_array_equal(stage1["value"], common.enlarged(grid(both[0])))
    for place, text in ((0.0, "a"), (1.0, "b")):
        between, path = stackgan.walk("stackgan.emoji", "a", "b", place, 5)
        end = common.enlarged(model.generate(captions=text, seed=5)[0], 280)
        assert np.abs(between.astype(int) - end).max() <= 1
        assert Path(path).exists()
    for wrong in (("x" * 201, 4, 0), (None, 4, 0), ("a", 17, 0), ("a", 4, -1)):
        with pytest.raises(gradio.Error, match=r"200 characters|must be a"):
            stackgan.draw("stackgan.emoji", *wrong)
    with pytest.raises(gradio.Error, match="must be a number"):
        stackgan.walk("stackgan.emoji", "a", "b", 1.5, 0)
    assert stackgan.draw("stackgan.emoji", "", 1, 0)[1].any()
