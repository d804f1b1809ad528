"""Encoders that were learned before: minutes of work that no run of the same data needs to repeat."""

import hashlib
from collections.abc import Callable, Iterable

import keras
import numpy as np

from ganzoo.files import cache_folder, read_cached, write_cached

# A change of how encoders learn is a new version.
_VERSION = 1


def learned_once(network: keras.Model, facts: Iterable, learn: Callable[[], float]) -> float:
    """Has a network learn, or gives it the weights that it had after learning the same before.

    Kept in the cache folder. A damaged file, or one of another network, counts as none; a folder that cannot be written
    costs the time again.

    Args:
        network: whose weights `learn` changes.
        facts: all that the result depends on: settings, arrays, and lists of strings.
        learn: returns a number that is kept too.

    Returns:
        What `learn` returned, now or then.

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
    """Puts weights back; None where they do not fit."""
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
