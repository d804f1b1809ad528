"""Mu-law, the scale of the samples of sound that a model chooses from."""

import numpy as np
import pytest

from ganzoo import mu_law
from ganzoo.losses import get_sample_likelihood


@pytest.mark.parametrize("levels", [16, 256])
def test_mu_law_comes_back_and_is_finest_near_zero(levels):
    values = mu_law.values(levels)
    np.testing.assert_array_equal(mu_law.codes(values, levels), np.arange(levels))
    assert values[0] == -1
    assert values[-1] == 1
    steps = np.diff(values)
    assert steps.argmin() in (levels // 2 - 1, levels // 2)
    sound = np.random.default_rng(0).uniform(-1, 1, 1000).astype("float32")
    near = np.asarray(get_sample_likelihood({"name": "mu_law", "levels": levels}).quantized(sound))
    # Nearest after companding, which is not quite the middle between two values.
    assert np.abs(near - sound).max() <= 0.6 * steps.max()
    # ITU-T G.711's curve: half of the amplitude is nearly 7/8 of the range.
    assert int(mu_law.codes(np.float32([0.5]))[0]) == round((np.log(1 + 255 * 0.5) / np.log(256) + 1) / 2 * 255)
