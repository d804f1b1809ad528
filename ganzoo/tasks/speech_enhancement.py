"""Models that take the noise out of speech."""

import functools
import itertools
import sys

import numpy as np
from keras import ops

from ganzoo import backend
from ganzoo.data.audio import RATES, soxr
from ganzoo.data.batches import refuse_other_parts
from ganzoo.data.recordings import colored_noise, level
from ganzoo.data.speech import speech
from ganzoo.errors import GanzooError, at_least_one
from ganzoo.inference.overlap import Windows, overlapped
from ganzoo.metrics.registry import averages, chosen_metrics, compute
from ganzoo.tasks.base import Task, ValidationMetrics

# Seconds of sound in memory at a time, and that a window of inference answers for.
_SECONDS = 10
_GOLDEN = (5**0.5 - 1) / 2
# Of channels, and of an absolute value: 40 dB above full scale, what no microphone gives.
_MOST_CHANNELS, _LOUDEST = 64, 100.0


class SpeechEnhancement(Task):
    """Speech without its noise.

    The inference network turns noisy speech float32 (batch, samples, 1), and noise (batch, samples / hop, channels)
    where it takes any, into clean speech (batch, samples, 1); samples are any multiple of hop. The model calls
    `set_sizes` when it is made.

    Example:
        class MyDenoiser(ganzoo.SpeechEnhancement, ganzoo.ZooModel):
            def __init__(self, window: int = 16384):
                super().__init__({"generator": my_network()})
                self.set_sizes(hop=16, reach=512, window=window)
    """

    data = staticmethod(speech)
    evaluation = "ganzoo.evaluation.speech_enhancement"
    page = "ganzoo.demos.segan"
    purpose = "removes noise from speech"
    usage = "ganzoo enhance IN OUT --model {name}"
    commands = ("enhance",)
    sources = ("ganzoo.data.recordings", " of recordings")
    has_fixed_shapes = True

    def set_sizes(self, hop, reach, window, sample_rate=16_000, preemphasis=0.0, num_shifts=1):
        """Sets the model's sizes.

        Args:
            hop: samples of sound that one step of the code stands for.
            reach: how many samples of the input around one decide on it, at the most.
            window: samples of training's windows, a multiple of hop.
            sample_rate: in Hz, of what the networks see.
            preemphasis: in [0, 1): they see, and give, x[t] - preemphasis x[t - 1].
            num_shifts: test-time averaging over time shifts: how many times `enhance` runs the network, each time
                beginning elsewhere between two steps of the code; the mean is its answer.

        Raises:
            GanzooError: a size below 1, a window that hop does not divide, or a pre-emphasis out of range.
        """
        at_least_one(window=window, sample_rate=sample_rate, num_shifts=num_shifts)
        if window % hop:
            raise GanzooError(f"window {window} is not a multiple of the {hop} samples that one of the code stands for")
        if not 0 <= preemphasis < 1:
            raise GanzooError(f"preemphasis must be at least 0 and below 1, got {preemphasis}")
        self.hop, self.reach, self.window = hop, reach, window
        self.sample_rate, self.preemphasis, self.num_shifts = sample_rate, preemphasis, num_shifts

    @property
    def noise_channels(self):
        """Channels of noise beside the code; 0 for none."""
        inputs = self.inference_network.inputs
        return inputs[1].shape[-1] if len(inputs) > 1 else 0

    # Inference.

    def enhance(self, audio, sample_rate, progress=None, num_shifts=None):
        """Takes the noise out of speech.

        Long recordings go through the network in windows; the result is that of one piece wherever the network sees no
        further than half of a window of training, and else windows of that length pass into each other.

        Args:
            audio: (samples,) or (samples, channels), each channel by itself, 64 at the most; int16, int32 or uint8 as
                files have them, or floats in [-1, 1]. Floats up to 100 are taken, and stay as loud.
            sample_rate: in Hz, 1000 to 384000. The network works at its own (16000): what lies above half of that is
                lost.
            progress: show a bar; None shows one on a terminal for more than half a minute.
            num_shifts: test-time averaging: how many times the network runs, each time on the sound shifted in time. It
                takes as many times as long. A network of strides hears the same sound otherwise when it comes a sample
                later: what it does not do each time goes away (Défossez et al. 2019, arXiv:1911.13254).
                None takes the model's own argument.

        Returns:
            float32 of the same shape and sample rate, as loud as it was.

        Raises:
            GanzooError: an array of another kind, empty, or with values that are NaN, infinite or beyond 100; another
                sample rate; num_shifts below 1.

        Example:
            clean = ganzoo.load("segan").enhance(noisy, sample_rate=44100)
        """
        audio = np.asarray(audio)
        if audio.ndim not in (1, 2) or not audio.size or audio.dtype.kind not in "fiu":
            raise GanzooError(f"enhance() takes sound (samples[, channels]), got {audio.dtype} {audio.shape}")
        if audio.ndim == 2 and audio.shape[1] > _MOST_CHANNELS:
            raise GanzooError(
                f"sound is (samples, channels); {audio.shape[1]} channels look like samples: transpose it"
            )
        _check_values(audio)
        sound = as_float(audio)
        size = int(_SECONDS * self._checked_rate(sample_rate))
        blocks = (np.atleast_2d(sound[i : i + size].T) for i in range(0, len(sound), size))
        parts = self.enhance_blocks(blocks, sample_rate, len(sound), progress, num_shifts)
        result = np.empty(sound.shape, "float32")
        place = 0
        for part in parts:
            result[place : place + part.shape[1]] = part.T if sound.ndim == 2 else part[0]
            place += part.shape[1]
        return result

    def enhance_blocks(self, blocks, sample_rate, length=None, progress=None, num_shifts=None):
        """`enhance` of sound that comes piece by piece, for what is too long for the memory.

        Args:
            blocks: iterable of float32 (channels, samples).
            sample_rate: in Hz.
            length: samples in all, for the bar.
            progress, num_shifts: as `enhance`.

        Yields:
            float32 (channels, samples), in all as many as came.

        Raises:
            GanzooError: as `enhance`.
        """
        from tqdm import tqdm

        rate = self._checked_rate(sample_rate)
        num_shifts = self.num_shifts if num_shifts is None else num_shifts
        if not isinstance(num_shifts, (int, np.integer)) or isinstance(num_shifts, bool) or num_shifts < 1:
            raise GanzooError(f"num_shifts is a whole number of at least 1, got {num_shifts!r}")
        came, channels = 0, 1

        def checked():
            nonlocal came, channels
            for block in blocks:
                if not block.shape[1]:
                    continue
                if len(block) > _MOST_CHANNELS:
                    raise GanzooError(f"{len(block)} channels are more than {_MOST_CHANNELS}, the most that is taken")
                _check_values(block.T, came)
                came, channels = came + block.shape[1], len(block)
                yield np.asarray(block, "float32")

        seconds = (length or 0) / rate
        hidden = not progress if progress is not None else seconds < 30 or not sys.stderr.isatty()
        sound = _resampled(checked(), rate, self.sample_rate)
        sound = _filtered(sound, [1.0, -self.preemphasis], [1.0])
        sound = overlapped(functools.partial(self._drawn, num_shifts=num_shifts), sound, self.windows)
        sound = _filtered(sound, [1.0], [1.0, -self.preemphasis])
        sound = _resampled(sound, self.sample_rate, rate)
        given = 0
        with tqdm(total=round(seconds), unit="s", disable=hidden) as bar:
            for part in sound:
                # Two resamplings may round to a sample more or less.
                part = part[:, : came - given]
                given += part.shape[1]
                bar.update(given // rate - bar.n)
                yield part
        if given < came:
            yield np.zeros((channels, came - given), "float32")

    @property
    def windows(self):
        """The `Windows` of inference."""
        margin = -(-self.reach // self.hop) * self.hop
        if 2 * margin <= self.window:
            step = int(_SECONDS * self.sample_rate) // self.hop * self.hop
            return Windows(step or self.hop, margin, 0, self.hop)
        # It has never seen more than a window of training, and would not know what to do with it.
        half = max(1, self.window // 2 // self.hop) * self.hop
        return Windows(half, 0, min(half, self.window - half), self.hop)

    def _checked_rate(self, rate):
        whole = isinstance(rate, (int, np.integer)) or (isinstance(rate, float) and rate.is_integer())
        if not whole or isinstance(rate, bool) or not RATES[0] <= rate <= RATES[1]:
            raise GanzooError(f"sample_rate is a whole number of Hz from {RATES[0]} to {RATES[1]}, got {rate!r}")
        return int(rate)

    def _drawn(self, sound, num_shifts=1):
        """The generator's mean answer to (channels, samples) in pre-emphasis, begun at so many places."""
        backend.sync_variables(self)
        total = 0.0
        for i in range(num_shifts):
            # Multiples of the golden ratio: however many, they lie apart.
            later = int(i * _GOLDEN % 1.0 * self.hop)
            shifted = np.pad(sound, [(0, 0), (later, -later % self.hop)]) if later else sound
            total = total + self._forward_once(shifted)[:, later : later + sound.shape[1]]
        return total / np.float32(num_shifts)

    def _forward_once(self, sound):
        # One after the other: many channels need no more memory than one.
        answer = np.stack([np.asarray(self._compiled(channel[None, :, None]), "float32")[0, :, 0] for channel in sound])
        if not np.isfinite(answer).all():
            raise GanzooError("the network's answer holds values that are no numbers: its weights are damaged")
        return answer

    @functools.cached_property
    def _compiled(self):
        def drawn(sound):
            if not self.noise_channels:
                return self.inference_network(sound, training=False)
            count, samples = ops.shape(sound)[0], ops.shape(sound)[1]
            mean = ops.zeros((count, samples // self.hop, self.noise_channels))
            return self.inference_network([sound, mean], training=False)

        return backend.compiled(drawn, [((None, None, 1), "float32")], self.inference_network)

    # What a run, a test or a benchmark asks of any model.

    def data_arguments(self):
        return {"window": self.window, "sample_rate": self.sample_rate}

    def check_data(self, data, targets=None):
        super().check_data(data, targets)
        refuse_other_parts(data, targets, [(self.window, 1)] * 2, self.model_name, "speech")

    def example_batch(self, batch_size, seed=0):
        """A random batch in the shape its data set gives: for the shared tests."""
        rng = np.random.default_rng(seed)
        clean = np.stack([0.1 * colored_noise(rng, self.window) for _ in range(batch_size)])[..., None]
        return clean + 0.05 * rng.standard_normal(clean.shape).astype("float32"), clean

    def example_inputs(self, count, seed=0):
        noisy = self.example_batch(count, seed)[0]
        latents = np.random.default_rng(seed).standard_normal((count, self.window // self.hop, self.noise_channels))
        return [noisy, latents.astype("float32")] if self.noise_channels else [noisy]

    def preview(self, feed, count):
        """Spectrograms of utterances kept from training, each three times: noisy, the model's, clean."""
        from ganzoo.inference.spectrogram import spectrogram

        seconds = 3 * self.sample_rate
        sheets = []
        for noisy, clean in feed.validation[: min(count, 4)]:
            three = noisy, self.enhance(noisy, self.sample_rate, progress=False), clean
            sheets.append(np.concatenate([spectrogram(sound[:seconds], seconds) for sound in three], axis=0))
        return np.stack(sheets) if sheets else None

    def validation_metrics(self, feed, evaluation):
        """PESQ and STOI where their packages are installed, and SI-SDR, of whole utterances kept from training."""
        # Less than a second, or silence, has no PESQ.
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

        def compute_metrics(model):
            rows = [
                compute(metrics, clean, model.enhance(noisy, model.sample_rate, progress=False), model.sample_rate)
                for noisy, clean in pairs
            ]
            return averages(rows)

        return ValidationMetrics.of(metrics[0], compute_metrics, f"over {len(pairs)} utterances held out of training")


def _check_values(sound, before=0):
    """Refuses what is no sound before the network makes something of it.

    Args:
        sound: (samples[, channels]).
        before: samples that came earlier, for the message.
    """
    if sound.dtype.kind != "f":
        return
    # NaN fails any comparison.
    fine = np.abs(sound) <= _LOUDEST
    if fine.all():
        return
    place = tuple(np.argwhere(~fine)[0])
    value, where = sound[place], f"sample {before + place[0]}"
    where += f" of channel {place[1]}" if sound.ndim == 2 and sound.shape[1] > 1 else ""
    if not np.isfinite(value):
        raise GanzooError(f"the sound holds values that are no numbers: {value} at {where}")
    raise GanzooError(
        f"the sound holds values beyond {_LOUDEST:g}: {value:.3g} at {where}. Samples lie in [-1, 1]; divide whole "
        "numbers by their full scale, 32768 for 16 bits"
    )


def as_float(audio):
    """float32 in [-1, 1] of sound in any type that files have."""
    if audio.dtype.kind == "f":
        return audio.astype("float32")
    if audio.dtype == np.uint8:
        return (audio.astype("float32") - 128.0) / 128.0
    if audio.dtype not in (np.int16, np.int32):
        raise GanzooError(f"sound is floats, int16, int32 or uint8, got {audio.dtype}")
    return (audio / -float(np.iinfo(audio.dtype).min)).astype("float32")


def _filtered(blocks, b, a):
    """Blocks (channels, samples) through a linear filter that goes on from one to the next."""
    from scipy.signal import lfilter

    state = None
    for block in blocks:
        state = np.zeros((len(block), max(len(a), len(b)) - 1)) if state is None else state
        block, state = lfilter(b, a, block.astype("float64"), zi=state)
        yield block.astype("float32")


def _resampled(blocks, rate, wanted):
    """Blocks (channels, samples) at another sample rate."""
    if rate == wanted:
        yield from blocks
        return
    stream = None
    # One block behind, since the last has to be known as such.
    for block, following in itertools.pairwise(itertools.chain(blocks, [None])):
        if stream is None:
            stream = soxr().ResampleStream(rate, wanted, len(block), dtype="float32", quality="VHQ")
        part = np.atleast_2d(stream.resample_chunk(_interleaved(block), last=following is None).T)
        if part.shape[1]:
            yield part


def _interleaved(block):
    return block[0] if len(block) == 1 else np.ascontiguousarray(block.T)
