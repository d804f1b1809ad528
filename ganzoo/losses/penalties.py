"""Penalties on a discriminator's gradient with respect to its images, added to its loss.

A penalty is called with the discriminator as a function of images, the two batches, a source of random
numbers and the back end's way to take such a gradient; it returns a scalar. Everything here is float32:
in half precision a squared norm of many thousand pixels overflows.
"""

from keras import ops

from ganzoo.losses.names import Names

_names = Names("penalty")
penalty = _names.register


def get_penalty(asked):
    """A penalty from its name, from {"name": ..., argument: value}, or itself.

    Raises:
        GanzooError: an unknown name or argument, or a value out of range.

    Example:
        penalty = ganzoo.losses.get_penalty({"name": "gradient_penalty", "weight": 10})
    """
    return _names.get(asked, Penalty)


class Penalty:
    """What a penalty offers; subclass it and pass an instance to `compile` for one of your own.

    Args:
        weight: factor of the penalty in the loss; at least 0.
    """

    name = None

    def __init__(self, weight):
        if weight < 0:
            raise ValueError(f"weight must be at least 0, got {weight}")
        self.weight = weight

    def __call__(self, discriminator, real, fake, noise, input_gradient):
        """The penalty of one batch.

        Args:
            discriminator: function from images to logits.
            real, fake: images (batch, ...), float32.
            noise: draws random numbers, `noise.uniform(shape)`.
            input_gradient: (function, images) to the gradient of the function's sum.

        Returns:
            A scalar.
        """
        raise NotImplementedError(f"{type(self).__name__} must define __call__()")

    def get_config(self):
        """The arguments of the constructor."""
        return {"weight": self.weight}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


@penalty("gradient_penalty")
class GradientPenalty(Penalty):
    """Keeps the gradient's norm at 1 between real and generated images (Gulrajani et al. 2017,
    arXiv:1704.00028, equation 3): weight E[(|grad D(x)| - 1)^2], x on a straight line between one real and
    one generated image, its place drawn once for each pair. The discriminator may have no batch norm: it
    would tie the gradients of a batch together.

    Args:
        weight: the paper's lambda.
    """

    def __init__(self, weight=10.0):
        super().__init__(weight)

    def __call__(self, discriminator, real, fake, noise, input_gradient):
        real, fake = ops.cast(real, "float32"), ops.cast(fake, "float32")
        place = noise.uniform((ops.shape(real)[0], *[1] * (len(real.shape) - 1)))
        gradient = input_gradient(discriminator, real + place * (fake - real))
        # The root's own gradient is infinite at 0, where a critic that ignores an image would land.
        norms = ops.sqrt(_squared_norms(gradient) + 1e-12)
        return self.weight * ops.mean((norms - 1.0) ** 2)


@penalty("r1")
class R1(Penalty):
    """Keeps the gradient at real images small (Mescheder et al. 2018, arXiv:1801.04406, equation 9):
    weight / 2 E[|grad D(x)|^2].

    Args:
        weight: the paper's gamma.
    """

    def __init__(self, weight=10.0):
        super().__init__(weight)

    def __call__(self, discriminator, real, fake, noise, input_gradient):
        gradient = input_gradient(discriminator, ops.cast(real, "float32"))
        return 0.5 * self.weight * ops.mean(_squared_norms(gradient))


def _squared_norms(gradient):
    return ops.sum(ops.cast(gradient, "float32") ** 2, axis=list(range(1, len(gradient.shape))))
