"""The check of an exported file: its outputs for several batch sizes, and several sizes where these are free."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ganzoo.errors import GanzooError
from ganzoo.export.formats import Runner, input_names, load_signature, one_or_list

if TYPE_CHECKING:
    from ganzoo.training.zoo_model import ZooModel

_BATCH_SIZES = (1, 2, 5)
# Sizes of free axes, as parts of those of the example inputs.
_PARTS = (Fraction(1), Fraction(1, 2), Fraction(5, 4))


def largest_difference(model: "ZooModel", run: Runner, batch_size: int | None = None) -> float:
    """The largest absolute difference between the outputs of an exported file and those of the model's network.

    Args:
        model: a `ZooModel`.
        run: runs the file.
        batch_size: the only one that the file takes; None for any.

    Returns:
        The largest difference, infinite for values that are not finite; where outputs exceed 1, relative to the
        largest.

    Raises:
        GanzooError: outputs of another shape or type.

    Example:
        from ganzoo.export.check import largest_difference

        model = ganzoo.load("dcgan.digits")
        difference = largest_difference(model, lambda inputs: model(inputs["latents"]).numpy())  # 0.0
    """
    names = input_names(model.inference_network)
    largest = 0.0
    for inputs in examples(model, _BATCH_SIZES if batch_size is None else (batch_size,) * len(_BATCH_SIZES)):
        ours = np.asarray(model.inference_network(one_or_list(inputs), training=False))
        largest = max(largest, difference(ours, run(dict(zip(names, inputs)))))
    return largest


def difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The largest absolute difference; arguments and errors as in `largest_difference`."""
    if (ours.shape, ours.dtype) != (theirs.shape, theirs.dtype):
        raise GanzooError(
            f"the exported file returns {theirs.dtype} {theirs.shape} instead of {ours.dtype} {ours.shape}; nothing "
            "was written"
        )
    distance = np.abs(ours.astype("float64") - theirs.astype("float64")).max()
    return float(distance / max(1.0, np.abs(ours).max())) if np.isfinite(distance) else float("inf")


def check_endpoints(model: "ZooModel", path: Path) -> None:
    """Checks that the endpoints of a SavedModel compute what the model does, integers within 1.

    Raises:
        GanzooError: they do not.
    """
    import tensorflow as tf

    for name, endpoint in model.endpoints().items():
        run = load_signature(path, name)
        for inputs in endpoint.examples(2), endpoint.examples(1):
            ours = np.asarray(endpoint.compute(*map(tf.constant, inputs)))
            largest = np.abs(ours.astype("float64") - run(dict(zip(endpoint.inputs, inputs))).astype("float64")).max()
            if not largest <= (1.0 if ours.dtype.kind in "iu" else 1e-4):
                raise GanzooError(
                    f"the signature {name} of the SavedModel differs by {largest:.2g}; nothing was written"
                )


def examples(model: "ZooModel", batch_sizes: Sequence[int]) -> Iterator[list[np.ndarray]]:
    """Inputs of the network for each batch size, each with other sizes of its free axes, as far as the network takes
    them."""
    for seed, batch_size in enumerate(batch_sizes):
        inputs = model.example_inputs(batch_size, seed)
        sized = _resized(model.inference_network, inputs, _PARTS[seed % len(_PARTS)], odd=seed > 0)
        yield next((one for one in sized if _takes(model.inference_network, one)), inputs)


def _resized(network: Any, inputs: list[np.ndarray], part: Fraction, odd: bool) -> Iterator[list[np.ndarray]]:
    """Inputs whose free axes have other sizes: odd ones first, then a fraction that keeps the ratios between inputs."""
    free = [[axis for axis, size in enumerate(one.shape) if axis and size is None] for one in network.inputs]
    if not any(free):
        return
    if odd:
        yield [
            _at_sizes(array, {axis: int(array.shape[axis] * part) // 2 * 2 + 2 * axis + 1 for axis in axes})
            for array, axes in zip(inputs, free)
        ]
    wanted = [{axis: array.shape[axis] * part for axis in axes} for array, axes in zip(inputs, free)]
    if all(size.denominator == 1 for sizes in wanted for size in sizes.values()):
        yield [_at_sizes(array, {axis: int(n) for axis, n in sizes.items()}) for array, sizes in zip(inputs, wanted)]


def _at_sizes(array: np.ndarray, sizes: dict[int, int]) -> np.ndarray:
    """The array with some axes cut off or repeated."""
    for axis, size in sizes.items():
        array = np.take(array, np.arange(size) % array.shape[axis], axis=axis)
    return array


def _takes(network: Any, inputs: list[np.ndarray]) -> bool:
    try:
        network(one_or_list(inputs), training=False)
    except Exception:  # whatever a layer raises for a size
        return False
    return True
