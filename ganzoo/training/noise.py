"""Random numbers of the training step: a function of seed, step and place in the step alone.

Nothing is drawn from a state that could be lost, so a run resumed at step n sees the numbers it would have seen.
Replicas of a strategy each take their rows of what one device would draw for the whole batch: how many there are
makes no difference.
"""

import threading

import keras

from ganzoo import backend


class Noise(threading.local):
    """Draws for one kind of step; `start_step` before each. Replicas are threads that take turns: each counts its own.

    Args:
        seed: integer; another one gives other numbers.

    Attributes:
        step: the one that draws belong to.

    Example:
        noise = Noise(seed=0)
        noise.start_step(7)
        latents = noise.normal((64, 100))
    """

    def __init__(self, seed):
        self.seed = seed
        self.step = 0
        self._calls = 0

    def start_step(self, step):
        """Everything drawn from now on belongs to this step, an integer or an integer scalar."""
        self.step = step
        self._calls = 0

    def normal(self, shape):
        """Standard normal numbers, float32; the first axis of the shape is the batch's."""
        key = self._key()
        return backend.share_of_replica(lambda shape: keras.random.normal(shape, dtype="float32", seed=key), shape)

    def uniform(self, shape, minval=0.0, maxval=1.0):
        """Uniform numbers in [minval, maxval), float32; the first axis of the shape is the batch's."""
        key = self._key()
        return backend.share_of_replica(
            lambda shape: keras.random.uniform(shape, minval, maxval, dtype="float32", seed=key), shape
        )

    def _key(self):
        self._calls += 1
        # Odd multipliers spread neighboring seeds and draws.
        place = (self.seed * 2654435761 + self._calls * 40503) % 2**30
        return backend.given_seed((place, self.step))
