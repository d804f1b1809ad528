"""Latent space: sampling, interpolation, walks, arithmetic, truncation, and projection of images."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ganzoo import pixels
from ganzoo.errors import GanzooError, at_least_one
from ganzoo.inference.counts import allocated, checked_seed, whole_count
from ganzoo.inference.descent import checked_labels, descended


def lerp(start: np.ndarray, end: np.ndarray, fractions: float | Sequence[float] | np.ndarray) -> np.ndarray:
    """Linear interpolation between two latents.

    Args:
        start, end: float (latent_dim,).
        fractions: a number or an array; 0 is the start, 1 the end.

    Returns:
        float32 (latent_dim,) for a number, (count, latent_dim) for an array.

    Example:
        from ganzoo.inference.latent import lerp

        a, b = np.random.default_rng(0).standard_normal((2, 100))
        latents = lerp(a, b, np.linspace(0, 1, 9))     # float32 (9, 100)
    """
    start, end, t = _checked(start, end, fractions)
    return ((1 - t) * start + t * end).astype("float32")


def slerp(start: np.ndarray, end: np.ndarray, fractions: float | Sequence[float] | np.ndarray) -> np.ndarray:
    """Spherical interpolation between two latents (White 2016, arXiv:1609.04468).

    Gaussian latents lie near a sphere; a straight line would pass through its inside, where the generator was not
    trained. The norm is interpolated linearly.

    Args, Returns: as in `lerp`.

    Example:
        from ganzoo.inference.latent import slerp

        model = ganzoo.load("dcgan.digits")
        a, b = model.latents(2, seed=0)
        images = model.generate(latents=slerp(a, b, np.linspace(0, 1, 9)))     # uint8 (9, 28, 28, 1)
    """
    start, end, t = _checked(start, end, fractions)
    lengths = np.linalg.norm(start), np.linalg.norm(end)
    if min(lengths) == 0:
        return lerp(start, end, fractions)
    first, last = start / lengths[0], end / lengths[1]
    angle = np.arccos(np.clip(first @ last, -1.0, 1.0))
    if np.sin(angle) < 1e-6:  # the same or the opposite direction, where the great circle is not unique
        return lerp(start, end, fractions)
    direction = (np.sin((1 - t) * angle) * first + np.sin(t * angle) * last) / np.sin(angle)
    return (direction * ((1 - t) * lengths[0] + t * lengths[1])).astype("float32")


def _checked(start, end, fractions):
    start, end = np.asarray(start, "float64"), np.asarray(end, "float64")
    if start.ndim != 1 or start.shape != end.shape:
        raise GanzooError(f"two latents of shape (latent_dim,) are needed, got {start.shape} and {end.shape}")
    return start, end, np.asarray(fractions, "float64")[..., None]


def arithmetic(plus: Sequence[np.ndarray], minus: Sequence[np.ndarray] = ()) -> np.ndarray:
    """Vector arithmetic on mean latents: smile - neutral + man (Radford et al. 2015, arXiv:1511.06434, section 6.3.2).

    Single latents are unstable; the mean over a few latents of images with the same attribute is not.

    Args:
        plus, minus: lists of groups, each (count, latent_dim) or a single latent (latent_dim,).

    Returns:
        float32 (latent_dim,).

    Raises:
        GanzooError: there is no group, a group is empty, or latents have different lengths.

    Example:
        from ganzoo.inference.latent import arithmetic

        model = ganzoo.load("dcgan.digits")
        smiling_women, neutral_women, neutral_men = model.latents(9, seed=0).reshape(3, 3, -1)
        latent = arithmetic(plus=[smiling_women, neutral_men], minus=[neutral_women])
        image = model.generate(latents=latent[None])     # uint8 (1, 28, 28, 1)
    """
    if not len(plus):
        raise GanzooError("arithmetic needs at least one group")
    if not all(np.size(group) for group in (*plus, *minus)):
        raise GanzooError("a group of latents is empty, so it has no mean")
    means = [np.atleast_2d(np.asarray(group, "float64")).mean(axis=0) for group in (*plus, *minus)]
    if len({mean.shape for mean in means}) > 1:
        raise GanzooError(f"latents must have the same length, got {[mean.shape[0] for mean in means]}")
    return (sum(means[: len(plus)]) - sum(means[len(plus) :])).astype("float32")


def truncated(count: int, latent_dim: int, limit: float = 1.0, seed: int | None = None) -> np.ndarray:
    """Latents from a normal distribution truncated to [-limit, limit].

    The truncation trick (Brock et al. 2018, arXiv:1809.11096, section 3.1): values outside are resampled. A small
    limit gives cleaner but less diverse images. Values inside are those of a model's latents of the same seed.

    Args:
        count: number of latents.
        latent_dim: length of a latent.
        limit: largest absolute value, in standard deviations; positive.
        seed: the same seed gives the same latents; None gives new ones each time.

    Returns:
        float32 (count, latent_dim).

    Raises:
        GanzooError: the limit is not positive, the count or length is below 1, or the result does not fit in memory.

    Example:
        from ganzoo.inference.latent import truncated

        model = ganzoo.load("dcgan.digits")
        latents = truncated(16, model.latent_dim, limit=0.7, seed=0)
        images = model.generate(latents=latents)     # uint8 (16, 28, 28, 1), as generate(16, seed=0, truncation=0.7)
    """
    whole_count(count)
    at_least_one(latent_dim=latent_dim)
    latents = Latents(count, latent_dim, seed, limit)
    return allocated(lambda: latents.next(count), f"{count} latents")


def walk(points: np.ndarray, frames: int) -> Iterator[np.ndarray]:
    """Latents of a closed walk through given points, by spherical interpolation (`slerp`).

    Args:
        points: float (points, latent_dim), at least 2.
        frames: latents from each point to the next, the first of them the point itself.

    Yields:
        float32 (latent_dim,), `points * frames` times. The last one is followed by the first.

    Raises:
        GanzooError: less than 2 points, or less than 1 frame.

    Example:
        from ganzoo.inference.latent import walk

        model = ganzoo.load("dcgan.digits")
        images = model.generate(latents=np.stack(list(walk(model.latents(3, seed=0), 5))))     # uint8 (15, 28, 28, 1)
    """
    points = np.asarray(points)
    if points.ndim != 2 or len(points) < 2:
        raise GanzooError(f"a walk needs at least 2 points, (points, latent_dim), got shape {points.shape}")
    at_least_one(frames=frames)
    for start, end in zip(points, np.roll(points, -1, axis=0)):
        for frame in range(frames):
            yield slerp(start, end, frame / frames)


class Latents:
    """Latents sampled batch by batch, so that a large count needs little memory.

    Args:
        count: number of latents.
        length: length of each.
        seed: the values do not depend on the batch size, and a larger count begins with the same values; None gives
            new ones each time.
        limit: truncates the normal distribution to [-limit, limit], as `truncated`; None does not.
        given: float32 (count, length), used instead of random latents.

    Raises:
        GanzooError: the limit is not positive.

    Example:
        from ganzoo.inference.latent import Latents

        source = Latents(100, 64, seed=0)
        first, second = source.next(50), source.next(50)     # float32 (50, 64) each
    """

    def __init__(
        self,
        count: int,
        length: int,
        seed: int | None = None,
        limit: float | None = None,
        given: np.ndarray | None = None,
    ) -> None:
        if limit is not None and (not isinstance(limit, (int, float, np.number)) or not limit > 0):
            raise GanzooError(f"truncation must be a positive number, got {limit!r}")
        self.count, self.length, self.limit = count, length, limit
        self._given, self._end = given, 0
        self._rng = np.random.default_rng(checked_seed(seed))
        if limit is not None:
            # For the values beyond the limit; every value takes one number, so that none depends on another.
            self._again = np.random.default_rng(None if seed is None else [seed, 3])

    def next(self, count: int) -> np.ndarray:
        """The next `count` latents, float32 (count, length)."""
        self._end += count
        if self._given is not None:
            return self._given[self._end - count : self._end]
        latents = self._rng.standard_normal((count, self.length), dtype="float32")
        if self.limit is None:
            return latents
        from scipy.special import ndtr, ndtri

        lowest, highest = ndtr(-self.limit), ndtr(self.limit)
        again = self._again.random((count, self.length))
        inside = np.clip(ndtri(lowest + (highest - lowest) * again), -self.limit, self.limit)
        return np.where(np.abs(latents) <= self.limit, latents, inside).astype("float32")


def project(
    model: Any,
    images: np.ndarray,
    labels: Any = None,
    steps: int = 300,
    learning_rate: float = 0.15,
    starts: int = 4,
    prior: float = 1e-3,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Latents whose generated images come closest to given images, by gradient descent (Zhu et al. 2016,
    arXiv:1609.03552, section 3.1).

    Args:
        model: an `ImageGeneration` model.
        images: uint8 (count, height, width, channels), of the model's size.
        labels: their classes, for a conditional model.
        steps: number of steps of Adam.
        learning_rate: its initial learning rate, which falls to 0 along a cosine.
        starts: random initial latents per image; the best result is returned.
        prior: weight of |latent|^2 / latent_dim, which keeps latents where the generator was trained.
        seed: seed of the initial latents.

    Returns:
        (latents float32 (count, latent_dim), errors (count,)): errors are root mean squared differences, in gray
        levels.

    Raises:
        GanzooError: the images have another type or size.

    Example:
        from ganzoo.inference.latent import project

        model = ganzoo.load("dcgan.digits")
        latents, errors = project(model, model.generate(1, seed=0), steps=2, starts=1)     # float32 (1, 64) and (1,)
    """
    images = pixels.checked(images, model.image_shape, "images to project")
    at_least_one(steps=steps, starts=starts)
    given: dict[str, Any] = {}
    if (numbers := checked_labels(model, labels, len(images), "projection")) is not None:
        given["labels"] = np.repeat(numbers, starts)
    targets = pixels.to_float(np.repeat(images, starts, axis=0))
    height, width, _ = model.image_shape
    everywhere = np.full((1, height, width, 1), 1 / (height * width), "float32")
    start = np.random.default_rng(checked_seed(seed)).standard_normal((len(targets), model.latent_dim), dtype="float32")
    latents = descended(model, start, targets, everywhere, steps, learning_rate, prior, **given)
    differences = pixels.to_float(model.generate(latents=latents, **given)) - targets
    errors = np.mean(differences**2, axis=(1, 2, 3)).reshape(-1, starts)
    best = errors.argmin(axis=1)
    found = latents.reshape(len(images), starts, -1)[np.arange(len(images)), best]
    return found, np.sqrt(errors.min(axis=1)) * 127.5
