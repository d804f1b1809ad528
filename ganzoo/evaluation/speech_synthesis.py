"""Models that generate speech: how probable real recordings are, and whether a judge recognizes generated ones."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from ganzoo.data.labeled_recordings import open_labeled
from ganzoo.data.utterances import label_numbers
from ganzoo.evaluation.report import Evaluation, short
from ganzoo.losses.sample_likelihoods import MuLaw
from ganzoo.metrics.registry import chosen_metrics, compute, protocols, rounded
from ganzoo.metrics.spoken import TASK, SpeechSets


def evaluate(
    model: Any,
    data: str,
    extractor: None = None,
    samples: int | None = None,
    upscale: bool = False,
    metrics: Sequence[str] | None = None,
    name: str = "model",
) -> Evaluation:
    """Measures a model that generates speech on recordings that it was not trained on.

    Args:
        model: a trained `SpeechSynthesis` model.
        data: source of recordings with the model's labels, e.g. "named:fsdd:{digit}_{speaker}_{index}:index=0-4".
        extractor, samples, upscale: for other tasks; not used.
        metrics: names of metrics; by default `bits_per_sample` and, if a judge of the package knows the model's labels,
            `recognized` (`digit_recognized`, `speaker_recognized`, and both with `real_` of the recordings).
        name: name of the model, for tables.

    Returns:
        An `Evaluation`.

    Raises:
        GanzooError: an unknown metric, unusable data, or recordings with other labels.
    """
    sounds, labels, protocol = _opened(model, data)
    chosen = chosen_metrics(TASK, metrics, model)
    values = compute(chosen, SpeechSets(model, sounds, labels))
    return Evaluation(name, f"{protocol}{protocols(chosen)}", rounded(values))


def baseline(model: Any, data: str, metrics: Sequence[str] | None = None) -> Evaluation | None:
    """The bits per sample of a histogram of the mu-law codes of the same recordings: the entropy of a sample that is
    independent of all others, below which no histogram of training recordings comes. None for other likelihoods."""
    if not isinstance(model.likelihood, MuLaw) or (metrics and "bits_per_sample" not in metrics):
        return None
    sounds, _, protocol = _opened(model, data)
    chosen = chosen_metrics(TASK, metrics, model)
    return Evaluation(
        "histogram",
        f"{protocol}{protocols(chosen)}",
        rounded({"bits_per_sample": histogram_bits(model.likelihood, sounds)}),
    )


def histogram_bits(
    likelihood: MuLaw, sounds: Sequence[np.ndarray], training: Sequence[np.ndarray] | None = None
) -> float:
    """The cross entropy in bits per sample of the codes of sounds under a histogram of codes.

    Args:
        likelihood: gives the codes.
        sounds: float32 (samples,) each.
        training: sounds from which the histogram is counted; `sounds` themselves if not given, which gives the entropy.

    Example:
        from ganzoo.evaluation.speech_synthesis import histogram_bits

        sound = np.repeat(np.float32([0.0, 0.5]), 4)
        histogram_bits(ganzoo.losses.get_sample_likelihood("mu_law"), [sound])      # 1.0
    """

    def counts(sounds):
        codes = ops.convert_to_numpy(likelihood.codes(np.concatenate(list(sounds))))
        return np.bincount(codes, minlength=likelihood.levels)

    found = counts(sounds)
    # One more of each, so that no probability is 0, where the histogram is another one.
    reference = found if training is None else counts(training) + 1
    seen = found > 0
    return float(-(found[seen] * np.log2(reference[seen] / reference.sum())).sum() / found.sum())


def _opened(model: Any, data: str) -> tuple[list[np.ndarray], np.ndarray, str]:
    """(sounds, labels, the protocol) of a source."""
    found = open_labeled(data, model.sample_rate)
    labels = label_numbers(found, model.label_names, short(data))
    digest = hashlib.sha256()
    for sound in found.samples:
        digest.update(np.ascontiguousarray(sound).tobytes())
    total = sum(map(len, found.samples))
    levels = model.likelihood.levels
    kind = f"{levels} mu-law values" if isinstance(model.likelihood, MuLaw) else f"{levels} values of equal steps"
    protocol = (
        f"{len(found.samples):,} recordings of {short(data)} ({digest.hexdigest()[:8]}), {total:,} samples at "
        f"{model.sample_rate} Hz, {kind}, averaged network"
    )
    if model.guidance:
        protocol += f"; sounds generated with guidance {model.guidance:g}"
    if model.candidates > 1:
        protocol += f"; each generated sound is the most typical of {model.candidates} candidates"
    return found.samples, labels, protocol
