"""Losses between sounds as their spectrograms show them."""

from keras import ops

# (samples of the Fourier transform, of the window, from one to the next), as Yamamoto et al. have them.
RESOLUTIONS = ((1024, 600, 120), (2048, 1200, 240), (512, 240, 50))


def multi_resolution_stft(real, fake, resolutions=RESOLUTIONS):
    """Spectral convergence and difference of log magnitudes, the mean over several resolutions (Yamamoto et al. 2020,
    arXiv:1910.11480, equations 4 to 6).

    Args:
        real, fake: sounds (batch, samples), float32.
        resolutions: (Fourier length, window, hop) of each spectrogram, in samples; Hann windows.

    Returns:
        A scalar, float32.

    Example:
        loss = multi_resolution_stft(clean, enhanced)
    """
    total = 0.0
    for length, window, hop in resolutions:
        ours, theirs = (magnitude(sound, length, window, hop) for sound in (fake, real))
        # Of the batch as a whole: a window of silence has no norm to be compared with.
        norms = [ops.sqrt(ops.sum(part**2) + 1e-12) for part in (theirs - ours, theirs)]
        total = total + norms[0] / norms[1] + ops.mean(ops.abs(ops.log(theirs) - ops.log(ours)))
    return total / len(resolutions)


def magnitude(sound, length, window, hop):
    """The magnitudes (batch, frames, bins) of sounds (batch, samples), at least 1e-4."""
    real, imaginary = ops.stft(ops.cast(sound, "float32"), window, hop, length, window="hann")
    # The gradient of a square root has no bound at 0.
    return ops.sqrt(ops.maximum(real**2 + imaginary**2, 1e-8))
