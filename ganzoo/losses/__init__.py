"""Adversarial losses, `get(name)`, penalties on a discriminator's gradient, `get_penalty(name)`, and likelihoods,
`get_likelihood(name)`."""

from ganzoo.losses.adversarial import AdversarialLoss, adversarial_loss, get
from ganzoo.losses.likelihoods import Likelihood, get_likelihood, likelihood
from ganzoo.losses.matching import feature_matching
from ganzoo.losses.penalties import Penalty, get_penalty, penalty

__all__ = [
    "AdversarialLoss",
    "Likelihood",
    "Penalty",
    "adversarial_loss",
    "feature_matching",
    "get",
    "get_likelihood",
    "get_penalty",
    "likelihood",
    "penalty",
]
