"""SRResNet: super-resolution by a residual network (Ledig et al. 2016, arXiv:1609.04802)."""

from typing import Literal

from ganzoo.config import NotNegative
from ganzoo.errors import GanzooError
from ganzoo.losses.perceptual import pixel_difference, total_variation
from ganzoo.networks.regularizers import regularized
from ganzoo.networks.upscaling import upscaler
from ganzoo.registry import register
from ganzoo.tasks.super_resolution import SuperResolution
from ganzoo.training.zoo_model import Objective, ZooModel


@register("srresnet")
class SRResNet(SuperResolution, ZooModel):
    """The residual network of Ledig et al. 2016 (arXiv:1609.04802), trained on the difference of pixels alone.

    The best PSNR and somewhat soft images: the generator that `srgan` starts from. Unlike the paper's, the network
    adds what it draws to the small image's repeated pixels, so that it begins where enlarging does.

    Args:
        scale: 2, 4 or 8.
        blocks: residual blocks; the paper has 16.
        width: channels; the paper has 64.
        kernel_size: of the first convolution, and of the last in `staged`; the paper has 9.
        normalization: "batch" as in the paper, or "none" (Lim et al. 2017, arXiv:1707.02921, who drop it).
        upsampling: "staged" as in the paper, or "direct": everything is computed at the small size, for processors.
        crop: height and width of the large images of training.
        generator_regularizers: as in `AdversarialModel`.
        **options: of `ZooModel`.

    Raises:
        GanzooError: a scale, size or choice there is not.

    Example:
        model = ganzoo.create("srresnet", scale=4)
        model.compile()
        model.fit(ganzoo.data.pairs("folder:my_images", scale=4, crop=96), epochs=10)
        large = model.upscale(small)
    """

    reported = ("pixel_loss",)
    test_config = dict(scale=4, blocks=1, width=4, kernel_size=3, crop=32)

    def __init__(
        self,
        scale: int = 4,
        blocks: int = 16,
        width: int = 64,
        kernel_size: int = 9,
        normalization: Literal["batch", "none"] = "batch",
        upsampling: Literal["staged", "direct"] = "staged",
        crop: int = 96,
        generator_regularizers: list = (),
        **options,
    ):
        generator, reach = upscaler(scale, blocks, width, kernel_size, normalization, upsampling)
        super().__init__({"generator": regularized(generator, generator_regularizers)}, **options)
        self.set_sizes(scale, reach, crop)

    def objectives(self):
        return [Objective("loss", self.pixel_objective, networks=("generator",))]

    def pixel_objective(self, batch, training=True):
        """The difference of pixels of a batch of (small, large) images, a scalar."""
        if not isinstance(batch, (tuple, list)) or len(batch) != 2:
            raise GanzooError(f"{self.model_name} learns from (small, large) images: use ganzoo.data.pairs")
        small, large = batch
        generated = self.generator(small, training=training)
        pixel = pixel_difference(large, generated, self.pixel_loss)
        self.record(pixel_loss=pixel)
        return pixel + self.total_variation * total_variation(generated) if self.total_variation else pixel

    def compile(
        self,
        # Section 3.2 of the paper: Adam with a learning rate of 0.0001 and beta_1 of 0.9.
        optimizer: object = {"name": "adam", "learning_rate": 1e-4, "beta_1": 0.9},
        *,
        pixel_loss: Literal["absolute", "squared"] = "squared",
        total_variation: NotNegative = 0.0,
        **settings,
    ):
        """Sets how the model trains; as `ZooModel.compile`, and

        Args:
            pixel_loss: what is averaged over the pixels, the "squared" difference or the "absolute".
            total_variation: factor of `ganzoo.losses.perceptual.total_variation`.
        """
        self.keep_settings(SRResNet.compile, pixel_loss=pixel_loss, total_variation=total_variation)
        super().compile(optimizer, **settings)
