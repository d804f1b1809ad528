"""Checks a `.keras` file before Keras reads it, so that an untrusted file runs no code and does not allocate more
memory than its own size justifies.

A `.keras` file is a zip archive with a `config.json`, which names the classes to create, and a `model.weights.h5` in
HDF5. The former could make Keras before 3.11 call any Python function; the latter could make Keras before 3.12.3 read
other files or allocate any amount of memory. The checks here do not depend on Keras' version.
"""

import importlib
import io
import itertools
import json
import struct
import zipfile
from typing import Any, BinaryIO

import numpy as np

from ganzoo.errors import GanzooError, first_line, in_one_line
from ganzoo.files import open_regular
from ganzoo.types import PathLike

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_MEGABYTE = 2**20
_MOST_BYTES = {CONFIG: 4 * _MEGABYTE, METADATA: _MEGABYTE}
# Most groups and datasets of a weights file; a large network has a few thousand.
_MOST_OBJECTS = 100_000
# HDF5's largest overhead per group or dataset; 800 bytes are usual.
_BYTES_PER_OBJECT = 8192

# Keras' layers that only compute with numbers. Excluded: Lambda (runs code), TFSMLayer, TorchModuleWrapper, JaxLayer
# and FlaxLayer (load other files or code), and the lookup layers (read vocabularies from paths).
_LAYERS = frozenset(
    """
    Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D
    AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add AdditiveAttention AlphaDropout Attention Average
    AveragePooling1D AveragePooling2D AveragePooling3D BatchNormalization Bidirectional CenterCrop Concatenate Conv1D
    Conv1DTranspose Conv2D Conv2DTranspose Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D Cropping1D Cropping2D
    Cropping3D Dense DepthwiseConv1D DepthwiseConv2D Dot Dropout ELU EinsumDense Embedding Flatten GRU GRUCell
    GaussianDropout GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D
    GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D GroupNormalization GroupQueryAttention Identity InputLayer
    LSTM LSTMCell LayerNormalization LeakyReLU Masking MaxPooling1D MaxPooling2D MaxPooling3D Maximum MelSpectrogram
    Minimum MultiHeadAttention Multiply Normalization PReLU Permute RMSNormalization RNN RandomBrightness RandomContrast
    RandomCrop RandomFlip RandomRotation RandomTranslation RandomZoom ReLU RepeatVector Rescaling Reshape Resizing
    STFTSpectrogram SeparableConv1D SeparableConv2D SimpleRNN SimpleRNNCell Softmax SpatialDropout1D SpatialDropout2D
    SpatialDropout3D SpectralNormalization StackedRNNCells Subtract TimeDistributed UnitNormalization UpSampling1D
    UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D
    """.split()  # noqa: SIM905
)
_MODELS = frozenset(
    {
        ("keras", "Functional"),
        ("keras", "Model"),
        ("keras", "Sequential"),
        ("keras.models", "Model"),
        ("keras.models", "Sequential"),
        ("keras.src.models.functional", "Functional"),
        ("keras.src.models.sequential", "Sequential"),
    }
)
# Entries that Keras writes for data, not for a class.
_PLAIN = frozenset({"__keras_tensor__", "__slice__", "__ellipsis__"})
# Modules of Keras' operations and their allowed operations; None allows all. Modules with operations that call a given
# function list the operations that only compute with numbers.
_OPERATIONS: dict[str, frozenset[str] | None] = {
    "keras.src.ops.core": frozenset(
        "Cast SaturateCast Scatter ScatterUpdate Slice SliceUpdate StopGradient Unstack".split()  # noqa: SIM905
    ),
    "keras.src.ops.image": None,
    "keras.src.ops.linalg": frozenset(
        """
        Cholesky CholeskyInverse Det Eig Eigh Inv Lstsq LuFactor MatrixRank Norm Pinv Qr SVD Solve SolveTriangular
        """.split()  # noqa: SIM905
    ),
    "keras.src.ops.math": None,
    "keras.src.ops.nn": None,
    "keras.src.ops.numpy": None,
}
_NUMBERS = frozenset(
    "bfloat16 bool float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64".split()  # noqa: SIM905
)


def read(path: PathLike) -> tuple[dict[str, Any], int]:
    """Reads the configuration of a `.keras` file and the size of its weights.

    Keras is not used, and memory is only allocated for `config.json`.

    Args:
        path: the file.

    Returns:
        (config, stored): `config.json` as plain dictionaries, and the size in bytes of all numbers in
        `model.weights.h5`.

    Raises:
        GanzooError: the file is missing, damaged, not a `.keras` file, or has parts that Keras never writes:
            compressed, too large, padded, or with weights outside the file.

    Example:
        from ganzoo import keras_archive

        keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).save("model.keras")
        config, stored = keras_archive.read("model.keras")
    """
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            parts = _checked_parts(archive)
            config = json.loads(archive.read(CONFIG))
            if not isinstance(config, dict):
                raise ValueError("its config.json is not a mapping")
            return config, _stored_bytes(_part_of(file, parts[WEIGHTS]))
    # zipfile, json and h5py raise many kinds of errors for damaged files.
    except Exception as error:
        missing = isinstance(error, FileNotFoundError)
        reason = "no such file" if missing else f"not a readable .keras file ({first_line(error)})"
        raise GanzooError(f"cannot load {path}: {reason}") from None


def check_objects(config: Any, path: PathLike) -> None:
    """Refuses a configuration that names anything but purely numeric classes of Keras and registered classes.

    Registered classes are those of this package and those that imported code registered with `ganzoo.register` or
    `keras.saving.register_keras_serializable`. They are trusted, since their code has already run.

    Args:
        config: what `read` returned.
        path: the file, for the error.

    Raises:
        GanzooError: the configuration names a class or function that is not allowed.

    Example:
        from ganzoo import keras_archive

        keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).save("model.keras")
        keras_archive.check_objects(keras_archive.read("model.keras")[0], "model.keras")
    """
    if named := refused_object(config):
        raise GanzooError(
            f"cannot load {path}: it names {named}, which such a file may not create (only numeric layers and "
            "optimizers of Keras, and registered classes whose module has been imported); loading it might run code"
        )


def refused_object(config: Any) -> str | None:
    """Description, for an error, of the first object in a configuration that `check_objects` refuses; None if none.

    Args:
        config: as in `check_objects`.

    Example:
        from ganzoo.keras_archive import refused_object

        refused_object({"class_name": "Popen", "module": "subprocess", "config": {}})     # "subprocess.Popen"
    """
    pending = [(config, False)]
    while pending:
        value, compiling = pending.pop()
        if isinstance(value, dict):
            if ("class_name" in value or "registered_name" in value) and not _is_allowed(value, compiling):
                module, name = value.get("module"), value.get("class_name")
                if name == "function":
                    name = value.get("config")
                # Keras writes these modules for objects defined in a script or notebook, and for any function.
                named = str(name) if module in (None, "builtins") else f"{module}.{name}"
                named = in_one_line(named)
                kinds = {"function": f"the function {named}", "__lambda__": "a lambda"}
                return kinds.get(str(value.get("class_name")), named)
            pending.extend((item, compiling or key == "compile_config") for key, item in value.items())
        elif isinstance(value, list):
            pending.extend((item, compiling) for item in value)
    return None


def _is_allowed(described, compiling):
    """Whether a dictionary that Keras would deserialize as an object names something harmless."""
    import keras

    name, module, registered = (described.get(key) for key in ("class_name", "module", "registered_name"))
    if "config" not in described or not isinstance(name, str):
        return False
    if name in _PLAIN:
        return module is None
    if name in ("__numpy__", "__tensor__"):
        inner = described["config"]
        return module is None and isinstance(inner, dict) and str(inner.get("dtype")) in _NUMBERS
    if name == "function":
        function = described["config"]
        return isinstance(function, str) and keras.saving.get_registered_object(function) is not None
    # Keras writes no module for a class of `__main__`, i.e. of a script or notebook. Without the key it reads an older
    # format, which uses `class_name`.
    if "module" not in described or not isinstance(module, (str, type(None))):
        return False
    if not isinstance(described["config"], (dict, type(None))):
        return False
    if compiling and module is not None and module.startswith("keras.src.backend."):
        # Back-end specific optimizers, which `Saving.compile_from_config` replaces by Keras' own of the same name.
        module, registered = "keras.optimizers", None
    if registered is not None:
        found = keras.saving.get_registered_object(registered) if isinstance(registered, str) else None
        if found is not None:
            # Keras takes the registered class whatever `class_name` says, unless it is one of its own special names.
            return isinstance(found, type) and not name.startswith("__")
        if registered != name:
            return False
    if module is None:
        return False
    return (
        (module, name) in _MODELS
        or (module == "keras.layers" and name in _LAYERS)
        or _is_operation(module, name)
        or _is_of_family(module, name)
    )


def _is_of_family(module, name):
    """Whether a public name of Keras is an optimizer, schedule, dtype policy or another purely numeric class."""
    import keras

    if (module, name) == ("keras.dtype_policies", "DTypePolicyMap"):
        return True
    families = {
        "keras": keras.DTypePolicy,
        "keras.constraints": keras.constraints.Constraint,
        "keras.dtype_policies": keras.DTypePolicy,
        "keras.initializers": keras.initializers.Initializer,
        "keras.losses": keras.losses.Loss,
        "keras.metrics": keras.metrics.Metric,
        "keras.optimizers": keras.optimizers.Optimizer,
        "keras.optimizers.schedules": keras.optimizers.schedules.LearningRateSchedule,
        "keras.regularizers": keras.regularizers.Regularizer,
    }
    if module not in families:
        return False
    found = getattr(importlib.import_module(module), name, None)
    return isinstance(found, type) and issubclass(found, families[module])


def _is_operation(module, name):
    """Whether a name is an allowed operation that one of Keras' operation modules itself defines."""
    import keras

    if module not in _OPERATIONS:
        return False
    allowed = _OPERATIONS[module]
    if allowed is not None and name not in allowed:
        return False
    found = vars(importlib.import_module(module)).get(name)
    return isinstance(found, type) and issubclass(found, keras.Operation) and found.__module__ == module


def _checked_parts(archive):
    """{name: ZipInfo} of the parts of a `.keras` file, after a check that each is stored as Keras does."""
    parts = {}
    for info in archive.infolist():
        if info.filename not in (CONFIG, METADATA, WEIGHTS) or info.filename in parts:
            raise ValueError(f"it has an unexpected part: {info.filename[:80]!r}")
        if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size or info.flag_bits & 1:
            raise ValueError(f"its {info.filename} is compressed or encrypted, which Keras never does")
        if info.file_size > _MOST_BYTES.get(info.filename, info.file_size):
            raise ValueError(f"its {info.filename} has {info.file_size:,} bytes")
        parts[info.filename] = info
    for name in (CONFIG, WEIGHTS):
        if name not in parts:
            raise ValueError(f"it has no {name}")
    return parts


def _part_of(file, info):
    """A stored part of a zip archive as a file; zipfile's own file objects read from the start at every seek."""
    file.seek(info.header_offset)
    header = file.read(30)
    if len(header) < 30 or header[:4] != b"PK\x03\x04":
        raise ValueError(f"the offset of {info.filename} is wrong")
    begin = info.header_offset + 30 + sum(struct.unpack("<HH", header[26:30]))
    end = file.seek(0, io.SEEK_END)
    if begin + info.file_size > end:
        raise ValueError(f"{info.filename} is truncated")
    return _Window(file, begin, info.file_size)


class _Window(io.RawIOBase):
    """A byte range of an open file, for reading."""

    def __init__(self, file: BinaryIO, begin: int, size: int):
        self._file, self._begin, self._size, self._place = file, begin, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: Any) -> int:
        self._file.seek(self._begin + self._place)
        content = self._file.read(max(0, min(len(buffer), self._size - self._place)))
        buffer[: len(content)] = content
        self._place += len(content)
        return len(content)


def _stored_bytes(window):
    """Size in bytes of all numbers in an HDF5 file; checks that they lie in the file, do not overlap, and that the file
    contains little else."""
    import h5py

    total, seen, ranges = 0, set(), []
    with h5py.File(window, "r") as weights:
        pending = [(weights, "/")]
        while pending:
            group, place = pending.pop()
            for name in group:
                if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                    raise ValueError(f"its weights contain a link, {place}{name[:80]}, which may lead to other files")
                member = group[name]
                address = h5py.h5o.get_info(member.id).addr
                if address in seen:
                    raise ValueError(f"its weights name {place}{name[:80]} twice")
                seen.add(address)
                if len(seen) > _MOST_OBJECTS:
                    raise ValueError(f"its weights have more than {_MOST_OBJECTS:,} parts")
                if isinstance(member, h5py.Group):
                    pending.append((member, f"{place}{name}/"))
                else:
                    begin, size = _checked_dataset(member, f"{place}{name}")
                    total += size
                    ranges.append((begin, begin + size, f"{place}{name}"))
    ranges.sort()
    for (_, end, _), (begin, _, place) in itertools.pairwise(ranges):
        if begin < end:
            raise ValueError(f"its weights contain {place[:80]}, whose bytes also belong to another array")
    if total > window.seek(0, io.SEEK_END) or (ranges and ranges[-1][1] > window.tell()):
        raise ValueError("its weights have more bytes than the file")
    padding = window.seek(0, io.SEEK_END) - total
    if padding > _BYTES_PER_OBJECT * (len(seen) + 2):
        raise ValueError(f"its weights have {padding:,} bytes that belong to no array")
    return total


def _checked_dataset(dataset, place):
    """(offset, size in bytes) of a dataset of numbers; checks that it is contiguous and in this file, as Keras writes
    it."""
    import h5py

    if not isinstance(dataset, h5py.Dataset):
        raise ValueError(f"its weights contain {place[:80]}, which is neither a group nor an array")
    if dataset.external or dataset.is_virtual:
        raise ValueError(f"its weights contain {place[:80]}, whose numbers are in another file")
    # bfloat16 is stored as two bytes without a type.
    numbers = dataset.dtype.kind in "fiub" or dataset.dtype == np.dtype("V2")
    layout = dataset.id.get_create_plist()
    size = dataset.size * dataset.dtype.itemsize
    # Overlaps with other arrays can only be detected for contiguous arrays.
    contiguous = layout.get_layout() == h5py.h5d.CONTIGUOUS and not layout.get_nfilters()
    begin = dataset.id.get_offset() if contiguous else None
    if not numbers or not contiguous or dataset.id.get_storage_size() != size or (size and begin is None):
        raise ValueError(
            f"its weights contain {place[:80]}, an array of {dataset.shape} that is not stored as declared"
        )
    return begin or 0, size
