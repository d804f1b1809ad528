"""Arrays for all images of a source: in memory, or above `MEMORY_LIMIT` memory-mapped in the cache folder."""

import contextlib
import errno
import hashlib
import math
import os
import shutil
from collections.abc import Sequence

import numpy as np

from ganzoo.errors import GanzooError
from ganzoo.files import cache_folder

MEMORY_LIMIT = 2**30


def select_in_place(images: np.ndarray, indices: Sequence[int]) -> np.ndarray:
    """Moves the images with these indices, in ascending order, to the front and returns them as a view.

    In place, since indexing would copy a memory-mapped array into memory.
    """
    for to, index in enumerate(indices):
        if to != index:
            images[to] = images[index]
    return images[: len(indices)]


def allocate(shape: tuple[int, ...], key: str) -> np.ndarray:
    """A uint8 array of zeros: in memory, or memory-mapped in the cache folder if it is large.

    Args:
        shape: shape of the array.
        key: identifies the file.

    Raises:
        GanzooError: there is not enough disk space, or the cache folder is not writable.
    """
    if np.prod(shape, dtype="float64") <= MEMORY_LIMIT:
        return np.zeros(shape, "uint8")
    name = hashlib.sha256(repr((key, shape)).encode()).hexdigest()[:24]
    path = cache_folder() / f"images-{name}-{os.getpid()}.npy"
    needed = math.prod(map(int, shape))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Fails early, before the disk is full.
        if shutil.disk_usage(path.parent).free < needed:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        with open(path, "w+b") as file:
            # The mapping keeps the data alive; without a name nothing is left behind when the process ends.
            if os.name == "posix":
                path.unlink()
            _reserve(file, needed)
            return np.memmap(file, "uint8", "r+", shape=shape)
    except OSError as error:
        with contextlib.suppress(OSError):
            path.unlink()
        why, way_out = error.strerror or str(error), "set GANZOO_CACHE to a writable folder"
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            why = f"{why}: {shutil.disk_usage(path.parent).free:,} bytes are free"
            way_out = "free space there, or set GANZOO_CACHE to a folder with more"
        raise GanzooError(
            f"data of shape {tuple(map(int, shape))} needs {needed:,} bytes in {path.parent}, but cannot be stored "
            f"there ({why}): {way_out}"
        ) from None


def _reserve(file, size):
    """Allocates the disk space of a file.

    In a sparse file, writing to mapped memory on a full disk would crash the process ("Bus error").

    Raises:
        OSError: there is not enough space.
    """
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(file.fileno(), 0, size)
            return
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
                raise
    zeros = bytes(2**20)
    for start in range(0, size, len(zeros)):
        file.write(zeros[: size - start])
    file.flush()
