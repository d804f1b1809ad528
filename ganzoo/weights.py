"""Small weight files: one NumPy archive of half-precision arrays, checked by its SHA-256.

An archive never holds Python objects, so opening a stranger's file runs none of his code.
"""

import hashlib
import io
import zipfile
import zlib
from pathlib import Path

import numpy as np

from ganzoo.errors import GanzooError
from ganzoo.files import write_atomically

# What NumPy raises on archives that are none, torn, or promise more than fits in memory.
BAD_ARCHIVE = (
    AttributeError,
    EOFError,
    MemoryError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)


def save(path, networks):
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


def load(path, networks, sha256=None):
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


def read(path, sha256=None):
    """The arrays of a file `save` wrote, {name: array}; errors as `load`."""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise GanzooError(f"cannot read the weights file {path}: {error.strerror or error}") from None
    if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
        raise GanzooError(
            f"the weights file {path} is damaged or has been changed: its SHA-256 is not the one in its preset. "
            "Reinstall keras-ganzoo, or copy the file again."
        )
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except BAD_ARCHIVE as error:
        raise GanzooError(f"{path} is not a readable weights file: {error}") from None


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
