"""Metrics of images generated from captions, by hand."""

import numpy as np
import pytest

from ganzoo.metrics.text_to_image import distinct, dominant_hue, has_color, right_among, sharpness, variety


def of(*colors):
    """An image of rows of colors."""
    return np.repeat(np.array(colors, "uint8")[:, None], 8, axis=1)


def test_hues_by_hand():
    for color, hue in (((255, 0, 0), 5), ((255, 255, 0), 65), ((0, 255, 0), 125), ((0, 0, 255), 245)):
        assert dominant_hue(of(color)) == hue
    assert dominant_hue(of((128, 128, 128), (255, 255, 255))) is None
    # White and a little blue are no match for the red.
    assert dominant_hue(of((255, 255, 255), (0, 0, 255), (250, 10, 10), (240, 0, 5))) in (5, 355)


def test_what_was_said_is_there():
    reds, greens = of((200, 20, 30)), of((40, 160, 60))
    assert [has_color(reds, color) for color in ("red", "yellow", "green", "blue")] == [True, False, False, False]
    assert [has_color(greens, color) for color in ("red", "yellow", "green", "blue")] == [False, False, True, False]
    assert has_color(of((255, 0, 30)), "red")
    assert not has_color(of((255, 255, 255)), "red")


def test_right_among_by_hand():
    """A blind classifier is right once in ten, a perfect one always."""
    rng = np.random.default_rng(0)
    nothing = rng.random((2000, 50))
    assert right_among(nothing, rng.integers(0, 50, 2000), 10, rng) == pytest.approx(0.1, abs=0.02)
    assert right_among(np.eye(50), np.arange(50), 50, rng) == 1
    assert right_among(-np.eye(50), np.arange(50), 2, rng) == 0


def test_detail_and_variety_by_hand():
    stripes = np.zeros((1, 4, 4, 1), "uint8")
    stripes[:, ::2] = 10
    assert sharpness(stripes) == pytest.approx(5)
    assert variety(np.stack([np.zeros((2, 2, 1)), np.full((2, 2, 1), 6)]).astype("uint8")) == pytest.approx(6)
    assert variety(np.zeros((3, 2, 2, 1), "uint8")) == 0


def test_images_that_share_a_caption_are_no_mistake():
    texts, places = distinct(["a cat", "a dog", "a cat"])
    assert texts == ["a cat", "a dog"]
    np.testing.assert_array_equal(places, [0, 1, 0])
    assert right_among(np.eye(2)[places], places, 10, np.random.default_rng(0)) == 1


def test_a_caption_without_others_is_the_best_of_one():
    assert right_among(np.ones((3, 1)), np.zeros(3, int), 10, np.random.default_rng(0)) == 1.0
