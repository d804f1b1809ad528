"""Post-filters, which give smooth mel-cepstra of speech texture."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ganzoo import backend
from ganzoo.errors import GanzooError
from ganzoo.inference.counts import checked_seed
from ganzoo.tasks.speech_resynthesis import AT_ONCE, in_blocks
from ganzoo.tasks.speech_smoothing import SpeechSmoothing


class SpeechRestoration(SpeechSmoothing):
    """Post-filtering of smooth mel-cepstra, as those of statistical speech synthesis, and smoothing, to try it.

    The inference network maps smooth mel-cepstra float32 (batch, frames, order), and noise float32 (batch, frames,
    channels) as a second input if it takes any, to mel-cepstra with texture, float32 (batch, frames, order). Another
    network, `smoother`, is as the inference network of `SpeechSmoothing`.

    Example:
        class MyPostFilter(ganzoo.SpeechRestoration, ganzoo.AdversarialModel):
            def __init__(self, order: int = 40):
                networks = {"generator": my_network(order), "discriminator": my_discriminator, "smoother": my_smoother}
                super().__init__(networks=networks)
                self.set_sizes(order, coarse_order=16, hop=8, window=128, reach=20)
    """

    purpose = "gives over-smoothed speech its texture back"
    usage = "ganzoo postfilter IN OUT --model {name}"
    commands = ("postfilter", "smooth")
    example = (
        'import soundfile\naudio, sample_rate = soundfile.read("in.wav")\n'
        "restored = model.restore(audio, sample_rate)  # float32, with the same length and sample rate"
    )
    limits = (
        "It restores texture that is typical, not what a certain voice had. It works on the spectral envelopes of a "
        "vocoder, whose synthesis changes any recording somewhat, and up to half of its sample rate: higher "
        "frequencies are lost. It expects one voice without noise or music; what is not smooth becomes rough."
    )
    # Of the model.
    smoother: Any

    monitored = "modulation_distance"
    # What `restore` multiplies the network's change by.
    strength = 1.0

    @property
    def smoothing_network(self) -> Any:
        """The network from coarse mel-cepstra to smooth ones, `smoother`."""
        return self.smoother

    @property
    def noise_channels(self) -> int:
        """Channels of the network's noise input; 0 if it has none."""
        inputs = self.inference_network.inputs
        return inputs[1].shape[-1] if len(inputs) > 1 else 0

    def restore(
        self,
        audio: np.ndarray,
        sample_rate: int,
        strength: float | None = None,
        seed: int = 0,
        smooth_first: bool = False,
    ) -> np.ndarray:
        """Gives over-smoothed speech its texture back.

        The recording is analyzed, its mel-cepstra pass the post-filter, and speech is synthesized from them with the
        recording's own pitch and aperiodicity.

        Args:
            audio, sample_rate: as in `smooth`.
            strength: factor of what the post-filter adds, 0 to 2; by default the model's own.
            seed: of the noise.
            smooth_first: smooth the recording first, to hear the post-filter's output for the smooth version of
                natural speech.

        Returns:
            float32 with the same shape, sample rate and level.

        Raises:
            GanzooError: as in `smooth`; a strength out of range.

        Example:
            from ganzoo.data.vowels import vowels

            model = ganzoo.load("postfilter")
            smooth = model.smooth(vowels(16_000), 16_000)
            restored = model.restore(smooth, 16_000)        # float32 (36800,)
        """

        def change(cepstra: np.ndarray) -> np.ndarray:
            return self.restore_cepstra(self.smooth_cepstra(cepstra) if smooth_first else cepstra, strength, seed)

        return self.resynthesized(audio, sample_rate, change)

    def restore_cepstra(self, cepstra: np.ndarray, strength: float | None = None, seed: int = 0) -> np.ndarray:
        """Smooth mel-cepstra with texture.

        Args:
            cepstra: float (frames, order).
            strength, seed: as in `restore`.

        Returns:
            float32 (frames, order).

        Raises:
            GanzooError: as in `smooth_cepstra`; a strength out of range.

        Example:
            model = ganzoo.create("postfilter", width=8, blocks=1)
            restored = model.restore_cepstra(np.zeros((101, 40), "float32"), strength=0.5)      # float32 (101, 40)
        """
        smooth = self._checked_cepstra(cepstra)
        factor = checked_strength(self.strength if strength is None else strength)
        backend.sync_variables(self)
        inputs = [smooth]
        if self.noise_channels:
            rng = np.random.default_rng(None if checked_seed(seed) is None else [seed, 0])
            inputs.append(rng.standard_normal((len(smooth), self.noise_channels), "float32"))
        restored = in_blocks(self._restore_compiled, inputs, AT_ONCE, self.reach)
        return restored if factor == 1 else smooth + np.float32(factor) * (restored - smooth)

    @functools.cached_property
    def _restore_compiled(self) -> Callable:
        network = self.inference_network
        specs = [((None, None, tensor.shape[-1]), "float32") for tensor in network.inputs]

        def forward(*inputs: Any) -> Any:
            return network(inputs[0] if len(inputs) == 1 else list(inputs), training=False)

        return backend.compiled(forward, specs, network)

    def changed_cepstra(self, cepstra: np.ndarray) -> np.ndarray:
        """The model's output for natural mel-cepstra, for its evaluation: they are smoothed, then restored."""
        return self.restore_cepstra(self.smooth_cepstra(cepstra))

    def _versions(self, natural: np.ndarray) -> dict[str, np.ndarray]:
        others = super()._versions(natural)
        return {
            "coarse": others["coarse"],
            "smooth": others["smooth"],
            "restored": self.restore_cepstra(others["smooth"]),
            "natural": natural,
        }

    def example_inputs(self, count: int, seed: int = 0) -> list[np.ndarray]:
        """Random inputs of the inference network, for tests."""
        smooth = self.example_batch(count, seed)
        shape = (count, self.window, self.noise_channels)
        latents = np.random.default_rng(seed).standard_normal(shape, "float32")
        return [smooth, latents] if self.noise_channels else [smooth]


def checked_strength(strength: Any) -> float:
    """A strength of a post-filter.

    Raises:
        GanzooError: it is no number from 0 to 2.
    """
    number = isinstance(strength, (int, float, np.number)) and not isinstance(strength, bool)
    if not number or not 0 <= strength <= 2:
        raise GanzooError(f"strength must be a number from 0 to 2, got {strength!r}")
    return float(strength)
