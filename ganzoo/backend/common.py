"""What back ends share: first what all do alike that act at once, then what those do that have neither tf.data nor
tf.distribute."""

import keras
import numpy as np
from keras import ops

from ganzoo.errors import GanzooError

ALWAYS_COMPILED = False
# What a back end does better than Keras asks of it; see `tensorflow_kernels.py` and `torch_kernels.py`.
KerasAdam = keras.optimizers.Adam
adam = None
batch_normalized = None
convolved = None
leaky_relu = None
prelu = None
transposed_convolved = None


def train_step(model, data):
    """One step of the game, as `fit` calls it."""
    return model.training_step(data)


def test_step(model, data):
    """The losses of a batch, as `evaluate` calls it."""
    return model.evaluation_step(data)


def sync_variables(model):
    """Gives the model's variables the values that a running `fit` has for them: they have them."""


def in_tensor(key):
    """Two integers, in a tensor or a tuple, in a tensor."""
    return ops.stack([ops.cast(number, "int32") for number in key]) if isinstance(key, tuple) else key


def hold(feed, room):
    """Moves a feed's images to the device as they are, where they take no more than `room` bytes: batches are made of
    them there, and four times as many bytes need not move at each step."""
    if feed.takes_images and feed.held is None and feed.images.nbytes <= room:
        feed.held = ops.convert_to_tensor(feed.images)


# Threads that make batches ahead of the training.
_WORKERS = 2


class Batches(keras.utils.PyDataset):
    """The batches of a `Feed`, made by threads while the training works on earlier ones.

    Args:
        feed: a `ganzoo.data.feed.Feed`.
        first_step: None gives one epoch each time it is iterated, every time in another order; a number gives batches
            without end, beginning with that one.
        together: how many consecutive batches make one of these.
    """

    def __init__(self, feed, first_step=None, together=1):
        super().__init__(workers=_WORKERS, max_queue_size=4)
        self.feed, self.first_step, self.together = feed, first_step, together
        self._epoch, self._epoch_is_begun = 0, False
        specs = feed.spec if isinstance(feed.spec, list) else [feed.spec]
        specs = tuple(keras.KerasTensor((feed.batch_size, *shape), dtype) for shape, dtype in specs)
        self.element_spec = specs if isinstance(feed.spec, list) else specs[0]

    @property
    def num_batches(self):
        return self.feed.batches_per_epoch // self.together if self.first_step is None else None

    def __getitem__(self, index):
        batch = self._batch(index)
        # Keras takes a bare array for a batch, but not a bare tensor.
        return (batch,) if ops.is_tensor(batch) else batch

    def _batch(self, index):
        self._epoch_is_begun = True
        per_epoch = self.feed.batches_per_epoch
        first = self._epoch * per_epoch if self.first_step is None else self.first_step
        steps = range(first + index * self.together, first + (index + 1) * self.together)
        held = () if self.feed.held is None else (self.feed.held,)
        return joined([self.feed.make_batch(step, self.feed.indices(step), *held) for step in steps])

    def on_epoch_end(self):
        # Keras says so also before the first one.
        self._epoch += self._epoch_is_begun
        self._epoch_is_begun = False

    def __iter__(self):
        """One epoch, or batches without end."""
        index = 0
        while self.num_batches is None or index < self.num_batches:
            yield self._batch(index)
            index += 1
        self.on_epoch_end()


def is_own(data):
    """Whether data is a data set of `ganzoo.data` as it was made."""
    return isinstance(data, Batches)


def training_data(dataset, count, replicas=1):
    """A data set as `fit` reads it: each of its batches holds `count` consecutive batches of the given one."""
    if count == 1:
        return dataset
    if not isinstance(dataset, Batches):
        raise GanzooError(f"discriminator_steps={count} takes data sets of ganzoo.data, or arrays, on this back end")
    if dataset.feed.batches_per_epoch < count:
        raise GanzooError(f"the batches of an epoch are too few for discriminator_steps={count}")
    return Batches(dataset.feed, dataset.first_step, count)


def joined(batches):
    """Batches, arrays or tuples of them, as one."""
    if len(batches) == 1:
        return batches[0]

    def concatenated(*arrays):
        return ops.concatenate(arrays) if ops.is_tensor(arrays[0]) else np.concatenate(arrays)

    return keras.tree.map_structure(concatenated, *batches)


# One device, on which everything happens when it is written.


def with_dependency(data, value):
    """The value, known only once the data is there."""
    return value.value if isinstance(value, keras.Variable) else value


def replica_count():
    return 1


def mean_over_replicas(value):
    return value


def share_of_replica(draw, shape):
    return draw(shape)


def share_statistics(variables):
    pass


def logged(values):
    return values
