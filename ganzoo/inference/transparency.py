"""Colors of transparent pixels, as input for a network."""

from collections.abc import Sequence

import numpy as np

from ganzoo.errors import GanzooError

# Radius in pixels within which the colors of transparent pixels may bleed into visible ones when upscaling.
_RADIUS = 4
# Below this alpha the color of a pixel counts less than that of more visible pixels around it: it is hardly seen, and
# imprecise in images that were stored with premultiplied alpha.
_HARDLY_VISIBLE = 1 / 8


def visible_colors(image: np.ndarray) -> np.ndarray:
    """The colors of an image with alpha, with the colors of transparent pixels replaced.

    A network's output depends on neighboring pixels, so the color of transparent pixels, often black, would bleed into
    visible ones. They get the color of the nearest visible pixel instead. Colors of barely visible pixels, with an
    alpha below 1/8 next to more visible ones, are blended with their surroundings, weighted by alpha. All other colors
    are unchanged.

    Args:
        image: uint8 or uint16 (height, width, channels), the last channel being alpha.

    Returns:
        (height, width, channels - 1) of the same type; a view of the image if it is opaque.

    Example:
        from ganzoo.inference.transparency import visible_colors

        visible_colors(np.array([[[9, 9, 9, 255], [0, 0, 0, 0]]], "uint8"))     # [[[9, 9, 9], [9, 9, 9]]]
    """
    from scipy.ndimage import distance_transform_edt, gaussian_filter, maximum_filter

    colors, alpha = image[..., :-1], image[..., -1]
    most = np.iinfo(image.dtype).max
    if (alpha == most).all():
        return colors
    if not alpha.any():
        return np.zeros_like(colors)
    opacity = alpha.astype("float32") / most
    reference = np.minimum(maximum_filter(opacity, size=2 * _RADIUS + 1, mode="nearest"), _HARDLY_VISIBLE)
    # 1 for a pixel that keeps its own color.
    share = np.minimum(opacity / np.maximum(reference, opacity.dtype.type(1e-6)), 1)

    def around(plane):
        return gaussian_filter(plane, _RADIUS / 2, mode="nearest", truncate=2)

    total = np.maximum(around(opacity), 1e-9)
    mixed = np.empty_like(colors)
    for channel in range(colors.shape[2]):
        plane = colors[..., channel].astype("float32")
        mean = around(plane * opacity) / total
        mixed[..., channel] = np.clip(np.rint(share * plane + (1 - share) * mean), 0, most)
    nearest = distance_transform_edt(alpha == 0, return_distances=False, return_indices=True)
    return mixed[tuple(nearest)]


def checked_background(background: Sequence[int]) -> None:
    """Checks that a background is a color.

    Raises:
        GanzooError: it is not three numbers in 0..255.
    """
    try:
        color = np.asarray(background, "float64")
        is_color = color.shape == (3,) and bool(((color >= 0) & (color <= 255)).all())
    except (TypeError, ValueError):
        is_color = False
    if not is_color:
        raise GanzooError(f"background is (red, green, blue) in 0..255, got {background!r}")


def over_background(image: np.ndarray, background: Sequence[int]) -> np.ndarray:
    """An image with alpha, composed over a background.

    Args:
        image: uint8 (height, width, 4).
        background: (red, green, blue) in 0..255.

    Returns:
        uint8 (height, width, 3).

    Example:
        from ganzoo.inference.transparency import over_background

        over_background(np.array([[[9, 9, 9, 255], [0, 0, 0, 0]]], "uint8"), (255, 255, 255))   # [[9, ...], [255, ...]]
    """
    opacity = image[..., 3:].astype("float32") / 255
    return np.rint(opacity * image[..., :3] + (1 - opacity) * np.asarray(background, "float32")).astype("uint8")


def without_background(colors: np.ndarray, alpha: np.ndarray, background: Sequence[int]) -> np.ndarray:
    """The inverse of `over_background`: an image that gives these colors over this background, as far as possible.

    Args:
        colors: uint8 (height, width, 3).
        alpha: uint8 (height, width), of the result.
        background: (red, green, blue) in 0..255.

    Returns:
        uint8 (height, width, 4).

    Example:
        from ganzoo.inference.transparency import without_background

        half = np.array([[128]], "uint8")
        without_background(np.array([[[127, 127, 127]]], "uint8"), half, (255, 255, 255))   # nearly black, alpha 128
    """
    opacity = np.maximum(alpha[..., None].astype("float32") / 255, 1e-3)
    behind = np.asarray(background, "float32")
    own = np.clip(np.rint(behind + (colors - behind) / opacity), 0, 255).astype("uint8")
    return np.concatenate([np.where(alpha[..., None] == 0, colors, own), alpha[..., None]], axis=2)
