"""How many are asked for: whole numbers, and results that fit in memory."""

import numpy as np

from ganzoo.errors import GanzooError


def whole_count(count: int) -> None:
    """Refuses a count that is no whole number of at least 1.

    Raises:
        GanzooError: says what was given.
    """
    if not isinstance(count, (int, np.integer)) or isinstance(count, bool) or count < 1:
        raise GanzooError(f"count must be a whole number of at least 1, got {count!r}")


def allocated(make: Callable[[], T], what: str) -> T:
    """What a function of no arguments makes, most of all an array.

    Args:
        make: the function.
        what: what it makes, with its number, for the error.

    Raises:
        GanzooError: it does not fit in memory.

    Example:
        images = allocated(lambda: np.empty((count, 64, 64, 3), "uint8"), f"{count} images")
    """
    try:
        return make()
    # Of sizes that no address reaches NumPy raises a ValueError.
    except (MemoryError, ValueError, OverflowError):
        raise GanzooError(f"{what} do not fit in memory: make them in parts") from None
