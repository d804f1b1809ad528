"""SRGAN: photo-realistic super-resolution (Ledig et al. 2016, arXiv:1609.04802)."""

from typing import Any, Literal

from keras import ops

from ganzoo.arguments import NotNegative
from ganzoo.errors import GanzooError
from ganzoo.losses.perceptual import get_perceptual, pixel_difference, total_variation
from ganzoo.networks.upscaling import crop_discriminator, upscaler
from ganzoo.registry import register
from ganzoo.tasks.super_resolution import SuperResolution
from ganzoo.training.adversarial import AdversarialModel
from ganzoo.types import Tensor


@register("srgan")
class SRGAN(SuperResolution, AdversarialModel):
    """The super-resolution GAN of Ledig et al. 2016 (arXiv:1609.04802).

    The network of `srresnet`, trained on a perceptual loss (VGG features) and an adversarial loss: sharper images,
    lower PSNR. As in the paper, training starts from a pre-trained `srresnet`, of the same size or a smaller one
    (`training.start_from` in YAML, `model.start_from(other)` in Python).

    Args:
        scale, blocks, width, kernel_size, normalization, upsampling, crop: as in `srresnet`. The discriminator sees
            crops of crop x crop pixels, a multiple of 16; it always has batch norm.
        discriminator_width: channels of the discriminator's first convolution; the paper has 64.
        discriminator_units: units of the discriminator's hidden dense layer; the paper has 1024.
        **options: `discriminator_regularizers` and `generator_regularizers`, see `AdversarialModel`.

    Raises:
        GanzooError: an unsupported scale, size or choice.

    Example:
        sizes = dict(scale=4, blocks=1, width=8, crop=32)
        model = ganzoo.create("srgan", **sizes, discriminator_width=8, discriminator_units=16)
        model.start_from(ganzoo.create("srresnet", **sizes))    # better a trained one, ganzoo.load(...)
        model.compile(perceptual=None, pixel_weight=1.0)        # the default perceptual loss downloads VGG19
        model.fit(ganzoo.data.pairs("folder:my_images", crop=32, batch_size=4).take(1), epochs=1)
        small = np.zeros((24, 32, 3), "uint8")
        large = model.upscale(small)                    # uint8 (96, 128, 3)
    """

    equation = (
        r"\begin{aligned}"
        r"L_D &= -\mathbb{E}[\log D(x)] - \mathbb{E}[\log(1 - D(\hat{x}))] \\"
        r"L_G &= -\lambda_\mathrm{adv} \, \mathbb{E}[\log D(\hat{x})]"
        r" + \lambda_\mathrm{VGG} \, \mathbb{E}[(\phi(x) - \phi(\hat{x}))^2] \\"
        r"&\quad + \lambda_\mathrm{pixel} \, \mathbb{E} \, |x - \hat{x}|^p, \quad p = 2 \text{ or } 1 \\"
        r"\hat{x} &= G(y), \quad y \text{: small image}, \quad \phi \text{: features of VGG} \\"
        r"\lambda_\mathrm{adv} &= 0.001, \quad \lambda_\mathrm{VGG} = 0.006, \quad \lambda_\mathrm{pixel} = 0"
        r"\end{aligned}"
    )
    reported = ("pixel_loss",)
    # The generator is deterministic.
    shares_fake_batch = True
    test_config = dict(scale=4, blocks=1, width=4, kernel_size=3, crop=32, discriminator_width=4, discriminator_units=8)
    test_compile_config = dict(perceptual=None, pixel_weight=1.0)

    def __init__(
        self,
        scale: int = 4,
        blocks: int = 16,
        width: int = 64,
        kernel_size: int = 9,
        normalization: Literal["batch", "none"] = "batch",
        upsampling: Literal["staged", "direct"] = "staged",
        crop: int = 96,
        discriminator_width: int = 64,
        discriminator_units: int = 1024,
        **options: Any,
    ):
        generator, reach = upscaler(scale, blocks, width, kernel_size, normalization, upsampling)
        super().__init__(
            generator, lambda: crop_discriminator(crop, discriminator_width, discriminator_units), **options
        )
        self.set_sizes(scale, reach, crop)

    def split_batch(self, batch: Any) -> tuple[Tensor, Tensor]:
        if not isinstance(batch, (tuple, list)) or len(batch) != 2:
            raise GanzooError(f"{self.model_name} learns from (small, large) images: use ganzoo.data.pairs")
        small, large = batch
        return large, small

    def generator_inputs(self, count: Any, condition: Tensor) -> Tensor:
        return condition

    def discriminator_inputs(self, examples: Tensor, condition: Tensor) -> Tensor:
        return examples

    def content_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        real, fake = ops.cast(real, "float32"), ops.cast(fake, "float32")
        pixel = pixel_difference(real, fake, self.pixel_loss)
        self.record(pixel_loss=pixel)
        total = self.pixel_weight * pixel
        if self.perceptual is not None and self.perceptual_weight:
            total = total + self.perceptual_weight * self.perceptual(real, fake)
        if self.total_variation:
            total = total + self.total_variation * total_variation(fake)
        return total

    def prepare(self) -> None:
        if self.perceptual is not None and self.perceptual_weight:
            self.perceptual.prepare(self.dtype_policy)

    def compile(
        self,
        *args: Any,
        # Section 3.2.
        generator_optimizer: object = {"name": "adam", "learning_rate": 1e-4, "beta_1": 0.9},
        discriminator_optimizer: object = {"name": "adam", "learning_rate": 1e-4, "beta_1": 0.9},
        # Section 2.2: features of VGG19 scaled by 1/12.75, which is a factor of 0.006 on the loss; no pixel loss.
        perceptual: object = {"network": "vgg19", "layer": "block5_conv4", "weights": "imagenet"},
        perceptual_weight: NotNegative = 0.006,
        pixel_loss: Literal["absolute", "squared"] = "squared",
        pixel_weight: NotNegative = 0.0,
        total_variation: NotNegative = 0.0,
        # Equation 3.
        adversarial_weight: NotNegative = 1e-3,
        **settings: Any,
    ) -> None:
        """Configures training, as `AdversarialModel.compile` with more arguments.

        Args:
            perceptual: {"network": "vgg16" or "vgg19", "layer": ..., "weights": "imagenet" or a file}, see
                `ganzoo.losses.perceptual.Perceptual`; None for no perceptual loss.
            perceptual_weight: its factor.
            pixel_loss: mean "squared" or mean "absolute" difference of the pixels.
            pixel_weight: its factor.
            total_variation: factor of `ganzoo.losses.perceptual.total_variation`.
        """
        self.keep_settings(
            SRGAN.compile,
            perceptual_weight=perceptual_weight,
            pixel_loss=pixel_loss,
            pixel_weight=pixel_weight,
            total_variation=total_variation,
        )
        self.perceptual = get_perceptual(perceptual)
        super().compile(
            *args,
            generator_optimizer=generator_optimizer,
            discriminator_optimizer=discriminator_optimizer,
            adversarial_weight=adversarial_weight,
            **settings,
        )
        self._settings["perceptual"] = self.perceptual and self.perceptual.get_config()
