"""Small weight files: a NumPy archive of arrays in half precision or with 8 bits, checked by its SHA-256.

An archive never contains Python objects, so opening an untrusted file runs no code.

Arrays are named NETWORK/LAYER/VARIABLE, e.g. generator/picture/kernel. A renamed layer would not find its weights in
the shipped files, which is why output layers are still called "picture". Keras numbers layers without a name in the
order in which a process creates them; here they are numbered in the order of the network's layers.

With 8 bits, large arrays are int8 with one float16 scale for each index of their last axis, named
NETWORK/LAYER/VARIABLE@scale; the others stay float16.
"""

import collections
import contextlib
import contextvars
import functools
import hashlib
import io
import math
import os
import re
import threading
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ganzoo.errors import GanzooError, first_line
from ganzoo.files import LARGEST_WEIGHTS, open_regular, write_atomically
from ganzoo.types import PathLike

if TYPE_CHECKING:
    import keras

# NumPy, zipfile and zlib raise many kinds of errors for damaged archives: a header alone raises ten, including
# tokenize.TokenError and SyntaxError.
BAD_ARCHIVE = Exception
# Trained weights compress to nine tenths; an archive that expands by more than this factor is an attack.
_MOST_EXPANSION = 20
# Networks are created several times before weights are loaded: averaged copies, and one for each regularizer.
_COPIES = 8
# Most weight arrays, which take time to create; the largest models of the package have a few hundred.
_MOST_ARRAYS = 4_000
# Arrays of fewer numbers stay float16: they would gain little.
_LEAST_IN_8_BITS = 1024
_SCALE = "@scale"
BITS = (16, 8)


def save(path: PathLike, networks: "Mapping[str, keras.Model]", bits: int = 16) -> str:
    """Writes the weights of named networks as float16 or with 8 bits, atomically.

    Args:
        path: the `.npz` file to write.
        networks: {name: network}; a weight is stored as "name/layer/weight".
        bits: 16 for float16; 8 for about half the size, with an error of up to 1/254 of the largest weight of the same
            output channel. Measure what the model then does.

    Returns:
        The file's SHA-256, in hexadecimal.

    Raises:
        GanzooError: a weight is not finite in float16 (NaN, or beyond 65,504), or bits is neither 16 nor 8.

    Example:
        from ganzoo import weights

        network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="dense")])
        sha256 = weights.save("weights.npz", {"network": network})
        weights.load("weights.npz", {"network": network}, sha256)
    """
    if bits not in BITS:
        raise GanzooError(f"bits must be 16 or 8, got {bits!r}")
    arrays: dict[str, Any] = {}
    for key, variable in _variables(networks).items():
        with np.errstate(over="ignore"):
            array = np.asarray(variable, "float32").astype("float16")
        if not np.all(np.isfinite(array)):
            raise GanzooError(f"weight {key} is not finite in float16: the training diverged, nothing written")
        if bits == 8 and array.ndim > 1 and array.size >= _LEAST_IN_8_BITS:
            arrays[key], arrays[key + _SCALE] = _in_8_bits(np.asarray(variable, "float32"))
        else:
            arrays[key] = array
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    if buffer.tell() > LARGEST_WEIGHTS:
        raise GanzooError(
            f"the weights take {buffer.tell():,} bytes, more than the {LARGEST_WEIGHTS:,} that a file may have"
        )
    write_atomically(path, buffer.getvalue())
    return hashlib.sha256(buffer.getvalue()).hexdigest()


def load(path: PathLike, networks: "Mapping[str, keras.Model]", sha256: str | None = None) -> None:
    """Loads a file's weights into networks of the same architecture.

    Args:
        path: a file written by `save`.
        networks: {name: network}; the file must contain every weight of each.
        sha256: the expected hash of the file; not checked if None.

    Raises:
        GanzooError: the file is missing, damaged, has another hash, or does not match the networks, which are then
            unchanged.
    """
    arrays = read(path, sha256)
    wanted = _variables(networks)
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
    """The arrays of a file written by `save`, {name: array}; arguments and errors as in `load`."""
    content = _content(path, sha256)
    try:
        _checked_headers(content)
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
        return {key: _restored(key, arrays) for key in arrays if not key.endswith(_SCALE)}
    except BAD_ARCHIVE as error:
        raise GanzooError(f"{path} is not a readable weights file: {first_line(error)}") from None


def _in_8_bits(array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(int8 array, float16 scale of each index of the last axis); their product is near the array."""
    largest = np.abs(array).max(axis=tuple(range(array.ndim - 1)))
    # Rounded up, so that no value exceeds 127; at least the smallest normal number.
    scale = np.maximum(largest / 127, np.finfo("float16").tiny)
    rounded = scale.astype("float16")
    rounded = np.where(rounded < scale, np.nextafter(rounded, np.float16("inf")), rounded)
    return np.rint(array / rounded.astype("float32")).astype("int8"), rounded


def _restored(key: str, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    array, scale = arrays[key], arrays.get(key + _SCALE)
    if scale is None:
        return array
    if array.dtype != np.int8 or scale.dtype != np.float16 or scale.shape != array.shape[-1:]:
        raise ValueError(f"the scale of {key[:80]!r} does not fit it")
    return array * scale.astype("float32")


def stored_networks(path: PathLike, sha256: str | None = None) -> set[str]:
    """Names of the networks in a file written by `save`; arguments and errors as in `load`."""
    content = _content(path, sha256)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return {name.partition("/")[0] for name in archive.namelist()}
    except BAD_ARCHIVE as error:
        raise GanzooError(f"{path} is not a readable weights file: {first_line(error)}") from None


def stored_bytes(path: PathLike, sha256: str | None = None) -> int:
    """Size in bytes of a file's weights as float32, without decompressing them; arguments and errors as in `load`."""
    content = _content(path, sha256)
    try:
        return 4 * sum(math.prod(shape) for shape in _checked_headers(content).values())
    except BAD_ARCHIVE as error:
        raise GanzooError(f"{path} is not a readable weights file: {first_line(error)}") from None


def digest(arrays: Mapping[str, Any]) -> str:
    """SHA-256, in hexadecimal, of the names and values of arrays, however and in whichever order they are stored.

    Args:
        arrays: {name: array}; scalars, such as step counters, are ignored.

    Example:
        from ganzoo.weights import digest

        digest({"kernel": np.zeros((2, 2), "float32")})     # 64 hexadecimal digits
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
            if os.fstat(file.fileno()).st_size > LARGEST_WEIGHTS:
                raise OSError(f"it has more than {LARGEST_WEIGHTS:,} bytes")
            content = file.read(LARGEST_WEIGHTS)
    except OSError as error:
        raise GanzooError(f"cannot read the weights file {path}: {error.strerror or error}") from None
    if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
        raise GanzooError(
            f"the weights file {path} is damaged or has been changed: its SHA-256 is not the one in its preset. "
            "Reinstall keras-ganzoo, or copy or download the file again."
        )
    return content


def _checked_headers(content: bytes) -> dict[str, tuple[int, ...]]:
    """{name: shape} of the arrays of an archive, after a check of their headers and sizes.

    Raises:
        ValueError: sizes do not match the headers, or are far larger than the archive.
    """
    shapes, unpacked = {}, 0
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for info in archive.infolist():
            name = info.filename.removesuffix(".npy")
            if name == info.filename or name in shapes:
                raise ValueError(f"its member {info.filename[:80]!r} is not an array, or is a duplicate")
            unpacked += info.file_size
            if unpacked > max(2**20, _MOST_EXPANSION * len(content)):
                raise ValueError(f"it decompresses to more than {_MOST_EXPANSION} times its size")
            with archive.open(info) as part:
                version = np.lib.format.read_magic(part)
                headers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
                shape, _, dtype = headers[version](part)
                if dtype.hasobject or math.prod(shape) * dtype.itemsize != info.file_size - part.tell():
                    raise ValueError(f"the array {name[:80]!r} is not as large as its header says")
            shapes[name] = shape
    return shapes


# Limits on the memory of networks, which are created before their weights are read, with sizes from a file or a
# configuration.


class _Allowance:
    """A limit on the bytes and arrays of weights; what counts toward it also counts toward the enclosing limit."""

    def __init__(self, most_bytes, problem, path=None, stored=None):
        self.most_bytes, self.problem, self.path, self.stored = most_bytes, problem, path, stored
        self.taken, self.arrays = 0, 0
        self.outer: _Allowance | None = None

    def take(self, shape: Sequence[int | None] | None) -> None:
        if self.outer is not None:
            self.outer.take(shape)
        # Counted as float32, whatever its type.
        self.taken += 4 * math.prod(int(size or 1) for size in (shape or ()))
        self.arrays += 1
        if self.taken > self.most_bytes or self.arrays > _MOST_ARRAYS:
            raise GanzooError(self.problem)


_allowance: contextvars.ContextVar[_Allowance | None] = contextvars.ContextVar("allowance", default=None)
_patching, _patches = threading.Lock(), 0


@contextlib.contextmanager
def fitting_memory(where: str) -> Iterator[None]:
    """Context manager: networks created inside must fit in this machine's memory, checked before it is allocated.

    Args:
        where: where the sizes of the networks come from, for the error.

    Raises:
        GanzooError: the networks are too large or have too many layers.

    Example:
        from ganzoo.weights import fitting_memory

        def build():
            with fitting_memory("mine.yaml"):
                keras.layers.Dense(10**9).build((None, 10**9))

        build()     # GanzooError
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
    """Context manager: networks created inside must be about as large as the weights in a file, see `fitting_memory`.

    Args:
        path: the file, for the error.
        stored: size of its weights as float32, in bytes.

    Raises:
        GanzooError: the networks are much larger than the stored weights, or much smaller (see `check_all_needed`).
    """
    problem = (
        f"{path} describes networks that are much larger than the weights it stores ({stored:,} bytes): the arguments "
        "are not those it was trained with, or it is made to exhaust memory"
    )
    with _allowing(_Allowance(_COPIES * stored + 2**16, problem, path, stored)):
        yield


def check_all_needed() -> None:
    """Refuses a file (see `fitting_file`) with far more weights than the networks created so far need; to be called
    before its weights are read."""
    allowance = _allowance.get()
    if allowance is None or allowance.stored is None:
        return
    # Optimizers have up to three arrays per weight.
    if allowance.stored > _COPIES * allowance.taken + 2**20:
        raise GanzooError(
            f"{allowance.path} stores {allowance.stored:,} bytes of weights, its networks have {allowance.taken:,}: "
            "it is damaged or made to exhaust memory"
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
    """Wraps Keras' `add_weight` to count the weights created in this context; Keras has no hook for this."""

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


def shapes(network: "keras.Model") -> dict[str, tuple[int, ...]]:
    """{"layer/weight": shape} of a functional network, the same for every network of the same architecture.

    Example:
        from ganzoo import weights

        network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
        weights.shapes(network)  # {"dense/kernel": (4, 2), "dense/bias": (2,)}
    """
    return {f"{layer}/{variable.name}": tuple(variable.shape) for layer, variable in _by_layer(network)}


def _variables(networks):
    """{key: variable} of functional networks."""
    found = {}
    for name, network in networks.items():
        for layer, variable in _by_layer(network, f"{name}/"):
            key = f"{layer}/{variable.name}"
            if key in found:
                raise GanzooError(
                    f"'{layer}' has several weights called '{variable.name}': give its weights different names"
                )
            found[key] = variable
    return found


def _by_layer(network, prefix=""):
    """Yields (name of the layer, variable)."""
    counts = collections.Counter()
    for layer in network.layers:
        name = layer.name
        base = re.sub(r"_\d+$", "", name)
        if base.replace("_", "") == type(layer).__name__.lower():
            # As Keras names the layers of a process's first model.
            name = f"{base}_{counts[base]}" if counts[base] else base
            counts[base] += 1
        if hasattr(layer, "layers"):
            yield from _by_layer(layer, f"{prefix}{name}/")
            continue
        for variable in layer.weights:
            yield f"{prefix}{name}", variable
