"""Adversarial losses: pairs of a discriminator's and a generator's loss, both on logits.

Each works on the logits of one batch, shape (batch, 1) or any other, and returns the mean, a scalar.
"""

from keras import ops

from ganzoo.losses.names import Names

_names = Names("loss")
adversarial_loss = _names.register


def get(loss):
    """A loss from its name, from {"name": ..., argument: value}, or itself.

    Raises:
        GanzooError: an unknown name or argument, or a value out of range.

    Example:
        loss = ganzoo.losses.get({"name": "least_squares", "a": -1.0})
    """
    return _names.get(loss, AdversarialLoss)


class AdversarialLoss:
    """What a pair offers; subclass it and pass an instance to `compile` for one of your own."""

    name = None
    # What the discriminator's numbers are for it: "logits", or "errors" of an auto-encoder.
    takes = "logits"
    # What `report` returns: names of metrics that training shows.
    reported = ("d_real", "d_fake")

    def discriminator(self, real_logits, fake_logits):
        """The loss the discriminator lowers: a scalar."""
        raise NotImplementedError(f"{type(self).__name__} must define discriminator()")

    def generator(self, fake_logits):
        """The loss the generator lowers: a scalar."""
        raise NotImplementedError(f"{type(self).__name__} must define generator()")

    def report(self, real_logits, fake_logits):
        """{name: scalar}: `d_real` and `d_fake` are the discriminator's mean output, here D(x) = sigmoid(logits)."""
        return {"d_real": ops.mean(ops.sigmoid(real_logits)), "d_fake": ops.mean(ops.sigmoid(fake_logits))}

    def get_config(self):
        """The arguments of the constructor."""
        return {}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class _CrossEntropy(AdversarialLoss):
    """The discriminator's side of Goodfellow et al. 2014 (arXiv:1406.2661), equation 1, negated:
    -E[log D(x)] - E[log(1 - D(G(z)))], with D = sigmoid(logits).

    Args:
        smoothing: one-sided label smoothing (Salimans et al. 2016, arXiv:1606.03498, section 3.4): the
            target of real images is 1 - smoothing, that of generated ones stays 0.
    """

    def __init__(self, smoothing=0.0):
        if not 0 <= smoothing < 1:
            raise ValueError(f"smoothing must lie in [0, 1), got {smoothing}")
        self.smoothing = smoothing

    def discriminator(self, real_logits, fake_logits):
        # -log sigmoid(l) = softplus(-l) and -log(1 - sigmoid(l)) = softplus(l), exact for large |l|.
        real = (1 - self.smoothing) * ops.softplus(-real_logits) + self.smoothing * ops.softplus(real_logits)
        return ops.mean(real) + ops.mean(ops.softplus(fake_logits))

    def get_config(self):
        return {"smoothing": self.smoothing}


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


class _Critic(AdversarialLoss):
    """Losses whose discriminator's plain output is what counts, not its sigmoid."""

    def report(self, real_logits, fake_logits):
        return {"d_real": ops.mean(real_logits), "d_fake": ops.mean(fake_logits)}


@adversarial_loss("least_squares")
class LeastSquares(_Critic):
    """Least squares (Mao et al. 2016, arXiv:1611.04076, equation 2):
    1/2 E[(D(x) - b)^2] + 1/2 E[(D(G(z)) - a)^2] and 1/2 E[(D(G(z)) - c)^2].

    Args:
        a: target of generated images for the discriminator.
        b: target of real ones.
        c: what the generator wants. 0, 1, 1 is the paper's equation 9; -1, 1, 0 its equation 8, for
            which the generator minimizes a Pearson chi-squared divergence.
    """

    def __init__(self, a=0.0, b=1.0, c=1.0):
        self.a, self.b, self.c = a, b, c

    def discriminator(self, real_logits, fake_logits):
        return 0.5 * ops.mean((real_logits - self.b) ** 2) + 0.5 * ops.mean((fake_logits - self.a) ** 2)

    def generator(self, fake_logits):
        return 0.5 * ops.mean((fake_logits - self.c) ** 2)

    def get_config(self):
        return {"a": self.a, "b": self.b, "c": self.c}


@adversarial_loss("wasserstein")
class Wasserstein(_Critic):
    """The critic's estimate of the Wasserstein-1 distance, E[D(x)] - E[D(G(z))], is what the critic raises
    (Arjovsky et al. 2017, arXiv:1701.07875, equation 2); it means something for a Lipschitz critic alone,
    so it goes with weight clipping or a gradient penalty. The estimate is reported as `wasserstein`."""

    reported = ("d_real", "d_fake", "wasserstein")

    def report(self, real_logits, fake_logits):
        means = super().report(real_logits, fake_logits)
        return {**means, "wasserstein": means["d_real"] - means["d_fake"]}

    def discriminator(self, real_logits, fake_logits):
        return ops.mean(fake_logits) - ops.mean(real_logits)

    def generator(self, fake_logits):
        return -ops.mean(fake_logits)


@adversarial_loss("hinge")
class Hinge(_Critic):
    """The hinge loss (Lim & Ye 2017, arXiv:1705.02894; Miyato et al. 2018, arXiv:1802.05957, equations 16 and 17)."""

    def discriminator(self, real_logits, fake_logits):
        return ops.mean(ops.relu(1.0 - real_logits)) + ops.mean(ops.relu(1.0 + fake_logits))

    def generator(self, fake_logits):
        return -ops.mean(fake_logits)


@adversarial_loss("boundary_equilibrium")
class BoundaryEquilibrium(_Critic):
    """The loss of BEGAN (Berthelot et al. 2017, arXiv:1703.10717, section 3.3 and 3.4), on an auto-encoder's errors
    L: the discriminator lowers E[L(x)] - k E[L(G(z))], the generator E[L(G(z))].

    Args:
        gamma: the ratio E[L(G(z))] / E[L(x)] to hold; small ones give fewer kinds of cleaner images.
        rate: the paper's lambda_k, by which k moves.

    Attributes:
        balance: the paper's k; a number, or the variable of a model that moves it.
    """

    takes = "errors"

    def __init__(self, gamma=0.5, rate=0.001):
        if not 0 < gamma <= 1 or not 0 < rate <= 1:
            raise ValueError(f"gamma and rate must lie in (0, 1], got {gamma} and {rate}")
        self.gamma, self.rate = gamma, rate
        self.balance = 0.0

    def discriminator(self, real_errors, fake_errors):
        return ops.mean(real_errors) - self.balance * ops.mean(fake_errors)

    def generator(self, fake_errors):
        return ops.mean(fake_errors)

    def next_balance(self, balance, real_error, fake_error):
        """k of the next step, from this one's mean errors."""
        moved = balance + self.rate * (self.gamma * real_error - fake_error)
        return ops.clip(ops.convert_to_tensor(moved, "float32"), 0.0, 1.0)

    def convergence(self, real_error, fake_error):
        """The global measure M: E[L(x)] + |gamma E[L(x)] - E[L(G(z))]|."""
        return real_error + ops.abs(self.gamma * real_error - fake_error)

    def get_config(self):
        return {"gamma": self.gamma, "rate": self.rate}
