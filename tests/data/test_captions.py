"""Images with captions: how their files are read, and what training gets of them."""

import json
import unicodedata

import numpy as np
import pytest
from PIL import Image

import ganzoo
from ganzoo.data.captions import captions, open_captions
from ganzoo.data.captions_file import read_captions, written_from_names
from ganzoo.text import CharacterEncoder
from ganzoo.training.plan import prepare


class Letters:
    """An encoder that counts how often it is asked: the first letter's number, three times."""

    name, dim, learned, digest = "letters", 3, True, "0"
    asked = 0

    def encode(self, captions):
        Letters.asked += 1
        return np.array([[ord(caption[0])] * 3 for caption in captions], "float32")


@pytest.fixture
def folder(tmp_path):
    """Ten images of one gray level each, in a subfolder; two captions of each begin with its letter."""
    (tmp_path / "deep").mkdir()
    listed = {}
    for i in range(10):
        Image.new("RGB", (20, 16), (20 * i,) * 3).save(tmp_path / "deep" / f"{i}.png")
        listed[f"{i}.png"] = [f"{chr(97 + i)} one", f"{chr(97 + i)} two"]
    (tmp_path / "captions.json").write_text(json.dumps(listed))
    return tmp_path


def test_an_image_goes_with_its_own_captions(folder):
    found = captions.feed(f"captions:{folder}", (8, 8, 3), Letters(), batch_size=3, upscale=True)
    assert found.count == 9
    assert [texts for _, texts in found.validation] == [["f one", "f two"]]
    seen = set()
    for step, indices in (pair for pair, _ in zip(found.order(), range(30))):
        images, vectors = found.make_batch(step, indices)
        levels = np.rint((images[:, 0, 0, 0] + 1) * 127.5 / 20).astype(int)
        np.testing.assert_array_equal(vectors[:, 0], 97 + levels)
        seen |= set(levels.tolist())
    assert seen == set(range(10)) - {5}


def test_vectors_are_worked_out_once(folder):
    before = Letters.asked
    for _ in range(2):
        captions.feed(f"captions:{folder}", (8, 8, 3), Letters(), batch_size=3, upscale=True)
    assert Letters.asked <= before + 1


def test_an_encoder_learns_before_the_first_batch_but_not_for_a_trial(folder):
    encoder = Letters()
    encoder.learned, encoder.digest, learned_from = False, "1", []

    def learn(images, captions, verbose):
        learned_from.append((len(images), captions[0]))
        encoder.learned = True

    encoder.learn = learn
    found = captions.feed(f"captions:{folder}", (8, 8, 3), encoder, batch_size=3, upscale=True)
    for _, vectors in found.dataset(trial=True).take(1):
        assert (vectors.shape, vectors.dtype) == ((3, 3), "float32")
    assert not learned_from
    found.dataset()
    for _, vectors in found.dataset().take(1):
        assert (np.asarray(vectors) >= 97).all()
    assert learned_from == [(9, ["a one", "a two"])]


def test_a_dry_run_trains_no_encoder(folder, tmp_path):
    config = tmp_path / "tiny.yaml"
    config.write_text(
        "model: gan_int_cls\n"
        "arguments: {image_shape: [8, 8, 3], latent_dim: 4, width: 4, condition_dim: 4}\n"
        f"data: {{source: 'captions:{folder}', batch_size: 3, upscale: true}}\n"
        "training: {epochs: 1, samples: 8}\n"
    )
    plan = prepare(config)
    assert "nor training of the caption encoder" in plan.describe()
    assert not plan.model.text_encoder.learned


def test_the_kinds_of_files_are_the_same_captions(tmp_path):
    for name in ("a.png", "b.png"):
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    kinds = {
        "captions.txt": "a.png\tone\nb.png\tthree\n\na.png\ttwo\n",
        "captions.json": json.dumps(
            [
                {"file": "a.png", "captions": ["one", "two"], "caption": ""},
                {"file": "b.png", "captions": "", "caption": "three"},
            ]
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


def images_at(root, *places):
    for place in places:
        path = root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(path)


def listed(root, content, name="captions.json"):
    """{path below the folder: captions} for a list with this content."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    (root / name).write_bytes(data)
    return {path.relative_to(root).as_posix(): captions for path, captions in read_captions(root).items()}


def test_the_path_says_which_file_is_meant(tmp_path):
    images_at(tmp_path, "images/cats/1.png", "images/dogs/1.png", "images/dogs/2.png", "2.png")
    found = listed(tmp_path, {"cats/1.png": "a cat", "dogs/1.png": "a dog", "2.png": "top", "images/dogs/2.png": "in"})
    assert found == {
        "images/cats/1.png": ["a cat"],
        "images/dogs/1.png": ["a dog"],
        "2.png": ["top"],
        "images/dogs/2.png": ["in"],
    }
    with pytest.raises(
        ganzoo.GanzooError, match=r"'1\.png' may be images/cats/1\.png or images/dogs/1\.png: write its"
    ):
        listed(tmp_path, {"1.png": "which?"})


@pytest.mark.filterwarnings("ignore:folder")
def test_no_caption_is_lost_by_another_spelling_of_the_name(tmp_path):
    composed, decomposed = (unicodedata.normalize(form, "é.png") for form in ("NFC", "NFD"))
    images_at(tmp_path, f"deep/{decomposed}", "deep/a.png")
    names = [
        f"deep/{composed}",
        composed,
        f"deep\\{decomposed}",
        f"./deep/../deep/{composed}",
        f"{tmp_path}/deep/{composed}",
    ]
    expected = {f"deep/{decomposed}": [str(i) for i in range(len(names))]}
    assert listed(tmp_path, {name: str(i) for i, name in enumerate(names)}) == expected
    assert listed(tmp_path, b'{"a.png": "one", "a.png": ["two", "three"]}') == {"deep/a.png": ["one", "two", "three"]}


@pytest.mark.filterwarnings("ignore:folder")
def test_byte_order_marks_are_no_part_of_the_text(tmp_path):
    images_at(tmp_path, "a.png")
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        content = json.dumps({"a.png": "é"}, ensure_ascii=False).encode(encoding)
        assert listed(tmp_path, content) == {"a.png": ["é"]}
        (tmp_path / "captions.json").unlink()
        lines = "a.png\té\r\na.png\tline\u2028break".encode(encoding)
        assert listed(tmp_path, lines, "captions.txt") == {"a.png": ["é", "line\u2028break"]}


def test_images_without_a_caption_are_counted(tmp_path):
    images_at(tmp_path, "a.png", "b.jpg", ".hidden/c.png")
    (tmp_path / "notes.md").write_text("")
    with pytest.warns(UserWarning, match=r"1 images with captions; left out: 1 \.md, 1 images without a caption"):
        listed(tmp_path, {"a.png": "a"})


def test_long_captions_are_cut_with_a_warning():
    encoder = CharacterEncoder(dim=4, width=4, length=10)
    with pytest.warns(UserWarning, match="1 of 2 captions are longer than the 10 bytes .* read as 'a very lon'"):
        cut, _ = encoder.encode(["a very long caption", "short"])
    np.testing.assert_allclose(cut, encoder.encode(["a very lon"])[0], atol=1e-6)


def test_captions_are_written_from_names():
    entry = {"name": "RED APPLE", "short_names": ["apple"], "category": "Food & Drink"}
    assert written_from_names(entry) == [
        "red apple", "a red apple", "an image of a red apple", "apple", "an apple", "an image of an apple"
    ]  # fmt: skip
    for odd in (5, "apple", None):
        assert written_from_names({"name": "X", "short_names": odd}) == ["x", "a x", "an image of a x"]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("captions.json", "{", "cannot be read"),
        ("captions.json", "[1]", "neither a mapping nor a list"),
        ("captions.json", '{"a.png": [1]}', "not a string"),
        ("captions.json", '[{"file": "a.png"}]', "without a file and captions"),
        ("captions.json", '{"a.png": "  "}', "an empty caption"),
        ("captions.json", "{}", "holds no captions"),
        ("captions.json", '{"../../etc/passwd": "x"}', "outside of its folder"),
        ("captions.json", '{"/etc/passwd": "x"}', "outside of its folder"),
        ("captions.json", '{"none.png": "x"}', "there is no image"),
        ("captions.json", "[" * 100_000, "cannot be read"),
        ("captions.json", r'{"a\u0000.png": "x"}', "there is no image"),
        ("captions.json", json.dumps({"a" * 300 + ".png": "x"}), "there is no image"),
        ("captions.json", r'{"\ud800.png": "x"}', "there is no image"),
        ("captions.json", r'{"a\n.png": "x"}', "there is no image"),
        ("captions.json", '{".hidden.png": "x"}', "there is no image"),
        ("captions.json", '{"loop.png": "x"}', "there is no image"),
        ("captions.json", r'{"C:\\pics\\a.png": "x"}', "outside of its folder"),
        ("captions.txt", "a.png one", "line 1 is not"),
        ("captions.txt", "", "holds no captions"),
        ("other.txt", "", "neither captions.json nor captions.txt"),
    ],
)
def test_files_of_captions_that_are_none(tmp_path, name, text, words):
    images_at(tmp_path, "a.png", ".hidden.png")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    (tmp_path / name).write_text(text)
    with pytest.raises(ganzoo.GanzooError, match=words) as caught:
        read_captions(tmp_path)
    assert "\n" not in str(caught.value)
    str(caught.value).encode()


def test_captioned_sets_of_tensorflow_datasets(tmp_path, monkeypatch):
    tfds = pytest.importorskip("tensorflow_datasets")
    import tensorflow as tf

    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), "uint8")
    features = tfds.features.FeaturesDict(
        {"image": tfds.features.Image(shape=(8, 8, 3)), "caption": tfds.features.Text()}
    )
    dataset = tf.data.Dataset.from_tensor_slices({"image": images, "caption": ["a", "b", "c"]})
    tfds.dataset_builders.store_as_tfds_dataset(
        name="tiny_captions", version="1.0.0", features=features, split_datasets={"train": dataset},
        data_dir=str(tmp_path), disable_shuffling=True,
    )  # fmt: skip
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    found, texts, _ = open_captions("tfds:tiny_captions", (8, 8, 3))
    np.testing.assert_array_equal(found, images)
    assert texts == [["a"], ["b"], ["c"]]
    gray = open_captions("tfds:tiny_captions", (8, 8, 1))[0]
    luma = images @ [0.299, 0.587, 0.114]
    np.testing.assert_allclose(gray[..., 0], luma, atol=1)
    with pytest.raises(ganzoo.GanzooError, match="images of tfds:tiny_captions are 8x8, smaller than"):
        open_captions("tfds:tiny_captions", (64, 64, 3))


def test_broken_images_are_left_out(folder):
    (folder / "deep" / "3.png").write_text("no image")
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
    colors = images[apple].reshape(-1, 3).astype(int)
    red = (colors[:, 0] > 150) & (colors[:, 1] < 110) & (colors[:, 2] < 110)
    assert red.mean() > 0.15
    assert (colors.min(axis=1) > 250).mean() > 0.2  # transparency on white
