"""Batches as `fit` gets them: an array or a tensor, or a tuple of them."""

import keras
import numpy as np
from keras import ops

from ganzoo.errors import GanzooError


def with_condition(x, condition):
    """The inputs of a network: x alone, or [x, condition] where there is one."""
    return x if condition is None else [x, condition]


def as_arrays(x, y):
    """What `fit` was given, (x, y): as NumPy where it is tensors, a pair of them in `x`, or a list of labels in `y`; a
    data set as it is."""
    if y is None and isinstance(x, (tuple, list)) and len(x) == 2:
        x, y = x
    x, y = (ops.convert_to_numpy(part) if ops.is_tensor(part) else part for part in (x, y))
    return x, np.asarray(y) if isinstance(x, np.ndarray) and isinstance(y, list) else y


def keep_validation(x, y, options):
    """The arrays without the share that `fit`'s option `validation_split` asks for, which goes into `validation_data`:
    the last ones, as Keras has it. What no whole step is left of is then left out of the training part."""
    share = options.get("validation_split")
    if not share or not 0 < share < 1 or options.get("validation_data") is not None:
        return x, y
    del options["validation_split"]
    kept = int(len(x) * (1 - share))
    options["validation_data"] = (x[kept:],) if y is None else (x[kept:], y[kept:])
    return x[:kept], y if y is None else y[:kept]


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
    ranks = [getattr(part.shape, "rank", len(part.shape)) for part in parts]
    found = [
        (getattr(part.dtype, "name", str(part.dtype)), tuple(part.shape[1:]) if rank else ())
        for part, rank in zip(parts, ranks)
    ]
    outside = [float(np.abs(part).max()) for part in parts if isinstance(part, np.ndarray) and part.size]
    if [shape for _, shape in found] != shapes or any("float" not in dtype for dtype, _ in found):
        has = " and ".join(f"{dtype} {shape}" for dtype, shape in found)
    elif max(outside, default=0.0) > 1.001:
        has = f"values up to {max(outside):g}"
    else:
        return
    wanted = " and ".join(map(str, shapes))
    raise GanzooError(
        f"{model} learns from pairs of float32 {wanted} in [-1, 1], the data set has {has}: use ganzoo.data.{room} "
        "with the model's sizes"
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
        raise GanzooError(f"a batch of {size} pictures cannot be shared among {count} discriminator steps")
    return [keras.tree.map_structure(lambda tensor, i=i: tensor[i::count], batch) for i in range(count)]
