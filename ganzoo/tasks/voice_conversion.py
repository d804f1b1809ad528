"""Models that convert speech between two voices."""

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from ganzoo import backend
from ganzoo.data.audio import resampled
from ganzoo.data.batch_checks import refuse_single_examples
from ganzoo.data.vocoder import analyze, features_of, synthesize, with_features
from ganzoo.data.voices import open_voices, voices
from ganzoo.data.waveforms import checked_audio, checked_rate, of_length, quiet_places
from ganzoo.errors import GanzooError
from ganzoo.inference.sampling import grid
from ganzoo.inference.spectrogram import envelopes, spectrogram
from ganzoo.metrics.cepstra import distortion, frame_distance
from ganzoo.metrics.registry import averages
from ganzoo.networks.voice import MULTIPLE, SOURCE, TARGET
from ganzoo.tasks.base import ValidationMetrics
from ganzoo.tasks.two_sides import BACKWARD, FORWARD, TwoSides

if TYPE_CHECKING:
    from ganzoo.config import Evaluation
    from ganzoo.data.feed import Feed

# Longer recordings are converted in parts that end where it is quiet, after as many seconds at least and at most.
_SHORTEST_PART, _LONGEST_PART = 15.0, 20.0
# Seconds of a recording around a part that are converted with it, and in which parts are cross-faded.
_CONTEXT, _FADE = 0.1, 0.02
# Frames of a preview's image, and recordings in a model card.
_SHOWN_FRAMES, _SHOWN = 128, 2


class VoiceConversion(TwoSides):
    """Conversion of speech from one voice to another and back.

    The networks `generator`, from the first voice to the second, and `backward_generator` map features float32 (batch,
    frames, 2 + coefficients), see `ganzoo.data.vocoder.features_of`, to features of the same shape; frames are a
    multiple of 4. The model calls `set_voices` in its constructor.

    Example:
        class MyConverter(ganzoo.VoiceConversion, ganzoo.ZooModel):
            def __init__(self, frames: int = 128):
                super().__init__({"generator": my_network(), "backward_generator": my_network()})
                self.set_voices(("ana", "ben"), sample_rate=16_000, coefficients=24, frames=frames)
    """

    # Of the model.
    averages: Any
    inference_network: Any
    model_name: Any
    networks: Any

    data = staticmethod(voices)
    evaluation = "ganzoo.evaluation.voice_conversion"
    page = "ganzoo.demos.cyclegan_vc"
    purpose = "converts speech between two voices"
    usage = "ganzoo convert IN OUT --model {name}"
    commands = ("convert",)
    sources = ("ganzoo.data.voices", " of two voices")
    example = (
        'import soundfile\naudio, sample_rate = soundfile.read("in.wav")\n'
        'converted = model.convert(audio, sample_rate)  # float32 (samples,); direction="backward" for the way back'
    )
    pipeline = "audio-to-audio"
    limits = (
        "It converts the two voices that it was trained on; other voices come out changed, but not as the wanted one. "
        "It changes spectrum and pitch range, but neither rhythm nor intonation, and the vocoder that it works with "
        "sounds less clear than a recording. Convert and publish the voice of a person only with their consent."
    )
    has_fixed_shapes = True
    output_name = "converted"

    def set_voices(self, domains: Sequence[str], sample_rate: int, coefficients: int, frames: int) -> None:
        """Sets the names of both voices and the model's sizes.

        Args:
            domains: names of the voices, e.g. ("ana", "ben").
            sample_rate: at which the model works, in Hz.
            coefficients: of a mel-cepstrum besides the loudness.
            frames: of a training segment, each 5 ms.

        Raises:
            GanzooError: two equal names, or a sample rate that the vocoder does not take.
        """
        self.set_domains(domains)
        if sample_rate < 8_000:
            raise GanzooError(f"the vocoder needs a sample rate of at least 8000 Hz, got {sample_rate}")
        self.sample_rate, self.coefficients, self.frames = sample_rate, coefficients, frames

    # Inference.

    def convert(
        self, audio: np.ndarray, sample_rate: int, direction: str = FORWARD, progress: bool | None = None
    ) -> np.ndarray:
        """Converts speech to the other voice.

        The WORLD vocoder takes the recording apart. The network converts the spectrum; the logarithm of the pitch gets
        the mean and the deviation of the other voice; loudness, noise and rhythm stay. Recordings of more than 20
        seconds are converted in parts that end where it is quiet.

        Args:
            audio: (samples,) or (samples, channels), whose mean is converted. int16, int32, uint8, or floats in [-1,
                1].
            sample_rate: 1000 to 384000 Hz. The model works at its own, and frequencies above half of that are lost.
            direction: "forward" to the second voice, "backward" to the first, or a name such as "ana_to_ben", see
                `directions`.
            progress: whether to show a progress bar; by default on a terminal for more than one part.

        Returns:
            float32 (samples,), with the same length and sample rate. Silence stays silence.

        Raises:
            GanzooError: an unknown direction, an array of another type or shape, an empty one, or one with values that
                are not finite; a sample rate out of range; pyworld is missing.

        Example:
            audio = np.random.default_rng(0).normal(0, 0.1, 8000).astype("float32")
            model = ganzoo.create("cyclegan_vc", width=4, channels=8, hidden=8, blocks=1, domains=("ana", "ben"))
            converted = model.convert(audio, sample_rate=16_000, direction="ana_to_ben")        # float32 (8000,)
        """
        name = self.generator_of(direction)
        rate = checked_rate(sample_rate)
        sound = checked_audio(audio, "convert()")
        mono = sound.mean(axis=1) if sound.ndim == 2 else sound
        backend.sync_variables(self)
        sound = np.ascontiguousarray(resampled(mono, rate, self.sample_rate), "float32")
        # Fewer samples than one at the model's rate.
        sound = of_length(sound, max(1, len(sound)))
        converted = self._converted(sound, name, progress)
        return of_length(resampled(converted, self.sample_rate, rate), len(mono))

    def _converted(self, sound: np.ndarray, network: str, progress: bool | None) -> np.ndarray:
        """A recording of any length at the model's sample rate."""
        places = quiet_places(sound, self.sample_rate, _SHORTEST_PART, _LONGEST_PART)
        context, fade = (round(seconds * self.sample_rate) for seconds in (_CONTEXT, _FADE))
        result = np.zeros(len(sound), "float32")
        rising = np.linspace(0, 1, fade, dtype="float32")
        parts = list(zip([0, *places], [*places, len(sound)]))
        for start, end in tqdm(parts, unit="part", disable=len(parts) < 2 if progress is None else not progress):
            # With the fade into the next part.
            first, last = max(0, start - context), min(len(sound), end + fade + context)
            made = self._part(sound[first:last], network)[start - first : min(len(sound), end + fade) - first]
            if start:
                made[: len(rising)] *= rising[: len(made)]
                result[start : start + fade] *= 1 - rising[: len(result[start : start + fade])]
            result[start : start + len(made)] += made
        return result

    def _part(self, sound: np.ndarray, network: str) -> np.ndarray:
        if not np.any(sound):
            return np.zeros_like(sound)
        analysis = analyze(sound, self.sample_rate, self.coefficients)
        return synthesize(with_features(analysis, self.convert_features(features_of(analysis), network)))

    def convert_features(self, features: np.ndarray, network: str = "generator") -> np.ndarray:
        """Converts the features of a recording.

        Args:
            features: float32 (frames, 2 + coefficients), see `ganzoo.data.vocoder.features_of`.
            network: "generator", or "backward_generator".

        Returns:
            float32 with the same shape.

        Raises:
            GanzooError: the network's output is not finite.
        """
        count = len(features)
        # A short recording is mirrored until it is as long as the segments of training.
        wanted = max(self.frames, -(-count // MULTIPLE) * MULTIPLE)
        converted = self._compiled[network](np.pad(features, ((0, wanted - count), (0, 0)), "symmetric")[None])
        if not np.isfinite(converted).all():
            raise GanzooError("the network's output is not finite: its weights are damaged")
        return converted[0, :count]

    @functools.cached_property
    def _compiled(self) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
        """{name of a generator: compiled function of its moving average}."""
        spec = [((None, None, 2 + self.coefficients), "float32")]
        return {
            name: backend.compiled(functools.partial(self.averages[name], training=False), spec, self.averages[name])
            for name in ("generator", "backward_generator")
        }

    @property
    def has_statistics(self) -> bool:
        """Whether the model knows the pitch and the mean spectrum of its voices, from training or from a file."""
        network = self.inference_network
        return network.get_layer(SOURCE).is_taken and network.get_layer(TARGET).is_taken

    # For runs, tests and benchmarks.

    def data_arguments(self) -> dict[str, Any]:
        return dict(
            domains=self.domains, sample_rate=self.sample_rate, coefficients=self.coefficients, frames=self.frames
        )

    def check_data(self, data: Any, targets: Any = None) -> None:
        super().check_data(data, targets)
        spec = getattr(data, "element_spec", (data, targets))
        parts = [part for part in (spec if isinstance(spec, (tuple, list)) else [spec]) if part is not None]
        if not parts or not all(hasattr(part, "shape") and hasattr(part, "dtype") for part in parts):
            return
        shape = (self.frames, 2 + self.coefficients)
        refuse_single_examples([tuple(part.shape) for part in parts], [shape] * 2)
        types = [getattr(part.dtype, "name", str(part.dtype)) for part in parts]
        if [tuple(part.shape[1:]) for part in parts] != [shape] * 2 or any("float" not in dtype for dtype in types):
            has = " and ".join(f"{dtype} {tuple(part.shape[1:])}" for dtype, part in zip(types, parts))
            raise GanzooError(
                f"{self.model_name} learns from pairs of float32 {shape}, the features of both voices, but the dataset "
                f"has {has}: use ganzoo.data.voices(..., **model.data_arguments())"
            )
        if any(isinstance(part, np.ndarray) and not np.isfinite(part).all() for part in parts):
            raise GanzooError("the features have values that are not finite numbers")

    def example_batch(self, batch_size: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """A random batch with the structure of the model's dataset, for tests."""
        rng = np.random.default_rng(seed)
        sides = []
        for pitch in (4.7, 5.2):
            features = rng.standard_normal((batch_size, self.frames, 2 + self.coefficients)).astype("float32")
            voiced = rng.random((batch_size, self.frames)) < 0.7
            features[..., 0] = np.where(voiced, pitch + 0.2 * features[..., 0], 0.0)
            sides.append(features)
        return sides[0], sides[1]

    def example_inputs(self, count: int, seed: int = 0) -> list[np.ndarray]:
        """Random inputs of the inference network, for tests."""
        return [self.example_batch(count, seed)[0][:, : max(MULTIPLE, self.frames // MULTIPLE // 2 * MULTIPLE)]]

    def preview(self, feed: "Feed", count: int) -> np.ndarray | None:
        """Mel-cepstra of held-out recordings of both voices: original, converted, and converted back."""
        if not feed.validation:
            return None
        rows = []
        for i in range(-(-count // 2)):
            for side, direction in enumerate((FORWARD, BACKWARD)):
                recordings = feed.validation[side]
                features = recordings[i % len(recordings)]
                there = self.convert_features(features, self.generator_of(direction))
                back = self.convert_features(there, self.generator_of(BACKWARD if side == 0 else FORWARD))
                rows.append(np.concatenate([_image(one) for one in (features, there, back)], axis=1))
        return np.stack(rows[:count])

    def sample_image(self, source: str) -> tuple[np.ndarray, str] | None:
        """Spectrograms of recordings of both voices, and converted."""
        sides = open_voices(source, self.domains, self.sample_rate, "test")
        samples, images = self.sample_rate, []
        for side, direction in zip(sides, (FORWARD, BACKWARD)):
            for i in range(min(_SHOWN, len(side.samples))):
                sound = side.samples[i * len(side.samples) // _SHOWN][:samples]
                images += [
                    spectrogram(one, samples, window=256, hop=self.sample_rate // 125)
                    for one in (sound, self.convert(sound, self.sample_rate, direction))
                ]
        first, second = self.domains
        caption = (
            f"Spectrograms of the first second of recordings, and of them converted: two of {first} to {second}, and "
            f"two of {second} to {first}"
        )
        return grid(np.stack(images), columns=2), caption

    def validation_metrics(self, feed: "Feed | None", evaluation: "Evaluation") -> ValidationMetrics | None:
        """How far the frames of held-out recordings, converted, are from those of the other voice, and how far
        recordings that are converted there and back are from the original, in dB."""
        if evaluation.extractor is not None:
            raise GanzooError("evaluation.extractor is for models that generate images; set evaluation.monitor instead")
        if evaluation.monitor not in (None, "frame_distance"):
            raise GanzooError(f"evaluation.monitor of voice conversion is frame_distance, got {evaluation.monitor}")
        if feed is not None and not feed.validation:
            return None
        sides = feed.validation if feed else ((), ())

        def compute_metrics(model: Any) -> dict[str, float]:
            rows = []
            for side in (0, 1):
                there, back = (model.generator_of(name) for name in (FORWARD, BACKWARD)[:: 1 - 2 * side])
                converted = [model.convert_features(features, there) for features in sides[side]]
                returned = [model.convert_features(features, back) for features in converted]
                row = {
                    "frame_distance": frame_distance(
                        [features[:, 2:] for features in converted], [features[:, 2:] for features in sides[1 - side]]
                    ),
                    "cycle_distortion": distortion(np.concatenate(returned)[:, 2:], np.concatenate(sides[side])[:, 2:]),
                }
                rows.append(row)
            return averages(rows)

        where = f"of {' and '.join(str(len(side)) for side in sides)} held-out recordings, in both directions"
        return ValidationMetrics(compute_metrics, "frame_distance", f"lowest frame_distance {where}")


def _image(features: np.ndarray) -> np.ndarray:
    """The beginning of features as an image of their spectral envelopes, uint8 (64, 128, 1)."""
    return envelopes(features[:, 1:], _SHOWN_FRAMES, height=64, lowest=-100.0, highest=0.0)
