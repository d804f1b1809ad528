"""Editing on the manifold of a generator: paint on a generated image, and the nearest images that agree follow."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ganzoo import pixels
from ganzoo.errors import GanzooError, at_least_one
from ganzoo.inference.counts import checked_seed, whole_count
from ganzoo.inference.descent import checked_labels, descended
from ganzoo.inference.latent import slerp

# Of an edit: all are optimized in one batch.
_MOST_CANDIDATES = 64
# Two candidates differ by at least this root mean squared difference, in gray levels.
_LEAST_DIFFERENCE = 2.0
# Starts per candidate: some end at almost the same image or far from the painting, and are left out.
_STARTS = 2
# Errors up to this multiple of the smallest are about as good.
_ABOUT_AS_GOOD = 1.25
# Of Adam. With a smaller one, the first steps would lead far away from an image that almost agrees, as they would not
# depend on the size of the gradient.
_EPSILON = 1e-3
# Alpha below this is an edge of a stroke, whose color is imprecise.
_LEAST_ALPHA = 8
# How far a color may be from the keep color in each channel: brushes blend it at the edges of strokes.
_TOLERANCE = 24


@dataclass(frozen=True)
class Edited:
    """The candidates of an edit, the best first.

    Attributes:
        latents: float32 (count, latent_dim).
        images: uint8 (count, height, width, channels).
        errors: (count,) root mean squared differences from the painted and the kept pixels, in gray levels, ascending.
    """

    latents: np.ndarray
    images: np.ndarray
    errors: np.ndarray


def edit(
    model: Any,
    latent: np.ndarray,
    painted: np.ndarray,
    mask: np.ndarray,
    keep: np.ndarray | None = None,
    labels: Any = None,
    candidates: int = 4,
    steps: int = 100,
    learning_rate: float = 0.1,
    rest: float = 0.1,
    pull: float = 0.01,
    prior: float = 1e-3,
    variation: float = 0.5,
    seed: int = 0,
) -> Edited:
    """Images of the generator that agree with what was painted on one of its images, by gradient descent on the latent
    (Zhu et al. 2016, arXiv:1609.03552, section 3.2, equation 5).

    Painted pixels should get the painted color and kept pixels stay as they are. Each candidate starts from another
    latent: the given one and random ones near it.

    Args:
        model: an `ImageGeneration` model.
        latent: float32 (latent_dim,) of the image that was painted on; `ganzoo.inference.latent.project` finds that of
            an image that the model did not generate.
        painted: uint8 (height, width, channels), the colors; only pixels of the mask count.
        mask: (height, width), bool, or the opacity of the paint in [0, 1]: the weights of the painted pixels.
        keep: the same of the pixels to keep; None for none. Paint takes precedence.
        labels: the class of the image, for a conditional model.
        candidates: largest number of candidates, up to 64. There are fewer if the search finds fewer different images.
        steps, learning_rate: of Adam, whose learning rate falls to 0.
        rest: how much pixels that are neither painted nor kept should stay as they are, from 0 for not at all to 1
            for as much as kept ones.
        pull: weight of |latent - start|^2 / latent_dim, which keeps the image similar.
        prior: weight of |latent|^2 / latent_dim, which keeps latents where the generator was trained.
        variation: how far the starts are from the given latent, from 0 to 1 for random ones.
        seed: seed of the starts.

    Returns:
        The candidates.

    Raises:
        GanzooError: arrays of other shapes, nothing painted and nothing kept, or numbers out of range.

    Example:
        from ganzoo.inference.editing import edit

        model = ganzoo.load("dcgan.fashion_mnist")
        latent = model.latents(1, seed=0)[0]
        mask = np.zeros((28, 28), bool)
        mask[10:18, 12:16] = True
        result = edit(model, latent, np.full((28, 28, 1), 255, "uint8"), mask, candidates=2, steps=10)
        result.images     # uint8 (2, 28, 28, 1)
    """
    latent = model.latents(latents=np.asarray(latent)[None])[0]
    painted = pixels.checked(np.asarray(painted)[None], model.image_shape, "painted colors")
    paint = _weights(mask, model.image_shape, "mask")
    kept = (1 - paint) * (0 if keep is None else _weights(keep, model.image_shape, "keep"))
    if not paint.any() and not kept.any():
        raise GanzooError("nothing is painted: paint on the image first")
    whole_count(candidates)
    if candidates > _MOST_CANDIDATES:
        raise GanzooError(f"candidates must be at most {_MOST_CANDIDATES}, got {candidates}")
    at_least_one(steps=steps)
    for name, number in dict(rest=rest, variation=variation).items():
        if not 0 <= number <= 1:
            raise GanzooError(f"{name} must be between 0 and 1, got {number}")

    given: dict[str, Any] = {}
    starts = _starts(latent, candidates * _STARTS if candidates > 1 else 1, variation, seed)
    if (numbers := checked_labels(model, labels, 1, "editing")) is not None:
        given["labels"] = np.repeat(numbers, len(starts))
    before = model.generate(latents=latent[None], **{name: values[:1] for name, values in given.items()})
    targets = np.where(paint[..., None] > 0, painted, before)
    weights = _shares(paint) + _shares(kept) + rest * _shares((1 - paint) * (1 - kept))
    weights = weights[None, ..., None]
    options: dict[str, Any] = dict(prior=prior, pull=pull, epsilon=_EPSILON)
    found = descended(model, starts, pixels.to_float(targets), weights, steps, learning_rate, **options, **given)
    images = model.generate(latents=found, **given)
    counted = _shares(paint + kept)[None, ..., None]
    squares = (images.astype("float32") - targets) ** 2 * counted
    errors = np.sqrt(squares.mean(axis=-1).sum(axis=(1, 2)))
    chosen = _distinct(images, errors, candidates)
    return Edited(found[chosen], images[chosen], errors[chosen])


def _weights(mask, image_shape, name):
    mask = np.asarray(mask)
    if mask.shape != tuple(image_shape[:2]) or mask.dtype.kind not in "bf":
        raise GanzooError(
            f"{name} must be bool or float of shape {tuple(image_shape[:2])}, got {mask.dtype} {mask.shape}"
        )
    mask = mask.astype("float32")
    if not ((mask >= 0) & (mask <= 1)).all():
        raise GanzooError(f"{name} must be between 0 and 1")
    return mask


def _shares(weights):
    """Weights with the sum 1, or 0 if all are 0."""
    return weights / max(weights.sum(), 1e-6)


def _starts(latent, count, variation, seed):
    """The latent, and random ones between it and independent ones, of about its length."""
    noise = np.random.default_rng(checked_seed(seed)).standard_normal((count - 1, len(latent)), dtype="float32")
    noise *= np.linalg.norm(latent) / np.sqrt(len(latent))
    return np.stack([latent, *(slerp(latent, other, variation) for other in noise)])


def _distinct(images, errors, count):
    """Indices of images of small errors that differ most from each other, in the order of their errors."""
    flat = images.reshape(len(images), -1).astype("float32")
    # Among images that agree about as well as the best, as long as there are enough.
    good = max(np.sort(errors)[:count][-1], _ABOUT_AS_GOOD * errors.min())
    chosen = [int(errors.argmin())]
    while len(chosen) < count:
        distances = np.min([np.sqrt(np.mean((flat - flat[i]) ** 2, axis=1)) for i in chosen], axis=0)
        distances[errors > good] = 0
        if distances.max() < _LEAST_DIFFERENCE:
            break
        chosen.append(int(distances.argmax()))
    return sorted(chosen, key=lambda i: errors[i])


def before_and_after(
    model: Any, before: np.ndarray, after: np.ndarray, count: int = 9, labels: Any = None
) -> np.ndarray:
    """The images between the one before an edit and the one after it.

    Args:
        model: an `ImageGeneration` model.
        before, after: float32 (latent_dim,).
        count: number of images, including both.
        labels: the class of the images, for a conditional model.

    Returns:
        uint8 (count, height, width, channels).

    Example:
        from ganzoo.inference.editing import before_and_after

        model = ganzoo.load("dcgan.fashion_mnist")
        before, after = model.latents(2, seed=0)
        images = before_and_after(model, before, after, count=5)     # uint8 (5, 28, 28, 1)
    """
    whole_count(count)
    latents = slerp(before, after, np.linspace(0, 1, count))
    numbers = checked_labels(model, labels, count, "editing")
    return model.generate(latents=latents, **({} if numbers is None else {"labels": numbers}))


def strokes(
    layer: np.ndarray, image_shape: tuple[int, int, int], keep_color: tuple[int, int, int] | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a transparent layer of a paint program asks of an image, for `edit`.

    Each pixel of the image gets the mean color of the paint on it; its opacity is the share of its area that is
    painted.

    Args:
        layer: uint8 (any height, any width, 4), RGBA.
        image_shape: (height, width, channels) of the model's images; with one channel, colors become gray.
        keep_color: RGB of the strokes that mark what to keep.

    Returns:
        (painted uint8 image_shape, mask float32 (height, width), keep float32 (height, width)).

    Raises:
        GanzooError: a layer of another type or shape.

    Example:
        from ganzoo.inference.editing import strokes

        layer = np.zeros((448, 448, 4), "uint8")
        layer[300:, 100:300] = 200, 30, 30, 255
        painted, mask, keep = strokes(layer, (64, 64, 3))
    """
    layer = np.asarray(layer)
    if layer.dtype != np.uint8 or layer.ndim != 3 or layer.shape[2] != 4 or not layer.size:
        raise GanzooError(f"a layer is uint8 (height, width, 4), got {layer.dtype} {layer.shape}")
    alpha = np.where(layer[..., 3] < _LEAST_ALPHA, 0, layer[..., 3]) / np.float32(255)
    colors = layer[..., :3].astype("float32")
    marks = np.zeros(alpha.shape, bool)
    if keep_color is not None:
        marks = (np.abs(colors - np.asarray(keep_color, "float32")) <= _TOLERANCE).all(axis=-1) & (alpha > 0)
    if image_shape[2] == 1:
        # As Pillow converts RGB to gray.
        colors = colors @ np.array([[0.299], [0.587], [0.114]], "float32")
    elif image_shape[2] != 3:
        raise GanzooError(f"images of 1 or 3 channels can be painted on, not {image_shape[2]}")
    size = tuple(image_shape[:2])
    alpha = np.where(marks, 0, alpha)
    mask = _area_means(alpha, size)
    keep = _area_means(marks.astype("float32"), size)
    sums = np.stack([_area_means(alpha * colors[..., i], size) for i in range(image_shape[2])], axis=-1)
    painted = sums / np.maximum(mask, 1e-6)[..., None]
    return np.clip(np.rint(painted), 0, 255).astype("uint8"), mask.clip(0, 1), keep.clip(0, 1)


def _area_means(plane, size):
    from PIL import Image

    height, width = size
    image = Image.fromarray(plane.astype("float32")).resize((width, height), Image.Resampling.BOX)
    return np.asarray(image, "float32")
