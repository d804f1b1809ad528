"""Examples in training order: which ones make up step n is a function of seed and step alone."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ganzoo.config import parameters_of, validated_arguments
from ganzoo.errors import GanzooError


@dataclass
class Feed:
    """A data set that training can begin at any step.

    Attributes:
        count: examples in the data set.
        batch_size: examples in a batch; the last incomplete one of an epoch is left out.
        seed: of the order; every epoch has its own.
        make_batch: (step, indices) to the batch, a NumPy array or a tuple of them.
        source: where the examples come from, for errors.
        spec: (shape without the batch, dtype) of each array of a batch, alike nested.
        pictures: the uint8 pictures behind it, for measures; None where there are none.
        labels: their classes, where the source has any.
        captions: what is said of each example, a list of sentences; empty where nothing is.
        validation: whole examples kept from training, for measures; empty where there are none.
        skipped: files that could not be read.
    """

    count: int
    batch_size: int
    seed: int
    make_batch: Callable
    spec: Any
    source: str = ""
    pictures: np.ndarray | None = None
    labels: np.ndarray | None = None
    captions: tuple = ()
    validation: tuple = ()
    skipped: tuple[str, ...] = ()

    def __post_init__(self):
        if self.batch_size > self.count:
            raise GanzooError(
                f"a batch of {self.batch_size} is larger than the {self.count} examples of {self.source}: "
                f"set batch_size to {self.count} or less"
            )

    @property
    def batches_per_epoch(self):
        return self.count // self.batch_size

    def order(self, first_step=0):
        """Yields (step, indices) without end; step n is the same whether reached or begun at."""
        step = first_step
        while True:
            epoch, place = divmod(step, self.batches_per_epoch)
            order = np.random.default_rng([self.seed, epoch]).permutation(self.count)
            for i in range(place, self.batches_per_epoch):
                yield step, order[i * self.batch_size : (i + 1) * self.batch_size]
                step += 1

    def dataset(self, first_step=None):
        """The feed as a `tf.data.Dataset`.

        Args:
            first_step: None gives one epoch each time it is iterated, every time in another order; a
                number gives batches without end, beginning with that one.
        """
        import tensorflow as tf

        nested = isinstance(self.spec, list)
        specs = self.spec if nested else [self.spec]
        epochs_begun = iter(range(2**31))

        def order():
            if first_step is not None:
                yield from self.order(first_step)
            start = next(epochs_begun) * self.batches_per_epoch
            for place, _ in zip(self.order(start), range(self.batches_per_epoch)):
                yield place

        def tensors(step, indices):
            types = [dtype for _, dtype in specs]
            arrays = tf.numpy_function(self.make_batch, [step, indices], types if nested else types[0], stateful=False)
            arrays = arrays if nested else [arrays]
            shaped = [tf.ensure_shape(a, (self.batch_size, *shape)) for a, (shape, _) in zip(arrays, specs)]
            return tuple(shaped) if nested else shaped[0]

        signature = (tf.TensorSpec((), "int64"), tf.TensorSpec((self.batch_size,), "int64"))
        dataset = tf.data.Dataset.from_generator(order, output_signature=signature)
        dataset = dataset.map(tensors, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        cardinality = self.batches_per_epoch if first_step is None else tf.data.INFINITE_CARDINALITY
        return dataset.apply(tf.data.experimental.assert_cardinality(cardinality)).prefetch(tf.data.AUTOTUNE)


def checked(function, arguments):
    """A data function's arguments by its signature, defaults filled in."""
    parameters = parameters_of(function)
    given = validated_arguments(parameters, arguments, f"ganzoo.data.{function.__name__}()")
    return {name: given.get(name, parameter.default) for name, parameter in parameters.items()}


def kept_out(count, share):
    """Which of `count` things, in their order, are kept from training: a set of evenly spaced indices, the same always.

    One at least: without any, no checkpoint could be called the best. But never all; none if the share is 0.
    """
    kept = min(count - 1, max(1, round(share * count))) if share else 0
    return {int((i + 0.5) * count / kept) for i in range(kept)} if kept > 0 else set()
