"""Models that convert voices: whether a judge hears the target voice and the same words, and how far spectra are from
the target voice's own."""

import functools
import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from keras import ops

from ganzoo.data.vocoder import analyze, features_of, synthesize, with_features
from ganzoo.data.voices import open_voices
from ganzoo.evaluation.report import Evaluation, short
from ganzoo.layers import VoiceStatistics
from ganzoo.metrics.conversions import TASK, Conversions, Sides
from ganzoo.metrics.registry import chosen_metrics, compute, protocols, rounded
from ganzoo.networks.voice import SOURCE, TARGET
from ganzoo.tasks.two_sides import BACKWARD, FORWARD

# A function of (audio, sample rate, direction), as `VoiceConversion.convert`.
Converter = Callable[[np.ndarray, int, str], np.ndarray]


def evaluate(
    model: Any,
    data: str,
    extractor: None = None,
    samples: int | None = None,
    upscale: bool = False,
    metrics: Sequence[str] | None = None,
    name: str = "model",
) -> Evaluation:
    """Measures voice conversion on recordings that the model was not trained on.

    Args:
        model: a trained `VoiceConversion` model.
        data: source of recordings of both voices, see `ganzoo.data.voices.open_voices`, e.g.
            "named:fsdd:{digit}_{speaker}_{index}:index=0-4".
        extractor, samples, upscale: for other tasks; not used.
        metrics: names of metrics. By default `frame_distance`; `mel_cepstral_distortion` if the recordings have a label
            that says what is said; `voice_recognized` and `words_kept` if a judge of the package knows the voices and
            the words.
        name: name of the model, for tables.

    Returns:
        An `Evaluation` with the values of each direction, e.g. `frame_distance_forward` and `frame_distance_backward`.

    Raises:
        GanzooError: an unknown metric, or data without these voices.
    """
    return evaluate_function(model.convert, model, data, metrics, name)


def baseline(model: Any, data: str, metrics: Sequence[str] | None = None) -> list[Evaluation]:
    """The metrics of the recordings as they are, and of the conversion of pitch and mean alone: the mean and deviation
    of each mel-cepstral coefficient and of the pitch become those of the other voice."""
    return [
        evaluate_function(lambda audio, rate, direction: audio, model, data, metrics, "unchanged"),
        evaluate_function(mean_conversion(model), model, data, metrics, "pitch and mean"),
    ]


def evaluate_function(
    convert: Converter, model: Any, data: str, metrics: Sequence[str] | None = None, name: str = "function"
) -> Evaluation:
    """Measures a function of (audio, sample rate, direction), as `VoiceConversion.convert`.

    Args:
        convert: the function.
        model: whose voices and sample rate the data must have.
        data, metrics, name: as in `evaluate`.

    Raises: as in `evaluate`.
    """
    rate = model.sample_rate
    voices = open_voices(data, model.domains, rate, "test")
    sides = Sides(voices, model.domains, rate)
    chosen, found = chosen_metrics(TASK, metrics, sides), {}
    for side, direction in enumerate((FORWARD, BACKWARD)):
        conversions = Conversions(sides, side, functools.partial(_converted, convert, rate, direction))
        found.update({f"{key}_{direction}": value for key, value in compute(chosen, conversions).items()})
    digest = hashlib.sha256()
    for voice in voices:
        for sound in voice.samples:
            digest.update(np.ascontiguousarray(sound).tobytes())
    seconds = sum(len(sound) for voice in voices for sound in voice.samples) / rate
    protocol = (
        f"{len(voices[0].samples)} recordings of {model.domains[0]} and {len(voices[1].samples)} of {model.domains[1]} "
        f"of {short(data)} ({digest.hexdigest()[:8]}), {seconds:.0f} seconds at {rate} Hz{protocols(chosen)}"
    )
    return Evaluation(name, protocol, rounded(dict(sorted(found.items()))))


def _converted(convert: Converter, rate: int, direction: str, sound: np.ndarray) -> np.ndarray:
    return convert(sound, rate, direction)


def mean_conversion(model: Any) -> Converter:
    """The conversion of the means and deviations of pitch and mel-cepstra, by the statistics that a model holds."""

    def convert(audio: np.ndarray, sample_rate: int, direction: str) -> np.ndarray:
        network = model.averages[model.generator_of(direction)]
        source, target = (network.get_layer(name) for name in (SOURCE, TARGET))
        analysis = analyze(np.asarray(audio, "float32"), sample_rate, model.coefficients)
        features = features_of(analysis)
        return synthesize(with_features(analysis, moved(features, source, target)))

    return convert


def moved(features: np.ndarray, source: VoiceStatistics, target: VoiceStatistics) -> np.ndarray:
    """Features with the statistics of another voice in place of their own."""
    return ops.convert_to_numpy(target.restored(features, *source.standardized(features)))
