"""Class labels as integers, from integers or one-hot vectors."""

import reprlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from ganzoo.errors import GanzooError, unknown


def class_numbers(labels: Any, classes: int | None = None, where: str = "labels") -> np.ndarray:
    """Converts labels to integers.

    Args:
        labels: whole numbers of any type, (count,) or (count, 1); one-hot vectors (count, classes); or a single number.
        classes: number of classes; labels range from 0 to classes - 1. None allows any label from 0.
        where: what the labels are, for errors.

    Returns:
        int64 (count,).

    Raises:
        GanzooError: labels have another shape, are not whole numbers, or are out of range.

    Example:
        from ganzoo.classes import class_numbers

        class_numbers([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])     # [1, 0]
    """
    try:
        labels = np.atleast_1d(labels)
    # Rows of different lengths.
    except ValueError:
        raise GanzooError(f"{where} are an array of whole numbers, got {reprlib.repr(labels)}") from None
    shown = reprlib.repr(labels.tolist())
    labels = labels.astype("int64") if labels.dtype.kind == "b" else labels
    check_label_shape(labels.shape, classes, where)
    if labels.ndim == 2 and labels.shape[1] > 1:
        is_one_hot = labels.dtype.kind in "iuf" and np.isin(labels, (0, 1)).all() and (labels.sum(axis=1) == 1).all()
        if not is_one_hot:
            raise GanzooError(f"{where} of shape {labels.shape} are one-hot vectors, got {shown}")
        return labels.argmax(axis=1)
    labels = labels.reshape(-1)
    # NaN is not equal to itself.
    if labels.dtype.kind not in "iuf" or not (np.rint(labels) == labels).all():
        raise GanzooError(f"{where} are whole numbers{_range(classes)}, got {shown}")
    if labels.size and (labels.min() < 0 or labels.max() >= (classes or 2**31)):
        raise GanzooError(f"{where} are whole numbers{_range(classes)}, got {shown}")
    return labels.astype("int64")


def class_of(name: str, names: Sequence[str], classes: int | None = None) -> int:
    """The number of a class from its name, or from its number as text where no class has that name.

    Args:
        name: in any case, if no two names differ in it alone.
        names: of all classes; empty if they have none.
        classes: number of classes; None for that of the names.

    Raises:
        GanzooError: no class has this name or number.

    Example:
        from ganzoo.classes import class_of

        class_of("dog", ["Cat", "Dog"])     # 1
    """
    classes = len(names) if classes is None else classes
    found = {known.casefold(): number for number, known in enumerate(names)}
    # Two names may differ only in case.
    found.update({known: number for number, known in enumerate(names)})
    for key in (name, name.casefold()):
        if key in found:
            return found[key]
    if name.isdecimal() and len(name) < 10 and int(name) < classes:
        return int(name)
    if not names:
        raise GanzooError(
            f"the model's classes have no names: use whole numbers{_range(classes)}, got {reprlib.repr(name)}"
        )
    raise GanzooError(f"{unknown('class', name, names)} Or a number{_range(classes)}.")


def check_label_shape(shape: Sequence[int | None], classes: int | None = None, where: str = "labels") -> None:
    """Checks that a shape of labels is (count,), (count, 1) or (count, classes).

    Raises:
        GanzooError: it is another shape.
    """
    if len(shape) != 1 and (len(shape) != 2 or shape[1] not in (1, classes or shape[1])):
        vectors = f"(count, {classes})" if classes else "(count, classes)"
        raise GanzooError(
            f"{where} are whole numbers of shape (count,) or (count, 1), or one-hot vectors {vectors}, got shape "
            f"{tuple(shape)}"
        )


def _range(classes: int | None) -> str:
    return f" from 0 to {classes - 1}" if classes else " of at least 0"
