"""Models that predict mel-cepstra of speech from coarse ones, and smooth them thereby."""

import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from ganzoo import backend
from ganzoo.data.audio import resampled
from ganzoo.data.batch_checks import parts_of, rank_of, refuse_single_examples
from ganzoo.data.batches import first_examples
from ganzoo.data.cepstra import at_level, cepstra
from ganzoo.data.vocoder import analyze, synthesize
from ganzoo.data.vowels import vowels
from ganzoo.data.waveforms import checked_audio, checked_rate, of_length, quiet_places
from ganzoo.errors import GanzooError, at_least_one
from ganzoo.inference.sampling import grid
from ganzoo.inference.spectrogram import envelopes
from ganzoo.metrics.registry import averages, chosen_metrics, compute
from ganzoo.metrics.smoothness import Restoration
from ganzoo.networks.cepstral import SCALE
from ganzoo.tasks.base import Task, ValidationMetrics
from ganzoo.types import Tensor

if TYPE_CHECKING:
    from ganzoo.config import Evaluation
    from ganzoo.data.feed import Feed

# Frames that a network takes at once, besides what they depend on.
AT_ONCE = 12_000
# Longer recordings are analyzed in parts that end where it is quiet, after as many seconds at least and at most.
_SHORTEST_PART, _LONGEST_PART = 45.0, 60.0
# Coefficients have no bound; values beyond this are damaged.
_LARGEST = 1000.0
# Segments of an array from which the scales of the coefficients are computed; of other data, it is the first batch.
_SCALED = 1024


class SpeechSmoothing(Task):
    """Prediction of mel-cepstra from coarse ones, by a network that makes them smooth.

    The inference network maps coarse mel-cepstra float32 (batch, frames / hop, coarse_order) to float32 (batch, frames,
    order). The model calls `set_sizes` in its constructor. Frames are 5 ms apart.

    Example:
        class MySmoother(ganzoo.SpeechSmoothing, ganzoo.ZooModel):
            def __init__(self, order: int = 40):
                super().__init__({"generator": my_network(order)})
                self.set_sizes(order, coarse_order=16, hop=8, window=128, reach=20)
    """

    # Of the model.
    networks: Any
    averages: Any
    inference_network: Any
    model_name: Any

    data = staticmethod(cepstra)
    evaluation = "ganzoo.evaluation.speech_restoration"
    page = "ganzoo.demos.postfilter"
    purpose = "smooths the spectra of speech"
    usage = "ganzoo smooth IN OUT --model {name}"
    commands: tuple[str, ...] = ("smooth",)
    sources = ("ganzoo.data.recordings", " of recordings")
    example = "smooth = model.smooth(audio, sample_rate=44100)  # float32, with the same length and sample rate"
    pipeline = "audio-to-audio"
    limits = (
        "It works on the spectral envelopes of a vocoder, whose synthesis changes any recording somewhat, and up to "
        "half of its sample rate: higher frequencies are lost. It expects one voice without noise or music."
    )
    has_fixed_shapes = True
    output_name = "cepstra"

    def set_sizes(
        self, order: int, coarse_order: int, hop: int, window: int, reach: int, sample_rate: int = 16_000
    ) -> None:
        """Sets the model's sizes.

        Args:
            order: mel-cepstral coefficients.
            coarse_order: those of the coarse mel-cepstra.
            hop: frames that a coarse frame is the mean of.
            window: frames of a training segment, a multiple of hop.
            reach: how many frames to either side a frame of a network's output depends on at most.
            sample_rate: of the speech that is analyzed, in Hz.

        Raises:
            GanzooError: a size below 1, or a window that is not a multiple of hop.
        """
        at_least_one(order=order, coarse_order=coarse_order, hop=hop, window=window)
        if window % hop:
            raise GanzooError(f"a window of {window} frames is not a multiple of the hop of {hop}")
        self.order, self.coarse_order, self.hop, self.window = order, coarse_order, hop, window
        self.reach, self.sample_rate = reach, sample_rate

    @property
    def smoothing_network(self) -> Any:
        """The network from coarse mel-cepstra to smooth ones: here that of inference."""
        return self.inference_network

    # Inference.

    def smooth(self, audio: np.ndarray, sample_rate: int) -> np.ndarray:
        """Speech whose spectra are as smooth as those of statistical speech synthesis.

        The recording is analyzed, its mel-cepstra are made coarse and predicted from there, and speech is synthesized
        from them with the recording's own pitch and aperiodicity.

        Args:
            audio: (samples,) or (samples, channels), at most 64 channels, each processed separately. int16, int32,
                uint8, or floats in [-1, 1].
            sample_rate: 1000 to 384000 Hz. The result has no frequencies above half the model's sample rate.

        Returns:
            float32 with the same shape, sample rate and level.

        Raises:
            GanzooError: an array of another type or shape, an empty one, or one with values that are not finite; a
                sample rate out of range; the package pyworld is missing.

        Example:
            from ganzoo.data.vowels import vowels

            smooth = ganzoo.load("smoother").smooth(vowels(16_000), 16_000)      # float32 (36800,)
        """
        return self.resynthesized(audio, sample_rate, self.smooth_cepstra)

    def smooth_cepstra(self, cepstra: np.ndarray) -> np.ndarray:
        """Mel-cepstra, predicted from what `coarse_cepstra` leaves of them.

        Args:
            cepstra: float (frames, order), as `ganzoo.data.vocoder` computes them.

        Returns:
            float32 (frames, order).

        Raises:
            GanzooError: an array of another shape, or values that are not finite.

        Example:
            model = ganzoo.create("smoother", width=8, blocks=1)
            smooth = model.smooth_cepstra(np.zeros((101, 40), "float32"))        # float32 (101, 40)
        """
        frames = len(np.asarray(cepstra))
        coarse = self.coarse_cepstra(cepstra)
        backend.sync_variables(self)
        margin = -(-self.reach // self.hop)
        return in_blocks(self._smooth_compiled, [coarse], max(1, AT_ONCE // self.hop), margin, self.hop)[:frames]

    def coarse_cepstra(self, cepstra: np.ndarray) -> np.ndarray:
        """The first `coarse_order` coefficients of mel-cepstra, averaged over `hop` frames.

        Args, Raises: as in `smooth_cepstra`.

        Returns:
            float32 (frames / hop, rounded up, coarse_order); the last frame is repeated for the last mean.
        """
        found = self._checked_cepstra(cepstra)
        padded = np.pad(found, ((0, -len(found) % self.hop), (0, 0)), mode="edge")
        return padded[:, : self.coarse_order].reshape(-1, self.hop, self.coarse_order).mean(axis=1)

    def resynthesized(
        self, audio: np.ndarray, sample_rate: int, change: Callable[[np.ndarray], np.ndarray] = lambda cepstra: cepstra
    ) -> np.ndarray:
        """Speech after analysis, a change of its mel-cepstra, and synthesis.

        Without a change, this is the best that any change could sound like.

        Args:
            audio, sample_rate: as in `smooth`.
            change: function from mel-cepstra float32 (frames, order) to others of the same shape.

        Returns:
            float32 with the shape, sample rate and level of the audio. Silence stays silence.

        Raises:
            GanzooError: as in `smooth`.

        Example:
            from ganzoo.data.vowels import vowels

            model = ganzoo.create("smoother")
            duller = model.resynthesized(vowels(16_000), 16_000, lambda cepstra: 0.8 * cepstra)
        """
        return self.resynthesized_versions(audio, sample_rate, {"changed": change})["changed"]

    def resynthesized_versions(
        self, audio: np.ndarray, sample_rate: int, changes: Mapping[str, Callable[[np.ndarray], np.ndarray]]
    ) -> dict[str, np.ndarray]:
        """`resynthesized` with each of several changes; the recording is analyzed once for all of them.

        Args:
            audio, sample_rate: as in `smooth`.
            changes: {name: function as in `resynthesized`}.

        Returns:
            {name: float32 with the shape, sample rate and level of the audio}.

        Raises:
            GanzooError: as in `smooth`.

        Example:
            from ganzoo.data.vowels import vowels

            model = ganzoo.load("smoother")
            changes = {"coarse": model.held_cepstra, "smooth": model.smooth_cepstra}
            smooth = model.resynthesized_versions(vowels(16_000), 16_000, changes)["smooth"]     # float32 (36800,)
        """
        sound, rate = checked_audio(audio), checked_rate(sample_rate)
        functions = list(changes.values())
        channels = [self._channel(np.ascontiguousarray(channel), rate, functions) for channel in np.atleast_2d(sound.T)]
        return {
            name: versions[0] if sound.ndim == 1 else np.stack(versions, axis=1)
            for name, versions in zip(changes, zip(*channels))
        }

    def _channel(
        self, sound: np.ndarray, rate: int, changes: Sequence[Callable[[np.ndarray], np.ndarray]]
    ) -> list[np.ndarray]:
        if not np.any(sound):
            return [np.zeros_like(sound) for _ in changes]
        narrow = resampled(sound, rate, self.sample_rate)
        scaled, gain = at_level(narrow, self.sample_rate)
        versions = [np.zeros_like(scaled) for _ in changes]
        places = [0, *quiet_places(scaled, self.sample_rate, _SHORTEST_PART, _LONGEST_PART), len(scaled)]
        for start, end in itertools.pairwise(places):
            found = analyze(scaled[start:end], self.sample_rate, self.order - 1)
            for version, change in zip(versions, changes):
                # A copy, which a change may work on in place.
                version[start:end] = synthesize(replace(found, cepstra=change(found.cepstra.copy()))) / gain
        # Resampling rounds lengths.
        return [of_length(resampled(version, self.sample_rate, rate), len(sound)) for version in versions]

    def _checked_cepstra(self, cepstra: np.ndarray) -> np.ndarray:
        found = np.asarray(cepstra)
        if found.ndim != 2 or found.shape[1] != self.order or not len(found) or found.dtype.kind != "f":
            raise GanzooError(f"mel-cepstra are float (frames, {self.order}), got {found.dtype} {found.shape}")
        # False for NaN too.
        if not np.abs(found).max() <= _LARGEST:
            raise GanzooError(f"mel-cepstra have values that are not finite, or beyond {_LARGEST:g}")
        return found.astype("float32")

    @functools.cached_property
    def _smooth_compiled(self) -> Callable:
        network = self.smoothing_network

        def forward(coarse: Any) -> Any:
            return network(coarse, training=False)

        return backend.compiled(forward, [((None, None, self.coarse_order), "float32")], network)

    # For training.

    def natural_cepstra(self, batch: Any) -> Tensor:
        """The mel-cepstra of a batch, float32 (batch, window, order)."""
        wanted = "mel-cepstra (batch, window, order): use ganzoo.data.cepstra"
        return ops.cast(parts_of(batch, 1, self.model_name, wanted)[0], "float32")

    def coarse_tensor(self, natural: Tensor) -> Tensor:
        """`coarse_cepstra` of a batch (batch, frames, order)."""
        pieces = ops.reshape(
            natural[:, :, : self.coarse_order], (-1, self.window // self.hop, self.hop, self.coarse_order)
        )
        return ops.mean(pieces, axis=2)

    def spectral_error(self, natural: Tensor, other: Tensor) -> Tensor:
        """The mean squared difference of the logarithmic spectra of two batches of mel-cepstra, a scalar.

        By Parseval's theorem it is the sum over the coefficients, on the mel scale and for power spectra.
        """
        difference = ops.cast(natural, "float32") - ops.cast(other, "float32")
        return ops.mean(ops.sum(difference**2, axis=-1))

    def take_scales(self, x: Any, y: Any) -> Any:
        """Sets the scales of networks that have none yet to those of the first examples.

        Args:
            x, y: the data given to `fit`.

        Returns:
            The data to train on in place of x, starting with the same example.
        """
        scales = [network.get_layer(SCALE) for name, network in self.networks.items() if name != "discriminator"]
        missing = [scale for scale in scales if not scale.is_taken]
        if not missing:
            return x
        batch, x = first_examples(x, y, min(len(x), _SCALED) if isinstance(x, np.ndarray) else 1)
        natural = batch[0] if isinstance(batch, (tuple, list)) else batch
        for scale in missing:
            scale.take(natural)
        for name, average in self.averages.items():
            average.set_weights(self.networks[name].get_weights())
        return x

    # For runs, tests and benchmarks.

    def data_arguments(self) -> dict[str, Any]:
        return {"order": self.order, "window": self.window, "sample_rate": self.sample_rate}

    def check_data(self, data: Any, targets: Any = None) -> None:
        super().check_data(data, targets)
        parts = keras.tree.flatten(getattr(data, "element_spec", data if hasattr(data, "shape") else ()))
        if targets is not None:
            parts = [*parts, targets]
        if not parts or not all(hasattr(part, "shape") and hasattr(part, "dtype") for part in parts):
            return
        if any(rank_of(part.shape) is None for part in parts):
            return
        wanted = (self.window, self.order)
        refuse_single_examples([tuple(part.shape) for part in parts], [wanted])
        types = [getattr(part.dtype, "name", str(part.dtype)) for part in parts]
        if len(parts) != 1 or tuple(parts[0].shape[1:]) != wanted or "float" not in types[0]:
            has = " and ".join(f"{dtype} {tuple(part.shape[1:])}" for dtype, part in zip(types, parts))
            raise GanzooError(
                f"{self.model_name} learns from mel-cepstra float32 {wanted}, but the data has {has}: use "
                "ganzoo.data.cepstra(..., **model.data_arguments())"
            )
        if isinstance(parts[0], np.ndarray) and parts[0].size and not np.abs(parts[0]).max() <= _LARGEST:
            raise GanzooError(f"the mel-cepstra have values that are not finite, or beyond {_LARGEST:g}")

    def example_batch(self, batch_size: int, seed: int = 0) -> np.ndarray:
        """A random batch with the structure of the model's data set, for tests."""
        rng = np.random.default_rng(seed)
        steps = rng.standard_normal((batch_size, self.window, self.order)).cumsum(axis=1) / np.sqrt(self.window)
        return (steps / np.arange(1, self.order + 1)).astype("float32")

    def example_inputs(self, count: int, seed: int = 0) -> list[np.ndarray]:
        """Random inputs of the inference network, for tests."""
        return [np.stack([self.coarse_cepstra(one) for one in self.example_batch(count, seed)])]

    def changed_cepstra(self, cepstra: np.ndarray) -> np.ndarray:
        """The model's output for natural mel-cepstra, for its evaluation: here the smooth ones."""
        return self.smooth_cepstra(cepstra)

    def preview(self, feed: "Feed", count: int) -> np.ndarray | None:
        """Spectral envelopes of three seconds of held-out recordings: the model's output above the natural ones."""
        frames = 600
        sheets = [
            np.concatenate([envelopes(part, frames) for part in (self.changed_cepstra(found), found)])
            for found in (natural[:frames] for natural in feed.validation[: min(count, 4)])
        ]
        return np.stack(sheets) if sheets else None

    def sample_image(self, source: str) -> tuple[np.ndarray, str] | None:
        """Spectral envelopes of synthetic vowels, since a recording would have a license of its own."""
        try:
            sound, _ = at_level(vowels(self.sample_rate), self.sample_rate)
            natural = analyze(sound, self.sample_rate, self.order - 1, aperiodicity=False).cepstra
        except GanzooError:
            # The package pyworld is missing.
            return None
        versions = self._versions(natural)
        sheets = [envelopes(part) for part in versions.values()]
        names = " and ".join([", ".join([*versions][:-1]), [*versions][-1]])
        return grid(np.stack(sheets), columns=2), f"Spectral envelopes of synthetic vowels: {names}"

    def _versions(self, natural: np.ndarray) -> dict[str, np.ndarray]:
        return {"coarse": self.held_cepstra(natural), "smooth": self.smooth_cepstra(natural), "natural": natural}

    def held_cepstra(self, cepstra: np.ndarray) -> np.ndarray:
        """Coarse mel-cepstra at the full frame rate and order: each held for `hop` frames, the other coefficients 0.

        Args, Returns, Raises: as in `smooth_cepstra`.
        """
        held = np.repeat(self.coarse_cepstra(cepstra), self.hop, axis=0)[: len(cepstra)]
        return np.pad(held, ((0, 0), (0, self.order - self.coarse_order)))

    def validation_metrics(self, feed: "Feed | None", evaluation: "Evaluation") -> ValidationMetrics | None:
        """Metrics of whole held-out recordings that need no synthesis."""
        if feed is not None and not feed.validation:
            return None
        names = ["mel_cepstral_distortion", "variance_distance", "modulation_distance"]
        monitor = evaluation.monitor or self.monitored
        metrics = chosen_metrics("speech_restoration", [monitor, *names])
        natural = feed.validation if feed is not None else ()

        def compute_metrics(model: Any) -> dict[str, float]:
            rows = [compute(metrics, Restoration(found, model.changed_cepstra(found))) for found in natural]
            return averages(rows)

        return ValidationMetrics.of(metrics[0], compute_metrics, f"over {len(natural)} held-out recordings")

    monitored = "mel_cepstral_distortion"


def in_blocks(function: Callable, inputs: list[np.ndarray], step: int, margin: int, times: int = 1) -> np.ndarray:
    """A network's output for rows of any number, in blocks: float32 (times rows, ...).

    Args:
        function: the network, of arrays (1, rows, ...).
        inputs: arrays (rows, ...).
        step: rows of a block.
        margin: rows before and after a block that its output depends on.
        times: rows of the output for each of the input.
    """
    parts = []
    for start in range(0, len(inputs[0]), step):
        first, last = max(0, start - margin), min(len(inputs[0]), start + step + margin)
        made = np.asarray(function(*(part[None, first:last] for part in inputs)), "float32")[0]
        parts.append(made[(start - first) * times : (start - first + step) * times])
    output = np.concatenate(parts)
    if not np.isfinite(output).all():
        raise GanzooError("the network returns values that are not finite numbers: its weights are damaged")
    return output
