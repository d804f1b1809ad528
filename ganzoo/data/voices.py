"""Segments of the speech of two voices, for conversion between them."""

from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
from pydantic import Field

from ganzoo.arguments import AtLeastOne, ClassName, Seed
from ganzoo.data.feed import Feed, data_function, held_out_indices
from ganzoo.data.folders import natural
from ganzoo.data.labeled_recordings import open_labeled
from ganzoo.data.recordings import open_recordings
from ganzoo.data.sources import npz_part, split_source
from ganzoo.data.unpaired import TEST_SHARE, folder_pair
from ganzoo.data.vocoder import analyze, features_of
from ganzoo.errors import GanzooError, unknown
from ganzoo.types import Tensor

# Labels that say who speaks, in order of preference; "class" is that of folders.
_SPEAKER = ("speaker", "class")


@dataclass
class Voice:
    """The recordings of one voice.

    Attributes:
        samples: list of float32 (length,) in [-1, 1].
        names: name of each recording.
        labels: {label: its value for each recording}, without the speaker.
        skipped: files that could not be read.
    """

    samples: list[np.ndarray]
    names: list[str]
    labels: dict[str, list[str]] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()


@data_function
def voices(
    source: str,
    domains: tuple[ClassName, ClassName] = ("a", "b"),
    sample_rate: AtLeastOne = 16_000,
    coefficients: AtLeastOne = 24,
    frames: AtLeastOne = 128,
    batch_size: AtLeastOne = 1,
    seed: Seed = 0,
    repeats: AtLeastOne = 1,
    held_out: Annotated[float, Field(ge=0, lt=1)] = 0.05,
    strict: bool = False,
) -> Feed:
    """A dataset of random segments of two voices, in no relation to each other.

    The recordings of a voice follow one another without a gap, so that a segment may begin in one and end in the next.
    An epoch has as many segments as would cover the longer side `repeats` times.

    Args:
        source: see `open_voices`, e.g. "folders:my_voices/ana,my_voices/ben".
        domains: names of the voices.
        sample_rate: in Hz; recordings with another rate are resampled.
        coefficients: of a mel-cepstrum besides the loudness, see `ganzoo.data.vocoder.analyze`.
        frames: of a segment, each 5 ms.
        batch_size: segments of each voice per batch; the paper has 1.
        seed: of the segments.
        repeats: how often an epoch covers the recordings.
        held_out: share of each voice's recordings that is held out for validation, evenly spaced; at least one unless
            0.
        strict: raise an error for an unreadable file instead of skipping it with a warning.

    Returns:
        `tf.data.Dataset` of two arrays, float32 (batch_size, frames, 2 + coefficients): see
        `ganzoo.data.vocoder.features_of`.

    Raises:
        GanzooError: as `open_voices`; recordings without voiced speech, or shorter than a segment in all; pyworld is
            missing.

    Example:
        import ganzoo.data

        dataset = ganzoo.data.voices("folder:my_voices", ("ana", "ben"), frames=32, batch_size=2)
        first, second = next(iter(dataset))     # float32 (2, 32, 26) each
    """
    sides = open_voices(source, domains, sample_rate, strict=strict)
    held = [held_out_indices(len(side.samples), held_out) if len(side.samples) > 1 else set() for side in sides]
    streams, validation = [], []
    for name, side, apart in zip(domains, sides, held):
        found = [features_of(analyze(sound, sample_rate, coefficients, aperiodicity=False)) for sound in side.samples]
        stream = np.concatenate([features for i, features in enumerate(found) if i not in apart])
        if len(stream) < frames:
            raise GanzooError(
                f"the recordings of {name} have {len(stream)} frames of 5 ms, but a segment has {frames}: add "
                "recordings, or take shorter segments"
            )
        if not (stream[:, 0] > 0).any():
            raise GanzooError(f"no frame of the recordings of {name} is voiced: they hold no speech")
        streams.append(stream)
        validation.append(tuple(found[i] for i in sorted(apart)))
    count = repeats * max(len(stream) // frames for stream in streams)

    def make_batch(step: int, indices: np.ndarray) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng([seed, 9, int(step)])
        batch = [np.empty((batch_size, frames, 2 + coefficients), "float32") for _ in streams]
        for rows, stream in zip(batch, streams):
            for row, start in zip(rows, rng.integers(len(stream) - frames + 1, size=batch_size)):
                row[:] = stream[start : start + frames]
        return batch[0], batch[1]

    return Feed(
        count=count,
        batch_size=batch_size,
        seed=seed,
        make_batch=make_batch,
        spec=[((frames, 2 + coefficients), "float32")] * 2,
        source=source,
        validation=tuple(validation) if all(validation) else (),
        skipped=(*sides[0].skipped, *sides[1].skipped),
    )


def open_voices(
    source: str, domains: tuple[str, str], rate: int, part: str | None = None, strict: bool = False
) -> tuple[Voice, Voice]:
    """Reads the recordings of two voices.

    Args:
        source: one of

            - "folders:PATH_A,PATH_B": a folder for each. ":test" at the end takes every tenth recording, and ":train"
              the others;
            - labeled recordings, see `ganzoo.data.labeled_recordings.open_labeled`, whose label "speaker" has the
              names of the voices, e.g. "named:fsdd:{digit}_{speaker}_{index}"; or "folder:PATH" with a subfolder of
              these names for each.
        domains: names of the voices.
        rate: sample rate in Hz; recordings with another rate are resampled.
        part: "train" or "test" for "folders:", which gives all recordings unless the source itself names a part.
        strict: raise an error for an unreadable file instead of skipping it with a warning.

    Raises:
        GanzooError: a missing or empty side, or sides that are the same.

    Example:
        from ganzoo.data.voices import open_voices

        first, second = open_voices("folders:my_voices/ana,my_voices/ben", ("ana", "ben"), rate=16_000)
        first.samples, first.names      # lists of float32 (samples,) and of file names
    """
    if domains[0] == domains[1]:
        raise GanzooError(f"conversion is between two voices, got '{domains[0]}' twice")
    scheme, place = split_source(source, " of two voices", _SCHEMES)
    return _SCHEMES[scheme](scheme, place, domains, rate, part, strict)


def _two_folders(scheme, place, domains, rate, part, strict):
    place, own = npz_part(place)
    part = own or part
    return tuple(_folder(path, rate, part, strict) for path in folder_pair(place))


def _folder(path, rate, part, strict):
    found = open_recordings(f"folder:{path}", rate, strict)
    order = sorted(range(len(found.names)), key=lambda i: natural(found.names[i]))
    if part:
        test = held_out_indices(len(order), TEST_SHARE)
        order = [i for place, i in enumerate(order) if (place in test) == (part == "test")]
    if not order:
        raise GanzooError(f"{path} has too few recordings for a part of its own")
    return Voice([found.samples[i] for i in order], [found.names[i] for i in order], {}, found.skipped)


def _labeled(scheme, place, domains, rate, part, strict):
    found = open_labeled(f"{scheme}:{place}", rate, strict)
    key = next((name for name in _SPEAKER if name in found.labels), None)
    if key is None:
        raise GanzooError(
            f"{scheme}:{place} does not say who speaks: it needs the label 'speaker', or a folder for each voice"
        )
    who = found.labels[key]
    sides = []
    for name in domains:
        if name not in who:
            raise unknown("voice", name, sorted(set(who), key=natural), f"{scheme}:{place}")
        chosen = [i for i, speaker in enumerate(who) if speaker == name]
        labels = {label: [values[i] for i in chosen] for label, values in found.labels.items() if label != key}
        sides.append(Voice([found.samples[i] for i in chosen], [found.names[i] for i in chosen], labels, found.skipped))
    return tuple(sides)


_SCHEMES = {"folder": _labeled, "folders": _two_folders, "named": _labeled, "npz": _labeled}
