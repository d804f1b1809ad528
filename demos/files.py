"""Files of the web page: one private folder per process, removed when the process ends."""

import asyncio
import atexit
import contextlib
import functools
import math
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from ganzoo.errors import GanzooError

KEPT_RESULTS = 50


@functools.cache
def folder() -> Path:
    """The folder of everything this process writes for its visitors.

    Only this user can open it (mode 0700). It is removed when the process ends, but not after SIGKILL.
    """
    path = Path(tempfile.mkdtemp(prefix="ganzoo-")).resolve()
    atexit.register(remove)
    return path


def remove() -> None:
    """Removes the folder with all visitors' files, if it exists."""
    if folder.cache_info().currsize:
        shutil.rmtree(folder(), ignore_errors=True)


def uploads() -> Path:
    """The folder in which Gradio stores uploads and the files it serves."""
    path = folder() / "served"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


class Room:
    """Limits the size of the folder of uploads and results. When it is full, the oldest files are removed.

    The sizes that requests announce are added up. The folder itself is scanned at most once a second, outside the event
    loop.

    Args:
        most_files, most_bytes: the limits.
        lasting: returns the paths of files that are never removed.
    """

    # Newer files are not removed: a visitor has just uploaded them or is about to look at them.
    seconds_safe = 120.0
    seconds_between_counts = 1.0

    def __init__(self, most_files: int, most_bytes: int, lasting: Callable[[], Iterable[Any]] = tuple):
        self.most_files, self.most_bytes, self._lasting = most_files, most_bytes, lasting
        self._files = self._bytes = 0
        self._counted = -math.inf
        self._lock = asyncio.Lock()

    async def has(self, count: int, size: int) -> bool:
        """Whether there is room for `count` more files of `size` bytes in total; if so, reserves it."""
        async with self._lock:
            if time.monotonic() - self._counted >= self.seconds_between_counts:
                self._files, self._bytes = await asyncio.to_thread(self._tidied, count, size)
                self._counted = time.monotonic()
            if self._files + count > self.most_files or self._bytes + size > self.most_bytes:
                return False
            self._files, self._bytes = self._files + count, self._bytes + size
            return True

    def _tidied(self, count: int, size: int) -> tuple[int, int]:
        """Removes the oldest files if room is needed; returns (files, bytes) in the folder."""
        found = list(_regular_files(uploads()))
        files, total = len(found), sum(entry.st_size for _, entry in found)
        if files + count <= self.most_files and total + size <= self.most_bytes:
            return files, total
        lasting, newest = set(map(str, self._lasting())), time.time() - self.seconds_safe
        for path, entry in sorted(found, key=lambda one: one[1].st_mtime):
            # Free a little more than needed, so that the next request finds room as well.
            if files + count <= 0.9 * self.most_files and total + size <= 0.9 * self.most_bytes:
                break
            if path in lasting or entry.st_mtime > newest:
                continue
            with contextlib.suppress(OSError):
                os.remove(path)
                files, total = files - 1, total - entry.st_size
                # Usually each file has its own folder.
                if (parent := os.path.dirname(path)) != str(uploads()):
                    os.rmdir(parent)
        return files, total


def _regular_files(root: Path) -> Iterator[tuple[str, os.stat_result]]:
    """(path, `os.stat_result`) of each regular file below a folder. Files that disappear meanwhile are left out."""
    for parent, _, names in os.walk(root):
        for name in names:
            path = os.path.join(parent, name)
            with contextlib.suppress(OSError):
                entry = os.lstat(path)
                if stat.S_ISREG(entry.st_mode):
                    yield path, entry


def is_served(path: Any) -> bool:
    """Whether a path from a request names a regular file in the folder of uploads and results.

    A path outside the folder is refused before the disk is accessed, so that a request cannot find out whether it
    exists or reach a network drive. Symbolic links are resolved before the decision.
    """
    try:
        if not Path(os.path.normpath(path)).is_relative_to(uploads()):
            return False
        found = Path(path).resolve(strict=True)
        return found.is_relative_to(uploads()) and found.is_file()
    except (OSError, ValueError, TypeError, RuntimeError):
        return False


def uploaded(path: Any) -> str:
    """The path of an uploaded file.

    Args:
        path: the value in the request, of any type.

    Raises:
        GanzooError: not a regular file in the folder of uploads.
    """
    if not is_served(path):
        raise GanzooError("the server does not have this file (any more): choose it again")
    return str(path)


def new_result(name: str) -> Path:
    """A path for a result, in a folder of its own, so that visitors never share a path.

    The oldest results are removed: Gradio copies the files it serves, so they are needed only briefly.
    """
    results = folder() / "results"
    results.mkdir(mode=0o700, exist_ok=True)
    for old in sorted(results.iterdir(), key=lambda path: path.stat().st_mtime)[: 1 - KEPT_RESULTS]:
        shutil.rmtree(old, ignore_errors=True)
    # Names of presets may be addresses or paths.
    name = re.sub(r"[/\\:]+", "-", name)
    suffix = Path(name).suffix
    return Path(tempfile.mkdtemp(dir=results)) / (stem(name) + suffix)


def stem(path: str | Path) -> str:
    """The name of an upload without its suffix, shortened so that a result's name can be built from it."""
    return Path(path).stem.encode()[:100].decode(errors="ignore")


def without_folders(message: str) -> str:
    """A message without the server's folders: files appear under the names that the visitor knows."""
    places = "|".join(re.escape(str(place)) for place in (uploads(), folder() / "results"))
    return re.sub(f"({places})(/[^/]*/)?", "", message)
