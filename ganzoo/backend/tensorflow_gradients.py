"""Custom gradients that are freed with the graphs that they belong to.

TensorFlow registers the gradient of each `tf.custom_gradient` in a graph forever. The gradient refers to tensors, and
so to the whole graph. A process that trains one model after another would grow by several megabytes with each of them.
"""

import contextlib
import threading
import types
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf
from tensorflow.python.framework import ops

# TensorFlow's prefix of generated names.
_PREFIX = "CustomGradient-"
# Of closures within closures, and of containers within containers.
_DEPTH = 6
_KEPT = "_ganzoo_gradients"
_lock = threading.Lock()


class _Weak:
    """A gradient function that somebody else keeps."""

    def __init__(self, function: Callable[..., Any]):
        self._function = weakref.ref(function)

    def __call__(self, *arguments: Any) -> Any:
        function = self._function()
        if function is None:
            raise LookupError("this gradient was freed with its graph")
        return function(*arguments)


def free_gradients() -> None:
    """Leaves it to graphs how long their custom gradients last; the registry refers to them weakly from now on.

    It reads attributes that TensorFlow does not document. Where they are missing, nothing is freed. A copy of an
    operation in a graph that does not belong to the same function, e.g. by `tf.import_graph_def`, has no gradient once
    the original graph is freed.
    """
    entries: dict[str, dict[str, Any]] = getattr(getattr(ops, "gradient_registry", None), "_registry", {})
    with _lock:
        for name in [name for name in list(entries) if name.startswith(_PREFIX)]:
            entry = entries.get(name, {})
            function = entry.get("type")
            if not isinstance(function, types.FunctionType):
                continue
            graphs = set(_graphs_of(function, _DEPTH))
            if not graphs:
                continue
            for graph in graphs:
                setattr(graph, _KEPT, [*getattr(graph, _KEPT, ()), function])
            entry["type"] = _Weak(function)
            weakref.finalize(function, entries.pop, name, None).atexit = False


def _graphs_of(value: Any, depth: int) -> Iterator[Any]:
    """The graphs of the tensors in the closure of a function, and those that they are traced in."""
    if not depth:
        return
    parts: Any = ()
    if isinstance(value, types.FunctionType):
        parts = []
        for cell in value.__closure__ or ():
            # One that is not assigned yet.
            with contextlib.suppress(ValueError):
                parts.append(cell.cell_contents)
    elif type(value) in (list, tuple):
        parts = value
    elif type(value) is dict:
        parts = list(value.values())
    elif isinstance(value, tf.Tensor):
        # Those of eager operations have none.
        graph = getattr(value, "graph", None) if tf.is_symbolic_tensor(value) else None
        while isinstance(graph, tf.__internal__.FuncGraph):
            yield graph
            graph = graph.outer_graph
    for part in parts:
        yield from _graphs_of(part, depth - 1)
