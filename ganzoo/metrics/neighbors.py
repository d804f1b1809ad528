"""Fidelity and diversity apart, from nearest neighbors among features: improved precision and recall
(Kynkäänniemi et al. 2019, arXiv:1904.06991), density and coverage (Naeem et al. 2020, arXiv:2002.09797)."""

import numpy as np

from ganzoo.errors import GanzooError
from ganzoo.metrics.features import comparable

_ROWS = 1000


def precision_recall(real, fake, neighbors=3):
    """Improved precision and recall.

    A set covers the balls around its vectors that reach to their k-th nearest neighbor in it. Precision is the share
    of generated vectors that real ones cover, recall the share of real ones that generated ones cover.

    Args:
        real, fake: `Features` of one extractor; the published metrics compare equally many, 50,000.
        neighbors: k; the paper has 3.

    Returns:
        (precision, recall), each in [0, 1].

    Raises:
        GanzooError: two extractors, or no more vectors than neighbors.

    Example:
        precision, recall = ganzoo.metrics.precision_recall(extractor(real), extractor(fake))
    """
    _check(real, fake, neighbors)
    real_radii, fake_radii = _radii(real.vectors, neighbors), _radii(fake.vectors, neighbors)
    inside_real, inside_fake = np.zeros(len(fake), bool), np.zeros(len(real), bool)
    for rows, squares in _squared_distances(real.vectors, fake.vectors):
        inside_real |= (squares <= real_radii[rows, None]).any(axis=0)
        inside_fake[rows] = (squares <= fake_radii).any(axis=1)
    return float(inside_real.mean()), float(inside_fake.mean())


def density_coverage(real, fake, neighbors=5):
    """Density and coverage, which one outlier with a huge ball does not spoil.

    Density is how many real vectors' balls a generated one lies in, over k (above 1 where samples crowd at real ones);
    coverage the share of real ones with a generated one in their ball.

    Args, Raises, Example: as `precision_recall`; the paper has 5 neighbors.

    Returns:
        (density, coverage), density at least 0, coverage in [0, 1].
    """
    _check(real, fake, neighbors)
    radii = _radii(real.vectors, neighbors)
    inside, covered = 0, np.zeros(len(real), bool)
    for rows, squares in _squared_distances(real.vectors, fake.vectors):
        within = squares <= radii[rows, None]
        inside += int(within.sum())
        covered[rows] = within.any(axis=1)
    return inside / (neighbors * len(fake)), float(covered.mean())


def _check(real, fake, neighbors):
    comparable(real, fake)
    if min(len(real), len(fake)) <= neighbors:
        raise GanzooError(f"{neighbors} neighbors need more vectors than that, got {len(real)} and {len(fake)}")


def _radii(vectors, neighbors):
    """The squared distance of each vector to its k-th nearest other one."""
    radii = np.empty(len(vectors))
    for rows, squares in _squared_distances(vectors, vectors):
        # A vector is its own nearest: the k-th other one is at place k.
        radii[rows] = np.partition(squares, neighbors, axis=1)[:, neighbors]
    return radii


def _squared_distances(first, second):
    """Yields (rows, squared distances from first[rows] to all of second): never all pairs at once."""
    first, second = np.asarray(first, "float64"), np.asarray(second, "float64")
    squares = (second**2).sum(axis=1)
    for start in range(0, len(first), _ROWS):
        part = first[start : start + _ROWS]
        squared = part @ second.T
        squared *= -2
        squared += squares
        squared += (part**2).sum(axis=1)[:, None]
        yield slice(start, start + len(part)), squared
