"""The arguments of `fit` and `evaluate`: checks of numbers, and data cut to whole training steps."""

import inspect
from typing import Annotated, Any

import keras
import numpy as np
from pydantic import Field

from ganzoo import backend
from ganzoo.arguments import AtLeastOne, NotNegativeWhole, validated_arguments
from ganzoo.data.batch_checks import refuse_weights
from ganzoo.data.batches import keep_validation
from ganzoo.errors import GanzooError

# The range of each number; those not listed are at least 1 or None.
_RANGES = {
    "epochs": NotNegativeWhole,
    "initial_epoch": NotNegativeWhole,
    "validation_split": Annotated[float, Field(ge=0, lt=1)],
}


def checked_numbers(where: str, **given: Any) -> dict[str, Any]:
    """The numeric arguments of `fit` or `evaluate`, converted to Python numbers.

    Raises:
        GanzooError: not a number, or out of range.
    """
    parameters = {
        name: inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=_RANGES.get(name, AtLeastOne | None))
        for name in given
    }
    given = {name: value.item() if isinstance(value, np.generic) else value for name, value in given.items()}
    return validated_arguments(parameters, given, where)


def validation_pair(data: Any) -> tuple[Any, Any]:
    """(x, y) of `fit`'s validation_data; y may be None.

    Raises:
        GanzooError: sample weights.
    """
    parts = tuple(data) if isinstance(data, (tuple, list)) else (data,)
    if len(parts) > 2:
        refuse_weights(sample_weight=parts[2])
    return (*parts, None)[:2]


def whole_steps(
    x: Any, y: Any, batch_size: int | None, options: dict[str, Any], batches_per_step: int, replicas: int
) -> tuple[Any, Any, int | None]:
    """Arranges training data so that every batch Keras takes is one whole training step.

    Args:
        x, y: the training data.
        batch_size: of arrays; None means 32.
        options: the other arguments of `keras.Model.fit`, which this function adapts.
        batches_per_step: number of batches that one training step takes.
        replicas: number of devices that share each batch.

    Returns:
        (x, y, batch_size) for `keras.Model.fit`.

    Raises:
        GanzooError: data that cannot be arranged like this.
    """
    is_array, is_dataset = isinstance(x, np.ndarray), hasattr(x, "element_spec")
    if options["validation_split"] and options["validation_data"] is None and not is_array:
        raise GanzooError(
            f"validation_split is for arrays, got {type(x).__name__}: give validation_data, e.g. data.take(10) "
            "of a tf.data dataset, and train with data.skip(10)"
        )
    if is_dataset or not isinstance(x, (np.ndarray, keras.utils.PyDataset)):
        # Keras cannot shuffle such data, and would warn.
        options["shuffle"] = False
    if is_dataset:
        return backend.training_data(x, batches_per_step, replicas), y, batch_size
    if is_array:
        x, y = keep_validation(x, y, options)
        options["validation_batch_size"] = options["validation_batch_size"] or batch_size or 32
        batch_size = (batch_size or 32) * batches_per_step
        if batch_size % replicas:
            raise GanzooError(f"{replicas} devices cannot share batches of {batch_size} evenly")
        if len(x) > batch_size or batches_per_step > 1 or replicas > 1:
            # Drop the incomplete last batch: devices could not share it, and its batch statistics would be noisy.
            whole = len(x) // batch_size * batch_size
            if not whole:
                raise GanzooError(f"{len(x)} images are fewer than the {batch_size} that one step takes")
            x, y = x[:whole], None if y is None else y[:whole]
    elif batches_per_step > 1:
        raise GanzooError(
            f"a step of {batches_per_step} batches (discriminator_steps={batches_per_step}) takes a dataset of "
            f"ganzoo.data{', a tf.data.Dataset' if backend.IS_TENSORFLOW else ''} or arrays, got {type(x).__name__}, "
            "whose batches cannot be grouped"
        )
    return x, y, batch_size
