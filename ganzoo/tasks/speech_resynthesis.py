"""Speech analyzed to mel-cepstra, changed, and synthesized again."""

import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ganzoo import backend
from ganzoo.data.audio import resampled
from ganzoo.data.cepstra import at_level
from ganzoo.data.vocoder import analyze, synthesize
from ganzoo.data.waveforms import checked_audio, checked_rate, of_length, quiet_places
from ganzoo.errors import GanzooError, at_least_one

# Frames that a network takes at once, besides what they depend on.
AT_ONCE = 12_000
# Longer recordings are analyzed in parts that end where it is quiet, after as many seconds at least and at most.
_SHORTEST_PART, _LONGEST_PART = 45.0, 60.0
# Coefficients have no bound; values beyond this are damaged.
LARGEST = 1000.0


class SpeechResynthesis:
    """The inference methods of `SpeechSmoothing`: recordings and mel-cepstra, made coarse, smooth, and synthesized."""

    # Of the model.
    inference_network: Any

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
        if not np.abs(found).max() <= LARGEST:
            raise GanzooError(f"mel-cepstra have values that are not finite, or beyond {LARGEST:g}")
        return found.astype("float32")

    @functools.cached_property
    def _smooth_compiled(self) -> Callable:
        network = self.smoothing_network

        def forward(coarse: Any) -> Any:
            return network(coarse, training=False)

        return backend.compiled(forward, [((None, None, self.coarse_order), "float32")], network)

    def held_cepstra(self, cepstra: np.ndarray) -> np.ndarray:
        """Coarse mel-cepstra at the full frame rate and order: each held for `hop` frames, the other coefficients 0.

        Args, Returns, Raises: as in `smooth_cepstra`.
        """
        held = np.repeat(self.coarse_cepstra(cepstra), self.hop, axis=0)[: len(cepstra)]
        return np.pad(held, ((0, 0), (0, self.order - self.coarse_order)))


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
