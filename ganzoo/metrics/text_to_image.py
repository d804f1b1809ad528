"""What images drawn from sentences show: the color that was said, detail, and variety."""

import numpy as np

# Degrees on the wheel of hues, from and to; red lies around 0.
HUES = {"red": (340, 20), "yellow": (40, 70), "green": (80, 165), "blue": (180, 260)}
# Below this saturation and brightness a pixel has no hue to speak of.
_LEAST_SATURATION, _LEAST_VALUE = 0.35, 0.25


def dominant_hue(image):
    """The hue, in degrees, that most of an image's saturated pixels are near; None where hardly any is saturated.

    Args:
        image: uint8 (height, width, 3).

    Example:
        dominant_hue(np.full((8, 8, 3), (255, 0, 0), "uint8"))     # 5.0, the middle of 0 to 10
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


def has_color(image, color):
    """Whether the dominant hue of an image is one of those that `HUES` calls so."""
    hue = dominant_hue(image)
    low, high = HUES[color]
    return hue is not None and (low <= hue <= high if low < high else hue >= low or hue <= high)


def sharpness(images):
    """The mean absolute difference of neighboring pixels, in gray levels, of uint8 (count, height, width, ...)."""
    x = images.astype("float64")
    return float((np.abs(np.diff(x, axis=1)).mean() + np.abs(np.diff(x, axis=2)).mean()) / 2)


def variety(images):
    """The mean root mean square difference of two of the images, in gray levels: 0 where all are the same.

    Args:
        images: uint8 (count, height, width, channels), at least two.
    """
    x = images.reshape(len(images), -1).astype("float64")
    return float(np.mean([np.sqrt(np.mean((x[i] - x[j]) ** 2)) for i in range(len(x)) for j in range(i + 1, len(x))]))


def distinct(captions):
    """The different ones of captions, in order, and the place of each caption among them: two images that share one
    are no mistake of who tells captions apart.

    Example:
        distinct(["a cat", "a dog", "a cat"])     # (["a cat", "a dog"], array([0, 1, 0]))
    """
    places = {caption: place for place, caption in enumerate(dict.fromkeys(captions))}
    return list(places), np.array([places[caption] for caption in captions])


def right_among(similarity, own, count, rng):
    """The share of rows whose own column is the most alike among itself and count - 1 others, drawn at random.

    Args:
        similarity: (images, captions).
        own: the column of each row.
        count: captions to choose from.
        rng: a `numpy.random.Generator`.

    Example:
        right_among(np.eye(10), np.arange(10), 10, np.random.default_rng(0))     # 1.0
    """
    right = 0
    for row, column in zip(similarity, own):
        others = np.delete(np.arange(len(row)), column)
        chosen = rng.choice(others, min(count - 1, len(others)), replace=False)
        right += row[column] > row[chosen].max()
    return float(right / len(similarity))
