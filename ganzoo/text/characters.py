"""Captions read letter by letter, by a network that learns which caption goes with which image.

The idea of the char-CNN-RNN that Reed et al. 2016 (arXiv:1605.05396) draw from, on one's own images: a text network
and an image network are trained together until matching pairs lie close (Reed et al. 2016, arXiv:1605.05395), here with
the symmetric softmax over a batch of Radford et al. 2021 (arXiv:2103.00020, figure 3).
"""

import functools
import hashlib
import unicodedata
import warnings

import keras
import numpy as np
from keras import layers, ops

from ganzoo.errors import at_least_one
from ganzoo.text.matching import Matching, Normalized
from ganzoo.text.strings import as_strings

# 0 for what is not there, bytes of UTF-8, and one that every text begins with, so that none is empty.
_SYMBOLS, _BEGINS = 258, 257


class CharacterEncoder:
    """Any text to a vector of length sqrt(dim): its bytes, lower case, through convolutions.

    Whatever can be typed has an answer: letters never seen are bytes like any other, a text beyond `length` bytes is
    cut there, and an empty one is a vector of its own.

    Args:
        dim: length of the vectors.
        width: channels of the convolutions.
        length: bytes that are read.

    Attributes:
        network: Keras model from int32 (batch, 1 + length) to float32 (batch, dim).
        learned: whether `learn` was called, or trained weights were loaded.

    Example:
        encoder = CharacterEncoder(dim=128)
        encoder.learn(images, captions)
        vectors = encoder.encode(["a red apple", ""])       # float32 (2, 128)
    """

    name = "characters"

    def __init__(self, dim: int = 128, width: int = 128, length: int = 96):
        at_least_one(dim=dim, width=width, length=length)
        self.dim, self.width, self.length = dim, width, length
        self.network = _text_network(dim, width, length)

    @property
    def learned(self) -> bool:
        return bool(ops.convert_to_numpy(self.network.get_layer("text").learned) > 0)

    @property
    def digest(self) -> str:
        """Changes with the weights."""
        digest = hashlib.sha256(repr((self.dim, self.length)).encode())
        for weight in self.network.get_weights():
            digest.update(np.ascontiguousarray(weight).tobytes())
        return digest.hexdigest()

    def codes(self, captions: str | Sequence[str]) -> np.ndarray:
        """What the network reads of captions, int32 (count, 1 + length)."""
        return as_bytes(captions, self.length)

    def encode(self, captions: str | Sequence[str], batch_size: int = 256) -> np.ndarray:
        """float32 (count, dim).

        Warns of captions that are longer than `length` bytes, of which the rest does not count.

        Args:
            captions: list of strings.
            batch_size: captions at a time.

        Raises:
            GanzooError: something else than a list of strings.
        """
        codes = self.codes(captions)
        self.warn_of_cut(captions)
        parts = [self._read(codes[i : i + batch_size]) for i in range(0, len(codes), batch_size)]
        return np.concatenate(parts).astype("float32")

    def warn_of_cut(self, captions: str | Sequence[str]) -> None:
        """Warns if any of the captions is longer than the bytes that are read, with how many are."""
        if message := self.cut_message(captions):
            warnings.warn(message, stacklevel=3)

    def cut_message(self, captions: str | Sequence[str]) -> str | None:
        """How many of the captions are longer than the bytes that are read, in a sentence; None if none is."""
        captions = as_strings(captions)
        cut = [caption for caption in captions if len(_utf8(caption)) > self.length]
        if not cut:
            return None
        read = _utf8(cut[0])[: self.length].decode("utf-8", "ignore")
        return (
            f"{len(cut)} of {len(captions)} captions are longer than the {self.length} bytes that the text encoder "
            f"reads; the rest of them does not count. Of the first is read: {read!r}"
        )

    @functools.cached_property
    def _read(self):
        """The network as one graph: layer by layer a caption takes longer than the image drawn of it."""
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
        """Learns from images and what may be said of each.

        Args:
            images: uint8 (count, height, width, channels).
            captions: a list of captions for each image.
            epochs: times through the images; each time another of an image's captions is taken.
            batch_size: images that every caption is told from.
            seed: of everything drawn.
            verbose: as in Keras' fit.

        Returns:
            The share of captions whose own image is the closest of its batch, in the last epoch.
        """
        # A twin learns: the network may be a model's, made within a strategy's scope that this call lies outside of.
        twin = CharacterEncoder(self.dim, self.width, self.length)
        share = Matching(twin).learn(images, captions, epochs, batch_size, seed, verbose)
        twin.network.get_layer("text").learned.assign(1.0)
        self.network.set_weights(twin.network.get_weights())
        return share


def as_bytes(captions: str | Sequence[str], length: int) -> np.ndarray:
    """int32 (count, 1 + length): 257, then the bytes of captions in lower case and one form of Unicode, plus one, then
    zeros.

    Raises:
        GanzooError: something else than a list of strings.
    """
    captions = as_strings(captions)
    codes = np.zeros((len(captions), 1 + length), "int32")
    codes[:, 0] = _BEGINS
    for row, caption in zip(codes, captions):
        plain = _utf8(caption)[:length]
        row[1 : 1 + len(plain)] = np.frombuffer(plain, "uint8").astype("int32") + 1
    return codes


def _utf8(caption: str) -> bytes:
    """The bytes of a caption in lower case, one form of Unicode and without double spaces."""
    # Lone halves of surrogate pairs are no UTF-8.
    return " ".join(unicodedata.normalize("NFKC", caption).lower().split()).encode("utf-8", "replace")


def _text_network(dim: int, width: int, length: int) -> keras.Model:
    codes = keras.Input((1 + length,), dtype="int32", name="bytes")
    there = ops.cast(ops.expand_dims(ops.not_equal(codes, 0), -1), "float32")
    x = layers.Embedding(_SYMBOLS, 32, name="byte")(codes)
    outputs = []
    for size in (3, 5, 7):
        y = layers.Conv1D(width, size, padding="same", activation="relu", name=f"letters{size}")(x)
        y = layers.Conv1D(width, 3, padding="same", activation="relu", name=f"words{size}")(y)
        # Relu is at least 0, so what is not there is never the largest.
        outputs.append(layers.GlobalMaxPooling1D(name=f"most{size}")(layers.Multiply(name=f"there{size}")([y, there])))
    x = layers.Dense(2 * width, activation="relu", name="meaning")(layers.Concatenate(name="all")(outputs))
    x = layers.Dense(dim, dtype="float32", name="vector")(x)
    return keras.Model(codes, Normalized(dtype="float32", name="text")(x), name="text_encoder")
