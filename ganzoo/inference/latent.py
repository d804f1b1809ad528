"""Latent space: walks, arithmetic, truncation, and the way back from an image."""

import numpy as np

from ganzoo import pixels
from ganzoo.errors import GanzooError, at_least_one
from ganzoo.inference.counts import allocated, whole_count


def lerp(start: np.ndarray, end: np.ndarray, fractions: float | Sequence[float] | np.ndarray) -> np.ndarray:
    """Points on the straight line from one latent to another.

    Args:
        start, end: (latent_dim,), float.
        fractions: one number or several; 0 is the start, 1 the end.

    Returns:
        float32 (latent_dim,) for one fraction, (count, latent_dim) for several.
    """
    start, end, t = _checked(start, end, fractions)
    return ((1 - t) * start + t * end).astype("float32")


def slerp(start: np.ndarray, end: np.ndarray, fractions: float | Sequence[float] | np.ndarray) -> np.ndarray:
    """Points on the great circle from one latent to another (White 2016, arXiv:1609.04468).

    Normal latents lie near a sphere; a straight line would cut through its inside, where the
    generator has never been. The length changes evenly from the one's to the other's.

    Args, Returns: as `lerp`.

    Example:
        a, b = model.latents(2, seed=0)
        images = model.generate(latents=ganzoo.inference.latent.slerp(a, b, np.linspace(0, 1, 9)))
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


def arithmetic(plus: Sequence[np.ndarray], minus: Sequence[np.ndarray] = ()) -> np.ndarray:
    """Sums of mean latents: smile - neutral + man (Radford et al. 2015, arXiv:1511.06434, section 6.3.2).

    Single latents are unstable; the mean over a few that draw the same thing is not.

    Args:
        plus, minus: lists of groups, each (count, latent_dim) or one latent (latent_dim,).

    Returns:
        float32 (latent_dim,).

    Raises:
        GanzooError: no group, or groups of different lengths.

    Example:
        latent = arithmetic(plus=[smiling_women, neutral_men], minus=[neutral_women])
        image = model.generate(latents=latent[None])
    """
    if not len(plus):
        raise GanzooError("arithmetic needs at least one group to begin with")
    means = [np.atleast_2d(np.asarray(group, "float64")).mean(axis=0) for group in (*plus, *minus)]
    if len({mean.shape for mean in means}) > 1:
        raise GanzooError(f"groups of latents must be of one length, got {[mean.shape[0] for mean in means]}")
    return (sum(means[: len(plus)]) - sum(means[len(plus) :])).astype("float32")


def truncated(count: int, latent_dim: int, limit: float = 1.0, seed: int | None = None) -> np.ndarray:
    """Random latents no number of which is beyond +-limit: those that are, are drawn again.

    The truncation trick (Brock et al. 2018, arXiv:1809.11096, section 3.1): a small limit gives cleaner images
    that are more alike.

    Args:
        count: how many.
        latent_dim: their length.
        limit: largest absolute value, in standard deviations; positive.
        seed: the same seed gives the same latents; None gives new ones each time.

    Returns:
        float32 (count, latent_dim).

    Raises:
        GanzooError: a limit that is not positive, a count or length below 1, or a count beyond the memory.

    Example:
        images = model.generate(latents=truncated(16, model.latent_dim, limit=0.7, seed=0))
    """
    whole_count(count)
    at_least_one(latent_dim=latent_dim)
    if not limit > 0:
        raise GanzooError(f"limit must be positive, got {limit}")
    return allocated(lambda: _truncated(count, latent_dim, limit, seed), f"{count} latents")


def _truncated(count, latent_dim, limit, seed):
    rng = np.random.default_rng(seed)
    if limit < 0.1:  # almost even between the limits, and redrawing would take for ever
        return rng.uniform(-limit, limit, (count, latent_dim)).astype("float32")
    latents = rng.standard_normal((count, latent_dim))
    while (beyond := np.abs(latents) > limit).any():
        latents[beyond] = rng.standard_normal(int(beyond.sum()))
    return latents.astype("float32")


def project(
    model: Any,
    images: np.ndarray,
    labels: Any = None,
    steps: int = 300,
    learning_rate: float = 0.05,
    starts: int = 4,
    prior: float = 1e-3,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """The latents whose images come closest to given ones (Zhu et al. 2016, arXiv:1609.03552, section 3.1, by
    gradient descent).

    Args:
        model: a `ImageGeneration` model.
        images: uint8 (count, height, width, channels), of the model's size.
        labels: their classes, for a model with labels.
        steps: of Adam.
        learning_rate: its step size.
        starts: random latents to begin from for each image; the one that ends closest is kept.
        prior: weight of |latent|^2 / latent_dim, which keeps latents where the generator was trained.
        seed: of the starts.

    Returns:
        (latents float32 (count, latent_dim), errors (count,)): root mean squared differences, in gray levels.

    Raises:
        GanzooError: images of another type or size.

    Example:
        latents, errors = project(model, images)
        rebuilt = model.generate(latents=latents)
    """
    import keras
    from keras import ops

    from ganzoo.backend import input_gradient

    images = pixels.checked(images, model.image_shape, "images to project")
    at_least_one(steps=steps, starts=starts)
    target = ops.convert_to_tensor(pixels.to_float(np.repeat(images, starts, axis=0)))
    condition = [] if labels is None else [np.repeat(model.labels(len(images), labels), starts)]

    def differences(latents):
        drawn = ops.cast(model([latents, *condition] if condition else latents), "float32")
        return ops.mean((drawn - target) ** 2, axis=(1, 2, 3))

    def loss(latents):
        return ops.sum(differences(latents) + prior * ops.mean(latents**2, axis=1))

    start = np.random.default_rng(seed).standard_normal((len(target), model.latent_dim), dtype="float32")
    latents = keras.Variable(start, name="latents")
    optimizer = keras.optimizers.Adam(learning_rate)
    optimizer.build([latents])
    for _ in range(steps):
        optimizer.apply([input_gradient(loss, latents.value)], [latents])
    errors = ops.convert_to_numpy(differences(latents.value)).reshape(-1, starts)
    best = errors.argmin(axis=1)
    found = ops.convert_to_numpy(latents.value).reshape(len(images), starts, -1)[np.arange(len(images)), best]
    return found, np.sqrt(errors.min(axis=1)) * 127.5
