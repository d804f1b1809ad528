"""The backend JAX.

JAX compiles only functions without side effects, but a training step has many: batch statistics, optimizers, metrics.
They take place in a `keras.StatelessScope`, which keeps the values of variables in a dictionary. A function to be
differentiated runs in a scope of its own and returns the changes of variables along with its result.
"""

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import jax
import keras
import numpy as np

from ganzoo.backend.common import (  # noqa: F401
    Batches,
    KerasAdam,
    adam,
    batch_normalized,
    convolved,
    free_gradients,
    from_all_replicas,
    hold,
    in_tensor,
    is_own,
    leaky_relu,
    logged,
    mean_over_replicas,
    never_empty,
    normalized,
    own_rows,
    prelu,
    repeated,
    replica_count,
    share_of_replica,
    share_statistics,
    training_data,
    transposed_convolved,
    weight_of,
    with_dependency,
    without_gradient,
)
from ganzoo.types import Tensor

if TYPE_CHECKING:
    from ganzoo.data.feed import Feed
    from ganzoo.training.zoo_model import ZooModel

# Eager execution is many times slower.
ALWAYS_COMPILED = True
# A context without gradients; JAX computes gradients only of functions passed to jax.grad.
no_gradients = contextlib.nullcontext
_current = threading.local()
# Shapes of inputs for which a function of a network stays compiled.
_MOST_PROGRAMS = 32


def unsupported(precision: str, steps_per_execution: int, jit_compile: bool) -> str | None:
    """Why this backend does not support these settings, or None."""
    if precision == "mixed_float16":
        return "mixed_float16: loss scaling does not compile in JAX; use mixed_bfloat16"
    return None


def train_step(model: "ZooModel", state: Any, data: Any) -> tuple[Any, Any]:
    """One training step, as `fit` calls it: from the variables' values to (metrics, new values)."""
    groups = (
        model.trainable_variables,
        model.non_trainable_variables,
        model.optimizer.variables,
        model.metrics_variables,
    )
    return _without_side_effects(model.training_step, groups, state, data)


def test_step(model: "ZooModel", state: Any, data: Any) -> tuple[Any, Any]:
    """The losses of a batch, as `evaluate` calls it."""
    groups = (model.trainable_variables, model.non_trainable_variables, model.metrics_variables)
    return _without_side_effects(model.evaluation_step, groups, state, data)


def _without_side_effects(function: Callable, groups: Sequence[Any], state: Any, data: Any) -> tuple[Any, Any]:
    pairs = [pair for variables, values in zip(groups, state) for pair in zip(variables, values)]
    with _scope({id(variable): value for variable, value in pairs}) as scope:
        result = function(data)
    return result, tuple([scope.get_current_value(variable) for variable in variables] for variables in groups)


@contextlib.contextmanager
def _scope(values: dict[int, Any]) -> Iterator[keras.StatelessScope]:
    """A scope in which variables have these values, {id: value}."""
    outer = getattr(_current, "scope", None)
    with keras.StatelessScope(initialize_variables=False) as scope:
        scope.state_mapping.update(values)
        _current.scope = scope
        try:
            yield scope
        finally:
            _current.scope = outer


def _gradient(function: Callable, values: Any, variables: Sequence[keras.Variable] = ()) -> tuple[Any, Any]:
    """The gradient of a function's first result, a scalar, and its second result.

    Changes that the function makes to variables are applied to the enclosing scope.

    Args:
        function: function from the values to (scalar, anything).
        values: a list or an array.
        variables: variables that take these values while the function runs.
    """
    outer = getattr(_current, "scope", None)
    before = dict(outer.state_mapping) if outer is not None else {}

    def traced(values):
        given = {id(variable): value for variable, value in zip(variables, values)}
        with _scope({**before, **given}) as scope:
            scalar, other = function(values)
        start = {**before, **given}
        changes = {key: value for key, value in scope.state_mapping.items() if value is not start.get(key)}
        return scalar, (other, changes)

    gradients, (other, changes) = jax.grad(traced, has_aux=True)(values)
    if outer is not None:
        outer.state_mapping.update(changes)
    return gradients, other


def minimize(
    loss_function: Callable[[], Tensor],
    optimizer: Any,
    variables: Sequence[keras.Variable],
    recorded: dict[str, Any],
    name: str = "loss",
) -> Tensor:
    """One optimizer step on the gradient of a loss with respect to `variables`; returns the loss.

    `recorded` is the dictionary to which the loss function writes its metrics.
    """

    def losses(values):
        loss = loss_function()
        if not _depends(loss, values):
            raise without_gradient(name)
        return optimizer.scale_loss(loss.astype("float32")), (loss, dict(recorded))

    gradients, (loss, found) = _gradient(losses, [variable.value for variable in variables], variables)
    recorded.update(found)
    # Also within another network's loss, no gradient goes through the step.
    optimizer.apply(jax.lax.stop_gradient(gradients), variables)
    return loss


def _depends(scalar: Any, values: Sequence[Any]) -> bool:
    """Whether a value computed inside `jax.grad` depends on the values with respect to which it is differentiated;
    True if that cannot be told. JAX itself gives zeros as gradients of anything else."""

    def level(value):
        trace = getattr(value, "_trace", None)
        # Before JAX 0.4.36, each operation has a trace of its own; those of one gradient have the same `main`.
        return id(getattr(trace, "main", trace))

    levels = {level(value) for value in values if isinstance(value, jax.core.Tracer)}
    return not levels or level(scalar) in levels


def input_gradient(function: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    """The gradient of sum(function(inputs)) with respect to the inputs, itself differentiable."""
    return _gradient(lambda inputs: (function(inputs).sum(), None), keras.ops.convert_to_tensor(inputs))[0]


def compiled(function: Callable, specs: Sequence[tuple[Any, str]], network: keras.Model) -> Callable[..., np.ndarray]:
    """A function of arrays that uses a network, compiled once per input shape; as in `tensorflow.py`.

    The programs of the most recent shapes are kept: a model that converts recordings of many lengths would otherwise
    need ever more memory.
    """
    programs: OrderedDict[tuple, Any] = OrderedDict()

    def program() -> Any:
        def fast(values, *arrays):
            # The weights are arguments: a compiled function would treat closed-over values as constants. `_scope`
            # passes them on to gradients within the function.
            with _scope({id(variable): value for variable, value in zip(network.variables, values)}):
                return function(*arrays)

        return jax.jit(fast)

    def with_weights(*arrays):
        values = [variable.value for variable in network.variables]
        given = [keras.ops.convert_to_tensor(array, dtype) for array, (_, dtype) in zip(arrays, specs)]
        shapes = tuple(array.shape for array in given)
        fast = programs[shapes] = programs.pop(shapes, None) or program()
        while len(programs) > _MOST_PROGRAMS:
            programs.popitem(last=False)[1].clear_cache()
        return np.asarray(fast(values, *given))

    return with_weights


def device() -> str:
    """The name of the device in use."""
    return jax.devices()[0].device_kind


def batches_of(feed: "Feed", first_step: int | None = None) -> Batches:
    """A `Feed` as a dataset for `fit`."""
    # CPUs report no memory statistics.
    memory = jax.devices()[0].memory_stats() or {}
    free = memory.get("bytes_limit", 0) - memory.get("bytes_in_use", 0)
    hold(feed, free // 4)
    return Batches(feed, first_step)


def local_value(variable: keras.Variable) -> np.ndarray:
    """The value of a variable."""
    return np.asarray(variable.value)


def sync_variables(model: "ZooModel") -> None:
    """Copies the values of a running `fit` to the model's variables."""
    model.jax_state_sync()


def update(pairs: Sequence[tuple[Any, Any]], function: Callable) -> None:
    """Assigns function(target, source) to the target of every (target, source) pair of variables."""
    for target, source in pairs:
        target.assign(function(target.value, source.value))


def move(pairs: Sequence[tuple[Any, Any]], share: Any) -> None:
    """target += share * (source - target) for every (target, source) pair of variables."""
    update(pairs, lambda target, source: target + share * (source - target))


def seed_values(key: Any) -> Tensor:
    """Two integers as a seed for the functions of `keras.random`."""
    return keras.ops.cast(in_tensor(key), "uint32")
