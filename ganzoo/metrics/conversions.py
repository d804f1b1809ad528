"""Metrics of converted speech: the task "voice_conversion"."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ganzoo.classifiers import classifier_facts
from ganzoo.data.vocoder import analyze
from ganzoo.data.voices import Voice
from ganzoo.errors import GanzooError
from ganzoo.metrics.cepstra import aligned_distortion, frame_distance
from ganzoo.metrics.extractors import AttributeExtractor, get_extractor
from ganzoo.metrics.registry import register_metric
from ganzoo.metrics.spoken import JUDGES, spectrogram_images, spectrogram_samples

TASK = "voice_conversion"
# Labels that say what is said.
_WORDS = ("digit", "word", "sentence", "text")
# Excerpts that are quieter than the loudest of their recording by this much, in dB, hold too little speech to judge.
_QUIET = 30.0


@dataclass(frozen=True)
class Sides:
    """What is known before anything is converted.

    Attributes:
        voices: the recordings of both.
        domains: names of the voices.
        sample_rate: of the recordings, in Hz.
    """

    voices: tuple[Voice, Voice]
    domains: tuple[str, str]
    sample_rate: int

    def judge(self) -> str:
        """The name of the shipped judge that knows both voices.

        Raises:
            GanzooError: there is none.
        """
        for name, rate in JUDGES.items():
            if rate == self.sample_rate and {*self.domains} <= {*classifier_facts(name)["attributes"]["speaker"]}:
                return name
        raise GanzooError(f"no judge of this package knows the voices {' and '.join(self.domains)}")

    def words_label(self) -> str:
        """The label that says what is said.

        Raises:
            GanzooError: the recordings have none.
        """
        for label in _WORDS:
            if all(label in voice.labels for voice in self.voices):
                return label
        raise GanzooError(f"the recordings have no label that says what is said: {', '.join(_WORDS)}")


class Conversions:
    """The recordings of one voice on their way to another.

    Args:
        sides: the `Sides`.
        side: 0 to convert the first voice, 1 for the second.
        convert: function from float32 (samples,) at the sides' rate to the same.
    """

    def __init__(self, sides: Sides, side: int, convert: Callable[[np.ndarray], np.ndarray]):
        self.sides, self.side, self.convert = sides, side, convert
        self.source, self.target = sides.voices[side], sides.voices[1 - side]

    @functools.cached_property
    def converted(self) -> list[np.ndarray]:
        """The converted recordings."""
        return [self.convert(sound) for sound in self.source.samples]

    @functools.cached_property
    def converted_cepstra(self) -> list[np.ndarray]:
        """Of each converted recording, (frames, 24)."""
        return [_cepstra(sound, self.sides.sample_rate) for sound in self.converted]

    @functools.cached_property
    def target_cepstra(self) -> list[np.ndarray]:
        """Of each recording of the target voice, (frames, 24)."""
        return [_cepstra(sound, self.sides.sample_rate) for sound in self.target.samples]

    @functools.cached_property
    def judge(self) -> AttributeExtractor:
        """The judge that knows both voices."""
        found = get_extractor(self.sides.judge())
        assert isinstance(found, AttributeExtractor)
        return found


def _cepstra(sound: np.ndarray, rate: int) -> np.ndarray:
    return analyze(sound, rate, aperiodicity=False).cepstra[:, 1:]


def excerpts(sounds: Sequence[np.ndarray], sample_rate: int) -> list[np.ndarray]:
    """Excerpts of one second, as a judge hears them, of recordings; shorter ones whole.

    A last piece of less than half a second and pieces that are nearly silent are left out.
    """
    size, found = spectrogram_samples(sample_rate), []
    for sound in sounds:
        pieces = [sound[i : i + size] for i in range(0, len(sound), size)]
        pieces = pieces[:-1] if len(pieces) > 1 and len(pieces[-1]) < size // 2 else pieces
        levels = [float(np.mean(np.square(piece, dtype="float64"))) for piece in pieces]
        least = max(levels) * 10 ** (-_QUIET / 10)
        found += [piece for piece, level in zip(pieces, levels) if level >= least]
    return found


@register_metric(
    "mel_cepstral_distortion",
    TASK,
    protocol="mel-cepstral distortion of 24 coefficients after dynamic time warping to all recordings of the same "
    "words by the target voice, in dB",
    default=True,
    requires=lambda sides: sides.words_label() and None,
)
def _mel_cepstral_distortion(found: Conversions) -> float:
    label = found.sides.words_label()
    by_word: dict[str, list[np.ndarray]] = {}
    for word, cepstra in zip(found.target.labels[label], found.target_cepstra):
        by_word.setdefault(word, []).append(cepstra)
    values = [
        aligned_distortion(cepstra, wanted)
        for word, cepstra in zip(found.source.labels[label], found.converted_cepstra)
        for wanted in by_word.get(word, ())
    ]
    if not values:
        raise GanzooError(f"the voices have no '{label}' in common")
    return float(np.mean(values))


@register_metric(
    "frame_distance",
    TASK,
    protocol="square root of the Fréchet distance of mel-cepstra to those of the target voice, in dB",
    default=True,
)
def _frame_distance(found: Conversions) -> float:
    return frame_distance(found.converted_cepstra, found.target_cepstra)


@register_metric(
    "voice_recognized",
    TASK,
    protocol="share of excerpts of one second in which a judge of the package recognizes the target voice",
    higher_is_better=True,
    default=True,
    requires=lambda sides: sides.judge() and None,
)
def _voice_recognized(found: Conversions) -> float:
    rate = found.sides.sample_rate
    number = found.judge.attributes["speaker"].index(found.sides.domains[1 - found.side])
    values = found.judge.values(spectrogram_images(excerpts(found.converted, rate), rate))
    return float((values[:, list(found.judge.attributes).index("speaker")] == number).mean())


def _hears_words(sides: Sides) -> None:
    label, judge = sides.words_label(), sides.judge()
    known = classifier_facts(judge)["attributes"].get(label, ())
    said = {word for voice in sides.voices for word in voice.labels[label]}
    if unknown_words := sorted(said - set(known)):
        raise GanzooError(f"{judge} does not recognize '{label}' {unknown_words[0]}")


@register_metric(
    "words_kept",
    TASK,
    protocol="share of recordings whose words the judge recognizes, of those in which it recognizes them before",
    higher_is_better=True,
    default=True,
    requires=_hears_words,
)
def _words_kept(found: Conversions) -> float:
    label, rate = found.sides.words_label(), found.sides.sample_rate
    names = found.judge.attributes[label]
    wanted = np.array([names.index(word) for word in found.source.labels[label]])
    before, after = (
        found.judge.values(spectrogram_images(sounds, rate))[:, list(found.judge.attributes).index(label)] == wanted
        for sounds in (found.source.samples, found.converted)
    )
    if not before.any():
        raise GanzooError(f"the judge recognizes '{label}' in none of the recordings")
    return float(after[before].mean())
