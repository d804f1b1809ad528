"""Distances of mel-cepstra, and excerpts of converted speech."""

import numpy as np
import pytest

from ganzoo.metrics.cepstra import DECIBELS, aligned_distortion, distortion, frame_distance
from ganzoo.metrics.conversions import excerpts


def test_distances_have_known_values():
    step = np.eye(1, 24)
    assert distortion(np.zeros((5, 24)), np.repeat(step, 5, axis=0)) == pytest.approx(10 / np.log(10))
    # A frame that differs by 1 dB at all frequencies would be loudness; a cosine of 1 dB RMS is a distance of 1 dB.
    frequencies = (np.arange(512) + 0.5) / 512
    power = np.sqrt(2) * np.cos(np.pi * 3 * frequencies)
    assert np.sqrt(np.mean(np.square(DECIBELS * power))) == pytest.approx(
        distortion(np.zeros((1, 24)), np.eye(24)[2:3])
    )
    rng = np.random.default_rng(0)
    frames = rng.normal(size=(400, 3))
    assert frame_distance([frames], [frames[:100], frames[100:]]) == pytest.approx(0, abs=1e-3)
    assert frame_distance([frames], [2 + frames]) == pytest.approx(DECIBELS * np.sqrt(12))


def test_time_warping_finds_the_cheapest_path():
    rng = np.random.default_rng(1)
    for rows, columns in ((1, 1), (1, 4), (5, 1), (4, 4), (6, 9), (9, 5)):
        a, b = rng.normal(size=(rows, 3)), rng.normal(size=(columns, 3))
        costs = np.linalg.norm(a[:, None] - b, axis=2)
        # By the definition, cell by cell.
        best = np.full((rows, columns), np.inf)
        length = np.zeros((rows, columns))
        for i in range(rows):
            for j in range(columns):
                before = [(i - 1, j - 1), (i - 1, j), (i, j - 1)]
                known = [(best[p], length[p]) for p in before if min(p) >= 0]
                total, count = min(known, key=lambda one: one[0]) if known else (0.0, 0)
                best[i, j], length[i, j] = total + costs[i, j], count + 1
        assert aligned_distortion(a, b) == pytest.approx(DECIBELS * best[-1, -1] / length[-1, -1])
    stretched = rng.normal(size=(7, 24))
    assert aligned_distortion(stretched.repeat([1, 3, 1, 2, 1, 1, 4], axis=0), stretched) == pytest.approx(0, abs=1e-6)


def test_excerpts_of_a_second():
    loud = np.random.default_rng(0).normal(0, 0.1, 30_000).astype("float32")
    loud[8_064:16_128] = 0
    assert [len(piece) for piece in excerpts([loud], 8_000)] == [8_064, 8_064, 5_808]
    assert [len(piece) for piece in excerpts([loud[:10_000], loud[:50]], 8_000)] == [8_064, 50]
