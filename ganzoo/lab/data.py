"""The two-dimensional distributions of the laboratory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ganzoo.errors import GanzooError, at_least_one, unknown

# Points that stand for a distribution; each batch is sampled from them.
POOL = 4096
# Everything lies in [-LIMIT, LIMIT], which is also what images show.
LIMIT = 3.0
# Deviation that makes a distribution of a visitor's own points, and the most points that are taken.
_OWN_DEVIATION, MOST_OWN = 0.05, 2000


@dataclass(frozen=True, eq=False)
class Points:
    """A sample of a two-dimensional distribution.

    Attributes:
        points: float32 (count, 2).
        labels: int32 (count,), the class of each point: its mode, moon, line or third of the spiral.
        centers: (modes, 2), or None for a distribution without separate modes.
        tolerance: distance from a center within which a point belongs to its mode.
    """

    points: np.ndarray
    labels: np.ndarray
    centers: np.ndarray | None = None
    tolerance: float = 0.2

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self.labels.max()) + 1


def sample(data: str | Any, count: int = POOL, seed: int = 0) -> Points:
    """Samples a distribution.

    Args:
        data: "ring" (eight Gaussians on a circle of radius 2), "grid" (25 Gaussians), "moons", "spiral", "lines" (two
            parallel ones), "point" (one Gaussian at (1.5, 0)); or points of your own, (any, 2) in [-3, 3], which are
            sampled with a little noise.
        count: number of points.
        seed: of the random numbers.

    Raises:
        GanzooError: an unknown name, a count that is not an integer of at least 1, or points that are not (any, 2),
            finite and in [-3, 3].

    Example:
        from ganzoo.lab.data import sample

        ring = sample("ring", 100, seed=1)
        ring.centers.shape                      # (8, 2)
    """
    at_least_one(count=count)
    rng = np.random.default_rng(seed)
    if not isinstance(data, str):
        return _own(data, count, rng)
    if data not in DISTRIBUTIONS:
        raise unknown("distribution", data, DISTRIBUTIONS)
    return DISTRIBUTIONS[data](count, rng)


def _own(given: Sequence[Any], count: int, rng: np.random.Generator) -> Points:
    try:
        points = np.asarray(given, "float32")
    except (TypeError, ValueError):
        points = np.empty(0, "float32")
    if points.ndim != 2 or points.shape[1] != 2 or not 1 <= len(points) <= MOST_OWN:
        raise GanzooError(f"points of your own are pairs of numbers, from 1 to {MOST_OWN}, e.g. [[0, 1], [0.5, -1]]")
    if not (np.abs(points) <= LIMIT).all():
        raise GanzooError(f"points of your own must lie in [-{LIMIT:g}, {LIMIT:g}]")
    chosen = points[rng.integers(0, len(points), count)] + rng.normal(0, _OWN_DEVIATION, (count, 2))
    return _of(chosen, np.zeros(count))


def _of(points: np.ndarray, labels: np.ndarray, centers: np.ndarray | None = None, tolerance: float = 0.2) -> Points:
    return Points(points.astype("float32"), np.asarray(labels, "int32"), centers, tolerance)


def _gaussians(centers: np.ndarray, deviation: float, tolerance: float) -> Callable[..., Points]:
    def of(count: int, rng: np.random.Generator) -> Points:
        labels = rng.integers(0, len(centers), count)
        return _of(centers[labels] + rng.normal(0, deviation, (count, 2)), labels, centers, tolerance)

    return of


def _moons(count: int, rng: np.random.Generator) -> Points:
    labels, angle = rng.integers(0, 2, count), np.pi * rng.random(count)
    upper = np.stack([np.cos(angle) - 0.5, np.sin(angle) - 0.25], axis=1)
    points = np.where(labels[:, None] == 0, upper, -upper)
    return _of(1.4 * points + rng.normal(0, 0.06, (count, 2)), labels)


def _spiral(count: int, rng: np.random.Generator) -> Points:
    # The root spreads the points evenly along the arm.
    place = np.sqrt(rng.random(count))
    angle = 3.5 * np.pi * place
    points = 2.3 * place[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return _of(points + rng.normal(0, 0.05, (count, 2)), np.minimum(3 * place, 2))


def _lines(count: int, rng: np.random.Generator) -> Points:
    labels = rng.integers(0, 2, count)
    points = np.stack([2.0 * labels - 1, rng.uniform(-1.5, 1.5, count)], axis=1)
    return _of(points + rng.normal(0, 0.02, (count, 2)), labels)


_ANGLES = 2 * np.pi * np.arange(8) / 8
_RING = 2 * np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)
_GRID = np.stack(np.meshgrid(np.arange(-2.0, 3), np.arange(-2.0, 3)), axis=-1).reshape(-1, 2)

# {name: function from (count, random numbers) to Points}. The ring is that of Metz et al. 2016 (arXiv:1611.02163).
DISTRIBUTIONS: dict[str, Callable[[int, np.random.Generator], Points]] = {
    "ring": _gaussians(_RING, 0.02, 0.2),
    "grid": _gaussians(_GRID, 0.05, 0.2),
    "moons": _moons,
    "spiral": _spiral,
    "lines": _lines,
    "point": _gaussians(np.array([[1.5, 0.0]]), 0.02, 0.2),
}
