import numpy as np
import pytest

from ganzoo import GanzooError
from ganzoo.inference import grid
from ganzoo.inference.latent import lerp, slerp


def test_slerp_worked_out_by_hand():
    """A quarter turn in the plane: half way stands (1, 1)/sqrt 2; lengths 1 to 3 give 2 half way."""
    np.testing.assert_allclose(slerp([1, 0], [0, 1], 0.5), [2**-0.5, 2**-0.5], rtol=1e-6)
    np.testing.assert_allclose(slerp([1, 0], [0, 3], [0, 0.5, 1]), [[1, 0], [2**0.5, 2**0.5], [0, 3]], atol=1e-6)
    np.testing.assert_allclose(slerp([1, 0], [0, 1], 1 / 3), [np.cos(np.pi / 6), np.sin(np.pi / 6)], rtol=1e-6)
    np.testing.assert_allclose(lerp([1, 0], [0, 1], 0.25), [0.75, 0.25])


def test_slerp_of_parallel_vectors_stays_finite():
    np.testing.assert_allclose(slerp([1, 1], [2, 2], 0.5), [1.5, 1.5], rtol=1e-5)
    assert np.isfinite(slerp([1, 0], [-1, 0], [0.3, 0.5])).all()
    assert np.isfinite(slerp([0, 0], [0, 1], 0.5)).all()
    with pytest.raises(GanzooError, match="two latents"):
        slerp([1, 0], [1, 0, 0], 0.5)


def test_grid_places_pictures_row_by_row():
    pictures = np.arange(5, dtype="uint8")[:, None, None, None] * np.ones((1, 2, 3, 1), "uint8")
    sheet = grid(pictures, columns=3, gap=1)
    assert sheet.shape == (5, 11, 1)
    assert sheet[0, 0, 0] == 0
    assert sheet[0, 4, 0] == 1
    assert sheet[3, 4, 0] == 4
    assert sheet[2, 0, 0] == 255
    assert sheet[4, 10, 0] == 255
