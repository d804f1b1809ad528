"""Arrays in files: IDX, the format of MNIST, and those of NumPy."""

import contextlib
import gzip
import math
import os
import zipfile
import zlib
from collections.abc import Collection

import numpy as np

from ganzoo.data.decoding import image_suffixes
from ganzoo.data.folders import printable
from ganzoo.errors import GanzooError, first_line
from ganzoo.files import open_regular
from ganzoo.types import PathLike

# Bytes decompressed at a time.
_PART = 2**24
# A gzip file or archive member may always decompress to the first number of bytes; a larger one by at most the second
# factor. MNIST's images compress by a factor of 5, an array of zeros by 200 or more.
_UNPACKED_FREELY, _MOST_COMPRESSED = 2**28, 150
_IDX_TYPES = {8: np.dtype(">u1"), 9: np.dtype(">i1"), 11: np.dtype(">i2"), 12: np.dtype(">i4"), 13: np.dtype(">f4")}


def read_idx(path: PathLike) -> np.ndarray:
    """Reads the array of an IDX file (MNIST's format), gzipped or not.

    Raises:
        GanzooError: the file is missing, not a regular file, not IDX, shorter or longer than its header says, or a
            decompression bomb.
    """
    shown = printable(path)
    try:
        with open_regular(path) as raw:
            size = os.fstat(raw.fileno()).st_size
            zipped = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            with gzip.GzipFile(fileobj=raw) if zipped else contextlib.nullcontext(raw) as file:
                return _idx_array(file, shown, size, zipped)
    except GanzooError:
        raise
    except OSError as error:
        said = error.strerror or error
        raise GanzooError(f"cannot read the IDX file {shown}, missing or damaged: {said}") from None
    except (EOFError, ValueError, MemoryError, zlib.error) as error:
        raise GanzooError(f"the IDX file {shown} is damaged: {first_line(error)}") from None


def _idx_array(file, shown, size, zipped):
    """The array of an open IDX file; `size` is the size of the file on disk in bytes."""
    start = file.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in _IDX_TYPES or not 1 <= start[3] <= 4:
        raise GanzooError(f"{shown} is damaged or not an IDX file (the format of MNIST)")
    dtype, rank = _IDX_TYPES[start[2]], start[3]
    shape = tuple(int(length) for length in np.frombuffer(file.read(4 * rank), ">u4"))
    expected = math.prod(shape) * dtype.itemsize
    damaged = GanzooError(f"the IDX file {shown} is damaged: its header promises {expected} bytes of {shape}")
    if len(shape) != rank or (not zipped and size != 4 + 4 * rank + expected):
        raise damaged
    if zipped:
        _refuse_bomb(f"the IDX file {shown}", "it", expected, size, "unpack it with gunzip")
    # One array, filled in parts: memory is used as bytes arrive, and only once.
    content, filled = np.empty(expected, "uint8"), 0
    while filled < expected and (count := file.readinto(content[filled : filled + _PART])):
        filled += count
    if filled != expected or file.read(1):
        raise damaged
    return content.view(dtype).reshape(shape)


def read_arrays(path: PathLike, names: Collection[str] | None = None) -> tuple[dict[str, np.ndarray], list[str]]:
    """Reads arrays from a NumPy file.

    Args:
        path: an archive (.npz), or a single array (.npy), which is then named "images".
        names: names of the arrays to read; all if not given.

    Returns:
        ({name: array} of the requested arrays that exist, list of all names in the file).

    Raises:
        GanzooError: the file is missing, damaged or of another type.

    Example:
        from ganzoo.data.arrays import read_arrays

        np.savez("arrays.npz", images=np.zeros((2, 8, 8), "uint8"), labels=np.array([0, 1]))
        arrays, names = read_arrays("arrays.npz", ["images"])     # {"images": ...}, ["images", "labels"]
    """
    shown = printable(path)
    try:
        with open_regular(path) as file:
            start = file.read(6)
        if start == b"\x93NUMPY":
            # Read lazily; writing to the array does not change the file.
            return {"images": np.load(path, mmap_mode="c", allow_pickle=False)}, ["images"]
        if start[:2] == b"PK":
            _refuse_bombs(path, shown)
            with np.load(path, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files if names is None or name in names}, archive.files
    except GanzooError:
        raise
    except OSError as error:
        raise GanzooError(f"cannot read {shown}: {error.strerror or error}") from None
    except Exception as error:  # NumPy raises nearly anything on damaged archives and headers
        raise GanzooError(
            f"cannot read {shown}, which is damaged or holds no plain array: {first_line(error)}"
        ) from None
    is_image = os.path.splitext(path)[1].lower() in image_suffixes()
    hint = "an image goes in a folder, folder:PATH" if is_image else "write it with np.savez(FILE, images=IMAGES)"
    raise GanzooError(f"cannot read {shown}: it is neither an archive (.npz) nor an array (.npy) of NumPy; {hint}")


def _refuse_bombs(path, shown):
    """Refuses an archive with a member that is a decompression bomb."""
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            name = f"'{printable(member.filename)}'"
            way_out = "save it again with np.savez, which does not compress"
            _refuse_bomb(shown, name, member.file_size, member.compress_size, way_out)


def _refuse_bomb(shown, name, unpacked, packed, way_out):
    """Refuses data that decompresses by a far larger factor than any real images.

    Args:
        shown: the file, for the message.
        name: what is decompressed, for the message.
        unpacked, packed: sizes in bytes.
        way_out: what the user can do.
    """
    if unpacked > _UNPACKED_FREELY and unpacked > _MOST_COMPRESSED * packed:
        sizes = f"from {packed / 2**20:.3g} MB to {unpacked / 2**30:.3g} GB"
        raise GanzooError(f"cannot read {shown}: {name} unpacks {sizes}: {way_out}")
