"""Crops of labeled recordings, for models that generate speech."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np
from pydantic import Field

from ganzoo.arguments import AtLeastOne, ClassName, NotNegativeWhole, Seed
from ganzoo.data.feed import Feed, data_function, held_out_indices
from ganzoo.data.labeled_recordings import LabeledRecordings, open_labeled
from ganzoo.data.recordings import gain
from ganzoo.errors import GanzooError, unknown


@data_function
def utterances(
    source: str,
    label_names: dict[str, list[ClassName]] = {},
    sample_rate: AtLeastOne = 8_000,
    context: NotNegativeWhole = 1024,
    window: AtLeastOne = 4096,
    silence: NotNegativeWhole = 400,
    batch_size: AtLeastOne = 16,
    seed: Seed = 0,
    louder: Annotated[float, Field(ge=0, le=40)] = 0.0,
    held_out: Annotated[float, Field(ge=0, lt=1)] = 0.05,
    repeat: AtLeastOne = 1,
    strict: bool = False,
) -> Feed:
    """A dataset of crops of labeled recordings: what a model predicts, and the sound before it.

    Before and after a recording there is silence, exact zeros. A crop begins at the beginning of a recording that is
    shorter than the window, and at a random sample of a longer one. An epoch has as many crops as would cover the
    recordings `repeat` times.

    Args:
        source: see `ganzoo.data.labeled_recordings.open_labeled`, e.g. "named:my_speech:{word}_{speaker}".
        label_names: {label: its values}, in the order of the numbers that stand for them.
        sample_rate: in Hz; recordings with another rate are resampled.
        context: samples before each window.
        window: samples to predict.
        silence: samples after the end of a recording that crops include.
        batch_size: crops per batch.
        seed: of the order and the crops.
        louder: crops are made louder or quieter by a random gain of up to this many dB, but not so loud that they clip.
        held_out: share of the recordings that is held out for validation, evenly spaced; at least one unless 0.
        repeat: how often an epoch covers the recordings.
        strict: raise an error for an unreadable file instead of skipping it with a warning.

    Returns:
        `tf.data.Dataset` of (float32 (batch_size, context + window) in [-1, 1], int32 (batch_size, labels)), or of the
        first alone if there are no labels.

    Raises:
        GanzooError: as `open_labeled`; a recording has a label with another value, or lacks one.

    Example:
        import ganzoo.data

        names = {"take": ["0", "1", "2", "3"]}
        dataset = ganzoo.data.utterances("named:my_speech:{take}", names, context=512, window=1024, batch_size=2)
        sound, labels = next(iter(dataset))     # float32 (2, 1536), int32 (2, 1)
    """
    found = open_labeled(source, sample_rate, strict)
    numbers = label_numbers(found, label_names, source)
    held = held_out_indices(len(found.samples), held_out)
    training = [i for i in range(len(found.samples)) if i not in held]
    cells = np.repeat(training, [repeat * max(1, round(len(found.samples[i]) / window)) for i in training])

    def crop(rng, i):
        sound = found.samples[i]
        spare = len(sound) + silence - window
        start = int(rng.integers(spare + 1)) if spare > 0 else 0
        made = np.zeros(context + window, "float32")
        first = max(0, start - context)
        part = sound[first : start + window]
        made[context - start + first : context - start + first + len(part)] = part
        if louder:
            peak = float(np.abs(sound).max()) or 1.0
            made *= min(gain(rng.uniform(-louder, louder)), max(1.0, 1.0 / peak))
        return made

    def make_batch(step, indices):
        rng = np.random.default_rng([seed, 6, int(step)])
        sounds = np.stack([crop(rng, cells[index]) for index in indices])
        return (sounds, numbers[cells[indices]]) if label_names else sounds

    spec = ((context + window,), "float32")
    return Feed(
        count=len(cells),
        batch_size=batch_size,
        seed=seed,
        make_batch=make_batch,
        spec=[spec, ((len(label_names),), "int32")] if label_names else spec,
        source=source,
        validation=tuple((found.samples[i], numbers[i]) for i in sorted(held)),
        skipped=found.skipped,
    )


def label_numbers(recordings: LabeledRecordings, label_names: Mapping[str, Sequence[str]], source: str) -> np.ndarray:
    """The labels of recordings as numbers, int32 (count, labels).

    Args:
        recordings: from `open_labeled`.
        label_names: {label: its values}; a single label also takes the recordings' only one if its name differs.
        source: where they come from, for errors.

    Raises:
        GanzooError: a recording lacks one of the labels, or has another value.

    Example:
        from ganzoo.data.labeled_recordings import open_labeled
        from ganzoo.data.utterances import label_numbers

        recordings = open_labeled("named:my_speech:{take}:take=0,2", rate=8_000)
        label_numbers(recordings, {"take": ["0", "1", "2"]}, "my_speech")       # [[0], [2]]
    """
    columns = []
    for name, values in label_names.items():
        only = len(label_names) == 1 and len(recordings.labels) == 1 and name not in recordings.labels
        key = next(iter(recordings.labels)) if only else name
        if key not in recordings.labels:
            known = ", ".join(recordings.labels) or "none"
            raise GanzooError(f"the recordings of {source} have no label '{name}'; they have: {known}")
        number = {str(value): i for i, value in enumerate(values)}
        if others := [value for value in recordings.labels[key] if value not in number]:
            raise unknown(f"{name}", others[0], number, f"{source}, {len(others)} recordings")
        columns.append([number[value] for value in recordings.labels[key]])
    if not columns:
        return np.zeros((len(recordings.samples), 0), "int32")
    return np.array(columns, "int32").T
