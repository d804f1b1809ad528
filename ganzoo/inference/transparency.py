"""What a network is shown of an image with transparent parts."""

import numpy as np

# Pixels around a transparent one whose colors may show through when the image is enlarged.
_RADIUS = 4
# Alpha below which the color of a pixel counts less than that of more visible pixels around it: it is hardly seen, and
# files that were stored premultiplied have lost it to rounding.
_HARDLY_VISIBLE = 1 / 8


def visible_colors(image: np.ndarray) -> np.ndarray:
    """The colors of an image with alpha, where those of transparent pixels are replaced.

    A network looks at neighboring pixels, so the color of a transparent one, often black, would bleed into the visible
    ones. It gets the color of the nearest visible pixel instead, whatever it was. Colors of pixels that are hardly
    visible, of an alpha below 1/8 beside more visible ones, are mixed with those of their surroundings, weighted by
    alpha. All other colors stay as they are.

    Args:
        image: uint8 or uint16 (height, width, channels), the last channel being alpha.

    Returns:
        The same type, (height, width, channels - 1); the image's own values if it is opaque.

    Example:
        visible_colors(np.uint8([[[9, 9, 9, 255], [0, 0, 0, 0]]]))     # [[[9, 9, 9], [9, 9, 9]]]
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
