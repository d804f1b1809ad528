"""Small weight files: one NumPy archive of half-precision arrays, checked by its SHA-256.

An archive never holds Python objects, so opening a stranger's file runs none of his code.

Arrays are called NETWORK/LAYER/VARIABLE, e.g. generator/picture/kernel: a layer that is renamed no longer finds its
weights in the files that ship, which is why output layers are still called "picture".
"""

import contextlib
import contextvars
import functools
import hashlib
import io
import math
import os
import threading
import zipfile

import numpy as np

from ganzoo.errors import GanzooError, first_line
from ganzoo.files import open_regular, write_atomically

# NumPy, zipfile and zlib have an error of their own for each way in which an archive can be damaged: a header alone
# raises ten kinds, tokenize.TokenError and SyntaxError among them.
BAD_ARCHIVE = Exception
# Trained weights compress to nine tenths; an archive that unpacks to more than this many times its size is an attack.
_MOST_EXPANSION = 20
# Networks are made several times over before a file's weights go in: averaged copies, and one for each regularizer.
_COPIES = 8
# Arrays of weights, which take time to make; the largest models of the package have a few hundred.
_MOST_ARRAYS = 4_000


def save(path: PathLike, networks: "Mapping[str, keras.Model]") -> str:
    """Writes the weights of named networks as float16, atomically.

    Args:
        path: the `.npz` file to write.
        networks: {name: keras.Model}; a weight is stored as "name/layer/weight".

    Returns:
        The file's SHA-256, in hexadecimal.

    Raises:
        GanzooError: a weight that float16 cannot hold (not finite, or beyond 65,504).
    """
    arrays = {}
    for name, network in networks.items():
        for key, variable in _variables(name, network):
            with np.errstate(over="ignore"):
                array = np.asarray(variable, "float32").astype("float16")
            if not np.all(np.isfinite(array)):
                raise GanzooError(f"weight {key} is not finite in float16: the training went wrong, nothing written")
            arrays[key] = array
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    write_atomically(path, buffer.getvalue())
    return hashlib.sha256(buffer.getvalue()).hexdigest()


def load(path: PathLike, networks: "Mapping[str, keras.Model]", sha256: str | None = None) -> None:
    """Puts a file's weights into networks of the same architecture.

    Args:
        path: a file `save` wrote.
        networks: {name: keras.Model}; every weight of each must be in the file.
        sha256: refuse a file with another hash.

    Raises:
        GanzooError: the file is missing, damaged, has another hash, or does not fit the networks,
            which are then unchanged.
    """
    arrays = read(path, sha256)
    wanted = {key: variable for name, network in networks.items() for key, variable in _variables(name, network)}
    converted = {}
    for key, variable in wanted.items():
        if key not in arrays:
            raise GanzooError(f"{path} holds no weight '{key}': it belongs to another architecture")
        if arrays[key].shape != tuple(variable.shape):
            raise GanzooError(
                f"{path}: weight '{key}' has shape {arrays[key].shape}, the model needs {tuple(variable.shape)}: "
                "the model's arguments differ from those it was trained with"
            )
        if arrays[key].dtype.kind != "f" or not np.isfinite(arrays[key]).all():
            raise GanzooError(f"{path}: weight '{key}' is not made of finite numbers")
        converted[key] = arrays[key].astype("float32")
    for key, variable in wanted.items():
        variable.assign(converted[key])


def read(path: PathLike, sha256: str | None = None) -> dict[str, np.ndarray]:
    """The arrays of a file `save` wrote, {name: array}; errors as `load`."""
    content = _content(path, sha256)
    try:
        _checked_headers(content)
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except BAD_ARCHIVE as error:
        raise GanzooError(f"{path} is not a readable weights file: {first_line(error)}") from None


def stored_bytes(path: PathLike, sha256: str | None = None) -> int:
    """How many bytes the weights in a file `save` wrote take as float32, without unpacking them; errors as `load`."""
    content = _content(path, sha256)
    try:
        return 4 * sum(math.prod(shape) for shape in _checked_headers(content).values())
    except BAD_ARCHIVE as error:
        raise GanzooError(f"{path} is not a readable weights file: {first_line(error)}") from None


def digest(arrays: Mapping[str, Any]) -> str:
    """SHA-256, in hexadecimal, of the names and numbers of arrays, however and in which order a file stores them.

    Args:
        arrays: {name: array}; scalars, such as counters of a training, do not count.

    Example:
        digest(read("lpips_alexnet_fp16.npz"))
    """
    found = hashlib.sha256()
    for name in sorted(arrays):
        array = np.asarray(arrays[name])
        if array.ndim:
            found.update(f"{name} {array.dtype.newbyteorder('<').str} {array.shape}\n".encode())
            found.update(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes())
    return found.hexdigest()


def _content(path: PathLike, sha256: str | None) -> bytes:
    try:
        with open_regular(path) as file:
            content = file.read()
    except OSError as error:
        raise GanzooError(f"cannot read the weights file {path}: {error.strerror or error}") from None
    if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
        raise GanzooError(
            f"the weights file {path} is damaged or has been changed: its SHA-256 is not the one in its preset. "
            "Reinstall keras-ganzoo, or copy the file again."
        )
    return content


def _checked_headers(content: bytes) -> dict[str, tuple[int, ...]]:
    """{name: shape} of the arrays of an archive, whose headers and unpacked sizes agree.

    Raises:
        ValueError: arrays that are not what they say, or far larger than the archive.
    """
    shapes, unpacked = {}, 0
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for info in archive.infolist():
            name = info.filename.removesuffix(".npy")
            if name == info.filename or name in shapes:
                raise ValueError(f"its part {info.filename[:80]!r} is no array, or is there twice")
            unpacked += info.file_size
            if unpacked > max(2**20, _MOST_EXPANSION * len(content)):
                raise ValueError(f"it unpacks to more than {_MOST_EXPANSION} times its size")
            with archive.open(info) as part:
                version = np.lib.format.read_magic(part)
                headers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
                shape, _, dtype = headers[version](part)
                if dtype.hasobject or math.prod(shape) * dtype.itemsize != info.file_size - part.tell():
                    raise ValueError(f"the array {name[:80]!r} is not as large as its header says")
            shapes[name] = shape
    return shapes


# Before weights are read, the networks for them are made, of sizes that a file or a configuration names.


class _Allowance:
    """The bytes and arrays that layers may still take, also of the allowance around it."""

    def __init__(self, most_bytes, problem, path=None, stored=None):
        self.most_bytes, self.problem, self.path, self.stored = most_bytes, problem, path, stored
        self.taken, self.arrays, self.outer = 0, 0, None

    def take(self, shape: Sequence[int | None] | None) -> None:
        if self.outer is not None:
            self.outer.take(shape)
        # As float32, whatever it is going to be.
        self.taken += 4 * math.prod(int(size or 1) for size in (shape or ()))
        self.arrays += 1
        if self.taken > self.most_bytes or self.arrays > _MOST_ARRAYS:
            raise GanzooError(self.problem)


_allowance = contextvars.ContextVar("allowance", default=None)
_patching, _patches = threading.Lock(), 0


@contextlib.contextmanager
def fitting_memory(where: str) -> Iterator[None]:
    """Networks made inside must fit this machine's memory; otherwise an error before the memory is taken.

    Args:
        where: names the origin of the networks' sizes, in the error.

    Raises:
        GanzooError: networks that are too large, or have too many layers.

    Example:
        with fitting_memory("mine.yaml"):
            model = DCGAN(latent_dim=10**9)
    """
    memory = _physical_memory()
    problem = (
        f"{where}: networks of these sizes need more than the {memory / 2**30:.0f} GiB of this machine's memory, or "
        f"more than {_MOST_ARRAYS:,} arrays of weights: make the arguments smaller"
    )
    with _allowing(_Allowance(memory, problem)):
        yield


@contextlib.contextmanager
def fitting_file(path: PathLike, stored: int) -> Iterator[None]:
    """Networks made inside must be about as large as the weights that a file holds for them; see `fitting_memory`.

    Args:
        path: the file, for the error.
        stored: the bytes of its weights, as float32.

    Raises:
        GanzooError: networks much larger than the stored weights, or much smaller (see `check_all_needed`).
    """
    problem = (
        f"{path} describes networks that are much larger than the weights it stores ({stored:,} bytes): the arguments "
        "are not those it was trained with, or it is made to fill the memory"
    )
    with _allowing(_Allowance(_COPIES * stored + 2**16, problem, path, stored)):
        yield


def check_all_needed() -> None:
    """Refuses a file (see `fitting_file`) with far more weights than the networks made so far can need; to be called
    before those weights are read."""
    allowance = _allowance.get()
    if allowance is None or allowance.stored is None:
        return
    # Optimizers keep up to three arrays for each weight.
    if allowance.stored > _COPIES * allowance.taken + 2**20:
        raise GanzooError(
            f"{allowance.path} stores {allowance.stored:,} bytes of weights, its networks have {allowance.taken:,}: "
            "it is damaged or made to fill the memory"
        )


@contextlib.contextmanager
def _allowing(allowance):
    global _patches
    allowance.outer = _allowance.get()
    token = _allowance.set(allowance)
    with _patching:
        _patches += 1
        if _patches == 1:
            _layer_class().add_weight = _counted(_layer_class().add_weight)
    try:
        yield
    finally:
        _allowance.reset(token)
        with _patching:
            _patches -= 1
            if not _patches:
                _layer_class().add_weight = _layer_class().add_weight.__wrapped__


def _layer_class():
    import keras

    return keras.layers.Layer


def _counted(add_weight):
    """Keras' way to make a weight, counted for the code that asked for it: Keras itself has no place to do so."""

    @functools.wraps(add_weight)
    def counted(self, *args, **kwargs):
        if (allowance := _allowance.get()) is not None:
            allowance.take(args[0] if args else kwargs.get("shape"))
        return add_weight(self, *args, **kwargs)

    return counted


def _physical_memory() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not on Windows
        return 2**38


def _variables(name, network):
    """(key, variable) of a functional network, keyed by its layers' own names, which the builders fix."""
    for layer in network.layers:
        if hasattr(layer, "layers"):
            yield from _variables(f"{name}/{layer.name}", layer)
            continue
        names = [variable.name for variable in layer.weights]
        if len(set(names)) < len(names):
            raise GanzooError(f"layer '{layer.name}' has several weights of one name: give them names of their own")
        for variable in layer.weights:
            yield f"{name}/{layer.name}/{variable.name}", variable
