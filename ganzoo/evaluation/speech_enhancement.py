"""Models that remove noise from speech: how close they come to the clean speech."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

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
    """Measures an enhancing model on pairs of noisy and clean speech.

    Args:
        model: a trained `SpeechEnhancement` model.
        data: source of pairs, e.g. "folder:voicebank_demand" with the subfolders noisy and clean.
        extractor, samples, upscale: of other tasks; not used.
        metrics: names of metrics; if not given, all whose packages are installed: `pesq`, `stoi`, `si_sdr` (dB),
            `segmental_snr` (dB), `composite` (`csig`, `cbak`, `covl`) and `dnsmos`.
        name: of the model, for tables.

    Returns:
        An `Evaluation` with the means over the pairs.

    Raises:
        GanzooError: an unknown metric, one whose package is missing, or anything wrong with the data.
    """
    rate = model.sample_rate
    return evaluate_function(lambda noisy: model.enhance(noisy, rate, progress=False), rate, data, metrics, name)


def baseline(model: Any, data: str, metrics: Sequence[str] | None = None) -> Evaluation:
    """The same metrics of the noisy speech itself, at the model's sample rate."""
    return evaluate_noisy(model.sample_rate, data, metrics)


def evaluate_noisy(sample_rate: int, data: str, metrics: Sequence[str] | None = None) -> Evaluation:
    """The metrics of the noisy speech itself; every table of models needs them.

    Args, Raises: as `evaluate`.
    """
    return evaluate_function(lambda noisy: noisy, sample_rate, data, metrics, "noisy")


def evaluate_function(
    enhance: Callable, sample_rate: int, data: str, metrics: Sequence[str] | None = None, name: str = "function"
) -> Evaluation:
    """Measures any function from noisy to enhanced speech, both float32 (samples,).

    Args:
        enhance: the function.
        sample_rate: of the speech it takes, in Hz.
        data, metrics, name: as `evaluate`.

    Raises: as `evaluate`.
    """
    found = open_recordings(data, sample_rate)
    if found.noisy is None:
        raise GanzooError(f"{data} holds no pairs: name a folder with the subfolders noisy and clean")
    chosen = chosen_metrics("speech_enhancement", metrics, sample_rate)
    rows, digest = [], hashlib.sha256()
    for pair, noisy, clean in zip(found.names, found.noisy, found.samples):
        digest.update(clean.tobytes() + noisy.tobytes())
        try:
            rows.append(compute(chosen, clean, enhance(noisy), sample_rate))
        except GanzooError as error:
            raise GanzooError(f"{data}, {pair}: {error}; take it out of the set") from None
    protocol = (
        f"means over {len(rows)} pairs of {short(data)} ({digest.hexdigest()[:8]}), whole utterances at {sample_rate} "
        f"Hz{protocols(chosen)}"
    )
    return Evaluation(name, protocol, rounded(averages(rows)))
