"""Which networks of a model are built when it is created."""

import contextlib
import contextvars
from collections.abc import Iterator

_inference_only: contextvars.ContextVar[bool] = contextvars.ContextVar("inference_only", default=False)


@contextlib.contextmanager
def inference_first() -> Iterator[None]:
    """Models created inside this context build only what inference needs, and the rest on first use.

    Example:
        from ganzoo.construction import inference_first

        with inference_first():
            model = ganzoo.create("dcgan", image_shape=(32, 32, 1), width=4)
        model.generate(2)  # the generator alone
        model.discriminator  # built now
    """
    token = _inference_only.set(True)
    try:
        yield
    finally:
        _inference_only.reset(token)


def is_inference_first() -> bool:
    """Whether models created now build only what inference needs."""
    return _inference_only.get()
