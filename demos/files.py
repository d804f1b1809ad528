"""Files of the web page: one private folder for the whole process, removed when the process ends."""

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
from pathlib import Path

from ganzoo.errors import GanzooError

KEPT_RESULTS = 50


@functools.cache
def folder():
    """The folder that holds everything this process writes for its visitors.

    Only this user can open it (mode 0700). It is removed when the process ends, unless it is killed.
    """
    path = Path(tempfile.mkdtemp(prefix="ganzoo-")).resolve()
    atexit.register(remove)
    return path


def remove():
    """Removes the folder with all visitors' files, if there is one."""
    if folder.cache_info().currsize:
        shutil.rmtree(folder(), ignore_errors=True)


def uploads():
    """The folder in which Gradio keeps uploads and what it serves."""
    path = folder() / "served"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


class Room:
    """How much the folder of uploads and results may hold. When it is full, its oldest files are removed.

    What requests announce is added up, and the folder itself is counted once a second at most, outside of the event
    loop: a request never waits for a walk over more files than may be kept.

    Args:
        most_files, most_bytes: that are kept.
        lasting: a function that gives the paths of files that always stay.
    """

    # A file that a visitor has just uploaded, or is about to look at, is not removed.
    seconds_safe = 120.0
    seconds_between_counts = 1.0

    def __init__(self, most_files, most_bytes, lasting=tuple):
        self.most_files, self.most_bytes, self._lasting = most_files, most_bytes, lasting
        self._files = self._bytes = 0
        self._counted = -math.inf
        self._lock = asyncio.Lock()

    async def has(self, count, size):
        """Whether there is room for so many files of so many bytes in all; if so, they count from now on."""
        async with self._lock:
            if time.monotonic() - self._counted >= self.seconds_between_counts:
                self._files, self._bytes = await asyncio.to_thread(self._tidied, count, size)
                self._counted = time.monotonic()
            if self._files + count > self.most_files or self._bytes + size > self.most_bytes:
                return False
            self._files, self._bytes = self._files + count, self._bytes + size
            return True

    def _tidied(self, count, size):
        """(files, bytes) in the folder, after the oldest have made room if they had to."""
        found = list(_regular_files(uploads()))
        files, total = len(found), sum(entry.st_size for _, entry in found)
        if files + count <= self.most_files and total + size <= self.most_bytes:
            return files, total
        lasting, newest = set(map(str, self._lasting())), time.time() - self.seconds_safe
        for path, entry in sorted(found, key=lambda one: one[1].st_mtime):
            # A little more than is needed, so that the next request finds room, too.
            if files + count <= 0.9 * self.most_files and total + size <= 0.9 * self.most_bytes:
                break
            if path in lasting or entry.st_mtime > newest:
                continue
            with contextlib.suppress(OSError):
                os.remove(path)
                files, total = files - 1, total - entry.st_size
                # Each file has a folder of its own, as a rule.
                if (parent := os.path.dirname(path)) != str(uploads()):
                    os.rmdir(parent)
        return files, total


def _regular_files(place):
    """(path, `os.stat_result`) of each regular file within a folder; what vanishes meanwhile is left out."""
    for parent, _, names in os.walk(place):
        for name in names:
            path = os.path.join(parent, name)
            with contextlib.suppress(OSError):
                entry = os.lstat(path)
                if stat.S_ISREG(entry.st_mode):
                    yield path, entry


def is_served(path):
    """Whether a path that came with a request names a regular file in the folder of uploads and results.

    A path that leaves the folder is refused by its letters alone, before the disk is asked: nobody learns whether it
    exists, and nothing on a network is touched. Symbolic links are followed before the decision.
    """
    try:
        if not Path(os.path.normpath(path)).is_relative_to(uploads()):
            return False
        found = Path(path).resolve(strict=True)
        return found.is_relative_to(uploads()) and found.is_file()
    except (OSError, ValueError, TypeError, RuntimeError):
        return False


def uploaded(path):
    """The path of a file that a visitor has uploaded.

    Args:
        path: whatever a request holds.

    Raises:
        GanzooError: anything but a regular file in the folder of uploads.
    """
    if not is_served(path):
        raise GanzooError("the server does not have this file, or no longer: choose it again")
    return str(path)


def new_result(name):
    """A path for a result, in a folder of its own, so that no other visitor's result can have the same path.

    The oldest results are removed: Gradio copies what it serves, so they are needed for a moment only.
    """
    results = folder() / "results"
    results.mkdir(mode=0o700, exist_ok=True)
    for old in sorted(results.iterdir(), key=lambda path: path.stat().st_mtime)[: 1 - KEPT_RESULTS]:
        shutil.rmtree(old, ignore_errors=True)
    return Path(tempfile.mkdtemp(dir=results)) / name


def stem(path):
    """The name that an upload came with, without its suffix, and short enough for a result to add to it."""
    return Path(path).stem.encode()[:100].decode(errors="ignore")


def without_folders(message):
    """A message for a visitor: files by the names that the visitor knows, not by where this server keeps them."""
    places = "|".join(re.escape(str(place)) for place in (uploads(), folder() / "results"))
    return re.sub(f"({places})(/[^/]*/)?", "", message)
