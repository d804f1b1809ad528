"""WGAN-GP: Wasserstein GAN with a gradient penalty (Gulrajani et al. 2017, arXiv:1704.00028)."""

from ganzoo.config import AtLeastOne
from ganzoo.networks.convolutional import convolutional_discriminator, convolutional_generator, layer_norm
from ganzoo.registry import register
from ganzoo.tasks.image_generation import ImageGeneration
from ganzoo.training.adversarial import AdversarialModel


@register("wgan_gp")
class WGANGP(ImageGeneration, AdversarialModel):
    """The improved Wasserstein GAN of Gulrajani et al. 2017 (arXiv:1704.00028), Algorithm 1.

    DCGAN's generator; a critic without batch norm, whose gradient's norm a penalty keeps at 1, and which takes
    five steps for one of the generator's. `wasserstein` is its estimate of the distance, which falls as the
    images get better.

    Args:
        image_shape: (height, width, channels): sizes that are 4, 5, 6 or 7 doubled a few times, such
            as 28, 32, 64, 128; 1 or 3 channels.
        latent_dim: length of the latent vector, drawn from N(0, 1).
        width: channels next to the image, doubled at each halving of its size.
        kernel_size: of all convolutions.
        max_width: the most channels anywhere.
        discriminator_depth: convolutions of the critic; as many as the generator's if None.
        critic_layer_norm: normalize the critic's layers over each image, as section 4 of the paper advises for
            deep critics.
        **options: `discriminator_regularizers` and `generator_regularizers`, see `AdversarialModel`.

    Raises:
        GanzooError: an image_shape the networks cannot reach.

    Example:
        model = ganzoo.create("wgan_gp", image_shape=(28, 28, 1))
        model.compile(penalties=[{"name": "gradient_penalty", "weight": 10}])       # the default
        model.fit(ganzoo.data.images("idx:train-images-idx3-ubyte.gz", image_shape=(28, 28, 1)), epochs=5)
    """

    test_config = dict(image_shape=(28, 28, 1), latent_dim=8, width=4)

    def __init__(
        self,
        image_shape: tuple[int, int, int] = (64, 64, 3),
        latent_dim: int = 128,
        width: int = 64,
        kernel_size: int = 5,
        max_width: int = 1024,
        discriminator_depth: int | None = None,
        critic_layer_norm: bool = False,
        **options,
    ):
        normalization = layer_norm if critic_layer_norm else None
        super().__init__(
            generator=convolutional_generator(image_shape, latent_dim, width, kernel_size, max_width),
            discriminator=lambda: convolutional_discriminator(
                image_shape, width, kernel_size, max_width, normalization, output_bias=False, depth=discriminator_depth
            ),
            latent_dim=latent_dim,
            **options,
        )

    def compile(
        self,
        *args,
        # Algorithm 1 of the paper: Adam with learning rate 0.0001, beta_1 0, beta_2 0.9; n_critic 5; lambda 10.
        generator_optimizer: object = {"name": "adam", "learning_rate": 1e-4, "beta_1": 0.0, "beta_2": 0.9},
        discriminator_optimizer: object = {"name": "adam", "learning_rate": 1e-4, "beta_1": 0.0, "beta_2": 0.9},
        loss: object = "wasserstein",
        penalties: list = ("gradient_penalty",),
        discriminator_steps: AtLeastOne = 5,
        **settings,
    ):
        super().compile(
            *args,
            generator_optimizer=generator_optimizer,
            discriminator_optimizer=discriminator_optimizer,
            loss=loss,
            penalties=penalties,
            discriminator_steps=discriminator_steps,
            **settings,
        )
