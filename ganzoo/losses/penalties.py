"""Penalties on the gradient of a discriminator with respect to its input, added to its loss.

Everything here is float32: in half precision the squared norm over many thousand pixels overflows.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from keras import ops

from ganzoo.losses.names import Named, Names
from ganzoo.types import Tensor

if TYPE_CHECKING:
    from ganzoo.training.noise import Noise

_names = Names("penalty")
penalty = _names.register


def get_penalty(asked: Any) -> "Penalty":
    """Returns a penalty.

    Args:
        asked: its name, {"name": ..., argument: value}, or a `Penalty`, which is returned as is.

    Raises:
        GanzooError: an unknown name or argument, or a value out of range.

    Example:
        penalty = ganzoo.losses.get_penalty({"name": "gradient_penalty", "weight": 10})
    """
    return _names.get(asked, Penalty)


class Penalty(Named):
    """Base class of penalties. For a penalty of your own, subclass it and pass an instance to `compile`.

    Args:
        weight: factor of the penalty in the loss; at least 0.

    Example:
        from keras import ops

        class FakeGradient(ganzoo.losses.Penalty):
            def __call__(self, discriminator, real, fake, noise, input_gradient):
                return self.weight * ops.mean(input_gradient(discriminator, fake) ** 2)

        model = ganzoo.create("dcgan", image_shape=(28, 28, 1), width=8)
        model.compile(penalties=[FakeGradient(10.0)])
    """

    def __init__(self, weight: float):
        if weight < 0:
            raise ValueError(f"weight must be at least 0, got {weight}")
        self.weight = weight

    def __call__(
        self, discriminator: Callable, real: Tensor, fake: Tensor, noise: "Noise", input_gradient: Callable
    ) -> Tensor:
        """The penalty of one batch.

        Args:
            discriminator: function from images to logits.
            real, fake: images (batch, ...), float32.
            noise: source of random numbers, `noise.uniform(shape)`.
            input_gradient: function of (function, images) that returns the gradient of sum(function(images)) with
                respect to the images.

        Returns:
            A scalar.
        """
        raise NotImplementedError(f"{type(self).__name__} must define __call__()")

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"weight": self.weight}


@penalty("gradient_penalty")
class GradientPenalty(Penalty):
    """Pulls the norm of the gradient towards 1 between real and generated images (Gulrajani et al. 2017,
    arXiv:1704.00028, equation 3): weight E[(|grad D(x)| - 1)^2], with x sampled uniformly on the line between a real
    and a generated image. The discriminator must not have batch norm, which would couple the gradients of a batch.

    Args:
        weight: the paper's lambda.
    """

    def __init__(self, weight: float = 10.0):
        super().__init__(weight)

    def __call__(
        self, discriminator: Callable, real: Tensor, fake: Tensor, noise: "Noise", input_gradient: Callable
    ) -> Tensor:
        real, fake = ops.cast(real, "float32"), ops.cast(fake, "float32")
        position = noise.uniform((ops.shape(real)[0], *[1] * (len(real.shape) - 1)))
        gradient = input_gradient(discriminator, real + position * (fake - real))
        # The gradient of the root is infinite at 0, which a constant critic would reach.
        norms = ops.sqrt(_squared_norms(gradient) + 1e-12)
        return self.weight * ops.mean((norms - 1.0) ** 2)


@penalty("r1")
class R1(Penalty):
    """Penalizes the gradient at real images (Mescheder et al. 2018, arXiv:1801.04406, equation 9):
    weight / 2 E[|grad D(x)|^2].

    Args:
        weight: the paper's gamma.
    """

    def __init__(self, weight: float = 10.0):
        super().__init__(weight)

    def __call__(
        self, discriminator: Callable, real: Tensor, fake: Tensor, noise: "Noise", input_gradient: Callable
    ) -> Tensor:
        gradient = input_gradient(discriminator, ops.cast(real, "float32"))
        return 0.5 * self.weight * ops.mean(_squared_norms(gradient))


def _squared_norms(gradient: Tensor) -> Tensor:
    return ops.sum(ops.cast(gradient, "float32") ** 2, axis=list(range(1, len(gradient.shape))))
