"""Penalties of critics whose gradient is known: D(x) = w x has the gradient w, D(x) = |x|^2 / 2 has x."""

import numpy as np
import pytest
from keras import ops

from ganzoo import GanzooError, losses
from ganzoo.backend import input_gradient
from ganzoo.training.noise import Noise

REAL = np.array([[3.0, 4.0], [0.0, 0.0]], "float32")
FAKE = np.array([[3.0, 4.0], [6.0, 8.0]], "float32")


def linear(x):
    return x @ np.array([[3.0], [4.0]], "float32")  # |w| = 5


def quadratic(x):
    return ops.sum(x**2, axis=1, keepdims=True) / 2


def value(penalty, critic, seed=0):
    noise = Noise(seed)
    noise.start_step(0)
    return float(losses.get_penalty(penalty)(critic, REAL, FAKE, noise, input_gradient))


def test_gradient_penalty_of_a_linear_critic():
    assert value("gradient_penalty", linear) == pytest.approx(10 * (5 - 1) ** 2, rel=1e-5)
    assert value({"name": "gradient_penalty", "weight": 2}, linear) == pytest.approx(2 * (5 - 1) ** 2, rel=1e-5)


def test_gradient_penalty_lies_between_the_pairs_at_one_place_each():
    """The first pair is one point of norm 5: 16; the second runs from 0 to norm 10: (10 t - 1)^2."""
    noise = Noise(3)
    noise.start_step(0)
    place = float(np.asarray(noise.uniform((2, 1)))[1, 0])
    expected = 10 * (16 + (10 * place - 1) ** 2) / 2
    assert value("gradient_penalty", quadratic, seed=3) == pytest.approx(expected, rel=1e-5)


def test_gradient_penalty_of_a_constant_critic_is_finite():
    noise = Noise(0)
    noise.start_step(0)
    penalty = losses.get_penalty("gradient_penalty")
    result = penalty(lambda x: 0.0 * ops.sum(x, axis=1), REAL, FAKE, noise, input_gradient)
    assert float(result) == pytest.approx(10.0, rel=1e-4)


def test_r1_sees_real_images_alone():
    assert value("r1", linear) == pytest.approx(10 / 2 * 25, rel=1e-5)
    assert value({"name": "r1", "weight": 4}, quadratic) == pytest.approx(4 / 2 * (25 + 0) / 2, rel=1e-5)


def test_unknown_names_and_weights():
    with pytest.raises(GanzooError, match="Did you mean 'gradient_penalty'"):
        losses.get_penalty("gradient_penlty")
    with pytest.raises(GanzooError, match="weight must be at least 0"):
        losses.get_penalty({"name": "r1", "weight": -1})
    with pytest.raises(GanzooError, match="penalty 'r1'"):
        losses.get_penalty({"name": "r1", "gamma": 1})
    with pytest.raises(GanzooError, match="penalty 'r1'"):
        losses.get_penalty({"name": "r1", "weight": "much"})
