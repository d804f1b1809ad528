"""GAN: the first generative adversarial network (Goodfellow et al. 2014, arXiv:1406.2661)."""

from typing import Any

from ganzoo.networks.dense import dense_generator, maxout_discriminator
from ganzoo.registry import register
from ganzoo.tasks.image_generation import ImageGeneration
from ganzoo.training.adversarial import AdversarialModel


@register("gan")
class GAN(ImageGeneration, AdversarialModel):
    """The first generative adversarial network, of Goodfellow et al. 2014 (arXiv:1406.2661).

    Both networks are fully connected: the generator with ReLU, the discriminator with maxout units and dropout. The
    output is tanh instead of the paper's sigmoid, because images lie in [-1, 1] throughout the package.

    Args:
        image_shape: (height, width, channels), any size.
        latent_dim: length of the latent vector, sampled from N(0, 1).
        generator_widths: units of the generator's hidden layers.
        discriminator_widths: maxout units of the discriminator's hidden layers; the paper has (240, 240) for MNIST.
        pieces: linear units per maxout unit.
        dropout: dropout rate of the discriminator's hidden layers.
        **options: `discriminator_regularizers` and `generator_regularizers`, see `AdversarialModel`.

    Example:
        dataset = ganzoo.data.images("folder:my_images", image_shape=(28, 28, 1), batch_size=8)
        model = ganzoo.create("gan", image_shape=(28, 28, 1))
        model.compile(loss="minimax")                   # equation 1 as written; the default is "non_saturating"
        model.fit(dataset, epochs=1)
        images = model.generate(16, seed=0)             # uint8 (16, 28, 28, 1)
    """

    equation = (
        r"\begin{aligned}"
        r"L_D &= -\mathbb{E}[\log D(x)] - \mathbb{E}[\log(1 - D(G(z)))] \\"
        r"L_G &= -\mathbb{E}[\log D(G(z))]"
        r"\end{aligned}"
    )
    test_config = dict(image_shape=(8, 8, 1), latent_dim=8, generator_widths=(16,), discriminator_widths=(8,), pieces=2)

    def __init__(
        self,
        image_shape: tuple[int, int, int] = (28, 28, 1),
        latent_dim: int = 100,
        generator_widths: tuple[int, ...] = (1200, 1200),
        discriminator_widths: tuple[int, ...] = (240, 240),
        pieces: int = 5,
        dropout: float = 0.5,
        **options: Any,
    ):
        super().__init__(
            generator=dense_generator(image_shape, latent_dim, generator_widths),
            discriminator=lambda: maxout_discriminator(image_shape, discriminator_widths, pieces, dropout),
            latent_dim=latent_dim,
            **options,
        )
