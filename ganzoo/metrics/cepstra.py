"""Distances between mel-cepstra (`ganzoo.data.vocoder`) in dB."""

from collections.abc import Sequence

import numpy as np

from ganzoo.metrics.features import Features
from ganzoo.metrics.frechet import FeatureStatistics, frechet_distance

# dB of spectral power for one unit of an orthonormal coefficient of its natural logarithm.
DECIBELS = 10 / np.log(10)


def distortion(first: np.ndarray, second: np.ndarray) -> float:
    """The mel-cepstral distortion of aligned frames: the mean distance of their spectra in dB (Kubichek 1993,
    doi:10.1109/PACRIM.1993.407206).

    Args:
        first, second: float (frames, coefficients) without the loudness.

    Example:
        from ganzoo.metrics.cepstra import distortion

        distortion(np.zeros((3, 24)), np.eye(3, 24))    # 4.34, 10 / ln(10)
    """
    return float(DECIBELS * np.linalg.norm(np.asarray(first) - second, axis=1).mean())


def aligned_distortion(first: np.ndarray, second: np.ndarray) -> float:
    """The mel-cepstral distortion in dB after dynamic time warping: the mean over the cheapest path, whose steps go on
    by one frame in either or both.

    Args:
        first, second: float (frames, coefficients) without the loudness, of any lengths.

    Example:
        from ganzoo.metrics.cepstra import aligned_distortion

        slow = np.eye(3, 24).repeat(2, axis=0)
        aligned_distortion(slow, np.eye(3, 24))     # 0.0
    """
    first, second = np.asarray(first, "float64"), np.asarray(second, "float64")
    squares = (first**2).sum(1)[:, None] + (second**2).sum(1) - 2 * first @ second.T
    costs = np.sqrt(np.maximum(squares, 0.0))
    rows, columns = costs.shape
    # Antidiagonal by antidiagonal, cell (i, j) in place i of diagonal i + j: the cost so far, and the path's length.
    total, length = np.full((3, rows + 1), np.inf), np.zeros((3, rows + 1))
    for diagonal in range(rows + columns - 1):
        now, before, last = diagonal % 3, (diagonal - 1) % 3, (diagonal - 2) % 3
        i = np.arange(max(0, diagonal - columns + 1), min(rows, diagonal + 1))
        # Place 0 stands for what is above the first row.
        ways = np.stack([total[last, i], total[before, i], total[before, i + 1]])
        if diagonal == 0:
            ways[0] = 0.0
        chosen, every = ways.argmin(0), np.arange(len(i))
        lengths = np.stack([length[last, i], length[before, i], length[before, i + 1]])
        total[now], length[now] = np.inf, 0.0
        total[now, i + 1] = ways[chosen, every] + costs[i, diagonal - i]
        length[now, i + 1] = lengths[chosen, every] + 1
    end = (rows + columns - 2) % 3
    return float(DECIBELS * total[end, rows] / length[end, rows])


def frame_distance(first: Sequence[np.ndarray], second: Sequence[np.ndarray]) -> float:
    """How far the frames of two sets of recordings are from each other in dB: the square root of their Fréchet
    distance, which compares means and covariances. Unlike a distortion, it needs no recordings of the same words.

    Args:
        first, second: lists of float (frames, coefficients) without the loudness.

    Example:
        from ganzoo.metrics.cepstra import frame_distance

        frames = np.random.default_rng(0).normal(size=(500, 4))
        frame_distance([frames], [frames + 1])      # 8.69: 2 for a step of 1 in 4 coefficients, times 10 / ln(10)
    """
    statistics = [FeatureStatistics.of(Features(np.concatenate(side), "mel-cepstra")) for side in (first, second)]
    return float(DECIBELS * np.sqrt(frechet_distance(*statistics)))
