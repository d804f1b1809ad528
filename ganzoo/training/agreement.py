"""Agreement between the workers of a run."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ganzoo.training.distribute import Placement


class Agreement:
    """Lets several workers agree on when to stop: unless all leave the training after the same step, the others wait
    forever.

    The workers communicate about once per second, after a number of steps that they determine together, and after each
    epoch.

    Args:
        place: the `Placement`.
    """

    def __init__(self, place: "Placement"):
        self._strategy: Any = place.strategy if place.several_workers else None
        self._agreed = False
        self._total: Callable | None = None
        self._began, self._steps, self._next = time.monotonic(), 0, 1

    def after_step(self, asked: bool) -> bool:
        """Whether all workers stop now.

        Args:
            asked: whether this process was asked to stop.
        """
        if self._strategy is None or self._agreed:
            return self.reached(asked)
        self._steps += 1
        if self._steps >= self._next:
            self._ask(asked)
        return self._agreed

    def after_epoch(self, asked: bool) -> bool:
        """Whether all workers stop now. Always communicates, since the end of an epoch may take long."""
        return self.any(asked)

    def any(self, asked: bool) -> bool:
        """Whether any worker was asked to stop; all of them must call this."""
        if self._strategy is None or self._agreed:
            return self.reached(asked)
        self._ask(asked)
        return self._agreed

    def count(self, value: Any) -> tuple[int, int]:
        """(number of workers with a true value, number of workers); all of them must call this."""
        if self._strategy is None:
            return int(bool(value)), 1
        total, yes = self._summed([1.0, float(bool(value))])
        return round(float(yes)), round(float(total))

    def reached(self, asked: bool) -> bool:
        """Whether to stop, as far as known without communication."""
        return self._agreed if self._strategy is not None else asked

    def _ask(self, asked: bool) -> None:
        seconds = (time.monotonic() - self._began) / max(1, self._steps)
        # The sums are equal on all workers, so all communicate again after the same step.
        count, asking, seconds = self._summed([1.0, float(asked), seconds])
        self._agreed = asking > 0
        self._began, self._steps = time.monotonic(), 0
        self._next = int(min(1000, max(1, count / max(seconds, 1e-6))))

    def _summed(self, values: list[float]) -> Any:
        import tensorflow as tf

        def total(values):
            # A copy on this device, since the argument has none.
            return tf.distribute.get_replica_context().all_reduce("sum", tf.identity(values))

        if self._total is None:
            self._total = tf.function(lambda values: self._strategy.run(total, args=(values,)))
        sums = self._total(tf.constant(values, "float32"))
        return self._strategy.experimental_local_results(sums)[0].numpy()
