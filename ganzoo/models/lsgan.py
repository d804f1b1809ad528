"""LSGAN: least squares GAN (Mao et al. 2016, arXiv:1611.04076)."""

from ganzoo.models.dcgan import DCGAN
from ganzoo.registry import register


@register("lsgan")
class LSGAN(DCGAN):
    """The least squares GAN of Mao et al. 2016 (arXiv:1611.04076): DCGAN's networks, squared errors for a loss.

    A generated image that the discriminator already takes for real still has a gradient as long as it lies
    far from the decision boundary. Arguments are `DCGAN`'s.

    Example:
        model = ganzoo.create("lsgan", image_shape=(28, 28, 1))
        model.compile()                                             # targets 0, 1, 1: the paper's equation 9
        model.compile(loss={"name": "least_squares", "a": -1, "b": 1, "c": 0})     # its equation 8
    """

    def compile(self, *args, loss: object = "least_squares", **settings):
        super().compile(*args, loss=loss, **settings)
