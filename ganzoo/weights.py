"""Small weight files: a NumPy archive of arrays in half precision or with 8 bits, checked by its SHA-256.

An archive never contains Python objects, so opening an untrusted file runs no code.

Arrays are named NETWORK/LAYER/VARIABLE, e.g. generator/picture/kernel. A renamed layer would not find its weights in
the shipped files, which is why output layers are still called "picture". Keras numbers layers without a name in the
order in which a process creates them; here they are numbered in the order of the network's layers.

With 8 bits, large arrays are int8 with one float16 scale for each index of their last axis, named
NETWORK/LAYER/VARIABLE@scale; the others stay float16.
"""

import collections
import hashlib
import io
import math
import os
import re
import zipfile
from collections.abc import Mapping
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
# Arrays of fewer numbers stay float16: they would gain little.
_LEAST_IN_8_BITS = 1024
_SCALE = "@scale"
BITS = (16, 8)


def save(path: PathLike, networks: "Mapping[str, keras.Model]", bits: int = 16) -> str:
    """Writes the weights of named networks as float16 or with 8 bits, atomically.

    Args:
        path: the `.npz` file to write.
        networks: {name: network}; a weight is stored as "name/layer/weight".
        bits: 16 for float16; 8 for about half the size, with an error of up to 0.4% of the largest weight of the same
            output channel, or more if that is below 0.0004. Measure what the model then does.

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
    # Rounded up, so that no value exceeds 127.
    scale = np.maximum(largest / 127, np.finfo("float16").smallest_subnormal)
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
