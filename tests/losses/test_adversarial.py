"""Worked out by hand: softplus(0) = ln 2, softplus(ln 3) = ln 4, softplus(-ln 3) = ln 4/3, sigmoid(ln 3) = 3/4."""

import math

import keras
import numpy as np
import pytest

from ganzoo import GanzooError, losses

REAL = np.array([[0.0], [math.log(3)]], "float32")
FAKE = np.array([[math.log(3)], [-math.log(3)]], "float32")
LN2, LN4, LN4_3 = math.log(2), math.log(4), math.log(4 / 3)


@pytest.mark.parametrize(
    ("name", "discriminator", "generator"),
    [
        ("non_saturating", (LN2 + LN4_3) / 2 + (LN4 + LN4_3) / 2, (LN4_3 + LN4) / 2),
        # (0 - b)^2 = 1 and (ln 3 - 1)^2 for real, (+-ln 3 - a)^2 for generated, (+-ln 3 - c)^2 for the generator.
        (
            "least_squares",
            0.25 * (1 + (math.log(3) - 1) ** 2) + 0.5 * math.log(3) ** 2,
            0.25 * ((math.log(3) - 1) ** 2 + (math.log(3) + 1) ** 2),
        ),
        (
            {"name": "least_squares", "a": -1, "b": 1, "c": 0},
            0.25 * (1 + (math.log(3) - 1) ** 2) + 0.25 * ((math.log(3) + 1) ** 2 + (1 - math.log(3)) ** 2),
            0.5 * math.log(3) ** 2,
        ),
        ("wasserstein", 0 - math.log(3) / 2, 0),
        # max(0, 1 - l): 1 and 0; max(0, 1 + l): 1 + ln 3 and 0.
        ("hinge", 1 / 2 + (1 + math.log(3)) / 2, 0),
        (
            {"name": "non_saturating", "smoothing": 0.1},
            0.1 * (LN2 + LN4) / 2 + 0.9 * (LN2 + LN4_3) / 2 + (LN4 + LN4_3) / 2,
            (LN4_3 + LN4) / 2,
        ),
        ("minimax", (LN2 + LN4_3) / 2 + (LN4 + LN4_3) / 2, -(LN4 + LN4_3) / 2),
    ],
)
def test_values(name, discriminator, generator):
    loss = losses.get(name)
    assert float(loss.discriminator(REAL, FAKE)) == pytest.approx(discriminator, rel=1e-5)
    assert float(loss.generator(FAKE)) == pytest.approx(generator, rel=1e-5, abs=1e-6)


def test_reports():
    """sigmoid(0) = 1/2 and sigmoid(+-ln 3) = 3/4 and 1/4; critics report their plain means."""
    report = {key: float(value) for key, value in losses.get("minimax").report(REAL, FAKE).items()}
    assert report == pytest.approx({"d_real": 5 / 8, "d_fake": 1 / 2})
    report = {key: float(value) for key, value in losses.get("wasserstein").report(REAL, FAKE).items()}
    assert report == pytest.approx({"d_real": math.log(3) / 2, "d_fake": 0, "wasserstein": math.log(3) / 2}, abs=1e-6)


@pytest.mark.parametrize("name", ["non_saturating", "minimax"])
def test_huge_logits_stay_finite_and_exact(name):
    loss = losses.get(name)
    huge = np.array([[1000.0]], "float32")
    assert float(loss.discriminator(huge, -huge)) == 0.0
    assert float(loss.discriminator(-huge, huge)) == 2000.0
    assert np.isfinite(float(loss.generator(huge)))


def test_binary_cross_entropy_of_keras_agrees():
    cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)
    ones, zeros = np.ones_like(REAL), np.zeros_like(REAL)
    loss = losses.get("non_saturating")
    theirs = float(cross_entropy(ones, REAL) + cross_entropy(zeros, FAKE))
    assert float(loss.discriminator(REAL, FAKE)) == pytest.approx(theirs, rel=1e-6)
    assert float(loss.generator(FAKE)) == pytest.approx(float(cross_entropy(ones, FAKE)), rel=1e-6)


def test_unknown_names_and_arguments():
    with pytest.raises(GanzooError, match="Did you mean 'minimax'"):
        losses.get("minmax")
    with pytest.raises(GanzooError, match="loss 'minimax'"):
        losses.get({"name": "minimax", "slope": 1})


def test_feature_matching_compares_means():
    """Means (1, 2) and (3, -1): 4 + 9."""
    real, fake = np.array([[0.0, 2.0], [2.0, 2.0]]), np.array([[3.0, 0.0], [3.0, -2.0]])
    assert float(losses.feature_matching(real, fake)) == pytest.approx(13)


def test_discrepancy_of_two_pairs():
    """The squared distance within both pairs is 4, and so is their scale: the kernel is k = mean a / (1 + a) for
    different points and 1 for equal ones. Within: k and k; between: (1 + k) / 2, counted twice."""
    pair = np.array([[0.0], [2.0]])
    kernel = np.mean([a / (1 + a) for a in (0.1, 0.3, 1.0)])
    assert float(losses.maximum_mean_discrepancy(pair, pair)) == pytest.approx(kernel - 1)
    # Neither their scale nor their mean matters, and one example alone is no error.
    assert float(losses.maximum_mean_discrepancy(1e3 * pair, 1e3 * pair)) == pytest.approx(kernel - 1, rel=1e-4)
    assert float(losses.maximum_mean_discrepancy(pair + 100, pair + 100)) == pytest.approx(kernel - 1, rel=0.01)
    assert np.isfinite(losses.maximum_mean_discrepancy(pair[:1], pair[1:]))


def test_discrepancy_sees_what_means_do_not():
    noise = np.random.default_rng(0).normal(size=(3, 500, 4)).astype("float32")
    noise -= noise.mean(axis=1, keepdims=True)
    same, narrow = (float(losses.maximum_mean_discrepancy(noise[0], other)) for other in (noise[1], 0.5 * noise[2]))
    assert abs(same) < 0.002
    assert narrow > 20 * abs(same)
    assert float(losses.feature_matching(noise[0], 0.5 * noise[2])) < 1e-6


def test_numbers_are_finite():
    for value in (float("inf"), float("nan"), 10**400):
        with pytest.raises(GanzooError, match="penalty 'r1'"):
            losses.get_penalty({"name": "r1", "weight": value})
