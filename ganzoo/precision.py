"""The precision of layers: of training, and of inference."""

import contextlib
import hashlib
import importlib
import os
import platform
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal

from ganzoo.errors import GanzooError, unknown

if TYPE_CHECKING:
    import keras

# Of `ganzoo.load` and `--precision`.
InferencePrecision = Literal["auto", "float32", "mixed_bfloat16"]
INFERENCE_PRECISIONS = ("auto", "float32", "mixed_bfloat16")
# Inference in bfloat16 must take at most this share of float32's time: the results are a little less precise.
_WORTHWHILE = 0.8

_measuring = threading.Lock()

# Half precision may take this factor of float32's time: it still saves half of the memory.
_ACCEPTED_SLOWDOWN = 1.5


@contextlib.contextmanager
def made_with(policy: "str | keras.DTypePolicy") -> Iterator[None]:
    """Context manager: layers created inside have this dtype policy, whatever the global one is.

    Args:
        policy: a Keras dtype policy or its name, e.g. "mixed_bfloat16".

    Example:
        from ganzoo.precision import made_with

        with made_with("mixed_bfloat16"):
            layer = keras.layers.Dense(10)
    """
    import keras

    outside = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(outside)


@contextlib.contextmanager
def in_float32(network: "keras.Model") -> Iterator[None]:
    """Context manager: a network of any precision computes in float32. Weights are float32 in any case.

    Args:
        network: a Keras model, with its nested ones.

    Example:
        from ganzoo.precision import in_float32

        model = ganzoo.load("dcgan.digits")
        with in_float32(model.inference_network):
            images = model(np.zeros((1, 64), "float32"))
    """
    layers = [layer for layer in network._flatten_layers() if layer.compute_dtype != "float32"]
    policies = [layer.dtype_policy for layer in layers]
    try:
        for layer in layers:
            layer.dtype_policy = "float32"
        yield
    finally:
        for layer, policy in zip(layers, policies):
            layer.dtype_policy = policy


def set_precision(network: "keras.Model", policy: str) -> None:
    """Makes the layers of a network compute in another precision. Weights are float32 in any case.

    Sums of residual connections stay in float32: they take little time, and rounding errors would add up in them. So do
    layers whose class says so (`always_float32`).

    Args:
        network: a Keras model, with its nested ones; compiled functions of it must be made anew.
        policy: name of a Keras dtype policy.

    Example:
        from ganzoo.precision import set_precision

        network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
        set_precision(network, "mixed_bfloat16")
        network.layers[0].compute_dtype     # "bfloat16"
    """
    import keras

    for layer in network._flatten_layers():
        stays = isinstance(layer, keras.layers.Add) or getattr(layer, "always_float32", False)
        layer.dtype_policy = "float32" if stays else policy


def inference_policy(precision: str, quality_stays: bool) -> str | None:
    """The dtype policy that a model is loaded with; None for Keras' global one.

    Args:
        precision: "float32", "mixed_bfloat16", or "auto": bfloat16 where this machine is faster with it and the
            model's quality stays.
        quality_stays: whether the model was measured in bfloat16, without a loss.

    Raises:
        GanzooError: another precision.

    Example:
        from ganzoo.precision import inference_policy

        inference_policy("float32", quality_stays=True)     # "float32"
    """
    if precision not in INFERENCE_PRECISIONS:
        raise unknown("precision", precision, INFERENCE_PRECISIONS)
    if precision != "auto":
        return precision
    return "mixed_bfloat16" if quality_stays and _infers_faster_in_bfloat16() else None


def _infers_faster_in_bfloat16() -> bool:
    """Whether a convolution is much faster in bfloat16 on this machine; measured once, and remembered in the cache
    folder for this processor, backend and its version."""
    import keras
    import numpy as np

    from ganzoo import backend
    from ganzoo.files import cache_folder, read_cached, write_cached

    library = importlib.import_module(backend.NAME)
    facts = (1, backend.NAME, library.__version__, keras.__version__, backend.device(), _processor(), os.cpu_count())
    digest = hashlib.sha256(repr(facts).encode()).hexdigest()[:24]
    try:
        path = cache_folder() / f"precision-{digest}.npz"
    except GanzooError:
        path = None
    # Threads that load models at the same time get the same answer.
    with _measuring:
        if path is not None and (known := read_cached(path).get("faster")) is not None and known.shape == ():
            return bool(known)
        faster = _measured_faster()
        if path is not None:
            write_cached(path, faster=np.array(faster))
        return faster


def _measured_faster() -> bool:
    try:
        full, half = _timed_network("float32"), _timed_network("mixed_bfloat16")
        # In turn, and the best of several: other work on the machine slows both.
        times = [(full(), half()) for _ in range(8)][1:]
    except Exception:  # whatever a backend raises if a device lacks the operation
        return False
    best_full, best_half = (min(values) for values in zip(*times))
    return best_half < _WORTHWHILE * best_full


def _timed_network(policy: str) -> Callable[[], float]:
    """A function that runs a network as those of super-resolution and returns the seconds it took."""
    import keras
    import numpy as np
    from keras import ops

    from ganzoo import backend

    shape = (1, 96, 96, 64)
    # Random weights would take numbers from Python's generator, whose state is the user's.
    constant = keras.initializers.Constant(0.01)
    with made_with(policy):
        convolutions = [
            keras.layers.Conv2D(64, 3, padding="same", activation="relu", kernel_initializer=constant) for _ in range(4)
        ]
        network = keras.Sequential([keras.Input(shape[1:]), *convolutions])
    images = np.random.default_rng(0).random(shape, "float32")
    function = backend.compiled(lambda x: ops.cast(ops.max(network(x)), "float32"), [(shape, "float32")], network)

    def taken() -> float:
        began = time.perf_counter()
        float(function(images))
        return time.perf_counter() - began

    return taken


def _processor() -> str:
    """The processor's name and, on Linux, its instructions."""
    lines = set()
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        lines = {line.strip() for line in file if line.startswith(("model name", "flags", "Features"))}
    return f"{platform.machine()} {platform.processor()} {sorted(lines)}"


def fastest() -> str:
    """The best training precision on this process's first device: "mixed_bfloat16", or "float32" if that is faster.

    CPUs without bfloat16 instructions (AVX-512 BF16, AMX) compute the gradient of a convolution ten times slower with
    it. This is measured, in about a second, since no backend tells which instructions and kernels it uses.

    Example:
        from ganzoo.precision import fastest, made_with

        with made_with(fastest()):
            layer = keras.layers.Dense(10)
    """
    full = _seconds_of_gradient("float32")
    try:
        half = _seconds_of_gradient("bfloat16")
    except Exception:  # whatever a backend raises if a device lacks the operation
        return "float32"
    return "mixed_bfloat16" if half < _ACCEPTED_SLOWDOWN * full else "float32"


def _seconds_of_gradient(dtype):
    """Time of a small convolution and its gradient, the best of three."""
    import numpy as np
    from keras import ops

    from ganzoo import backend

    rng = np.random.default_rng(0)
    images, kernel = (ops.cast(rng.standard_normal(shape), dtype) for shape in ((8, 24, 24, 64), (3, 3, 64, 64)))

    def taken():
        began = time.perf_counter()
        gradient = backend.input_gradient(lambda x: ops.conv(x, kernel, padding="same"), images)
        # Waits for the device.
        float(ops.convert_to_numpy(ops.cast(ops.max(gradient), "float32")))
        return time.perf_counter() - began

    # The first call also compiles.
    return min([taken() for _ in range(4)][1:])
