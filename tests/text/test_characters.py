"""The encoder of letters: any text has an answer, and it learns which caption goes with which image."""

import numpy as np
import pytest

import ganzoo
from ganzoo.text.characters import CharacterEncoder, as_bytes


def test_bytes_by_hand():
    np.testing.assert_array_equal(as_bytes(["Ab"], 4), [[257, 98, 99, 0, 0]])
    np.testing.assert_array_equal(as_bytes(["  A \n b "], 4), [[257, 98, 33, 99, 0]])
    # An umlaut is two bytes, and the same however it was typed.
    np.testing.assert_array_equal(as_bytes(["\u00e4"], 3), as_bytes(["a\u0308"], 3))
    np.testing.assert_array_equal(as_bytes(["\u00e4"], 3), [[257, 0xC3 + 1, 0xA4 + 1, 0]])


def test_any_text_has_an_answer_of_its_own():
    encoder = CharacterEncoder(dim=16, width=8, length=32)
    texts = ["", "a", "\U0001f34e", "\ud800", "x" * 100_000, "\0", "ein Apfel", "\u202egnitirw"]
    vectors = encoder.encode(texts)
    assert vectors.shape == (8, 16)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 4.0, rtol=1e-4)
    np.testing.assert_allclose(encoder.encode(["x" * 32]), encoder.encode(["x" * 33]))
    np.testing.assert_allclose(encoder.encode(["red apple"]), encoder.encode([" Red  APPLE"]))
    for wrong in ([], [1], None, [None]):
        with pytest.raises(ganzoo.GanzooError, match="captions are strings"):
            encoder.encode(wrong)


def test_it_learns_which_color_is_said():
    """After a few epochs the captions of a color lie together, whatever shape is said with it."""
    rng = np.random.default_rng(0)
    colors = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "white": (255, 255, 255)}
    shapes = ["apple", "ball", "house", "tree", "car", "cup", "hat", "shoe"]
    images, captions = [], []
    for name, color in colors.items():
        for shape in shapes:
            images.append(np.clip(np.array(color) + rng.integers(-40, 40, (32, 32, 3)), 0, 255).astype("uint8"))
            captions.append([f"a {name} {shape}", f"{name} {shape}"])
    encoder = CharacterEncoder(dim=16, width=16, length=24)
    assert not encoder.learned
    digest = encoder.digest
    encoder.learn(np.stack(images), captions, epochs=25, batch_size=8)
    assert encoder.learned
    assert encoder.digest != digest
    said = encoder.encode([f"{color} {thing}" for color in colors for thing in ("pear", "lamp")])
    similarity = said @ said.T / 16
    same = np.kron(np.eye(4), np.ones((2, 2))) > 0
    np.fill_diagonal(similarity, np.nan)
    assert np.nanmean(similarity[same]) > np.nanmean(similarity[~same]) + 0.5


def test_an_encoder_learns_what_captions_say_once(tmp_path, monkeypatch):
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path))
    colors, things = ["red", "green", "blue"], ["hat", "shoe"]
    pairs = [(c, t) for c in range(3) for t in range(2)] * 40
    texts = [f"a {colors[c]} {things[t]}" if i % 3 else f"a {things[t]}" for i, (c, t) in enumerate(pairs)]
    said = np.array([[c if i % 3 else -1, t] for i, (c, t) in enumerate(pairs)])
    options = dict(said=said, values=[3, 2], epochs=40, batch_size=48, seed=1)
    first, second = (CharacterEncoder(dim=8, width=8, length=16) for _ in range(2))
    share = first.learn_attributes(texts, **options)
    assert share > 0.95
    assert first.learned
    (path,) = tmp_path.glob("encoder-*.npz")
    written = path.stat().st_mtime_ns
    assert second.learn_attributes(texts, **options) == share
    np.testing.assert_array_equal(second.encode(texts[:9]), first.encode(texts[:9]))
    assert second.learned
    # Other captions or another seed are learned anew.
    CharacterEncoder(dim=8, width=8, length=16).learn_attributes(texts[::-1], **{**options, "epochs": 1})
    assert len(list(tmp_path.glob("encoder-*.npz"))) == 2
    assert path.stat().st_mtime_ns == written
    # A damaged file is as good as none.
    path.write_bytes(path.read_bytes()[:-200])
    third = CharacterEncoder(dim=8, width=8, length=16)
    assert third.learn_attributes(texts, **options) > 0.95
    assert path.stat().st_mtime_ns > written
