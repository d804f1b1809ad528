"""The precision that layers are made with."""

import contextlib
import time

# What half of the bytes save is worth little more than this much of the time.
_BEARABLE = 1.5


@contextlib.contextmanager
def made_with(policy: "str | keras.DTypePolicy") -> Iterator[None]:
    """Layers made inside have this dtype policy, whatever the global one is.

    Args:
        policy: a Keras dtype policy, or its name, e.g. "mixed_bfloat16".

    Example:
        with made_with("mixed_bfloat16"):
            network = build()
    """
    import keras

    outside = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(outside)


def fastest() -> str:
    """The precision to train in on this process's first device: "mixed_bfloat16", or "float32" where that is slower.

    Processors without instructions for bfloat16 (AVX-512 BF16, AMX) compute a convolution's gradient ten times as
    slowly with it, and one can tell them from others, GPUs included, by trying alone: which instructions and kernels
    a back end uses is nowhere to be asked. Takes about a second.

    Example:
        with made_with(fastest()):
            model = ganzoo.create("dcgan")
    """
    full = _seconds_of_gradient("float32")
    try:
        half = _seconds_of_gradient("bfloat16")
    except Exception:  # whatever a back end raises where a device has no such operation
        return "float32"
    return "mixed_bfloat16" if half < _BEARABLE * full else "float32"


def _seconds_of_gradient(dtype):
    """How long a small convolution and its gradient take, the best of three."""
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
