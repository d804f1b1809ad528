"""SRResNet: super-resolution by a residual network (Ledig et al. 2016, arXiv:1609.04802)."""

from typing import Annotated, Literal

from pydantic import Field

from ganzoo.config import AtLeastOne, NotNegative, Seed
from ganzoo.networks.upscaling import upscaler
from ganzoo.registry import register
from ganzoo.training.upscaling_model import UpscalingModel


@register("srresnet")
class SRResNet(UpscalingModel):
    """The residual network of Ledig et al. 2016 (arXiv:1609.04802), trained on the difference of pixels alone.

    The best PSNR and somewhat soft pictures: the generator that `srgan` starts from. Unlike the paper's, the network
    adds what it draws to the small picture's repeated pixels, so that it begins where enlarging does.

    Args:
        scale: 2, 4 or 8.
        blocks: residual blocks; the paper has 16.
        width: channels; the paper has 64.
        kernel_size: of the first convolution, and of the last in `staged`; the paper has 9.
        normalization: "batch" as in the paper, or "none" (Lim et al. 2017, arXiv:1707.02921, who drop it).
        upsampling: "staged" as in the paper, or "direct": everything is computed at the small size, for processors.
        crop: height and width of the large pictures of training.
        **options: `generator_cures`, see `AdversarialModel`.

    Raises:
        GanzooError: a scale, size or choice there is not.

    Example:
        model = ganzoo.create("srresnet", scale=4)
        model.compile()
        model.fit(ganzoo.data.pairs("folder:my_photographs", scale=4, crop=96), epochs=10)
        large = model.upscale(small)
    """

    small = dict(scale=4, blocks=1, width=4, kernel_size=3, crop=32)

    def __init__(
        self,
        scale: int = 4,
        blocks: int = 16,
        width: int = 64,
        kernel_size: int = 9,
        normalization: Literal["batch", "none"] = "batch",
        upsampling: Literal["staged", "direct"] = "staged",
        crop: int = 96,
        **options,
    ):
        super().__init__(
            **upscaler(scale, blocks, width, kernel_size, normalization, upsampling),
            discriminator=None,
            crop=crop,
            **options,
        )

    def compile(
        self,
        # Section 3.2 of the paper: Adam with a learning rate of 0.0001 and beta_1 of 0.9.
        generator_optimizer: object = {"name": "adam", "learning_rate": 1e-4, "beta_1": 0.9},
        pixel_loss: Literal["absolute", "squared"] = "squared",
        total_variation: NotNegative = 0.0,
        ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.999,
        seed: Seed = 0,
        synchronized_batch_norm: bool = False,
        run_eagerly: bool = False,
        jit_compile: bool = False,
        steps_per_execution: AtLeastOne = 1,
        optimizer: object = None,
    ):
        """Sets how the model trains; arguments as in `UpscalingModel.compile`. `optimizer` is another name of
        `generator_optimizer`.

        Example:
            model.compile(optimizer={"name": "adam", "learning_rate": 1e-4})
        """
        super().compile(
            generator_optimizer=generator_optimizer,
            pixel_loss=pixel_loss,
            total_variation=total_variation,
            ema_decay=ema_decay,
            seed=seed,
            synchronized_batch_norm=synchronized_batch_norm,
            run_eagerly=run_eagerly,
            jit_compile=jit_compile,
            steps_per_execution=steps_per_execution,
            optimizer=optimizer,
        )
