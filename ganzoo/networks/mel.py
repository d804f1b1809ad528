"""Mel spectrograms by operations of Keras, so that they are the same in training and inference."""

import functools

import numpy as np
from keras import ops

from ganzoo.errors import GanzooError
from ganzoo.types import Tensor

# Powers below this count as this: silence.
_LEAST = 1e-8


def log_mel(audio: Tensor, sample_rate: int, bands: int, hop: int, window: int | None = None) -> Tensor:
    """The logarithms of mel spectrograms, scaled to about [0, 1], of sounds.

    Args:
        audio: float32 (batch, samples) in [-1, 1]; samples are a multiple of `hop`.
        sample_rate: in Hz.
        bands: number of bands, equally wide on the mel scale from 0 to half the sample rate.
        hop: samples from one frame to the next.
        window: samples of a Hann window, which is centered on each frame; 4 hops if not given.

    Returns:
        float32 (batch, samples / hop + 1, bands): 0 is silence, 1 about full scale.

    Example:
        from ganzoo.networks.mel import log_mel

        frames = log_mel(np.zeros((1, 640), "float32"), 8000, bands=20, hop=64)      # zeros (1, 11, 20)
    """
    window = window or 4 * hop
    cosines, sines, filters = _matrices(sample_rate, bands, window)
    padded = ops.pad(ops.cast(audio, "float32"), [[0, 0], [window // 2, window - window // 2]])
    # Frames side by side, from pieces of one hop.
    whole = -(-window // hop)
    pieces = ops.pad(padded, [[0, 0], [0, (whole + 1) * hop]])
    count = ops.shape(audio)[1] // hop + 1
    pieces = ops.reshape(pieces[:, : (count + whole - 1) * hop], (-1, count + whole - 1, hop))
    frames = ops.concatenate([pieces[:, i : i + count] for i in range(whole)], axis=-1)[:, :, :window]
    power = ops.matmul(frames, cosines) ** 2 + ops.matmul(frames, sines) ** 2
    logs = ops.log(ops.maximum(ops.matmul(power, filters), _LEAST))
    return 1.0 - logs / np.float32(np.log(_LEAST))


def check_bands(sample_rate: int, bands: int, hop: int) -> None:
    """Refuses more bands than the frames of `log_mel` resolve.

    Raises:
        GanzooError: there are too many.
    """
    _matrices(sample_rate, bands, 4 * hop)


@functools.lru_cache(maxsize=8)
def _matrices(sample_rate: int, bands: int, window: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The windowed cosines and sines (window, bins) of a Fourier transform, and the filters (bins, bands)."""
    bins = window // 2 + 1
    phases = 2 * np.pi * np.outer(np.arange(window), np.arange(bins)) / window
    shape = np.hanning(window + 1)[:-1, None]
    shape = shape / (shape.sum() / 2)
    top = 2595 * np.log10(1 + sample_rate / 1400)
    edges = 700 * (10 ** (np.linspace(0, top, bands + 2) / 2595) - 1)
    frequencies = np.arange(bins)[:, None] * sample_rate / window
    rising = (frequencies - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequencies) / (edges[2:] - edges[1:-1])
    filters = np.maximum(0.0, np.minimum(rising, falling))
    if empty := np.flatnonzero(filters.sum(axis=0) == 0).size:
        raise GanzooError(
            f"{empty} of {bands} mel bands are narrower than the resolution of a window of {window} samples: "
            "use fewer bands or a longer window"
        )
    cosines, sines = (np.cos(phases) * shape).astype("float32"), (np.sin(phases) * shape).astype("float32")
    return cosines, sines, filters.astype("float32")
