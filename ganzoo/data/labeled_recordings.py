"""Recordings with labels, such as the word and the speaker, as mono at one sample rate."""

import csv
import io
import json
import os
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ganzoo.data.arrays import read_arrays
from ganzoo.data.audio import audio_files, resampled
from ganzoo.data.folders import natural, printable
from ganzoo.data.recording_files import RATES
from ganzoo.data.recordings import read_recordings
from ganzoo.data.sources import split_source
from ganzoo.errors import GanzooError, first_line, in_one_line
from ganzoo.types import PathLike

# Of an index file in a folder.
INDEX = ("labels.csv", "labels.json")
# "{word}_speaker={who}" at the end is a pattern.
_SELECTION = re.compile(r"(\w+)=([^{}]+)")
# Of a .npz file, besides names and labels.
_ARRAYS = ("audio", "lengths", "sample_rate")
_FIELD = re.compile(r"{(\w+)}")


@dataclass
class LabeledRecordings:
    """Recordings of different lengths, and what is known of each.

    Attributes:
        samples: list of float32 (length,) in [-1, 1].
        names: name of each recording.
        labels: {label: its value for each recording, as text}, e.g. {"speaker": ["ana", "ben", "ana"]}.
        skipped: files that could not be read.
    """

    samples: list[np.ndarray]
    names: list[str]
    labels: dict[str, list[str]] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()


def open_labeled(source: str, rate: int, strict: bool = False) -> LabeledRecordings:
    """Reads the recordings of a source and their labels.

    Args:
        source: one of

            - "named:FOLDER:PATTERN": all recordings of a folder, at any depth, whose labels are parts of their names,
              e.g. "named:fsdd:{digit}_{speaker}_{index}" for a file 7_ana_12.flac. A pattern with a slash is that of
              the path in the folder, e.g. "named:my_speech:{speaker}/{word}-{take}";
            - "folder:PATH": labels are those of the file labels.csv in it, whose first line names the columns "file"
              and labels, or of labels.json, {file: {label: value}}; without such a file, the folders directly in it
              are the values of the label "class";
            - "npz:FILE": arrays `audio` (all samples one after another, int16 or float in [-1, 1]), `lengths` (count,),
              `sample_rate`, and (count,) for each label; see `write_packed`.

            Conditions select recordings: ":LABEL=VALUES" at the end, where VALUES are separated by commas, and "5-49"
            is a range of whole numbers, e.g. "named:fsdd:{digit}_{speaker}_{index}:index=5-49".
        rate: sample rate in Hz; recordings with another rate are resampled.
        strict: raise an error for an unreadable file instead of skipping it with a warning.

    Returns:
        `LabeledRecordings`.

    Raises:
        GanzooError: the source is missing, empty or unreadable, no name fits the pattern, or a condition selects none.

    Example:
        from ganzoo.data.labeled_recordings import open_labeled

        recordings = open_labeled("named:my_speech:{take}:take=0-1", rate=8_000)
        recordings.labels       # {"take": ["0", "1"]}
    """
    scheme, place = split_source(source, " of labeled recordings", _SCHEMES)
    place, chosen = _conditions(place)
    return _SCHEMES[scheme](place, rate, strict, chosen)


def _conditions(place: str) -> tuple[str, dict[str, str]]:
    """What follows the scheme of a source, without the conditions at its end, and these, {label: values}."""
    parts, chosen = place.split(":"), {}
    while len(parts) > 1 and (found := _SELECTION.fullmatch(parts[-1])):
        chosen[found[1]] = found[2]
        parts.pop()
    return ":".join(parts), chosen


def place_of(place: str) -> Path:
    """The file or folder of a source, from what follows its scheme."""
    place = _conditions(place)[0]
    folder, _, pattern = place.rpartition(":")
    return Path(folder if folder and "{" in pattern else place).expanduser()


def _named(place, rate, strict, chosen):
    return _read(place_of(place), _listed_by_name(place, chosen, strict), rate, strict)


def named_files(place: str) -> list[tuple[Path, dict[str, str]]]:
    """The files of a source "named:PLACE" and their labels, which are not read.

    Raises:
        GanzooError: as `open_labeled`.
    """
    return _listed_by_name(*_conditions(place))


def _listed_by_name(place: str, chosen: Mapping[str, str], strict: bool = False) -> list[tuple[Path, dict[str, str]]]:
    folder, _, pattern = place.rpartition(":")
    names = _FIELD.findall(pattern)
    if not folder or not names:
        raise GanzooError(
            f"the source 'named:{place}' needs a folder and a pattern, e.g. named:my_speech:{{word}}_{{speaker}}"
        )
    if len(set(names)) < len(names):
        raise GanzooError(f"the pattern '{pattern}' names a label twice")
    pieces = _FIELD.split(pattern)
    expression = "".join(f"(?P<{part}>.+?)" if i % 2 else re.escape(part) for i, part in enumerate(pieces))
    fits, root = re.compile(expression), Path(folder).expanduser()
    paths: list[Path] = []
    labels: list[dict[str, str]] = []
    others: list[Path] = []
    for path in _in_order(root):
        relative = path.relative_to(root).with_suffix("")
        found = fits.fullmatch(relative.as_posix() if "/" in pattern else relative.name)
        if found is None:
            others.append(path)
            continue
        paths.append(path)
        labels.append(found.groupdict())
    if others and (strict or not paths):
        raise GanzooError(
            f"{len(others)} of {len(paths) + len(others)} recordings in {root} have names unlike '{pattern}'; first: "
            f"{printable(others[0].name)}"
        )
    if others:
        warnings.warn(
            f"{root}: {len(others)} recordings with names unlike '{pattern}' left out; first: "
            f"{printable(others[0].name)}",
            stacklevel=3,
        )
    return _selected(list(zip(paths, labels)), chosen, str(root))


def _in_order(root: Path) -> list[Path]:
    return sorted(audio_files(root), key=lambda path: natural(path.relative_to(root).as_posix()))


def _folder(place, rate, strict, chosen):
    root = Path(place)
    index = next((root / name for name in INDEX if (root / name).is_file()), None)
    if index is not None:
        listed = _index(index)
        paths = [root / name for name in listed]
        if missing := [path for path in paths if not path.is_file()]:
            raise GanzooError(f"{index} lists {len(missing)} files that are not there; first: {missing[0].name}")
        return _read(root, _selected(list(zip(paths, listed.values())), chosen, str(root)), rate, strict)
    paths = _in_order(root)
    inside = all(path.parent != root for path in paths)
    labels = [{"class": path.relative_to(root).parts[0]} if inside else {} for path in paths]
    return _read(root, _selected(list(zip(paths, labels)), chosen, str(root)), rate, strict)


def _index(path: Path) -> dict[str, dict[str, str]]:
    """{file: {label: value}} of labels.csv or labels.json."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
        rows = _json_rows(text) if path.suffix == ".json" else _csv_rows(text)
        found = {}
        for row in rows:
            name = str(row["file"])
            if name in found:
                raise ValueError(f"{in_one_line(name)} is listed twice")
            found[name] = {str(k): str(v) for k, v in row.items() if k != "file" and v is not None}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, csv.Error) as error:
        raise GanzooError(
            f"cannot read {path} ({first_line(error)}): a CSV file begins with a line such as file,word,speaker; a "
            "JSON file is {file: {label: value}}"
        ) from None
    if len({frozenset(labels) for labels in found.values()}) != 1:
        raise GanzooError(f"{path}: every recording needs the same labels, and there must be at least one recording")
    return found


def _json_rows(text):
    return [{"file": name, **values} for name, values in json.loads(text, object_pairs_hook=_each_once).items()]


def _each_once(pairs):
    """A JSON object, whose keys differ."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"{in_one_line(next(key for key in keys if keys.count(key) > 1))} is listed twice")
    return found


def _csv_rows(text):
    # Lines end where CSV says, not at each character that is a line break elsewhere.
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey="", skipinitialspace=True)
    reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
    if len({*reader.fieldnames} - {""}) < len([name for name in reader.fieldnames if name]):
        raise ValueError("two columns have the same name")
    for row in reader:
        # Spreadsheets end lines with the separators of empty columns.
        without_name = row.pop("", None)
        if any(without_name or ()):
            raise ValueError(f"line {reader.line_num} has more values than the first line has names")
        yield row


def _read(root, kept, rate, strict):
    samples, broken = read_recordings([path for path, _ in kept], rate, str(root), strict)
    kept = [(path, row) for path, row in kept if path in samples]
    return LabeledRecordings(
        [samples[path] for path, _ in kept],
        # An index may name files by absolute paths.
        [Path(os.path.relpath(path, root)).as_posix() for path, _ in kept],
        {key: [row[key] for _, row in kept] for key in kept[0][1]},
        tuple(map(str, broken)),
    )


def _npz(place, rate, strict, chosen):
    path = Path(place)
    arrays, keys = read_arrays(path)
    if lacking := [name for name in _ARRAYS if name not in arrays]:
        raise GanzooError(f"{path} has no array '{lacking[0]}'; it has: {', '.join(map(printable, keys)) or 'none'}")
    audio, lengths, own = arrays["audio"], arrays["lengths"], arrays["sample_rate"]
    if audio.ndim != 1 or audio.dtype.kind not in "if" or (audio.dtype.kind == "i" and audio.dtype != np.int16):
        raise GanzooError(f"{path}: audio is an array int16 or float (samples,), got {audio.dtype} {audio.shape}")
    if lengths.ndim != 1 or lengths.dtype.kind not in "iu" or (lengths < 1).any() or lengths.sum() != len(audio):
        raise GanzooError(
            f"{path}: lengths are whole numbers (count,) that add up to the {len(audio)} samples of audio"
        )
    if own.size != 1 or own.dtype.kind not in "iu" or not RATES[0] <= int(own.item()) <= RATES[1]:
        raise GanzooError(f"{path}: sample_rate is a whole number from {RATES[0]} to {RATES[1]} in Hz, got {own!r}")
    names = [key for key in arrays if key not in (*_ARRAYS, "names")]
    for name in ("names", *names):
        if name in arrays and arrays[name].shape != lengths.shape:
            raise GanzooError(f"{path}: {len(lengths)} recordings, but '{name}' has shape {arrays[name].shape}")
    rows = [{name: str(arrays[name][i]) for name in names} for i in range(len(lengths))]
    ends = np.cumsum(lengths)
    kept = _selected(list(enumerate(rows)), chosen, str(path))
    scale = np.float32(1 / 32768 if audio.dtype.kind == "i" else 1)

    def recording(i):
        sound = audio[ends[i] - lengths[i] : ends[i]] * scale
        # Before resampling, which exceeds the range where a recording is clipped.
        if not np.isfinite(sound).all() or np.abs(sound).max() > 1.001:
            raise GanzooError(f"{path}: audio has values that are not numbers in [-1, 1]")
        return resampled(sound, int(own.item()), rate).astype("float32", copy=False)

    samples = [recording(i) for i, _ in kept]
    titles = arrays.get("names", np.arange(len(lengths)))
    return LabeledRecordings(
        samples, [str(titles[i]) for i, _ in kept], {name: [row[name] for _, row in kept] for name in names}
    )


_SCHEMES = {"folder": _folder, "named": _named, "npz": _npz}


def _selected(rows: Sequence[tuple[Any, dict[str, str]]], chosen: Mapping[str, str], place: str) -> list:
    """The rows (anything, labels) that all conditions allow."""
    for name, text in chosen.items():
        if rows and name not in rows[0][1]:
            raise GanzooError(
                f"{place}: the condition {name}={text} needs a label '{name}'; there are: "
                f"{', '.join(rows[0][1]) or 'none'}"
            )
        values = set(text.split(","))
        pairs = [value.split("-") for value in values if re.fullmatch(r"[0-9]{1,18}-[0-9]{1,18}", value)]
        ranges = [(int(first), int(last)) for first, last in pairs]

        def fits(label, values=values, ranges=ranges):
            if label in values:
                return True
            number = int(label) if re.fullmatch("[0-9]{1,18}", label) else None
            return number is not None and any(first <= number <= last for first, last in ranges)

        rows = [(path, labels) for path, labels in rows if fits(labels[name])]
        if not rows:
            raise GanzooError(f"{place}: no recording with {name}={text}")
    return list(rows)


def write_packed(source: str, path: PathLike, rate: int = 8_000) -> int:
    """Writes the recordings of a source and their labels to one file, for the source "npz:FILE", which needs no package
    that reads recordings.

    Args:
        source: as in `open_labeled`.
        path: file to write, ending in .npz.
        rate: sample rate in Hz.

    Returns:
        The number of recordings.

    Raises:
        GanzooError: as `open_labeled`; a path without this suffix; a sample rate out of range; a label with the name of
            another array; or the file cannot be written.

    Example:
        from ganzoo.data.labeled_recordings import open_labeled, write_packed

        write_packed("named:my_speech:{take}", "my_speech.npz")     # 4
        packed = open_labeled("npz:my_speech.npz:take=0", rate=8_000)
    """
    if Path(path).suffix != ".npz":
        raise GanzooError(f"{path} must end in .npz")
    if not isinstance(rate, (int, np.integer)) or not RATES[0] <= rate <= RATES[1]:
        raise GanzooError(f"rate must be an integer from {RATES[0]} to {RATES[1]} Hz, got {rate!r}")
    found = open_labeled(source, rate)
    for name in (*_ARRAYS, "names", "file"):
        if name in found.labels:
            raise GanzooError(f"the label '{name}' has the name of another array: name it differently")
    audio = np.concatenate(found.samples)
    arrays = dict(
        audio=np.clip(np.rint(32768 * audio), -32768, 32767).astype("int16"),
        lengths=np.array([len(sound) for sound in found.samples], "int32"),
        sample_rate=np.array(rate, "int32"),
        names=np.array(found.names),
        **{name: np.array(values) for name, values in found.labels.items()},
    )
    try:
        np.savez_compressed(path, **arrays)
    except OSError as error:
        raise GanzooError(f"cannot write {path}: {error.strerror or error}") from None
    return len(found.samples)
