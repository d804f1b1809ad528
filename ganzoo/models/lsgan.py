"""LSGAN: least squares GAN (Mao et al. 2016, arXiv:1611.04076)."""

from typing import Any

from ganzoo.models.dcgan import DCGAN
from ganzoo.registry import register


@register("lsgan")
class LSGAN(DCGAN):
    """The least squares GAN of Mao et al. 2016 (arXiv:1611.04076): DCGAN's networks with a squared loss.

    The loss still has a gradient for generated images on the right side of the decision boundary but far from it.
    The arguments are those of `DCGAN`.

    Example:
        model = ganzoo.create("lsgan", image_shape=(28, 28, 1))
        model.compile()                                             # targets 0, 1, 1: equation 9 of the paper
        model.compile(loss={"name": "least_squares", "a": -1, "b": 1, "c": 0})      # equation 8
    """

    equation = (
        r"\begin{aligned}"
        r"L_D &= \tfrac{1}{2} \mathbb{E}[(D(x) - 1)^2] + \tfrac{1}{2} \mathbb{E}[D(G(z))^2] \\"
        r"L_G &= \tfrac{1}{2} \mathbb{E}[(D(G(z)) - 1)^2]"
        r"\end{aligned}"
    )
    chapter = "training"

    def compile(self, *args: Any, loss: object = "least_squares", **settings: Any) -> None:
        super().compile(*args, loss=loss, **settings)
