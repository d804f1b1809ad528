"""Checks a `.keras` file before Keras reads it, so that a stranger's file runs no code and takes no memory it does not
pay for with bytes of its own.

A `.keras` file is a zip archive with a `config.json`, which names the classes to be created, and a `model.weights.h5`
in HDF5. Keras before 3.11 could be made to call any Python function through the first, Keras before 3.12.3 to read
other files or to allocate any amount of memory through the second. The checks here do not depend on Keras' version.
"""

import importlib
import io
import itertools
import json
import struct
import zipfile

import numpy as np

from ganzoo.errors import GanzooError, first_line, in_one_line
from ganzoo.files import open_regular

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_MEGABYTE = 2**20
_MOST_BYTES = {CONFIG: 4 * _MEGABYTE, METADATA: _MEGABYTE}
# Groups and datasets of a weights file; a large network has a few thousand.
_MOST_OBJECTS = 100_000
# What HDF5 needs for one group or dataset besides its numbers; 800 bytes are usual.
_BYTES_PER_OBJECT = 8192

# Keras' own layers that compute with numbers alone. Not among them: Lambda (runs code), TFSMLayer, TorchModuleWrapper,
# JaxLayer and FlaxLayer (load other files or code), and the lookup layers (read vocabularies from paths).
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
# What Keras writes between layers, which is data and no class.
_PLAIN = frozenset({"__keras_tensor__", "__slice__", "__ellipsis__"})
# Modules of Keras' operations; None allows all of them. The others also have operations that call a function they are
# given, so that those which compute with numbers alone are listed.
_OPERATIONS = {
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
    """The description in a `.keras` file, and how many bytes of weights it stores.

    Nothing of Keras is called, and memory is taken for `config.json` alone.

    Args:
        path: the file.

    Returns:
        (config, stored): `config.json` as plain dictionaries, and the bytes of all numbers in `model.weights.h5`.

    Raises:
        GanzooError: no such file, no `.keras` file, a damaged one, or one with parts that Keras never writes:
            compressed, too large, padded, or weights that lie outside the file.

    Example:
        config, stored = keras_archive.read("model.keras")
    """
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            parts = _checked_parts(archive)
            config = json.loads(archive.read(CONFIG))
            if not isinstance(config, dict):
                raise ValueError("its config.json is no mapping")
            return config, _stored_bytes(_part_of(file, parts[WEIGHTS]))
    # zipfile, json and h5py have an error of their own for each way in which a file can be damaged.
    except Exception as error:
        missing = isinstance(error, FileNotFoundError)
        reason = "no such file" if missing else f"not a readable .keras file ({first_line(error)})"
        raise GanzooError(f"cannot load {path}: {reason}") from None


def check_objects(config: Any, path: PathLike) -> None:
    """Refuses a description that names anything but numbers-only classes of Keras and registered classes.

    Registered classes are those of this package and whatever the user's own imported code has registered with
    `ganzoo.register` or `keras.saving.register_keras_serializable`; those are trusted, as their code has run already.

    Args:
        config: what `read` returned.
        path: the file, for the error.

    Raises:
        GanzooError: a class or function that is not on the list.

    Example:
        check_objects(keras_archive.read("model.keras")[0], "model.keras")
    """
    if named := refused_object(config):
        raise GanzooError(
            f"cannot load {path}: it names {named}, which is not among what such a file may create "
            "(numeric layers and optimizers of Keras, and registered classes whose file has been imported); "
            "such a file may run code when it is loaded"
        )


def refused_object(config: Any) -> str | None:
    """The first object in a description that `check_objects` refuses, in words for an error; None without one.

    Args:
        config: as `check_objects`.

    Example:
        refused_object({"class_name": "Popen", "module": "subprocess", "config": {}})      # "subprocess.Popen"
    """
    pending = [(config, False)]
    while pending:
        value, compiling = pending.pop()
        if isinstance(value, dict):
            if ("class_name" in value or "registered_name" in value) and not _is_allowed(value, compiling):
                module, name = value.get("module"), value.get("class_name")
                if name == "function":
                    name = value.get("config")
                # Keras names these for what a script or notebook defines, and for any function.
                named = str(name) if module in (None, "builtins") else f"{module}.{name}"
                named = in_one_line(named)
                kinds = {"function": f"the function {named}", "__lambda__": "a lambda"}
                return kinds.get(str(value.get("class_name")), named)
            pending.extend((item, compiling or key == "compile_config") for key, item in value.items())
        elif isinstance(value, list):
            pending.extend((item, compiling) for item in value)
    return None


def _is_allowed(described, compiling):
    """Whether a dictionary that Keras takes for an object's description names something harmless."""
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
    # Keras writes no module for a class of `__main__`, a script or notebook; without the key it reads an older format,
    # which goes by `class_name`.
    if "module" not in described or not isinstance(module, (str, type(None))):
        return False
    if not isinstance(described["config"], (dict, type(None))):
        return False
    if compiling and module is not None and module.startswith("keras.src.backend."):
        # Optimizers of one back end, which `Saving.compile_from_config` replaces by Keras' own of the same name.
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
    """Whether a public name of Keras is an optimizer, a schedule, a dtype policy or another class of mere numbers."""
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
    """Whether one of Keras' modules of operations defines such an operation itself, and it is allowed."""
    import keras

    if module not in _OPERATIONS or (_OPERATIONS[module] is not None and name not in _OPERATIONS[module]):
        return False
    found = vars(importlib.import_module(module)).get(name)
    return isinstance(found, type) and issubclass(found, keras.Operation) and found.__module__ == module


def _checked_parts(archive):
    """{name: ZipInfo} of the parts of a `.keras` file, each as Keras stores it."""
    parts = {}
    for info in archive.infolist():
        if info.filename not in (CONFIG, METADATA, WEIGHTS) or info.filename in parts:
            raise ValueError(f"it has a part that does not belong there: {info.filename[:80]!r}")
        if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size or info.flag_bits & 1:
            raise ValueError(f"its {info.filename} is compressed or encrypted, as Keras never writes it")
        if info.file_size > _MOST_BYTES.get(info.filename, info.file_size):
            raise ValueError(f"its {info.filename} has {info.file_size:,} bytes")
        parts[info.filename] = info
    for name in (CONFIG, WEIGHTS):
        if name not in parts:
            raise ValueError(f"it has no {name}")
    return parts


def _part_of(file, info):
    """A stored part of a zip archive as a file of its own; zipfile's own would read from the start at every seek."""
    file.seek(info.header_offset)
    header = file.read(30)
    if len(header) < 30 or header[:4] != b"PK\x03\x04":
        raise ValueError(f"the place of {info.filename} is wrong")
    begin = info.header_offset + 30 + sum(struct.unpack("<HH", header[26:30]))
    end = file.seek(0, io.SEEK_END)
    if begin + info.file_size > end:
        raise ValueError(f"{info.filename} is cut off")
    return _Window(file, begin, info.file_size)


class _Window(io.RawIOBase):
    """A stretch of an open file, to read from."""

    def __init__(self, file, begin, size):
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
    """The bytes of all numbers in an HDF5 file, which must lie in it, each once, with next to nothing besides."""
    import h5py

    total, seen, ranges = 0, set(), []
    with h5py.File(window, "r") as weights:
        pending = [(weights, "/")]
        while pending:
            group, place = pending.pop()
            for name in group:
                if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                    raise ValueError(f"its weights hold a link, {place}{name[:80]}, which may lead to other files")
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
            raise ValueError(f"its weights hold {place[:80]}, whose bytes belong to another array too")
    if total > window.seek(0, io.SEEK_END) or (ranges and ranges[-1][1] > window.tell()):
        raise ValueError("its weights hold more bytes than the file has")
    padding = window.seek(0, io.SEEK_END) - total
    if padding > _BYTES_PER_OBJECT * (len(seen) + 2):
        raise ValueError(f"its weights have {padding:,} bytes that belong to no array")
    return total


def _checked_dataset(dataset, place):
    """(where its bytes begin, how many they are) of a dataset of numbers, all of them in this file, in one piece, as
    Keras writes it."""
    import h5py

    if not isinstance(dataset, h5py.Dataset):
        raise ValueError(f"its weights hold {place[:80]}, which is neither a group nor an array")
    if dataset.external or dataset.is_virtual:
        raise ValueError(f"its weights hold {place[:80]}, whose numbers lie in another file")
    # bfloat16 is stored as two bytes without a type.
    numbers = dataset.dtype.kind in "fiub" or dataset.dtype == np.dtype("V2")
    layout = dataset.id.get_create_plist()
    size = dataset.size * dataset.dtype.itemsize
    # Of an array in one piece alone can one tell whether another one shares its bytes.
    in_one_piece = layout.get_layout() == h5py.h5d.CONTIGUOUS and not layout.get_nfilters()
    begin = dataset.id.get_offset() if in_one_piece else None
    if not numbers or not in_one_piece or dataset.id.get_storage_size() != size or (size and begin is None):
        raise ValueError(f"its weights hold {place[:80]}, an array of {dataset.shape} that is not stored as it says")
    return begin or 0, size
