"""A character-level text encoder that learns which caption goes with which image.

Follows the idea of the char-CNN-RNN that Reed et al. 2016 (arXiv:1605.05396) condition on, trained on the user's own
images: a text network and an image network are trained jointly until matching pairs are close (Reed et al. 2016,
arXiv:1605.05395), here with the symmetric softmax over a batch of Radford et al. 2021 (arXiv:2103.00020, figure 3).
"""

import functools
import hashlib
import unicodedata
import warnings
from collections.abc import Sequence

import keras
import numpy as np
from keras import layers, ops

from ganzoo.errors import at_least_one
from ganzoo.text.attributes import learn_attributes
from ganzoo.text.cache import learned_once
from ganzoo.text.matching import Matching, Normalized
from ganzoo.text.strings import as_strings

# 0 for padding, UTF-8 bytes plus 1, and a start symbol, so that no text is empty.
_SYMBOLS, _BEGINS = 258, 257


class CharacterEncoder:
    """Encodes text as a vector of norm sqrt(dim), by convolutions over its lower-case bytes.

    Any text can be encoded: unseen characters are bytes like any other, text beyond `length` bytes is cut off, and the
    empty text has a vector too.

    Args:
        dim: number of components of a vector.
        width: channels of the convolutions.
        length: maximum number of bytes read.

    Attributes:
        network: Keras model from int32 (batch, 1 + length) to float32 (batch, dim).
        learned: whether `learn` was called, or trained weights were loaded.

    Example:
        from ganzoo.text import CharacterEncoder

        encoder = CharacterEncoder(dim=16, width=8)
        images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), "uint8")
        encoder.learn(images, [["a red apple"], ["a lemon"], ["a plum"], ["a fig"]], epochs=1)
        vectors = encoder.encode(["a red apple", ""])     # float32 (2, 16)
    """

    name = "characters"

    def __init__(self, dim: int = 128, width: int = 128, length: int = 96):
        at_least_one(dim=dim, width=width, length=length)
        self.dim, self.width, self.length = dim, width, length
        self.network = _text_network(dim, width, length)

    @property
    def learned(self) -> bool:
        """Whether the network is trained."""
        return bool(ops.convert_to_numpy(self.network.get_layer("text").learned) > 0)

    @property
    def digest(self) -> str:
        """A hash that changes with the weights."""
        digest = hashlib.sha256(repr((self.dim, self.length)).encode())
        for weight in self.network.get_weights():
            digest.update(np.ascontiguousarray(weight).tobytes())
        return digest.hexdigest()

    def codes(self, captions: str | Sequence[str]) -> np.ndarray:
        """The network's input for captions, int32 (count, 1 + length)."""
        return as_bytes(captions, self.length)

    def encode(self, captions: str | Sequence[str], batch_size: int = 256) -> np.ndarray:
        """Encodes captions as float32 (count, dim); warns if captions are longer than `length` bytes and are cut off.

        Args:
            captions: list of strings.
            batch_size: captions per batch.

        Raises:
            GanzooError: not a list of strings.
        """
        # Also a generator, which is read twice here.
        captions = as_strings(captions)
        at_least_one(batch_size=batch_size)
        codes = self.codes(captions)
        self.warn_of_cut(captions)
        parts = [self._read(codes[i : i + batch_size]) for i in range(0, len(codes), batch_size)]
        return np.concatenate(parts).astype("float32")

    def warn_of_cut(self, captions: str | Sequence[str]) -> None:
        """Warns if captions are longer than `length` bytes."""
        if message := self.cut_message(captions):
            warnings.warn(message, stacklevel=3)

    def cut_message(self, captions: str | Sequence[str]) -> str | None:
        """A message on how many captions are longer than `length` bytes; None if none is."""
        captions = as_strings(captions)
        cut = [caption for caption in captions if len(_utf8(caption)) > self.length]
        if not cut:
            return None
        read = _utf8(cut[0])[: self.length].decode("utf-8", "ignore")
        return (
            f"{len(cut)} of {len(captions)} captions are longer than the {self.length} bytes that the text encoder "
            f"reads and are cut off. The first one is read as {read!r}"
        )

    @functools.cached_property
    def _read(self):
        """The network as one graph: run layer by layer, encoding a caption takes longer than generating its image."""
        from ganzoo import backend

        specs = [((None, 1 + self.length), "int32")]
        return backend.compiled(lambda codes: self.network(codes, training=False), specs, self.network)

    def learn(
        self,
        images: np.ndarray,
        captions: Sequence[Sequence[str]],
        epochs: int = 30,
        batch_size: int = 128,
        seed: int = 0,
        verbose: int = 0,
    ) -> float:
        """Trains the encoder on images and their captions; once for the same data, see `ganzoo.text.cache`.

        Args:
            images: uint8 (count, height, width, channels).
            captions: a list of captions for each image.
            epochs: passes over the images; each epoch picks a random caption of each image.
            batch_size: pairs per batch.
            seed: seed of initialization, order, choice of captions and augmentation.
            verbose: as in Keras' fit.

        Returns:
            The fraction of captions whose own image is the closest in its batch, in the last epoch.
        """
        facts = ["matching", epochs, batch_size, seed, np.asarray(images), captions]
        return self._learn(
            facts, lambda copy: Matching(copy).learn(images, captions, epochs, batch_size, seed, verbose)
        )

    def learn_attributes(
        self,
        captions: list[str],
        said: np.ndarray,
        values: Sequence[int],
        epochs: int = 3,
        batch_size: int = 128,
        seed: int = 0,
        verbose: int = 0,
    ) -> float:
        """Trains the encoder on captions whose attributes are known; once for the same data and settings.

        Args:
            captions: list of strings.
            said: int (count, attributes): the value that each caption names, -1 for none.
            values: number of values of each attribute.
            epochs: passes over the captions.
            batch_size, seed, verbose: as in `learn`.

        Returns:
            The accuracy of a linear layer on the vectors over all attributes, in the last epoch.
        """
        codes = self.codes(captions)
        options = values, epochs, batch_size, seed
        facts = ["attributes", list(values), epochs, batch_size, seed, codes, np.asarray(said)]
        return self._learn(facts, lambda copy: learn_attributes(copy.network, codes, said, *options, verbose))

    def _learn(self, facts, learn):
        # Trains a copy: the network may belong to a model that was built in the scope of a distribution strategy.
        copy = CharacterEncoder(self.dim, self.width, self.length)

        def learned():
            result = learn(copy)
            copy.network.get_layer("text").learned.assign(1.0)
            return result

        result = learned_once(copy.network, [(self.dim, self.width, self.length), *facts], learned)
        self.network.set_weights(copy.network.get_weights())
        return result


def as_bytes(captions: str | Sequence[str], length: int) -> np.ndarray:
    """Captions as int32 (count, 1 + length): the start symbol 257, the normalized lower-case bytes plus 1, then zeros.

    Raises:
        GanzooError: not a list of strings.

    Example:
        from ganzoo.text.characters import as_bytes

        as_bytes(["Ab"], 4)     # [[257, 98, 99, 0, 0]]
    """
    captions = as_strings(captions)
    codes = np.zeros((len(captions), 1 + length), "int32")
    codes[:, 0] = _BEGINS
    for row, caption in zip(codes, captions):
        plain = _utf8(caption)[:length]
        row[1 : 1 + len(plain)] = np.frombuffer(plain, "uint8").astype("int32") + 1
    return codes


def _utf8(caption: str) -> bytes:
    """The bytes of a caption in lower case, in Unicode normalization form NFKC and without repeated spaces."""
    # Unpaired surrogates cannot be encoded as UTF-8.
    return " ".join(unicodedata.normalize("NFKC", caption).lower().split()).encode("utf-8", "replace")


def _text_network(dim: int, width: int, length: int) -> keras.Model:
    codes = keras.Input((1 + length,), dtype="int32", name="bytes")
    there = ops.cast(ops.expand_dims(ops.not_equal(codes, 0), -1), "float32")
    x = layers.Embedding(_SYMBOLS, 32, name="byte")(codes)
    outputs = []
    # Dilated, so that up to 35 bytes are read together: features of single words cannot tell "black hair and a pink
    # shirt" from "pink hair and a black shirt".
    for size in (3, 5, 7):
        y = layers.Conv1D(width, size, padding="same", activation="relu", name=f"letters{size}")(x)
        y = layers.Conv1D(width, 5, padding="same", dilation_rate=size, activation="relu", name=f"words{size}")(y)
        # ReLU outputs are at least 0, so the padding, set to 0, never changes the maximum.
        outputs.append(layers.GlobalMaxPooling1D(name=f"most{size}")(layers.Multiply(name=f"there{size}")([y, there])))
    x = layers.Dense(2 * width, activation="relu", name="meaning")(layers.Concatenate(name="all")(outputs))
    x = layers.Dense(dim, dtype="float32", name="vector")(x)
    return keras.Model(codes, Normalized(dtype="float32", name="text")(x), name="text_encoder")
