"""Adversarial losses, `get(name)`, penalties on a discriminator's gradient, `get_penalty(name)`, and likelihoods,
`get_likelihood(name)` of images and `get_sample_likelihood(name)` of sound."""

from ganzoo.losses.adversarial import AdversarialLoss, adversarial_loss, get
from ganzoo.losses.likelihoods import Likelihood, get_likelihood, likelihood
from ganzoo.losses.matching import feature_matching, maximum_mean_discrepancy
from ganzoo.losses.penalties import Penalty, get_penalty, penalty
from ganzoo.losses.sample_likelihoods import SampleLikelihood, get_sample_likelihood, sample_likelihood

__all__ = [
    "AdversarialLoss",
    "Likelihood",
    "Penalty",
    "SampleLikelihood",
    "adversarial_loss",
    "feature_matching",
    "get",
    "get_likelihood",
    "get_penalty",
    "get_sample_likelihood",
    "likelihood",
    "maximum_mean_discrepancy",
    "penalty",
    "sample_likelihood",
]
