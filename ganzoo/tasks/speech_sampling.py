"""Sampling from autoregressive models of speech."""

import itertools
import reprlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from keras import ops

from ganzoo import backend
from ganzoo.arguments import keep_argument
from ganzoo.errors import GanzooError, at_least_one, unknown
from ganzoo.inference.counts import checked_seed, whole_count
from ganzoo.inference.queues import QueuedNetwork
from ganzoo.inference.stepwise import last
from ganzoo.inference.typical import most_typical
from ganzoo.losses.sample_likelihoods import MuLaw, SampleLikelihood
from ganzoo.networks.mel import log_mel

# The longest sound, in seconds.
_LONGEST = 60.0
MOST_CANDIDATES = 64
# The largest absolute value of a sound, with room for rounding.
FULL_SCALE = 1.001


class SpeechSampling:
    """The inference methods of `SpeechSynthesis`, and their inputs: labels and mel spectrograms."""

    # Of the model.
    inference_network: Any
    likelihood: SampleLikelihood
    label_names: Mapping[str, Sequence[str]]
    dilations: Sequence[int]
    kernel_size: int
    mel_bands: int
    hop: int
    silence: int
    sample_rate: int
    label_dropout: float

    @property
    def guidance(self) -> float:
        """The guidance of `generate` and `say` by default. A new value is saved with the model."""
        return self._guidance

    @guidance.setter
    def guidance(self, value: float) -> None:
        self._guidance = self._checked_guidance(value)
        keep_argument(self, "guidance", self._guidance)

    @property
    def candidates(self) -> int:
        """The candidates of `generate` and `say` by default. A new value is saved with the model."""
        return self._candidates

    @candidates.setter
    def candidates(self, value: int) -> None:
        self._candidates = _checked_candidates(value)
        keep_argument(self, "candidates", self._candidates)

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
        candidates: int | None = None,
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
            temperature: below 1 samples are closer to the most probable ones: sounds are duller, and fewer end by
                themselves.
            mel: float32 (count, frames, bands) of `model.mel`, for a model that is conditioned on it; it determines
                the duration.
            batch_size: sounds at a time, candidates included, but at least all candidates of one sound.
            guidance: above 0, labels can become easier to recognize. But sounds of the same labels are more alike,
                fewer sounds end by themselves, and sampling takes up to twice as long. Large values make sounds worse.
                The weight of classifier-free guidance (Ho & Salimans 2022, arXiv:2207.12598), at most 10, for models
                with `label_dropout` and mu-law outputs. None: `model.guidance`.
            candidates: how many versions of each sound are generated, at most 64. The most typical one is returned, see
                `ganzoo.inference.typical.most_typical`; of two, the first. Sounds are clearer, those of the same labels
                more alike, and the time grows with the number. None: `model.candidates`.

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
        sounds = last(
            self._growing(count, seed, labels, seconds, temperature, mel, batch_size, guidance, candidates=candidates)
        )
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
        candidates: int | None = None,
    ) -> np.ndarray:
        """Generates sounds one after another, e.g. a number digit by digit.

        Args:
            labels, seed, temperature, guidance, candidates: as in `generate`.
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
        return last(self.say_progressively(labels, seed, seconds, temperature, pause, _LONGEST, guidance, candidates))

    def say_progressively(
        self,
        labels: Mapping[str, Any] | None = None,
        seed: int | None = None,
        seconds: float = 2.0,
        temperature: float = 1.0,
        pause: float = 0.15,
        every: float = 0.1,
        guidance: float | None = None,
        candidates: int | None = None,
    ) -> Iterator[np.ndarray]:
        """The same as `say`, as an iterator over what is already generated. Up to 64 sounds grow at once, candidates
        included.

        Args:
            labels, seed, seconds, temperature, pause, guidance, candidates: as in `say`.
            every: seconds that each sound grows from one result to the next.

        Yields:
            float32 (samples,) in [-1, 1]; the last one is what `say` returns. With one candidate, each is at least as
            long as the one before, of which it is the continuation if there is a single sound. With several, the first
            candidates grow, and once all have ended, the most typical ones replace them, which may be shorter.

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
        given = _mapping(labels)
        several = {key: list(value) if self._spelled(key, value) else value for key, value in given.items()}
        lists = any(isinstance(value, (list, tuple, range, np.ndarray)) for value in several.values())
        silence = np.zeros(round(pause * self.sample_rate), "float32")
        growing = self._growing(
            None if lists else 1, seed, several, seconds, temperature, None, 64, guidance, every, candidates
        )
        for sounds in growing:
            parts = [part for sound in sounds for part in (sound, silence)]
            yield np.concatenate(parts[:-1])

    def _spelled(self, key: str, value: Any) -> bool:
        """Whether a text is a sequence of values of one character, such as "471"."""
        names = self.label_names.get(key, ())
        return isinstance(value, str) and len(value) > 1 and value not in names and set(value) <= set(names)

    def _sounds(self, count, seed, labels, seconds, temperature, mel, batch_size) -> list[np.ndarray]:
        """Sounds without what follows their end, and without other candidates."""
        return last(self._growing(count, seed, labels, seconds, temperature, mel, batch_size, candidates=1))

    def _growing(
        self, count, seed, labels, seconds, temperature, mel, batch_size, guidance=None, every=None, candidates=None
    ) -> Iterator[list[np.ndarray]]:
        """The sounds so far, without what follows their end, each time a batch of them has grown by `every` seconds; at
        last, all whole sounds. Without `every`, once for each batch."""
        at_least_one(batch_size=batch_size)
        checked_seed(seed)
        _in_range("temperature", temperature, 1e-3, 10.0)
        guidance = self._checked_guidance(self.guidance if guidance is None else guidance)
        candidates = _checked_candidates(self.candidates if candidates is None else candidates)
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
        at_once = max(1, batch_size // candidates)
        for start in range(0, len(numbers), at_once):
            part = numbers[start : start + at_once].repeat(candidates, axis=0)
            uniform = np.stack(
                [
                    # The first candidate is the sound without others.
                    np.random.default_rng([entropy, start + i, *([j] if j else [])]).random((samples, 2), "float32")
                    for i, j in itertools.product(range(len(part) // candidates), range(candidates))
                ]
            )
            given = {name: part[:, i] for i, name in enumerate(self.label_names)}
            frames = None if mel is None else mel[start : start + at_once].repeat(candidates, axis=0)
            silence = 0 if self.mel_bands else self.silence
            step = samples if every is None else max(1, round(every * self.sample_rate))
            for made, lengths in queued.generate(given, uniform, temperature, frames, silence, step, guidance):
                if not np.isfinite(made).all():
                    raise GanzooError(
                        "the network generates values that are not finite numbers: its weights are damaged"
                    )
                growing = [sound[: max(1, length)] for sound, length in zip(made, lengths)]
                yield sounds + growing[::candidates]
            groups = [growing[i : i + candidates] for i in range(0, len(growing), candidates)]
            sounds += [group[most_typical(group, self.sample_rate)] for group in groups]
            if candidates > 1:
                yield sounds

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
        given = _mapping(labels)
        for name in given:
            if name not in self.label_names:
                raise unknown("label", name, self.label_names)
        columns = {name: self._numbers(name, value) for name, value in given.items()}
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
        sound = checked_sound(audio, "audio")
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


def _in_range(name: str, value: Any, low: float, high: float) -> float:
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not number or not low <= value <= high:
        least = "above 0" if 0 < low < 0.01 else f"from {low:g}"
        raise GanzooError(f"{name} must be a number {least} to {high:g}, got {value!r}")
    return float(value)


def _mapping(labels: Any) -> Mapping[str, Any]:
    if labels is None:
        return {}
    if not isinstance(labels, Mapping):
        raise GanzooError(f"labels is a mapping {{label: value or list of values}}, got {reprlib.repr(labels)}")
    return labels


def _checked_candidates(candidates: Any) -> int:
    whole = isinstance(candidates, (int, np.integer)) and not isinstance(candidates, bool)
    if not whole or not 1 <= candidates <= MOST_CANDIDATES:
        raise GanzooError(f"candidates must be a whole number from 1 to {MOST_CANDIDATES}, got {candidates!r}")
    return int(candidates)


def checked_sound(audio: Any, what: str) -> np.ndarray:
    """A sound as float32 (samples,), after a check of its type, shape and range."""
    sound = np.asarray(audio)
    if sound.ndim != 1 or not sound.size or sound.dtype.kind != "f":
        raise GanzooError(f"{what} must be float (samples,) in [-1, 1], got {sound.dtype} {sound.shape}")
    # False for NaN too.
    if not np.abs(sound).max() <= FULL_SCALE:
        raise GanzooError(f"{what} must lie in [-1, 1], got values up to {np.abs(sound).max():g}")
    return sound.astype("float32")
