"""Batches as `fit` receives them: an array or tensor, or a tuple of these."""

import contextlib
import inspect
import itertools
import sys
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from ganzoo import backend
from ganzoo.data.batch_checks import as_array, rank_of
from ganzoo.errors import GanzooError


def with_condition(x: Any, condition: Any) -> Any:
    """The inputs of a network: x, or [x, condition] if there is a condition."""
    return x if condition is None else [x, condition]


def as_arrays(x: Any, y: Any) -> tuple[Any, Any]:
    """The arguments x and y of `fit`, with tensors as NumPy arrays and a list of labels as an array.

    A pair in `x` is split into x and y; a dataset is returned as it is.

    Example:
        from ganzoo.data.batches import as_arrays

        x, y = as_arrays((np.zeros((2, 8)), [0, 1]), None)     # shapes (2, 8) and (2,)
    """
    if y is None and isinstance(x, (tuple, list)) and len(x) == 2:
        x, y = x
    x, y = (as_array(part) for part in (x, y))
    return x, np.asarray(y) if isinstance(x, np.ndarray) and isinstance(y, list) else y


def keep_validation(x: Any, y: Any, options: dict[str, Any]) -> tuple[Any, Any]:
    """Applies `fit`'s option `validation_split`: moves the last examples, as Keras does, to `validation_data`.

    Args:
        x, y: arrays, as `as_arrays` returns them.
        options: options of `fit`; changed in place.

    Returns:
        (x, y) of the training part.

    Raises:
        GanzooError: one of the parts would be empty.
    """
    share = options.get("validation_split")
    if not share or not 0 < share < 1 or options.get("validation_data") is not None:
        return x, y
    del options["validation_split"]
    kept = int(len(x) * (1 - share))
    if not 0 < kept < len(x):
        part = "validation" if kept else "training"
        raise GanzooError(f"validation_split={share:g} of {len(x)} examples leaves none for {part}")
    options["validation_data"] = (x[kept:],) if y is None else (x[kept:], y[kept:])
    return x[:kept], y if y is None else y[:kept]


def first_examples(x: Any, y: Any, count: int, or_all: bool = False) -> tuple[Any, Any]:
    """(at least `count` examples from the data of `fit`, as one batch of arrays; x, which still yields them).

    Args:
        x, y: the data.
        count: number of examples.
        or_all: take all examples of a dataset that has fewer.

    Raises:
        GanzooError: the dataset has fewer examples.
    """
    parts: list[Any] = []
    if isinstance(x, np.ndarray):
        parts.append(unpadded((x[:count], None if y is None else y[:count])))
    else:
        found, taken = 0, []
        for batch in x:
            taken.append(batch)
            parts.append(keras.tree.map_structure(ops.convert_to_numpy, unpadded(batch)))
            found += len(keras.tree.flatten(parts[-1])[0])
            if found >= count:
                break
        if isinstance(x, Iterator):
            x = _generator(itertools.chain(taken, x))
    if not parts:
        raise GanzooError("the dataset is empty")
    batch = keras.tree.map_structure(lambda *arrays: np.concatenate(arrays), *parts)
    found = len(keras.tree.flatten(batch)[0])
    if found < count and not or_all:
        raise GanzooError(f"a reference batch of {count} needs at least as many images, but the dataset has {found}")
    return batch, x


class FirstBatch:
    """Checks the first batch of a dataset or generator without removing it from training.

    On TensorFlow a `tf.data.Dataset` is not read twice: its first batch is checked as it passes through. Datasets of
    `ganzoo.data` are not checked, since they are valid by construction.

    Args:
        check: function that takes a batch (an array, a tuple of arrays or whatever the data yields) and raises a
            GanzooError if it is invalid.

    Example:
        from ganzoo.data.batch_checks import check_images
        from ganzoo.data.batches import FirstBatch

        batches = iter([np.zeros((4, 8, 8, 1), "float32")])
        first = FirstBatch(check_images)
        with first.errors():
            count = len(list(first.watched(batches)))     # 1
    """

    def __init__(self, check: Callable[[Any], object]):
        # Weakly: TensorFlow keeps what a dataset calls for as long as the process lives, and with it the model.
        self._check = weakref.WeakMethod(check) if inspect.ismethod(check) else lambda: check
        self._seen: set[object] = set()
        self._error: Exception | None = None

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Context manager that re-raises the check's own error if it was raised inside another library."""
        try:
            yield
        except Exception:
            if self._error is not None:
                raise self._error from None
            raise

    def watched(self, data: Any) -> Any:
        """The data to use instead of the given data; its first batch is checked."""
        tf, torch = sys.modules.get("tensorflow"), sys.modules.get("torch")
        if backend.is_own(data):
            return data
        if tf is not None and isinstance(data, tf.data.Dataset):
            if backend.IS_TENSORFLOW:
                return self._watched_dataset(data, tf)
            # On JAX an error inside fit() would lose the model's weights.
            for batch in data.take(1):
                self._look(batch)
        elif isinstance(data, Iterator):
            first = next(data, None)
            if first is None:
                raise GanzooError(f"the {type(data).__name__} is empty: it yields no batch")
            self._look(first)
            return _generator(itertools.chain([first], data))
        elif isinstance(data, keras.utils.PyDataset):
            if data.num_batches == 0:
                raise GanzooError("the dataset is empty")
            # Keras does the same to learn the types; `__getitem__` may be called for any batch at any time.
            self._look(data[0])
        elif torch is not None and isinstance(data, torch.utils.data.DataLoader):
            self._look(_first_of_loader(data, torch))
        return data

    def _look(self, batch):
        try:
            check = self._check()
            if check is not None:
                check(keras.tree.map_structure(as_array, unpadded(batch)))
        except Exception as error:
            self._error = error
            raise

    def _watched_dataset(self, dataset, tf):
        if not all(isinstance(spec, tf.TensorSpec) for spec in tf.nest.flatten(dataset.element_spec)):
            return dataset
        structure, key = dataset.element_spec, object()

        def look(*arrays):
            # The dataset may be read many times.
            if key not in self._seen:
                self._seen.add(key)
                # TensorFlow would print an exception raised here with its traceback; `errors` raises it instead.
                with contextlib.suppress(Exception):
                    self._look(tf.nest.pack_sequence_as(structure, arrays))
            return np.bool_(self._error is None)

        @tf.autograph.experimental.do_not_convert
        def passed(index, batch):
            def looked():
                is_good = tf.numpy_function(look, tf.nest.flatten(batch), tf.bool)
                tf.debugging.Assert(is_good, ["the first batch was refused, see below"])
                return True

            done = tf.cond(tf.equal(index, 0), looked, lambda: True)
            with tf.control_dependencies([done]):
                return tf.nest.map_structure(tf.identity, batch)

        return dataset.enumerate().map(passed)


def _generator(batches):
    """Batches as Keras takes them from a generator, which must yield tuples."""
    yield from (
        tuple(batch) if isinstance(batch, (tuple, list)) else batch if isinstance(batch, dict) else (batch,)
        for batch in batches
    )


def _first_of_loader(loader, torch):
    """The first batch of a DataLoader; its order and random states are left unchanged."""
    batches = getattr(loader, "batch_sampler", None)
    places = (loader, getattr(loader, "sampler", None), batches, getattr(batches, "sampler", None))
    generators = [getattr(place, "generator", None) for place in places]
    states = [(own, own.get_state()) for own in generators if own is not None]
    with torch.random.fork_rng(devices=[]):
        batch = next(iter(loader), None)
    for own, state in states:
        own.set_state(state)
    if batch is None:
        raise GanzooError("the DataLoader yields no batch")
    if torch.is_tensor(batch):
        raise GanzooError(
            "the DataLoader yields bare tensors, which Keras does not take: let its dataset return tuples, as "
            "torch.utils.data.TensorDataset does"
        )
    return batch


def without_empty_parts(data: Any) -> Any:
    """A tf.data dataset without the parts that are None (targets, sample weights); anything else as it is."""
    tf = sys.modules.get("tensorflow")
    if tf is None or not isinstance(data, tf.data.Dataset):
        return data
    spec = data.element_spec
    # TensorFlow has no public name for this type.
    if not isinstance(spec, tuple) or not any(type(part).__name__ == "NoneTensorSpec" for part in spec):
        return data
    return data.map(lambda *batch: unpadded(batch))


def with_known_shapes(data: Any, whole: bool = False) -> Any:
    """A tf.data dataset with known shapes, where they were unknown, e.g. after `from_generator` or a `py_function`.

    The shape is that of the first batch, which all others must have, except for the number of examples. Anything else
    is returned as it is.

    Args:
        data: what `fit` received as x.
        whole: examples have one fixed shape: unknown dimensions are set too, not only an unknown rank.

    Raises:
        GanzooError: the dataset is empty.
    """
    tf = sys.modules.get("tensorflow")
    if tf is None or not isinstance(data, tf.data.Dataset):
        return data
    specs = tf.nest.flatten(data.element_spec)
    if not all(isinstance(spec, tf.TensorSpec) for spec in specs):
        return data
    if all(rank_of(spec.shape) is not None and not (whole and None in tuple(spec.shape[1:])) for spec in specs):
        return data
    first = next(iter(data.take(1)), None)
    if first is None:
        raise GanzooError("the dataset is empty")
    shapes = [(None, *array.shape[1:]) if len(array.shape) else () for array in tf.nest.flatten(first)]

    def shaped(*batch):
        batch = batch if len(batch) > 1 else batch[0]
        arrays = [tf.ensure_shape(array, shape) for array, shape in zip(tf.nest.flatten(batch), shapes)]
        return tf.nest.pack_sequence_as(batch, arrays)

    return data.map(shaped)


def unpadded(data: Any) -> Any:
    """A batch without the Nones that Keras puts in place of missing targets and weights."""
    if isinstance(data, (tuple, list)):
        data = tuple(part for part in data if part is not None)
        return data[0] if len(data) == 1 else data
    return data


def split(batch: Any, count: int) -> list:
    """Splits a batch (a tensor or a nested structure of tensors) into `count` equal batches, with stride `count`.

    Strided and not contiguous, so that the parts stay the same when replicas get contiguous pieces of a batch.

    Raises:
        GanzooError: `count` does not divide the batch size.

    Example:
        from ganzoo.data.batches import split

        parts = split(np.arange(6), 2)     # [0, 2, 4] and [1, 3, 5]
    """
    if count == 1:
        return [batch]
    size = keras.tree.flatten(batch)[0].shape[0]
    if size is not None and size % count:
        raise GanzooError(f"a batch of {size} images cannot be split evenly into {count} discriminator steps")
    return [keras.tree.map_structure(lambda tensor, i=i: tensor[i::count], batch) for i in range(count)]
