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
    alike = said @ said.T / 16
    same = np.kron(np.eye(4), np.ones((2, 2))) > 0
    np.fill_diagonal(alike, np.nan)
    assert np.nanmean(alike[same]) > np.nanmean(alike[~same]) + 0.5
