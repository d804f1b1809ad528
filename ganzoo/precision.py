"""The precision that layers are made with."""

import contextlib


@contextlib.contextmanager
def made_with(policy):
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
