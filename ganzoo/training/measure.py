"""How a run judges its checkpoints."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """What is measured after an epoch, and which figure decides.

    Attributes:
        figures: function from a model to {name: number}.
        monitor: name of the figure that decides on the best checkpoint.
        words: of the protocol, for people.
        higher_is_better: of that figure.
    """

    figures: Callable
    monitor: str
    words: str
    higher_is_better: bool = False

    def best(self, values):
        """The best of several values of the figure."""
        return (max if self.higher_is_better else min)(values)
