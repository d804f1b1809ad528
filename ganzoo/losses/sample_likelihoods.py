"""Likelihoods of the samples of sound, `get_sample_likelihood(name)`: what the outputs of a network mean.

A likelihood says how many numbers a network outputs for each sample, the logarithm of the probability of its values
given these numbers, in nats, and how to sample values from them.
"""

from typing import Any

import numpy as np
from keras import ops

from ganzoo import mu_law
from ganzoo.losses.likelihoods import log_logistic
from ganzoo.losses.names import Named, Names
from ganzoo.types import Tensor

_names = Names("output")
sample_likelihood = _names.register


def get_sample_likelihood(asked: Any) -> "SampleLikelihood":
    """Returns a likelihood of the samples of sound.

    Args:
        asked: "mu_law", "logistic_mixture", {"name": ..., argument: value}, or a `SampleLikelihood`, which is returned
            as is.

    Raises:
        GanzooError: an unknown name or argument, or a value out of range.

    Example:
        likelihood = ganzoo.losses.get_sample_likelihood({"name": "logistic_mixture", "components": 5})
    """
    return _names.get(asked, SampleLikelihood)


class SampleLikelihood(Named):
    """Base class of likelihoods of the samples of sound, of which there are finitely many values in [-1, 1].

    Attributes:
        outputs: how many numbers the network outputs for each sample.
        levels: number of different values of a sample.

    Example:
        sound = np.sin(np.arange(8, dtype="float32"))[None]
        mu_law = ganzoo.losses.get_sample_likelihood("mu_law")
        log_p = mu_law.log_probability(np.zeros((1, 8, 256), "float32"), sound)     # 8 times log(1/256)
    """

    outputs = 1
    levels = 2

    def quantized(self, audio: Tensor) -> Tensor:
        """The nearest values that samples can have, float32, of samples in [-1, 1]."""
        raise NotImplementedError(f"{type(self).__name__} must define quantized()")

    def log_probability(self, outputs: Tensor, audio: Tensor) -> Tensor:
        """The log-probability of each sample, float32 (batch, samples), in nats.

        Args:
            outputs: float32 (batch, samples, `outputs`) of a network.
            audio: float32 (batch, samples) in [-1, 1]; each sample counts as the nearest value.
        """
        raise NotImplementedError(f"{type(self).__name__} must define log_probability()")

    def sample(self, outputs: np.ndarray, uniform: np.ndarray, temperature: float = 1.0) -> np.ndarray:
        """Random samples, float32 (batch,).

        Args:
            outputs: float32 (batch, `outputs`) of a network.
            uniform: float32 (batch, 2), random numbers in [0, 1).
            temperature: below 1 for values that are more probable.
        """
        raise NotImplementedError(f"{type(self).__name__} must define sample()")


@sample_likelihood("mu_law")
class MuLaw(SampleLikelihood):
    """A softmax over the values of mu-law companding, which are close together near 0 (ITU-T G.711; van den Oord et al.
    2016, arXiv:1609.03499, section 2.2).

    Args:
        levels: number of values; mu is one less.

    Example:
        mu_law = ganzoo.losses.get_sample_likelihood("mu_law")
        values = mu_law.decoded(np.arange(256))     # float32 (256,), from -1 to 1
        assert (np.asarray(mu_law.codes(values)) == np.arange(256)).all()
    """

    def __init__(self, levels: int = 256):
        if levels != int(levels) or not 2 <= levels <= 65_536:
            raise ValueError(f"levels must be a whole number from 2 to 65536, got {levels}")
        self.levels = self.outputs = int(levels)

    def codes(self, audio: Tensor) -> Tensor:
        """The numbers of the values nearest to samples, see `ganzoo.mu_law.codes`."""
        return mu_law.codes(audio, self.levels)

    def decoded(self, codes: Any) -> np.ndarray:
        """The samples of codes, float32."""
        return mu_law.values(self.levels)[np.asarray(codes)]

    def quantized(self, audio: Tensor) -> Tensor:
        return ops.take(ops.convert_to_tensor(mu_law.values(self.levels)), self.codes(audio), axis=0)

    def log_probability(self, outputs: Tensor, audio: Tensor) -> Tensor:
        logits = ops.log_softmax(ops.cast(outputs, "float32"), axis=-1)
        return ops.take_along_axis(logits, ops.expand_dims(self.codes(audio), -1), axis=-1)[..., 0]

    def sample(self, outputs: np.ndarray, uniform: np.ndarray, temperature: float = 1.0) -> np.ndarray:
        return self.decoded(_category(outputs, uniform[:, 0], temperature))

    def get_config(self) -> dict[str, Any]:
        return {"levels": self.levels}


@sample_likelihood("logistic_mixture")
class SampleLogisticMixture(SampleLikelihood):
    """A mixture of discretized logistic distributions over the 65,536 values of 16-bit samples (Salimans et al. 2017,
    arXiv:1701.05517, equation 2; for sound van den Oord et al. 2017, arXiv:1711.10433, section 2.1). The outputs are
    logits of the components, their means, and logarithms of their scales.

    Args:
        components: number of logistic distributions.
        bits: of a sample.

    Example:
        mixture = ganzoo.losses.get_sample_likelihood({"name": "logistic_mixture", "components": 3})
        mixture.outputs, mixture.levels     # (9, 65536)
    """

    # A component may give nearly all of its probability to one value, as digital silence needs.
    _LEAST = -14.0

    def __init__(self, components: int = 10, bits: int = 16):
        if components != int(components) or components < 1:
            raise ValueError(f"components must be a whole number of at least 1, got {components}")
        if bits != int(bits) or not 1 <= bits <= 16:
            raise ValueError(f"bits must be a whole number from 1 to 16, got {bits}")
        self.components, self.bits = int(components), int(bits)
        self.outputs, self.levels = 3 * self.components, 2**self.bits

    def quantized(self, audio: Tensor) -> Tensor:
        most = self.levels - 1
        # Rounded as mu-law codes are, so that 0 has one value.
        codes = ops.floor((ops.clip(ops.cast(audio, "float32"), -1.0, 1.0) + 1.0) * (most / 2.0) + 0.5)
        return codes * (2.0 / most) - 1.0

    def log_probability(self, outputs: Tensor, audio: Tensor) -> Tensor:
        logits, means, log_scales = ops.split(ops.cast(outputs, "float32"), 3, axis=-1)
        values = ops.expand_dims(self.quantized(audio), -1)
        each = log_logistic(values, means, log_scales, self.levels, self._LEAST)
        return ops.logsumexp(ops.log_softmax(logits, axis=-1) + each, axis=-1)

    def sample(self, outputs: np.ndarray, uniform: np.ndarray, temperature: float = 1.0) -> np.ndarray:
        logits, means, log_scales = np.split(outputs, 3, axis=-1)
        chosen = np.arange(len(outputs)), _category(logits, uniform[:, 0], temperature)
        between = np.clip(uniform[:, 1].astype("float64"), 1e-7, 1.0 - 1e-7)
        scales = temperature * np.exp(np.maximum(log_scales[chosen], self._LEAST))
        samples = means[chosen] + scales * np.log(between / (1.0 - between))
        most = self.levels - 1
        codes = np.floor((np.clip(samples, -1.0, 1.0) + 1.0) * (most / 2.0) + 0.5).astype("float32")
        return codes * np.float32(2.0 / most) - np.float32(1.0)

    def get_config(self) -> dict[str, Any]:
        return {"components": self.components, "bits": self.bits}


def _category(logits: np.ndarray, uniform: np.ndarray, temperature: float) -> np.ndarray:
    """Categories (batch,) of softmax probabilities, by the inverse of the cumulative distribution."""
    weights = np.exp((logits - logits.max(axis=-1, keepdims=True)) / np.float32(temperature))
    sums = np.cumsum(weights, axis=-1, dtype="float32")
    found = (sums <= (uniform * sums[:, -1])[:, None]).sum(axis=-1)
    return np.minimum(found, logits.shape[-1] - 1)
