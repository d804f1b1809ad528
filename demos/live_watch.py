"""What the page of live training does while a model trains: it shows the model's images, and takes turns."""

import contextlib
import functools
import time
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

import ganzoo
from ganzoo.pixels import to_float, to_uint8

from .live_view import render
from .turns import TRAINING

if TYPE_CHECKING:
    from .live import Run

IMAGES, REAL_IMAGES = 36, 12
SECONDS_PER_FRAME = 0.5


class Watch(keras.callbacks.Callback):
    """Shows a run to its visitor, takes turns with the games of the laboratory, and stops when asked.

    Args:
        run: is kept up to date.
        turns: the context that holds the lock of building models; closed when training begins.
    """

    def __init__(self, run: "Run", turns: contextlib.ExitStack):
        super().__init__()
        self._run, self._turns = run, turns
        self._shown, self._views = 0.0, 0
        self._logs: dict[str, float] = {}

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._turns.close()
        self._run.complete = False
        self._latents = self.model.latents(IMAGES, seed=0)
        self._real = _real_images(self.model.image_shape)
        self._show("preparing the first step")

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        # The first step compiles its graph for seconds: nobody waits for that.
        if self._views > 1:
            self._turns.enter_context(TRAINING)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._turns.close()
        self._logs = dict(logs or {})
        if self._run.stop:
            self.model.stop_training = True
        if self._run.stop or time.monotonic() - self._shown >= SECONDS_PER_FRAME:
            self._show()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._logs = dict(logs or {})
        self._run.complete = epoch + 1 == self._run.settings["training.epochs"]
        self._show()

    def _show(self, status: str = "") -> None:
        run, model = self._run, self.model
        images = model.generate(latents=self._latents)
        of_fake, of_real = np.split(_opinions(model, np.concatenate([images, self._real])), [len(images)])
        run.history.append({"step": model.steps, **self._logs})
        self._views += 1
        rate = ""
        if self._views == 2:  # the first step is slower
            self._first_step, self._first = model.steps, time.monotonic()
        elif self._views > 2:
            seconds = max(time.monotonic() - self._first, 1e-3)
            rate = f" · {(model.steps - self._first_step) / seconds:.1f} steps per second"
        run.view = render(model, images, self._real, of_fake, of_real, run.history)
        run.status = status or f"training: step {model.steps:,}{rate}"
        run.version += 1
        self._shown = time.monotonic()


@functools.lru_cache(maxsize=1)
def _real_images(shape: tuple[int, int, int]) -> np.ndarray:
    """Some of the digits, uint8 (REAL_IMAGES, height, width, channels)."""
    batches = ganzoo.data.images("digits", image_shape=shape, batch_size=10 * REAL_IMAGES, upscale=True, seed=0)
    return to_uint8(np.asarray(next(iter(batches)))[::10])


def _opinions(model: Any, images: np.ndarray) -> np.ndarray:
    """What the discriminator says of images uint8, (count,): D(x), or its raw output for other losses."""
    logits = model.discriminator(model.discriminator_inputs(ops.convert_to_tensor(to_float(images)), None))
    logits = ops.sigmoid(logits) if model.loss.gives_probabilities else logits
    return ops.convert_to_numpy(logits)[:, 0]
