"""GAN-INT-CLS: images from a sentence in one stage (Reed et al. 2016, arXiv:1605.05396)."""

from ganzoo.config import AtLeastOne, NotNegative
from ganzoo.networks.text_to_image import text_discriminator, text_generator
from ganzoo.registry import register
from ganzoo.tasks.text_to_image import TextToImage
from ganzoo.training.text_conditional import TextConditionalGAN, text_encoder


@register("gan_int_cls")
class GANINTCLS(TextToImage, TextConditionalGAN):
    """The text-to-image GAN of Reed et al. 2016 (arXiv:1605.05396), with both of its ideas.

    The discriminator is also shown real images with the wrong text (CLS), and the generator texts halfway between two
    (INT). DCGAN's convolutions; the text, compressed, joins the noise and the discriminator's last features.

    Args:
        image_shape: (height, width, channels): sizes that are 4, 5, 6 or 7 doubled a few times, such as 32, 48, 64.
        latent_dim: length of the noise.
        text: encoder of captions, "characters" or "sentences", or {"name": "characters", "dim": 128} (see
            `ganzoo.text`).
        condition_dim: length of the compressed text; the paper has 128.
        width: channels next to the image, doubled at each halving of its size.
        kernel_size: of all convolutions.
        max_width: the most channels anywhere.
        **options: `discriminator_regularizers` and `generator_regularizers`, see `AdversarialModel`.

    Raises:
        GanzooError: an image_shape the networks cannot reach, or a size below 1.

    Example:
        model = ganzoo.create("gan_int_cls", image_shape=(64, 64, 3))
        model.compile()
        model.fit(ganzoo.data.captions("captions:my_images", (64, 64, 3), model.text_encoder), epochs=100)
        images = model.generate(captions=["a red apple"], seed=0)
    """

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
        **options,
    ):
        encoder = text_encoder(text)
        sizes = (encoder.dim, condition_dim, width, kernel_size, max_width)
        super().__init__(
            generator=text_generator(image_shape, latent_dim, *sizes),
            discriminator=lambda: text_discriminator(image_shape, *sizes),
            latent_dim=latent_dim,
            text_encoder=encoder,
            **options,
        )

    def compile(self, *args, interpolation: NotNegative = 1.0, **settings):
        """Sets how the model trains; arguments as in `TextConditionalGAN.compile`."""
        super().compile(*args, interpolation=interpolation, **settings)
