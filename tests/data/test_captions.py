"""Pictures with captions: how their files are read, and what training gets of them."""

import json

import numpy as np
import pytest
from PIL import Image

import ganzoo
from ganzoo.data.captions import feed, open_captions, read_captions, written_from_names


class Letters:
    """An encoder that counts how often it is asked: the first letter's number, three times."""

    name, dim, learned, digest = "letters", 3, True, "0"
    asked = 0

    def encode(self, captions):
        Letters.asked += 1
        return np.array([[ord(caption[0])] * 3 for caption in captions], "float32")


@pytest.fixture
def folder(tmp_path):
    """Ten pictures of one grey level each, in a subfolder; two captions of each begin with its letter."""
    (tmp_path / "deep").mkdir()
    listed = {}
    for i in range(10):
        Image.new("RGB", (20, 16), (20 * i,) * 3).save(tmp_path / "deep" / f"{i}.png")
        listed[f"{i}.png"] = [f"{chr(97 + i)} one", f"{chr(97 + i)} two"]
    (tmp_path / "captions.json").write_text(json.dumps(listed))
    return tmp_path


def test_a_picture_goes_with_its_own_captions(folder):
    found = feed(f"captions:{folder}", (8, 8, 3), Letters(), batch_size=3, upscale=True)
    assert found.count == 9
    assert [texts for _, texts in found.validation] == [["f one", "f two"]]
    seen = set()
    for step, indices in (pair for pair, _ in zip(found.order(), range(30))):
        pictures, vectors = found.make_batch(step, indices)
        levels = np.rint((pictures[:, 0, 0, 0] + 1) * 127.5 / 20).astype(int)
        np.testing.assert_array_equal(vectors[:, 0], 97 + levels)
        seen |= set(levels.tolist())
    assert seen == set(range(10)) - {5}


def test_vectors_are_worked_out_once(folder):
    before = Letters.asked
    for _ in range(2):
        feed(f"captions:{folder}", (8, 8, 3), Letters(), batch_size=3, upscale=True)
    assert Letters.asked <= before + 1


def test_the_kinds_of_files_are_the_same_captions(tmp_path):
    for name in ("a.png", "b.png"):
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    kinds = {
        "captions.txt": "a.png\tone\nb.png\tthree\n\na.png\ttwo\n",
        "captions.json": json.dumps(
            [{"file": "a.png", "captions": ["one", "two"]}, {"file": "b.png", "caption": "three"}]
        ),
    }
    for name, text in kinds.items():
        (tmp_path / name).write_text(text)
        found = read_captions(tmp_path)
        assert {path.name: captions for path, captions in found.items()} == {
            "a.png": ["one", "two"],
            "b.png": ["three"],
        }
        (tmp_path / name).unlink()


def test_captions_are_written_from_names():
    entry = {"name": "RED APPLE", "short_names": ["apple"], "category": "Food & Drink"}
    assert written_from_names(entry) == [
        "red apple", "a red apple", "a picture of a red apple", "apple", "an apple", "a picture of an apple"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("captions.json", "{", "cannot be read"),
        ("captions.json", "[1]", "neither a mapping nor a list"),
        ("captions.json", '{"a.png": [1]}', "no text"),
        ("captions.json", '[{"file": "a.png"}]', "without a file and captions"),
        ("captions.json", "{}", "holds no captions"),
        ("captions.json", '{"../../etc/passwd": "x"}', "outside of its folder"),
        ("captions.json", '{"/etc/passwd": "x"}', "outside of its folder"),
        ("captions.json", '{"none.png": "x"}', "there is no picture"),
        ("captions.json", "[" * 100_000, "cannot be read"),
        ("captions.txt", "a.png one", "line 1 is not"),
        ("captions.txt", "", "holds no captions"),
        ("other.txt", "", "neither captions.json nor captions.txt"),
    ],
)
def test_files_of_captions_that_are_none(tmp_path, name, text, words):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    (tmp_path / name).write_text(text)
    with pytest.raises(ganzoo.GanzooError, match=words):
        read_captions(tmp_path)


def test_broken_pictures_are_left_out(folder):
    (folder / "deep" / "3.png").write_text("no picture")
    with pytest.warns(UserWarning, match="skipped 1 of 10"):
        images, texts, skipped = open_captions(f"captions:{folder}", (8, 8, 3), upscale=True)
    assert len(images) == len(texts) == 9
    assert len(skipped) == 1
    assert texts[3][0] == "e one"
    with pytest.raises(ganzoo.GanzooError, match="1 of 10"):
        open_captions(f"captions:{folder}", (8, 8, 3), upscale=True, strict=True)


def test_emoji_of_the_real_set(shared):
    images, texts, _ = open_captions(f"captions:{shared / 'text_to_image' / 'emoji'}", (32, 32, 3))
    assert len(images) == len(texts) == 1911
    apple = next(i for i, captions in enumerate(texts) if captions[0] == "red apple")
    colours = images[apple].reshape(-1, 3).astype(int)
    red = (colours[:, 0] > 150) & (colours[:, 1] < 110) & (colours[:, 2] < 110)
    assert red.mean() > 0.15
    assert (colours.min(axis=1) > 250).mean() > 0.2  # transparency on white
