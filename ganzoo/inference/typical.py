"""The most typical of several samples."""

from collections.abc import Sequence

import numpy as np
from keras import ops

from ganzoo.errors import GanzooError
from ganzoo.networks.mel import log_mel

# Bands, and seconds from one frame to the next, of the spectrograms that are compared.
_BANDS, _HOP = 40, 0.016
# Frames of which lengths are multiples.
_LENGTH = 32
# Root mean square to which sounds are scaled.
_LEVEL = 0.1


def most_typical(sounds: Sequence[np.ndarray], sample_rate: int) -> int:
    """The number of the sound that is closest to all others on average: the choice of minimum Bayes risk, if the sounds
    are samples of one distribution (Kumar & Byrne 2004; for samples of a model Eikema & Aziz 2020, arXiv:2005.10283).

    The distance of two sounds is the mean absolute difference of their mel spectrograms, in logarithms. Each sound is
    scaled to the same root mean square over its own length; then silence is added to the end of the shorter ones.

    Args:
        sounds: at least one, each float (samples,) in [-1, 1].
        sample_rate: in Hz.

    Returns:
        The index of the sound. The first of two: they are equally far from each other.

    Raises:
        GanzooError: no sounds, or one without samples.

    Example:
        from ganzoo.inference.typical import most_typical

        time = np.arange(4000) / 8000
        most_typical([np.sin(2 * np.pi * f * time) for f in (400, 1200, 1250)], 8000)       # 1
    """
    if not len(sounds) or not all(map(len, sounds)):
        raise GanzooError("the most typical sound needs at least one sound, and samples in each of them")
    if len(sounds) < 3:
        return 0
    hop = max(1, round(_HOP * sample_rate))
    # Few different lengths: some backends compile the spectrogram for each of them.
    unit = _LENGTH * hop
    audio = np.zeros((len(sounds), -(-max(map(len, sounds)) // unit) * unit), "float32")
    for row, sound in zip(audio, sounds):
        row[: len(sound)] = sound * (_LEVEL / (np.sqrt(np.mean(np.square(sound))) + 1e-6))
    # A window of 64 ms or more resolves the bands at any sample rate.
    levels = np.clip(ops.convert_to_numpy(log_mel(audio, sample_rate, _BANDS, hop, max(4 * hop, 512))), 0.0, 1.0)
    distances = [np.abs(levels - one).sum(axis=(1, 2), dtype="float64").sum() for one in levels]
    return int(np.argmin(distances))
