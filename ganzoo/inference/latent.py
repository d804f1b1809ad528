"""Walks through latent space."""

import numpy as np

from ganzoo.errors import GanzooError


def lerp(start, end, fractions):
    """Points on the straight line from one latent to another.

    Args:
        start, end: (latent_dim,), float.
        fractions: one number or several; 0 is the start, 1 the end.

    Returns:
        float32 (latent_dim,) for one fraction, (count, latent_dim) for several.
    """
    start, end, t = _checked(start, end, fractions)
    return ((1 - t) * start + t * end).astype("float32")


def slerp(start, end, fractions):
    """Points on the great circle from one latent to another (White 2016, arXiv:1609.04468).

    Normal latents lie near a sphere; a straight line would cut through its inside, where the
    generator has never been. The length changes evenly from the one's to the other's.

    Args, Returns: as `lerp`.

    Example:
        a, b = model.latents(2, seed=0)
        pictures = model.generate(latents=ganzoo.inference.latent.slerp(a, b, np.linspace(0, 1, 9)))
    """
    start, end, t = _checked(start, end, fractions)
    lengths = np.linalg.norm(start), np.linalg.norm(end)
    if min(lengths) == 0:
        return lerp(start, end, fractions)
    first, last = start / lengths[0], end / lengths[1]
    angle = np.arccos(np.clip(first @ last, -1.0, 1.0))
    if np.sin(angle) < 1e-6:  # the same direction, or the opposite one, where no circle is greater than others
        return lerp(start, end, fractions)
    direction = (np.sin((1 - t) * angle) * first + np.sin(t * angle) * last) / np.sin(angle)
    return (direction * ((1 - t) * lengths[0] + t * lengths[1])).astype("float32")


def _checked(start, end, fractions):
    start, end = np.asarray(start, "float64"), np.asarray(end, "float64")
    if start.ndim != 1 or start.shape != end.shape:
        raise GanzooError(f"two latents of shape (latent_dim,) are needed, got {start.shape} and {end.shape}")
    return start, end, np.asarray(fractions, "float64")[..., None]
