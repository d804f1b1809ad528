"""Human hearing by frequency: the Bark scale and the threshold in quiet."""

import numpy as np


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
