"""Models that take the noise out of speech: how close they come to the speech without it."""

import hashlib

import numpy as np

from ganzoo.data.recordings import open_recordings
from ganzoo.errors import GanzooError
from ganzoo.evaluation.report import Evaluation, short
from ganzoo.metrics.speech import all_measured, measures


def evaluate(model, data, extractor=None, samples=None, upscale=False, name="model"):
    """Measures an enhancing model on pairs of noisy and clean speech.

    Args:
        model: a trained `SpeechEnhancement` model.
        data: source of pairs, e.g. "folder:voicebank_demand" with the subfolders noisy and clean.
        extractor, samples, upscale: of other kinds of models; not used.
        name: of the model, for tables.

    Returns:
        An `Evaluation`: means over the pairs of what is installed of `pesq`, `stoi`, `si_sdr` (dB), `segmental_snr`
        (dB), `csig`, `cbak`, `covl`, and DNSMOS.

    Raises:
        GanzooError: anything wrong with the data.
    """
    rate = model.sample_rate
    return measured(lambda noisy: model.enhance(noisy, rate, progress=False), rate, data, name)


def baseline(model, data):
    """The same metrics of the noisy speech itself, at the model's sample rate."""
    return evaluate_noisy(model.sample_rate, data)


def evaluate_noisy(sample_rate, data):
    """The same metrics of the noisy speech itself, which every table of models needs beside them."""
    return measured(lambda noisy: noisy, sample_rate, data, "noisy")


def measured(enhance, sample_rate, data, name):
    """An `Evaluation` of any function of noisy speech, float32 (samples,): of a peer, say."""
    found = open_recordings(data, sample_rate)
    if found.noisy is None:
        raise GanzooError(f"{data} holds no pairs: name a folder with the subfolders noisy and clean")
    functions = measures(sample_rate)
    rows, digest = [], hashlib.sha256()
    for pair, noisy, clean in zip(found.names, found.noisy, found.samples):
        digest.update(clean.tobytes() + noisy.tobytes())
        try:
            rows.append(all_measured(functions, clean, enhance(noisy)))
        except GanzooError as error:
            raise GanzooError(f"{data}, {pair}: {error}; take it out of the set") from None
    metrics = {key: round(float(np.mean([row[key] for row in rows])), 4) for key in rows[0]}
    band = "narrow band (P.862.1)" if sample_rate == 8_000 else "wide band (P.862.2)"
    protocol = (
        f"means over {len(rows)} pairs of {short(data)} ({digest.hexdigest()[:8]}), whole utterances at {sample_rate} "
        f"Hz; PESQ in {band}, STOI not extended, SI-SDR without zero-mean, segmental SNR of 30 ms frames limited to "
        "-10 to 35 dB, composite measures with that PESQ"
    )
    return Evaluation(name, protocol, metrics)
