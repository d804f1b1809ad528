"""Post-filter: texture for over-smoothed speech (Kaneko et al. 2017, doi:10.1109/ICASSP.2017.7953090)."""

from typing import Annotated, Any

from keras import ops
from pydantic import Field

from ganzoo.arguments import AtLeastOne, NotNegative
from ganzoo.errors import GanzooError
from ganzoo.networks.cepstral import (
    SCALE,
    cepstral_postfilter,
    cepstral_smoother,
    postfilter_reach,
    smoother_reach,
    texture_discriminator,
)
from ganzoo.registry import register
from ganzoo.tasks.speech_restoration import SpeechRestoration, checked_strength
from ganzoo.training.adversarial import AdversarialModel
from ganzoo.training.zoo_model import ZooModel
from ganzoo.types import Tensor

Strength = Annotated[float, Field(ge=0, le=2)]


@register("postfilter")
class PostFilter(SpeechRestoration, AdversarialModel):
    """The GAN-based post-filter of Kaneko et al. 2017 (doi:10.1109/ICASSP.2017.7953090).

    The generator takes smooth mel-cepstra and noise, and adds what natural speech has and smooth speech lacks; it sees
    nothing else of the natural speech. The discriminator sees segments of smooth mel-cepstra, each with the restored or
    the natural ones. The smooth ones come from `smoother`, a network trained on the mean squared error, which does not
    learn here: training starts from a trained one (`training.start_from` in YAML, `model.start_from(other)` in Python).

    The paper's generator convolves over time and quefrency; here, as in later networks of its authors, the
    coefficients are the channels of convolutions over time, which is faster.

    Args:
        order, coarse_order, hop, window, sample_rate: as in `smoother`; a window is a multiple of 2 to the power of the
            number of `discriminator_widths`, too.
        width: channels of the generator's convolutions.
        blocks: number of the generator's residual blocks.
        kernel_size: of the generator's convolutions.
        noise_channels: channels of the generator's noise; 0 for none.
        smoother_width, smoother_blocks, smoother_kernel_size: `width`, `blocks` and `kernel_size` of the smoother.
        discriminator_widths: channels of the discriminator's convolutions.
        discriminator_kernel_size: of these, over time and over the coefficients.
        strength: factor, 0 to 2, of what `restore` adds by default. Texture costs accuracy: below 1, there is somewhat
            less of both.
        **options: `discriminator_regularizers` and `generator_regularizers`, see `AdversarialModel`.

    Raises:
        GanzooError: a size out of range.

    Example:
        smoother = ganzoo.create("smoother", width=16, blocks=1)            # better a trained one, ganzoo.load(...)
        model = ganzoo.create("postfilter", width=16, blocks=1, smoother_width=16, smoother_blocks=1)
        model.start_from(smoother)
        model.compile()
        model.fit(ganzoo.data.cepstra("folder:my_speech", batch_size=4).take(2), epochs=1)
        smooth = model.smooth_cepstra(np.zeros((300, 40), "float32"))       # float32 (300, 40)
        restored = model.restore_cepstra(smooth, seed=0)                    # the same shape
    """

    equation = (
        r"\begin{aligned}"
        r"L_D &= -\mathbb{E}[\log D(x, y)] - \mathbb{E}[\log(1 - D(\hat{x}, y))] \\"
        r"L_G &= -\mathbb{E}[\log D(\hat{x}, y)]"
        r" + \lambda_\mathrm{spectral} \, \mathbb{E} \, \|x - \hat{x}\|^2 \\"
        r"\hat{x} &= G(z, y), \quad y \text{: smooth mel-cepstra}, \quad \lambda_\mathrm{spectral} = 0"
        r"\end{aligned}"
    )
    reported = ("spectral_error",)
    test_config = dict(
        order=12,
        coarse_order=4,
        hop=4,
        width=4,
        blocks=1,
        kernel_size=3,
        noise_channels=2,
        smoother_width=4,
        smoother_blocks=1,
        smoother_kernel_size=3,
        discriminator_widths=(2, 3),
        discriminator_kernel_size=3,
        window=16,
    )

    def __init__(
        self,
        order: int = 40,
        coarse_order: int = 16,
        hop: int = 8,
        width: int = 64,
        blocks: int = 3,
        kernel_size: int = 5,
        noise_channels: int = 16,
        smoother_width: int = 64,
        smoother_blocks: int = 2,
        smoother_kernel_size: int = 5,
        discriminator_widths: tuple[int, ...] = (32, 64, 128),
        discriminator_kernel_size: int = 5,
        window: int = 128,
        sample_rate: AtLeastOne = 16_000,
        strength: Strength = 1.0,
        **options: Any,
    ):
        widths = tuple(discriminator_widths)
        smoother = cepstral_smoother(
            order, coarse_order, hop, smoother_width, smoother_blocks, smoother_kernel_size, name="smoother"
        )
        smoother.trainable = False
        super().__init__(
            networks={
                "generator": cepstral_postfilter(order, width, blocks, kernel_size, noise_channels),
                "discriminator": lambda: texture_discriminator(window, order, widths, discriminator_kernel_size),
                "smoother": smoother,
            },
            **options,
        )
        reach = max(postfilter_reach(blocks, kernel_size), smoother_reach(hop, smoother_blocks, smoother_kernel_size))
        self.set_sizes(order, coarse_order, hop, window, reach, sample_rate)
        self.strength = checked_strength(strength)
        # Without noise the generator is deterministic.
        self.shares_fake_batch = not noise_channels

    def split_batch(self, batch: Any) -> tuple[Tensor, Tensor]:
        """(natural mel-cepstra, the smooth ones that the smoother predicts)."""
        natural = self.natural_cepstra(batch)
        smooth = self.smoother(self.coarse_tensor(natural), training=False)
        return natural, ops.stop_gradient(ops.cast(smooth, "float32"))

    def generator_inputs(self, count: Any, condition: Tensor) -> Any:
        if not self.noise_channels:
            return condition
        return [condition, self.noise.normal((count, self.window, self.noise_channels))]

    def discriminator_inputs(self, examples: Tensor, condition: Tensor) -> Tensor:
        scale = self.generator.get_layer(SCALE)
        return ops.stack([scale(ops.cast(part, "float32")) for part in (examples, condition)], axis=-1)

    def content_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        error = self.spectral_error(real, fake)
        self.record(spectral_error=error)
        return self.spectral_weight * error

    def before_training(self, x: Any, y: Any) -> Any:
        return self.take_scales(super().before_training(x, y), y)

    def start_from(self, other: ZooModel) -> None:
        """Takes over a trained smoother, or the generator and the smoother of another post-filter.

        Raises:
            GanzooError: another architecture.
        """
        theirs = getattr(other, "smoothing_network", None)
        if theirs is None or [w.shape for w in theirs.weights] != [w.shape for w in self.smoother.weights]:
            raise GanzooError(
                f"{other.preset or other.name} is no smoother of the same size: give this model its arguments order, "
                "coarse_order and hop, and its width, blocks and kernel_size as smoother_width and so on"
            )
        if "discriminator" in other.networks:
            super().start_from(other)
        self.smoother.set_weights(theirs.get_weights())
        if "discriminator" not in other.networks:
            for network in (self.generator, self.ema_generator):
                network.get_layer(SCALE).set_weights(self.smoother.get_layer(SCALE).get_weights())

    def compile(
        self,
        *args: Any,
        spectral_weight: NotNegative = 0.0,
        **settings: Any,
    ) -> None:
        """Configures training, as `AdversarialModel.compile` with one more argument.

        Args:
            spectral_weight: factor of `spectral_error`, the mean squared difference of the logarithmic spectra of
                restored and natural speech, which the paper does not use. It keeps the texture from growing where it
                costs much accuracy.
        """
        self.keep_settings(PostFilter.compile, spectral_weight=spectral_weight)
        super().compile(*args, **settings)
