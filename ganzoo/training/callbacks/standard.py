"""What Keras' own callbacks need of a model that has several losses and none called "loss"."""

import keras
import numpy as np
from keras import ops

from ganzoo.errors import GanzooError


class _Losses(keras.callbacks.Callback):
    """Shows callbacks that look for "loss" the sum of all losses after each batch, and NaN after an epoch that has
    left a weight without a finite value."""

    def __init__(self, callbacks):
        super().__init__()
        self._callbacks = callbacks

    def on_epoch_end(self, epoch, logs=None):
        # Fused operations may turn NaN into 0 on their way to a loss.
        variables = self.model.trainable_variables
        if not all(np.isfinite(ops.convert_to_numpy(variable)).all() for variable in variables):
            for callback in self._callbacks:
                callback.on_train_batch_end(0, {"loss": float("nan")})

    def on_train_batch_end(self, batch, logs=None):
        # A sum is a number only if all of its terms are.
        total = sum(float(value) for name, value in (logs or {}).items() if name.endswith("loss"))
        for callback in self._callbacks:
            callback.on_train_batch_end(batch, {"loss": total})


def prepared(callbacks, losses):
    """The argument `callbacks` of `fit`, so that Keras' own callbacks work.

    `TerminateOnNaN` stops when any loss is no longer a finite number. `EarlyStopping`, `ModelCheckpoint` and others in
    mode "auto" that monitor a loss take lower values for better ones, where Keras would not know.

    Args:
        callbacks: a `keras.callbacks.Callback`, a list of them, a `keras.callbacks.CallbackList`, or None.
        losses: the names of the model's losses in the logs.

    Returns:
        The same, with one more callback where it is needed.

    Raises:
        GanzooError: `SwapEMAWeights`, which knows one optimizer.
    """
    is_container = isinstance(callbacks, keras.callbacks.CallbackList)
    given = keras.tree.flatten(callbacks.callbacks if is_container else callbacks)
    for callback in given:
        if isinstance(callback, keras.callbacks.SwapEMAWeights):
            raise GanzooError(
                "SwapEMAWeights takes the averages of a single optimizer: leave it out, the model keeps averages of "
                "its own networks (e.g. model.ema_generator) and uses them for inference"
            )
        monitored = str(getattr(callback, "monitor", None)).removeprefix("val_")
        if monitored in losses and getattr(callback, "mode", None) == "auto":
            callback.mode = "min"
    waiting = [callback for callback in given if isinstance(callback, keras.callbacks.TerminateOnNaN)]
    if not waiting or any(isinstance(callback, _Losses) for callback in given):
        return callbacks
    if is_container:
        callbacks.append(_Losses(waiting))
        return callbacks
    return [*given, _Losses(waiting)]
