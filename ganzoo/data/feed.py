"""Examples in training order: which ones make up step n is a function of seed and step alone."""

import functools
import inspect
import itertools
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
        images: the uint8 images behind it, for measures; None where there are none.
        takes_images: `make_batch` takes them as a third argument too, as a tensor, and gives tensors.
        labels: their classes, where the source has any.
        class_names: name of each class, in the order of the labels; None where classes have no names.
        unlabelled: where there are no labels: why, and what to do.
        captions: what is said of each example, a list of sentences; empty where nothing is.
        validation: whole examples kept from training, for measures; empty where there are none.
        skipped: files that could not be read.
        learning: trains what the batches are made with, an encoder of captions say; None where nothing has to learn.
        held: the images as a tensor, once the device holds them; see `ganzoo.backend`.
    """

    count: int
    batch_size: int
    seed: int
    make_batch: Callable
    spec: Any
    source: str = ""
    images: np.ndarray | None = None
    takes_images: bool = False
    labels: np.ndarray | None = None
    class_names: tuple[str, ...] | None = None
    unlabelled: str = ""
    captions: tuple = ()
    validation: tuple = ()
    skipped: tuple[str, ...] = ()
    learning: Callable | None = None
    held: Any = None

    def __post_init__(self):
        # Two: threads that make batches ahead stand with one foot in the next epoch.
        self._shuffled = functools.lru_cache(maxsize=2)(
            lambda epoch: np.random.default_rng([self.seed, epoch]).permutation(self.count)
        )
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
        for step in itertools.count(first_step):
            yield step, self.indices(step)

    def indices(self, step):
        """The examples of batch number `step`."""
        epoch, place = divmod(step, self.batches_per_epoch)
        return self._shuffled(epoch)[place * self.batch_size : (place + 1) * self.batch_size]

    def learn(self):
        """Has learned what the batches are made with; nothing the second time."""
        if self.learning is not None:
            self.learning()

    def dataset(self, first_step=None, trial=False):
        """The feed as `fit` takes it: a `tf.data.Dataset`, or on other back ends than TensorFlow a
        `keras.utils.PyDataset` of the same batches.

        Args:
            first_step: None gives one epoch each time it is iterated, every time in another order; a
                number gives batches without end, beginning with that one.
            trial: leave out `learn`: batches of the right shapes and types, for measuring time alone.
        """
        from ganzoo import backend

        if not trial:
            self.learn()

        return backend.batches_of(self, first_step)


def data_function(make_feed):
    """Decorator: turns a function that returns a `Feed` into one that returns the feed's data set.

    Arguments are checked against the function's signature and annotations. The feed itself, which a run resumes in,
    is what the attribute `feed` of the new function returns, with the same arguments.

    Example:
        @data_function
        def numbers(count: int, batch_size: AtLeastOne = 64, seed: Seed = 0):
            return Feed(count, batch_size, seed, lambda step, indices: indices.astype("float32"), ((), "float32"))

        dataset = numbers(1000)
        feed = numbers.feed(1000)
    """
    signature, parameters = inspect.signature(make_feed), parameters_of(make_feed)

    def feed(*args, **kwargs):
        try:
            arguments = signature.bind_partial(*args, **kwargs).arguments
        except TypeError:
            # An argument that there is not: named below, with the nearest that there is.
            arguments = kwargs
        given = validated_arguments(parameters, arguments, f"ganzoo.data.{make_feed.__name__}()")
        return make_feed(**given)

    @functools.wraps(make_feed)
    def dataset(*args, **kwargs):
        return feed(*args, **kwargs).dataset()

    dataset.feed = feed
    return dataset


def held_out_indices(count, share):
    """Which of `count` things, in their order, are kept from training: a set of evenly spaced indices, the same always.

    One at least: without any, no checkpoint could be called the best. But never all; none if the share is 0.
    """
    kept = min(count - 1, max(1, round(share * count))) if share else 0
    return {int((i + 0.5) * count / kept) for i in range(kept)} if kept > 0 else set()
