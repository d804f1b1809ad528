"""Models that smooth and restore mel-cepstra: how close to natural speech their results come."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ganzoo.data.cepstra import at_level
from ganzoo.data.recordings import open_recordings
from ganzoo.data.vocoder import Analysis, analyze, synthesize
from ganzoo.errors import GanzooError
from ganzoo.evaluation.report import Evaluation, short
from ganzoo.metrics.registry import averages, chosen_metrics, compute, protocols, rounded
from ganzoo.metrics.smoothness import TASK, Restoration

# Metrics of sound: all others are 0 for natural mel-cepstra.
_OF_SOUND = ("pesq", "dnsmos")


def evaluate(
    model: Any,
    data: str,
    extractor: None = None,
    samples: int | None = None,
    upscale: bool = False,
    metrics: Sequence[str] | None = None,
    name: str = "model",
) -> Evaluation:
    """Measures a model on natural speech, which is made smooth first.

    Args:
        model: a trained `SpeechSmoothing` or `SpeechRestoration` model. Of the first, the smooth mel-cepstra are
            measured, of the second the restored ones.
        data: source of recordings of natural speech, e.g. "folder:librispeech/test".
        extractor, samples, upscale: for other tasks; not used.
        metrics: names of metrics; by default all whose packages are installed: `mel_cepstral_distortion` (dB),
            `variance_distance` (dB), `modulation_distance` (dB), `pesq` and `dnsmos`.
        name: name of the model, for tables.

    Returns:
        An `Evaluation` with the means over the recordings.

    Raises:
        GanzooError: an unknown metric, a missing package, or unusable data.
    """
    return evaluate_function(model.changed_cepstra, model.sample_rate, model.order, data, metrics, name)


def baseline(model: Any, data: str, metrics: Sequence[str] | None = None) -> list[Evaluation]:
    """The metrics of natural mel-cepstra after synthesis, the best that is possible, and of a post-filter's input."""
    chosen = [metric.name for metric in chosen_metrics(TASK, metrics, model.sample_rate)]
    arguments = model.sample_rate, model.order, data
    found = []
    if any(metric in _OF_SOUND for metric in chosen):
        natural = evaluate_function(lambda cepstra: cepstra, *arguments, chosen, "natural, synthesized")
        found.append(natural)
    if hasattr(model, "restore_cepstra"):
        found.append(evaluate_function(model.smooth_cepstra, *arguments, chosen, "smooth"))
    return found


def evaluate_function(
    change: Callable[[np.ndarray], np.ndarray],
    sample_rate: int,
    order: int,
    data: str,
    metrics: Sequence[str] | None = None,
    name: str = "function",
) -> Evaluation:
    """Measures a function of mel-cepstra float32 (frames, order).

    Args:
        change: the function.
        sample_rate: of the analysis, in Hz.
        order: mel-cepstral coefficients.
        data, metrics, name: as in `evaluate`.

    Raises: as in `evaluate`.

    Example:
        from ganzoo.evaluation.speech_restoration import evaluate_function

        names = ["variance_distance", "modulation_distance"]
        found = evaluate_function(lambda cepstra: cepstra / 2, 16_000, 40, "folder:my_speech", names, "halved")
        found.metrics       # {"variance_distance": 6.02, "modulation_distance": 6.02}
    """
    chosen = chosen_metrics(TASK, metrics, sample_rate)
    found = open_recordings(data, sample_rate)
    rows, digest = [], hashlib.sha256()
    for recording, sound in zip(found.names, found.samples):
        digest.update(sound.tobytes())
        scaled, _ = at_level(sound, sample_rate)
        analysis = analyze(scaled, sample_rate, order - 1)
        changed = change(analysis.cepstra)

        def sound_of(analysis: Analysis = replace(analysis, cepstra=changed)) -> np.ndarray:
            return synthesize(analysis)

        restoration = Restoration(analysis.cepstra, changed, scaled.astype("float32"), sound_of, sample_rate)
        try:
            rows.append(compute(chosen, restoration))
        except GanzooError as error:
            raise GanzooError(f"{data}, {recording}: {error}; remove this recording from the data") from None
    protocol = (
        f"means over {len(rows)} recordings of {short(data)} ({digest.hexdigest()[:8]}), analyzed by WORLD at "
        f"{sample_rate} Hz in frames of 5 ms, {order} mel-cepstral coefficients{protocols(chosen)}"
    )
    return Evaluation(name, protocol, rounded(averages(rows)))
