"""StackGAN: images from a sentence in two stages (Zhang et al. 2016, arXiv:1612.03242)."""

from ganzoo.config import AtLeastOne, NotNegative
from ganzoo.errors import GanzooError
from ganzoo.networks.text_to_image import (
    augmented_generator,
    kl_to_standard_normal,
    refining_generator,
    text_discriminator,
)
from ganzoo.registry import register
from ganzoo.tasks.text_to_image import TextToImage
from ganzoo.training.text_conditional import TextConditionalGAN, text_encoder


@register("stackgan")
class StackGAN(TextToImage, TextConditionalGAN):
    """The text-to-image GAN of Zhang et al. 2016 (arXiv:1612.03242).

    Stage-I draws a small image, Stage-II, which sees it and the text, a large one. Each is a model of its own to
    train: Stage-I is a `stackgan` with a factor of 1; one with another factor starts from it (`training.start_from` in
    a YAML file, `model.start_from(other)` in Python) and leaves it as it is. Conditioning augmentation: the text
    decides on a normal distribution that the condition is drawn from, kept near the standard one.

    Args:
        image_shape: (height, width, channels) of Stage-I's images; the paper's are 64x64.
        factor: how many times as large Stage-II's are, 2 or 4 as in the paper; 1 for Stage-I alone.
        noise_dim: length of the noise.
        condition_dim: length of the condition; the paper has 128.
        text: encoder of captions, "characters" or "sentences", or {"name": "characters", "dim": 128} (see
            `ganzoo.text`).
        width: channels next to an image, doubled at each halving of its size.
        kernel_size: of Stage-I's convolutions and the discriminator's.
        max_width: the most channels anywhere.
        blocks: Stage-II's residual blocks; the paper has 4.
        stage2_width: what `width` is to Stage-II and its discriminator, if not the same.
        **options: `discriminator_regularizers` and `generator_regularizers`, see `AdversarialModel`.

    Raises:
        GanzooError: an image_shape the networks cannot reach, another factor, or a size below 1.

    Example:
        sizes = dict(image_shape=(32, 32, 3), width=32)
        first = ganzoo.create("stackgan", factor=1, **sizes)
        first.compile()
        first.fit(ganzoo.data.captions("captions:my_images", (32, 32, 3), first.text_encoder), epochs=100)
        model = ganzoo.create("stackgan", factor=2, **sizes)
        model.start_from(first)
        model.compile()
        model.fit(ganzoo.data.captions("captions:my_images", (64, 64, 3), model.text_encoder), epochs=50)
        images = model.generate(captions=["a red apple", "a yellow smiling face"], seed=0)
    """

    test_config = dict(
        image_shape=(16, 16, 3),
        factor=2,
        noise_dim=4,
        condition_dim=3,
        text={"name": "characters", "dim": 6, "width": 4, "length": 12},
        width=4,
        kernel_size=3,
        blocks=1,
    )
    reported = ("d_wrong", "kl")

    def __init__(
        self,
        image_shape: tuple[int, int, int] = (64, 64, 3),
        factor: AtLeastOne = 4,
        noise_dim: AtLeastOne = 100,
        condition_dim: AtLeastOne = 128,
        text: object = "characters",
        width: int = 64,
        kernel_size: int = 4,
        max_width: int = 1024,
        blocks: AtLeastOne = 4,
        stage2_width: AtLeastOne | None = None,
        **options,
    ):
        encoder = text_encoder(text)
        height, breadth, channels = image_shape
        generator = augmented_generator(
            image_shape,
            noise_dim,
            encoder.dim,
            condition_dim,
            width,
            kernel_size,
            max_width,
            name="generator" if factor == 1 else "stage1",
        )
        if factor > 1:
            width = stage2_width or width
            generator = refining_generator(
                generator, factor, noise_dim, condition_dim, width, blocks, max_width, name="generator"
            )
        super().__init__(
            generator=generator,
            discriminator=lambda: text_discriminator(
                (height * factor, breadth * factor, channels), encoder.dim, condition_dim, width, kernel_size, max_width
            ),
            latent_dim=noise_dim + condition_dim * (1 if factor == 1 else 2),
            text_encoder=encoder,
            **options,
        )
        self.factor = factor

    def generator_loss(self, batch, training=True):
        _, text = self.split_batch(batch)
        kl = kl_to_standard_normal(self.generator.get_layer("conditioning")(text))
        self.record(kl=kl)
        return super().generator_loss(batch, training) + self.kl_weight * kl

    def compile(self, *args, kl_weight: NotNegative = 1.0, **settings):
        """Sets how the model trains; as `TextConditionalGAN.compile`, and

        Args:
            kl_weight: factor of the divergence of the conditions from a standard normal distribution (equation 4).
        """
        self.keep_settings(StackGAN.compile, kl_weight=kl_weight)
        super().compile(*args, **settings)

    def start_from(self, other):
        """Takes the weights of another model to train on from: of the same architecture, or of its Stage-I.

        Raises:
            GanzooError: another architecture.
        """
        if self.factor == 1 or getattr(other, "factor", None) != 1:
            super().start_from(other)
            return
        self.take_text_from(other)
        for network in (self.generator, self.ema_generator):
            stage1 = network.get_layer("stage1")
            ours, theirs = ([w.shape for w in one.weights] for one in (stage1, other.ema_generator))
            if ours != theirs:
                raise GanzooError("the Stage-I to start from has other sizes: give this model its arguments")
            stage1.set_weights(other.ema_generator.get_weights())

    def generate_both_stages(self, captions, seed=0):
        """What Stage-I and Stage-II draw of captions, from the same noise: two arrays uint8 (count, height, width,
        channels), the first one smaller.

        Example:
            small, large = model.generate_both_stages(["a red apple"], seed=0)
        """
        if self.factor == 1:
            raise GanzooError("this stackgan is a Stage-I alone: call generate()")
        vectors = self.vectors(captions)
        latents = self.latents(len(vectors), seed)
        stage1 = self.ema_generator.get_layer("stage1")
        seen = latents[:, : stage1.inputs[0].shape[-1]]
        small = self._images(self._latent_source(latents=seen, network=stage1), 64, vectors, network=stage1)
        return small, self.generate(captions=captions, latents=latents)
