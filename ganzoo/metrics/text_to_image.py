"""Properties of images generated from captions: color, sharpness and variety."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ganzoo.errors import GanzooError

# Ranges of hue in degrees; that of red wraps around 0.
HUES = {"red": (340, 20), "yellow": (40, 70), "green": (80, 165), "blue": (180, 260)}
# Pixels below this saturation or brightness count as colorless.
_LEAST_SATURATION, _LEAST_VALUE = 0.35, 0.25


def dominant_hue(image: np.ndarray) -> float | None:
    """The most frequent hue among an image's saturated pixels, in degrees; None if fewer than 1% are saturated.

    Args:
        image: uint8 (height, width, 3).

    Example:
        from ganzoo.metrics.text_to_image import dominant_hue

        dominant_hue(np.full((8, 8, 3), (255, 0, 0), "uint8"))  # 5.0, the middle of 0 to 10
    """
    colors = image.reshape(-1, 3).astype("float64") / 255.0
    value, low = colors.max(axis=1), colors.min(axis=1)
    spread = value - low
    colored = (spread > _LEAST_SATURATION * value) & (value > _LEAST_VALUE)
    if colored.mean() < 0.01:
        return None
    r, g, b = colors[colored].T
    top, spread = value[colored], spread[colored]
    sector = np.select([top == r, top == g], [(g - b) / spread % 6, (b - r) / spread + 2], (r - g) / spread + 4)
    counts, edges = np.histogram(60 * sector % 360, bins=36, range=(0, 360))
    return float(edges[counts.argmax()] + 5.0)


def has_color(image: np.ndarray, color: str) -> bool:
    """Whether the dominant hue of an image is in the range of `HUES[color]`."""
    hue = dominant_hue(image)
    low, high = HUES[color]
    return hue is not None and (low <= hue <= high if low < high else hue >= low or hue <= high)


def attributes_obeyed(found: np.ndarray, said: np.ndarray, names: Iterable[str]) -> dict[str, float]:
    """How often images show what their captions say, attribute by attribute.

    Args:
        found: int (count, attributes): the numbers of the values that a classifier sees.
        said: int (count, attributes): those that the captions name, -1 of what they leave out.
        names: of the attributes.

    Returns:
        {name: share of the captions naming a value whose image shows it}; attributes that no caption names are missing.

    Example:
        from ganzoo.metrics.text_to_image import attributes_obeyed
        found = attributes_obeyed(np.array([[0, 1], [2, 1]]), np.array([[0, 1], [1, -1]]), ["hair", "mouth"])
        assert found == {"hair": 0.5, "mouth": 1.0}
    """
    named = said >= 0
    right = found == said
    return {name: float(right[:, i].sum() / named[:, i].sum()) for i, name in enumerate(names) if named[:, i].any()}


def right_by_attributes(
    probabilities: Mapping[str, np.ndarray], said: np.ndarray, own: np.ndarray, count: int, rng: np.random.Generator
) -> float:
    """The share of images whose own caption is the likeliest among itself and count - 1 wrong ones, chosen at random.

    Args:
        probabilities: {attribute: (images, its values)}.
        said: int (images, attributes): what the caption of each image names, -1 of what it leaves out.
        own: int (images, attributes): all that each caption's avatar shows. A wrong caption contradicts it: one that
            happens to hold for it as well is none.
        count: captions to choose from.
        rng: a `numpy.random.Generator`.
    """
    # How likely each caption (columns) is to be true of each image (rows).
    score = np.zeros((len(said), len(said)))
    for place, chances in enumerate(probabilities.values()):
        logs = np.log(np.maximum(chances, 1e-12))
        score += np.where(said[:, place] >= 0, logs[:, said[:, place]], 0.0)
    right = 0
    for image, row in enumerate(score):
        contradicting = np.flatnonzero(((said >= 0) & (said != own[image])).any(axis=1))
        chosen = rng.choice(contradicting, min(count - 1, len(contradicting)), replace=False)
        right += row[image] > row[chosen].max(initial=-np.inf)
    return right / len(said)


def has_two_stages(model: Any) -> None:
    """Raises GanzooError for a model without a Stage-II."""
    if getattr(model, "factor", 1) == 1:
        raise GanzooError("this metric compares the two stages of a model, and the model has a single stage")


def sharpness(images: np.ndarray) -> float:
    """The mean absolute difference of neighboring pixels in gray levels, of uint8 (count, height, width, ...)."""
    x = images.astype("float64")
    return float((np.abs(np.diff(x, axis=1)).mean() + np.abs(np.diff(x, axis=2)).mean()) / 2)


def variety(images: np.ndarray) -> float:
    """The mean RMS difference between pairs of images, in gray levels; 0 if all are equal.

    Args:
        images: uint8 (count, height, width, channels), at least two.
    """
    x = images.reshape(len(images), -1).astype("float64")
    return float(np.mean([np.sqrt(np.mean((x[i] - x[j]) ** 2)) for i in range(len(x)) for j in range(i + 1, len(x))]))


def distinct(captions: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """The distinct captions in order, and the index of each caption among them.

    Images that share a caption then count as correct matches for it.

    Example:
        from ganzoo.metrics.text_to_image import distinct

        distinct(["a cat", "a dog", "a cat"])  # (["a cat", "a dog"], array([0, 1, 0]))
    """
    indices = {caption: index for index, caption in enumerate(dict.fromkeys(captions))}
    return list(indices), np.array([indices[caption] for caption in captions])


def right_among(similarity: np.ndarray, own: np.ndarray, count: int, rng: np.random.Generator) -> float:
    """The share of rows whose own column has the highest similarity among itself and count - 1 random others.

    Args:
        similarity: (images, captions).
        own: (images,), the index of each image's own caption.
        count: number of captions to choose from.
        rng: selects the other captions.

    Example:
        from ganzoo.metrics.text_to_image import right_among

        right_among(np.eye(10), np.arange(10), 10, np.random.default_rng(0))  # 1.0
    """
    right = 0
    for row, column in zip(similarity, own):
        others = np.delete(np.arange(len(row)), column)
        chosen = rng.choice(others, min(count - 1, len(others)), replace=False)
        right += row[column] > row[chosen].max(initial=-np.inf)
    return float(right / len(similarity))
