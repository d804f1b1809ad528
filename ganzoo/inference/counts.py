"""Checks of counts: integers, and results that fit in memory."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from ganzoo.errors import GanzooError

T = TypeVar("T")


def whole_count(count: int | None) -> None:
    """Refuses a count that is not an integer of at least 1.

    Raises:
        GanzooError: the count is invalid.

    Example:
        from ganzoo.inference.counts import whole_count

        whole_count(4)
        whole_count(0.5)     # GanzooError
    """
    if count is None:
        raise GanzooError("say how many: count=16, for example")
    if not isinstance(count, (int, np.integer)) or isinstance(count, bool) or count < 1:
        raise GanzooError(f"count must be an integer of at least 1, got {count!r}")


def checked_seed(seed: int | None) -> int | None:
    """A seed, which is an integer of at least 0, or None.

    Raises:
        GanzooError: it is something else.

    Example:
        from ganzoo.inference.counts import checked_seed

        checked_seed(4)
        checked_seed(-1)     # GanzooError
    """
    whole = isinstance(seed, (int, np.integer)) and not isinstance(seed, bool)
    if seed is not None and not (whole and seed >= 0):
        raise GanzooError(f"seed must be an integer of at least 0, got {seed!r}")
    return seed


def allocated(make: Callable[[], T], what: str) -> T:
    """Calls a function that allocates memory, with a clear error if it fails.

    Args:
        make: function without arguments.
        what: description of its result, for the error.

    Returns:
        What `make` returns.

    Raises:
        GanzooError: the result does not fit in memory.

    Example:
        from ganzoo.inference.counts import allocated

        images = allocated(lambda: np.empty((4, 64, 64, 3), "uint8"), "4 images")
    """
    try:
        return make()
    # NumPy raises a ValueError for sizes beyond the address space.
    except (MemoryError, ValueError, OverflowError):
        raise GanzooError(f"{what} do not fit in memory: make them in parts") from None
