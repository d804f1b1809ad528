"""Speech enhancement of audio while it arrives."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ganzoo.data.audio import soxr
from ganzoo.data.waveforms import checked_audio
from ganzoo.errors import GanzooError
from ganzoo.inference.overlap import Overlapping, Windows

# Time constant of the gain above the network's frequencies, in seconds: the best of 0.005 to 0.04 on VCTK with ESC-10
# noise, an octave lower (benchmarks/enhancement_stream.py).
_SMOOTHING = 0.01
# Block in which the delay of the resampler is measured, in samples.
_PROBE = 64


@dataclass(frozen=True)
class Settings:
    """How a stream works.

    Attributes:
        network_rate: sample rate of the network, in Hz.
        windows: the network's windows.
        preemphasis: coefficient of the pre-emphasis of the network's input and output.
        keep_high: above half the network's sample rate, output the input with the gain that the network had below.
    """

    network_rate: int
    windows: Windows
    preemphasis: float = 0.0
    keep_high: bool = True


class EnhancementStream:
    """Removes noise from speech block by block; `model.stream(sample_rate)` makes one.

    Where the audio's sample rate is higher than the network's, the network's output lacks the frequencies above half
    its own rate. The stream then adds those of the input, multiplied by the gain that the network has in the upper half
    of its frequencies at that moment: the root of the ratio of output to input energy, at most 1, smoothed over 10 ms.
    What the network leaves as it is stays as it is at all frequencies.

    Args:
        function: the network, from float32 (channels, samples) to the same shape.
        sample_rate: of the audio, in Hz.
        settings: the `Settings`.

    Attributes:
        sample_rate: as given.
        latency: how many seconds after a sample its output is returned, at most, without the time of computation.

    Example:
        stream = ganzoo.load("segan").stream(sample_rate=16000)
        noisy = np.random.default_rng(0).normal(0, 0.1, 32000).astype("float32")
        parts = [stream.push(noisy[i : i + 1600]) for i in range(0, 32000, 1600)]
        clean = np.concatenate([*parts, stream.finish()])       # float32 (32000,)
    """

    def __init__(self, function: Callable[[np.ndarray], np.ndarray], sample_rate: int, settings: Settings) -> None:
        self.sample_rate, self._settings = sample_rate, settings
        network_rate, coefficient = settings.network_rate, settings.preemphasis
        self._down = _Resampler(sample_rate, network_rate)
        self._emphasis = _Filter([1.0, -coefficient], [1.0])
        self._network = Overlapping(function, settings.windows)
        self._deemphasis = _Filter([1.0], [1.0, -coefficient])
        self._up = _Resampler(network_rate, sample_rate)
        self._high = _HighBand(network_rate) if settings.keep_high and sample_rate > network_rate else None
        self._received = self._returned = 0
        self._channels: int | None = None
        self._one_dimensional = self._finished = False

    @property
    def latency(self) -> float:
        network = (self._settings.windows.latency + 1) / self._settings.network_rate
        return network + self._down.delay + self._up.delay

    def push(self, block: np.ndarray) -> np.ndarray:
        """Takes a block of audio, and returns the output that is final by now.

        Args:
            block: (samples,) or (samples, channels), of any length, float32 in [-1, 1], int16, int32 or uint8; always
                with the same channels.

        Returns:
            float32 (samples,) or (samples, channels); often less than was given, and sometimes nothing.

        Raises:
            GanzooError: a block of another shape than before, of another type, with values that are not finite, or
                after `finish`.
        """
        # A copy: the caller may fill the same array again, as callbacks of sound cards do.
        block = np.asarray(block)
        block = np.array(checked_audio(block, "push()") if block.size else block, "float32")
        if self._finished:
            raise GanzooError("the stream is finished: begin another one")
        channels = 1 if block.ndim == 1 else block.shape[-1]
        if block.ndim not in (1, 2) or (self._channels is not None and channels != self._channels):
            given = f"expected (samples, {self._channels})" if self._channels else "expected (samples[, channels])"
            raise GanzooError(f"a block has the shape {block.shape}, {given}")
        self._channels, self._one_dimensional = channels, block.ndim == 1
        self._received += len(block)
        return self._returned_part(self._enhanced(np.atleast_2d(block.T), last=False))

    def finish(self) -> np.ndarray:
        """Returns the rest of the output: in all as many samples as were given."""
        if self._channels is None or self._finished:
            return np.zeros(0, "float32")
        self._finished = True
        part = self._enhanced(np.zeros((self._channels, 0), "float32"), last=True)
        # Resampling twice may add or lose a sample.
        missing = self._received - self._returned - part.shape[1]
        return self._returned_part(np.pad(part, ((0, 0), (0, max(0, missing)))))

    def _returned_part(self, part: np.ndarray) -> np.ndarray:
        part = part[:, : self._received - self._returned]
        self._returned += part.shape[1]
        return part[0] if self._one_dimensional else part.T

    def _enhanced(self, block: np.ndarray, last: bool) -> np.ndarray:
        noisy = self._down.push(block, last)
        clean = self._network.push(self._emphasis.push(noisy))
        if last:
            clean = np.concatenate([clean, self._network.finish()], axis=1)
        clean = self._deemphasis.push(clean)
        if self._high is None:
            return self._up.push(clean, last)
        low = self._up.push(self._high.below(noisy, clean), last)
        return self._high.joined(block, low, last)


class _HighBand:
    """What the network does not process: the input minus what is left of it after resampling to the network's rate and
    back, with the gain that the network has just below."""

    def __init__(self, network_rate: int) -> None:
        from scipy.signal import butter

        # The upper half of the network's frequencies.
        band = butter(4, network_rate / 4, "high", fs=network_rate, output="sos")
        self._bands = _Sections(band), _Sections(band)
        decay = np.exp(-1.0 / (_SMOOTHING * network_rate))
        self._smoothing = [_Filter([1.0 - decay], [1.0, -decay]) for _ in range(2)]
        self._noisy, self._whole = _Queue(), _Queue()

    def below(self, noisy: np.ndarray, clean: np.ndarray) -> np.ndarray:
        """Clean and noisy speech and 1 - gain, (3 channels, samples), at the network's rate."""
        self._noisy.push(noisy)
        noisy = self._noisy.pop(clean.shape[1])
        before, after = (
            smoothed.push(band.push(sound) ** 2)
            for smoothed, band, sound in zip(self._smoothing, self._bands, (noisy, clean))
        )
        # The first term keeps silence as it is.
        gain = np.sqrt(np.minimum(1.0, (after + 1e-12) / (before + 1e-12)))
        # 1 - gain, because resampling begins and ends with zeros.
        return np.concatenate([clean, noisy, (1.0 - gain).astype("float32")])

    def joined(self, whole: np.ndarray, low: np.ndarray, last: bool) -> np.ndarray:
        """The input, (channels, samples), and what `below` returned at the input's rate, to the output."""
        self._whole.push(whole)
        clean, noisy, attenuation = np.split(low, 3)
        whole = self._whole.pop(low.shape[1])
        count = whole.shape[1]
        return clean[:, :count] + (1.0 - attenuation[:, :count]) * (whole - noisy[:, :count])


class _Queue:
    """Samples (channels, samples), first in, first out."""

    def __init__(self) -> None:
        self._held: np.ndarray | None = None

    def push(self, block: np.ndarray) -> None:
        self._held = block if self._held is None else np.concatenate([self._held, block], axis=1)

    def pop(self, count: int) -> np.ndarray:
        assert self._held is not None
        part, self._held = self._held[:, :count], self._held[:, count:]
        return part


class _Filter:
    """A linear filter that keeps its state from block to block (channels, samples)."""

    def __init__(self, b: Sequence[float], a: Sequence[float]) -> None:
        self._b, self._a = b, a
        self._changes_nothing = b[0] == a[0] and not any((*b[1:], *a[1:]))
        self._state: Any = None

    def push(self, block: np.ndarray) -> np.ndarray:
        from scipy.signal import lfilter

        if self._state is None:
            self._state = np.zeros((len(block), max(len(self._a), len(self._b)) - 1))
        if not block.shape[1] or self._changes_nothing:
            return block
        block, self._state = lfilter(self._b, self._a, block.astype("float64"), zi=self._state)
        return block.astype("float32")


class _Sections:
    """A filter of second-order sections that keeps its state."""

    def __init__(self, sections: np.ndarray) -> None:
        self._sections = sections
        self._state: Any = None

    def push(self, block: np.ndarray) -> np.ndarray:
        from scipy.signal import sosfilt

        if self._state is None:
            self._state = np.zeros((len(self._sections), len(block), 2))
        if not block.shape[1]:
            return block
        block, self._state = sosfilt(self._sections, block.astype("float64"), zi=self._state)
        return block


class _Resampler:
    """Blocks (channels, samples) at another sample rate."""

    def __init__(self, rate: int, new_rate: int) -> None:
        self._rates = rate, new_rate
        self._stream: Any = None

    def push(self, block: np.ndarray, last: bool = False) -> np.ndarray:
        if self._rates[0] == self._rates[1]:
            return block
        if self._stream is None:
            self._stream = self._new(len(block))
        samples = block[0] if len(block) == 1 else np.ascontiguousarray(block.T)
        return np.atleast_2d(self._stream.resample_chunk(samples, last=last).T)

    def _new(self, channels: int) -> Any:
        return soxr().ResampleStream(*self._rates, channels, dtype="float32", quality="VHQ")

    @property
    def delay(self) -> float:
        """The most seconds by which the output is behind the input; measured, as soxr works in blocks of its own."""
        rate, new_rate = self._rates
        if rate == new_rate:
            return 0.0
        stream, silence = self._new(1), np.zeros(_PROBE, "float32")
        returned, latest = 0, 0.0
        for received in range(_PROBE, rate, _PROBE):
            # The first sample of a block has waited for all of it.
            latest = max(latest, received / rate - returned / new_rate)
            returned += len(stream.resample_chunk(silence))
        return latest
