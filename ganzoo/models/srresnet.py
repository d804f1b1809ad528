"""SRResNet: super-resolution by a residual network (Ledig et al. 2016, arXiv:1609.04802)."""

from typing import Any, Literal

from ganzoo.arguments import NotNegative
from ganzoo.errors import GanzooError
from ganzoo.losses.perceptual import pixel_difference, total_variation
from ganzoo.networks.regularizers import regularized
from ganzoo.networks.upscaling import upscaler
from ganzoo.registry import register
from ganzoo.tasks.super_resolution import SuperResolution
from ganzoo.training.step import Objective
from ganzoo.training.zoo_model import ZooModel
from ganzoo.types import Tensor


@register("srresnet")
class SRResNet(SuperResolution, ZooModel):
    """The residual network of Ledig et al. 2016 (arXiv:1609.04802), trained on the pixel loss alone.

    It gives the best PSNR and somewhat soft images, and is the generator that `srgan` starts from. Unlike the paper's,
    the network's output is added to the nearest-neighbor upscaled image, so training starts from there.

    Args:
        scale: 2, 4 or 8.
        blocks: number of residual blocks; the paper has 16.
        width: channels; the paper has 64.
        kernel_size: of the first convolution, and of the last one with "staged" upsampling; the paper has 9.
        normalization: "batch" as in the paper, or "none" as in Lim et al. 2017 (arXiv:1707.02921).
        upsampling: "staged" as in the paper, or "direct", which computes everything at low resolution: faster on CPUs.
        crop: height and width of the high-resolution training crops.
        generator_regularizers: as in `AdversarialModel`.
        **options: of `ZooModel`.

    Raises:
        GanzooError: an unsupported scale, size or choice.

    Example:
        dataset = ganzoo.data.pairs("folder:my_images", scale=4, crop=96, batch_size=8)
        model = ganzoo.create("srresnet", scale=4, blocks=2, width=16)
        model.compile()
        model.fit(dataset.take(1), epochs=1)
        small = np.zeros((24, 32, 3), "uint8")
        large = model.upscale(small)                    # uint8 (96, 128, 3)
    """

    equation = (
        r"L = \mathbb{E} \, |x - G(y)|^p, \quad p = 2 \text{ (squared) or } 1 \text{ (absolute)},"
        r" \quad y \text{: small image}"
    )
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
        generator_regularizers: list = [],
        **options: Any,
    ):
        generator, reach = upscaler(scale, blocks, width, kernel_size, normalization, upsampling)
        super().__init__({"generator": regularized(generator, generator_regularizers)}, **options)
        self.set_sizes(scale, reach, crop)

    def objectives(self) -> list[Objective]:
        return [Objective("loss", self.pixel_objective, networks=("generator",))]

    def pixel_objective(self, batch: Any, training: bool = True) -> Tensor:
        """The pixel loss of a batch of (small, large) images, a scalar."""
        if not isinstance(batch, (tuple, list)) or len(batch) != 2:
            raise GanzooError(f"{self.model_name} learns from (small, large) images: use ganzoo.data.pairs")
        small, large = batch
        generated = self.generator(small, training=training)
        pixel = pixel_difference(large, generated, self.pixel_loss)
        self.record(pixel_loss=pixel)
        return pixel + self.total_variation * total_variation(generated) if self.total_variation else pixel

    def compile(
        self,
        # Section 3.2: Adam with a learning rate of 0.0001 and beta_1 of 0.9.
        optimizer: object = {"name": "adam", "learning_rate": 1e-4, "beta_1": 0.9},
        *,
        pixel_loss: Literal["absolute", "squared"] = "squared",
        total_variation: NotNegative = 0.0,
        **settings: Any,
    ) -> None:
        """Configures training, as `ZooModel.compile` with more arguments.

        Args:
            pixel_loss: mean "squared" or mean "absolute" difference of the pixels.
            total_variation: factor of `ganzoo.losses.perceptual.total_variation`.
        """
        self.refuse_unknown_settings(settings)
        self.keep_settings(SRResNet.compile, pixel_loss=pixel_loss, total_variation=total_variation)
        super().compile(optimizer, **settings)
