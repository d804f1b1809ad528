"""Which files in a folder are data: one rule for images, captions and recordings."""

import os
import re
import warnings
from collections import Counter, deque
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from ganzoo.errors import GanzooError
from ganzoo.types import PathLike

# Files that operating systems and network drives create, besides hidden files; in lower case.
_SYSTEM_NAMES = frozenset(
    ("__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "$recycle.bin", "#recycle", "@eadir",
     "system volume information", "lost+found")
)  # fmt: skip
# The most kinds of files that a message lists.
_NAMED_KINDS = 6


def files_in(
    root: PathLike,
    suffixes: Collection[str],
    kind: str,
    *,
    explanations: Mapping[str, str] | None = None,
    companions: Collection[str] = (),
    skip_folder: PathLike | None = None,
) -> list[Path]:
    """The files of a folder with one of the suffixes, at any depth, sorted by path.

    - Hidden files and folders (their name starts with a dot) and those of operating systems (`Thumbs.db`, `__MACOSX`)
      are silently ignored.
    - Symbolic links to files and folders are followed. No folder is read twice, so cyclic links are harmless.
    - A warning counts all other files that were left out, by suffix.

    Args:
        root: path of the folder; its own name may be hidden.
        suffixes: lower-case suffixes with their dot, e.g. (".wav", ".flac").
        kind: what the files are, for messages, e.g. "images".
        explanations: {suffix: sentence}: why files with this suffix cannot be read and what to do; shown if there are
            such files.
        companions: names of files that belong to the data, such as "captions.json"; they are not counted as left out.
        skip_folder: path of a folder that is not searched.

    Returns:
        List of `pathlib.Path`, each starting with `root`.

    Raises:
        GanzooError: there is no such folder, or no such files in it.

    Example:
        from ganzoo.data.folders import files_in

        paths = files_in("my_images", (".png", ".jpg"), "images", companions=["captions.txt"])     # 16 paths
    """
    root = Path(root)
    # Not Path.is_dir(), which raises if a name is too long.
    if not os.path.isdir(root):
        raise GanzooError(f"no such folder of {kind}: {printable(root)}")
    files, counts = listed(root, skip_folder)
    found = [path for path in files if path.suffix.lower() in suffixes]
    others = [path for path in files if path.suffix.lower() not in suffixes and path.name not in companions]
    counts.update(path.suffix.lower() or "without a suffix" for path in others)
    left_out = described(counts)
    reasons = [text for suffix, text in (explanations or {}).items() if counts[suffix]]
    remarks = "".join(f"; {text}" for text in reasons)
    if not found:
        instead = f"; it holds {left_out}{remarks}" if left_out else ""
        raise GanzooError(f"the folder {printable(root)} holds no {kind} ({_shortened(suffixes)}){instead}")
    if left_out:
        warnings.warn(f"folder {printable(root)}: {len(found)} {kind}; left out: {left_out}{remarks}", stacklevel=2)
    return found


def listed(root: PathLike, skip_folder: PathLike | None = None) -> tuple[list[Path], Counter]:
    """(sorted paths of all files, `Counter` of everything that cannot be read), by the rules of `files_in`."""
    skipped = None if skip_folder is None else os.path.realpath(skip_folder)
    files: list[Path] = []
    counts: Counter[str] = Counter()
    seen: set[object] = set()
    # Links come last: a folder that is reached by its own name and by a link is listed under its own name.
    folders: deque[str] = deque([str(root)])
    links: deque[str] = deque()
    while folders or links:
        folder = (folders or links).popleft()
        try:
            status = os.stat(folder)
            # Some file systems have no inode numbers.
            identity = (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(folder)
            if identity in seen:
                counts["links to a folder that was already read"] += 1
                continue
            seen.add(identity)
            with os.scandir(folder) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except OSError:
            counts["unreadable folders"] += 1
            continue
        for entry in entries:
            if entry.name.startswith(".") or entry.name.lower() in _SYSTEM_NAMES:
                continue
            try:
                if entry.is_dir():
                    if skipped is None or os.path.realpath(entry.path) != skipped:
                        (links if entry.is_symlink() else folders).append(entry.path)
                elif entry.is_file():
                    files.append(Path(entry.path))
                else:
                    counts["broken links" if entry.is_symlink() else "devices or pipes"] += 1
            except OSError:  # a link that leads to itself
                counts["broken links"] += 1
    return sorted(files), counts


def described(counts: Mapping[str, int]) -> str:
    """A `Counter` as text, e.g. "3 .txt, 1 .mov", the most frequent first."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shown = [f"{count} {printable(name)}" for name, count in ordered[:_NAMED_KINDS]]
    rest = sum(count for _, count in ordered[_NAMED_KINDS:])
    return ", ".join(shown + ([f"{rest} others"] if rest else []))


def printable(name: object) -> str:
    """A file name or path as one line that any terminal can show; other characters are escaped."""
    text = str(name).encode("utf-8", "backslashreplace").decode()
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def natural(name: object) -> tuple:
    """Sort key that orders numbers in names by value, so that "class2" comes before "class10".

    Example:
        from ganzoo.data.folders import natural

        sorted(["class10", "class2"], key=natural)     # ["class2", "class10"]
    """
    parts = re.findall("[0-9]+|[^0-9]+", str(name))
    # "01" and "1" have the same parts.
    return [(0, int(part), "") if part[0] in "0123456789" else (1, 0, part) for part in parts], str(name)


def _shortened(suffixes: Iterable[str]) -> str:
    suffixes = list(suffixes)
    more = f" and {len(suffixes) - 8} others" if len(suffixes) > 9 else ""
    return ", ".join(suffixes[:8] if more else suffixes) + more
