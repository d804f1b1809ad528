"""Spectrograms as images."""

import numpy as np

from ganzoo.metrics.cepstra import DECIBELS


def spectrogram(
    sound: np.ndarray, length: int | None = None, window: int = 512, hop: int = 128, range_db: float = 80.0
) -> np.ndarray:
    """The spectrogram of audio as a grayscale image: time to the right, frequency upward, level in dB.

    Args:
        sound: float (samples,).
        length: samples that the image covers; shorter audio is padded with silence.
        window: samples of a Hann window.
        hop: samples from one window to the next.
        range_db: dynamic range from black to white, a full-scale sine.

    Returns:
        uint8 (window / 2, about length / hop, 1).

    Example:
        from ganzoo.inference.spectrogram import spectrogram

        image = spectrogram(np.sin(0.1 * np.arange(16_000)))     # uint8 (256, 122, 1)
    """
    sound = np.asarray(sound, "float32")
    missing = max(length or 0, window) - len(sound)
    sound = np.pad(sound, (0, max(0, missing)))
    frames = np.lib.stride_tricks.sliding_window_view(sound, window)[::hop]
    shape = np.hanning(window + 1)[:-1].astype("float32")
    magnitude = np.abs(np.fft.rfft(frames * shape, axis=1))[:, : window // 2] / (shape.sum() / 2)
    decibels = 20 * np.log10(np.maximum(magnitude, 10 ** (-range_db / 20)))
    return np.rint(255 * np.clip(1 + decibels / range_db, 0, 1)).astype("uint8").T[::-1, :, None]


def envelopes(
    cepstra: np.ndarray, frames: int | None = None, height: int = 128, lowest: float = -75.0, highest: float = -5.0
) -> np.ndarray:
    """The spectral envelopes of mel-cepstra as a grayscale image: time to the right, frequency upward on the mel scale.

    Args:
        cepstra: float (frames, order), as `ganzoo.data.vocoder` computes them.
        frames: width of the image; shorter ones are padded with black.
        height: of the image in pixels.
        lowest, highest: levels in dB that are black and white; the defaults suit speech at the level of
            `ganzoo.data.cepstra`.

    Returns:
        uint8 (height, frames, 1).

    Example:
        from ganzoo.inference.spectrogram import envelopes

        image = envelopes(np.zeros((200, 40)))      # uint8 (128, 200, 1)
    """
    order = np.arange(cepstra.shape[1])
    # WORLD's mel-cepstra are the discrete cosine transform of the logarithmic power spectrum on the mel scale.
    place = np.pi * (np.arange(height) + 0.5) / height
    cosines = np.cos(place[:, None] * order) * np.where(order, np.sqrt(2), 1.0)
    decibels = DECIBELS * (cosines @ np.asarray(cepstra, "float64").T)
    image = np.rint(255 * np.clip((decibels - lowest) / (highest - lowest), 0, 1)).astype("uint8")[::-1, :, None]
    wanted = image.shape[1] if frames is None else frames
    return np.pad(image[:, :wanted], ((0, 0), (0, max(0, wanted - image.shape[1])), (0, 0)))
