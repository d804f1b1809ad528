"""Random numbers of the training step: a function of seed, step, place in the step and replica alone.

Nothing is drawn from a state that could be lost, so a run resumed at step n sees the numbers it
would have seen, and replicas of a strategy each see their own.
"""

import threading

import keras
from keras import ops

from ganzoo.training import backend


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
        self._draws = 0

    def start_step(self, step):
        """Everything drawn from now on belongs to this step, an integer or an integer scalar."""
        self.step = step
        self._draws = 0

    def normal(self, shape):
        """Standard normal numbers, float32."""
        return keras.random.normal(shape, dtype="float32", seed=self._key())

    def uniform(self, shape, minval=0.0, maxval=1.0):
        """Uniform numbers in [minval, maxval), float32."""
        return keras.random.uniform(shape, minval, maxval, dtype="float32", seed=self._key())

    def _key(self):
        self._draws += 1
        # Odd multipliers spread neighbouring seeds and draws; 30 bits leave room to add the replica.
        place = (self.seed * 2654435761 + self._draws * 40503) % 2**30
        first = ops.cast(backend.replica_id(), "int32") * 65537 + place
        return _Key(ops.stack([first, ops.cast(self.step, "int32")]))


class _Key(keras.random.SeedGenerator):
    """A seed that is already there; Keras takes tensors only in the shape of a SeedGenerator."""

    def __init__(self, key):
        self._key = ops.cast(key, backend.SEED_DTYPE)

    def next(self, ordered=True):
        return self._key
