"""WaveNet: an autoregressive model of raw sound (van den Oord et al. 2016, arXiv:1609.03499)."""

import math
from typing import Annotated, Any

from keras import ops
from pydantic import Field

from ganzoo import backend
from ganzoo.arguments import AtLeastOne, ClassName, NotNegativeWhole
from ganzoo.errors import GanzooError
from ganzoo.losses.sample_likelihoods import get_sample_likelihood
from ganzoo.networks.autoregressive import dilations_of, receptive_field, wavenet
from ganzoo.networks.mel import check_bands, log_mel
from ganzoo.registry import register
from ganzoo.tasks.speech_sampling import MOST_CANDIDATES
from ganzoo.tasks.speech_synthesis import SpeechSynthesis
from ganzoo.training.step import Objective
from ganzoo.training.zoo_model import ZooModel
from ganzoo.types import Tensor


@register("wavenet")
class WaveNet(SpeechSynthesis, ZooModel):
    """The autoregressive model of sound of van den Oord et al. 2016 (arXiv:1609.03499).

    The probability of a sound is the product of those of its samples given all samples before (equation 1),

        p(x) = prod_t p(x_t | x_1, ..., x_(t-1)),

    of which the network sees the last `receptive_field`: stacks (kernel_size - 1) (2^layers_per_stack - 1) + 1. The
    loss is the negative log-probability in nats per sample. Labels (equation 3) and a mel spectrogram (equation 4)
    condition it. Silence before and after a sound is exact zeros, so that a model learns where sounds begin and end.

    Args:
        stacks: how often the dilations 1, 2, 4, ... are repeated.
        layers_per_stack: number of these dilations.
        kernel_size: of the dilated convolutions.
        channels: of the residual connections and after the gates.
        skip_channels: of the sum of the skip connections.
        hidden: channels of the hidden layer after it.
        output: distribution of a sample: "mu_law" for a softmax over 256 values, or "logistic_mixture" for 16 bits; see
            `ganzoo.losses.get_sample_likelihood`.
        label_names: {label: names of its values} that condition the model, e.g. {"digit": ["0", "1"], "speaker":
            ["ana", "ben"]}.
        embedding: length of the vector of each value of a label.
        mel_bands: bands of a mel spectrogram that conditions the model, 0 for none. In training it is that of the
            sound itself.
        mel_channels: channels of the spectrogram after its first layer.
        hop: samples from one frame of the spectrogram to the next.
        dropout: share of the inputs of the gated layers that are dropped in training.
        label_dropout: share of the sounds whose labels are all hidden in training, for `guidance`.
        guidance: the default of `generate` and `say`; above 0 it needs `label_dropout` and mu-law outputs.
        candidates: how many versions of each sound `generate` and `say` choose from by default.
        window: samples of a training crop that the loss counts; before them are `receptive_field` samples of context.
        silence: samples of silence that end a sound, at most half of the receptive field; the loss counts as many
            after its end.
        sample_rate: in Hz.
        **options: of `ZooModel`.

    Raises:
        GanzooError: a size out of range, an unknown output, or labels without values.

    Example:
        names = {"take": ["0", "1", "2", "3"]}
        model = ganzoo.create("wavenet", stacks=1, layers_per_stack=6, channels=8, window=512, label_names=names)
        dataset = ganzoo.data.utterances("named:my_speech:{take}", batch_size=2, **model.data_arguments())
        model.compile()
        model.fit(dataset.take(2), epochs=1)
        sounds = model.generate(labels={"take": [0, 3]}, seed=0, seconds=0.02)      # float32 (2, 160)
    """

    equation = (
        r"L = -\frac{1}{T} \sum_t \log p(x_t \mid x_{t-R}, \ldots, x_{t-1}, h),"
        r" \quad h \text{: labels, mel spectrogram}"
    )
    reported = ("bits",)
    commands = ("say",)
    test_config = dict(
        stacks=2,
        layers_per_stack=3,
        channels=6,
        skip_channels=8,
        hidden=8,
        output={"name": "mu_law", "levels": 32},
        label_names={"digit": ["0", "1"], "speaker": ["ana", "ben", "eva"]},
        embedding=3,
        mel_bands=4,
        mel_channels=4,
        hop=16,
        window=65,
        silence=20,
    )

    def __init__(
        self,
        stacks: AtLeastOne = 3,
        layers_per_stack: Annotated[int, Field(ge=1, le=16)] = 10,
        kernel_size: AtLeastOne = 2,
        channels: int = 64,
        skip_channels: int = 128,
        hidden: int = 256,
        output: object = "mu_law",
        label_names: dict[str, list[ClassName]] | None = None,
        embedding: int = 16,
        mel_bands: NotNegativeWhole = 0,
        mel_channels: int = 32,
        hop: AtLeastOne = 64,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0,
        label_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0,
        guidance: Annotated[float, Field(ge=0, le=10)] = 0.0,
        candidates: Annotated[int, Field(ge=1, le=MOST_CANDIDATES)] = 1,
        window: AtLeastOne = 4096,
        silence: AtLeastOne = 400,
        sample_rate: AtLeastOne = 8_000,
        **options: Any,
    ):
        likelihood = get_sample_likelihood(output)
        names = {key: tuple(map(str, values)) for key, values in (label_names or {}).items()}
        for key, values in names.items():
            if not values or len(set(values)) < len(values):
                raise GanzooError(f"label_names: '{key}' needs at least one value, each of them once")
        if label_dropout and not names:
            raise GanzooError("label_dropout needs labels: give label_names, or leave it out")
        network = wavenet(
            likelihood,
            stacks,
            layers_per_stack,
            kernel_size,
            channels,
            skip_channels,
            hidden,
            names,
            embedding,
            mel_bands,
            mel_channels,
            hop,
            dropout,
            label_dropout,
        )
        if mel_bands:
            check_bands(sample_rate, mel_bands, hop)
        super().__init__({"generator": network}, **options)
        self.likelihood, self.label_names = likelihood, names
        self.receptive_field = receptive_field(stacks, layers_per_stack, kernel_size)
        self.dilations, self.kernel_size = dilations_of(stacks, layers_per_stack), kernel_size
        self.mel_bands, self.hop = mel_bands, hop if mel_bands else 0
        # A longer silence would look the same before a sound and after it.
        self.silence = min(silence, max(1, self.receptive_field // 2))
        self.window, self.sample_rate = window, sample_rate
        self.label_dropout = label_dropout
        self.guidance = guidance
        self.candidates = candidates

    # Training.

    def objectives(self) -> list[Objective]:
        return [Objective("loss", self.negative_log_likelihood, networks=("generator",))]

    def negative_log_likelihood(self, batch: Any, training: bool = True) -> Tensor:
        """The loss of a batch of crops, (audio, labels) or audio, a scalar in nats per sample."""
        audio, labels = self.split_batch(batch)
        log_p = self.log_probability(self.generator, audio, labels, training)
        # Exact zeros at the end of a crop are the silence after the sound.
        samples = ops.shape(audio)[1]
        places = ops.arange(samples)
        end = ops.max(ops.where(audio != 0.0, places, -1), axis=1, keepdims=True) + 1
        counted = ops.cast(places[self.context :] < end + self.silence, "float32")
        # The number that is counted differs between replicas; each sample has the same weight.
        count = ops.maximum(backend.mean_over_replicas(ops.sum(counted)), 1.0)
        loss = -ops.sum(log_p[:, self.context :] * counted) / count
        self.record(bits=loss / math.log(2.0))
        return loss

    def log_probability(self, network: Any, audio: Tensor, labels: Tensor, training: bool = False) -> Tensor:
        """The log-probability of each sample given those before, float32 (batch, samples), in nats; 0 for the first.

        Args:
            network: `generator`, or its average.
            audio: float32 (batch, samples) in [-1, 1], a multiple of `hop` if there is one.
            labels: int32 (batch, labels).
        """
        audio, labels = ops.cast(audio, "float32"), ops.convert_to_tensor(labels)
        values = self.likelihood.quantized(audio)
        inputs = [values, *(labels[:, i] for i in range(len(self.label_names)))]
        if self.mel_bands:
            inputs.append(log_mel(audio, self.sample_rate, self.mel_bands, self.hop))
        outputs = network(inputs if len(inputs) > 1 else values, training=training)
        log_p = self.likelihood.log_probability(outputs[:, :-1], values[:, 1:])
        return ops.pad(log_p, [[0, 0], [1, 0]])
