"""Output paths for input paths: one file, several files, or all files of a folder."""

import os
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
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
    """List of (input file, output file) for a file, several files or a folder; no input is ever overwritten.

    A file is written to a file; a folder, or a list of files and folders, to a folder. A list of one file is written
    to a file, or to a folder that exists. All outputs have different names, see `distinct_names`.

    Args:
        source: a file or folder, or a list of them.
        target: file or folder to write.
        files_in: function from a folder to its files.
        suffix: function from an input's lower-case suffix to the suffix of its output in a folder.
        suffix_of: instead of `suffix`, a function from the input's path.

    Raises:
        GanzooError: an input would be overwritten, or a folder written to a file.

    Example:
        from pathlib import Path

        from ganzoo.inference.folders import written_pairs

        wavs = lambda folder: folder.glob("*.wav")
        pairs = written_pairs(Path("my_speech"), Path("clean"), wavs, lambda suffix: suffix)
        # [(Path("my_speech/0.wav"), Path("clean/0.wav")), ...]
    """
    is_list = not isinstance(source, os.PathLike)
    sources = list(dict.fromkeys([source] if isinstance(source, os.PathLike) else source))
    if len(sources) == 1 and not os.path.isdir(sources[0]) and not (is_list and os.path.isdir(target)):
        if os.path.exists(sources[0]) and os.path.exists(target) and target.samefile(sources[0]):
            raise GanzooError(f"IN and OUT are the same file: {printable(target)}")
        return [(sources[0], target)]
    what = "several inputs" if len(sources) > 1 else "a folder"
    if os.path.exists(target) and not os.path.isdir(target):
        raise GanzooError(f"IN is {what}, OUT is not a folder: {printable(target)}")
    if len(sources) > 1 and not os.path.exists(target) and target.suffix:
        raise GanzooError(
            f"IN is several inputs, so OUT is a folder: {printable(target)} does not exist; make it first"
        )
    found: list[Path] = []
    names: list[Path] = []
    goal = os.path.realpath(target)
    for place in sources:
        if not os.path.isdir(place):
            found.append(place)
            names.append(Path(place.name))
            continue
        root = os.path.realpath(place)
        if goal == root:
            raise GanzooError(f"IN and OUT are the same folder: {printable(place)}")
        # Outputs of an earlier call inside the folder are not inputs.
        inside = goal.startswith(os.path.join(root, ""))
        below_goal = os.path.join(goal, "")
        files = [path for path in files_in(place) if not (inside and os.path.realpath(path).startswith(below_goal))]
        found += files
        # With several folders, each gets its own subfolder of the target.
        below = Path(os.path.basename(root)) if len(sources) > 1 else Path()
        names += [below / path.relative_to(place) for path in files]
    own_suffix = suffix or str
    suffixes = [suffix_of(path) if suffix_of else own_suffix(path.suffix.lower()) for path in found]
    written = [target / name for name in distinct_names(names, suffixes)]
    read = {os.path.realpath(path) for path in found}
    for path in written:
        if os.path.realpath(path) in read:
            raise GanzooError(f"{printable(path)} is one of the inputs and would be overwritten: name another folder")
    return list(zip(found, written))


def distinct_names(names: Sequence[Path], suffixes: Sequence[str]) -> list[Path]:
    """Output names that are all different, even ignoring case and Unicode normalization.

    The new suffix replaces the old one ("a.jpg" to "a.png"). If several outputs would get the same name, it is appended
    to the old one ("a.jpg.png"), and if that does not suffice, to a number ("a.jpg-2.png"). The result depends only on
    the set of names, not on their order.

    Args:
        names: different relative paths.
        suffixes: the new suffix of each.

    Returns:
        List of `pathlib.Path`.

    Example:
        from pathlib import Path

        from ganzoo.inference.folders import distinct_names

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
            # Once all contain their old suffix, the first one keeps its name.
            for i in first or group[1:]:
                steps[i] += 1


def _renamed(name: Path, suffix: str, step: int) -> Path:
    if step == 0:
        return name.with_suffix(suffix)
    return name.with_name(name.name + (f"-{step}" if step > 1 else "") + suffix)
