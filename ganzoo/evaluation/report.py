"""What was measured of a model, and which measurements can be compared."""

from dataclasses import dataclass
from pathlib import Path

from ganzoo.errors import GanzooError


@dataclass(frozen=True)
class Evaluation:
    """What was measured of a model, and how.

    Attributes:
        name: of the model.
        protocol: a sentence: what the metrics depend on besides the model.
        metrics: {name: number}.
    """

    name: str
    protocol: str
    metrics: dict[str, float]


def comparable(evaluations: list[Evaluation]) -> list[Evaluation]:
    """The evaluations, if all have the same protocol.

    Raises:
        GanzooError: two protocols; it quotes both.
    """
    for other in evaluations[1:]:
        if other.protocol != evaluations[0].protocol:
            raise GanzooError(
                "metrics of different protocols are not compared:\n"
                f"  {evaluations[0].name}: {evaluations[0].protocol}\n  {other.name}: {other.protocol}"
            )
    return evaluations


def short(source: str) -> str:
    """A source without the folders that lead to it, which differ from machine to machine."""
    scheme, _, place = source.partition(":")
    return f"{scheme}:{Path(place).name}" if scheme in ("captions", "folder", "idx", "npz") else source
