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


def test_probabilities_of_a_pixel_sum_to_one():
    """Those of all 256 values of a channel, given the values of the channels before."""
    rng = np.random.default_rng(0)
    values = (np.arange(256, dtype="float32") / 127.5 - 1).reshape(256, 1, 1, 1)
    for asked in ("categorical", "logistic_mixture", {"name": "logistic_mixture", "components": 3}):
        found = get_likelihood(asked)
        outputs = rng.standard_normal((1, 1, 1, found.output_channels(1))).astype("float32")
        logs = found.log_probability(np.repeat(outputs, 256, axis=0), values)
        assert np.exp(np.asarray(logs, "float64")).sum() == pytest.approx(1.0, abs=2e-3), asked
    # Blue, of which the mixture of a red and a green is another than that of others.
    mixture = get_likelihood({"name": "logistic_mixture", "components": 2})
    outputs = np.repeat(rng.standard_normal((1, 1, 1, mixture.output_channels(3))), 256, axis=0).astype("float32")
    shares = []
    for red, green in ((-0.2, 0.6), (0.4, -0.6)):
        start = np.full((256, 1, 1, 1), np.rint((red + 1) * 127.5) / 127.5 - 1, "float32"), np.full_like(values, green)
        together = np.asarray(mixture.log_probability(outputs, np.concatenate([*start, values], -1)), "float64")
        shares.append(np.exp(together - together.max()) / np.exp(together - together.max()).sum())
    assert np.abs(shares[0] - shares[1]).max() > 1e-3


def test_logistic_mixture_by_hand():
    """Two components in color: equation 3 of Salimans et al. with the means of section 2.2."""
    mixture = get_likelihood({"name": "logistic_mixture", "components": 2})
    outputs = np.random.default_rng(0).standard_normal(20).astype("float32")
    logits, means, log_scales, slopes = np.split(outputs.astype("float64"), [2, 8, 14])
    means, log_scales, slopes = means.reshape(3, 2), log_scales.reshape(3, 2), np.tanh(slopes).reshape(3, 2)
    pixel = np.array([10, 200, 60]) / 127.5 - 1
    means[1] += slopes[0] * pixel[0]
    means[2] += slopes[1] * pixel[0] + slopes[2] * pixel[1]
    logistic = stats.logistic(means, np.exp(log_scales))
    each = logistic.cdf(pixel[:, None] + 1 / 255) - logistic.cdf(pixel[:, None] - 1 / 255)
    expected = np.log((np.exp(logits) / np.exp(logits).sum() * each.prod(axis=0)).sum())
    found = mixture.log_probability(outputs.reshape(1, 1, 1, 20), pixel.reshape(1, 1, 1, 3).astype("float32"))
    np.testing.assert_allclose(found, [expected], rtol=1e-3)


@pytest.mark.parametrize(
    ("asked", "channels"),
    [
        ("bernoulli", 2),
        ("categorical", 2),
        ("discretized_logistic", 2),
        ("logistic_mixture", 1),
        ({"name": "logistic_mixture", "components": 2}, 3),
        ("gaussian", 2),
    ],
)
def test_samples_are_as_frequent_as_their_probabilities_say(asked, channels):
    """The mean log-probability of samples is the negative entropy, and their mean is the mean image, but for
    clipping."""
    found, rng = get_likelihood(asked), np.random.default_rng(0)
    outputs = (0.5 * rng.standard_normal((1, found.output_channels(channels)))).astype("float32")
    if "logistic" in str(asked):
        # Scales of about 0.1.
        size = getattr(found, "components", channels)
        start = size * (1 + channels) if found.is_joint else channels
        outputs[:, start : start + size * (channels if found.is_joint else 1)] -= 2.3
    count = 20_000
    many = np.repeat(outputs, count, axis=0)
    values = found.sample(many, rng.uniform(1e-12, 1, (count, channels + 1)))
    assert values.shape == (count, channels)
    mean = np.asarray(found.mean(outputs[:, None, None]))[0, 0, 0]
    np.testing.assert_allclose(values.mean(axis=0), mean, atol=0.03)
    cold = found.sample(many, rng.uniform(1e-12, 1, (count, channels + 1)), temperature=0.1)
    assert cold.std(axis=0).mean() < values.std(axis=0).mean()
    if not found.is_discrete:
        return
    for channel in range(channels):
        levels = np.rint((values[:, channel] + 1) * 127.5).astype(int)
        np.testing.assert_allclose(values[:, channel], levels / 127.5 - 1, atol=1e-6)
    if channels == 1:
        grid = (np.arange(256, dtype="float32") / 127.5 - 1).reshape(256, 1, 1, 1)
        logs = found.log_probability(np.repeat(outputs[:, None, None], 256, axis=0), grid)
        frequency = np.bincount(levels, minlength=256) / count
        assert np.abs(frequency - np.exp(np.asarray(logs))).max() < 6e-3


def test_wrong_names_and_values_get_one_line():
    with pytest.raises(ganzoo.GanzooError, match=r"unknown likelihood 'bernouli'. Did you mean 'bernoulli'\?"):
        get_likelihood("bernouli")
    with pytest.raises(ganzoo.GanzooError, match="deviation must be positive"):
        get_likelihood({"name": "gaussian", "deviation": 0})
