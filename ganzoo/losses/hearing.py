"""Human hearing: the Bark scale, the threshold in quiet, loudness, and which differences are heard, as in PESQ."""

import numpy as np
from keras import ops

from ganzoo.types import Tensor

# The share of the smaller of two loudnesses that masks a difference.
_MASKED = 0.25
# Asymmetry factor of P.862: exponent; factors below the first limit become 0, those above the second are clipped.
_ADDED_EXPONENT, _ADDED = 1.2, (3.0, 12.0)


def bark(hz: np.ndarray | float) -> np.ndarray:
    """Converts frequencies in Hz to Bark (Traunmüller 1990, doi:10.1121/1.399849).

    Example:
        from ganzoo.losses.hearing import bark

        bark(1000.0)        # 8.53
    """
    hz = np.asarray(hz, "float64")
    return 26.81 * hz / (1960.0 + hz) - 0.53


def hertz(rate: np.ndarray | float) -> np.ndarray:
    """Converts Bark to frequencies in Hz: the inverse of `bark`.

    Example:
        from ganzoo.losses.hearing import bark, hertz

        hertz(bark(1000.0))     # 1000
    """
    rate = np.asarray(rate, "float64") + 0.53
    return 1960.0 * rate / (26.81 - rate)


def threshold_in_quiet(hz: np.ndarray | float) -> np.ndarray:
    """The level in dB SPL from which a tone is heard (Terhardt 1979, doi:10.1016/0378-5955(79)90025-X).

    Example:
        from ganzoo.losses.hearing import threshold_in_quiet

        threshold_in_quiet(1000.0)      # 3.4
    """
    khz = np.asarray(hz, "float64") / 1000
    return 3.64 * khz**-0.8 - 6.5 * np.exp(-0.6 * (khz - 3.3) ** 2) + 1e-3 * khz**4


def specific_loudness(power: Tensor, thresholds: Tensor, exponents: Tensor | float) -> Tensor:
    """Loudness per Bark by Zwicker and Feldtkeller's formula, up to a factor; 0 below the threshold of hearing.

    Args:
        power: of each band (..., bands).
        thresholds: of hearing (bands,), as power. Half of the excitation there is the ear's own noise.
        exponents: Zwicker's, about 0.23.

    Example:
        from ganzoo.losses.hearing import specific_loudness

        specific_loudness(np.array([1.0, 1e4]), np.array([2.0, 2.0]), 0.23)     # 0 and 6.9
    """
    ratio = ops.maximum(power / thresholds, 1.0)
    return (2.0 * thresholds) ** exponents * ((0.5 + 0.5 * ratio) ** exponents - 1.0)


def audible_difference(real: Tensor, fake: Tensor) -> Tensor:
    """The absolute difference of two loudnesses, beyond the quarter of the smaller one that masks it.

    Example:
        from ganzoo.losses.hearing import audible_difference

        audible_difference(np.array([4.0, 4.0]), np.array([4.5, 8.0]))      # 0 and 3
    """
    return ops.maximum(ops.abs(fake - real) - _MASKED * ops.minimum(real, fake), 0.0)


def asymmetry(ratio: Tensor) -> Tensor:
    """P.862's weight of sound that was added, from the ratio of its power to that of the original: 0, or 3 to 12.

    Example:
        from ganzoo.losses.hearing import asymmetry

        asymmetry(np.array([2.0, 5.0, 100.0]))      # 0, 6.9 and 12
    """
    factor = ratio**_ADDED_EXPONENT
    return ops.where(factor < _ADDED[0], 0.0, ops.minimum(factor, _ADDED[1]))
