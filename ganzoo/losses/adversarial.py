"""Adversarial losses: each is a pair of losses on logits, the discriminator's and the generator's.

Each takes the logits of a batch, (batch, 1) or of any other shape, and returns the mean, a scalar.
"""

from typing import Any

from keras import ops

from ganzoo.losses.names import Named, Names
from ganzoo.types import Tensor

_names = Names("loss")
adversarial_loss = _names.register


def get(loss: Any) -> "AdversarialLoss":
    """Returns an adversarial loss.

    Args:
        loss: its name, {"name": ..., argument: value}, or an `AdversarialLoss`, which is returned as is.

    Raises:
        GanzooError: an unknown name or argument, or a value out of range.

    Example:
        loss = ganzoo.losses.get({"name": "least_squares", "a": -1.0})
    """
    return _names.get(loss, AdversarialLoss)


class AdversarialLoss(Named):
    """Base class of adversarial losses. For a loss of your own, subclass it and pass an instance to `compile`.

    Example:
        from keras import ops

        class MyLoss(ganzoo.losses.AdversarialLoss):
            def discriminator(self, real_logits, fake_logits):
                return ops.mean(ops.softplus(ops.mean(fake_logits) - real_logits))

            def generator(self, fake_logits):
                return ops.mean(ops.softplus(-fake_logits))

        model = ganzoo.create("dcgan", image_shape=(28, 28, 1), width=8)
        model.compile(loss=MyLoss())
    """

    # What the discriminator must output: "logits", or the "errors" of an autoencoder.
    takes = "logits"
    # The keys of what `report` returns; training logs these metrics.
    reported: tuple[str, ...] = ("d_real", "d_fake")
    # Whether the sigmoid of the logits estimates the probability that an example is real.
    gives_probabilities = False

    def discriminator(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """The loss that the discriminator minimizes, a scalar."""
        raise NotImplementedError(f"{type(self).__name__} must define discriminator()")

    def generator(self, fake_logits: Tensor) -> Tensor:
        """The loss that the generator minimizes, a scalar."""
        raise NotImplementedError(f"{type(self).__name__} must define generator()")

    def report(self, real_logits: Tensor, fake_logits: Tensor) -> dict[str, Tensor]:
        """{name: scalar}: `d_real` and `d_fake`, the mean of D(x) = sigmoid(logits) over real and generated images."""
        return {"d_real": ops.mean(ops.sigmoid(real_logits)), "d_fake": ops.mean(ops.sigmoid(fake_logits))}


class _CrossEntropy(AdversarialLoss):
    """The discriminator's loss of Goodfellow et al. 2014 (arXiv:1406.2661), equation 1 negated:
    -E[log D(x)] - E[log(1 - D(G(z)))], with D = sigmoid(logits).

    Args:
        smoothing: one-sided label smoothing (Salimans et al. 2016, arXiv:1606.03498, section 3.4): the target of real
            images is 1 - smoothing, that of generated images stays 0.
    """

    gives_probabilities = True

    def __init__(self, smoothing: float = 0.0):
        if not 0 <= smoothing < 1:
            raise ValueError(f"smoothing must lie in [0, 1), got {smoothing}")
        self.smoothing = smoothing

    def discriminator(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        # -log sigmoid(l) = softplus(-l) and -log(1 - sigmoid(l)) = softplus(l), exact for large |l|.
        real = (1 - self.smoothing) * ops.softplus(-real_logits) + self.smoothing * ops.softplus(real_logits)
        return ops.mean(real) + ops.mean(ops.softplus(fake_logits))

    def get_config(self) -> dict[str, Any]:
        return {"smoothing": self.smoothing}


@adversarial_loss("non_saturating")
class NonSaturating(_CrossEntropy):
    """The generator maximizes log D(G(z)) (Goodfellow et al. 2014, section 3): strong gradients early in training."""

    def generator(self, fake_logits: Tensor) -> Tensor:
        return ops.mean(ops.softplus(-fake_logits))


@adversarial_loss("minimax")
class Minimax(_CrossEntropy):
    """The generator minimizes log(1 - D(G(z))), equation 1 as written. The loss saturates when the discriminator is
    confident; it is here to demonstrate that."""

    def generator(self, fake_logits: Tensor) -> Tensor:
        return -ops.mean(ops.softplus(fake_logits))


class _Critic(AdversarialLoss):
    """Losses on the discriminator's raw output, without a sigmoid."""

    def report(self, real_logits: Tensor, fake_logits: Tensor) -> dict[str, Tensor]:
        return {"d_real": ops.mean(real_logits), "d_fake": ops.mean(fake_logits)}


@adversarial_loss("least_squares")
class LeastSquares(_Critic):
    """Least squares (Mao et al. 2016, arXiv:1611.04076, equation 2):
    1/2 E[(D(x) - b)^2] + 1/2 E[(D(G(z)) - a)^2] and 1/2 E[(D(G(z)) - c)^2].

    Args:
        a: target of generated images for the discriminator.
        b: target of real images.
        c: target of generated images for the generator. (0, 1, 1) is the paper's equation 9; with (-1, 1, 0), its
            equation 8, the generator minimizes a Pearson chi-squared divergence.
    """

    def __init__(self, a: float = 0.0, b: float = 1.0, c: float = 1.0):
        self.a, self.b, self.c = a, b, c

    def discriminator(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        return 0.5 * ops.mean((real_logits - self.b) ** 2) + 0.5 * ops.mean((fake_logits - self.a) ** 2)

    def generator(self, fake_logits: Tensor) -> Tensor:
        return 0.5 * ops.mean((fake_logits - self.c) ** 2)

    def get_config(self) -> dict[str, Any]:
        return {"a": self.a, "b": self.b, "c": self.c}


@adversarial_loss("wasserstein")
class Wasserstein(_Critic):
    """The critic maximizes its estimate of the Wasserstein-1 distance, E[D(x)] - E[D(G(z))] (Arjovsky et al. 2017,
    arXiv:1701.07875, equation 2). The estimate is only valid for a Lipschitz critic, so use it with weight clipping or
    a gradient penalty. It is reported as `wasserstein`."""

    reported = ("d_real", "d_fake", "wasserstein")

    def report(self, real_logits: Tensor, fake_logits: Tensor) -> dict[str, Tensor]:
        means = super().report(real_logits, fake_logits)
        return {**means, "wasserstein": means["d_real"] - means["d_fake"]}

    def discriminator(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        return ops.mean(fake_logits) - ops.mean(real_logits)

    def generator(self, fake_logits: Tensor) -> Tensor:
        return -ops.mean(fake_logits)


@adversarial_loss("hinge")
class Hinge(_Critic):
    """The hinge loss (Lim & Ye 2017, arXiv:1705.02894; Miyato et al. 2018, arXiv:1802.05957, equations 16 and 17)."""

    def discriminator(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        return ops.mean(ops.relu(1.0 - real_logits)) + ops.mean(ops.relu(1.0 + fake_logits))

    def generator(self, fake_logits: Tensor) -> Tensor:
        return -ops.mean(fake_logits)


@adversarial_loss("boundary_equilibrium")
class BoundaryEquilibrium(_Critic):
    """The loss of BEGAN (Berthelot et al. 2017, arXiv:1703.10717, sections 3.3 and 3.4) on an autoencoder's
    reconstruction errors L: the discriminator minimizes E[L(x)] - k E[L(G(z))], the generator E[L(G(z))].

    Args:
        gamma: target ratio E[L(G(z))] / E[L(x)]; low values give cleaner but less diverse images.
        rate: the paper's lambda_k, the step size of k.

    Attributes:
        balance: the paper's k; a number, or a variable that the model updates.
    """

    takes = "errors"

    def __init__(self, gamma: float = 0.5, rate: float = 0.001):
        if not 0 < gamma <= 1 or not 0 < rate <= 1:
            raise ValueError(f"gamma and rate must lie in (0, 1], got {gamma} and {rate}")
        self.gamma, self.rate = gamma, rate
        self.balance: Any = 0.0

    def discriminator(self, real_errors: Tensor, fake_errors: Tensor) -> Tensor:
        return ops.mean(real_errors) - self.balance * ops.mean(fake_errors)

    def generator(self, fake_errors: Tensor) -> Tensor:
        return ops.mean(fake_errors)

    def next_balance(self, balance: Tensor, real_error: Tensor, fake_error: Tensor) -> Tensor:
        """The next step's k, from this step's mean errors."""
        updated = balance + self.rate * (self.gamma * real_error - fake_error)
        return ops.clip(ops.convert_to_tensor(updated, "float32"), 0.0, 1.0)

    def convergence(self, real_error: Tensor, fake_error: Tensor) -> Tensor:
        """The global measure M: E[L(x)] + |gamma E[L(x)] - E[L(G(z))]|."""
        return real_error + ops.abs(self.gamma * real_error - fake_error)

    def get_config(self) -> dict[str, Any]:
        return {"gamma": self.gamma, "rate": self.rate}
