"""WGAN-GP: Wasserstein GAN with a gradient penalty (Gulrajani et al. 2017, arXiv:1704.00028)."""

from typing import Any

from ganzoo.arguments import AtLeastOne
from ganzoo.networks.convolutional import convolutional_discriminator, convolutional_generator, layer_norm
from ganzoo.registry import register
from ganzoo.tasks.image_generation import ImageGeneration
from ganzoo.training.adversarial import AdversarialModel


@register("wgan_gp")
class WGANGP(ImageGeneration, AdversarialModel):
    """The improved Wasserstein GAN of Gulrajani et al. 2017 (arXiv:1704.00028), Algorithm 1.

    DCGAN's generator, and a critic without batch norm. A penalty pulls the norm of the critic's gradient towards 1; the
    critic takes five steps per generator step. The logged `wasserstein` is its estimate of the distance; it falls as
    the images improve.

    Args:
        image_shape: (height, width, channels): 4 to 7 times a power of two, such as 28, 32, 64 or 128; 1 or 3 channels.
        latent_dim: length of the latent vector, sampled from N(0, 1).
        width: channels of the layer nearest the image; they double at each halving of its size.
        kernel_size: of all convolutions.
        max_width: upper bound on the channels of any layer.
        discriminator_depth: number of the critic's convolutions; None gives as many as the generator has.
        critic_layer_norm: layer normalization in the critic, which section 4 of the paper recommends for deep ones.
        **options: `discriminator_regularizers` and `generator_regularizers`, see `AdversarialModel`.

    Raises:
        GanzooError: an image_shape the networks cannot produce.

    Example:
        dataset = ganzoo.data.images("folder:my_images", image_shape=(28, 28, 1), batch_size=2)
        model = ganzoo.create("wgan_gp", image_shape=(28, 28, 1), width=16)
        model.compile(penalties=[{"name": "gradient_penalty", "weight": 10}])       # the default
        model.fit(dataset, epochs=1)                    # a step takes five batches, one for each critic update
    """

    equation = (
        r"\begin{aligned}"
        r"L_D &= \mathbb{E}[D(G(z))] - \mathbb{E}[D(x)] + \lambda \, \mathbb{E}[(\|\nabla D(\hat{x})\| - 1)^2] \\"
        r"\hat{x} &= x + u \, (G(z) - x), \quad u \sim U(0, 1), \quad \lambda = 10 \\"
        r"L_G &= -\mathbb{E}[D(G(z))]"
        r"\end{aligned}"
    )
    chapter = "training"
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
        **options: Any,
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
        *args: Any,
        # Algorithm 1: Adam with a learning rate of 0.0001, beta_1 of 0 and beta_2 of 0.9; n_critic of 5; lambda of 10.
        generator_optimizer: object = {"name": "adam", "learning_rate": 1e-4, "beta_1": 0.0, "beta_2": 0.9},
        discriminator_optimizer: object = {"name": "adam", "learning_rate": 1e-4, "beta_1": 0.0, "beta_2": 0.9},
        loss: object = "wasserstein",
        penalties: list = ["gradient_penalty"],
        discriminator_steps: AtLeastOne = 5,
        **settings: Any,
    ) -> None:
        super().compile(
            *args,
            generator_optimizer=generator_optimizer,
            discriminator_optimizer=discriminator_optimizer,
            loss=loss,
            penalties=penalties,
            discriminator_steps=discriminator_steps,
            **settings,
        )
