"""What models share that generate step by step: a single thread for small products, and results as iterators."""

import collections
import contextlib
import functools
import threading
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from threadpoolctl import ThreadpoolController

Result = TypeVar("Result")

_lock = threading.Lock()
_users = 0
_limit: Any = None


@functools.cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Context manager in which NumPy's matrix products take one thread: threads of small products mostly wait for each
    other.

    The limit holds for the whole process. It ends when the last of several threads has left the context.
    """
    global _users, _limit
    with _lock:
        if not _users:
            _limit = _controller().limit(limits=1, user_api="blas")
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if not _users:
                _limit.restore_original_limits()


def last(results: Iterable[Result]) -> Result:
    """The last result of an iterator, of which the others are not kept.

    Raises:
        IndexError: there is none.
    """
    return collections.deque(results, maxlen=1)[0]
