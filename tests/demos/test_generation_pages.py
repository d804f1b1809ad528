"""The functions of the pages that generate images."""

from pathlib import Path

import numpy as np
import pytest

import ganzoo
from ganzoo.inference import grid
from ganzoo.inference.image_files import read_image_file
from ganzoo.registry import model_class

gradio = pytest.importorskip("gradio")

from ganzoo.demos import cgan, common, dcgan, stackgan  # noqa: E402


def test_a_walk_begins_and_ends_at_its_seeds():
    start, _, path = dcgan.walk("dcgan.mnist", 1, 2, 0.0)
    end, _, _ = dcgan.walk("dcgan.mnist", 1, 2, 1.0)
    model = common.loaded("dcgan.mnist")
    for shown, seed in ((start, 1), (end, 2)):
        expected = common.enlarged(model.generate(1, seed=seed)[0], 280)
        assert np.abs(shown.astype(int) - expected).max() <= 1
    assert Path(path).exists()


def test_requested_classes_are_generated_in_rows(message):
    sheet, path = cgan.generate("cgan.mnist", "3, 1 4", 5, 2)
    model = common.loaded("cgan.mnist")
    expected = common.enlarged(grid(model.generate(6, labels=[3, 1, 4, 3, 1, 4], seed=5), columns=3))
    assert np.abs(sheet.astype(int) - expected).max() <= 1
    assert path.endswith("cgan.mnist-314-seed5.png")
    for odd in ("", None, "12a", "x", "1" * 17, "-1", "\u0663", [1], {"a": 1}, True, 10**30):
        assert "classes" in message(cgan.generate, "cgan.mnist", odd, 0, 1)
    # More digits than Python converts.
    model = ganzoo.create("cgan", **{**model_class("cgan").test_config, "classes": 20})
    with pytest.raises(common.GanzooError, match="whole numbers from 0 to 19"):
        cgan._labels("1" * 5000, model)


def test_classes_are_asked_for_by_name():
    model = common.loaded("cgan.fashion_mnist")
    assert cgan._labels("Sneaker, ankle BOOT, 0, 12 3", model) == [7, 9, 0, 1, 2, 3]
    with pytest.raises(ganzoo.GanzooError, match=r"unknown class 'Sneeker'. Did you mean 'Sneaker'\?"):
        cgan._labels("Sneeker, Bag", model)
    for long in ("0," * 10**5, "9" * 10**5, "x" * 10**5):
        with pytest.raises(ganzoo.GanzooError, match="class"):
            cgan._labels(long, model)
    assert "7 Sneaker, 8 Bag, 9 Ankle boot" in cgan._other_classes("cgan.fashion_mnist")["info"]
    assert cgan._other_classes("cgan.mnist")["info"] == ""


@pytest.mark.parametrize("preset", ["cgan.mnist", "cgan.fashion_mnist", "cgan.avatars"])
def test_the_classes_that_a_preset_begins_with_are_all_of_its_own(preset):
    model = common.loaded(preset)
    assert cgan._labels(cgan._other_classes(preset)["value"], model) == list(range(model.classes))


def test_names_that_are_numbers_are_the_classes_of_those_names():
    model = ganzoo.create("cgan", **{**model_class("cgan").test_config, "classes": 3})
    assert cgan._labels("2, 0 1", model) == [2, 0, 1]
    model.class_names = ["1", "2", "10"]
    assert cgan._labels("1, 10", model) == cgan._labels("1 10", model) == [0, 2]


@pytest.mark.parametrize("factor", [1, 2])
def test_a_caption_is_generated_in_both_stages(factor, monkeypatch, message):
    model = ganzoo.create("stackgan", **{**model_class("stackgan").test_config, "factor": factor})
    monkeypatch.setattr(stackgan, "loaded", lambda preset: model)
    stage1, large, path = stackgan.generate("stackgan.avatars", "a red heart", 4, 3)
    expected = model.generate(4, captions="a red heart", seed=3)
    np.testing.assert_array_equal(large, common.enlarged(grid(expected)))
    np.testing.assert_array_equal(read_image_file(path).pixels, grid(expected))
    assert stage1["visible"] == (factor == 2)
    if factor == 2:
        both = model.generate_both_stages(["a red heart"] * 4, seed=3)
        np.testing.assert_array_equal(stage1["value"], common.enlarged(grid(both[0])))
    for place, text in ((0.0, "a"), (1.0, "b")):
        between, path = stackgan.walk("stackgan.avatars", "a", "b", place, 5)
        end = common.enlarged(model.generate(captions=text, seed=5)[0], 280)
        assert np.abs(between.astype(int) - end).max() <= 1
        assert Path(path).exists()
    for wrong in (("x" * 201, 4, 0), (None, 4, 0), (["a"], 4, 0), ("a", 17, 0), ("a", 4, -1)):
        told = message(stackgan.generate, "stackgan.avatars", *wrong)
        assert "200 characters" in told or "must be a" in told
    assert "must be a number" in message(stackgan.walk, "stackgan.avatars", "a", "b", 1.5, 0)
    with pytest.warns(UserWarning, match="1 of 1 captions are longer than the 12 bytes that the text encoder reads"):
        assert stackgan.generate("stackgan.avatars", "a very red heart", 1, 0)[1].any()
    assert stackgan.generate("stackgan.avatars", "", 1, 0)[1].any()
