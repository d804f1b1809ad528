"""The result of an evaluation, and which results can be compared."""

from dataclasses import dataclass
from pathlib import Path

from ganzoo.data.sources import npz_part
from ganzoo.data.unpaired import folder_pair
from ganzoo.errors import GanzooError


@dataclass(frozen=True)
class Evaluation:
    """The metrics of a model and the protocol they were measured under.

    Attributes:
        name: name of the model.
        protocol: a sentence with everything the metrics depend on besides the model.
        metrics: {name: number}.
        clauses: the end of the protocol, where it is about single metrics, which not all models have.
    """

    name: str
    protocol: str
    metrics: dict[str, float]
    clauses: tuple[str, ...] = ()

    @property
    def common_protocol(self) -> str:
        """The protocol without the clauses of single metrics."""
        return self.protocol.removesuffix("".join(f"; {clause}" for clause in self.clauses))


def protocol_of(evaluations: list[Evaluation]) -> str:
    """The protocol of several comparable evaluations, with the clauses of all of their metrics.

    Example:
        from ganzoo.evaluation.report import protocol_of

        first = ganzoo.evaluation.Evaluation("dcgan", "100 samples", {"frechet_distance": 20.0})
        second = ganzoo.evaluation.Evaluation("vae", "100 samples; in nats", {"negative_elbo": 90.0}, ("in nats",))
        assert protocol_of([first, second]) == "100 samples; in nats"
    """
    clauses = dict.fromkeys(clause for one in evaluations for clause in one.clauses)
    return evaluations[0].common_protocol + "".join(f"; {clause}" for clause in clauses)


def comparable(evaluations: list[Evaluation]) -> list[Evaluation]:
    """The given evaluations, if all have the same protocol, apart from metrics that only some of the models have.

    Raises:
        GanzooError: two protocols differ; the message quotes both.

    Example:
        first = ganzoo.evaluation.Evaluation("dcgan", "100 samples", {"frechet_distance": 20.0})
        second = ganzoo.evaluation.Evaluation("lsgan", "200 samples", {"frechet_distance": 18.0})
        ganzoo.evaluation.comparable([first, second])  # GanzooError
    """
    for other in evaluations[1:]:
        if other.common_protocol != evaluations[0].common_protocol:
            raise GanzooError(
                "metrics of different protocols cannot be compared:\n"
                f"  {evaluations[0].name}: {evaluations[0].protocol}\n  {other.name}: {other.protocol}"
            )
    return evaluations


def short(source: str) -> str:
    """A source without its parent folders, which differ between machines."""
    scheme, _, place = source.partition(":")
    if scheme == "named":
        # The pattern of the names may have slashes too.
        # The last colon before the first field: a folder may have one too, as on Windows.
        start, brace, fields = place.partition("{")
        folder, _, pattern = start.rpartition(":")
        return f"{scheme}:{_name(folder)}:{pattern}{brace}{fields}"
    if scheme == "folders":
        place, part = npz_part(place)
        return f"folders:{','.join(_name(path) for path in folder_pair(place))}" + (f":{part}" if part else "")
    return f"{scheme}:{_name(place)}" if scheme in ("captions", "folder", "idx", "npz") else source


def _name(path: str) -> str:
    """The last part of a path, also of "." and "..", which have none of their own."""
    name = Path(path).name
    return name if name.strip(".") else Path(path).resolve().name
