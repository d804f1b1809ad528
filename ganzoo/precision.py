"""The precision of layers."""

import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

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


def fastest() -> str:
    """The best training precision on this process's first device: "mixed_bfloat16", or "float32" if that is faster.

    CPUs without bfloat16 instructions (AVX-512 BF16, AMX) compute the gradient of a convolution ten times slower with
    it. This is measured, in about a second, since no back end tells which instructions and kernels it uses.

    Example:
        from ganzoo.precision import fastest, made_with

        with made_with(fastest()):
            layer = keras.layers.Dense(10)
    """
    full = _seconds_of_gradient("float32")
    try:
        half = _seconds_of_gradient("bfloat16")
    except Exception:  # whatever a back end raises if a device lacks the operation
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
