"""Models that generate speech, sample by sample."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops

from ganzoo import backend
from ganzoo.data.batch_checks import parts_of, refuse_single_examples
from ganzoo.data.utterances import utterances
from ganzoo.data.vowels import vowels
from ganzoo.errors import GanzooError, unknown
from ganzoo.inference.sampling import grid
from ganzoo.inference.spectrogram import spectrogram
from ganzoo.tasks.base import Task, ValidationMetrics
from ganzoo.tasks.speech_sampling import FULL_SCALE, SpeechSampling, checked_sound
from ganzoo.types import Tensor

if TYPE_CHECKING:
    from ganzoo.config import Evaluation
    from ganzoo.data.feed import Feed

# Recordings are measured in groups of about this many samples, and padded to multiples of the second number, and so are
# groups, to whole ones: few shapes are compiled.
_GROUP, _STEP = 2**17, 4096


class SpeechSynthesis(SpeechSampling, Task):
    """Generation of speech by an autoregressive model of its samples, with or without labels and a mel spectrogram.

    The inference network maps sound (batch, samples), or [sound, labels ..., mel], to the outputs of the likelihood at
    each time, of the next sample. The model has the attributes of `ganzoo.models.wavenet.WaveNet`.

    Example:
        model = ganzoo.create("wavenet", stacks=1, layers_per_stack=4, channels=8, label_names={"digit": ["0", "1"]})
        sounds = model.generate(labels={"digit": ["1", "0"]}, seed=0, seconds=0.02)     # float32 (2, 160)
    """

    # Of the model, beside those of `SpeechSampling`.
    model_name: Any
    receptive_field: int
    window: int
    log_probability: Callable[..., Tensor]

    data = staticmethod(utterances)
    evaluation = "ganzoo.evaluation.speech_synthesis"
    page = "ganzoo.demos.wavenet"
    chapter = "families"
    purpose = "generates speech"
    usage = "ganzoo say OUT.wav --model {name}"
    commands: tuple[str, ...] = ("say",)
    sources = ("ganzoo.data.labeled_recordings", " of labeled recordings")
    example = "sounds = model.generate(4, seed=0)  # float32 (4, samples) in [-1, 1]"
    pipeline = "text-to-speech"
    limits = "It says only the words, and speaks only with the voices, of the recordings that it was trained on."
    has_fixed_shapes = False
    output_name = "outputs"

    def log_likelihood(
        self, sounds: Sequence[np.ndarray] | np.ndarray, labels: Mapping[str, Any] | np.ndarray | None = None
    ) -> np.ndarray:
        """The log-probabilities of whole sounds under the model, float32 (count,), in nats.

        Before each sound there was silence. Divided by log(2) and the number of samples, it is in bits per sample.

        Args:
            sounds: list of float (samples,) in [-1, 1] at the model's sample rate, or an array (count, samples).
            labels: as in `generate`; or int (count, labels), as from `labels`.

        Raises:
            GanzooError: no sounds, values outside of [-1, 1], or labels as in `generate`.

        Example:
            model = ganzoo.create("wavenet", stacks=1, layers_per_stack=4, channels=8)
            log_p = model.log_likelihood([np.zeros(800, "float32")])
        """
        given = [checked_sound(sound, f"sound {i}") for i, sound in enumerate(sounds)]
        if not given:
            raise GanzooError("log_likelihood() needs at least one sound")
        if isinstance(labels, np.ndarray):
            shape = len(given), len(self.label_names)
            if labels.shape != shape:
                raise GanzooError(f"labels as an array need the shape {shape}, (sounds, labels), got {labels.shape}")
            labels = {name: labels[:, i] for i, name in enumerate(self.label_names)}
        numbers = self.labels(len(given), labels)
        backend.sync_variables(self)
        result = np.empty(len(given), "float32")
        order = sorted(range(len(given)), key=lambda i: len(given[i]))
        while order:
            longest = self.context + -(-len(given[order[-1]]) // _STEP) * _STEP
            longest += -longest % (self.hop or 1)
            size = min(max(1, _GROUP // longest), len(given))
            rows = order[-size:]
            del order[-size:]
            audio, row_labels = np.zeros((size, longest), "float32"), np.zeros((size, numbers.shape[1]), "int32")
            row_labels[: len(rows)] = numbers[rows]
            for row, i in zip(audio, rows):
                row[self.context : self.context + len(given[i])] = given[i]
            log_p = self._log_probabilities(audio, row_labels)
            for row, i in zip(log_p, rows):
                result[i] = row[self.context : self.context + len(given[i])].sum(dtype="float64")
        return result

    def bits_per_sample(
        self, sounds: Sequence[np.ndarray], labels: Mapping[str, Any] | np.ndarray | None = None
    ) -> float:
        """The mean negative log-probability of all samples of sounds in bits; arguments as in `log_likelihood`."""
        sounds = list(sounds)
        return -float(self.log_likelihood(sounds, labels).sum(dtype="float64") / sum(map(len, sounds)) / np.log(2.0))

    @functools.cached_property
    def _log_probabilities(self) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        specs = [((None, None), "float32"), ((None, len(self.label_names)), "int32")]
        network = self.inference_network
        return backend.compiled(lambda *arrays: self.log_probability(network, *arrays), specs, network)

    # For runs, tests and benchmarks.

    @property
    def context(self) -> int:
        """Samples before the window of a training crop: the receptive field, and as many more as frames need."""
        return self.receptive_field + (-(self.receptive_field + self.window) % self.hop if self.hop else 0)

    def data_arguments(self) -> dict[str, Any]:
        return dict(
            label_names={name: list(values) for name, values in self.label_names.items()},
            sample_rate=self.sample_rate,
            context=self.context,
            window=self.window,
            silence=self.silence,
        )

    def split_batch(self, batch: Any) -> tuple[Tensor, Tensor]:
        """(audio, labels) of a batch; labels (batch, 0) if the model has none."""
        wanted = "audio, or pairs (audio, labels)" if self.label_names else "audio"
        parts = parts_of(batch, 2 if self.label_names else 1, self.model_name, wanted)
        if len(parts) == 2:
            return parts[0], ops.cast(parts[1], "int32")
        if self.label_names:
            raise GanzooError(f"{self.model_name} learns from pairs (audio, labels): use ganzoo.data.utterances")
        return parts[0], ops.zeros((ops.shape(parts[0])[0], 0), "int32")

    def check_data(self, data: Any, targets: Any = None) -> None:
        super().check_data(data, targets)
        spec = getattr(data, "element_spec", (data, targets))
        parts = [part for part in (spec if isinstance(spec, (tuple, list)) else [spec]) if part is not None]
        if not all(hasattr(part, "shape") and hasattr(part, "dtype") for part in parts) or not parts:
            return
        shapes = [tuple(part.shape) for part in parts]
        length, count = self.context + self.window, len(self.label_names)
        refuse_single_examples(shapes, [(length,)])
        types = [getattr(part.dtype, "name", str(part.dtype)) for part in parts]
        fits = len(shapes[0]) == 2 and (shapes[0][1] or self.context + 1) > self.context and "float" in types[0]
        fits = fits and (not self.hop or shapes[0][1] is None or shapes[0][1] % self.hop == 0)
        if count:
            fits = fits and len(parts) == 2 and shapes[1][1:] == (count,) and "int" in types[1]
        else:
            fits = fits and len(parts) == 1
        if not fits:
            has = " and ".join(f"{dtype} {shape[1:]}" for dtype, shape in zip(types, shapes))
            pairs = f" and labels int32 ({count},): {', '.join(self.label_names)}" if count else ""
            raise GanzooError(
                f"{self.model_name} learns from sound float32 ({length},), {self.context} samples of context before "
                f"{self.window}{pairs}; the data has {has}: use ganzoo.data.utterances(..., **model.data_arguments())"
            )
        if isinstance(parts[0], np.ndarray) and parts[0].size and not np.abs(parts[0]).max() <= FULL_SCALE:
            raise GanzooError(f"sound lies in [-1, 1], but the data has values up to {np.abs(parts[0]).max():g}")
        if count and isinstance(parts[1], np.ndarray) and parts[1].size:
            sizes = np.array([len(values) for values in self.label_names.values()])
            if (parts[1] < 0).any() or (parts[1] >= sizes).any():
                limits = ", ".join(f"{size} ({name})" for name, size in zip(self.label_names, sizes))
                raise GanzooError(
                    f"labels must be below {limits}, got numbers from {parts[1].min()} to {parts[1].max()}"
                )

    def example_batch(self, batch_size: int, seed: int = 0) -> Any:
        """A random batch with the structure of the model's dataset, for tests."""
        rng = np.random.default_rng(seed)
        sound = 0.2 * rng.standard_normal((batch_size, self.context + self.window)).astype("float32")
        return (sound.clip(-1, 1), self.labels(batch_size)) if self.label_names else sound.clip(-1, 1)

    def example_inputs(self, count: int, seed: int = 0) -> list[np.ndarray]:
        """Random inputs of the inference network, for tests."""
        rng = np.random.default_rng(seed)
        samples = 8 * (self.hop or 16)
        labels = self.labels(count)
        sound = 0.2 * rng.standard_normal((count, samples)).astype("float32").clip(-1, 1)
        # Values that samples can have: between two of them, rounding could decide which code a sample gets.
        inputs = [ops.convert_to_numpy(self.likelihood.quantized(sound))]
        inputs += [labels[:, i] for i in range(len(self.label_names))]
        return [*inputs, rng.random((count, 9, self.mel_bands), "float32")] if self.mel_bands else inputs

    def preview(self, feed: "Feed", count: int) -> np.ndarray | None:
        """Spectrograms of sounds of half a second."""
        count, samples = min(count, 8), self.sample_rate // 2
        if self.mel_bands:
            chosen = feed.validation[:count]
            mels = [self.mel(np.pad(sound, (0, samples))[:samples], self.sample_rate) for sound, _ in chosen]
            if not mels:
                return None
            labels = {name: [int(row[i]) for _, row in chosen] for i, name in enumerate(self.label_names)}
            sounds = self._sounds(None, 0, labels, 1.0, 1.0, np.concatenate(mels), 64)
        else:
            sounds = self._sounds(count, 0, None, 0.5, 1.0, None, 64)
        return np.stack([_shown(sound, samples) for sound in sounds])

    def sample_image(self, source: str) -> tuple[np.ndarray, str] | None:
        """Spectrograms of eight sounds."""
        samples = self.sample_rate // 2
        caption = "Spectrograms of single generated sounds, half a second each, of the first labels, from seed 0"
        if self.mel_bands:
            sound = vowels(self.sample_rate)[: 4 * samples]
            mel = np.repeat(self.mel(sound, self.sample_rate), 1, axis=0)
            sounds = self._sounds(None, 0, None, 1.0, 1.0, mel, 8)
            caption = "Spectrogram of generated sound with the mel spectrogram of synthetic vowels"
            samples = 4 * samples
        else:
            sounds = self._sounds(8, 0, None, 0.5, 1.0, None, 8)
        return grid(np.stack([_shown(sound, samples) for sound in sounds]), columns=4), caption

    def validation_metrics(self, feed: "Feed | None", evaluation: "Evaluation") -> ValidationMetrics | None:
        """Bits per sample of held-out recordings."""
        if evaluation.monitor not in (None, "bits_per_sample"):
            raise unknown("metric of validation", evaluation.monitor, ["bits_per_sample"], "evaluation.monitor")
        if feed is None or not feed.validation:
            return None
        sounds = [sound for sound, _ in feed.validation]
        labels = np.stack([row for _, row in feed.validation])

        def compute(model: Any) -> dict[str, float]:
            return {"bits_per_sample": model.bits_per_sample(sounds, labels)}

        return ValidationMetrics(
            compute, "bits_per_sample", f"lowest bits_per_sample of {len(sounds)} held-out recordings"
        )


def _shown(sound: np.ndarray, samples: int) -> np.ndarray:
    return spectrogram(sound[:samples], samples, window=128, hop=32)
