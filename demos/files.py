"""Files of the web page: one private folder for the whole process, removed when the process ends."""

import atexit
import functools
import os
import re
import shutil
import tempfile
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
