"""Metrics that compare enhanced speech with clean speech. PESQ, STOI and DNSMOS come from their own packages."""

import importlib
import warnings
from typing import Any

import numpy as np

from ganzoo.errors import GanzooError, first_line, missing_package
from ganzoo.metrics.registry import register_metric

_EPSILON = 1e-10


def pesq(clean: np.ndarray, enhanced: np.ndarray, sample_rate: int = 16_000, band: str | None = None) -> float:
    """Perceptual evaluation of speech quality (ITU-T P.862), 1.04 to 4.64 in wide band; higher is better.

    Args:
        clean, enhanced: float (samples,), of equal length.
        sample_rate: 8000 or 16000 Hz.
        band: "wb" (wide band, P.862.2) or "nb" (narrow band); by default "wb" at 16000 Hz, "nb" at 8000 Hz.

    Raises:
        GanzooError: the package pesq is missing, another sample rate, or signals that cannot be compared.

    Example:
        import soundfile

        noisy, rate = soundfile.read("noisy.wav")
        clean = noisy * np.hanning(len(noisy))
        print(ganzoo.metrics.pesq(clean, noisy, rate), ganzoo.metrics.stoi(clean, noisy, rate))
    """
    try:
        from pesq import PesqError
        from pesq import pesq as library
    except ImportError:
        raise missing_package("pesq", "speech-metrics", "PESQ") from None
    if sample_rate not in (8_000, 16_000):
        raise GanzooError(f"PESQ is defined at 8000 and 16000 Hz, not at {sample_rate}")
    clean, enhanced = _compared(clean, enhanced)
    if not (clean.any() and enhanced.any()):
        raise GanzooError("PESQ is not defined for silence")
    try:
        return float(library(sample_rate, clean, enhanced, band or ("wb" if sample_rate == 16_000 else "nb")))
    except (PesqError, ValueError) as error:
        reason = error.args[0] if error.args else error
        reason = reason.decode() if isinstance(reason, bytes) else reason
        raise GanzooError(f"PESQ: {reason}") from None


def stoi(clean: np.ndarray, enhanced: np.ndarray, sample_rate: int = 16_000) -> float:
    """Short-time objective intelligibility (Taal et al. 2011, doi:10.1109/TASL.2011.2114881), at most 1.

    Args, Raises, Example: as `pesq`; at any sample rate.
    """
    try:
        import pystoi
    except ImportError:
        raise missing_package("pystoi", "speech-metrics", "STOI") from None
    clean, enhanced = _compared(clean, enhanced)
    if len(clean) < 0.4 * sample_rate:
        raise GanzooError(f"STOI needs at least 0.4 seconds of audio, got {len(clean) / sample_rate:.2g}")
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            return float(pystoi.stoi(clean, enhanced, sample_rate))
        except RuntimeWarning as error:
            raise GanzooError(f"STOI: {first_line(error)}") from None


def si_sdr(clean: np.ndarray, enhanced: np.ndarray, sample_rate: int | None = None) -> float:
    """Scale-invariant signal-to-distortion ratio in dB (Le Roux et al. 2018, arXiv:1811.02508, equation 3).

    The mean is not subtracted, as in the paper. The value is infinite for a multiple of the clean signal, and minus
    infinity for silence.

    Args, Raises: as `pesq`; the sample rate has no effect.

    Example:
        clean = np.sin(np.arange(16_000) / 20)
        noisy = clean + np.random.default_rng(0).normal(0, 0.1, 16_000)
        print(ganzoo.metrics.si_sdr(clean, noisy))  # 16.99
    """
    clean, enhanced = _compared(clean, enhanced)
    energy = np.dot(clean, clean)
    if not energy:
        raise GanzooError("SI-SDR of silence is not defined")
    target = np.dot(enhanced, clean) / energy * clean
    signal, noise = np.sum(target**2), np.sum((enhanced - target) ** 2)
    if not signal:
        return float("-inf")
    return float(10 * np.log10(signal / noise)) if noise else float("inf")


def segmental_snr(clean: np.ndarray, enhanced: np.ndarray, sample_rate: int = 16_000) -> float:
    """The mean signal-to-noise ratio of 30 ms frames in dB, each clipped to -10..35 (Hansen & Pellom 1998).

    Frames have Hann windows and overlap by three quarters, as in Loizou's reference code.

    Args, Raises: as `pesq`.
    """
    clean, enhanced = _compared(clean, enhanced)
    frames, target = _frames(enhanced, sample_rate), _frames(clean, sample_rate)
    signal, noise = np.sum(target**2, axis=1), np.sum((target - frames) ** 2, axis=1)
    return float(np.mean(np.clip(10 * np.log10(signal / (noise + _EPSILON) + _EPSILON), -10, 35)))


def log_likelihood_ratio(clean: np.ndarray, enhanced: np.ndarray, sample_rate: int = 16_000) -> float:
    """The distance between spectral envelopes by linear prediction (Itakura 1975); 0 for equal envelopes.

    Frames are those of `segmental_snr`; the prediction order is 16 (10 below 10 kHz). The mean of the lowest 95% of
    the frames' values, as in Hu & Loizou 2008.

    Args, Raises: as `pesq`.
    """
    from scipy.linalg import solve_toeplitz, toeplitz

    clean, enhanced = _compared(clean, enhanced)
    order = 16 if sample_rate >= 10_000 else 10

    def correlations(signal: np.ndarray) -> np.ndarray:
        frames = _frames(signal, sample_rate)
        length = frames.shape[1]
        found = np.stack([np.sum(frames[:, : length - k] * frames[:, k:], axis=1) for k in range(order + 1)], axis=1)
        # Keeps the equations solvable for digital silence.
        found[:, 0] += np.finfo("float64").eps
        return found

    def predictor(r: np.ndarray) -> np.ndarray:
        return np.concatenate([[1.0], solve_toeplitz(r[:-1], -r[1:])])

    ratios = []
    for ours, theirs in zip(correlations(enhanced), correlations(clean)):
        matrix = toeplitz(theirs)
        errors = [a @ matrix @ a for a in (predictor(ours), predictor(theirs))]
        ratios.append(np.log(max(errors[0], _EPSILON**2) / max(errors[1], _EPSILON**2)))
    return _lowest(np.array(ratios))


# Center frequencies and bandwidths of the critical bands in Hz (Hu & Loizou 2008, section II.A; Klatt 1982).
_CENTERS = np.array(
    [50, 120, 190, 260, 330, 400, 470, 540, 617.372, 703.378, 798.717, 904.128, 1020.38, 1148.30, 1288.72]
    + [1442.54, 1610.70, 1794.16, 1993.93, 2211.08, 2446.71, 2701.97, 2978.04, 3276.17, 3597.63]
)
_BANDWIDTHS = np.array(
    [70, 70, 70, 70, 70, 70, 70, 77.3724, 86.0056, 95.3398, 105.411, 116.256, 127.914, 140.423, 153.823]
    + [168.154, 183.457, 199.776, 217.153, 235.631, 255.255, 276.072, 298.126, 321.465, 346.136]
)


def weighted_spectral_slope(clean: np.ndarray, enhanced: np.ndarray, sample_rate: int = 16_000) -> float:
    """The weighted spectral slope distance (Klatt 1982, doi:10.1109/ICASSP.1982.1171512); 0 for equal spectra.

    Frames are those of `segmental_snr`, in 25 critical bands up to 4 kHz. The mean of the lowest 95% of the frames'
    values, as in Hu & Loizou 2008.

    Args, Raises: as `pesq`.
    """
    clean, enhanced = _compared(clean, enhanced)
    ours, theirs = (_band_levels(_frames(sound, sample_rate), sample_rate) for sound in (enhanced, clean))
    slopes = [np.diff(levels, axis=1) for levels in (ours, theirs)]
    weights = sum(_slope_weights(levels, slope) for levels, slope in zip((ours, theirs), slopes)) / 2
    distances = np.sum(weights * (slopes[0] - slopes[1]) ** 2, axis=1) / np.sum(weights, axis=1)
    return _lowest(distances)


def _band_levels(frames: np.ndarray, sample_rate: int) -> np.ndarray:
    """Levels in dB (frames, 25), through Gaussian filters."""
    length = 2 ** int(np.ceil(np.log2(2 * frames.shape[1])))
    power = np.abs(np.fft.rfft(frames, length, axis=1)[:, : length // 2]) ** 2
    bins_per_hz = length / sample_rate
    place = np.arange(length // 2) - np.floor(_CENTERS * bins_per_hz)[:, None]
    widths = (_BANDWIDTHS * bins_per_hz)[:, None]
    filters = np.exp(-11 * (place / widths) ** 2) * (_BANDWIDTHS[0] / _BANDWIDTHS)[:, None]
    # Filters are cut off below -30 dB, as in the reference code.
    filters[filters <= np.exp(-30 / (2 * 2.303))] = 0
    return 10 * np.log10(np.maximum(power @ filters.T, _EPSILON))


def _slope_weights(levels: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """Weights that are larger near the loudest band and near local peaks, with Klatt's constants 20 and 1."""
    count = slopes.shape[1]
    peaks = np.empty_like(slopes)
    # The nearest peak is to the right where the slope rises, to the left where it falls.
    for band in reversed(range(count)):
        following = peaks[:, band + 1] if band + 1 < count else levels[:, band]
        uphill_next = slopes[:, band + 1] > 0 if band + 1 < count else np.zeros(len(slopes), bool)
        peaks[:, band] = np.where(uphill_next, following, levels[:, band])
    falling = np.empty_like(slopes)
    for band in range(count):
        before = falling[:, band - 1] if band else levels[:, 0]
        downhill_before = slopes[:, band - 1] <= 0 if band else np.zeros(len(slopes), bool)
        falling[:, band] = np.where(downhill_before, before, levels[:, band])
    peaks = np.where(slopes > 0, peaks, falling)
    levels = levels[:, :count]
    return 20 / (20 + levels.max(axis=1, keepdims=True) - levels) * (1 / (1 + peaks - levels))


def composite(clean: np.ndarray, enhanced: np.ndarray, sample_rate: int = 16_000) -> dict[str, float]:
    """Predicted listener ratings of signal, background and overall quality, 1 to 5 (Hu & Loizou 2008,
    doi:10.1109/TASL.2007.911054): {"csig", "cbak", "covl"}.

    PESQ is wide band at 16000 Hz, as in papers on VoiceBank-DEMAND.

    Args, Raises, Example: as `pesq`.
    """
    quality = pesq(clean, enhanced, sample_rate)
    ratio = log_likelihood_ratio(clean, enhanced, sample_rate)
    slope = weighted_spectral_slope(clean, enhanced, sample_rate)
    scores = {
        "csig": 3.093 - 1.029 * ratio + 0.603 * quality - 0.009 * slope,
        "cbak": 1.634 + 0.478 * quality - 0.007 * slope + 0.063 * segmental_snr(clean, enhanced, sample_rate),
        "covl": 1.594 + 0.805 * quality - 0.512 * ratio - 0.007 * slope,
    }
    return {name: float(np.clip(score, 1.0, 5.0)) for name, score in scores.items()}


def dnsmos(enhanced: np.ndarray, sample_rate: int = 16_000) -> dict[str, float]:
    """Listener ratings predicted by a network without the clean speech (Reddy et al. 2022, arXiv:2110.01763):
    {"dnsmos_sig", "dnsmos_bak", "dnsmos_ovrl"}, 1 to 5.

    Args:
        enhanced: float (samples,) in [-1, 1].
        sample_rate: 16000 Hz.

    Raises:
        GanzooError: the package speechmos is missing, or another sample rate.
    """
    try:
        from speechmos import dnsmos as library
    except ImportError:
        raise missing_package("speechmos", "dnsmos", "DNSMOS") from None
    if sample_rate != 16_000:
        raise GanzooError(f"DNSMOS is defined at 16000 Hz, not at {sample_rate}")
    enhanced = np.clip(_compared(enhanced, enhanced)[1], -1.0, 1.0)
    found = library.run(enhanced, sr=sample_rate)
    return {f"dnsmos_{key}": float(found[f"{key}_mos"]) for key in ("sig", "bak", "ovrl")}


def _lowest(values: np.ndarray, share: float = 0.95) -> float:
    """The mean of the lowest share of values, so that a few frames of near silence do not dominate."""
    return float(np.mean(np.sort(values)[: max(1, round(share * len(values)))]))


def _compared(clean: np.ndarray, enhanced: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both signals as float64, checked."""
    clean, enhanced = np.asarray(clean, "float64"), np.asarray(enhanced, "float64")
    if clean.ndim != 1 or clean.shape != enhanced.shape or not len(clean):
        raise GanzooError(f"signals must be (samples,) of one length, got {clean.shape} and {enhanced.shape}")
    if not (np.isfinite(clean).all() and np.isfinite(enhanced).all()):
        raise GanzooError("a signal has values that are not finite numbers")
    return clean, enhanced


def _frames(signal: np.ndarray, sample_rate: int) -> np.ndarray:
    """Windowed frames (count, samples) of 30 ms with a hop of a quarter frame."""
    length = round(0.03 * sample_rate)
    if len(signal) < length:
        raise GanzooError(f"a signal of {len(signal)} samples is shorter than a frame of {length}")
    window = 0.5 * (1 - np.cos(2 * np.pi * np.arange(1, length + 1) / (length + 1)))
    return np.lib.stride_tricks.sliding_window_view(signal, length)[:: max(1, length // 4)] * window


def _metric(
    name: str,
    protocol: str = "",
    package: str | None = None,
    extra: str = "",
    rates: tuple[int, ...] = (),
    values: tuple[str, ...] = (),
) -> Any:
    """`register_metric` for a metric that may need a package, or be defined at some sample rates only."""

    def requires(sample_rate: int) -> None:
        if rates and sample_rate not in rates:
            raise GanzooError(
                f"the metric '{name}' is defined at {' and '.join(map(str, rates))} Hz, not {sample_rate}"
            )
        try:
            importlib.import_module(package or "numpy")
        except ImportError:
            raise missing_package(str(package).split(".")[0], extra, f"the metric '{name}'") from None

    return register_metric(
        name,
        "speech_enhancement",
        values=values,
        protocol=protocol,
        higher_is_better=True,
        default=True,
        requires=requires,
    )


_COMPOSITE = ("csig", "cbak", "covl")
_PESQ = "PESQ in wide band (P.862.2), at 8 kHz in narrow band (P.862.1)"
_metric("pesq", _PESQ, "pesq", "speech-metrics", (8_000, 16_000))(pesq)
_metric("stoi", "STOI not extended", "pystoi", "speech-metrics")(stoi)
_metric("si_sdr", "SI-SDR without zero-mean")(si_sdr)
_metric("segmental_snr", "segmental SNR of 30 ms frames limited to -10 to 35 dB")(segmental_snr)
_metric("composite", "composite metrics with that PESQ", "pesq", "speech-metrics", (8_000, 16_000), _COMPOSITE)(
    composite
)


_DNSMOS = ("dnsmos_sig", "dnsmos_bak", "dnsmos_ovrl")


@_metric("dnsmos", "DNSMOS P.835", "speechmos.dnsmos", "dnsmos", (16_000,), _DNSMOS)
def _dnsmos(clean: np.ndarray, enhanced: np.ndarray, sample_rate: int) -> dict[str, float]:
    return dnsmos(enhanced, sample_rate)
