"""Examples in training order: the batch of step n depends only on the seed and n."""

import functools
import inspect
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np

from ganzoo.arguments import parameters_of, validated_arguments
from ganzoo.errors import GanzooError


@dataclass
class Feed:
    """A dataset that training can start or resume at any step.

    Attributes:
        count: number of examples.
        batch_size: examples per batch; the incomplete last batch of an epoch is dropped.
        seed: seed of the order; every epoch has another order.
        make_batch: function from (step, indices) to a batch, a NumPy array or a tuple of them.
        spec: (shape without the batch axis, dtype) of each array of a batch, nested like the batch.
        source: where the examples come from, for errors.
        images: the underlying uint8 images, for metrics; None if there are none.
        takes_images: `make_batch` also takes the images as a third argument, a tensor, and then returns tensors.
        labels: class labels of the images, if the source has any.
        class_names: name of each class, in the order of the labels; None if classes have no names.
        unlabeled: if there are no labels: why, and what to do.
        captions: list of captions of each example; empty if there are none.
        said: which values of attributes each caption names, int (count, captions, attributes), -1 where none; None
            if that is not known.
        validation: held-out examples at full size, for metrics; empty if there are none.
        skipped: files that could not be read.
        learning: function that trains whatever batches depend on, e.g. a caption encoder; None if there is nothing to
            train.
        held: the images as a tensor, once they are on the device; see `ganzoo.backend`.

    Example:
        from ganzoo.data.feed import Feed

        feed = Feed(10, 4, 0, lambda step, indices: indices.astype("float32"), ((), "float32"))
        step, indices = next(feed.order(first_step=7))     # 7, four of the ten indices
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
    unlabeled: str = ""
    captions: tuple = ()
    said: np.ndarray | None = None
    validation: tuple = ()
    skipped: tuple[str, ...] = ()
    learning: Callable | None = None
    held: Any = None

    def __post_init__(self):
        # Two: threads that prefetch batches may already be in the next epoch.
        self._shuffled = functools.lru_cache(maxsize=2)(
            lambda epoch: np.random.default_rng([self.seed, epoch]).permutation(self.count)
        )
        if self.batch_size > self.count:
            raise GanzooError(
                f"a batch of {self.batch_size} is larger than the {self.count} examples of {self.source}: "
                f"set batch_size to {self.count} or less"
            )

    @property
    def batches_per_epoch(self) -> int:
        """Complete batches per epoch."""
        return self.count // self.batch_size

    def order(self, first_step: int = 0) -> Iterator[tuple[int, np.ndarray]]:
        """Yields (step, indices) forever; step n is the same whether training reached it or started there."""
        for step in itertools.count(first_step):
            yield step, self.indices(step)

    def indices(self, step: int) -> np.ndarray:
        """The indices of the examples in the batch of `step`."""
        epoch, place = divmod(step, self.batches_per_epoch)
        return self._shuffled(epoch)[place * self.batch_size : (place + 1) * self.batch_size]

    def learn(self) -> None:
        """Trains whatever batches depend on, once."""
        if self.learning is not None:
            self.learning()

    def dataset(self, first_step: int | None = None, trial: bool = False) -> Any:
        """The dataset for `fit`: a `tf.data.Dataset` on TensorFlow, else a `keras.utils.PyDataset` of the same batches.

        Args:
            first_step: None yields one epoch per iteration, each in another order; a number yields batches forever,
                starting with this step.
            trial: skip `learn`: batches have the right shapes and types, which suffices to measure time.
        """
        from ganzoo import backend

        if not trial:
            self.learn()

        return backend.batches_of(self, first_step)


class DataFunction(Protocol):
    """What `data_function` returns."""

    feed: Callable[..., Feed]

    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...


def data_function(make_feed: Callable[..., Feed]) -> DataFunction:
    """Decorator: turns a function that returns a `Feed` into one that returns the feed's dataset.

    Arguments are validated against the function's signature and annotations. The feed itself, which a resumed run
    needs, is returned by the attribute `feed` of the new function, called with the same arguments.

    Example:
        from ganzoo.arguments import AtLeastOne, Seed
        from ganzoo.data.feed import Feed, data_function

        @data_function
        def numbers(count: int, batch_size: AtLeastOne = 64, seed: Seed = 0):
            return Feed(count, batch_size, seed, lambda step, indices: indices.astype("float32"), ((), "float32"))

        dataset = numbers(1000)
        feed = numbers.feed(1000)
    """
    signature, parameters = inspect.signature(make_feed), parameters_of(make_feed)

    def feed(*args, **kwargs):
        where = f"ganzoo.data.{make_feed.__name__}()"
        try:
            arguments = signature.bind_partial(*args, **kwargs).arguments
        except TypeError as error:
            if kwargs.keys() <= parameters.keys():
                raise GanzooError(f"{where}: {error}") from None
            # An unknown argument: the error below names it and the nearest match.
            arguments = kwargs
        given = validated_arguments(parameters, arguments, where)
        return make_feed(**given)

    @functools.wraps(make_feed)
    def dataset(*args, **kwargs):
        return feed(*args, **kwargs).dataset()

    made = cast(DataFunction, dataset)
    made.feed = feed
    return made


def held_out_indices(count: int, share: float) -> set[int]:
    """Indices of the examples of `count` that are held out for validation: evenly spaced and always the same.

    At least one, since without validation data no checkpoint can be called the best, but never all; none if `share`
    is 0.

    Example:
        from ganzoo.data.feed import held_out_indices

        held_out_indices(10, 0.2)     # {2, 7}
    """
    held = min(count - 1, max(1, round(share * count))) if share else 0
    return {int((i + 0.5) * count / held) for i in range(held)} if held > 0 else set()
