"""Synthetic vowels: sound that resembles speech, for examples that need no recording."""

import numpy as np

# The first three formants of four vowels in Hz, about as in "father", "see", "saw" and "say".
_FORMANTS = ((700, 1200, 2600), (300, 2300, 3000), (500, 900, 2500), (400, 1900, 2600))
# Of a vowel, in seconds, and from the beginning of one to the next.
_LENGTH, _STEP = 0.4, 0.55
# Width of a formant in Hz.
_WIDTH = 90.0


def vowels(sample_rate: int) -> np.ndarray:
    """Four vowels with falling pitch, and silence around each.

    Args:
        sample_rate: in Hz.

    Returns:
        float32 (2.3 seconds,) with a root mean square of 0.05.

    Example:
        from ganzoo.data.vowels import vowels

        sound = vowels(16_000)  # float32 (36800,)
    """
    sound = np.zeros(round(2.3 * sample_rate))
    time = np.arange(round(_LENGTH * sample_rate)) / sample_rate
    pitch = 120 - 15 * time / _LENGTH + 4 * np.sin(2 * np.pi * 5 * time)
    phase = 2 * np.pi * np.cumsum(pitch) / sample_rate
    envelope = np.sqrt(np.sin(np.pi * time / _LENGTH))
    for place, formants in enumerate(_FORMANTS):
        start = round((0.15 + _STEP * place) * sample_rate)
        harmonics = np.arange(1, int(sample_rate / 2 / pitch.max()))
        gains = sum(1 / (1 + ((harmonics * pitch.mean() - formant) / _WIDTH) ** 2) for formant in formants)
        waves = np.sin(harmonics[:, None] * phase) * (gains / harmonics**0.3)[:, None]
        sound[start : start + len(time)] += envelope * waves.sum(axis=0)
    return (0.05 * sound / sound.std()).astype("float32")
