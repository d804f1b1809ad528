"""Models that predict mel-cepstra of speech from coarse ones, and smooth them thereby."""

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from ganzoo.data.batch_checks import parts_of, rank_of, refuse_single_examples
from ganzoo.data.batches import first_examples
from ganzoo.data.cepstra import at_level, cepstra
from ganzoo.data.vocoder import analyze
from ganzoo.data.vowels import vowels
from ganzoo.errors import GanzooError
from ganzoo.inference.sampling import grid
from ganzoo.inference.spectrogram import envelopes
from ganzoo.metrics.registry import averages, chosen_metrics, compute
from ganzoo.metrics.smoothness import Restoration
from ganzoo.networks.cepstral import SCALE
from ganzoo.tasks.base import Task, ValidationMetrics
from ganzoo.tasks.speech_resynthesis import LARGEST, SpeechResynthesis
from ganzoo.types import Tensor

if TYPE_CHECKING:
    from ganzoo.config import Evaluation
    from ganzoo.data.feed import Feed

# Segments of an array from which the scales of the coefficients are computed; of other data, it is the first batch.
_SCALED = 1024


class SpeechSmoothing(SpeechResynthesis, Task):
    """Prediction of mel-cepstra from coarse ones, by a network that makes them smooth.

    The inference network maps coarse mel-cepstra float32 (batch, frames / hop, coarse_order) to float32 (batch, frames,
    order). The model calls `set_sizes` in its constructor. Frames are 5 ms apart.

    Example:
        class MySmoother(ganzoo.SpeechSmoothing, ganzoo.ZooModel):
            def __init__(self, order: int = 40):
                super().__init__({"generator": my_network(order)})
                self.set_sizes(order, coarse_order=16, hop=8, window=128, reach=20)
    """

    # Of the model, beside those of `SpeechResynthesis`.
    networks: Any
    averages: Any
    model_name: Any

    data = staticmethod(cepstra)
    evaluation = "ganzoo.evaluation.speech_restoration"
    page = "ganzoo.demos.postfilter"
    purpose = "smooths the spectra of speech"
    usage = "ganzoo smooth IN OUT --model {name}"
    commands: tuple[str, ...] = ("smooth",)
    sources = ("ganzoo.data.recordings", " of recordings")
    example = (
        'import soundfile\naudio, sample_rate = soundfile.read("in.wav")\n'
        "smooth = model.smooth(audio, sample_rate)  # float32, with the same length and sample rate"
    )
    pipeline = "audio-to-audio"
    limits = (
        "It works on the spectral envelopes of a vocoder, whose synthesis changes any recording somewhat, and up to "
        "half of its sample rate: higher frequencies are lost. It expects one voice without noise or music."
    )
    has_fixed_shapes = True
    output_name = "cepstra"

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
        if isinstance(parts[0], np.ndarray) and parts[0].size and not np.abs(parts[0]).max() <= LARGEST:
            raise GanzooError(f"the mel-cepstra have values that are not finite, or beyond {LARGEST:g}")

    def example_batch(self, batch_size: int, seed: int = 0) -> np.ndarray:
        """A random batch with the structure of the model's dataset, for tests."""
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

    def validation_metrics(self, feed: "Feed | None", evaluation: "Evaluation") -> ValidationMetrics | None:
        """Metrics of whole held-out recordings that need no synthesis."""
        if feed is not None and not feed.validation:
            return None
        names = ["mel_cepstral_distortion", "variance_distance", "modulation_distance"]
        monitor = evaluation.monitor or self.monitored
        metrics = chosen_metrics("speech_restoration", [monitor, *names], self.sample_rate)
        natural = feed.validation if feed is not None else ()

        def compute_metrics(model: Any) -> dict[str, float]:
            rows = [compute(metrics, Restoration(found, model.changed_cepstra(found))) for found in natural]
            return averages(rows)

        return ValidationMetrics.of(metrics[0], compute_metrics, f"over {len(natural)} held-out recordings")

    monitored = "mel_cepstral_distortion"
