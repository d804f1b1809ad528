"""A cache of trained text encoders, so that runs on the same data need not train them again."""

import hashlib
from collections.abc import Callable, Iterable

import keras
import numpy as np

from ganzoo.files import cache_folder, read_cached, write_cached

# Increase it when the training of encoders changes.
_VERSION = 1


def learned_once(network: keras.Model, facts: Iterable, learn: Callable[[], float]) -> float:
    """Trains a network, or restores its weights from an earlier training with the same facts.

    Weights are stored in the cache folder. Damaged files are ignored; a folder that is not writable only costs time.

    Args:
        network: the network that `learn` trains.
        facts: all that the result depends on: settings, arrays, and lists of strings.
        learn: trains the network and returns a number, which is cached too.

    Returns:
        The number that `learn` returned, now or earlier.

    Example:
        from ganzoo.text.cache import learned_once
        network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        network.compile(loss="mse")
        x, y = np.ones((8, 3)), np.ones((8, 1))
        loss = learned_once(network, ["a line", x, y], lambda: network.fit(x, y, verbose=0).history["loss"][-1])
    """
    path = cache_folder() / f"encoder-{_digest(network, facts)}.npz"
    if (result := _restored(network, read_cached(path))) is not None:
        return result
    result = learn()
    weights = {f"weight{i}": array for i, array in enumerate(network.get_weights())}
    write_cached(path, result=np.array(result, "float64"), **weights)
    return result


def _restored(network, kept):
    """Restores the weights; None if they do not fit."""
    own = network.get_weights()
    arrays = [kept.get(f"weight{i}") for i in range(len(own))]
    if "result" not in kept or len(kept) != len(own) + 1 or kept["result"].shape != ():
        return None
    for mine, array in zip(own, arrays):
        if array is None or array.shape != mine.shape or array.dtype != mine.dtype or not np.isfinite(array).all():
            return None
    network.set_weights(arrays)
    return float(kept["result"])


def _digest(network, facts):
    digest = hashlib.sha256(repr((_VERSION, [(w.shape, str(w.dtype)) for w in network.weights])).encode())
    for fact in facts:
        if isinstance(fact, np.ndarray):
            digest.update(repr((fact.shape, str(fact.dtype))).encode())
            for start in range(0, len(fact), 10_000):
                digest.update(np.ascontiguousarray(fact[start : start + 10_000]).tobytes())
        else:
            digest.update(repr(fact).encode("utf-8", "replace") + b"\0")
    return digest.hexdigest()[:24]
