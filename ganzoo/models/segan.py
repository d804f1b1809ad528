"""SEGAN: speech enhancement on the raw waveform (Pascual et al. 2017, arXiv:1703.09452)."""

from typing import Any, Literal

from keras import ops

from ganzoo.arguments import AtLeastOne, NotNegative
from ganzoo.errors import GanzooError
from ganzoo.losses.loudness import fourier_length, loudness_difference
from ganzoo.losses.pesq import SAMPLE_RATE, SHORTEST, pesq_disturbance
from ganzoo.losses.spectral import RESOLUTIONS, multi_resolution_stft
from ganzoo.networks.enhancing import OUTPUTS, reach, waveform_autoencoder, window_discriminator
from ganzoo.registry import register
from ganzoo.tasks.speech_enhancement import SpeechEnhancement
from ganzoo.training.adversarial import AdversarialModel
from ganzoo.types import Tensor


@register("segan")
class SEGAN(SpeechEnhancement, AdversarialModel):
    """The speech enhancement GAN of Pascual et al. 2017 (arXiv:1703.09452).

    The generator is a convolutional autoencoder with skip connections, from the noisy waveform to the clean one. The
    discriminator sees pairs of noisy speech and either the enhanced or the real clean speech. The losses are least
    squares and, with a factor of 100, the L1 distance to the clean speech. In the equation below, S, N and Q are
    `ganzoo.losses.spectral.multi_resolution_stft`, `ganzoo.losses.loudness.loudness_difference` and
    `ganzoo.losses.pesq.pesq_disturbance`, which `compile` can add.

    Args:
        widths: channels of the generator's convolutions.
        kernel_size: of all convolutions.
        stride: of all convolutions; the paper has 2.
        latent_dim: channels of noise concatenated with the code; the paper has as many as the code. At inference the
            noise is zero, its mean. 0 for no noise.
        output: "tanh" as in the paper; "residual" adds the output to the noisy speech.
        bias: whether the generator's convolutions have biases. Without, and with output="residual", scaling the input
            scales the output.
        window: length of the training windows in samples, a multiple of stride**len(widths).
        sample_rate: in Hz, of the speech the networks see.
        preemphasis: coefficient of the pre-emphasis filter x[t] - preemphasis x[t - 1], applied to what the networks
            see and undone after inference.
        num_shifts: test-time averaging: over how many time shifts of the input `enhance` averages.
        discriminator_widths: channels of the discriminator's convolutions; None gives the generator's.
        discriminator_regularizers: by default the paper's virtual batch normalization, with 64 windows.
        **options: `generator_regularizers`, see `AdversarialModel`.

    Raises:
        GanzooError: a size out of range.

    Example:
        dataset = ganzoo.data.speech("folder:my_speech", noise="folder:my_noise", window=1024, batch_size=8)
        model = ganzoo.create("segan", widths=(4, 8, 8), window=1024, latent_dim=8)
        model.compile()
        model.fit(dataset.take(8), epochs=1)
        noisy = np.random.default_rng(0).normal(0, 0.1, 4410)
        clean = model.enhance(noisy, sample_rate=44100)             # float32 (4410,)
    """

    equation = (
        r"\begin{aligned}"
        r"L_D &= \tfrac{1}{2} \mathbb{E}[(D(x, y) - 1)^2] + \tfrac{1}{2} \mathbb{E}[D(\hat{x}, y)^2] \\"
        r"L_G &= \tfrac{1}{2} \lambda_\mathrm{adv} \, \mathbb{E}[(D(\hat{x}, y) - 1)^2]"
        r" + \lambda_1 \, \mathbb{E} \, |x - \hat{x}| \\"
        r"&\quad + \lambda_\mathrm{spectral} \, S(x, \hat{x}) + \lambda_\mathrm{loudness} \, N(x, \hat{x})"
        r" + \lambda_\mathrm{pesq} \, Q(x, \hat{x}) \\"
        r"\hat{x} &= G(z, y), \quad y \text{: noisy speech} \\"
        r"\lambda_\mathrm{adv} &= 1, \quad \lambda_1 = 100,"
        r" \quad \lambda_\mathrm{spectral} = \lambda_\mathrm{loudness} = \lambda_\mathrm{pesq} = 0"
        r"\end{aligned}"
    )
    reported = ("l1_loss",)
    test_config = dict(
        widths=(2, 3, 4),
        discriminator_widths=(2, 3),
        kernel_size=5,
        latent_dim=2,
        window=256,
        discriminator_regularizers=[{"name": "virtual_batch_normalization", "size": 4}],
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
        num_shifts: AtLeastOne = 1,
        discriminator_widths: tuple[int, ...] | None = None,
        discriminator_regularizers: list = ["virtual_batch_normalization"],
        **options: Any,
    ):
        widths = tuple(widths)
        discriminator_widths = tuple(discriminator_widths or widths)
        super().__init__(
            generator=waveform_autoencoder(widths, kernel_size, stride, latent_dim, OUTPUTS[output], bias),
            discriminator=lambda: window_discriminator(window, 2, discriminator_widths, kernel_size, stride),
            discriminator_regularizers=discriminator_regularizers,
            **options,
        )
        hop = stride ** len(widths)
        self.set_sizes(hop, reach(len(widths), kernel_size, stride), window, sample_rate, preemphasis, num_shifts)
        # Without noise the generator is deterministic.
        self.shares_fake_batch = not latent_dim

    def split_batch(self, batch: Any) -> tuple[Tensor, Tensor]:
        if not isinstance(batch, (tuple, list)) or len(batch) != 2:
            raise GanzooError(f"{self.model_name} learns from (noisy, clean) speech: use ganzoo.data.speech")
        noisy, clean = (self._emphasized(ops.cast(part, "float32")) for part in batch)
        return clean, noisy

    def _emphasized(self, sound: Tensor) -> Tensor:
        previous = ops.pad(sound[:, :-1], [[0, 0], [1, 0], [0, 0]])
        return sound - self.preemphasis * previous

    def generator_inputs(self, count: Any, condition: Tensor) -> Any:
        if not self.noise_channels:
            return condition
        return [condition, self.noise.normal((count, self.window // self.hop, self.noise_channels))]

    def discriminator_inputs(self, examples: Tensor, condition: Tensor) -> Tensor:
        return ops.concatenate([ops.cast(part, "float32") for part in (examples, condition)], axis=-1)

    def content_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        real, fake = ops.cast(real, "float32"), ops.cast(fake, "float32")
        l1 = ops.mean(ops.abs(real - fake))
        self.record(l1_loss=l1)
        total = self.l1_weight * l1
        if self.spectral_weight:
            total = total + self.spectral_weight * multi_resolution_stft(real[..., 0], fake[..., 0])
        if self.loudness_weight:
            difference = loudness_difference(real[..., 0], fake[..., 0], self.sample_rate)
            total = total + self.loudness_weight * difference
        if self.pesq_weight:
            total = total + self.pesq_weight * pesq_disturbance(real[..., 0], fake[..., 0])
        return total

    def compile(
        self,
        *args: Any,
        # Section 5.2.
        generator_optimizer: object = {"name": "rmsprop", "learning_rate": 2e-4},
        discriminator_optimizer: object = {"name": "rmsprop", "learning_rate": 2e-4},
        loss: object = "least_squares",
        l1_weight: NotNegative = 100.0,
        spectral_weight: NotNegative = 0.0,
        loudness_weight: NotNegative = 0.0,
        pesq_weight: NotNegative = 0.0,
        **settings: Any,
    ) -> None:
        """Configures training, as `AdversarialModel.compile` with more arguments.

        Args:
            l1_weight: factor of the mean absolute difference of the samples.
            spectral_weight: factor of `ganzoo.losses.spectral.multi_resolution_stft`.
            loudness_weight: factor of `ganzoo.losses.loudness.loudness_difference`, which models hearing and so wants
                speech without pre-emphasis (`preemphasis=0`).
            pesq_weight: factor of `ganzoo.losses.pesq.pesq_disturbance`, which requires `sample_rate=16000` and
                `preemphasis=0`.
        """
        self.keep_settings(
            SEGAN.compile,
            l1_weight=l1_weight,
            spectral_weight=spectral_weight,
            loudness_weight=loudness_weight,
            pesq_weight=pesq_weight,
        )
        shortest = {
            "spectral_weight": max(length for length, _, _ in RESOLUTIONS) // 2 + 1,
            "loudness_weight": fourier_length(self.sample_rate) // 2 + 1,
            "pesq_weight": SHORTEST,
        }
        for name, length in shortest.items():
            if getattr(self, name) and self.window < length:
                raise GanzooError(f"{name} needs windows of at least {length} samples, not {self.window}")
        if self.pesq_weight and self.sample_rate != SAMPLE_RATE:
            raise GanzooError(f"pesq_weight needs a sample rate of {SAMPLE_RATE}, not {self.sample_rate}")
        if self.pesq_weight and self.preemphasis:
            raise GanzooError(f"pesq_weight needs speech without pre-emphasis: preemphasis=0, not {self.preemphasis:g}")
        super().compile(
            *args,
            generator_optimizer=generator_optimizer,
            discriminator_optimizer=discriminator_optimizer,
            loss=loss,
            **settings,
        )
