"""DCGAN: deep convolutional GAN (Radford et al. 2015, arXiv:1511.06434)."""

from typing import Any

from ganzoo.networks.convolutional import batch_norm, convolutional_discriminator, convolutional_generator
from ganzoo.registry import register
from ganzoo.tasks.image_generation import ImageGeneration
from ganzoo.training.adversarial import AdversarialModel


@register("dcgan")
class DCGAN(ImageGeneration, AdversarialModel):
    """The deep convolutional GAN of Radford, Metz and Chintala 2015 (arXiv:1511.06434).

    Strided convolutions instead of pooling; batch norm everywhere except at the generator's output and the
    discriminator's input; ReLU in the generator, LeakyReLU in the discriminator. The default optimizer is the paper's
    Adam with a learning rate of 0.0002 and beta_1 of 0.5.

    Args:
        image_shape: (height, width, channels): 4 to 7 times a power of two, such as 28, 32, 64 or 128; 1 or 3 channels.
        latent_dim: length of the latent vector, sampled from N(0, 1).
        width: channels of the layer nearest the image; they double at each halving of its size. The paper's 64x64
            generator has 128; 64 trains four times as fast.
        kernel_size: of all convolutions; the paper has 5.
        max_width: upper bound on the channels of any layer.
        discriminator_depth: number of the discriminator's convolutions; None gives as many as the generator has.
        discriminator_batch_norm: False for a discriminator without batch norm, e.g. with spectral normalization, whose
            bound batch norm would undo (Miyato et al. 2018, arXiv:1802.05957).
        **options: `discriminator_regularizers` and `generator_regularizers`, see `AdversarialModel`.

    Raises:
        GanzooError: an image_shape the networks cannot produce.

    Example:
        dataset = ganzoo.data.images("folder:my_images", image_shape=(32, 32, 3), batch_size=8)
        model = ganzoo.create("dcgan", image_shape=(32, 32, 3), width=32)
        model.compile()
        model.fit(dataset, epochs=1)
        images = model.generate(16, seed=0)             # uint8 (16, 32, 32, 3)
    """

    equation = (
        r"\begin{aligned}"
        r"L_D &= -\mathbb{E}[\log D(x)] - \mathbb{E}[\log(1 - D(G(z)))] \\"
        r"L_G &= -\mathbb{E}[\log D(G(z))]"
        r"\end{aligned}"
    )
    test_config = dict(image_shape=(28, 28, 1), latent_dim=8, width=4)

    def __init__(
        self,
        image_shape: tuple[int, int, int] = (64, 64, 3),
        latent_dim: int = 100,
        width: int = 64,
        kernel_size: int = 5,
        max_width: int = 1024,
        discriminator_depth: int | None = None,
        discriminator_batch_norm: bool = True,
        **options: Any,
    ):
        super().__init__(
            generator=convolutional_generator(image_shape, latent_dim, width, kernel_size, max_width),
            discriminator=lambda: convolutional_discriminator(
                image_shape,
                width,
                kernel_size,
                max_width,
                normalization=batch_norm if discriminator_batch_norm else None,
                depth=discriminator_depth,
            ),
            latent_dim=latent_dim,
            **options,
        )
