"""Which file is written for which: of one file, of several, or of all in a folder."""

import os
import unicodedata
from collections import defaultdict
from pathlib import Path

from ganzoo.data.folders import printable
from ganzoo.errors import GanzooError


def written_pairs(
    source: Path | Sequence[Path],
    target: Path,
    files_in: Callable[[Path], Iterable[Path]],
    suffix: Callable[[str], str] | None = None,
    *,
    suffix_of: Callable[[Path], str] | None = None,
) -> list[tuple[Path, Path]]:
    """(file, file to write) of a file, of several or of all in a folder; nothing that is read is ever written over.

    A file goes into another file; a folder, or a list of files and folders, into a folder. A list of one file goes into
    another file, or into a folder that is there. No two results have the same name, see `distinct_names`.

    Args:
        source: `pathlib.Path` of a file or folder, or a list of them.
        target: `pathlib.Path`.
        files_in: function from a folder to its files.
        suffix: of what is written for a file into a folder; a function from the file's own suffix, in lower case.
        suffix_of: instead of `suffix`, a function from the file's path.

    Raises:
        GanzooError: a file or folder that would be written over itself, or a folder into a file.
    """
    is_list = isinstance(source, (list, tuple))
    sources = list(dict.fromkeys(source if is_list else [source]))
    if len(sources) == 1 and not os.path.isdir(sources[0]) and not (is_list and os.path.isdir(target)):
        if os.path.exists(sources[0]) and os.path.exists(target) and target.samefile(sources[0]):
            raise GanzooError(f"IN and OUT are the same file: {printable(target)}")
        return [(sources[0], target)]
    what = "several inputs" if len(sources) > 1 else "a folder"
    if os.path.exists(target) and not os.path.isdir(target):
        raise GanzooError(f"IN is {what}, OUT is not a folder: {printable(target)}")
    if len(sources) > 1 and not os.path.exists(target) and target.suffix:
        raise GanzooError(f"IN is several inputs, so OUT is a folder: {printable(target)} is not there; make it first")
    found, names, goal = [], [], os.path.realpath(target)
    for place in sources:
        if not os.path.isdir(place):
            found.append(place)
            names.append(Path(place.name))
            continue
        root = os.path.realpath(place)
        if goal == root:
            raise GanzooError(f"IN and OUT are the same folder: {printable(place)}")
        # What an earlier call has written into the folder is not taken for its content.
        inside = goal.startswith(os.path.join(root, ""))
        below_goal = os.path.join(goal, "")
        files = [path for path in files_in(place) if not (inside and os.path.realpath(path).startswith(below_goal))]
        found += files
        # Of several folders each has one of its own in the target.
        below = Path(os.path.basename(root)) if len(sources) > 1 else Path()
        names += [below / path.relative_to(place) for path in files]
    suffixes = [suffix_of(path) if suffix_of else suffix(path.suffix.lower()) for path in found]
    written = [target / name for name in distinct_names(names, suffixes)]
    read = {os.path.realpath(path) for path in found}
    for path in written:
        if os.path.realpath(path) in read:
            raise GanzooError(f"{printable(path)} would be written over, but is one of the inputs: name another folder")
    return list(zip(found, written))


def distinct_names(names: Sequence[Path], suffixes: Sequence[str]) -> list[Path]:
    """Names of results, no two of them the same, not even where case and the form of Unicode do not count.

    A name gets the new suffix instead of its own ("a.jpg" to "a.png"). Where that would be the name of several results,
    the new suffix comes after the own one ("a.jpg.png"), and where that does not help either, after a number
    ("a.jpg-2.png"). The names depend on the set of names alone, not on their order.

    Args:
        names: list of different relative `pathlib.Path`.
        suffixes: the new suffix of each.

    Returns:
        List of `pathlib.Path`.

    Example:
        distinct_names([Path("a.jpg"), Path("a.gif"), Path("b.jpg")], [".png"] * 3)     # a.jpg.png, a.gif.png, b.png
    """
    steps = [0] * len(names)
    order = sorted(range(len(names)), key=lambda i: (names[i].as_posix(), suffixes[i]))
    while True:
        made = [_renamed(name, suffix, step) for name, suffix, step in zip(names, suffixes, steps)]
        alike = defaultdict(list)
        for i in order:
            alike[unicodedata.normalize("NFC", made[i].as_posix()).casefold()].append(i)
        clashes = [group for group in alike.values() if len(group) > 1]
        if not clashes:
            return made
        for group in clashes:
            first = [i for i in group if steps[i] == 0]
            # Once all have their own suffix in them, the first keeps its name.
            for i in first or group[1:]:
                steps[i] += 1


def _renamed(name: Path, suffix: str, step: int) -> Path:
    if step == 0:
        return name.with_suffix(suffix)
    return name.with_name(name.name + (f"-{step}" if step > 1 else "") + suffix)
