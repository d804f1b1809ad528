"""How close an image is to its reference: PSNR and SSIM, on luma or RGB."""

import numpy as np

from ganzoo.errors import GanzooError


def psnr(image: np.ndarray, reference: np.ndarray, channel: str = "y", crop: int = 0) -> float:
    """Peak signal-to-noise ratio in dB, infinite for equal images.

    Args:
        image, reference: uint8 (height, width, 1 or 3).
        channel: "y" compares the luma of ITU-R BT.601, as papers on super-resolution do; "rgb" all channels.
        crop: pixels cropped at each border; papers use the scale factor.

    Raises:
        GanzooError: images of another type, of different shapes, or too small for the crop.

    Example:
        reference = np.random.default_rng(0).integers(0, 240, (32, 32, 3), "uint8")
        print(ganzoo.metrics.psnr(reference + 10, reference, "rgb", crop=4))  # 28.13
    """
    x, y = _compared(image, reference, channel, crop, 1)
    error = np.mean((x - y) ** 2)
    return float(10 * np.log10(255.0**2 / error)) if error else float("inf")


def ssim(image: np.ndarray, reference: np.ndarray, channel: str = "y", crop: int = 0) -> float:
    """Structural similarity (Wang et al. 2004, doi:10.1109/TIP.2003.819861), 1 for equal images.

    As in the paper: a Gaussian window of 11x11 with a standard deviation of 1.5, K1 = 0.01, K2 = 0.03, and the mean
    over windows that lie entirely inside the image. For "rgb", the mean over the channels.

    Args, Raises: as `psnr`.

    Example:
        image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), "uint8")
        print(ganzoo.metrics.ssim(image, image))  # 1.0
    """
    x, y = _compared(image, reference, channel, crop, 11)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mean_x, mean_y = _blurred(x), _blurred(y)
    variance_x = _blurred(x * x) - mean_x**2
    variance_y = _blurred(y * y) - mean_y**2
    covariance = _blurred(x * y) - mean_x * mean_y
    similarity = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    similarity /= (mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2)
    return float(similarity.mean())


def luma(image: np.ndarray) -> np.ndarray:
    """The Y of YCbCr (ITU-R BT.601): float64 (height, width, 1) in 16..235, not rounded."""
    image = np.asarray(image, "float64")
    if image.shape[-1] == 1:
        image = np.repeat(image, 3, axis=-1)
    return 16.0 + image @ np.array([[65.481], [128.553], [24.966]]) / 255.0


def _compared(
    image: np.ndarray, reference: np.ndarray, channel: str, crop: int, least: int
) -> tuple[np.ndarray, np.ndarray]:
    """Both images checked, cropped and converted to float64; at least `least` pixels must remain in each direction."""
    image, reference = np.asarray(image), np.asarray(reference)
    for array in (image, reference):
        if array.dtype != np.uint8 or array.ndim != 3 or array.shape[-1] not in (1, 3):
            raise GanzooError(f"images are uint8 (height, width, 1 or 3), got {array.dtype} {array.shape}")
    if image.shape != reference.shape:
        raise GanzooError(f"images of {image.shape} and {reference.shape} cannot be compared")
    if channel not in ("y", "rgb"):
        raise GanzooError(f"channel is 'y' or 'rgb', got {channel!r}")
    if crop < 0 or min(image.shape[:2]) - 2 * crop < least:
        raise GanzooError(f"an image of {image.shape[:2]} cropped by {crop} at each border is too small to compare")
    inside = slice(crop, -crop or None)
    image, reference = image[inside, inside], reference[inside, inside]
    if channel == "y":
        return luma(image), luma(reference)
    return image.astype("float64"), reference.astype("float64")


def _blurred(x: np.ndarray) -> np.ndarray:
    """The image filtered with the Gaussian window, without the border of 5 pixels."""
    from scipy.ndimage import correlate1d

    place = np.arange(-5, 6)
    window = np.exp(-(place**2) / (2 * 1.5**2))
    window /= window.sum()
    return correlate1d(correlate1d(x, window, axis=0), window, axis=1)[5:-5, 5:-5]
