"""Contrastive training of a text network and an image network: which caption goes with which image.

A character encoder is trained this way. A separately trained pair measures how well generated images match their
captions.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import keras
import numpy as np
from keras import layers, ops

from ganzoo import pixels
from ganzoo.data.image_files import resized
from ganzoo.errors import GanzooError, at_least_one
from ganzoo.types import Tensor

if TYPE_CHECKING:
    from ganzoo.text.characters import CharacterEncoder

# Height and width of the image network's input, and the largest random shift in training, in pixels.
_SIZE, _SHIFT = 32, 2


class Matching:
    """An encoder's text network and an image network that is trained with it.

    Args:
        encoder: a `CharacterEncoder`; its network is trained too.

    Example:
        from ganzoo.text import CharacterEncoder
        from ganzoo.text.matching import Matching

        images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), "uint8")
        matching = Matching(CharacterEncoder(dim=16, width=8))
        matching.learn(images, [["a red apple"], ["a lemon"], ["a plum"], ["a fig"]], epochs=1)
        similarity = matching.similarity(images, ["a red apple", "a green apple"])     # float32 (4, 2)
    """

    def __init__(self, encoder: "CharacterEncoder"):
        self.encoder = encoder
        self.image_network = _image_network(encoder.dim, (_SIZE, _SIZE, 3))

    def learn(
        self,
        images: np.ndarray,
        captions: Sequence[Sequence[str]],
        epochs: int = 30,
        batch_size: int = 128,
        seed: int = 0,
        verbose: int = 0,
    ) -> float:
        """Trains both networks; arguments and result as in `CharacterEncoder.learn`."""
        if len(images) != len(captions) or not len(images):
            raise GanzooError(f"{len(images)} images and {len(captions)} lists of captions do not match")
        at_least_one(epochs=epochs, batch_size=batch_size)
        keras.utils.set_random_seed(seed)
        # A text-to-image model freezes its encoder.
        trainable, self.encoder.network.trainable = self.encoder.network.trainable, True
        inputs = _as_input(images)
        codes = [self.encoder.codes(of_one) for of_one in captions]
        pair = _Pair(self.encoder.network, self.image_network)
        pair.compile(keras.optimizers.Adam(1e-3))
        batch_size = min(batch_size, len(inputs))
        rng = np.random.default_rng(seed)
        for epoch in range(epochs):
            chosen = np.stack([of_one[rng.integers(len(of_one))] for of_one in codes])
            order = rng.permutation(len(inputs))[: len(inputs) // batch_size * batch_size]
            data = _augmented(rng, inputs[order]), chosen[order]
            history = pair.fit(data, batch_size=batch_size, epochs=1, shuffle=False, verbose=0)
            matched = float(history.history["matched"][-1])
            if verbose:
                print(f"captions, epoch {epoch + 1} of {epochs}: {matched:.1%} matched", flush=True)
        self.encoder.network.trainable = trainable
        return matched

    def vectors(self, images: np.ndarray, batch_size: int = 256) -> np.ndarray:
        """Image vectors, float32 (count, dim), of norm sqrt(dim).

        Args:
            images: uint8 (count, height, width, channels).
            batch_size: images per batch.
        """
        inputs = _as_input(images)
        groups = (inputs[i : i + batch_size] for i in range(0, len(inputs), batch_size))
        return np.concatenate([ops.convert_to_numpy(self.image_network(group, training=False)) for group in groups])

    def similarity(self, images: np.ndarray, captions: Sequence[str]) -> np.ndarray:
        """Cosine similarities, float32 (number of images, number of captions)."""
        return self.vectors(images) @ self.encoder.encode(captions).T / self.encoder.dim


@keras.saving.register_keras_serializable(package="ganzoo")
class Normalized(layers.Layer):
    """Scales vectors to norm sqrt(dim), so that components are about 1; stores whether the network is trained."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the flag `learned`."""
        self.learned = self.add_weight(shape=(), initializer="zeros", trainable=False, name="learned")

    def call(self, inputs: Tensor) -> Tensor:
        x = ops.cast(inputs, "float32")
        size = ops.sqrt(ops.sum(x**2, axis=-1, keepdims=True) + 1e-12)
        return x / size * x.shape[-1] ** 0.5

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape


def _image_network(dim, shape):
    images = x = keras.Input(shape, name="images")
    for i, channels in enumerate((32, 64, 128), start=1):
        x = layers.Conv2D(channels, 3, 2, "same", activation="relu", name=f"down{i}")(x)
        x = layers.Conv2D(channels, 3, 1, "same", activation="relu", name=f"same{i}")(x)
    x = layers.Dense(dim, name="vector")(layers.Flatten(name="flat")(x))
    return keras.Model(images, Normalized(dtype="float32", name="image")(x), name="image_encoder")


class _Pair(keras.Model):
    """Both networks and the temperature of the softmax."""

    def __init__(self, text, image):
        super().__init__(name="matching")
        self.text, self.image = text, image
        self.scale = self.add_weight(shape=(), initializer=keras.initializers.Constant(np.log(10.0)), name="scale")
        self.matched = keras.metrics.Mean(name="matched")
        self.built = True

    @property
    def metrics(self):
        return [*super().metrics, self.matched]

    def call(self, inputs, training=False):
        images, codes = inputs
        dim = self.text.output_shape[-1]
        similarity = ops.matmul(self.text(codes, training=training), ops.transpose(self.image(images))) / dim
        return ops.exp(ops.clip(self.scale, 0.0, np.log(100.0))) * similarity

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        own = ops.arange(ops.shape(y_pred)[0])
        self.matched.update_state(ops.cast(ops.equal(ops.argmax(y_pred, axis=1), own), "float32"))
        return sum(
            ops.mean(keras.losses.sparse_categorical_crossentropy(own, logits, from_logits=True)) / 2
            for logits in (y_pred, ops.transpose(y_pred))
        )


def _as_input(images):
    """Images as input of the image network, float32 (count, 32, 32, 3) in [-1, 1]."""
    small = []
    for image in images:
        color = np.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image
        small.append(color if color.shape[:2] == (_SIZE, _SIZE) else resized(color, (_SIZE, _SIZE)))
    return pixels.to_float(np.stack(small))


def _augmented(rng, images):
    """Images randomly flipped and shifted by up to two pixels, against overfitting."""
    padded = np.pad(images, ((0, 0), (_SHIFT, _SHIFT), (_SHIFT, _SHIFT), (0, 0)), mode="edge")
    down, right = rng.integers(0, 2 * _SHIFT + 1, (2, len(images)))
    shifted = np.stack([p[d : d + _SIZE, r : r + _SIZE] for p, d, r in zip(padded, down, right)])
    flipped = rng.random(len(shifted)) < 0.5
    shifted[flipped] = shifted[flipped, :, ::-1]
    return shifted
