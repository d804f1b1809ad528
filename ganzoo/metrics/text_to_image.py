"""What pictures drawn from sentences show: the colour that was said, detail, and variety."""

import numpy as np

# Degrees on the wheel of hues, from and to; red lies around 0.
HUES = {"red": (340, 20), "yellow": (40, 70), "green": (80, 165), "blue": (180, 260)}
# Below this saturation and brightness a pixel has no hue to speak of.
_LEAST_SATURATION, _LEAST_VALUE = 0.35, 0.25


def dominant_hue(picture):
    """The hue, in degrees, that most of a picture's saturated pixels are near; None where hardly any is saturated.

    Args:
        picture: uint8 (height, width, 3).

    Example:
        dominant_hue(np.full((8, 8, 3), (255, 0, 0), "uint8"))     # 5.0, the middle of 0 to 10
    """
    colours = picture.reshape(-1, 3).astype("float64") / 255.0
    value, low = colours.max(axis=1), colours.min(axis=1)
    spread = value - low
    coloured = (spread > _LEAST_SATURATION * value) & (value > _LEAST_VALUE)
    if coloured.mean() < 0.01:
        return None
    r, g, b = colours[coloured].T
    top, spread = value[coloured], spread[coloured]
    sector = np.select([top == r, top == g], [(g - b) / spread % 6, (b - r) / spread + 2], (r - g) / spread + 4)
    counts, edges = np.histogram(60 * sector % 360, bins=36, range=(0, 360))
    return float(edges[counts.argmax()] + 5.0)


def has_colour(picture, colour):
    """Whether the dominant hue of a picture is one of those that `HUES` calls so."""
    hue = dominant_hue(picture)
    low, high = HUES[colour]
    return hue is not None and (low <= hue <= high if low < high else hue >= low or hue <= high)


def sharpness(pictures):
    """The mean absolute difference of neighbouring pixels, in grey levels, of uint8 (count, height, width, ...)."""
    x = pictures.astype("float64")
    return float((np.abs(np.diff(x, axis=1)).mean() + np.abs(np.diff(x, axis=2)).mean()) / 2)


def variety(pictures):
    """The mean root mean square difference of two of the pictures, in grey levels: 0 where all are the same.

    Args:
        pictures: uint8 (count, height, width, channels), at least two.
    """
    x = pictures.reshape(len(pictures), -1).astype("float64")
    return float(np.mean([np.sqrt(np.mean((x[i] - x[j]) ** 2)) for i in range(len(x)) for j in range(i + 1, len(x))]))


def distinct(captions):
    """The different ones of captions, in order, and the place of each caption among them: two pictures that share one
    are no mistake of who tells captions apart.

    Example:
        distinct(["a cat", "a dog", "a cat"])     # (["a cat", "a dog"], array([0, 1, 0]))
    """
    places = {caption: place for place, caption in enumerate(dict.fromkeys(captions))}
    return list(places), np.array([places[caption] for caption in captions])


def right_among(similarity, own, count, rng):
    """The share of rows whose own column is the most alike among itself and count - 1 others, drawn at random.

    Args:
        similarity: (pictures, captions).
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
