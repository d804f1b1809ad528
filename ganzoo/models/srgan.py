"""SRGAN: photo-realistic super-resolution (Ledig et al. 2016, arXiv:1609.04802)."""

from typing import Literal

from ganzoo.config import NotNegative
from ganzoo.networks.upscaling import crop_discriminator, upscaler
from ganzoo.registry import register
from ganzoo.training.upscaling_model import UpscalingModel


@register("srgan")
class SRGAN(UpscalingModel):
    """The super-resolution GAN of Ledig et al. 2016 (arXiv:1609.04802).

    The network of `srresnet`, trained to look alike to a network of ImageNet and real to a discriminator of crops:
    sharp pictures with a lower PSNR. Training starts from a trained `srresnet` of the same sizes or smaller ones
    (`training.start_from` in a YAML file, `model.start_from(other)` in Python), as the paper's does.

    Args:
        scale, blocks, width, kernel_size, normalization, upsampling, crop: as in `srresnet`; the discriminator sees
            `crop` pixels, a multiple of 16, and has batch norm in any case.
        discriminator_width: channels of its first convolution; the paper has 64.
        discriminator_units: of its hidden dense layer; the paper has 1024.
        **options: `discriminator_cures` and `generator_cures`, see `AdversarialModel`.

    Raises:
        GanzooError: a scale, size or choice there is not.

    Example:
        sizes = dict(scale=4, blocks=10, width=48, kernel_size=3, normalization="none", upsampling="direct")
        model = ganzoo.create("srgan", **sizes)
        model.start_from(ganzoo.load("srresnet"))                   # srresnet.photos_x4, of these sizes
        model.compile(perceptual={"network": "vgg16", "layer": "block3_conv3", "weights": "imagenet"})
        model.fit(ganzoo.data.pairs("folder:my_photographs", scale=4, crop=96), epochs=10)
        large = model.upscale(small)
    """

    small = dict(scale=4, blocks=1, width=4, kernel_size=3, crop=32, discriminator_width=4, discriminator_units=8)

    small_compile = dict(perceptual=None, pixel_weight=1.0)

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
        **options,
    ):
        super().__init__(
            **upscaler(scale, blocks, width, kernel_size, normalization, upsampling),
            discriminator=crop_discriminator(crop, discriminator_width, discriminator_units),
            crop=crop,
            **options,
        )

    def compile(
        self,
        # Section 3.2 of the paper.
        generator_optimizer: object = {"name": "adam", "learning_rate": 1e-4, "beta_1": 0.9},
        discriminator_optimizer: object = {"name": "adam", "learning_rate": 1e-4, "beta_1": 0.9},
        # Section 2.2: features of VGG19 scaled by 1/12.75, which is a factor of 0.006; no difference of pixels.
        perceptual: object = {"network": "vgg19", "layer": "block5_conv4", "weights": "imagenet"},
        perceptual_weight: NotNegative = 0.006,
        pixel_weight: NotNegative = 0.0,
        # Equation 3.
        adversarial_weight: NotNegative = 1e-3,
        **settings,
    ):
        super().compile(
            generator_optimizer=generator_optimizer,
            discriminator_optimizer=discriminator_optimizer,
            perceptual=perceptual,
            perceptual_weight=perceptual_weight,
            pixel_weight=pixel_weight,
            adversarial_weight=adversarial_weight,
            **settings,
        )
