"""Fidelity and diversity as separate values, from nearest neighbors among features: improved precision and recall
(Kynkäänniemi et al. 2019, arXiv:1904.06991), density and coverage (Naeem et al. 2020, arXiv:2002.09797)."""

from collections.abc import Iterator

import numpy as np

from ganzoo.errors import GanzooError, at_least_one
from ganzoo.metrics.features import Features, comparable

_ROWS = 1000


def precision_recall(real: Features, fake: Features, neighbors: int = 3) -> tuple[float, float]:
    """Improved precision and recall.

    Each vector is the center of a ball that reaches to its k-th nearest neighbor in the same set. Precision is the
    share of generated vectors inside a ball of a real one; recall is the share of real vectors inside a ball of a
    generated one.

    Args:
        real, fake: `Features` of one extractor; the paper compares 50,000 of each.
        neighbors: k; 3 in the paper.

    Returns:
        (precision, recall), each in [0, 1].

    Raises:
        GanzooError: features of two extractors, or no more vectors than neighbors.

    Example:
        real, fake = np.random.default_rng(0).integers(0, 256, (2, 20, 28, 28, 1), "uint8")
        extractor = ganzoo.metrics.get_extractor("mnist_classifier")
        precision, recall = ganzoo.metrics.precision_recall(extractor(real), extractor(fake))
    """
    _check(real, fake, neighbors)
    real_radii, fake_radii = _radii(real.vectors, neighbors), _radii(fake.vectors, neighbors)
    inside_real, inside_fake = np.zeros(len(fake), bool), np.zeros(len(real), bool)
    for rows, squares in _squared_distances(real.vectors, fake.vectors):
        inside_real |= (squares <= real_radii[rows, None]).any(axis=0)
        inside_fake[rows] = (squares <= fake_radii).any(axis=1)
    return float(inside_real.mean()), float(inside_fake.mean())


def density_coverage(real: Features, fake: Features, neighbors: int = 5) -> tuple[float, float]:
    """Density and coverage: like precision and recall, but robust to outliers among the real vectors.

    Density is the mean number of real vectors whose ball contains a generated vector, divided by k; it exceeds 1 where
    generated vectors cluster around real ones. Coverage is the share of real vectors whose ball contains a generated
    one.

    Args, Raises, Example: as `precision_recall`; the paper uses 5 neighbors.

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


def _check(real: Features, fake: Features, neighbors: int) -> None:
    comparable(real, fake)
    at_least_one(neighbors=neighbors)
    if min(len(real), len(fake)) <= neighbors:
        raise GanzooError(
            f"{neighbors} neighbors need more than {neighbors} vectors of each set, got {len(real)} and {len(fake)}"
        )


def _radii(vectors: np.ndarray, neighbors: int) -> np.ndarray:
    """The squared distance of each vector to its k-th nearest other one."""
    radii = np.empty(len(vectors))
    for rows, squares in _squared_distances(vectors, vectors):
        # Each vector is its own nearest neighbor, so the k-th other one has index k.
        radii[rows] = np.partition(squares, neighbors, axis=1)[:, neighbors]
    return radii


def _squared_distances(first: np.ndarray, second: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Yields (rows, squared distances from first[rows] to all of second), a block of rows at a time."""
    first, second = np.asarray(first, "float64"), np.asarray(second, "float64")
    squares = (second**2).sum(axis=1)
    for start in range(0, len(first), _ROWS):
        part = first[start : start + _ROWS]
        squared = part @ second.T
        squared *= -2
        squared += squares
        squared += (part**2).sum(axis=1)[:, None]
        yield slice(start, start + len(part)), squared
