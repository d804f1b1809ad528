"""Power spectra of images: whether generated images are as sharp as real ones."""

import numpy as np

from ganzoo.errors import GanzooError

# Blurred images have almost no power at high frequencies; that of 8-bit rounding is about 1e-2 squared gray levels.
_FLOOR = 1e-2


def power_spectrum(images: np.ndarray) -> np.ndarray:
    """The mean power spectrum of images as a function of spatial frequency.

    Each image, averaged over its channels, is multiplied by a Hann window, which hides the jump between opposite
    borders. The squared magnitudes of its Fourier transform are averaged over rings of equal frequency.

    Args:
        images: uint8 (count, height, width, channels), square.

    Returns:
        float64 (height // 2,): the power, in squared gray levels, at 1, 2, ... cycles per image.

    Raises:
        GanzooError: images that are not square.

    Example:
        from ganzoo.metrics.spectrum import power_spectrum
        stripes = np.tile(np.array([0, 255], "uint8"), (1, 16, 8))[..., None]     # (1, 16, 16, 1)
        assert power_spectrum(stripes).argmax() == 7      # 8 cycles, the highest frequency
    """
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[1] != images.shape[2]:
        raise GanzooError(f"spectra are of square images (count, height, width, channels), got {images.shape}")
    size = images.shape[1]
    window = np.hanning(size + 2)[1:-1]
    window = np.outer(window, window)
    frequencies = np.fft.fftfreq(size, 1 / size)
    ring = np.rint(np.hypot(frequencies[:, None], np.fft.rfftfreq(size, 1 / size)[None])).astype(int)
    total = np.zeros(ring.shape)
    for image in images:
        gray = image.mean(axis=-1, dtype="float64")
        total += np.abs(np.fft.rfft2((gray - gray.mean()) * window)) ** 2
    power = total / (len(images) * (window**2).sum())
    return np.array([power[ring == radius].mean() for radius in range(1, size // 2 + 1)])


def sharpness(images: np.ndarray) -> float:
    """The share of the power of images above half the Nyquist frequency.

    With P(k) the `power_spectrum` at k cycles per image of n pixels, of which a ring of about 2 pi k frequencies is
    the mean,

        sharpness = sum of k P(k) for n/4 < k <= n/2, divided by the sum of k P(k) for 1 <= k <= n/2

    Blur lowers it, at any contrast. Noise and jagged edges raise it: compare it with that of real images.

    Args:
        images: uint8 (count, height, width, channels), square.

    Returns:
        A number between 0 and 1; 0 for images of one color.

    Raises:
        GanzooError: images that are not square.

    Example:
        rng = np.random.default_rng(0)
        noise = rng.integers(0, 256, (64, 16, 16, 1), "uint8")      # equal power at every frequency
        expected = sum(range(5, 9)) / sum(range(1, 9))
        assert abs(ganzoo.metrics.sharpness(noise) - expected) < 0.05
    """
    power = power_spectrum(images)
    frequencies = np.arange(1, len(power) + 1)
    power = power * frequencies
    total = power.sum()
    return float(power[frequencies > images.shape[1] / 4].sum() / total) if total else 0.0


def spectral_distance(real: np.ndarray, generated: np.ndarray, above: int = 1) -> float:
    """The root mean squared difference of the power spectra of two sets of images, in decibels.

    Args:
        real, generated: uint8 (count, height, width, channels) of the same size; the counts may differ.
        above: the lowest frequency that counts, in cycles per image; a high one leaves only fine lines.

    Raises:
        GanzooError: images of different sizes, or that are not square.

    Example:
        from ganzoo.metrics.spectrum import spectral_distance
        images = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 1), "uint8")
        assert spectral_distance(images, images) == 0
    """
    if real.shape[1:3] != generated.shape[1:3]:
        raise GanzooError(f"images of {real.shape[1:3]} and {generated.shape[1:3]} have different spectra")
    levels = [10 * np.log10(power_spectrum(images)[above - 1 :] + _FLOOR) for images in (real, generated)]
    return float(np.sqrt(np.mean((levels[0] - levels[1]) ** 2)))
