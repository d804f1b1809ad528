"""Limits on the memory of networks, which are created before their weights are read, with sizes from a file or a
configuration."""

import contextlib
import contextvars
import functools
import inspect
import math
import os
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from ganzoo.errors import GanzooError
from ganzoo.types import PathLike

# Networks are created several times before weights are loaded: averaged copies, and one for each regularizer.
_COPIES = 8
# Most weight arrays, which take time to create; the largest models of the package have a few hundred.
_MOST_ARRAYS = 4_000


class _Allowance:
    """A limit on the bytes and arrays of weights; what counts toward it also counts toward the enclosing limit."""

    def __init__(self, most_bytes, problem, path=None, stored=None, replaces_random=False):
        self.most_bytes, self.problem, self.path, self.stored = most_bytes, problem, path, stored
        self.replaces_random = replaces_random
        self.blank: list[tuple[Any, Any]] = []
        self.taken, self.arrays = 0, 0
        self.outer: _Allowance | None = None

    def take(self, shape: Sequence[int | None] | None) -> None:
        if self.outer is not None:
            self.outer.take(shape)
        # Counted as float32, whatever its type.
        self.taken += 4 * math.prod(int(size or 1) for size in (shape or ()))
        self.arrays += 1
        if self.taken > self.most_bytes or self.arrays > _MOST_ARRAYS:
            raise GanzooError(self.problem)


_allowance: contextvars.ContextVar[_Allowance | None] = contextvars.ContextVar("allowance", default=None)
_patching, _patches = threading.Lock(), 0


@contextlib.contextmanager
def fitting_memory(where: str) -> Iterator[None]:
    """Context manager: networks created inside must fit in this machine's memory, checked before it is allocated.

    Args:
        where: where the sizes of the networks come from, for the error.

    Raises:
        GanzooError: the networks are too large or have too many layers.

    Example:
        from ganzoo.memory import fitting_memory

        def build():
            with fitting_memory("mine.yaml"):
                keras.layers.Dense(10**9).build((None, 10**9))

        build()     # GanzooError
    """
    memory = _physical_memory()
    problem = (
        f"{where}: networks of these sizes need more than the {memory / 2**30:.0f} GiB of this machine's memory, or "
        f"more than {_MOST_ARRAYS:,} arrays of weights: make the arguments smaller"
    )
    with _allowing(_Allowance(memory, problem)):
        yield


@contextlib.contextmanager
def fitting_file(path: PathLike, stored: int, blank: bool = False) -> Iterator[list[tuple[Any, Any]]]:
    """Context manager: networks created inside must be about as large as the weights in a file, see `fitting_memory`.

    Args:
        path: the file, for the error.
        stored: size of its weights as float32, in bytes.
        blank: whether zeros replace the random initial values of layers created inside, which take longer to create
            than to read. `fill` then initializes those that the file does not have.

    Yields:
        A list that receives (variable, initializer) of each variable with zeros instead of random values.

    Raises:
        GanzooError: the networks are much larger than the stored weights, or much smaller (see `check_all_needed`).
    """
    problem = (
        f"{path} describes networks that are much larger than the weights it stores ({stored:,} bytes): the arguments "
        "are not those it was trained with, or it is made to exhaust memory"
    )
    allowance = _Allowance(_COPIES * stored + 2**16, problem, path, stored, blank)
    with _allowing(allowance):
        yield allowance.blank


def fill(blank: Sequence[tuple[Any, Any]], networks: Sequence[Any]) -> None:
    """Gives variables their random initial values after all, except those of networks that were read from a file.

    Args:
        blank: (variable, initializer) pairs from `fitting_file`.
        networks: the networks that were read.
    """
    read = {id(variable) for network in networks for variable in network.variables}
    for variable, initializer in blank:
        if id(variable) not in read:
            variable.assign(initializer(variable.shape, variable.dtype))


def check_all_needed() -> None:
    """Refuses a file (see `fitting_file`) with far more weights than the networks created so far need; to be called
    before its weights are read."""
    allowance = _allowance.get()
    if allowance is None or allowance.stored is None:
        return
    # Optimizers have up to three arrays per weight.
    if allowance.stored > _COPIES * allowance.taken + 2**20:
        raise GanzooError(
            f"{allowance.path} stores {allowance.stored:,} bytes of weights, its networks have {allowance.taken:,}: "
            "it is damaged or made to exhaust memory"
        )


@contextlib.contextmanager
def _allowing(allowance):
    global _patches
    allowance.outer = _allowance.get()
    token = _allowance.set(allowance)
    with _patching:
        _patches += 1
        if _patches == 1:
            _layer_class().add_weight = _counted(_layer_class().add_weight)
    try:
        yield
    finally:
        _allowance.reset(token)
        with _patching:
            _patches -= 1
            if not _patches:
                _layer_class().add_weight = _layer_class().add_weight.__wrapped__


def _layer_class():
    import keras

    return keras.layers.Layer


def _counted(add_weight):
    """Wraps Keras' `add_weight` to count the weights created in this context; Keras has no hook for this."""

    from keras import initializers

    parameters = inspect.signature(add_weight)
    random = (
        initializers.VarianceScaling,
        initializers.RandomNormal,
        initializers.RandomUniform,
        initializers.TruncatedNormal,
    )

    @functools.wraps(add_weight)
    def counted(self, *args, **kwargs):
        if (allowance := _allowance.get()) is not None:
            arguments = parameters.bind(self, *args, **kwargs).arguments
            allowance.take(arguments.get("shape"))
            initializer = initializers.get(arguments.get("initializer")) if allowance.replaces_random else None
            if isinstance(initializer, random):
                arguments["initializer"] = "zeros"
            if isinstance(initializer, random) or not isinstance(initializer, (initializers.Initializer, type(None))):
                # A function may compute its values from those of another variable, which has only zeros now.
                variable = add_weight(**arguments)
                allowance.blank.append((variable, initializer))
                return variable
        return add_weight(self, *args, **kwargs)

    return counted


def _physical_memory() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not on Windows
        return 2**38
