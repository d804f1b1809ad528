"""The parts that losses of sounds share, by hand."""

import numpy as np
import pytest

from ganzoo.losses.hearing import asymmetry, audible_difference, bark, hertz, specific_loudness, threshold_in_quiet


def test_the_scale_and_the_threshold_have_the_published_values():
    # Traunmüller: 1 kHz is at 26.81 * 1000 / 2960 - 0.53; Terhardt: 3.64 - 6.5 exp(-0.6 * 2.3^2) + 0.001.
    assert bark(1000.0) == pytest.approx(8.5274, abs=1e-4)
    assert hertz(bark(440.0)) == pytest.approx(440.0)
    assert threshold_in_quiet(1000.0) == pytest.approx(3.3691, abs=1e-3)


def test_loudness_grows_with_the_exponent_and_begins_at_the_threshold():
    found = np.asarray(specific_loudness(np.array([1.0, 2.0, 6.0]), np.array([2.0, 2.0, 2.0]), 0.5))
    # 2 (sqrt(0.5 + 0.5 * 3) - 1) at three times the threshold.
    np.testing.assert_allclose(found, [0, 0, 2 * (2**0.5 - 1)], rtol=1e-6)


def test_a_quarter_of_the_smaller_loudness_masks():
    found = audible_difference(np.array([4.0, 4.0, 4.0, 8.0]), np.array([4.9, 5.1, 8.0, 4.0]))
    np.testing.assert_allclose(np.asarray(found), [0, 0.1, 3, 3], atol=1e-6)


def test_asymmetry_is_nothing_below_three_and_at_most_twelve():
    ratios = np.array([2.9, 3.1, 11.9, 20.0]) ** (1 / 1.2)
    np.testing.assert_allclose(np.asarray(asymmetry(ratios)), [0, 3.1, 11.9, 12], rtol=1e-5)
