"""CycleGAN-VC: voice conversion without parallel speech (Kaneko & Kameoka 2017, arXiv:1711.11293)."""

from typing import Any, Literal

from keras import ops

from ganzoo.arguments import AtLeastOne, ClassName, NotNegative, NotNegativeWhole
from ganzoo.data.batches import first_examples
from ganzoo.errors import GanzooError
from ganzoo.networks.voice import SOURCE, TARGET, cepstra_discriminator, voice_converter
from ganzoo.registry import register
from ganzoo.tasks.voice_conversion import VoiceConversion
from ganzoo.training.cycle import CycleModel
from ganzoo.training.zoo_model import ZooModel
from ganzoo.types import Tensor

# Segments of each voice from which its statistics are taken.
_SEGMENTS = 512


@register("cyclegan_vc")
class CycleGANVC(VoiceConversion, CycleModel):
    """The voice conversion without parallel speech of Kaneko & Kameoka 2017 (arXiv:1711.11293).

    CycleGAN on mel-cepstra: G (`generator`) converts the first voice to the second, F (`backward_generator`) back, each
    a gated convolutional network over time, with a discriminator of segments of mel-cepstra. Besides the adversarial
    loss, least squares, they minimize the cycle loss, and in the first steps the identity loss, which keeps what is
    said (equations 1 to 3). All losses compare standardized mel-cepstra. Pitch is converted by its mean and deviation.

    The generators hold the statistics of both voices, which are taken from the first segments of the training data.

    Args:
        coefficients: of a mel-cepstrum besides the loudness, a multiple of 4.
        frames: of a training segment, each 5 ms, a multiple of 4 and of 2^discriminator_depth.
        sample_rate: at which the model works, in Hz.
        width: channels of the generators' first convolution after its gate; the paper has 128.
        channels: of the generators' residual blocks; the paper has 512.
        hidden: channels within a residual block after the gate; the paper has 1024.
        blocks: number of residual blocks; the paper has 6.
        output: "direct" as in the paper, or "residual": the generator adds to the standardized mel-cepstra, so that
            training starts near the conversion of mean and deviation.
        discriminator_width: channels of the discriminators' first convolution after its gate; the paper has 128.
        discriminator_depth: number of the discriminators' gated convolutions, 2 to 4; the paper has 4.
        patches: whether the discriminators judge overlapping patches, as in CycleGAN, or segments as a whole.
        masked_frames: up to as many consecutive frames of a segment are hidden from the generators in training, at
            random: the discriminators and the cycle loss teach them to fill in what the frames around suggest, as in
            MaskCycleGAN-VC (Kaneko et al. 2021, arXiv:2102.12841). 0 as in the paper.
        discriminator_norm: whether the discriminators have instance normalization, as in the paper. Without, they also
            see the means and deviations of a segment.
        domains: names of the two voices, for `convert`.
        **options: `discriminator_regularizers` and `generator_regularizers`, see `AdversarialModel`.

    Raises:
        GanzooError: a size out of range, or two equal names.

    Example:
        small = dict(width=4, channels=8, hidden=8, blocks=1, discriminator_width=2)
        model = ganzoo.create("cyclegan_vc", frames=32, domains=("ana", "ben"), **small)
        dataset = ganzoo.data.voices("folder:my_voices", batch_size=2, **model.data_arguments())
        model.compile()
        model.fit(dataset.take(2), epochs=1)
        audio = np.random.default_rng(0).normal(0, 0.1, 8000).astype("float32")
        converted = model.convert(audio, sample_rate=16_000)    # float32 (8000,)
    """

    equation = (
        r"\begin{aligned}"
        r"L_D &= \tfrac{1}{2} \mathbb{E}[(D_Y(y) - 1)^2] + \tfrac{1}{2} \mathbb{E}[D_Y(G(x))^2] \\"
        r"&\quad + \tfrac{1}{2} \mathbb{E}[(D_X(x) - 1)^2] + \tfrac{1}{2} \mathbb{E}[D_X(F(y))^2] \\"
        r"L_G &= \mathbb{E}[(D_Y(G(x)) - 1)^2] + \mathbb{E}[(D_X(F(y)) - 1)^2] \\"
        r"&\quad + \lambda \, (\mathbb{E} \, |F(G(x)) - x| + \mathbb{E} \, |G(F(y)) - y|) \\"
        r"&\quad + \lambda \lambda_\mathrm{id} \, (\mathbb{E} \, |F(x) - x| + \mathbb{E} \, |G(y) - y|) \\"
        r"\lambda &= 10, \quad \lambda_\mathrm{id} = 0.5 \text{, after 10,000 steps } 0"
        r"\end{aligned}"
    )
    data_name = "voices"
    test_config = dict(
        coefficients=8, frames=32, sample_rate=8_000, width=3, channels=6, hidden=5, blocks=1, discriminator_width=2
    )

    def __init__(
        self,
        coefficients: AtLeastOne = 24,
        frames: AtLeastOne = 128,
        sample_rate: AtLeastOne = 16_000,
        width: int = 128,
        channels: int = 512,
        hidden: int = 1024,
        blocks: int = 6,
        output: Literal["direct", "residual"] = "direct",
        masked_frames: NotNegativeWhole = 0,
        discriminator_width: int = 128,
        discriminator_depth: int = 4,
        patches: bool = False,
        discriminator_norm: bool = True,
        domains: tuple[ClassName, ClassName] = ("a", "b"),
        **options: Any,
    ):
        if masked_frames > frames:
            raise GanzooError(f"masked_frames must be at most the {frames} frames of a segment, got {masked_frames}")
        networks: dict[str, Any] = {
            name: voice_converter(coefficients, width, channels, hidden, blocks, output, masked_frames > 0, name)
            for name in self.generators
        }
        for name in self.discriminators:
            networks[name] = lambda name=name: cepstra_discriminator(
                frames, coefficients, discriminator_width, discriminator_depth, patches, discriminator_norm, name
            )
        super().__init__(networks, **options)
        self.compared_shape = (frames, coefficients)
        self.masked_frames = masked_frames
        self.set_voices(domains, sample_rate, coefficients, frames)

    def compared(self, examples: Tensor, side: int) -> Tensor:
        """The mel-cepstra of features, standardized by the statistics of their side."""
        return self._voice(side)(examples)[1]

    def hidden(self, examples: Tensor) -> Tensor:
        """Features without the mel-cepstra of up to `masked_frames` consecutive frames, which differ between them."""
        if not self.masked_frames:
            return examples
        count, frames = ops.shape(examples)[0], examples.shape[1]
        random = self.noise.uniform((count, 2))
        size = random[:, :1] * self.masked_frames
        start = random[:, 1:] * (frames - size)
        place = ops.arange(frames, dtype="float32")[None]
        is_known = ops.cast((place < start) | (place >= start + size), "float32")[..., None]
        return ops.concatenate([examples[..., :2], examples[..., 2:] * is_known], axis=-1)

    def moved(self, examples: Tensor, side: int, other: int) -> Tensor:
        """Features with the mean and the deviation of the other side: what the identity loss asks to leave as it is."""
        return self._voice(other).restored(examples, *self._voice(side)(examples))

    def _voice(self, side: int) -> Any:
        return self.networks[self.generators[side]].get_layer(SOURCE)

    def before_training(self, x: Any, y: Any) -> Any:
        x = super().before_training(x, y)
        if self.has_statistics:
            return x
        (first, second), x = first_examples(x, y, _SEGMENTS, or_all=True)
        self.take_statistics(first, second)
        return x

    def take_statistics(self, first: Any, second: Any) -> None:
        """Takes the statistics of both voices, which their standardization needs.

        Args:
            first, second: float32 (..., 2 + coefficients), features of each voice, see
                `ganzoo.data.vocoder.features_of`.
        """
        for network, voices in zip(self.generators, ((first, second), (second, first))):
            for layer, features in zip((SOURCE, TARGET), voices):
                self.networks[network].get_layer(layer).take(features)
                self.averages[network].get_layer(layer).take(features)

    def start_from(self, other: ZooModel) -> None:
        # The voices are others.
        super().start_from(other)
        for network in (*(self.networks[name] for name in self.generators), *self.averages.values()):
            for layer in (SOURCE, TARGET):
                network.get_layer(layer).forget()

    def compile(
        self,
        *args: Any,
        generator_optimizer: Any = {"name": "adam", "learning_rate": 2e-4, "beta_1": 0.5},
        discriminator_optimizer: Any = {"name": "adam", "learning_rate": 1e-4, "beta_1": 0.5},
        cycle_weight: NotNegative = 10.0,
        identity_weight: NotNegative = 0.5,
        identity_steps: NotNegativeWhole | None = 10_000,
        pool_size: NotNegativeWhole = 0,
        **settings: Any,
    ) -> None:
        """Configures training, as `CycleModel.compile` with the paper's settings as defaults."""
        super().compile(
            *args,
            generator_optimizer=generator_optimizer,
            discriminator_optimizer=discriminator_optimizer,
            cycle_weight=cycle_weight,
            identity_weight=identity_weight,
            identity_steps=identity_steps,
            pool_size=pool_size,
            **settings,
        )
