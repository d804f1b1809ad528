"""What tasks have in common whose models translate between two kinds of examples, in both directions."""

from collections.abc import Sequence

from ganzoo.errors import GanzooError, unknown
from ganzoo.tasks.base import Task

FORWARD, BACKWARD = "forward", "backward"


class TwoSides(Task):
    """A task of two sides with names; the network `generator` leads from the first to the second, `backward_generator`
    back. The model calls `set_domains` in its constructor."""

    def set_domains(self, domains: Sequence[str]) -> None:
        """Sets the names of the sides, e.g. ("photo", "painting").

        Raises:
            GanzooError: two equal names.
        """
        first, second = domains
        if first == second:
            raise GanzooError(f"domains are the names of two sides, got '{first}' twice")
        self.domains = (first, second)

    @property
    def directions(self) -> dict[str, str]:
        """{"forward": "photo_to_painting", "backward": "painting_to_photo"}: names of both directions."""
        first, second = self.domains
        return {FORWARD: f"{first}_to_{second}", BACKWARD: f"{second}_to_{first}"}

    def generator_of(self, direction: str) -> str:
        """The name of the network of a direction.

        Raises:
            GanzooError: an unknown direction.
        """
        found = {FORWARD: "generator", BACKWARD: "backward_generator"}
        names = {**found, **{self.directions[key]: network for key, network in found.items()}}
        if direction not in names:
            raise unknown("direction", direction, names)
        return names[direction]
