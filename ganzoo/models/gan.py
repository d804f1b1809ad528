"""GAN: the first generative adversarial network (Goodfellow et al. 2014, arXiv:1406.2661)."""

from ganzoo.networks.dense import dense_generator, maxout_discriminator
from ganzoo.registry import register
from ganzoo.tasks.image_generation import ImageGeneration
from ganzoo.training.adversarial import AdversarialModel


@register("gan")
class GAN(ImageGeneration, AdversarialModel):
    """The first generative adversarial network, of Goodfellow et al. 2014 (arXiv:1406.2661).

    Fully connected: rectified units in the generator, maxout and dropout in the discriminator. Tanh instead of the
    paper's sigmoid at the output, since images lie in [-1, 1] throughout the package.

    Args:
        image_shape: (height, width, channels), any size.
        latent_dim: length of the latent vector, drawn from N(0, 1).
        generator_widths: units of the generator's hidden layers.
        discriminator_widths: maxout units of the discriminator's; the paper's network for MNIST has 240 and 240.
        pieces: linear units behind a maxout unit.
        dropout: share of the discriminator's hidden units left out in training.
        **options: `discriminator_regularizers` and `generator_regularizers`, see `AdversarialModel`.

    Example:
        model = ganzoo.create("gan", image_shape=(28, 28, 1))
        model.compile(loss="minimax")          # the game as first written; "non_saturating" is the default
        model.fit(ganzoo.data.images("idx:train-images-idx3-ubyte.gz", image_shape=(28, 28, 1)), epochs=5)
    """

    test_config = dict(image_shape=(8, 8, 1), latent_dim=8, generator_widths=(16,), discriminator_widths=(8,), pieces=2)

    def __init__(
        self,
        image_shape: tuple[int, int, int] = (28, 28, 1),
        latent_dim: int = 100,
        generator_widths: tuple[int, ...] = (1200, 1200),
        discriminator_widths: tuple[int, ...] = (240, 240),
        pieces: int = 5,
        dropout: float = 0.5,
        **options,
    ):
        super().__init__(
            generator=dense_generator(image_shape, latent_dim, generator_widths),
            discriminator=lambda: maxout_discriminator(image_shape, discriminator_widths, pieces, dropout),
            latent_dim=latent_dim,
            **options,
        )
