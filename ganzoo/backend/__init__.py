"""What differs between Keras' back ends: the module for the one in use.

`tensorflow.py` is the home: tf.data, tf.distribute and SavedModel live there. The others train the same models on one
device. The rest of the package asks at most whether it is at home.
"""

import importlib

import keras

from ganzoo.errors import GanzooError

NAME = keras.backend.backend()
_KNOWN = ("tensorflow", "torch", "jax")
if NAME not in _KNOWN:
    raise GanzooError(f"ganzoo runs on the back ends {', '.join(_KNOWN)} of Keras, not on '{NAME}': set KERAS_BACKEND")

# Whether tf.data, tf.distribute and SavedModel are there.
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
input_gradient = _module.input_gradient
is_own = _module.is_own
leaky_relu = _module.leaky_relu
local_value = _module.local_value
logged = _module.logged
mean_over_replicas = _module.mean_over_replicas
minimize = _module.minimize
move = _module.move
no_gradients = _module.no_gradients
prelu = _module.prelu
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


def require_tensorflow(what):
    """Raises a GanzooError unless TensorFlow is the back end, where `what` lives."""
    if not IS_TENSORFLOW:
        raise GanzooError(f"{what} needs TensorFlow: set KERAS_BACKEND=tensorflow (now {NAME})")


class _Given(keras.random.SeedGenerator):
    """A seed that is already there; Keras takes tensors only in the shape of a SeedGenerator."""

    def __init__(self, key):
        self._key = _module.seed_values(key)

    def next(self, ordered=True):
        return self._key


def given_seed(key):
    """What `keras.random` takes as its `seed`, of two integers, in a tensor or a tuple: stateless draws."""
    return _Given(key)
