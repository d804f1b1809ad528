"""Atomic writing of files, and the cache folder."""

import contextlib
import errno
import io
import os
import stat
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ganzoo.errors import GanzooError
from ganzoo.types import PathLike

if TYPE_CHECKING:
    import numpy as np

# Bytes of the largest weights file, which is read as a whole; the package's have less than 10 MB.
LARGEST_WEIGHTS = 2**30


def write_atomically(path: PathLike, content: bytes) -> None:
    """Writes bytes so that, even after a crash, there is the old file or the new one, never a partial one.

    Example:
        from ganzoo.files import write_atomically

        write_atomically("notes.txt", b"hello")
    """
    with replaced(path) as file:
        file.write(content)


@contextlib.contextmanager
def replaced(path: PathLike) -> Iterator[BinaryIO]:
    """Context manager that opens a temporary file for writing, which replaces `path` at the end if nothing was raised.

    Example:
        from ganzoo.files import replaced

        with replaced("notes.txt") as file:
            file.write(b"hello")
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Does not contain the file's name, which may already have the maximum length. Two threads may write the same file.
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        with open(temporary, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def open_regular(path: PathLike) -> BinaryIO:
    """Opens a regular file to read bytes.

    Raises:
        OSError: whatever `open` raises; also for a folder, a device or a FIFO, which might block or never end, and for
            an invalid path.

    Example:
        from ganzoo.files import open_regular

        with open_regular("in.jpg") as file:
            content = file.read()
    """
    try:
        # Without O_NONBLOCK opening a FIFO waits for a writer.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except ValueError as error:  # a null byte, or a character that file names cannot hold
        raise OSError(errno.EINVAL, f"not a file name: {error}") from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def sync_folder(path: PathLike) -> None:
    """Flushes a folder's entries to disk, so that a file moved into it survives a power failure."""
    # Windows and some network file systems do not support this.
    with contextlib.suppress(OSError):
        folder = os.open(path, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextlib.contextmanager
def held(folder: PathLike) -> Iterator[None]:
    """Context manager that locks a run folder for this process.

    Raises:
        GanzooError: another process is training in it, or it cannot be locked.

    Example:
        from ganzoo.files import held

        with held("."):
            pass
    """
    import filelock

    # The operating system releases it if the process is killed.
    lock = filelock.FileLock(os.path.abspath(Path(folder) / "lock"), timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise GanzooError(f"another process is training in {folder}") from None
    # filelock raises NotImplementedError where the file system has no locks.
    except (OSError, NotImplementedError) as error:
        raise GanzooError(f"cannot lock {folder}: {getattr(error, 'strerror', None) or error}") from None
    try:
        yield
    finally:
        lock.release()


def cache_folder() -> Path:
    """The folder for large datasets and statistics: GANZOO_CACHE, or ganzoo in the user's cache folder.

    The user's cache folder is that of the operating system, or ~/.cache where an earlier version has made its folder.

    Raises:
        GanzooError: neither is set and the user has no home folder, as in some containers.

    Example:
        from ganzoo.files import cache_folder

        folder = cache_folder()     # Path("~/.cache/ganzoo") on Linux
    """
    if asked := os.environ.get("GANZOO_CACHE"):
        return Path(os.path.expanduser(asked))
    import platformdirs

    try:
        usual = platformdirs.user_cache_path("ganzoo", appauthor=False)
    except RuntimeError:
        usual = Path("~")
    # Older versions of platformdirs raise no error.
    if str(usual).startswith("~"):
        raise GanzooError("this user has no home folder: set GANZOO_CACHE to a folder for cached files")
    former = Path(os.path.expanduser("~/.cache/ganzoo"))
    if sys.platform in ("darwin", "win32") and former.is_dir() and not usual.is_dir():
        return former
    return usual


def read_cached(path: PathLike) -> "dict[str, np.ndarray]":
    """{name: array} of a cached file; empty if it does not exist or is damaged."""
    try:
        import numpy as np

        with np.load(path, allow_pickle=False) as cached:
            return {name: cached[name] for name in cached.files}
    except Exception:
        return {}


def write_cached(path: PathLike, **arrays: Any) -> None:
    """Caches arrays for `read_cached`; if the folder is not writable, nothing is cached and no error is raised."""
    import numpy as np

    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    with contextlib.suppress(OSError):
        write_atomically(path, buffer.getvalue())
