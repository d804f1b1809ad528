"""Adversarial losses, `get(name)`, and penalties on a discriminator's gradient, `get_penalty(name)`."""

from ganzoo.losses.adversarial import AdversarialLoss, adversarial_loss, get
from ganzoo.losses.matching import feature_matching
from ganzoo.losses.penalties import Penalty, get_penalty, penalty

__all__ = ["AdversarialLoss", "Penalty", "adversarial_loss", "feature_matching", "get", "get_penalty", "penalty"]
