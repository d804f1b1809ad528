"""Locks of the pages on which models train."""

import collections
import threading


class FairLock:
    """A lock that those who wait get in the order in which they came."""

    def __init__(self) -> None:
        self._waiting: collections.deque[object] = collections.deque()
        self._changed = threading.Condition()

    def __enter__(self) -> None:
        mine = object()
        with self._changed:
            self._waiting.append(mine)
            self._changed.wait_for(lambda: self._waiting[0] is mine)

    def __exit__(self, *error: object) -> None:
        with self._changed:
            self._waiting.popleft()
            self._changed.notify_all()


# Held for some training steps: models that train at the same time take turns.
TRAINING = FairLock()
# Held while a model is built: Keras takes the seeds of weights from Python's global random state.
BUILDING = threading.Lock()
