"""StackGAN: images from a sentence in two stages (Zhang et al. 2016, arXiv:1612.03242)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from ganzoo.arguments import AtLeastOne, NotNegative, NotNegativeWhole
from ganzoo.errors import GanzooError
from ganzoo.networks.convolutional import batch_norm
from ganzoo.networks.text_to_image import (
    augmented_generator,
    kl_to_standard_normal,
    refining_generator,
    text_discriminator,
    text_generator,
)
from ganzoo.registry import register
from ganzoo.tasks.text_to_image import TextToImage
from ganzoo.training.text_conditional import TextConditionalGAN, text_encoder
from ganzoo.training.zoo_model import ZooModel
from ganzoo.types import Tensor


@register("stackgan")
class StackGAN(TextToImage, TextConditionalGAN):
    """The text-to-image GAN of Zhang et al. 2016 (arXiv:1612.03242).

    Stage-I generates a small image from the text; Stage-II refines it, given the text again, to a larger one. The two
    are trained one after the other: Stage-I is a `stackgan` with `factor=1`; one with a larger factor starts from it
    (`training.start_from` in YAML, `model.start_from(other)` in Python) and keeps its weights frozen.

    Conditioning augmentation: the text determines a normal distribution from which the condition is sampled; a KL term
    keeps it close to the standard normal. `conditioning_augmentation=False` leaves it out;
    Stage-I may then be a `gan_int_cls`, which has the same generator.

    Args:
        image_shape: (height, width, channels) of Stage-I's images; the paper's are 64x64.
        factor: size of Stage-II's images relative to Stage-I's, 2 or 4 (the paper's); 1 for Stage-I alone.
        noise_dim: length of the noise vector.
        condition_dim: length of the condition; the paper has 128.
        text: caption encoder, "characters" or "sentences", or {"name": "characters", "dim": 128} (see `ganzoo.text`).
        width: channels of the layer nearest the image; they double at each halving of its size.
        kernel_size: of the convolutions of Stage-I and of the discriminator.
        max_width: upper bound on the channels of any layer.
        blocks: number of Stage-II's residual blocks; the paper has 4.
        stage2_width: `width` for Stage-II and its discriminator; None gives the same.
        skips: connect layers of the same size in Stage-II, which keeps details of Stage-I's image; see
            `ganzoo.networks.text_to_image.refiner`. The paper has no such connections.
        color_blocks: side of the blocks of Stage-I's image, in pixels, whose mean colors Stage-II approximately keeps,
            e.g. 2. With 0, as in the paper, Stage-II may change colors, for example to ones that training showed more
            often with such a text. Not used with `factor=1`.
        conditioning_augmentation: sample the condition, as the paper does.
        text_modulation: of Stage-I's generator, as in `GANINTCLS`.
        discriminator_batch_norm: as in `DCGAN`.
        **options: `attributes`, see `TextConditionalGAN`; `discriminator_regularizers` and `generator_regularizers`,
            see `AdversarialModel`.

    Raises:
        GanzooError: an image_shape the networks cannot produce or divide into `color_blocks`, an unsupported factor, or
            a size below 1.

    Example:
        stage1 = ganzoo.create("stackgan", image_shape=(16, 16, 3), factor=1, width=8)
        text = stage1.text_encoder.encode(["a red apple", "a yellow smiling face"] * 4)
        images = np.zeros((8, 16, 16, 3), "float32")    # ganzoo.data.captions reads images with their captions
        stage1.compile()
        stage1.fit(images, text, batch_size=8, epochs=1)

        model = ganzoo.create("stackgan", image_shape=(16, 16, 3), factor=2, width=8)
        model.start_from(stage1)
        model.compile()                                 # then fit, on images of 32x32
        images = model.generate(captions=["a red apple"], seed=0)       # uint8 (1, 32, 32, 3)
    """

    equation = (
        r"\begin{aligned}"
        r"L_D &= -\mathbb{E}[\log D(x, t)] - \tfrac{1}{2} \mathbb{E}[\log(1 - D(G(z, t), t))] \\"
        r"&\quad - \tfrac{1}{2} \mathbb{E}[\log(1 - D(x, t'))], \quad t' \text{: another text} \\"
        r"L_G &= -\mathbb{E}[\log D(G(z, t), t)] \\"
        r"&\quad + \lambda_\mathrm{KL} \, \tfrac{1}{d} \,"
        r" \mathrm{KL}(\mathcal{N}(\mu(t), \sigma^2(t)) \,\|\, \mathcal{N}(0, I_d)) \\"
        r"&\quad + \lambda_\mathrm{rec} \, \mathbb{E} \, |G_2(\bar{x}, t) - x|, \quad \bar{x} \text{: reduced} \\"
        r"\lambda_\mathrm{KL} &= 1, \quad \lambda_\mathrm{rec} = 0"
        r"\end{aligned}"
    )
    test_config = dict(
        image_shape=(16, 16, 3),
        factor=2,
        noise_dim=4,
        condition_dim=3,
        text={"name": "characters", "dim": 6, "width": 4, "length": 12},
        width=4,
        kernel_size=3,
        blocks=1,
        color_blocks=2,
    )

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
        skips: bool = False,
        color_blocks: NotNegativeWhole = 0,
        conditioning_augmentation: bool = True,
        text_modulation: bool = False,
        discriminator_batch_norm: bool = True,
        **options: Any,
    ):
        encoder = text_encoder(text)
        height, breadth, channels = image_shape
        generator = (augmented_generator if conditioning_augmentation else text_generator)(
            image_shape,
            noise_dim,
            encoder.dim,
            condition_dim,
            width,
            kernel_size,
            max_width,
            text_modulation,
            name="generator" if factor == 1 else "stage1",
        )
        if factor > 1:
            width = stage2_width or width
            sizes = (factor, condition_dim, width, blocks, max_width)
            generator = refining_generator(
                generator, *sizes, skips, conditioning_augmentation, color_blocks, name="generator"
            )
        super().__init__(
            generator=generator,
            discriminator=lambda: text_discriminator(
                (height * factor, breadth * factor, channels),
                encoder.dim,
                condition_dim,
                width,
                kernel_size,
                max_width,
                normalization=batch_norm if discriminator_batch_norm else None,
            ),
            latent_dim=generator.inputs[0].shape[-1],
            text_encoder=encoder,
            **options,
        )
        self.factor, self.conditioning_augmentation = factor, conditioning_augmentation

    @property
    def reported_metrics(self) -> tuple[str, ...]:
        own = {"kl": self.conditioning_augmentation, "g_reconstruction": self.reconstruction}
        return (*super().reported_metrics, *(name for name, used in own.items() if used))

    def generator_loss(self, batch: Any, training: bool = True) -> Tensor:
        real, text = self.split_batch(batch)
        refiner = self.generator.get_layer("refiner") if self.factor > 1 else self.generator
        loss = super().generator_loss(batch, training)
        if self.conditioning_augmentation:
            # Equation 4: the KL divergence regularizes the distribution of the conditions.
            kl = kl_to_standard_normal(refiner.get_layer("conditioning")(text))
            self.record(kl=kl)
            loss = loss + self.kl_weight * kl
        if self.reconstruction:
            real = ops.cast(real, "float32")
            inputs = [ops.average_pool(real, self.factor, self.factor), text]
            if self.conditioning_augmentation:
                inputs.append(self.noise.normal((ops.shape(real)[0], refiner.inputs[2].shape[-1])))
            error = ops.mean(ops.abs(refiner(inputs, training=training) - real))
            self.record(g_reconstruction=error)
            loss = loss + self.reconstruction * error
        return loss

    def compile(
        self, *args: Any, kl_weight: NotNegative = 1.0, reconstruction: NotNegative = 0.0, **settings: Any
    ) -> None:
        """Configures training, as `TextConditionalGAN.compile` with two more arguments.

        Args:
            kl_weight: factor of the conditions' KL divergence from the standard normal (lambda in equation 4); not used
                without conditioning augmentation.
            reconstruction: weight of the mean absolute error of Stage-II on real images that were downsampled to the
                size of Stage-I's. Not in the paper: it teaches Stage-II to keep what the small image shows, and the
                discriminator is left with what Stage-I's images lack.

        Raises:
            GanzooError: `reconstruction` of a model without a Stage-II.
        """
        if reconstruction and self.factor == 1:
            raise GanzooError("reconstruction: this stackgan has no Stage-II; give it a factor of 2 or 4")
        self.keep_settings(StackGAN.compile, kl_weight=kl_weight, reconstruction=reconstruction)
        super().compile(*args, **settings)

    def start_from(self, other: ZooModel) -> None:
        """Takes over the weights of another model: one of the same architecture, or the Stage-I of this one, which may
        be a `gan_int_cls` if this model has no conditioning augmentation.

        Raises:
            GanzooError: a different architecture.
        """
        if self.factor == 1 or not isinstance(other, TextConditionalGAN) or getattr(other, "factor", 1) > 1:
            super().start_from(other)
            return
        self.take_text_from(other)
        for network in (self.generator, self.ema_generator):
            stage1 = network.get_layer("stage1")
            ours, theirs = ([w.shape for w in one.weights] for one in (stage1, other.ema_generator))
            if ours != theirs:
                raise GanzooError("the Stage-I to start from has different sizes: give this model the same arguments")
            stage1.set_weights(other.ema_generator.get_weights())

    def generate_both_stages(self, captions: Sequence[str], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Generates the images of both stages from the same captions and noise.

        Args:
            captions: one per image.
            seed: of the noise.

        Returns:
            (Stage-I's images, Stage-II's images), both uint8 (count, height, width, channels).

        Raises:
            GanzooError: the model has a factor of 1.

        Example:
            model = ganzoo.create("stackgan", image_shape=(16, 16, 3), factor=2, width=8, text="characters")
            small, large = model.generate_both_stages(["a red apple"], seed=0)
        """
        if self.factor == 1:
            raise GanzooError("this stackgan has no Stage-II: call generate()")
        vectors = self.vectors(captions)
        latents = self.latents(len(vectors), seed)
        stage1 = self.ema_generator.get_layer("stage1")
        own = latents[:, : stage1.inputs[0].shape[-1]]
        small = self._images(self._latent_source(latents=own, network=stage1), 64, vectors, network=stage1)
        return small, self.generate(captions=captions, latents=latents)
