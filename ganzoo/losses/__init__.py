"""Adversarial losses, `get(name)`, penalties on a discriminator's gradient, `get_penalty(name)`, and likelihoods,
`get_likelihood(name)` of images and `get_sample_likelihood(name)` of sound."""

from ganzoo.losses.adversarial import AdversarialLoss, adversarial_loss, get
from ganzoo.losses.likelihoods import (
    Likelihood,
    SampleLikelihood,
    get_likelihood,
    get_sample_likelihood,
    likelihood,
    sample_likelihood,
)
from ganzoo.losses.matching import feature_matching
from ganzoo.losses.penalties import Penalty, get_penalty, penalty

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
    "penalty",
    "sample_likelihood",
]
