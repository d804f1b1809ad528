"""Windows that overlap: equal to one piece, whatever the blocks."""

import numpy as np
import pytest

from ganzoo.inference.overlap import Overlapping, Windows

REACH = 5


def smoothed(sound):
    """A network that sees five samples to either side and pads with silence."""
    kernel = np.arange(1.0, 2 * REACH + 2)
    convolved = [np.convolve(channel, kernel)[REACH : REACH + len(channel)] for channel in sound]
    return np.stack(convolved).astype("float32")


def overlapped(function, blocks, windows):
    overlapping = Overlapping(function, windows)
    return [*map(overlapping.push, blocks), overlapping.finish()]


def in_blocks(sound, size):
    return [sound[:, i : i + size] for i in range(0, sound.shape[1], size)]


@pytest.mark.parametrize("length", [1, 3, 7, 8, 9, 15, 16, 17, 24, 40, 41, 100, 257])
@pytest.mark.parametrize("windows", [Windows(8, 8, 0, 4), Windows(16, 8, 4, 8), Windows(12, 5)])
def test_equal_to_one_piece(length, windows):
    sound = np.random.default_rng(length).standard_normal((2, length)).astype("float32")
    seen = []

    def function(part):
        assert part.shape[1] % windows.multiple == 0
        seen.append(part.shape[1])
        return smoothed(part)

    for size in (1, 7, length):
        found = np.concatenate(overlapped(function, in_blocks(sound, size), windows), axis=1)
        np.testing.assert_allclose(found, smoothed(np.pad(sound, ((0, 0), (0, 8))))[:, :length], atol=1e-4)
    assert max(seen) <= windows.step + windows.fade + 2 * windows.margin + windows.multiple


def test_one_window_passes_into_the_next():
    """A network that gives every window a loudness of its own: the passage is monotonous and without a step."""
    calls = iter(range(100))
    found = np.concatenate(
        overlapped(lambda part: np.full_like(part, next(calls)), [np.zeros((1, 100), "float32")], Windows(20, 0, 20)),
        axis=1,
    )[0]
    assert len(found) == 100
    assert (np.diff(found) >= 0).all()
    assert np.diff(found).max() < 0.09
    assert found[0] == 0
    assert found[-1] == 3


def test_nothing_gives_nothing():
    assert Overlapping(smoothed, Windows(8)).finish().size == 0
