"""Random numbers of the training step, a function of the seed, the step and the number of the call within the step.

There is no state to lose, so a run resumed at step n gets the same numbers as an uninterrupted one. Each replica of a
strategy takes its rows of the numbers that one device would sample for the whole batch, so the number of replicas does
not matter.
"""

import threading
from collections.abc import Sequence
from typing import Any

import keras

from ganzoo import backend
from ganzoo.types import Tensor


class Noise(threading.local):
    """A source of random numbers; call `start_step` before each step. Thread-local, because replicas are threads.

    Args:
        seed: an integer.

    Attributes:
        step: the current step.

    Example:
        from ganzoo.training.noise import Noise

        noise = Noise(seed=0)
        noise.start_step(7)
        latents = noise.normal((64, 100))           # the same for every step 7 with seed 0
    """

    def __init__(self, seed: int):
        self.seed = seed
        self.step: Any = 0
        self._calls = 0

    def start_step(self, step: Any) -> None:
        """Starts a step, an integer or an integer scalar tensor."""
        self.step = step
        self._calls = 0

    def normal(self, shape: Sequence[Any]) -> Tensor:
        """Samples from the standard normal distribution, float32; the first axis of the shape is the batch."""
        key = self._key()
        return backend.share_of_replica(lambda shape: keras.random.normal(shape, dtype="float32", seed=key), shape)

    def uniform(self, shape: Sequence[Any], minval: float = 0.0, maxval: float = 1.0) -> Tensor:
        """Samples uniformly from [minval, maxval), float32; the first axis of the shape is the batch."""
        key = self._key()
        return backend.share_of_replica(
            lambda shape: keras.random.uniform(shape, minval, maxval, dtype="float32", seed=key), shape
        )

    def common(self, shape: Sequence[Any]) -> Tensor:
        """Samples uniformly from [0, 1), float32, the same numbers on all replicas."""
        return keras.random.uniform(shape, dtype="float32", seed=self._key())

    def _key(self) -> Any:
        self._calls += 1
        # Odd multipliers separate adjacent seeds and calls.
        key = (self.seed * 2654435761 + self._calls * 40503) % 2**30
        return backend.given_seed((key, self.step))
