"""Losses on logits: `ganzoo.losses.get(name)`."""

from ganzoo.losses.adversarial import AdversarialLoss, adversarial_loss, get

__all__ = ["AdversarialLoss", "adversarial_loss", "get"]
