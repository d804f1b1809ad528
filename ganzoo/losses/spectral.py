"""Losses on spectrograms."""

from collections.abc import Sequence

from keras import ops

from ganzoo.types import Tensor

# (Fourier length, window, hop) in samples, as in Yamamoto et al.
RESOLUTIONS = ((1024, 600, 120), (2048, 1200, 240), (512, 240, 50))


def multi_resolution_stft(
    real: Tensor, fake: Tensor, resolutions: Sequence[tuple[int, int, int]] = RESOLUTIONS
) -> Tensor:
    """Spectral convergence plus the difference of log magnitudes, averaged over several resolutions (Yamamoto et al.
    2020, arXiv:1910.11480, equations 4 to 6).

    Args:
        real, fake: sounds (batch, samples), float32.
        resolutions: (Fourier length, window, hop) of each spectrogram, in samples; Hann windows.

    Returns:
        A scalar, float32.

    Example:
        from ganzoo.losses.spectral import multi_resolution_stft

        clean, enhanced = np.random.default_rng(0).normal(0, 0.1, (2, 1, 4000)).astype("float32")
        loss = multi_resolution_stft(clean, enhanced)
    """
    total = 0.0
    for length, window, hop in resolutions:
        ours, theirs = (magnitude(sound, length, window, hop) for sound in (fake, real))
        # Norms of the whole batch: that of a silent window would be 0.
        norms = [ops.sqrt(ops.sum(part**2) + 1e-12) for part in (theirs - ours, theirs)]
        total = total + norms[0] / norms[1] + ops.mean(ops.abs(ops.log(theirs) - ops.log(ours)))
    return total / len(resolutions)


def magnitude(sound: Tensor, length: int, window: int, hop: int) -> Tensor:
    """The STFT magnitudes (batch, frames, bins) of sounds (batch, samples), clipped from below to 1e-4."""
    real, imaginary = ops.stft(ops.cast(sound, "float32"), window, hop, length, window="hann")
    # The gradient of the square root is unbounded at 0.
    return ops.sqrt(ops.maximum(real**2 + imaginary**2, 1e-8))
