"""Models that generate speech, sample by sample."""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops

from ganzoo import backend
from ganzoo.data.batch_checks import parts_of, refuse_single_examples
from ganzoo.data.utterances import utterances
from ganzoo.data.vowels import vowels
from ganzoo.errors import GanzooError, at_least_one, unknown
from ganzoo.inference.counts import whole_count
from ganzoo.inference.queues import QueuedNetwork
from ganzoo.inference.sampling import grid
from ganzoo.inference.spectrogram import spectrogram
from ganzoo.inference.stepwise import last
from ganzoo.losses.sample_likelihoods import MuLaw, SampleLikelihood
from ganzoo.networks.mel import log_mel
from ganzoo.tasks.base import Task, ValidationMetrics
from ganzoo.types import Tensor

if TYPE_CHECKING:
    from ganzoo.config import Evaluation
    from ganzoo.data.feed import Feed

# Recordings are measured in groups of about this many samples, and padded to multiples of the second number, and so are
# groups, to whole ones: few shapes are compiled.
_GROUP, _STEP = 2**17, 4096
# The longest sound, in seconds.
_LONGEST = 60.0
_FULL_SCALE = 1.001


class SpeechSynthesis(Task):
    """Generation of speech by an autoregressive model of its samples, with or without labels and a mel spectrogram.

    The inference network maps sound (batch, samples), or [sound, labels ..., mel], to the outputs of the likelihood at
    each time, of the next sample. The model has the attributes of `ganzoo.models.wavenet.WaveNet`.

    Example:
        model = ganzoo.create("wavenet", stacks=1, layers_per_stack=4, channels=8, label_names={"digit": ["0", "1"]})
        sounds = model.generate(labels={"digit": ["1", "0"]}, seed=0, seconds=0.02)     # float32 (2, 160)
    """

    # Of the model.
    inference_network: Any
    model_name: Any
    likelihood: SampleLikelihood
    label_names: Mapping[str, Sequence[str]]
    receptive_field: int
    dilations: Sequence[int]
    kernel_size: int
    mel_bands: int
    hop: int
    window: int
    silence: int
    sample_rate: int
    label_dropout: float
    guidance: float
    log_probability: Callable[..., Tensor]

    data = staticmethod(utterances)
    evaluation = "ganzoo.evaluation.speech_synthesis"
    page = "ganzoo.demos.wavenet"
    chapter = "families"
    purpose = "generates speech"
    usage = "ganzoo say OUT.wav --model {name}"
    commands: tuple[str, ...] = ("say",)
    sources = ("ganzoo.data.labelled_recordings", " of labelled recordings")
    example = "sounds = model.generate(4, seed=0)  # float32 (4, samples) in [-1, 1]"
    pipeline = "text-to-speech"
    limits = "It says only the words, and speaks only with the voices, of the recordings that it was trained on."
    has_fixed_shapes = False
    output_name = "outputs"

    # Inference.

    def generate(
        self,
        count: int | None = None,
        seed: int | None = None,
        labels: Mapping[str, Any] | None = None,
        seconds: float = 2.0,
        temperature: float = 1.0,
        mel: np.ndarray | None = None,
        batch_size: int = 64,
        guidance: float | None = None,
    ) -> np.ndarray:
        """Generates sounds.

        Args:
            count: number of sounds; not needed with lists of labels, or with `mel`.
            seed: non-negative integer; the same seed gives the same sounds. A larger count starts with the sounds of a
                smaller one, as far as rounding, which depends on the batch size, does not change a sample. None gives
                others each time.
            labels: {label: a value for all sounds, or a list of one for each}, values by name, or by number. Labels
                that are not given take all of their values in turn.
            seconds: duration of the longest sound, at most 60. A sound ends before, once `silence` samples are silent.
            temperature: below 1 samples are closer to the most probable ones: clearer, but duller, sounds.
            mel: float32 (count, frames, bands) of `model.mel`, for a model that is conditioned on it; it determines
                the duration.
            batch_size: sounds at a time.
            guidance: above 0, labels can become easier to recognize. But sounds of the same labels are more alike,
                fewer sounds end by themselves, and sampling takes up to twice as long. Large values make sounds worse.
                The weight of classifier-free guidance (Ho & Salimans 2022, arXiv:2207.12598), at most 10, for models
                with `label_dropout` and mu-law outputs. None: `model.guidance`.

        Returns:
            float32 (count, samples) in [-1, 1] at `model.sample_rate`, as long as the longest sound; exact zeros follow
            the end of the others.

        Raises:
            GanzooError: a count below 1, an unknown label or value, lists of different lengths, a number out of range,
                or a mel spectrogram of another size.

        Example:
            names = {"digit": ["0", "1"]}
            model = ganzoo.create("wavenet", stacks=1, layers_per_stack=4, channels=8, label_names=names)
            sounds = model.generate(3, seed=0, seconds=0.02)        # float32 (3, 160)
        """
        sounds = self._sounds(count, seed, labels, seconds, temperature, mel, batch_size, guidance)
        result = np.zeros((len(sounds), max(1, *map(len, sounds))), "float32")
        for row, sound in zip(result, sounds):
            row[: len(sound)] = sound
        return result

    def say(
        self,
        labels: Mapping[str, Any] | None = None,
        seed: int | None = None,
        seconds: float = 2.0,
        temperature: float = 1.0,
        pause: float = 0.15,
        guidance: float | None = None,
    ) -> np.ndarray:
        """Generates sounds one after another, e.g. a number digit by digit.

        Args:
            labels, seed, temperature, guidance: as in `generate`.
            seconds: duration of the longest single sound.
            pause: seconds of silence between sounds.

        Returns:
            float32 (samples,) in [-1, 1].

        Raises:
            GanzooError: as in `generate`.

        Example:
            names = {"digit": ["0", "1"]}
            model = ganzoo.create("wavenet", stacks=1, layers_per_stack=4, channels=8, label_names=names)
            sound = model.say({"digit": "101"}, seed=0, seconds=0.02)
        """
        return last(self.say_progressively(labels, seed, seconds, temperature, pause, _LONGEST, guidance))

    def say_progressively(
        self,
        labels: Mapping[str, Any] | None = None,
        seed: int | None = None,
        seconds: float = 2.0,
        temperature: float = 1.0,
        pause: float = 0.15,
        every: float = 0.1,
        guidance: float | None = None,
    ) -> Iterator[np.ndarray]:
        """The same as `say`, as an iterator over what is already generated; all sounds grow at once.

        Args:
            labels, seed, seconds, temperature, pause, guidance: as in `say`.
            every: seconds that each sound grows from one result to the next.

        Yields:
            float32 (samples,) in [-1, 1]; the last one is what `say` returns. Each is at least as long as the one
            before, of which it is the continuation if there is a single sound.

        Raises:
            GanzooError: as in `say`, when the first result is asked for.

        Example:
            names = {"digit": ["0", "1"]}
            model = ganzoo.create("wavenet", stacks=1, layers_per_stack=4, channels=8, label_names=names)
            for sound in model.say_progressively({"digit": "101"}, seed=0, seconds=0.02, every=0.01):
                print(len(sound))
        """
        _in_range("pause", pause, 0.0, _LONGEST)
        _in_range("every", every, 1e-6, _LONGEST)
        several = {key: list(value) if self._spelled(key, value) else value for key, value in (labels or {}).items()}
        lists = any(isinstance(value, (list, tuple, np.ndarray)) for value in several.values())
        silence = np.zeros(round(pause * self.sample_rate), "float32")
        growing = self._growing(None if lists else 1, seed, several, seconds, temperature, None, 64, guidance, every)
        for sounds in growing:
            parts = [part for sound in sounds for part in (sound, silence)]
            yield np.concatenate(parts[:-1])

    def _spelled(self, key: str, value: Any) -> bool:
        """Whether a text is a sequence of values of one character, such as "471"."""
        names = self.label_names.get(key, ())
        return isinstance(value, str) and len(value) > 1 and value not in names and set(value) <= set(names)

    def _sounds(self, count, seed, labels, seconds, temperature, mel, batch_size, guidance=None) -> list[np.ndarray]:
        """Sounds without what follows their end."""
        return last(self._growing(count, seed, labels, seconds, temperature, mel, batch_size, guidance))

    def _growing(
        self, count, seed, labels, seconds, temperature, mel, batch_size, guidance=None, every=None
    ) -> Iterator[list[np.ndarray]]:
        """The sounds so far, each time a batch of them has grown by `every` seconds; at last, all whole sounds. Without
        `every`, once for each batch."""
        at_least_one(batch_size=batch_size)
        if seed is not None and (not isinstance(seed, (int, np.integer)) or isinstance(seed, bool) or seed < 0):
            raise GanzooError(f"seed must be an integer of at least 0, got {seed!r}")
        _in_range("temperature", temperature, 1e-3, 10.0)
        guidance = self._checked_guidance(self.guidance if guidance is None else guidance)
        samples = max(1, round(_in_range("seconds", seconds, 1e-6, _LONGEST) * self.sample_rate))
        if mel is not None or self.mel_bands:
            mel = self._checked_mel(mel)
            if count not in (None, len(mel)):
                raise GanzooError(f"count is {count}, but there are {len(mel)} mel spectrograms")
            count, samples = len(mel), (mel.shape[1] - 1) * self.hop
        numbers = self.labels(count, labels)
        queued = self._queued()
        entropy: Any = np.random.SeedSequence(seed).entropy
        sounds: list[np.ndarray] = []
        for start in range(0, len(numbers), batch_size):
            part = numbers[start : start + batch_size]
            uniform = np.stack(
                [np.random.default_rng([entropy, start + i]).random((samples, 2), "float32") for i in range(len(part))]
            )
            given = {name: part[:, i] for i, name in enumerate(self.label_names)}
            frames = None if mel is None else mel[start : start + batch_size]
            silence = 0 if self.mel_bands else self.silence
            step = samples if every is None else max(1, round(every * self.sample_rate))
            for made, lengths in queued.generate(given, uniform, temperature, frames, silence, step, guidance):
                if not np.isfinite(made).all():
                    raise GanzooError(
                        "the network generates values that are not finite numbers: its weights are damaged"
                    )
                growing = [sound[: max(1, length)] for sound, length in zip(made, lengths)]
                yield sounds + growing
            sounds += growing

    def _checked_guidance(self, guidance: float) -> float:
        found = _in_range("guidance", guidance, 0.0, 10.0)
        if found and not self.label_dropout:
            raise GanzooError("guidance needs a model that was trained with label_dropout, which this one was not")
        if found and not isinstance(self.likelihood, MuLaw):
            raise GanzooError("guidance needs the output 'mu_law': the model has another one")
        return found

    def _queued(self) -> QueuedNetwork:
        backend.sync_variables(self)
        network = self.inference_network
        return QueuedNetwork(
            network, self.likelihood, self.dilations, self.kernel_size, tuple(self.label_names), self.hop
        )

    def labels(self, count: int | None = None, labels: Mapping[str, Any] | None = None) -> np.ndarray:
        """The numbers of labels, int32 (count, labels), after a check; arguments as in `generate`."""
        labels = dict(labels or {})
        for name in labels:
            if name not in self.label_names:
                raise unknown("label", name, self.label_names)
        columns = {name: self._numbers(name, value) for name, value in labels.items()}
        sizes = {len(column) for column in columns.values() if column.ndim}
        if count is None and len(sizes) != 1:
            if sizes:
                raise GanzooError(f"labels are lists of different lengths: {', '.join(map(str, sorted(sizes)))}")
            count = 1 if columns and len(columns) == len(self.label_names) else count
        count = next(iter(sizes)) if count is None and sizes else count
        whole_count(count)
        assert count is not None
        if wrong := sizes - {count}:
            raise GanzooError(f"{count} sounds need one value of a label, or {count}, got {min(wrong)}")
        result, every = np.zeros((count, len(self.label_names)), "int32"), 1
        for i, (name, names) in enumerate(self.label_names.items()):
            if name in columns:
                result[:, i] = columns[name]
            else:
                result[:, i] = np.arange(count) // every % len(names)
                every *= len(names)
        return result

    def _numbers(self, label: str, values: Any) -> np.ndarray:
        """The numbers of one value of a label, a scalar, or of several, (count,)."""
        names = [str(name) for name in self.label_names[label]]
        by_name = {name.casefold(): i for i, name in enumerate(names)} | {name: i for i, name in enumerate(names)}

        def number(value):
            if isinstance(value, str):
                for key in (value, value.casefold()):
                    if key in by_name:
                        return by_name[key]
                raise unknown(label, value, names)
            whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
            if not whole or not 0 <= value < len(names):
                raise GanzooError(f"{label} is a name, or a whole number from 0 to {len(names) - 1}, got {value!r}")
            return int(value)

        if isinstance(values, (list, tuple, range)) or (isinstance(values, np.ndarray) and values.ndim == 1):
            if not len(values):
                raise GanzooError(f"{label}: the list is empty")
            return np.array([number(value) for value in values])
        return np.array(number(values))

    def mel(self, audio: np.ndarray, sample_rate: int) -> np.ndarray:
        """The mel spectrogram of a sound, on which models with `mel_bands` are conditioned.

        Args:
            audio: float (samples,) in [-1, 1].
            sample_rate: in Hz; it must be the model's, so resample other sounds first.

        Returns:
            float32 (1, frames, mel_bands), frames = samples / hop + 1, after padding with silence to a whole number.

        Raises:
            GanzooError: another sample rate, an array of another shape, or values outside of [-1, 1].

        Example:
            model = ganzoo.create("wavenet", stacks=1, layers_per_stack=4, channels=8, mel_bands=16)
            mel = model.mel(np.zeros(800, "float32"), sample_rate=8000)     # float32 (1, 14, 16)
            sound = model.generate(mel=mel, seed=0)                         # float32 (1, 832)
        """
        if not self.mel_bands:
            raise GanzooError("this model is not conditioned on mel spectrograms: create one with mel_bands")
        if sample_rate != self.sample_rate:
            raise GanzooError(
                f"the model works at {self.sample_rate} Hz, the sound has {sample_rate!r}: resample it, e.g. with "
                "ganzoo.data.audio.resampled"
            )
        sound = _checked_sound(audio, "audio")
        padded = np.pad(sound, (0, -len(sound) % self.hop))[None]
        return ops.convert_to_numpy(log_mel(padded, self.sample_rate, self.mel_bands, self.hop))

    def _checked_mel(self, mel: Any) -> np.ndarray:
        if not self.mel_bands:
            raise GanzooError("this model is not conditioned on mel spectrograms: leave out mel")
        if mel is None:
            raise GanzooError("this model needs a mel spectrogram: generate(mel=model.mel(audio, sample_rate))")
        found = np.asarray(mel)
        if found.ndim != 3 or found.shape[2] != self.mel_bands or found.shape[1] < 2 or found.dtype.kind != "f":
            raise GanzooError(
                f"mel must be float32 (count, frames, {self.mel_bands}) with at least 2 frames, got {found.dtype} "
                f"{found.shape}"
            )
        if not np.isfinite(found).all():
            raise GanzooError("mel has values that are not finite numbers")
        return found.astype("float32")

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
        given = [_checked_sound(sound, f"sound {i}") for i, sound in enumerate(sounds)]
        if not given:
            raise GanzooError("log_likelihood() needs at least one sound")
        if isinstance(labels, np.ndarray):
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
        if isinstance(parts[0], np.ndarray) and parts[0].size and not np.abs(parts[0]).max() <= _FULL_SCALE:
            raise GanzooError(f"sound lies in [-1, 1], but the data has values up to {np.abs(parts[0]).max():g}")
        if count and isinstance(parts[1], np.ndarray) and parts[1].size:
            sizes = np.array([len(values) for values in self.label_names.values()])
            if (parts[1] < 0).any() or (parts[1] >= sizes).any():
                limits = ", ".join(f"{size} ({name})" for name, size in zip(self.label_names, sizes))
                raise GanzooError(
                    f"labels must be below {limits}, got numbers from {parts[1].min()} to {parts[1].max()}"
                )

    def example_batch(self, batch_size: int, seed: int = 0) -> Any:
        """A random batch with the structure of the model's data set, for tests."""
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
        caption = "Spectrograms of generated sounds, half a second each, of the first labels, from seed 0"
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


def _in_range(name: str, value: Any, low: float, high: float) -> float:
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not number or not low <= value <= high:
        least = "above 0" if 0 < low < 0.01 else f"from {low:g}"
        raise GanzooError(f"{name} must be a number {least} to {high:g}, got {value!r}")
    return float(value)


def _checked_sound(audio: Any, what: str) -> np.ndarray:
    sound = np.asarray(audio)
    if sound.ndim != 1 or not sound.size or sound.dtype.kind != "f":
        raise GanzooError(f"{what} must be float (samples,) in [-1, 1], got {sound.dtype} {sound.shape}")
    # False for NaN too.
    if not np.abs(sound).max() <= _FULL_SCALE:
        raise GanzooError(f"{what} must lie in [-1, 1], got values up to {np.abs(sound).max():g}")
    return sound.astype("float32")
