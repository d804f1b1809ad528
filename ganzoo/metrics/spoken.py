"""Metrics of generated speech: the likelihood of real recordings, and the labels that a judge recognizes.

The judge is a classifier of attributes, as of avatars, whose images are mel spectrograms.
benchmarks/speech_judge.py trains the one that the package ships.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ganzoo.classifiers import classifier_facts
from ganzoo.errors import GanzooError
from ganzoo.metrics.extractors import AttributeExtractor, get_extractor
from ganzoo.metrics.registry import register_metric

TASK = "speech_synthesis"
# {judge: sample rate in Hz of the sounds that it hears}.
JUDGES = {"spoken_digits_judge": 8_000, "four_voices_judge": 16_000}
# Height and width of a spectrogram in pixels, and columns per second.
_SIZE, _COLUMNS = 64, 62.5
# Root mean square to which sounds are scaled, since loudness must not tell who speaks.
_LEVEL = 0.1


def spectrogram_images(sounds: Sequence[np.ndarray], sample_rate: int = 8_000) -> np.ndarray:
    """Mel spectrograms of sounds of equal loudness as images: time to the right, silence white.

    Args:
        sounds: float (samples,) each; what is longer than `spectrogram_samples`, a second, is cut.
        sample_rate: in Hz.

    Returns:
        uint8 (count, 64, 64, 1).

    Example:
        from ganzoo.metrics.spoken import spectrogram_images

        images = spectrogram_images([np.sin(np.arange(4000) / 5)])      # uint8 (1, 64, 64, 1)
    """
    from keras import ops

    from ganzoo.networks.mel import log_mel

    length = spectrogram_samples(sample_rate)
    audio = np.zeros((len(sounds), length), "float32")
    for row, sound in zip(audio, sounds):
        sound = np.asarray(sound, "float32")[:length]
        row[: len(sound)] = sound * (_LEVEL / (np.sqrt(np.mean(np.square(sound))) + 1e-6))
    hop = length // (_SIZE - 1)
    groups = (audio[i : i + 256] for i in range(0, len(audio), 256))
    parts = [ops.convert_to_numpy(log_mel(group, sample_rate, _SIZE, hop)) for group in groups]
    levels = np.concatenate(parts).transpose(0, 2, 1)[:, ::-1, :, None]
    return np.rint(255 * (1 - np.clip(levels, 0, 1))).astype("uint8")


def spectrogram_samples(sample_rate: int) -> int:
    """Samples that an image of `spectrogram_images` shows: 64 columns of 16 ms."""
    return (_SIZE - 1) * round(sample_rate / _COLUMNS)


def judge_of(label_names: Mapping[str, Sequence[str]], sample_rate: int) -> str:
    """The name of the shipped judge that knows all of a model's labels.

    Raises:
        GanzooError: there is none.
    """
    for name, rate in JUDGES.items():
        known = classifier_facts(name)["attributes"]
        if (
            rate == sample_rate
            and label_names
            and all(list(known.get(key, ())) == list(values) for key, values in label_names.items())
        ):
            return name
    raise GanzooError(f"no judge of this package recognizes the labels {', '.join(label_names) or 'of this model'}")


class SpeechSets:
    """Real recordings with labels, and sounds that a model generates for the same labels, on first use.

    Args:
        model: a `SpeechSynthesis` model.
        real: list of float32 (samples,).
        labels: int (count, labels).

    Attributes:
        model, real, labels: as given.
        generated: list of float32 (samples,): one sound of seed 0 for the labels of each recording.
        judge: the `AttributeExtractor` that recognizes the labels.
    """

    def __init__(self, model: Any, real: Sequence[np.ndarray], labels: np.ndarray):
        self.model, self.real, self.labels = model, list(real), labels

    @functools.cached_property
    def generated(self) -> list[np.ndarray]:
        given = {name: self.labels[:, i] for i, name in enumerate(self.model.label_names)}
        return list(self.model.generate(seed=0, labels=given))

    @functools.cached_property
    def judge(self) -> AttributeExtractor:
        found = get_extractor(judge_of(self.model.label_names, self.model.sample_rate))
        assert isinstance(found, AttributeExtractor)
        return found

    def recognized(self, sounds: Sequence[np.ndarray]) -> dict[str, float]:
        """{label: share of sounds whose label the judge recognizes}."""
        values = self.judge.values(spectrogram_images([_trimmed(sound) for sound in sounds], self.model.sample_rate))
        places = list(self.judge.attributes)
        return {
            name: float((values[:, places.index(name)] == self.labels[:, i]).mean())
            for i, name in enumerate(self.model.label_names)
        }


def _trimmed(sound: np.ndarray) -> np.ndarray:
    """A sound without the exact zeros after its end."""
    found = np.flatnonzero(sound)
    return sound[: found[-1] + 1] if len(found) else sound[:1]


@register_metric("bits_per_sample", TASK, default=True, protocol="bits per sample given all samples before")
def _bits_per_sample(sets: SpeechSets) -> float:
    return sets.model.bits_per_sample(sets.real, sets.labels)


def _has_judge(model: Any) -> None:
    if set(model.label_names) != {"digit", "speaker"}:
        raise GanzooError("only digits by named speakers are recognized: the model needs the labels digit and speaker")
    judge_of(model.label_names, model.sample_rate)
    if model.mel_bands:
        raise GanzooError("the model is conditioned on mel spectrograms, which already tell what is said")


@register_metric(
    "recognized",
    TASK,
    values=("digit_recognized", "speaker_recognized", "real_digit_recognized", "real_speaker_recognized"),
    protocol="labels recognized by spoken_digits_judge in one generated sound of seed 0 for the labels of each "
    "recording, and in the recordings themselves",
    higher_is_better=True,
    default=True,
    requires=_has_judge,
)
def _recognized(sets: SpeechSets) -> dict[str, float]:
    found = {f"{name}_recognized": share for name, share in sets.recognized(sets.generated).items()}
    return {**found, **{f"real_{name}_recognized": share for name, share in sets.recognized(sets.real).items()}}
