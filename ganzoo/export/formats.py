"""The formats: how a file is written, by Keras' exporters where they exist, and how it is run in its own runtime."""

import contextlib
import importlib.metadata
import importlib.util
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ganzoo.errors import GanzooError, missing_package

if TYPE_CHECKING:
    from ganzoo.training.zoo_model import ZooModel

# From {name of an input: array} to the output.
Runner = Callable[[dict[str, np.ndarray]], np.ndarray]


@dataclass(frozen=True)
class Format:
    """A format.

    Attributes:
        description: what is written, for messages, e.g. "an ONNX file".
        write: function of (model, path, batch_size, float16) that writes it; batch_size None is any.
        load: function from the path to a `Runner` in the format's own runtime.
        suffix: of the file; empty for a folder.
        extra: the extra of setup.py with the packages that it needs; None for none.
        modules: {name of a module: package that contains it}, all from that extra.
        oldest_keras: the first version of Keras that writes the format.
        takes_float16: whether weights can be stored in float16.
        beside: suffix of a second file beside the first one.
        batch_sizes: to try in turn: None for any, and 1 where that may be all that converts.
    """

    description: str
    write: Callable[..., None]
    load: Callable[[Path], Runner]
    suffix: str = ""
    extra: str | None = None
    modules: tuple[tuple[str, str], ...] = ()
    oldest_keras: tuple[int, int] = (3, 0)
    takes_float16: bool = False
    beside: str = ""
    batch_sizes: tuple[int | None, ...] = (None,)

    def parts(self, path: Path) -> list[Path]:
        """All files of an export; the main one last, so that it is complete once it exists."""
        return [path.with_suffix(self.beside), path] if self.beside else [path]

    def is_export(self, path: Path) -> bool:
        """Whether what exists at this path is such an export."""
        return path.is_file() if self.suffix else (path / "saved_model.pb").is_file()

    def require(self) -> None:
        """Checks that everything is there that writes and runs the format.

        Raises:
            GanzooError: a package is missing, or Keras is too old.
        """
        for module, package in self.modules:
            if importlib.util.find_spec(module) is None:
                assert self.extra is not None
                raise missing_package(package, self.extra, self.description)
        version = importlib.metadata.version("keras")
        if tuple(int(part) for part in version.split(".")[:2]) < self.oldest_keras:
            needed = ".".join(map(str, self.oldest_keras))
            raise GanzooError(
                f"Keras can write {self.description} since version {needed}, but {version} is installed: "
                "pip install 'keras>=3.15.1'"
            )


def inputs_of(network: Any) -> Any:
    """The inputs as a functional model takes them: not a list if there is only one."""
    return one_or_list(network.inputs)


def one_or_list(tensors: Sequence[Any]) -> Any:
    """The tensor of a list of one; any other list as it is."""
    return tensors[0] if len(tensors) == 1 else list(tensors)


def _named(model: "ZooModel") -> Any:
    """The inference network with a named output. It is called once: networks that never were do not convert."""
    import keras

    network = model.inference_network
    named = keras.Model(inputs_of(network), {model.output_name: network.outputs[0]}, name="served")
    named(one_or_list(model.example_inputs(1)), training=False)
    return named


def _specs(network: Any, batch_size: int | None) -> list:
    import tensorflow as tf

    return [
        tf.TensorSpec((batch_size, *tensor.shape[1:]), tensor.dtype, name)
        for tensor, name in zip(network.inputs, input_names(network))
    ]


def input_names(network: Any) -> list[str]:
    """Names of a network's inputs.

    Example:
        from ganzoo.export.formats import input_names

        input_names(ganzoo.load("cgan").inference_network)  # ["latents", "labels"]
    """
    return [tensor.name for tensor in network.inputs]


# ONNX.

# The first one in which the sizes of transposed convolutions may depend on the input.
_OLDEST_OPSET = 10


def check_opset(version: int) -> None:
    """Checks a version of ONNX's operators.

    Raises:
        GanzooError: the converter does not write it, or networks need a newer one.

    Example:
        from ganzoo.export.formats import check_opset

        check_opset(17)
        check_opset(99)  # GanzooError: opset_version must be an integer from 10 to ...
    """
    from tf2onnx.constants import OPSET_TO_IR_VERSION

    newest = max(OPSET_TO_IR_VERSION)
    whole = isinstance(version, int) and not isinstance(version, bool)
    if not whole or not _OLDEST_OPSET <= version <= newest:
        raise GanzooError(f"opset_version must be an integer from {_OLDEST_OPSET} to {newest}, got {version!r}")


def _write_onnx(model: "ZooModel", path: Path, batch_size: int | None, float16: bool, **options: Any) -> None:
    import onnx

    named = _named(model)
    with warnings.catch_warnings():
        # Keras' patch of tf2onnx asks NumPy for a type that is gone.
        warnings.simplefilter("ignore", FutureWarning)
        named.export(str(path), format="onnx", verbose=False, **options)
    written = onnx.load(str(path))
    _name_sizes(written)
    if float16:
        _store_float16(written)
    onnx.checker.check_model(written)
    onnx.save(written, str(path))


def _name_sizes(written: Any) -> None:
    """Names the free axes of inputs and outputs: the converter numbers them."""
    for tensor in [*written.graph.input, *written.graph.output]:
        for axis, size in enumerate(tensor.type.tensor_type.shape.dim):
            if not size.HasField("dim_value"):
                size.dim_param = f"{tensor.name}_size{axis}" if axis else "batch"


def _store_float16(written: Any) -> None:
    """Stores weights in float16, followed by a cast to float32, which runtimes apply once, when they load the file."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for weight in written.graph.initializer:
        if weight.data_type != TensorProto.FLOAT:
            continue
        name = weight.name
        values = numpy_helper.to_array(weight)
        if np.abs(values).max(initial=0.0) > np.finfo("float16").max:
            continue
        weight.CopyFrom(numpy_helper.from_array(values.astype("float16"), f"{name}_float16"))
        casts.append(helper.make_node("Cast", [weight.name], [name], name=f"{name}_cast", to=TensorProto.FLOAT))
    nodes = [*casts, *written.graph.node]
    del written.graph.node[:]
    written.graph.node.extend(nodes)


def _load_onnx(path: Path) -> Runner:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda inputs: session.run(None, inputs)[0]


# LiteRT.


def _write_litert(model: "ZooModel", path: Path, batch_size: int | None, float16: bool) -> None:
    import tensorflow as tf

    named = _named(model)
    # Without TensorFlow's operations, which the runtime lacks.
    target: dict[str, Any] = {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}
    options: dict[str, Any] = {"target_spec": target}
    if float16:
        target["supported_types"] = [tf.float16]
        options["optimizations"] = [tf.lite.Optimize.DEFAULT]
    signature = [one_or_list(_specs(named, batch_size))]
    with _without_log():
        named.export(str(path), format="litert", verbose=False, input_signature=signature, **options)


@contextlib.contextmanager
def _without_log() -> Iterator[None]:
    """The converter prints pages on standard error, from C++, for a batch size that it does not take; its exception has
    the same text."""
    try:
        saved = os.dup(2)
    except OSError:  # standard error is closed
        yield
        return
    nothing = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(nothing)
        os.close(saved)


def _load_litert(path: Path) -> Runner:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=os.cpu_count())
    runner = interpreter.get_signature_runner("serving_default")
    return lambda inputs: next(iter(runner(**inputs).values()))


# OpenVINO.


def _write_openvino(model: "ZooModel", path: Path, batch_size: int | None, float16: bool) -> None:
    import openvino

    draft = path.with_name("draft.xml")
    with _without_statistics():
        _named(model).export(str(draft), format="openvino", verbose=False)
    openvino.save_model(openvino.Core().read_model(draft), path, compress_to_fp16=float16)


@contextlib.contextmanager
def _without_statistics() -> Iterator[None]:
    """OpenVINO's converter sends statistics of its use to a server, unless it runs in a CI job."""
    before = os.environ.get("CI")
    os.environ["CI"] = "true"
    try:
        yield
    finally:
        if before is None:
            del os.environ["CI"]
        else:
            os.environ["CI"] = before


def _load_openvino(path: Path) -> Runner:
    import openvino

    # Without the hint, processors with bfloat16 instructions compute in bfloat16.
    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda inputs: np.array(compiled(inputs)[0])


# SavedModel.


def _write_savedmodel(model: "ZooModel", path: Path, batch_size: int | None, float16: bool) -> None:
    import tensorflow as tf

    network = model.inference_network
    specs = _specs(network, None)
    module = tf.Module()
    # What the functions below read.
    module.weights = [variable.value for variable in network.variables]
    module.serve = tf.function(
        lambda *inputs: network(one_or_list(inputs), training=False), input_signature=specs, autograph=False
    )
    named = _signature(module.serve, specs, model.output_name)
    signatures = {"serving_default": named, "serve": named}
    for name, endpoint in model.endpoints().items():
        module.weights += [variable.value for variable in endpoint.variables]
        specs = [tf.TensorSpec(shape, dtype, one) for one, (shape, dtype) in endpoint.inputs.items()]
        signatures[name] = _signature(endpoint.compute, specs, endpoint.output)
    tf.saved_model.save(module, str(path), signatures=signatures)


def _signature(function, specs, output):
    import tensorflow as tf

    return tf.function(lambda *inputs: {output: function(*inputs)}, input_signature=specs, autograph=False)


def load_signature(path: Path, name: str = "serving_default") -> Runner:
    """A signature of a SavedModel as a function from {name of an input: array} to its output.

    Example:
        from ganzoo.export.formats import load_signature

        ganzoo.load("dcgan.digits").export("signed")
        images = load_signature("signed", "serve_uint8")({"latents": np.zeros((1, 64), "float32")})
    """
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    signature = loaded.signatures[name]

    def run(inputs: dict[str, np.ndarray]) -> np.ndarray:
        # The signature does not keep what it was loaded from, whose variables it reads.
        assert loaded is not None
        (output,) = signature(**{one: tf.constant(array) for one, array in inputs.items()}).values()
        return output.numpy()

    return run


FORMATS = {
    "tf_saved_model": Format("a SavedModel", _write_savedmodel, load_signature),
    "onnx": Format(
        "an ONNX file",
        _write_onnx,
        _load_onnx,
        suffix=".onnx",
        extra="onnx",
        modules=(("onnx", "onnx"), ("tf2onnx", "tf2onnx"), ("onnxruntime", "onnxruntime")),
        oldest_keras=(3, 8),
        takes_float16=True,
    ),
    "litert": Format(
        "a LiteRT file",
        _write_litert,
        _load_litert,
        suffix=".tflite",
        extra="litert",
        modules=(("ai_edge_litert", "ai-edge-litert"),),
        batch_sizes=(None, 1),
        oldest_keras=(3, 13),
        takes_float16=True,
    ),
    "openvino": Format(
        "an OpenVINO file",
        _write_openvino,
        _load_openvino,
        suffix=".xml",
        extra="openvino",
        modules=(("openvino", "openvino"),),
        oldest_keras=(3, 11),
        takes_float16=True,
        beside=".bin",
    ),
}
