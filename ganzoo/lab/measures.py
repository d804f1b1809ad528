"""Measures of samples in the plane: modes, distances and divergences."""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from scipy.stats import rankdata

from ganzoo.errors import GanzooError
from ganzoo.lab.data import LIMIT, Points


def modes_found(generated: np.ndarray, real: Points) -> int | None:
    """The number of modes with at least a quarter of their share of the generated points; None without modes.

    Args:
        generated: (count, 2).
        real: the distribution.

    Example:
        from ganzoo.lab.data import sample
        from ganzoo.lab.measures import modes_found

        ring = sample("ring", 400)
        modes_found(ring.points, ring)          # 8
    """
    if real.centers is None:
        return None
    distances = cdist(generated, real.centers)
    near = distances.argmin(axis=1)[distances.min(axis=1) < real.tolerance]
    counts = np.bincount(near, minlength=len(real.centers))
    return int((counts >= len(generated) / len(real.centers) / 4).sum())


def wasserstein(first: np.ndarray, second: np.ndarray) -> float:
    """The Wasserstein-1 distance of two samples of equal size: the mean distance of the best matching of their points.

    It is exact for the two samples. Between their distributions it is an estimate that is too high: for two samples of
    one distribution it is not 0.

    Args:
        first, second: (count, 2).

    Raises:
        GanzooError: samples of different sizes.

    Example:
        from ganzoo.lab.measures import wasserstein

        points = np.random.default_rng(0).normal(size=(50, 2))
        wasserstein(points, points + [3, 4])    # 5
    """
    if np.shape(first) != np.shape(second):
        raise GanzooError(f"the samples must have the same size, got {np.shape(first)} and {np.shape(second)}")
    costs = cdist(first, second)
    if not np.isfinite(costs).all():
        return float("inf")
    rows, columns = linear_sum_assignment(costs)
    return float(costs[rows, columns].mean())


def jensen_shannon(first: np.ndarray, second: np.ndarray, bins: int = 24) -> float:
    """The Jensen-Shannon divergence of two samples' histograms, in nats: 0 if they are equal, log 2 = 0.693 if no bin
    has points of both.

    Small samples make it too high, wide bins too low.

    Args:
        first, second: (any, 2); points outside of [-3, 3] count as at the edge.
        bins: of each axis.

    Example:
        from ganzoo.lab.measures import jensen_shannon

        left, right = np.full((10, 2), -1.0), np.full((10, 2), 1.0)
        jensen_shannon(left, right)             # 0.693
    """
    p, q = (_histogram(points, bins) for points in (first, second))
    middle = (p + q) / 2
    return float(_entropy(middle) - (_entropy(p) + _entropy(q)) / 2)


def _histogram(points: np.ndarray, bins: int) -> np.ndarray:
    inside = np.clip(np.nan_to_num(points, posinf=LIMIT, neginf=-LIMIT), -LIMIT, LIMIT)
    counts, _, _ = np.histogram2d(inside[:, 0], inside[:, 1], bins=bins, range=[[-LIMIT, LIMIT]] * 2)
    return counts / counts.sum()


def _entropy(p: np.ndarray) -> float:
    positive = p[p > 0]
    return float(-(positive * np.log(positive)).sum())


def rank_correlation(first: Sequence[float] | np.ndarray, second: Sequence[float] | np.ndarray) -> float:
    """Spearman's rank correlation of two sequences: 1 if they rise together, -1 if one falls as the other rises.

    Args:
        first, second: (count,); pairs that are not finite are left out.

    Returns:
        0 if one of them is constant.

    Example:
        from ganzoo.lab.measures import rank_correlation

        rank_correlation([1, 2, 3], [1, 8, 27])  # 1
    """
    pairs = np.stack([np.asarray(first, "float64"), np.asarray(second, "float64")])
    pairs = pairs[:, np.isfinite(pairs).all(axis=0)]
    ranks = [rankdata(values) for values in pairs]
    if pairs.shape[1] < 2 or min(np.std(rank) for rank in ranks) == 0:
        return 0.0
    return float(np.corrcoef(ranks)[0, 1])
