"""SEGAN: speech enhancement on the raw waveform (Pascual et al. 2017, arXiv:1703.09452)."""

from typing import Literal

from ganzoo.config import AtLeastOne
from ganzoo.networks.enhancing import OUTPUTS, reach, waveform_autoencoder, window_discriminator
from ganzoo.registry import register
from ganzoo.training.enhancing_model import EnhancingModel


@register("segan")
class SEGAN(EnhancingModel):
    """The speech enhancement GAN of Pascual et al. 2017 (arXiv:1703.09452).

    From noisy speech to clean, sample by sample: an auto-encoder with skip connections draws it, and a discriminator is
    shown it, or the real clean speech, beside the noisy one. Least squares and the absolute difference, factor 100.

    Args:
        widths: channels of the generator's convolutions.
        kernel_size: of all convolutions.
        stride: of all convolutions; the paper has 2.
        latent_dim: channels of noise beside the code; the paper has as many as the code. What is enhanced is drawn with
            the noise's mean, 0. With 0 channels there is none.
        output: "tanh" as in the paper; "residual" adds what is drawn to the noisy speech.
        bias: of the generator's convolutions; without, and with "residual", loudness makes no difference to it.
        window: samples of training's windows, a multiple of stride**len(widths).
        sample_rate: in Hz, of training.
        preemphasis: of what the networks see and draw: x[t] - preemphasis x[t - 1].
        shifts: how many times `enhance` looks at the sound, beginning elsewhere; its answer is the mean.
        discriminator_widths: channels of the discriminator's convolutions; the generator's if not given.
        discriminator_cures: the paper's virtual batch normalization with 64 windows if not given.
        **options: `generator_cures`, see `AdversarialModel`.

    Raises:
        GanzooError: a size there is not.

    Example:
        model = ganzoo.create("segan", window=16384)
        model.compile()
        model.fit(ganzoo.data.speech("folder:my_speech", noise="folder:my_noise", window=16384), epochs=10)
        clean = model.enhance(noisy, sample_rate=44100)
    """

    small = dict(
        widths=(2, 3, 4),
        discriminator_widths=(2, 3),
        kernel_size=5,
        latent_dim=2,
        window=256,
        discriminator_cures=[{"name": "virtual_batch_normalization", "size": 4}],
    )

    def __init__(
        self,
        widths: tuple[int, ...] = (16, 32, 32, 64, 64, 128, 128, 256, 256, 512, 1024),
        kernel_size: int = 31,
        stride: AtLeastOne = 2,
        latent_dim: int = 1024,
        output: Literal["tanh", "residual"] = "tanh",
        bias: bool = True,
        window: int = 16_384,
        sample_rate: AtLeastOne = 16_000,
        preemphasis: float = 0.95,
        shifts: AtLeastOne = 1,
        discriminator_widths: tuple[int, ...] | None = None,
        discriminator_cures: list = ("virtual_batch_normalization",),
        **options,
    ):
        widths = tuple(widths)
        judging = tuple(discriminator_widths or widths)
        super().__init__(
            generator=waveform_autoencoder(widths, kernel_size, stride, latent_dim, OUTPUTS[output], bias),
            discriminator=window_discriminator(window, 2, judging, kernel_size, stride),
            hop=stride ** len(widths),
            reach=reach(len(widths), kernel_size, stride),
            window=window,
            sample_rate=sample_rate,
            preemphasis=preemphasis,
            shifts=shifts,
            discriminator_cures=discriminator_cures,
            **options,
        )
