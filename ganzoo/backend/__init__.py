"""What differs between Keras' backends.

TensorFlow has all features: tf.data, tf.distribute and SavedModel. The other backends train the same models on one
device.
"""

import importlib
import os
from typing import Any

import keras

from ganzoo.errors import GanzooError
from ganzoo.types import Tensor

NAME = keras.backend.backend()
_KNOWN = ("tensorflow", "torch", "jax")
if NAME not in _KNOWN:
    raise GanzooError(f"ganzoo runs on the backends {', '.join(_KNOWN)} of Keras, not on '{NAME}': set KERAS_BACKEND")

# Whether tf.data, tf.distribute and SavedModel are available.
IS_TENSORFLOW = NAME == "tensorflow"

_module = importlib.import_module(f"ganzoo.backend.{NAME}")

ALWAYS_COMPILED = _module.ALWAYS_COMPILED
KerasAdam = _module.KerasAdam
adam = _module.adam
with_dependency = _module.with_dependency
batch_normalized = _module.batch_normalized
batches_of = _module.batches_of
compiled = _module.compiled
convolved = _module.convolved
device = _module.device
free_gradients = _module.free_gradients
from_all_replicas = _module.from_all_replicas
input_gradient = _module.input_gradient
is_own = _module.is_own
leaky_relu = _module.leaky_relu
local_value = _module.local_value
logged = _module.logged
mean_over_replicas = _module.mean_over_replicas
minimize = _module.minimize
move = _module.move
never_empty = _module.never_empty
no_gradients = _module.no_gradients
normalized = _module.normalized
own_rows = _module.own_rows
prelu = _module.prelu
repeated = _module.repeated
replica_count = _module.replica_count
sync_variables = _module.sync_variables
share_of_replica = _module.share_of_replica
share_statistics = _module.share_statistics
test_step = _module.test_step
train_step = _module.train_step
training_data = _module.training_data
transposed_convolved = _module.transposed_convolved
unsupported = _module.unsupported
update = _module.update
weight_of = _module.weight_of

# For bug reports: whether a problem remains with the operations of Keras alone. Networks and results are the same.
PLAIN_KERNELS = os.environ.get("GANZOO_PLAIN_KERNELS", "") not in ("", "0")
if PLAIN_KERNELS:
    for _name in ("adam", "batch_normalized", "convolved", "leaky_relu", "normalized", "prelu", "transposed_convolved"):
        globals()[_name] = None


def require_tensorflow(what: str) -> None:
    """Raises a GanzooError, naming what needs it, unless TensorFlow is the backend."""
    if not IS_TENSORFLOW:
        raise GanzooError(f"{what} needs TensorFlow: set KERAS_BACKEND=tensorflow (now {NAME})")


class _FixedSeed(keras.random.SeedGenerator):
    """A fixed seed; Keras accepts a tensor only from a SeedGenerator."""

    def __init__(self, key: Any):
        self._key = _module.seed_values(key)

    def next(self, ordered: bool = True) -> Tensor:
        return self._key


def given_seed(key: Any) -> keras.random.SeedGenerator:
    """A `seed` for the functions of `keras.random` from two integers, in a tensor or a tuple; equal keys give equal
    numbers.

    Example:
        from ganzoo import backend

        noise = keras.random.normal((2, 3), seed=backend.given_seed((0, 1)))
    """
    return _FixedSeed(key)
