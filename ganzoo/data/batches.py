"""Batches as `fit` receives them, an array or tensor or a tuple of these, and checks of their content."""

import contextlib
import itertools
import reprlib
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from ganzoo import backend
from ganzoo.errors import GanzooError

# Largest absolute value accepted as 1: half precision and resizing round.
_LARGEST = 1.001


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
    x, y = (_as_array(part) for part in (x, y))
    return x, np.asarray(y) if isinstance(x, np.ndarray) and isinstance(y, list) else y


def _as_array(part):
    """A tensor of any library, or an array-like object, as NumPy; anything else, e.g. a dataset, as it is."""
    if ops.is_tensor(part):
        return ops.convert_to_numpy(part)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(part, torch.Tensor):
        return part.detach().cpu().numpy()
    return np.asarray(part) if hasattr(part, "__array__") and hasattr(part, "shape") else part


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


def first_examples(x: Any, y: Any, count: int) -> tuple[Any, Any]:
    """(at least `count` examples from the data of `fit`, as one batch of arrays; x, which still yields them).

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
    if found < count:
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
        from ganzoo.data.batches import FirstBatch, check_images

        batches = iter([np.zeros((4, 8, 8, 1), "float32")])
        first = FirstBatch(check_images)
        with first.errors():
            count = len(list(first.watched(batches)))     # 1
    """

    def __init__(self, check: Callable[[Any], object]):
        self._check = check
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
            self._check(keras.tree.map_structure(_as_array, unpadded(batch)))
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


def rank_of(shape: Any) -> int | None:
    """The number of dimensions of a shape, a tuple or a `tf.TensorShape`; None if unknown."""
    return getattr(shape, "rank", None) if hasattr(shape, "rank") else len(shape)


def refuse_unreadable(x: Any, y: Any) -> None:
    """Checks that x is arrays or a dataset, is not known to be empty, and that y is only given with arrays.

    Args:
        x, y: as `as_arrays` returns them.

    Raises:
        GanzooError: the check failed.
    """
    tf, torch = sys.modules.get("tensorflow"), sys.modules.get("torch")
    parts = tuple(x.values()) if isinstance(x, dict) else x if isinstance(x, (tuple, list)) else (x,)
    if parts and all(isinstance(_as_array(part), np.ndarray) for part in keras.tree.flatten(parts)):
        if not all(np.ndim(part) for part in parts):
            raise GanzooError(f"fit() takes a dataset or arrays with a batch axis, got {reprlib.repr(x)}")
        if any(len(part) == 0 for part in parts):
            raise GanzooError("the data is empty: it has 0 examples")
        return
    is_dataset = tf is not None and isinstance(x, (tf.data.Dataset, tf.distribute.DistributedDataset))
    is_loader = torch is not None and isinstance(x, torch.utils.data.DataLoader)
    if not (is_dataset or is_loader or backend.is_own(x) or isinstance(x, (Iterator, keras.utils.PyDataset))):
        if type(x).__module__.partition(".")[0] == "grain":
            return
        raise GanzooError(
            "fit() takes arrays, a tf.data.Dataset, PyDataset, DataLoader or generator of batches, got "
            f"{type(x).__name__}: convert a list to an array, e.g. with np.concatenate(batches)"
        )
    if y is not None:
        raise GanzooError(f"y is for arrays, got a {type(x).__name__} as x: let it yield pairs (x, y)")
    if is_dataset and hasattr(x, "cardinality") and int(x.cardinality()) == 0:
        raise GanzooError("the dataset is empty")


def refuse_weights(**given: Any) -> None:
    """Refuses `sample_weight` and `class_weight`, which Keras' losses take but a model's own losses do not.

    Raises:
        GanzooError: one of them is not None.
    """
    for name, value in given.items():
        if value is not None:
            raise GanzooError(
                f"the losses of this model do not use {name}: omit it; to weight examples, repeat them in the data"
            )


def parts_of(batch: Any, most: int, model: str | None, wanted: str) -> tuple:
    """The parts of a batch as a tuple.

    Args:
        batch: an array or tensor, or a tuple or list of them.
        most: the largest number of parts.
        model: name of the model, for errors.
        wanted: description of what the model learns from, for errors.

    Raises:
        GanzooError: the batch is a dictionary, as tensorflow-datasets yields, or has more parts, e.g. sample weights.
    """
    if isinstance(batch, dict):
        keys = ", ".join(map(str, batch))
        raise GanzooError(
            f"{model} learns from {wanted}, but the dataset yields dictionaries with the keys {keys}: map it, e.g. "
            "data.map(lambda d: (tf.cast(d['image'], 'float32') / 127.5 - 1, d['label']))"
        )
    parts = tuple(batch) if isinstance(batch, (tuple, list)) else (batch,)
    if len(parts) > most:
        raise GanzooError(
            f"{model} learns from {wanted}, but the dataset yields {len(parts)} parts: remove the others; its losses "
            "do not use sample weights (sample_weight)"
        )
    return parts


def check_images(images: np.ndarray) -> None:
    """Refuses images that are not float32 in [-1, 1]; warns if they look like [0, 1].

    Args:
        images: a NumPy array.

    Raises:
        GanzooError: they have another type or range.

    Example:
        from ganzoo.data.batches import check_images

        check_images(np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 1)).astype("float32"))
        check_images(np.full((4, 8, 8, 1), 255, "uint8"))     # GanzooError
    """
    if not images.size:
        return
    dtype = images.dtype.name
    if "float" not in dtype and images.dtype.kind not in "iub":
        raise GanzooError(f"images are float32 in [-1, 1], got {dtype}")
    low, high = float(images.min()), float(images.max())
    # Comparisons with NaN are false.
    if "float" not in dtype or not (low >= -_LARGEST and high <= _LARGEST):
        if low != low or high != high:
            raise GanzooError("the images contain values that are not numbers (NaN)")
        raise GanzooError(
            f"images are float32 in [-1, 1], got {dtype} from {low:g} to {high:g}: divide by 127.5 and subtract 1 "
            "(x / 127.5 - 1), or use ganzoo.data.images"
        )
    warn_of_positive(low, high)


def warn_of_positive(low: float, high: float) -> None:
    """Warns if all values of images, from `low` to `high`, lie in [0, 1]."""
    if low >= 0 and high > low:
        warnings.warn(
            f"all values lie in [0, 1] (from {low:g} to {high:g}), but images are expected in [-1, 1]: if 0 is "
            "black, pass x * 2 - 1",
            stacklevel=2,
        )


def refuse_other_parts(x: Any, y: Any, shapes: Sequence[tuple[int, ...]], model: str, room: str) -> None:
    """Refuses pairs that are not float32 in [-1, 1] of these shapes: checks a dataset's types and an array's values.

    Args:
        x, y: as `fit` receives them.
        shapes: shapes of the parts of an example, in order.
        model: name of the model, for the error.
        room: name of the function in ganzoo.data that makes such pairs, for the error.

    Raises:
        GanzooError: the data has another type, shape or range.
    """
    spec = getattr(x, "element_spec", (x, y))
    parts = [part for part in (spec if isinstance(spec, (tuple, list)) else [spec]) if part is not None]
    # Nothing is known about anything else, e.g. a generator, before it runs.
    if not all(hasattr(part, "shape") and hasattr(part, "dtype") for part in parts):
        return
    if any(rank_of(part.shape) is None for part in parts):
        return
    refuse_single_examples([tuple(part.shape) for part in parts], shapes)
    found = [(getattr(part.dtype, "name", str(part.dtype)), tuple(part.shape[1:])) for part in parts]
    arrays = [part for part in parts if isinstance(part, np.ndarray) and part.size]
    wanted = " and ".join(map(str, shapes))
    if [shape for _, shape in found] != shapes or any("float" not in dtype for dtype, _ in found):
        has = " and ".join(f"{dtype} {shape}" for dtype, shape in found)
    else:
        outside = [value for value in (float(np.abs(part).max()) for part in arrays) if not value <= _LARGEST]
        if not outside:
            if arrays and all(len(shape) == 3 for shape in shapes):
                warn_of_positive(min(map(np.min, arrays)), max(map(np.max, arrays)))
            return
        has = f"values up to {outside[0]:g}"
    raise GanzooError(
        f"{model} learns from pairs of float32 {wanted} in [-1, 1], but the dataset has {has}: use ganzoo.data.{room} "
        "with the model's sizes"
    )


def refuse_single_examples(found: list[tuple[int, ...]], wanted: Sequence[tuple[int, ...]]) -> None:
    """Refuses examples that are not batched.

    Args:
        found: shapes of the parts of what the data yields.
        wanted: shapes of the parts of a single example.

    Raises:
        GanzooError: the first shape is that of a single example.
    """
    if found and found[0] == tuple(wanted[0]):
        raise GanzooError(
            f"the data yields single examples of shape {found[0]}, not batches: call .batch(64) on a tf.data "
            "dataset, or add a batch axis to an array (x[None])"
        )


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
