"""What must not change when a run goes on: `data.json` in its folder."""

import hashlib
import json
import os
from dataclasses import dataclass

import keras
import numpy as np

from ganzoo.config import Config, from_mapping, to_mapping
from ganzoo.errors import GanzooError, first_line
from ganzoo.files import write_atomically

# How many examples the summary looks at, in how many parts each, and by how much a value in [0, 1] may differ:
# libraries of another version decode and resample a little differently.
_EXAMPLES, _PARTS, _TOLERANCE = 64, 4, 0.01


@dataclass
class Facts:
    """What a resumed run is compared with. None means not known: runs of older versions kept only `examples`.

    Attributes:
        examples: how many the data set has.
        summary: mean absolute values of parts of some examples, in [0, 1], a list of lists of numbers.
        labels: SHA-256 of the labels or captions of the same examples; "" where there are none.
        config: the `Config` that the run was begun with.
    """

    examples: int | None = None
    summary: list | None = None
    labels: str | None = None
    config: Config | None = None

    @classmethod
    def of(cls, config, feed):
        """The facts of a run with this config and this `Feed`."""
        summary, labels = _summary(feed)
        return cls(feed.count, summary, labels, config)

    def difference(self, new):
        """How other facts differ in their data, in words that follow "was trained on"; None where they do not.

        "{source}" in it stands for the new data's source.
        """
        if self.examples is not None and self.examples != new.examples:
            return f"{self.examples} examples, {{source}} has {new.examples}"
        if self.summary is not None:
            if list(map(len, self.summary)) != list(map(len, new.summary)):
                return "examples of another shape than those of {source}"
            pairs = [abs(a - b) for old, now in zip(self.summary, new.summary) for a, b in zip(old, now)]
            if any(difference > _TOLERANCE for difference in pairs):
                return "other examples than those of {source}"
        if self.labels is not None and self.labels != new.labels:
            return "other labels or captions than those of {source}"
        return None


def write_facts(folder, facts):
    """Writes a run folder's data.json."""
    content = {"examples": facts.examples, "summary": facts.summary, "labels": facts.labels}
    content["config"] = to_mapping(facts.config)
    write_atomically(folder / "data.json", json.dumps(content).encode())


def read_facts(folder):
    """The `Facts` of a run folder's data.json; all unknown where the file is missing, which is said.

    Raises:
        GanzooError: damaged.
    """
    path = folder / "data.json"
    try:
        content = json.loads(path.read_bytes())
        _check(content)
    except FileNotFoundError:
        print(f"{path} is missing: whether data and settings are still those of this run is not checked", flush=True)
        return Facts()
    except (OSError, ValueError, RecursionError) as error:
        reason = os.strerror(error.errno) if getattr(error, "errno", None) else first_line(error)
        raise GanzooError(
            f"cannot read {path} ({reason}): put a copy of it back, or delete it to go on without comparing the data"
        ) from None
    config = content.get("config")
    return Facts(
        content["examples"],
        content.get("summary"),
        content.get("labels"),
        None if config is None else from_mapping(config, f"{path}, section 'config'"),
    )


def _check(content):
    if not isinstance(content, dict) or type(content.get("examples")) is not int:
        raise ValueError("it does not say the number of examples")
    rows = content.get("summary") or []
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise ValueError("the summary is no list of lists")
    if not all(type(value) in (int, float) for row in rows for value in row):
        raise ValueError("the summary holds values that are no numbers")


def _summary(feed):
    """(a few numbers of each of some examples, SHA-256 of what is said of them) of a `Feed`."""
    chosen = np.unique(np.linspace(0, feed.count - 1, _EXAMPLES).astype(int))
    if feed.images is not None:
        examples = [(feed.images[i],) for i in chosen]
    elif feed.validation:
        # What training sees is cut and mixed at random places: whole examples are safer to compare.
        examples = feed.validation[:_EXAMPLES]
    else:
        batch = keras.tree.flatten(feed.make_batch(0, chosen[: feed.batch_size]))
        examples = list(zip(*map(np.asarray, batch)))
    examples = [one if isinstance(one, tuple) else (one,) for one in examples]
    rows = [[value for array in one if isinstance(array, np.ndarray) for value in _parts(array)] for one in examples]
    said = None
    # Labels that the source has but the model does not see may change.
    if feed.labels is not None and isinstance(feed.spec, list):
        said = [int(feed.labels[i]) for i in chosen]
    elif feed.captions:
        said = [list(feed.captions[i]) for i in chosen]
    return rows, "" if said is None else hashlib.sha256(json.dumps(said).encode()).hexdigest()


def _parts(array):
    """Mean absolute values of the parts of an example, floats in [0, 1]."""
    scale = 255.0 if array.dtype == np.uint8 else 1.0
    parts = np.array_split(array.reshape(-1), _PARTS)
    return [round(float(np.abs(part).mean(dtype="float64")) / scale, 4) if part.size else 0.0 for part in parts]
