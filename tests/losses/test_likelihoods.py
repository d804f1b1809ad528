"""Likelihoods against scipy and by hand."""

import numpy as np
import pytest
from scipy import stats

import ganzoo
from ganzoo.losses.likelihoods import gaussian_divergence, get_likelihood, log_logistic


def test_discretized_logistic_probabilities_sum_to_one():
    values = np.arange(256, dtype="float32") / 127.5 - 1
    for mean in (-1.2, -0.5, 0.0, 0.99):
        for log_scale in (-7.0, -4.0, -1.0, 2.0):
            logs = np.asarray(log_logistic(values, np.float32(mean), np.float32(log_scale)))
            assert np.exp(logs.astype("float64")).sum() == pytest.approx(1.0, abs=2e-3), (mean, log_scale)


def test_discretized_logistic_is_the_difference_of_distribution_functions():
    rng = np.random.default_rng(0)
    values = (rng.integers(0, 256, 500) / 127.5 - 1).astype("float32")
    mean, log_scale = rng.uniform(-1, 1, 500).astype("float32"), rng.uniform(-4, 1, 500).astype("float32")
    logistic = stats.logistic(mean.astype("float64"), np.exp(log_scale.astype("float64")))
    upper = np.where(values > 0.999, 1.0, logistic.cdf(values + 1 / 255))
    lower = np.where(values < -0.999, 0.0, logistic.cdf(values - 1 / 255))
    found = np.asarray(log_logistic(values, mean, log_scale))
    sure = upper - lower > 1e-6
    np.testing.assert_allclose(found[sure], np.log((upper - lower)[sure]), atol=2e-2)
    # Far from the mean the differences are too small for single precision, but still in order.
    assert np.isfinite(found).all()


def test_bernoulli_by_hand_and_binarization():
    bernoulli = get_likelihood("bernoulli")
    logits = np.log(np.float32([[0.9, 0.2]]) / np.float32([[0.1, 0.8]]))[..., None, None]
    images = np.float32([[1, -1]])[..., None, None]
    np.testing.assert_allclose(bernoulli.log_probability(logits, images), [np.log(0.9 * 0.8)], rtol=1e-5)
    np.testing.assert_allclose(np.asarray(bernoulli.mean(logits))[0, :, 0, 0], [0.8, -0.6], rtol=1e-5)
    rng = np.random.default_rng(0)
    gray = np.full((1, 100, 100, 1), 0.5, "float32")
    observed = np.asarray(bernoulli.observed(gray, lambda shape: rng.random(tuple(shape), dtype="float32")))
    assert set(np.unique(observed)) == {-1.0, 1.0}
    # A gray level of 0.5 in [-1, 1] is white with a probability of 0.75.
    assert (observed > 0).mean() == pytest.approx(0.75, abs=0.02)


def test_gaussian_is_that_of_scipy():
    rng = np.random.default_rng(0)
    images, outputs = rng.uniform(-1, 1, (2, 3, 4, 4, 1)).astype("float32")
    found = get_likelihood({"name": "gaussian", "deviation": 0.3}).log_probability(outputs, images)
    expected = stats.norm(outputs, 0.3).logpdf(images).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_divergence_of_gaussians_is_the_mean_log_ratio():
    """By hand for one dimension, and additive over dimensions."""
    mean, variance = 0.7, 0.3
    expected = 0.5 * (variance + mean**2 - 1 - np.log(variance))
    found = gaussian_divergence(np.full((1, 3), mean, "float32"), np.full((1, 3), np.log(variance), "float32"))
    np.testing.assert_allclose(found, [3 * expected], rtol=1e-5)
    sampled = mean + np.sqrt(variance) * np.random.default_rng(0).standard_normal(200_000)
    ratio = stats.norm(mean, np.sqrt(variance)).logpdf(sampled) - stats.norm().logpdf(sampled)
    assert ratio.mean() == pytest.approx(expected, abs=5e-3)


def test_wrong_names_and_values_get_one_line():
    with pytest.raises(ganzoo.GanzooError, match=r"unknown likelihood 'bernouli'. Did you mean 'bernoulli'\?"):
        get_likelihood("bernouli")
    with pytest.raises(ganzoo.GanzooError, match="deviation must be positive"):
        get_likelihood({"name": "gaussian", "deviation": 0})
