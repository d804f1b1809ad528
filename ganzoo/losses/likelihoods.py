"""Likelihoods of images, `get_likelihood(name)`: what the outputs of a decoder mean.

A likelihood says how many numbers a network outputs for each value of an image, and the logarithm of the probability of
an image given these numbers, in nats.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from keras import ops

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

    Example:
        from keras import ops

        class Laplace(ganzoo.losses.Likelihood):
            def log_probability(self, outputs, images):
                return -ops.sum(ops.abs(images - outputs) + ops.log(2.0), axis=(1, 2, 3))

        model = ganzoo.create("vae", likelihood=Laplace())
    """

    outputs = 1
    is_discrete = False

    def observed(self, images: Tensor, uniform: Callable[[Sequence[Any]], Tensor]) -> Tensor:
        """The images that the model is trained on and measured with.

        Args:
            images: float32 (batch, height, width, channels) in [-1, 1].
            uniform: function from a shape to random numbers in [0, 1).
        """
        return images

    def log_probability(self, outputs: Tensor, images: Tensor) -> Tensor:
        """The log-probability of images, float32 (batch,), in nats.

        Args:
            outputs: float32 (batch, height, width, `outputs` * channels) of a network.
            images: float32 (batch, height, width, channels) in [-1, 1].
        """
        raise NotImplementedError(f"{type(self).__name__} must define log_probability()")

    def mean(self, outputs: Tensor) -> Tensor:
        """The mean image of the distribution, in [-1, 1]."""
        return ops.clip(outputs, -1.0, 1.0)


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
        white = uniform(ops.shape(images)) < (ops.cast(images, "float32") + 1.0) / 2.0
        return 2.0 * ops.cast(white, "float32") - 1.0

    def log_probability(self, outputs: Tensor, images: Tensor) -> Tensor:
        # log sigmoid(l) for white pixels, log sigmoid(-l) for black ones.
        return -ops.sum(ops.softplus(-ops.cast(outputs, "float32") * images), axis=(1, 2, 3))

    def mean(self, outputs: Tensor) -> Tensor:
        # 2 sigmoid(l) - 1.
        return ops.tanh(outputs / 2.0)


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

    def log_probability(self, outputs: Tensor, images: Tensor) -> Tensor:
        scaled = (images - ops.cast(outputs, "float32")) / self.deviation
        each = -0.5 * scaled**2 - math.log(self.deviation) - 0.5 * math.log(2 * math.pi)
        return ops.sum(each, axis=(1, 2, 3))

    def get_config(self) -> dict[str, Any]:
        return {"deviation": self.deviation}


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

    def log_probability(self, outputs: Tensor, images: Tensor) -> Tensor:
        mean, log_scale = ops.split(ops.cast(outputs, "float32"), 2, axis=-1)
        return ops.sum(log_logistic(images, mean, log_scale), axis=(1, 2, 3))

    def mean(self, outputs: Tensor) -> Tensor:
        return ops.clip(ops.split(outputs, 2, axis=-1)[0], -1.0, 1.0)


def log_logistic(values: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
    """The log-probability of 8-bit values under discretized logistic distributions, of the shape of the arguments.

    Args:
        values: float32 in [-1, 1], multiples of 2 / 255 from -1 on.
        mean, log_scale: of the distributions; log_scale counts as -7 if it is below.

    Example:
        from ganzoo.losses.likelihoods import log_logistic

        values = np.arange(256, dtype="float32") / 127.5 - 1
        probabilities = np.exp(log_logistic(values, np.zeros(256, "float32"), np.full(256, -3.0, "float32")))
        assert abs(probabilities.sum() - 1) < 1e-4
    """
    log_scale = ops.maximum(log_scale, -7.0)
    centered, inverse = values - mean, ops.exp(-log_scale)
    upper, lower = inverse * (centered + 1.0 / 255.0), inverse * (centered - 1.0 / 255.0)
    within = ops.sigmoid(upper) - ops.sigmoid(lower)
    # Far from the mean the difference is 0 in single precision; there the density is nearly constant in an interval.
    middle = inverse * centered
    density = middle - log_scale - 2.0 * ops.softplus(middle) + math.log(2.0 / 255.0)
    inner = ops.where(within > 1e-5, ops.log(ops.maximum(within, 1e-12)), density)
    lowest, highest = upper - ops.softplus(upper), -ops.softplus(lower)
    return ops.where(values < -0.999, lowest, ops.where(values > 0.999, highest, inner))


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
