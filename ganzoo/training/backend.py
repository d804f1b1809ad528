"""The training step's back end: the module for the Keras back end in use."""

import keras

from ganzoo.errors import GanzooError

if keras.backend.backend() == "tensorflow":
    from ganzoo.training.backend_tensorflow import (
        SEED_DTYPE,
        after,
        compiled,
        input_gradient,
        mean_over_replicas,
        minimize,
        replica_count,
        replica_id,
        training_data,
        update,
    )
else:
    raise GanzooError(
        f"training runs on the TensorFlow back end of Keras only, not on '{keras.backend.backend()}': "
        "set KERAS_BACKEND=tensorflow"
    )

__all__ = [
    "SEED_DTYPE",
    "after",
    "compiled",
    "input_gradient",
    "mean_over_replicas",
    "minimize",
    "replica_count",
    "replica_id",
    "training_data",
    "update",
]
