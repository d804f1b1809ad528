"""A text-to-image model as a generator without captions: its latents contain the vector of a caption."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from ganzoo.inference.latent import Latents
from ganzoo.tasks.image_generation import ImageGeneration


class CaptionedLatents(ImageGeneration):
    """A text-to-image model that generates from latents alone, each of them noise followed by a text vector.

    It makes everything that works on latents, such as directions, arithmetic, projection and editing, work on such a
    model. The text part of a latent may have any length: the network scales it to that of text vectors.

    Args:
        model: a `TextToImage` model.
        captions: the captions whose vectors random latents contain.

    Attributes:
        model: as given.
        latent_dim: length of a latent: that of the model's noise and of its text vectors together.
        inference_network: Keras model from latents (batch, latent_dim) to images.

    Raises:
        GanzooError: captions that are not strings, or none.

    Example:
        model = ganzoo.load("gan_int_cls").unconditional(["a bald man", "a smiling woman"])
        images = model.generate(4, seed=0)      # uint8 (4, 64, 64, 3)
    """

    def __init__(self, model: Any, captions: Sequence[str]) -> None:
        self.model, self.model_name = model, model.model_name
        self._noise_dim, length = model.latent_dim, model.text_encoder.dim
        self.latent_dim = self._noise_dim + length
        self._vectors = model.vectors(captions)
        latents = keras.Input((self.latent_dim,), name="latents")
        text = latents[:, self._noise_dim :]
        text *= length**0.5 / ops.maximum(ops.norm(text, axis=-1, keepdims=True), 1e-6)
        self.inference_network = keras.Model(latents, model.inference_network([latents[:, : self._noise_dim], text]))

    def jax_state_sync(self) -> None:
        """Copies the values of a running `fit`, on JAX."""
        self.model.jax_state_sync()

    def _latent_source(
        self,
        count: int | None = None,
        seed: int | None = None,
        latents: np.ndarray | None = None,
        truncation: float | None = None,
        network: keras.Model | None = None,
    ) -> Latents:
        if latents is None:
            noise, truncation = self.model.latents(count, seed, truncation=truncation), None
            rng = np.random.default_rng(None if seed is None else [seed, 1])
            latents = np.concatenate([noise, self._vectors[rng.integers(len(self._vectors), size=len(noise))]], axis=1)
        return super()._latent_source(count, None, latents, truncation, network)
