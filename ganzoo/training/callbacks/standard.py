"""Makes Keras' own callbacks work with models that have several losses, none of them named "loss"."""

from collections.abc import Collection, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from ganzoo.errors import GanzooError


class _Losses(keras.callbacks.Callback):
    """Passes the sum of all losses as "loss" to callbacks that monitor it, after each batch, and NaN after an epoch
    after which a weight is not finite."""

    def __init__(self, callbacks: Sequence[keras.callbacks.Callback]):
        super().__init__()
        self._callbacks = callbacks

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        # Fused operations may turn NaN into 0 before it reaches a loss.
        variables = self.model.trainable_variables
        if not all(np.isfinite(ops.convert_to_numpy(variable)).all() for variable in variables):
            for callback in self._callbacks:
                callback.on_train_batch_end(0, {"loss": float("nan")})

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        # The sum is finite only if all losses are.
        total = sum(float(value) for name, value in (logs or {}).items() if name.endswith("loss"))
        for callback in self._callbacks:
            callback.on_train_batch_end(batch, {"loss": total})


def prepared(callbacks: Any, losses: Collection[str]) -> Any:
    """Prepares the argument `callbacks` of `fit` so that Keras' own callbacks work.

    `TerminateOnNaN` stops when any loss is not finite. `EarlyStopping`, `ModelCheckpoint` and others that monitor a
    loss in mode "auto" minimize it, which Keras could not infer from its name.

    Args:
        callbacks: a `keras.callbacks.Callback`, a list of them, a `keras.callbacks.CallbackList`, or None.
        losses: the names of the model's losses in the logs.

    Returns:
        The same, with one more callback if needed.

    Raises:
        GanzooError: `SwapEMAWeights`, which supports a single optimizer only.
    """
    is_container = isinstance(callbacks, keras.callbacks.CallbackList)
    given = keras.tree.flatten(callbacks.callbacks if is_container else callbacks)
    for callback in given:
        if isinstance(callback, keras.callbacks.SwapEMAWeights):
            raise GanzooError(
                "SwapEMAWeights supports a single optimizer only: leave it out, the model itself keeps averages of "
                "its networks (e.g. model.ema_generator) and uses them for inference"
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
