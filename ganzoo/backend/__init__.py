"""What differs between Keras' back ends: the module for the one in use."""

import keras

from ganzoo.errors import GanzooError

if keras.backend.backend() == "tensorflow":
    from ganzoo.backend.tensorflow import (
        SEED_DTYPE,
        after,
        compiled,
        input_gradient,
        local_value,
        logged,
        mean_over_replicas,
        minimize,
        replica_count,
        share_of_replica,
        share_statistics,
        training_data,
        update,
    )
else:
    raise GanzooError(
        f"training runs on the TensorFlow back end of Keras only, not on '{keras.backend.backend()}': "
        "set KERAS_BACKEND=tensorflow"
    )

__all__ = [
    "after",
    "compiled",
    "given_seed",
    "input_gradient",
    "local_value",
    "logged",
    "mean_over_replicas",
    "minimize",
    "replica_count",
    "share_of_replica",
    "share_statistics",
    "training_data",
    "update",
]


class _Given(keras.random.SeedGenerator):
    """A seed that is already there; Keras takes tensors only in the shape of a SeedGenerator."""

    def __init__(self, key):
        self._key = keras.ops.cast(key, SEED_DTYPE)

    def next(self, ordered=True):
        return self._key


def given_seed(key):
    """What `keras.random` takes as its `seed`, of two integers in a tensor: stateless draws."""
    return _Given(key)
