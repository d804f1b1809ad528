"""Sound as an image."""

import numpy as np


def spectrogram(
    sound: np.ndarray, length: int | None = None, window: int = 512, hop: int = 128, range_db: float = 80.0
) -> np.ndarray:
    """A gray image of a sound: time to the right, frequency upwards, loudness in dB.

    Args:
        sound: float (samples,).
        length: samples that the image is wide for; silence is added to shorter ones.
        window, hop: samples of a Hann window, and from one to the next.
        range_db: from black, the softest, to white, a full sine.

    Returns:
        uint8 (window / 2, about length / hop, 1).

    Example:
        image = spectrogram(clean)
    """
    sound = np.asarray(sound, "float32")
    missing = max(length or 0, window) - len(sound)
    sound = np.pad(sound, (0, max(0, missing)))
    frames = np.lib.stride_tricks.sliding_window_view(sound, window)[::hop]
    shape = np.hanning(window + 1)[:-1].astype("float32")
    magnitude = np.abs(np.fft.rfft(frames * shape, axis=1))[:, : window // 2] / (shape.sum() / 2)
    decibels = 20 * np.log10(np.maximum(magnitude, 10 ** (-range_db / 20)))
    return np.rint(255 * np.clip(1 + decibels / range_db, 0, 1)).astype("uint8").T[::-1, :, None]
