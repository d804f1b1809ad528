"""DCGAN: deep convolutional GAN (Radford et al. 2015, arXiv:1511.06434)."""

from ganzoo.networks.convolutional import convolutional_discriminator, convolutional_generator
from ganzoo.registry import register
from ganzoo.tasks.image_generation import ImageGeneration
from ganzoo.training.adversarial import AdversarialModel


@register("dcgan")
class DCGAN(ImageGeneration, AdversarialModel):
    """The deep convolutional GAN of Radford, Metz and Chintala 2015 (arXiv:1511.06434).

    Strided convolutions instead of pooling, batch norm in both networks but at the generator's
    output and the discriminator's input, ReLU in the one and LeakyReLU in the other. `compile()` takes
    the paper's Adam: learning rate 0.0002, beta_1 0.5.

    Args:
        image_shape: (height, width, channels): sizes that are 4, 5, 6 or 7 doubled a few times, such
            as 28, 32, 64, 128; 1 or 3 channels.
        latent_dim: length of the latent vector, drawn from N(0, 1).
        width: channels next to the image, doubled at each halving of its size. The paper's 64x64
            generator has 128; 64 trains four times as fast.
        kernel_size: of all convolutions; the paper has 5.
        max_width: the most channels anywhere.
        discriminator_depth: convolutions of the discriminator; as many as the generator's if None.
        **options: `discriminator_regularizers` and `generator_regularizers`, see `AdversarialModel`.

    Raises:
        GanzooError: an image_shape the networks cannot reach.

    Example:
        model = ganzoo.create("dcgan", image_shape=(64, 64, 3))
        model.compile()
        model.fit(ganzoo.data.images("folder:my_images", image_shape=(64, 64, 3), batch_size=64), epochs=5)
        images = model.generate(16, seed=0)
    """

    test_config = dict(image_shape=(28, 28, 1), latent_dim=8, width=4)

    def __init__(
        self,
        image_shape: tuple[int, int, int] = (64, 64, 3),
        latent_dim: int = 100,
        width: int = 64,
        kernel_size: int = 5,
        max_width: int = 1024,
        discriminator_depth: int | None = None,
        **options,
    ):
        super().__init__(
            generator=convolutional_generator(image_shape, latent_dim, width, kernel_size, max_width),
            discriminator=lambda: convolutional_discriminator(
                image_shape, width, kernel_size, max_width, depth=discriminator_depth
            ),
            latent_dim=latent_dim,
            **options,
        )
