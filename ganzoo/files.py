"""Files written whole or not at all, and where the package keeps what it may lose."""

import contextlib
import errno
import io
import os
import stat
from pathlib import Path

from ganzoo.errors import GanzooError


def write_atomically(path: PathLike, content: bytes) -> None:
    """Writes bytes so that a reader or a crash sees the old file or the new one, never half of one."""
    with replaced(path) as file:
        file.write(content)


@contextlib.contextmanager
def replaced(path: PathLike) -> Iterator[BinaryIO]:
    """A file to write bytes to that takes the place of `path` when it is whole, and leaves nothing if it never is."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Without the file's own name, which may be as long as names can be.
    temporary = path.with_name(f".{abs(hash(path.name))}.{os.getpid()}.tmp")
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
    """Opens an ordinary file to read its bytes.

    Raises:
        OSError: whatever `open` raises; also for a folder, a device or a FIFO, which might block or never end, and for
            what cannot be a path.

    Example:
        with open_regular("weights.npz") as file:
            content = file.read()
    """
    try:
        # Without O_NONBLOCK a FIFO waits for somebody to write to it.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except ValueError as error:  # a null byte, or a character that file names cannot hold
        raise OSError(errno.EINVAL, f"not a file name: {error}") from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not an ordinary file")
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def sync_folder(path: PathLike) -> None:
    """Waits until a folder's list of files is on the disk, so that a file moved into it outlives a power cut."""
    # Neither Windows nor every network file system can do that.
    with contextlib.suppress(OSError):
        folder = os.open(path, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextlib.contextmanager
def held(folder: PathLike) -> Iterator[None]:
    """A run folder as this process's alone.

    Raises:
        GanzooError: another one is training in it, or it cannot be locked.
    """
    with contextlib.ExitStack() as stack:
        try:
            lock = stack.enter_context(open(Path(folder) / "lock", "a"))
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:  # not on Windows
            pass
        except BlockingIOError:
            raise GanzooError(f"another process is training in {folder}") from None
        except OSError as error:
            raise GanzooError(f"cannot lock {folder}: {error.strerror or error}") from None
        yield


def cache_folder() -> Path:
    """Where big data sets and statistics are kept: GANZOO_CACHE, or ganzoo in the user's cache folder.

    Raises:
        GanzooError: neither is set and the user has no home folder, as in some containers.
    """
    if asked := os.environ.get("GANZOO_CACHE"):
        return Path(asked)
    if asked := os.environ.get("XDG_CACHE_HOME"):
        return Path(asked) / "ganzoo"
    try:
        return Path.home() / ".cache" / "ganzoo"
    except RuntimeError:
        raise GanzooError("this user has no home folder: set GANZOO_CACHE to a folder for cached files") from None


def read_cached(path: PathLike) -> "dict[str, np.ndarray]":
    """{name: array} of a file of the cache; empty where it is not there, or damaged in any way."""
    try:
        import numpy as np

        with np.load(path, allow_pickle=False) as kept:
            return {name: kept[name] for name in kept.files}
    except Exception:
        return {}


def write_cached(path: PathLike, **arrays: "np.ndarray") -> None:
    """Keeps arrays for `read_cached`; a read-only home costs time, not the run."""
    import numpy as np

    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    with contextlib.suppress(OSError):
        write_atomically(path, buffer.getvalue())
