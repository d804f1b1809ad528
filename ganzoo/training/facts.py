"""What must not change when a run is resumed, and what selects its best checkpoint: `data.json` in its folder."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ganzoo import presets
from ganzoo.config import Config, from_mapping, to_mapping
from ganzoo.errors import GanzooError, first_line
from ganzoo.files import write_atomically

if TYPE_CHECKING:
    from ganzoo.data.feed import Feed

# The number of examples in the summary, the number of parts of each, and the tolerance for a value in [0, 1]: other
# versions of libraries decode and resample slightly differently.
_EXAMPLES, _PARTS, _TOLERANCE = 64, 4, 0.01


@dataclass
class Facts:
    """What a resumed run is compared with, and `monitor`. None means unknown: older versions recorded less.

    Attributes:
        examples: number of examples in the dataset.
        summary: mean absolute values of parts of some examples, in [0, 1], a list of lists of numbers.
        labels: SHA-256 of the labels or captions of these examples; "" if there are none.
        config: the `Config` that the run was started with.
        monitor: name of the metric that selects the best checkpoint; "" if nothing is measured. Some models measure
            only where their data allows it, so the config does not tell.
    """

    examples: int | None = None
    summary: list | None = None
    labels: str | None = None
    config: Config | None = None
    monitor: str | None = None

    @classmethod
    def of(cls, config: Config, feed: "Feed") -> "Facts":
        """The facts of a run with this config and this `Feed`."""
        summary, labels = _summary(feed)
        return cls(feed.count, summary, labels, config)

    def difference(self, new: "Facts") -> str | None:
        """How the data of other facts differs, as text to follow "was trained on"; None if it does not.

        The text contains "{source}", which the caller replaces by the new data's source.
        """
        if self.examples is not None and self.examples != new.examples:
            return f"{self.examples} examples, {{source}} has {new.examples}"
        if self.summary is not None:
            new_summary = new.summary or []
            if list(map(len, self.summary)) != list(map(len, new_summary)):
                return "examples of another shape than those of {source}"
            pairs = [abs(a - b) for old, now in zip(self.summary, new_summary) for a, b in zip(old, now)]
            if any(difference > _TOLERANCE for difference in pairs):
                return "other examples than those of {source}"
        if self.labels is not None and self.labels != new.labels:
            return "other labels or captions than those of {source}"
        return None


def write_facts(folder: Path, facts: Facts) -> None:
    """Writes a run folder's data.json."""
    content: dict[str, Any] = {"examples": facts.examples, "summary": facts.summary, "labels": facts.labels}
    content["config"] = to_mapping(facts.config) if facts.config else None
    content["monitor"] = facts.monitor
    write_atomically(folder / "data.json", json.dumps(content).encode())


def read_facts(folder: Path) -> Facts:
    """Reads a run folder's data.json. If the file is missing, prints a warning and returns unknown facts.

    Raises:
        GanzooError: the file is damaged.
    """
    path = folder / "data.json"
    try:
        content = json.loads(path.read_bytes())
        _check(content)
    except FileNotFoundError:
        print(f"{path} is missing: cannot check that data and settings are still those of this run", flush=True)
        return Facts()
    except (OSError, ValueError, RecursionError) as error:
        number = getattr(error, "errno", None)
        reason = os.strerror(number) if number else first_line(error)
        raise GanzooError(
            f"cannot read {path} ({reason}): restore it from a copy, or delete it to resume without comparing the data"
        ) from None
    config = content.get("config")
    return Facts(
        content["examples"],
        content.get("summary"),
        content.get("labels"),
        None if config is None else from_mapping(config, f"{path}, section 'config'"),
        content.get("monitor"),
    )


def checkpoint_to_publish(run: Path) -> Path:
    """The checkpoint of a run folder to publish: the best one, or the last one of a run that measures nothing.

    Raises:
        GanzooError: no checkpoint, or none that was measured yet although the run measures.
    """
    checkpoint = presets.checkpoint_of(run)
    if checkpoint.name == "last.keras" and (monitor := monitor_of(run)):
        raise no_best_checkpoint(run, monitor)
    return checkpoint


def monitor_of(run: Path) -> str | None:
    """The metric that selects a run's best checkpoint: "" for none, None if an older version did not record it."""
    return read_facts(run).monitor if (run / "data.json").exists() else None


def no_best_checkpoint(run: Path, monitor: str) -> GanzooError:
    """The error about a run that is published before it has selected a checkpoint by a metric."""
    return GanzooError(
        f"{run} has no best checkpoint yet: {monitor} selects it, which is measured every evaluation.every_epochs "
        "epochs and after the last one: resume the run, or train longer with --set training.epochs=N"
    )


def _check(content: Any) -> None:
    if not isinstance(content, dict) or type(content.get("examples")) is not int:
        raise ValueError("the number of examples is missing")
    rows = content.get("summary") or []
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise ValueError("the summary is not a list of lists")
    if not all(type(value) in (int, float) for row in rows for value in row):
        raise ValueError("the summary contains values that are not numbers")
    monitor = content.get("monitor")
    if monitor is not None and not (isinstance(monitor, str) and (monitor == "" or monitor.isidentifier())):
        raise ValueError("monitor is not the name of a metric")


def _summary(feed: "Feed") -> tuple[list[list[float]], str]:
    """(a few numbers of each of some examples, SHA-256 of their labels or captions) of a `Feed`."""
    chosen = np.unique(np.linspace(0, feed.count - 1, _EXAMPLES).astype(int))
    if feed.images is not None:
        examples = [(feed.images[i],) for i in chosen]
    elif feed.validation:
        # Training examples are random crops and mixtures: compare whole validation examples instead.
        examples = feed.validation[:_EXAMPLES]
    else:
        # The command line reads a run's facts before it imports Keras.
        import keras

        batch = keras.tree.flatten(feed.make_batch(0, chosen[: feed.batch_size]))
        examples = list(zip(*map(np.asarray, batch)))
    examples = [one if isinstance(one, tuple) else (one,) for one in examples]
    rows = [[value for array in one if isinstance(array, np.ndarray) for value in _parts(array)] for one in examples]
    conditions: list[Any] | None = None
    # Labels that the model does not use may change.
    if feed.labels is not None and isinstance(feed.spec, list):
        conditions = [int(feed.labels[i]) for i in chosen]
    elif feed.captions:
        conditions = [list(feed.captions[i]) for i in chosen]
    return rows, "" if conditions is None else hashlib.sha256(json.dumps(conditions).encode()).hexdigest()


def _parts(array: np.ndarray) -> list[float]:
    """Mean absolute values of the parts of an example, in [0, 1]."""
    scale = 255.0 if array.dtype == np.uint8 else 1.0
    parts = np.array_split(array.reshape(-1), _PARTS)
    return [round(float(np.abs(part).mean(dtype="float64")) / scale, 4) if part.size else 0.0 for part in parts]
