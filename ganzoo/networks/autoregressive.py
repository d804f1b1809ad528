"""The network of WaveNet (van den Oord et al. 2016, arXiv:1609.03499, figure 4)."""

from collections.abc import Mapping, Sequence

import keras
from keras import layers, ops

from ganzoo.errors import GanzooError, at_least_one
from ganzoo.layers import CausalConv1D, Dropout, ExampleDropout, GatedActivation, LinearUpsampling1D, MuLawOneHot
from ganzoo.losses.sample_likelihoods import MuLaw, SampleLikelihood
from ganzoo.types import Tensor

# Names of the network's own inputs, which no label can have.
RESERVED = ("audio", "mel")


def dilations_of(stacks: int, layers_per_stack: int) -> list[int]:
    """The dilations of all layers, e.g. 1, 2, 4, 1, 2, 4.

    Example:
        from ganzoo.networks.autoregressive import dilations_of

        dilations_of(2, 3)      # [1, 2, 4, 1, 2, 4]
    """
    at_least_one(stacks=stacks, layers_per_stack=layers_per_stack)
    return [2**i for i in range(layers_per_stack)] * stacks


def receptive_field(stacks: int, layers_per_stack: int, kernel_size: int = 2) -> int:
    """How many samples the distribution of the next one depends on: (kernel_size - 1) times the sum of the dilations,
    plus one, which is stacks (kernel_size - 1) (2^layers_per_stack - 1) + 1.

    Example:
        from ganzoo.networks.autoregressive import receptive_field

        receptive_field(3, 10)      # 3070, as three times the dilations 1, 2, 4, ..., 512
    """
    at_least_one(kernel_size=kernel_size)
    return (kernel_size - 1) * sum(dilations_of(stacks, layers_per_stack)) + 1


def wavenet(
    likelihood: SampleLikelihood,
    stacks: int,
    layers_per_stack: int,
    kernel_size: int,
    channels: int,
    skip_channels: int,
    hidden: int,
    label_names: Mapping[str, Sequence[str]] | None = None,
    embedding: int = 16,
    mel_bands: int = 0,
    mel_channels: int = 32,
    hop: int = 64,
    dropout: float = 0.0,
    label_dropout: float = 0.0,
    name: str = "generator",
) -> keras.Model:
    """Sound (batch, samples) in [-1, 1] to the outputs that the likelihood takes (batch, samples, outputs): at each
    time, of the distribution of the next sample.

    Gated convolutions with dilations 1, 2, 4, ..., each with a residual and a skip connection. Labels and mel
    spectrograms are added, after a linear layer, to the input of each gate (equations 3 and 4).

    Args:
        likelihood: of the samples; with `MuLaw` they enter as one-hot vectors, else as numbers.
        stacks, layers_per_stack: see `dilations_of`.
        kernel_size: of the dilated convolutions.
        channels: of the residual connections and after the gates.
        skip_channels: of the sum of the skip connections.
        hidden: channels of the last hidden layer.
        label_names: {label: names of its values}; an input int32 (batch,) for each.
        embedding: length of the vector that is learned for each value of a label.
        mel_bands: of the input "mel" (batch, frames, mel_bands), frames = samples / hop + 1; 0 for none.
        mel_channels: channels into which frames are transformed, each with its two neighbors.
        hop: samples from one frame to the next; frames are interpolated linearly.
        dropout: share of the inputs of the gated layers that are dropped in training.
        label_dropout: share of the sounds of a batch that the network sees without their labels in training. Without
            labels nothing is added to the inputs of the gates in their place.

    Raises:
        GanzooError: a size below 1, or a label that is named as another input.
    """
    at_least_one(kernel_size=kernel_size, channels=channels, skip_channels=skip_channels, hidden=hidden)
    names = dict(label_names or {})
    if taken := [key for key in names if key in RESERVED or not key.isidentifier()]:
        raise GanzooError(f"label_names: a label cannot be called '{taken[0]}'")
    audio = keras.Input((None,), name="audio")
    labels = [keras.Input((), dtype="int32", name=key) for key in names]
    dilations = dilations_of(stacks, layers_per_stack)
    wholes = _label_conditions(labels, names, embedding, len(dilations), 2 * channels, label_dropout)
    mel = frames = None
    if mel_bands:
        at_least_one(mel_bands=mel_bands, mel_channels=mel_channels, hop=hop)
        mel = keras.Input((None, mel_bands), name="mel")
        x = layers.Conv1D(mel_channels, 3, padding="same", name="mel_context")(mel)
        frames = LinearUpsampling1D(hop, name="mel_samples")(layers.ReLU(name="mel_relu")(x))
    if isinstance(likelihood, MuLaw):
        x = MuLawOneHot(likelihood.levels, name="one_hot")(audio)
    else:
        x = layers.Reshape((-1, 1), name="column")(audio)
    x = CausalConv1D(channels, 1, name="input")(x)
    skips = []
    for i, dilation in enumerate(dilations):
        y = Dropout(dropout, name=f"layer{i}_dropout")(x) if dropout else x
        y = CausalConv1D(2 * channels, kernel_size, dilation, name=f"layer{i}_dilated")(y)
        conditions = [wholes[i]] if wholes else []
        if frames is not None:
            conditions.append(CausalConv1D(2 * channels, 1, use_bias=False, name=f"layer{i}_mel")(frames))
        if conditions:
            y = layers.Add(name=f"layer{i}_conditioned")([y, *conditions])
        y = GatedActivation(name=f"layer{i}_gate")(y)
        skips.append(CausalConv1D(skip_channels, 1, use_bias=not i, name=f"layer{i}_skip")(y))
        if i + 1 < len(dilations):
            y = CausalConv1D(channels, 1, name=f"layer{i}_residual")(y)
            x = layers.Add(name=f"layer{i}_sum")([x, y])
    x = layers.Add(name="skips")(skips) if len(skips) > 1 else skips[0]
    x = layers.ReLU(name="skips_relu")(x)
    x = layers.ReLU(name="hidden_relu")(CausalConv1D(hidden, 1, name="hidden")(x))
    outputs = CausalConv1D(likelihood.outputs, 1, dtype="float32", name="outputs")(x)
    inputs = [audio, *labels, *([mel] if mel is not None else [])]
    return keras.Model(inputs if len(inputs) > 1 else audio, outputs, name=name)


def _label_conditions(
    labels: Sequence[Tensor],
    names: Mapping[str, Sequence[str]],
    embedding: int,
    count: int,
    width: int,
    label_dropout: float,
) -> list[Tensor]:
    """What labels add to each of `count` layers, (batch, 1, width) each; none without labels."""
    if not labels:
        return []
    at_least_one(embedding=embedding)
    vectors = [
        layers.Embedding(len(names[key]), embedding, name=f"{key}_embedding")(label)
        for key, label in zip(names, labels)
    ]
    x = layers.Concatenate(name="labels")(vectors) if len(vectors) > 1 else vectors[0]
    if label_dropout:
        x = ExampleDropout(label_dropout, name="label_dropout")(x)
    x = layers.Dense(count * width, use_bias=False, name="label_conditions")(x)
    x = layers.Reshape((1, count * width), name="label_row")(x)
    return ops.split(x, count, axis=-1) if count > 1 else [x]
