"""Likelihoods of images, `get_likelihood(name)`: what the outputs of a decoder, or of an autoregressive network, mean.

A likelihood says how many numbers a network outputs for each pixel, the logarithm of the probability of the values
given these numbers, in nats, and how to sample values from them.
"""

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from keras import ops
from scipy.special import expit, ndtri

from ganzoo import pixels
from ganzoo.errors import GanzooError
from ganzoo.inference.counts import checked_seed
from ganzoo.losses.names import Named, Names
from ganzoo.types import Tensor

_names = Names("likelihood")
likelihood = _names.register


def get_likelihood(asked: Any) -> "Likelihood":
    """Returns a likelihood.

    Args:
        asked: its name, {"name": ..., argument: value}, or a `Likelihood`, which is returned as is.

    Raises:
        GanzooError: an unknown name or argument, or a value out of range.

    Example:
        likelihood = ganzoo.losses.get_likelihood({"name": "gaussian", "deviation": 0.1})
    """
    return _names.get(asked, Likelihood)


class Likelihood(Named):
    """Base class of likelihoods.

    Attributes:
        outputs: how many numbers the network outputs for each value of an image.
        is_discrete: whether probabilities are those of 8-bit images, so that bits per value can be compared.
        is_joint: whether the likelihood itself models how the channels of a pixel depend on each other.

    Example:
        from keras import ops

        class Laplace(ganzoo.losses.Likelihood):
            def log_probabilities(self, outputs, images):
                return -ops.sum(ops.abs(images - outputs) + ops.log(2.0), axis=3)

        model = ganzoo.create("vae", likelihood=Laplace())
    """

    outputs = 1
    is_discrete = False
    is_joint = False

    def output_channels(self, channels: int) -> int:
        """How many numbers the network outputs for each pixel of an image with so many channels. They are ordered so
        that number i belongs to channel i % channels, unless the likelihood is joint."""
        return self.outputs * channels

    def observed(self, images: Tensor, uniform: Callable[[Sequence[Any]], Tensor]) -> Tensor:
        """The images that the model is trained on and measured with.

        Args:
            images: float32 (batch, height, width, channels) in [-1, 1].
            uniform: function from a shape to random numbers in [0, 1).
        """
        return images

    def log_probability(self, outputs: Tensor, images: Tensor) -> Tensor:
        """The log-probability of images, float32 (batch,), in nats; arguments as of `log_probabilities`."""
        return ops.sum(self.log_probabilities(outputs, images), axis=(1, 2))

    def log_probabilities(self, outputs: Tensor, images: Tensor) -> Tensor:
        """The log-probability of each pixel, float32 (batch, height, width), in nats.

        Args:
            outputs: float32 (batch, height, width, `output_channels(channels)`) of a network.
            images: float32 (batch, height, width, channels) in [-1, 1].
        """
        raise NotImplementedError(f"{type(self).__name__} must define log_probabilities()")

    def mean(self, outputs: Tensor) -> Tensor:
        """The mean image of the distribution, in [-1, 1]."""
        return ops.clip(outputs, -1.0, 1.0)

    def sample(self, outputs: np.ndarray, uniform: np.ndarray, temperature: float = 1.0) -> np.ndarray:
        """Samples pixels, by inverting distribution functions.

        Args:
            outputs: float32 (batch, `output_channels(channels)`).
            uniform: random numbers in (0, 1), (batch, channels + 1).
            temperature: below 1, likelier values become even likelier: logits are divided by it, scales multiplied.

        Returns:
            float32 (batch, channels) in [-1, 1].
        """
        raise NotImplementedError(f"{type(self).__name__} must define sample()")


def observations(
    likelihood: Likelihood, images: np.ndarray, size: int, seed: int
) -> Iterator[tuple[int, np.ndarray, np.random.Generator]]:
    """Images as a likelihood observes them, a few at a time: the same for all models with the same size and seed.

    Args:
        likelihood: the likelihood.
        images: uint8 (count, height, width, channels).
        size: images at a time.
        seed: of random binarization.

    Yields:
        (index of the first, float32 (at most size, height, width, channels) in [-1, 1], a generator for further random
        numbers).

    Raises:
        GanzooError: the seed is not an integer of at least 0.
    """
    if checked_seed(seed) is None:
        raise GanzooError("seed must be an integer: likelihoods are compared with the same binarization")
    for i in range(0, len(images), size):
        rng = np.random.default_rng([seed, i])
        observed = likelihood.observed(
            pixels.to_float(images[i : i + size]), functools.partial(rng.random, dtype="float32")
        )
        yield i, ops.convert_to_numpy(observed), rng


@likelihood("bernoulli")
class Bernoulli(Likelihood):
    """Black and white pixels: the outputs are logits. Gray levels are the probabilities of white, from which pixels are
    sampled anew at each step, as in Burda et al. 2015 (arXiv:1509.00519): stochastic binarization.

    Example:
        bernoulli = ganzoo.losses.get_likelihood("bernoulli")
        logits, white = np.zeros((1, 2, 2, 1), "float32"), np.ones((1, 2, 2, 1), "float32")
        bernoulli.log_probability(logits, white)        # [4 log(1/2)]
    """

    def observed(self, images: Tensor, uniform: Callable[[Sequence[Any]], Tensor]) -> Tensor:
        # Tensors on both sides: PyTorch compares none with an array.
        white = ops.convert_to_tensor(uniform(ops.shape(images))) < (ops.cast(images, "float32") + 1.0) / 2.0
        return 2.0 * ops.cast(white, "float32") - 1.0

    def log_probabilities(self, outputs: Tensor, images: Tensor) -> Tensor:
        # log sigmoid(l) for white pixels, log sigmoid(-l) for black ones.
        return -ops.sum(ops.softplus(-ops.cast(outputs, "float32") * images), axis=3)

    def mean(self, outputs: Tensor) -> Tensor:
        # 2 sigmoid(l) - 1.
        return ops.tanh(outputs / 2.0)

    def sample(self, outputs: np.ndarray, uniform: np.ndarray, temperature: float = 1.0) -> np.ndarray:
        return np.where(uniform[:, :-1] < expit(outputs / temperature), 1.0, -1.0).astype("float32")


@likelihood("gaussian")
class Gaussian(Likelihood):
    """A normal distribution of each value with the same standard deviation: the outputs are means. It treats images as
    continuous, so its densities cannot be compared with probabilities.

    Args:
        deviation: standard deviation, for images in [-1, 1]. A smaller one weights reconstruction more.

    Example:
        gaussian = ganzoo.losses.get_likelihood({"name": "gaussian", "deviation": 1.0})
        zeros = np.zeros((1, 2, 2, 1), "float32")
        gaussian.log_probability(zeros, zeros)      # [-2 log(2 pi)]
    """

    def __init__(self, deviation: float = 0.1):
        if not deviation > 0:
            raise ValueError(f"deviation must be positive, got {deviation}")
        self.deviation = deviation

    def log_probabilities(self, outputs: Tensor, images: Tensor) -> Tensor:
        scaled = (images - ops.cast(outputs, "float32")) / self.deviation
        each = -0.5 * scaled**2 - math.log(self.deviation) - 0.5 * math.log(2 * math.pi)
        return ops.sum(each, axis=3)

    def sample(self, outputs: np.ndarray, uniform: np.ndarray, temperature: float = 1.0) -> np.ndarray:
        values = outputs + temperature * self.deviation * ndtri(uniform[:, :-1])
        return np.clip(values, -1.0, 1.0).astype("float32")

    def get_config(self) -> dict[str, Any]:
        return {"deviation": self.deviation}


@likelihood("categorical")
class Categorical(Likelihood):
    """The 256 values of 8-bit images, each with a probability of its own, a softmax (van den Oord et al. 2016,
    arXiv:1601.06759, section 3.3). The outputs are logits, those of the channels of an image next to each other.

    Example:
        categorical = ganzoo.losses.get_likelihood("categorical")
        outputs, black = np.zeros((1, 2, 2, 256), "float32"), -np.ones((1, 2, 2, 1), "float32")
        categorical.log_probability(outputs, black)     # [4 log(1/256)]
    """

    outputs = 256
    is_discrete = True

    def log_probabilities(self, outputs: Tensor, images: Tensor) -> Tensor:
        logits = ops.reshape(ops.cast(outputs, "float32"), (-1, *images.shape[1:3], 256, images.shape[3]))
        values = ops.cast(ops.round((ops.cast(images, "float32") + 1.0) * 127.5), "int32")
        chosen = ops.take_along_axis(logits, ops.expand_dims(values, 3), axis=3)[..., 0, :]
        return ops.sum(chosen - ops.logsumexp(logits, axis=3), axis=3)

    def mean(self, outputs: Tensor) -> Tensor:
        logits = ops.reshape(outputs, (-1, *outputs.shape[1:3], 256, outputs.shape[3] // 256))
        levels = ops.reshape(ops.arange(256, dtype="float32") / 127.5 - 1.0, (256, 1))
        return ops.sum(ops.softmax(logits, axis=3) * levels, axis=3)

    def sample(self, outputs: np.ndarray, uniform: np.ndarray, temperature: float = 1.0) -> np.ndarray:
        logits = outputs.reshape(len(outputs), 256, -1) / temperature
        return (_chosen(logits, uniform[:, :-1]) / 127.5 - 1.0).astype("float32")


@likelihood("discretized_logistic")
class DiscretizedLogistic(Likelihood):
    """The 256 values of 8-bit images: the probability that a logistic distribution gives to the interval around each,
    the outer ones extended to infinity (Kingma et al. 2016, arXiv:1606.04934, equation 15; Salimans et al. 2017,
    arXiv:1701.05517, equation 2). The outputs are means, then logarithms of scales, at least -7.

    Example:
        logistic = ganzoo.losses.get_likelihood("discretized_logistic")
        outputs, black = np.zeros((1, 2, 2, 2), "float32"), -np.ones((1, 2, 2, 1), "float32")
        logistic.log_probability(outputs, black)        # 4 times the log of sigmoid(-1 + 1 / 255)
    """

    outputs = 2
    is_discrete = True

    def log_probabilities(self, outputs: Tensor, images: Tensor) -> Tensor:
        mean, log_scale = ops.split(ops.cast(outputs, "float32"), 2, axis=-1)
        return ops.sum(log_logistic(images, mean, log_scale), axis=3)

    def mean(self, outputs: Tensor) -> Tensor:
        return ops.clip(ops.split(outputs, 2, axis=-1)[0], -1.0, 1.0)

    def sample(self, outputs: np.ndarray, uniform: np.ndarray, temperature: float = 1.0) -> np.ndarray:
        mean, log_scale = np.split(outputs, 2, axis=-1)
        return _logistic_levels(mean, log_scale, uniform[:, :-1], temperature)


@likelihood("logistic_mixture")
class LogisticMixture(Likelihood):
    """The 256 values of 8-bit images as a mixture of discretized logistic distributions (Salimans et al. 2017,
    arXiv:1701.05517, section 2.1). In color, all channels of a pixel come from the same component, and the means of
    green and blue are linear in the values of the channels before (section 2.2).

    The outputs of a pixel are the logits of the components, then their means, logarithms of scales (each for one
    channel after the other) and, in color, coefficients of red for green, red for blue, green for blue.

    Args:
        components: number of logistic distributions.

    Example:
        mixture = ganzoo.losses.get_likelihood({"name": "logistic_mixture", "components": 5})
        outputs, black = np.zeros((1, 2, 2, 15), "float32"), -np.ones((1, 2, 2, 1), "float32")
        mixture.log_probability(outputs, black)         # 4 times the log of sigmoid(-1 + 1 / 255)
    """

    is_discrete = True
    is_joint = True

    def __init__(self, components: float = 10):
        if not (components >= 1 and components == int(components)):
            raise ValueError(f"components must be a whole number of at least 1, got {components}")
        self.components = int(components)

    def output_channels(self, channels: int) -> int:
        return self.components * (1 + 2 * channels + channels * (channels - 1) // 2)

    def log_probabilities(self, outputs: Tensor, images: Tensor) -> Tensor:
        logits, means, log_scales, slopes = self._parts(ops.cast(outputs, "float32"), images.shape[3], ops)
        total = ops.log_softmax(logits, axis=-1)
        for channel, mean in enumerate(means):
            for earlier in range(channel):
                mean = mean + slopes[channel, earlier] * images[..., earlier : earlier + 1]
            total = total + log_logistic(images[..., channel : channel + 1], mean, log_scales[channel])
        return ops.logsumexp(total, axis=-1)

    def mean(self, outputs: Tensor) -> Tensor:
        count = outputs.shape[-1] // self.components
        channels = next(number for number in range(1, count) if self.output_channels(number) >= outputs.shape[-1])
        logits, means, _, slopes = self._parts(outputs, channels, ops)
        shares, found = ops.softmax(logits, axis=-1), list[Any]()
        for channel, mean in enumerate(means):
            for earlier in range(channel):
                mean = mean + slopes[channel, earlier] * found[earlier]
            found.append(ops.clip(mean, -1.0, 1.0))
        return ops.stack([ops.sum(shares * mean, axis=-1) for mean in found], axis=-1)

    def sample(self, outputs: np.ndarray, uniform: np.ndarray, temperature: float = 1.0) -> np.ndarray:
        channels = uniform.shape[1] - 1
        logits, means, log_scales, slopes = self._parts(outputs, channels, np)
        component = _chosen(logits[:, :, None] / temperature, uniform[:, -1:])
        values = np.empty((len(outputs), channels), "float32")
        for channel in range(channels):
            mean = np.take_along_axis(means[channel], component, axis=1)[:, 0]
            for earlier in range(channel):
                slope = np.take_along_axis(slopes[channel, earlier], component, axis=1)[:, 0]
                mean = mean + slope * values[:, earlier]
            log_scale = np.take_along_axis(log_scales[channel], component, axis=1)[:, 0]
            values[:, channel] = _logistic_levels(mean, log_scale, uniform[:, channel], temperature)
        return values

    def _parts(self, outputs: Any, channels: int, library: Any) -> tuple[Any, list[Any], list[Any], dict[Any, Any]]:
        """(logits, means and logarithms of scales of each channel, {(channel, earlier channel): coefficients}), each of
        shape (..., components); `library` is `keras.ops` or NumPy."""
        size = self.components
        logits, *rest = [outputs[..., i : i + size] for i in range(0, outputs.shape[-1], size)]
        pairs = [(channel, earlier) for channel in range(channels) for earlier in range(channel)]
        slopes = {pair: library.tanh(part) for pair, part in zip(pairs, rest[2 * channels :])}
        return logits, rest[:channels], rest[channels : 2 * channels], slopes

    def get_config(self) -> dict[str, Any]:
        return {"components": self.components}


def _chosen(logits: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """Samples from categorical distributions of logits (batch, count, places); int (batch, places)."""
    weights = np.exp(logits.astype("float64") - logits.max(axis=1, keepdims=True))
    sums = weights.cumsum(axis=1)
    found = (sums < uniform[:, None] * sums[:, -1:]).sum(axis=1)
    return np.minimum(found, logits.shape[1] - 1)


def _logistic_levels(mean: np.ndarray, log_scale: np.ndarray, uniform: np.ndarray, temperature: float) -> np.ndarray:
    """Samples of logistic distributions, rounded to the 256 levels as `log_logistic` counts them."""
    scale = temperature * np.exp(np.maximum(log_scale, -7.0))
    values = mean + scale * (np.log(uniform) - np.log1p(-uniform))
    return (np.rint((np.clip(values, -1.0, 1.0) + 1.0) * 127.5) / 127.5 - 1.0).astype("float32")


def log_logistic(
    values: Tensor, mean: Tensor, log_scale: Tensor, levels: int = 256, least_log_scale: float = -7.0
) -> Tensor:
    """The log-probability of values of equal steps under discretized logistic distributions, of the shape of the
    arguments.

    Args:
        values: float32 in [-1, 1], multiples of 2 / (levels - 1) from -1 on.
        mean, log_scale: of the distributions.
        levels: number of different values, 256 for 8 bits.
        least_log_scale: a log_scale below counts as this.

    Example:
        from ganzoo.losses.likelihoods import log_logistic

        values = np.arange(256, dtype="float32") / 127.5 - 1
        probabilities = np.exp(log_logistic(values, np.zeros(256, "float32"), np.full(256, -3.0, "float32")))
        assert abs(probabilities.sum() - 1) < 1e-4
    """
    half = 1.0 / (levels - 1)
    log_scale = ops.maximum(log_scale, least_log_scale)
    centered, inverse = values - mean, ops.exp(-log_scale)
    upper, lower = inverse * (centered + half), inverse * (centered - half)
    within = ops.sigmoid(upper) - ops.sigmoid(lower)
    # Far from the mean the difference is 0 in single precision; there the density is nearly constant in an interval.
    middle = inverse * centered
    density = middle - log_scale - 2.0 * ops.softplus(middle) + math.log(2.0 * half)
    inner = ops.where(within > 1e-5, ops.log(ops.maximum(within, 1e-12)), density)
    lowest, highest = upper - ops.softplus(upper), -ops.softplus(lower)
    return ops.where(values < half - 1.0, lowest, ops.where(values > 1.0 - half, highest, inner))


def gaussian_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """The KL divergence of normal distributions with diagonal covariance from the standard normal distribution, float32
    (batch,), in nats (Kingma & Welling 2013, arXiv:1312.6114, appendix B).

    Args:
        mean, log_variance: float32 (batch, length).

    Example:
        from ganzoo.losses.likelihoods import gaussian_divergence

        gaussian_divergence(np.ones((1, 4), "float32"), np.zeros((1, 4), "float32"))    # [2.0]
    """
    return 0.5 * ops.sum(ops.exp(log_variance) + mean**2 - 1.0 - log_variance, axis=-1)
