"""Models that remove noise from speech: how close their output is to the clean speech."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ganzoo.data.recordings import open_recordings
from ganzoo.errors import GanzooError
from ganzoo.evaluation.report import Evaluation, short
from ganzoo.metrics.registry import averages, chosen_metrics, compute, protocols, rounded


def evaluate(
    model: Any,
    data: str,
    extractor: None = None,
    samples: int | None = None,
    upscale: bool = False,
    metrics: Sequence[str] | None = None,
    name: str = "model",
) -> Evaluation:
    """Measures a speech enhancement model on pairs of noisy and clean speech.

    Args:
        model: a trained `SpeechEnhancement` model.
        data: source of pairs, e.g. "folder:voicebank_demand" with the subfolders noisy and clean.
        extractor, samples, upscale: for other tasks; not used.
        metrics: names of metrics; by default all whose packages are installed: `pesq`, `stoi`, `si_sdr` (dB),
            `segmental_snr` (dB), `composite` (`csig`, `cbak`, `covl`) and `dnsmos`.
        name: name of the model, for tables.

    Returns:
        An `Evaluation` with the means over the pairs.

    Raises:
        GanzooError: an unknown metric, a missing package, or unusable data.
    """
    rate = model.sample_rate
    return evaluate_function(lambda noisy: model.enhance(noisy, rate, progress=False), rate, data, metrics, name)


def baseline(model: Any, data: str, metrics: Sequence[str] | None = None) -> Evaluation:
    """The metrics of the unprocessed noisy speech, at the model's sample rate."""
    return evaluate_noisy(model.sample_rate, data, metrics)


def evaluate_noisy(sample_rate: int, data: str, metrics: Sequence[str] | None = None) -> Evaluation:
    """The metrics of the unprocessed noisy speech, the baseline of any table of models.

    Args, Raises: as in `evaluate`.
    """
    return evaluate_function(lambda noisy: noisy, sample_rate, data, metrics, "noisy")


def evaluate_function(
    enhance: Callable[[np.ndarray], np.ndarray],
    sample_rate: int,
    data: str,
    metrics: Sequence[str] | None = None,
    name: str = "function",
) -> Evaluation:
    """Measures a function from noisy to enhanced speech, both float32 (samples,).

    Args:
        enhance: the function.
        sample_rate: sample rate of the function's input and output in Hz.
        data, metrics, name: as in `evaluate`.

    Raises: as in `evaluate`.
    """
    found = open_recordings(data, sample_rate)
    if found.noisy is None:
        raise GanzooError(f"{data} has no pairs: give a folder with the subfolders noisy and clean")
    chosen = chosen_metrics("speech_enhancement", metrics, sample_rate)
    rows, digest = [], hashlib.sha256()
    for pair, noisy, clean in zip(found.names, found.noisy, found.samples):
        digest.update(clean.tobytes() + noisy.tobytes())
        enhanced = enhance(noisy)
        try:
            rows.append(compute(chosen, clean, enhanced, sample_rate))
        except GanzooError as error:
            silent = noisy.any() and not np.any(enhanced)
            advice = "the enhanced signal is silent" if silent else "remove this pair from the data"
            raise GanzooError(f"{data}, {pair}: {error}; {advice}") from None
    protocol = (
        f"means over {len(rows)} pairs of {short(data)} ({digest.hexdigest()[:8]}), whole utterances at {sample_rate} "
        f"Hz{protocols(chosen)}"
    )
    return Evaluation(name, protocol, rounded(averages(rows)))
