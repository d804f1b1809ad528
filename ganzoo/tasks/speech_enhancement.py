"""Models that remove noise from speech."""

import functools
import itertools
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops

from ganzoo import backend
from ganzoo.arguments import keep_argument
from ganzoo.data.batch_checks import refuse_other_parts
from ganzoo.data.recordings import colored_noise, level
from ganzoo.data.speech import speech
from ganzoo.data.vowels import vowels
from ganzoo.data.waveforms import MOST_CHANNELS, check_values, checked_audio, checked_rate
from ganzoo.errors import GanzooError, at_least_one
from ganzoo.inference.enhancement_stream import EnhancementStream, Settings
from ganzoo.inference.overlap import Windows
from ganzoo.inference.sampling import grid
from ganzoo.metrics.registry import averages, chosen_metrics, compute
from ganzoo.tasks.base import Endpoint, Task, ValidationMetrics

if TYPE_CHECKING:
    from ganzoo.config import Evaluation
    from ganzoo.data.feed import Feed

# Length of a block in memory, and of an inference window, in seconds.
_SECONDS = 10
_GOLDEN = (5**0.5 - 1) / 2


class SpeechEnhancement(Task):
    """Enhancement of noisy speech.

    The inference network maps noisy speech float32 (batch, samples, 1) to clean speech (batch, samples, 1); `samples`
    is any multiple of `hop`. It may also take noise (batch, samples / hop, channels) as a second input. The model calls
    `set_sizes` in its constructor.

    Example:
        class MyDenoiser(ganzoo.SpeechEnhancement, ganzoo.ZooModel):
            def __init__(self, window: int = 16384):
                super().__init__({"generator": my_network()})
                self.set_sizes(hop=16, reach=512, window=window)
    """

    # Of the model.
    inference_network: Any
    model_name: Any

    data = staticmethod(speech)
    evaluation = "ganzoo.evaluation.speech_enhancement"
    page = "ganzoo.demos.segan"
    purpose = "removes noise from speech"
    usage = "ganzoo enhance IN OUT --model {name}"
    commands = ("enhance",)
    sources = ("ganzoo.data.recordings", " of recordings")
    example = (
        'import soundfile\nnoisy, sample_rate = soundfile.read("in.wav")\n'
        "clean = model.enhance(noisy, sample_rate)  # float32, with the same length and sample rate"
    )
    pipeline = "audio-to-audio"
    limits = "It removes quiet or distorted speech along with the noise, and everything that is not speech."
    has_fixed_shapes = True
    output_name = "enhanced"

    def set_sizes(
        self,
        hop: int,
        reach: int,
        window: int,
        sample_rate: int = 16_000,
        preemphasis: float = 0.0,
        num_shifts: int = 1,
    ) -> None:
        """Sets the model's sizes.

        Args:
            hop: samples per step of the latent code, i.e. the product of the encoder's strides.
            reach: radius of the receptive field, in samples.
            window: samples of a training window, a multiple of hop.
            sample_rate: sample rate of the network's input and output, in Hz.
            preemphasis: coefficient in [0, 1). The network's input and output are x[t] - preemphasis x[t - 1].
            num_shifts: test-time averaging over time shifts: `enhance` runs the network this many times, each time with
                the audio shifted by a different fraction of hop, and returns the mean.

        Raises:
            GanzooError: a size below 1, a window that is not a multiple of hop, or a preemphasis out of range.
        """
        at_least_one(window=window, sample_rate=sample_rate)
        if window % hop:
            raise GanzooError(f"window {window} is not a multiple of {hop}, the product of the strides")
        if not 0 <= preemphasis < 1:
            raise GanzooError(f"preemphasis must be at least 0 and below 1, got {preemphasis}")
        self.hop, self.reach, self.window = hop, reach, window
        self.sample_rate, self.preemphasis = sample_rate, preemphasis
        # There are no more different shifts than samples of a hop; files of earlier versions may ask for more.
        self.num_shifts = min(num_shifts, hop)

    @property
    def num_shifts(self) -> int:
        """Over how many time shifts `enhance` averages by default. A new value is saved with the model.

        Example:
            model = ganzoo.load("segan")
            model.num_shifts = 1        # one pass of the network instead of four
        """
        return self._num_shifts

    @num_shifts.setter
    def num_shifts(self, value: int) -> None:
        self._num_shifts = self._checked_shifts(value)
        keep_argument(self, "num_shifts", self._num_shifts)

    def _checked_shifts(self, number: Any) -> int:
        whole = isinstance(number, (int, np.integer)) and not isinstance(number, bool)
        if not whole or not 1 <= number <= self.hop:
            raise GanzooError(f"num_shifts must be an integer from 1 to {self.hop}, got {number!r}")
        return int(number)

    @property
    def noise_channels(self) -> int:
        """Channels of the network's noise input; 0 if it has none."""
        inputs = self.inference_network.inputs
        return inputs[1].shape[-1] if len(inputs) > 1 else 0

    # Inference.

    def enhance(
        self, audio: np.ndarray, sample_rate: int, progress: bool | None = None, num_shifts: int | None = None
    ) -> np.ndarray:
        """Removes noise from speech.

        Long recordings are processed in windows. If the receptive field is at most half a training window in each
        direction, the result equals that of a single pass; otherwise windows as long as in training are crossfaded.

        Args:
            audio: (samples,) or (samples, channels), at most 64 channels, each processed separately. int16, int32,
                uint8, or floats in [-1, 1]; floats up to 100 are accepted and keep their level.
            sample_rate: 1000 to 384000 Hz. The network works at its own sample rate (16000 Hz). Frequencies above half
                of that get the gain that the network has just below, see `EnhancementStream`.
            progress: whether to show a progress bar; by default on a terminal for audio longer than 30 seconds.
            num_shifts: test-time averaging over time shifts: the network runs this many times, on shifted copies of the
                audio, and the outputs are averaged. A network with strides is not shift-invariant, and the averaging
                removes artifacts that depend on the shift (Défossez et al. 2019, arXiv:1911.13254). The time grows in
                proportion. By default the model's own setting.

        Returns:
            float32 with the same shape, sample rate and level.

        Raises:
            GanzooError: an array of another type or shape, an empty one, or one with values that are NaN, infinite or
                beyond 100; a sample rate out of range; num_shifts below 1 or above `hop`.

        Example:
            noisy = np.random.default_rng(0).normal(0, 0.1, 4410).astype("float32")
            clean = ganzoo.load("segan").enhance(noisy, sample_rate=44100)  # float32 (4410,)
        """
        samples = checked_audio(audio, "enhance()")
        size = int(_SECONDS * checked_rate(sample_rate))
        blocks = (np.atleast_2d(samples[i : i + size].T) for i in range(0, len(samples), size))
        parts = self.enhance_blocks(blocks, sample_rate, len(samples), progress, num_shifts)
        result = np.empty(samples.shape, "float32")
        start = 0
        for part in parts:
            result[start : start + part.shape[1]] = part.T if samples.ndim == 2 else part[0]
            start += part.shape[1]
        return result

    def enhance_blocks(
        self,
        blocks: Iterable[np.ndarray],
        sample_rate: int,
        length: int | None = None,
        progress: bool | None = None,
        num_shifts: int | None = None,
    ) -> Iterator[np.ndarray]:
        """`enhance` for audio that arrives in blocks, e.g. because it does not fit in memory.

        Args:
            blocks: iterable of float32 (channels, samples).
            sample_rate: 1000 to 384000 Hz.
            length: total number of samples, for the progress bar.
            progress, num_shifts: as in `enhance`.

        Yields:
            float32 (channels, samples), in total as many samples as the input.

        Raises:
            GanzooError: as in `enhance`.

        Example:
            blocks = np.random.default_rng(0).normal(0, 0.1, (2, 1, 800)).astype("float32")
            for part in ganzoo.load("segan").enhance_blocks(blocks, sample_rate=16000):
                print(part.shape)
        """
        from tqdm import tqdm

        rate = checked_rate(sample_rate)

        def checked() -> Iterator[np.ndarray]:
            received = 0
            for block in blocks:
                if not block.shape[1]:
                    continue
                if len(block) > MOST_CHANNELS:
                    raise GanzooError(f"{len(block)} channels are more than {MOST_CHANNELS}, the maximum")
                check_values(block.T, received)
                received += block.shape[1]
                yield np.asarray(block, "float32")

        seconds = (length or 0) / rate
        hidden = not progress if progress is not None else seconds < 30 or not sys.stderr.isatty()
        stream = self._stream(rate, num_shifts, self.windows)
        with tqdm(total=round(seconds), unit="s", disable=hidden) as bar:
            returned = 0
            for block in itertools.chain(checked(), [None]):
                part = stream.finish() if block is None else stream.push(block.T)
                returned += len(part)
                bar.update(returned // rate - bar.n)
                if len(part):
                    yield np.atleast_2d(part.T)

    def stream(
        self,
        sample_rate: int,
        block: float | None = None,
        context: float | None = None,
        num_shifts: int | None = None,
    ) -> EnhancementStream:
        """Removes noise from speech while it arrives: blocks in, blocks out.

        Args:
            sample_rate: 1000 to 384000 Hz.
            block: seconds of audio per run of the network, 0.25 by default. With shorter blocks the output comes
                sooner, and more is computed: the network always reads `context` and as much of the past beside a block.
            context: seconds of audio that the network reads after a block before it returns the block's output. By
                default the radius of its receptive field, which gives the same output as `enhance`; with less, the
                output comes sooner and is worse.
            num_shifts: as in `enhance`.

        Returns:
            An `EnhancementStream`, with the methods `push(block)` and `finish()`; its `latency` is the sum of block,
            context and the delay of resampling, in seconds.

        Raises:
            GanzooError: a sample rate or num_shifts out of range, a block or context that is negative or longer
                than 10 seconds; either of them for a model with a receptive field longer than its training windows,
                which processes such windows.

        Example:
            stream = ganzoo.load("segan").stream(sample_rate=48000, block=0.1)
            seconds = stream.latency        # 0.7
        """
        windows = self.windows
        if windows.margin or not windows.fade:
            wanted = (
                (0.25 if block is None else block),
                (windows.margin / self.sample_rate if context is None else context),
            )
            for name, value in zip(("block", "context"), wanted):
                number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
                if not number or not 0 <= value <= _SECONDS:
                    raise GanzooError(f"{name} must lie between 0 and {_SECONDS} seconds, got {value!r}")
            step, ahead = (round(value * self.sample_rate) for value in wanted)
            step = max(1, -(-step // self.hop)) * self.hop
            windows = replace(windows, step=step, ahead=min(ahead, windows.margin))
        elif block is not None or context is not None:
            raise GanzooError(f"this model processes windows of {self.window} samples: leave out block and context")
        return self._stream(checked_rate(sample_rate), num_shifts, windows)

    def _stream(self, rate: int, num_shifts: int | None, windows: Windows) -> EnhancementStream:
        shifts = self.num_shifts if num_shifts is None else self._checked_shifts(num_shifts)
        function = functools.partial(self._shift_average, num_shifts=shifts)
        return EnhancementStream(function, rate, Settings(self.sample_rate, windows, self.preemphasis))

    @property
    def windows(self) -> Windows:
        """The windows of inference."""
        margin = -(-self.reach // self.hop) * self.hop
        if 2 * margin <= self.window:
            step = int(_SECONDS * self.sample_rate) // self.hop * self.hop
            return Windows(step or self.hop, margin, 0, self.hop)
        # The receptive field is larger than a training window, so longer input would be unlike any in training.
        half = max(1, self.window // 2 // self.hop) * self.hop
        return Windows(half, 0, min(half, self.window - half), self.hop)

    def _shift_average(self, audio: np.ndarray, num_shifts: int = 1) -> np.ndarray:
        """The network's mean output over time shifts, for pre-emphasized audio (channels, samples)."""
        backend.sync_variables(self)
        total = np.zeros(audio.shape, "float32")
        for i in range(num_shifts):
            # Multiples of the golden ratio are well spread for any number of shifts.
            shift = int(i * _GOLDEN % 1.0 * self.hop)
            shifted = np.pad(audio, [(0, 0), (shift, -shift % self.hop)]) if shift else audio
            total += self._forward_once(shifted)[:, shift : shift + audio.shape[1]]
        return total / np.float32(num_shifts)

    def _forward_once(self, audio: np.ndarray) -> np.ndarray:
        # One channel at a time, to limit memory.
        output = np.stack([np.asarray(self._compiled(channel[None, :, None]), "float32")[0, :, 0] for channel in audio])
        if not np.isfinite(output).all():
            raise GanzooError("the network returns values that are not finite numbers: its weights are damaged")
        return output

    @functools.cached_property
    def _compiled(self) -> Callable:
        def forward(audio: Any) -> Any:
            if not self.noise_channels:
                return self.inference_network(audio, training=False)
            count, samples = ops.shape(audio)[0], ops.shape(audio)[1]
            mean = ops.zeros((count, samples // self.hop, self.noise_channels))
            return self.inference_network([audio, mean], training=False)

        return backend.compiled(forward, [((None, None, 1), "float32")], self.inference_network)

    # For runs, tests and benchmarks.

    def data_arguments(self) -> dict[str, Any]:
        return {"window": self.window, "sample_rate": self.sample_rate}

    def check_data(self, data: Any, targets: Any = None) -> None:
        super().check_data(data, targets)
        refuse_other_parts(data, targets, [(self.window, 1)] * 2, self.model_name, "speech")

    def example_batch(self, batch_size: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """A random batch with the structure of the model's dataset, for tests."""
        rng = np.random.default_rng(seed)
        clean = np.stack([0.1 * colored_noise(rng, self.window) for _ in range(batch_size)])[..., None]
        return clean + 0.05 * rng.standard_normal(clean.shape).astype("float32"), clean

    def example_inputs(self, count: int, seed: int = 0) -> list[np.ndarray]:
        """Random inputs of the inference network, for tests."""
        noisy = self.example_batch(count, seed)[0]
        latents = np.random.default_rng(seed).standard_normal((count, self.window // self.hop, self.noise_channels))
        return [noisy, latents.astype("float32")] if self.noise_channels else [noisy]

    def endpoints(self) -> dict[str, Endpoint]:
        """`serve_int16`: `enhance` for int16 audio (batch, samples) at the network's sample rate, in one window."""

        def examples(count: int) -> list[np.ndarray]:
            # Not a multiple of hop.
            audio = self.example_batch(count)[0][:, : self.window - self.hop // 2 - 1, 0]
            return [np.clip(32768 * audio, -32768, 32767).astype("int16")]

        inputs = {"noisy": ((None, None), "int16")}
        return {"serve_int16": Endpoint(self._enhanced_int16, inputs, "enhanced", examples)}

    def _enhanced_int16(self, noisy: Any) -> Any:
        x = ops.expand_dims(ops.cast(noisy, "float32"), -1) / 32768.0
        count, samples = ops.shape(x)[0], ops.shape(x)[1]
        x -= self.preemphasis * ops.concatenate([ops.zeros((count, 1, 1)), x[:, :-1]], axis=1)
        total = ops.zeros((count, samples, 1))
        for i in range(self.num_shifts):
            shift = int(i * _GOLDEN % 1.0 * self.hop)
            # As in `enhance`: to a multiple of hop, then on both sides.
            after = -samples % self.hop + -shift % self.hop
            shifted = ops.concatenate([ops.zeros((count, shift, 1)), x, ops.zeros((count, after, 1))], axis=1)
            mean = ops.zeros((count, (samples + shift + after) // self.hop, self.noise_channels))
            inputs = [shifted, mean] if self.noise_channels else shifted
            total += self.inference_network(inputs, training=False)[:, shift : shift + samples]
        y = total / self.num_shifts
        if self.preemphasis:
            # The inverse filter's impulse response, until it falls below the resolution of int16.
            length = int(np.ceil(np.log(1e-7) / np.log(self.preemphasis)))
            response = self.preemphasis ** np.arange(length, dtype="float32")[::-1, None, None]
            y = ops.conv(ops.concatenate([ops.zeros((count, length - 1, 1)), y], axis=1), response, padding="valid")
        return ops.cast(ops.clip(ops.round(32768.0 * y[..., 0]), -32768.0, 32767.0), "int16")

    def preview(self, feed: "Feed", count: int) -> np.ndarray | None:
        """Spectrograms of held-out utterances, three versions each: noisy, enhanced, clean."""
        from ganzoo.inference.spectrogram import spectrogram

        samples = 3 * self.sample_rate
        sheets = []
        for noisy, clean in feed.validation[: min(count, 4)]:
            versions = noisy, self.enhance(noisy, self.sample_rate, progress=False), clean
            sheets.append(np.concatenate([spectrogram(audio[:samples], samples) for audio in versions], axis=0))
        return np.stack(sheets) if sheets else None

    def sample_image(self, source: str) -> tuple[np.ndarray, str] | None:
        """Spectrograms of synthetic vowels, since a recording would have a license of its own."""
        from ganzoo.inference.spectrogram import spectrogram

        clean = vowels(self.sample_rate)
        noise = colored_noise(np.random.default_rng(0), len(clean), 0.5)
        noisy = clean + 0.03 * noise
        versions = noisy, self.enhance(noisy, self.sample_rate, progress=False), clean
        sheets = [spectrogram(audio, window=256, hop=200) for audio in versions]
        caption = "Spectrograms of synthetic vowels: in pink noise, enhanced by the model, without noise"
        return grid(np.stack(sheets), columns=3), caption

    def validation_metrics(self, feed: "Feed | None", evaluation: "Evaluation") -> ValidationMetrics | None:
        """SI-SDR of whole held-out utterances, and PESQ and STOI if their packages are installed."""
        # PESQ is not defined for silence, or for less than a second.
        pairs = [
            (noisy, clean)
            for noisy, clean in (feed.validation if feed is not None else ())
            if len(clean) >= self.sample_rate and level(clean) > 1e-4
        ]
        if feed is not None and not pairs:
            return None
        metrics = chosen_metrics("speech_enhancement", None, self.sample_rate)
        metrics = [metric for metric in metrics if metric.name in ("pesq", "stoi", "si_sdr")]
        if evaluation.monitor:
            metrics = [*chosen_metrics("speech_enhancement", [evaluation.monitor], self.sample_rate), *metrics]

        def compute_metrics(model: Any) -> dict[str, float]:
            rows = [
                compute(metrics, clean, model.enhance(noisy, model.sample_rate, progress=False), model.sample_rate)
                for noisy, clean in pairs
            ]
            return averages(rows)

        return ValidationMetrics.of(metrics[0], compute_metrics, f"over {len(pairs)} held-out utterances")
