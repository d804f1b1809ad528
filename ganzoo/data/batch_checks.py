"""Checks of what `fit` receives: shapes, types and values that no model can be trained on."""

import reprlib
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from ganzoo import backend
from ganzoo.errors import GanzooError

# Largest absolute value accepted as 1: half precision and resizing round.
_LARGEST = 1.001


def as_array(part: Any) -> Any:
    """A tensor of any library, or an array-like object, as NumPy; anything else, e.g. a dataset, as it is."""
    if ops.is_tensor(part):
        return ops.convert_to_numpy(part)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(part, torch.Tensor):
        return part.detach().cpu().numpy()
    return np.asarray(part) if hasattr(part, "__array__") and hasattr(part, "shape") else part


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
    if parts and all(isinstance(as_array(part), np.ndarray) for part in keras.tree.flatten(parts)):
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
        from ganzoo.data.batch_checks import check_images

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
