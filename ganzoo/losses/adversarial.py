"""Adversarial losses: pairs of a discriminator's and a generator's loss, both on logits.

Each works on the logits of one batch, shape (batch, 1) or any other, and returns the mean, a scalar.
"""

import inspect

import keras
from keras import ops

from ganzoo.errors import GanzooError, unknown

_losses = {}


def adversarial_loss(name):
    """Class decorator: the loss is known by this name in YAML files and `compile(loss=...)`."""

    def decorate(cls):
        _losses[name] = cls
        cls.name = name
        return keras.saving.register_keras_serializable(package="ganzoo", name=f"loss_{name}")(cls)

    return decorate


def get(loss):
    """A loss from its name, from {"name": ..., argument: value}, or itself.

    Raises:
        GanzooError: an unknown name or argument.

    Example:
        loss = ganzoo.losses.get("non_saturating")
    """
    if isinstance(loss, AdversarialLoss):
        return loss
    arguments = dict(loss) if isinstance(loss, dict) else {"name": loss}
    name = arguments.pop("name", None)
    if name not in _losses:
        raise unknown("loss", name, _losses)
    try:
        inspect.signature(_losses[name]).bind(**arguments)
    except TypeError as error:
        raise GanzooError(f"loss '{name}': {error}") from None
    return _losses[name](**arguments)


class AdversarialLoss:
    """What a pair offers; subclass it and pass an instance to `compile` for one of your own."""

    name = None

    def discriminator(self, real_logits, fake_logits):
        """The loss the discriminator lowers: a scalar."""
        raise NotImplementedError(f"{type(self).__name__} must define discriminator()")

    def generator(self, fake_logits):
        """The loss the generator lowers: a scalar."""
        raise NotImplementedError(f"{type(self).__name__} must define generator()")

    def score(self, logits):
        """What `d_real` and `d_fake` report: the mean output of the discriminator, D(x)."""
        return ops.mean(ops.sigmoid(logits))

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class _CrossEntropy(AdversarialLoss):
    """The discriminator's side of Goodfellow et al. 2014 (arXiv:1406.2661), equation 1, negated:
    -E[log D(x)] - E[log(1 - D(G(z)))], with D = sigmoid(logits)."""

    def discriminator(self, real_logits, fake_logits):
        # -log sigmoid(l) = softplus(-l) and -log(1 - sigmoid(l)) = softplus(l), exact for large |l|.
        return ops.mean(ops.softplus(-real_logits)) + ops.mean(ops.softplus(fake_logits))


@adversarial_loss("non_saturating")
class NonSaturating(_CrossEntropy):
    """The generator maximizes log D(G(z)) (Goodfellow et al. 2014, section 3): strong gradients early on."""

    def generator(self, fake_logits):
        return ops.mean(ops.softplus(-fake_logits))


@adversarial_loss("minimax")
class Minimax(_CrossEntropy):
    """The generator minimizes log(1 - D(G(z))), the game of equation 1 as written: it saturates
    when the discriminator is sure, which is what one uses it to show."""

    def generator(self, fake_logits):
        return -ops.mean(ops.softplus(fake_logits))
