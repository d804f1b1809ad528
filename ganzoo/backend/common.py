"""What backends share: defaults for all eager backends, and a replacement for tf.data and tf.distribute."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from ganzoo.errors import GanzooError
from ganzoo.types import Tensor

if TYPE_CHECKING:
    from ganzoo.data.feed import Feed
    from ganzoo.training.zoo_model import ZooModel

ALWAYS_COMPILED = False
# Operations that a backend may replace by faster ones: `tensorflow_kernels.py`, `tensorflow_convolutions.py` and
# `torch_kernels.py`.
KerasAdam = keras.optimizers.Adam
adam = None
batch_normalized = None
convolved = None
leaky_relu = None
normalized = None
prelu = None
transposed_convolved = None


def train_step(model: "ZooModel", data: Any) -> dict[str, Tensor]:
    """One training step, as `fit` calls it."""
    return model.training_step(data)


def test_step(model: "ZooModel", data: Any) -> dict[str, Tensor]:
    """The losses of a batch, as `evaluate` calls it."""
    return model.evaluation_step(data)


def repeated(model: "ZooModel", batch_of: Callable[[Any], Any]) -> Callable[[int], None]:
    """A function that takes a number of training steps; as in `tensorflow.py`."""

    def run(count):
        # What the step does may have changed since it was compiled for another function.
        if getattr(model, "repeats", None) is not run:
            model.make_train_function(force=True)
            model.repeats = run
        for _ in range(count):
            batch = batch_of(model.steps)
            model.train_on_batch(*(batch if isinstance(batch, tuple) else (batch,)))

    return run


def sync_variables(model: "ZooModel") -> None:
    """Copies the values of a running `fit` to the model's variables. Nothing to do here."""


def free_gradients() -> None:
    """Does nothing: only TensorFlow keeps gradients of graphs longer than the graphs."""


def in_tensor(key: Any) -> Tensor:
    """Two integers, in a tensor or a tuple, as a tensor."""
    return ops.stack([ops.cast(number, "int32") for number in key]) if isinstance(key, tuple) else key


def hold(feed: "Feed", room: int) -> None:
    """Moves a feed's uint8 images to the device if they take at most `room` bytes, so that batches are made there and
    no float32 data is transferred at each step."""
    if feed.takes_images and feed.held is None and feed.images is not None and feed.images.nbytes <= room:
        feed.held = ops.convert_to_tensor(feed.images)


# Threads that prepare batches.
_WORKERS = 2


class Batches(keras.utils.PyDataset):
    """The batches of a `Feed`, prepared by threads during training.

    Args:
        feed: a `ganzoo.data.feed.Feed`.
        first_step: None for one epoch per iteration, each in another order; a number for an endless sequence of batches
            that starts with the batch of that step.
        together: number of consecutive batches to join into one.
    """

    def __init__(self, feed: "Feed", first_step: int | None = None, together: int = 1):
        super().__init__(workers=_WORKERS, max_queue_size=4)
        self.feed, self.first_step, self.together = feed, first_step, together
        self._epoch, self._epoch_is_begun = 0, False
        specs = feed.spec if isinstance(feed.spec, list) else [feed.spec]
        specs = tuple(keras.KerasTensor((feed.batch_size, *shape), dtype) for shape, dtype in specs)
        self.element_spec = specs if isinstance(feed.spec, list) else specs[0]

    @property
    def num_batches(self) -> int | None:
        """Batches per epoch; None if endless."""
        return self.feed.batches_per_epoch // self.together if self.first_step is None else None

    def __getitem__(self, index: int) -> Any:
        batch = self._batch(index)
        # Keras accepts a single array as a batch, but neither a single tensor nor more than three parts.
        return (batch,) if ops.is_tensor(batch) or (isinstance(batch, tuple) and len(batch) > 3) else batch

    def _batch(self, index: int) -> Any:
        self._epoch_is_begun = True
        per_epoch = self.feed.batches_per_epoch
        first = self._epoch * per_epoch if self.first_step is None else self.first_step
        steps = range(first + index * self.together, first + (index + 1) * self.together)
        held = () if self.feed.held is None else (self.feed.held,)
        return joined([self.feed.make_batch(step, self.feed.indices(step), *held) for step in steps])

    def on_epoch_end(self) -> None:
        # Keras calls this also before the first epoch.
        self._epoch += self._epoch_is_begun
        self._epoch_is_begun = False

    def __iter__(self) -> Iterator[Any]:
        """One epoch, or an endless sequence of batches."""
        index = 0
        while self.num_batches is None or index < self.num_batches:
            yield self._batch(index)
            index += 1
        self.on_epoch_end()


def is_own(data: Any) -> bool:
    """Whether data is an unmodified dataset of `ganzoo.data`."""
    return isinstance(data, Batches)


def training_data(dataset: Any, count: int, replicas: int = 1) -> Any:
    """The dataset that `fit` reads: each of its batches joins `count` consecutive batches of the given one."""
    if count == 1:
        return dataset
    if not isinstance(dataset, Batches):
        raise GanzooError(f"discriminator_steps={count} takes datasets of ganzoo.data, or arrays, on this backend")
    if dataset.feed.batches_per_epoch < count:
        raise GanzooError(f"the batches of an epoch are too few for discriminator_steps={count}")
    return Batches(dataset.feed, dataset.first_step, count)


def joined(batches: Sequence[Any]) -> Any:
    """Concatenates batches: arrays, or tuples of arrays."""
    if len(batches) == 1:
        return batches[0]

    def concatenated(*arrays):
        return ops.concatenate(arrays) if ops.is_tensor(arrays[0]) else np.concatenate(arrays)

    return keras.tree.map_structure(concatenated, *batches)


# A single device, without deferred execution.


def with_dependency(data: Any, value: Any) -> Any:
    """The value, available only after the data."""
    return value.value if isinstance(value, keras.Variable) else value


def without_gradient(name: str) -> GanzooError:
    """The error for an objective from which nothing can be learned."""
    return GanzooError(
        f"the loss of the objective '{name}' depends on no weight of its networks: compute it from their outputs (not "
        "from those of their averages), without argmax, rounding or NumPy"
    )


def never_empty(data: Any) -> Any:
    """The batch; as in `tensorflow.py`."""
    return data


def weight_of(data: Any, training: bool) -> float | None:
    """The weight of what is recorded of a batch, see `tensorflow.py`."""
    shapes = [part.shape for part in keras.tree.flatten(data) if getattr(part, "shape", ())]
    return float(shapes[0][0]) if shapes and not training else None


def replica_count() -> int:
    """Number of replicas."""
    return 1


def mean_over_replicas(value: Tensor) -> Tensor:
    """The mean of a tensor over all replicas."""
    return value


def share_of_replica(sample: Callable[[Any], Tensor], shape: Any) -> Tensor:
    """This replica's rows of `sample(shape)`."""
    return sample(shape)


def from_all_replicas(value: Tensor) -> Tensor:
    """The rows of a tensor of all replicas."""
    return value


def own_rows(value: Tensor, own: Tensor) -> Tensor:
    """This replica's rows of a tensor of all replicas."""
    return value


def share_statistics(variables: Sequence[keras.Variable]) -> None:
    """Averages variables over replicas."""


def logged(values: dict[str, Tensor]) -> dict[str, Tensor]:
    """Prepares {name: scalar} for the logs of `fit`."""
    return values
