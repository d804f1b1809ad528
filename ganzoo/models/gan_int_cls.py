"""GAN-INT-CLS: images from a sentence in one stage (Reed et al. 2016, arXiv:1605.05396)."""

from typing import Any

from ganzoo.arguments import AtLeastOne, NotNegative
from ganzoo.networks.convolutional import batch_norm
from ganzoo.networks.text_to_image import text_discriminator, text_generator
from ganzoo.registry import register
from ganzoo.tasks.text_to_image import TextToImage
from ganzoo.training.text_conditional import TextConditionalGAN, text_encoder


@register("gan_int_cls")
class GANINTCLS(TextToImage, TextConditionalGAN):
    """The text-to-image GAN of Reed et al. 2016 (arXiv:1605.05396), with both of its ideas.

    CLS: the discriminator also sees real images with mismatching text. INT: the generator also trains on interpolations
    between pairs of text embeddings. DCGAN's convolutions; the compressed text is concatenated with the noise, and with
    the discriminator's last feature map.

    Args:
        image_shape: (height, width, channels): 4 to 7 times a power of two, such as 32, 48 or 64; 1 or 3 channels.
        latent_dim: length of the noise vector.
        text: caption encoder, "characters" or "sentences", or {"name": "characters", "dim": 128} (see `ganzoo.text`).
        condition_dim: length of the compressed text; the paper has 128.
        width: channels of the layer nearest the image; they double at each halving of its size.
        kernel_size: of all convolutions.
        max_width: upper bound on the channels of any layer.
        text_modulation: let the text scale and shift the features of every layer of the generator
            (`ganzoo.layers.Modulation`), as later models do (Tao et al. 2020, arXiv:2008.05865). Colors then follow the
            text in combinations that training lacks.
        discriminator_batch_norm: as in `DCGAN`.
        **options: `attributes`, see `TextConditionalGAN`; `discriminator_regularizers` and `generator_regularizers`,
            see `AdversarialModel`.

    Raises:
        GanzooError: an image_shape the networks cannot produce, or a size below 1.

    Example:
        model = ganzoo.create("gan_int_cls", image_shape=(16, 16, 3), width=8)
        images = np.zeros((8, 16, 16, 3), "float32")    # ganzoo.data.captions reads images with their captions
        captions = ["a red apple", "a yellow smiling face"] * 4
        model.compile()
        model.fit(images, model.text_encoder.encode(captions), batch_size=8, epochs=1)
        images = model.generate(captions=["a red apple"], seed=0)       # uint8 (1, 16, 16, 3)
    """

    equation = (
        r"\begin{aligned}"
        r"L_D &= -\mathbb{E}[\log D(x, t)] - \tfrac{1}{2} \mathbb{E}[\log(1 - D(G(z, t), t))] \\"
        r"&\quad - \tfrac{1}{2} \mathbb{E}[\log(1 - D(x, t'))], \quad t' \text{: another text} \\"
        r"L_G &= -\mathbb{E}[\log D(G(z, t), t)] \\"
        r"&\quad - \lambda_\mathrm{int} \, \mathbb{E}[\log D(G(z, \bar{t}), \bar{t})],"
        r" \quad \bar{t} = \tfrac{1}{2} (t + t') \\"
        r"\lambda_\mathrm{int} &= 1"
        r"\end{aligned}"
    )
    test_config = dict(
        image_shape=(16, 16, 3),
        latent_dim=4,
        text={"name": "characters", "dim": 6, "width": 4, "length": 12},
        condition_dim=3,
        width=4,
        kernel_size=3,
    )

    def __init__(
        self,
        image_shape: tuple[int, int, int] = (64, 64, 3),
        latent_dim: AtLeastOne = 100,
        text: object = "characters",
        condition_dim: AtLeastOne = 128,
        width: int = 64,
        kernel_size: int = 4,
        max_width: int = 512,
        text_modulation: bool = False,
        discriminator_batch_norm: bool = True,
        **options: Any,
    ):
        encoder = text_encoder(text)
        sizes = (encoder.dim, condition_dim, width, kernel_size, max_width)
        super().__init__(
            generator=text_generator(image_shape, latent_dim, *sizes, modulated=text_modulation),
            discriminator=lambda: text_discriminator(
                image_shape, *sizes, normalization=batch_norm if discriminator_batch_norm else None
            ),
            latent_dim=latent_dim,
            text_encoder=encoder,
            **options,
        )

    def compile(self, *args: Any, interpolation: NotNegative = 1.0, **settings: Any) -> None:
        """Configures training; the arguments are those of `TextConditionalGAN.compile`."""
        super().compile(*args, interpolation=interpolation, **settings)
