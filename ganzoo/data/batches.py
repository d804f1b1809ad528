"""Batches as `fit` gets them: an array or a tensor, or a tuple of them; and what is refused of them."""

import contextlib
import itertools
import reprlib
import sys
import warnings
from collections.abc import Iterator

import keras
import numpy as np
from keras import ops

from ganzoo import backend
from ganzoo.errors import GanzooError

# What is still 1: half floats and resizing round.
_LARGEST = 1.001


def with_condition(x, condition):
    """The inputs of a network: x alone, or [x, condition] where there is one."""
    return x if condition is None else [x, condition]


def as_arrays(x, y):
    """What `fit` was given, (x, y): as NumPy where it is tensors, a pair of them in `x`, or a list of labels in `y`; a
    data set as it is."""
    if y is None and isinstance(x, (tuple, list)) and len(x) == 2:
        x, y = x
    x, y = (_as_array(part) for part in (x, y))
    return x, np.asarray(y) if isinstance(x, np.ndarray) and isinstance(y, list) else y


def _as_array(part):
    """A tensor of whatever library, or what can be an array, as NumPy; anything else, a data set say, as it is."""
    if ops.is_tensor(part):
        return ops.convert_to_numpy(part)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(part, torch.Tensor):
        return part.detach().cpu().numpy()
    return np.asarray(part) if hasattr(part, "__array__") and hasattr(part, "shape") else part


def keep_validation(x, y, options):
    """The arrays without the share that `fit`'s option `validation_split` asks for, which goes into `validation_data`:
    the last ones, as Keras has it. What no whole step is left of is then left out of the training part."""
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


def first_examples(x, y, count):
    """(at least `count` examples of what `fit` was given, as one batch of arrays, and x with them still in it)."""
    if isinstance(x, np.ndarray):
        parts = [unpadded((x[:count], None if y is None else y[:count]))]
    else:
        parts, found, taken = [], 0, []
        for batch in x:
            taken.append(batch)
            parts.append(keras.tree.map_structure(ops.convert_to_numpy, unpadded(batch)))
            found += len(keras.tree.flatten(parts[-1])[0])
            if found >= count:
                break
        if isinstance(x, Iterator):
            x = _generator(itertools.chain(taken, x))
    if not parts:
        raise GanzooError("the data set is empty")
    batch = keras.tree.map_structure(lambda *arrays: np.concatenate(arrays), *parts)
    found = len(keras.tree.flatten(batch)[0])
    if found < count:
        raise GanzooError(f"a reference batch of {count} needs as many images, the data set has {found}")
    return batch, x


class FirstBatch:
    """Looks at the first batch of data that comes batch by batch, and takes none away from the training.

    On TensorFlow a `tf.data.Dataset` is not read a second time: its own first batch is looked at on its way. Data sets
    of `ganzoo.data` are left alone, since they hold what models take.

    Args:
        check: function of a batch, an array or a tuple of arrays or whatever else the data holds; raises a GanzooError.

    Example:
        first = FirstBatch(model.check_batch)
        with first.errors():
            model.fit(first.watched(data))
    """

    def __init__(self, check):
        self._check = check
        self._seen, self._error = set(), None

    @contextlib.contextmanager
    def errors(self):
        """What the check raised somewhere within another library is raised as it was."""
        try:
            yield
        except Exception:
            if self._error is not None:
                raise self._error from None
            raise

    def watched(self, data):
        """The data, to be read instead of the given one."""
        tf, torch = sys.modules.get("tensorflow"), sys.modules.get("torch")
        if backend.is_own(data):
            return data
        if tf is not None and isinstance(data, tf.data.Dataset):
            if backend.IS_TENSORFLOW:
                return self._watched_dataset(data, tf)
            # On JAX an error within fit() would lose the model's weights.
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
                raise GanzooError("the data set is empty")
            # As Keras does, to learn the types; `__getitem__` may be asked for any batch at any time.
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
            # The data set may be read many times.
            if key not in self._seen:
                self._seen.add(key)
                # TensorFlow would print what is raised here, with its traceback; `errors` raises it.
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
    """Batches as Keras takes them of a generator: it asks for tuples."""
    yield from (
        tuple(batch) if isinstance(batch, (tuple, list)) else batch if isinstance(batch, dict) else (batch,)
        for batch in batches
    )


def _first_of_loader(loader, torch):
    """The first batch of a DataLoader, whose order and random states stay what they were."""
    batches = getattr(loader, "batch_sampler", None)
    places = (loader, getattr(loader, "sampler", None), batches, getattr(batches, "sampler", None))
    generators = [getattr(place, "generator", None) for place in places]
    states = [(own, own.get_state()) for own in generators if own is not None]
    with torch.random.fork_rng(devices=[]):
        batch = next(iter(loader), None)
    for own, state in states:
        own.set_state(state)
    if batch is None:
        raise GanzooError("the DataLoader gives no batch")
    if torch.is_tensor(batch):
        raise GanzooError(
            "the DataLoader gives bare tensors, which Keras does not take: let its data set give tuples, as "
            "torch.utils.data.TensorDataset does"
        )
    return batch


def without_empty_parts(data):
    """A tf.data set without the parts that are None, where Keras has targets and weights; anything else as it is."""
    tf = sys.modules.get("tensorflow")
    if tf is None or not isinstance(data, tf.data.Dataset):
        return data
    spec = data.element_spec
    # TensorFlow has no public name for this type.
    if not isinstance(spec, tuple) or not any(type(part).__name__ == "NoneTensorSpec" for part in spec):
        return data
    return data.map(lambda *batch: unpadded(batch))


def with_known_shapes(data, whole=False):
    """A tf.data set whose types say what shape its batches have, where they did not: of `from_generator` without a
    signature, or after a `py_function`. The shape is that of the first batch, and all others must have it, but for the
    number of examples. Anything else as it is.

    Args:
        whole: examples have one fixed shape, so that sizes that are not known are set too, not just their number.
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
        raise GanzooError("the data set is empty")
    shapes = [(None, *array.shape[1:]) if len(array.shape) else () for array in tf.nest.flatten(first)]

    def shaped(*batch):
        batch = batch if len(batch) > 1 else batch[0]
        arrays = [tf.ensure_shape(array, shape) for array, shape in zip(tf.nest.flatten(batch), shapes)]
        return tf.nest.pack_sequence_as(batch, arrays)

    return data.map(shaped)


def rank_of(shape):
    """The number of dimensions of a shape, a tuple or TensorFlow's; None if that is not known."""
    return getattr(shape, "rank", None) if hasattr(shape, "rank") else len(shape)


def refuse_unreadable(x, y):
    """Refuses what is neither arrays nor a data set, targets beside a data set, and data known to be empty.

    Args:
        x, y: as `as_arrays` gives them.

    Raises:
        GanzooError: says what was found.
    """
    tf, torch = sys.modules.get("tensorflow"), sys.modules.get("torch")
    parts = tuple(x.values()) if isinstance(x, dict) else x if isinstance(x, (tuple, list)) else (x,)
    if parts and all(isinstance(_as_array(part), np.ndarray) for part in keras.tree.flatten(parts)):
        if not all(np.ndim(part) for part in parts):
            raise GanzooError(f"fit() takes a data set or arrays with an axis of examples, got {reprlib.repr(x)}")
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
            f"{type(x).__name__}: make an array of a list, e.g. with np.concatenate(batches)"
        )
    if y is not None:
        raise GanzooError(f"y is for arrays, got a {type(x).__name__} as x: let it give pairs (x, y)")
    if is_dataset and hasattr(x, "cardinality") and int(x.cardinality()) == 0:
        raise GanzooError("the data set is empty")


def refuse_weights(**given):
    """Refuses what Keras' losses take and a model's own do not, `sample_weight` and `class_weight`.

    Raises:
        GanzooError: one of them is not None.
    """
    for name, value in given.items():
        if value is not None:
            raise GanzooError(
                f"{name} means nothing to the losses of this model: leave it out; to show some examples more often, "
                "repeat them in the data"
            )


def parts_of(batch, most, model, wanted):
    """The parts of a batch as a tuple, at most so many.

    Args:
        most: how many.
        model: its name, and
        wanted: what it learns from in words, both for errors.

    Raises:
        GanzooError: a dictionary, as tensorflow-datasets give them, or more parts: weights of examples, say.
    """
    if isinstance(batch, dict):
        keys = ", ".join(map(str, batch))
        raise GanzooError(
            f"{model} learns from {wanted}, the data set gives dictionaries with the keys {keys}: map it first, e.g. "
            "data.map(lambda d: (tf.cast(d['image'], 'float32') / 127.5 - 1, d['label']))"
        )
    parts = tuple(batch) if isinstance(batch, (tuple, list)) else (batch,)
    if len(parts) > most:
        raise GanzooError(
            f"{model} learns from {wanted}, the data set gives {len(parts)} parts: leave out what is more; weights of "
            "examples (sample_weight) mean nothing to its losses"
        )
    return parts


def check_images(images):
    """Refuses images that are not float32 in [-1, 1], and warns of those that look like [0, 1].

    Args:
        images: a NumPy array.

    Raises:
        GanzooError: says what was found.
    """
    if not images.size:
        return
    dtype = images.dtype.name
    if "float" not in dtype and images.dtype.kind not in "iub":
        raise GanzooError(f"images are float32 in [-1, 1], got {dtype}")
    low, high = float(images.min()), float(images.max())
    # A comparison with what is no number is false.
    if "float" not in dtype or not (low >= -_LARGEST and high <= _LARGEST):
        if low != low or high != high:
            raise GanzooError("the images hold values that are not numbers (NaN)")
        raise GanzooError(
            f"images are float32 in [-1, 1], got {dtype} from {low:g} to {high:g}: divide by 127.5 and take away 1 "
            "(x / 127.5 - 1), or use ganzoo.data.images, which does"
        )
    warn_of_positive(low, high)


def warn_of_positive(low, high):
    """Warns of images all of whose values, from `low` to `high`, lie in [0, 1]."""
    if low >= 0 and high > low:
        warnings.warn(
            f"all values lie in [0, 1] (from {low:g} to {high:g}), but images are taken to be in [-1, 1]: if 0 is "
            "black, give x * 2 - 1",
            stacklevel=2,
        )


def refuse_other_parts(x, y, shapes, model, room):
    """Refuses what is not float32 in [-1, 1] of these shapes: of a tf.data set by its types, of arrays by their values.

    Args:
        x, y: as `fit` gets them.
        shapes: of the parts of an example, in their order.
        model: its name, and
        room: the function of ganzoo.data that gives such pairs, both for the error.

    Raises:
        GanzooError: says what was found.
    """
    spec = getattr(x, "element_spec", (x, y))
    parts = [part for part in (spec if isinstance(spec, (tuple, list)) else [spec]) if part is not None]
    # Of anything else, a generator say, nothing is known before it runs.
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
        f"{model} learns from pairs of float32 {wanted} in [-1, 1], the data set has {has}: use ganzoo.data.{room} "
        "with the model's sizes"
    )


def refuse_single_examples(found, wanted):
    """Refuses examples that are not in batches.

    Args:
        found: shapes of what the data gives, a list of tuples.
        wanted: shapes of the parts of a single example.

    Raises:
        GanzooError: the first shape is that of a single example.
    """
    if found and found[0] == tuple(wanted[0]):
        raise GanzooError(
            f"the data gives single examples of shape {found[0]}, not batches of them: call .batch(64) on a tf.data "
            "set, or put an axis in front of an array (x[None])"
        )


def unpadded(data):
    """A batch without the Nones that Keras puts in the places of targets and weights."""
    if isinstance(data, (tuple, list)):
        data = tuple(part for part in data if part is not None)
        return data[0] if len(data) == 1 else data
    return data


def split(batch, count):
    """Deals a batch (a tensor or a nest of them) out along its first axis into `count` equal ones.

    Like cards and not in pieces: what replicas get of a batch, piece by piece, must fall into the same parts.
    """
    if count == 1:
        return [batch]
    size = keras.tree.flatten(batch)[0].shape[0]
    if size is not None and size % count:
        raise GanzooError(f"a batch of {size} images cannot be shared among {count} discriminator steps")
    return [keras.tree.map_structure(lambda tensor, i=i: tensor[i::count], batch) for i in range(count)]
