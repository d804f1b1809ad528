"""Batches as `fit` gets them: an array or a tensor, or a tuple of them."""

import keras
import numpy as np
from keras import ops

from ganzoo.errors import GanzooError


def with_condition(x, condition):
    """The inputs of a network: x alone, or [x, condition] where there is one."""
    return x if condition is None else [x, condition]


def first_examples(x, y, count):
    """At least `count` examples of what `fit` was given, as one batch of arrays."""
    if isinstance(x, np.ndarray):
        parts = [unpadded((x[:count], None if y is None else y[:count]))]
    else:
        parts, found = [], 0
        for batch in x:
            parts.append(keras.tree.map_structure(ops.convert_to_numpy, unpadded(batch)))
            found += len(keras.tree.flatten(parts[-1])[0])
            if found >= count:
                break
    batch = keras.tree.map_structure(lambda *arrays: np.concatenate(arrays), *parts)
    found = len(keras.tree.flatten(batch)[0])
    if found < count:
        raise GanzooError(f"a reference batch of {count} needs as many pictures, the data set has {found}")
    return batch


def unpadded(data):
    """A batch without the Nones that Keras puts in the places of targets and weights."""
    if isinstance(data, (tuple, list)):
        data = tuple(part for part in data if part is not None)
        return data[0] if len(data) == 1 else data
    return data


def split(batch, count):
    """Cuts a batch (a tensor or a nest of them) along its first axis into `count` equal ones."""
    if count == 1:
        return [batch]
    sizes = {tensor.shape[0] for tensor in keras.tree.flatten(batch)}
    if any(size is not None and size % count for size in sizes):
        raise GanzooError(f"a batch of {sizes} pictures cannot be shared among {count} discriminator steps")
    return [
        keras.tree.map_structure(lambda tensor, i=i: ops.split(tensor, count, axis=0)[i], batch) for i in range(count)
    ]
