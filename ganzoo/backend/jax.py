"""What the training step needs of JAX and no other part of the package may ask for.

JAX compiles functions without side effects, and a step of the game is full of them: batch statistics, optimizers,
metrics. They happen in a `keras.StatelessScope`, which keeps every variable's value in a dictionary; what a gradient is
taken of gets a scope of its own, whose changes it hands over besides its result.
"""

import contextlib
import threading

import jax
import keras
import numpy as np

from ganzoo.backend.common import (  # noqa: F401
    Batches,
    KerasAdam,
    adam,
    batch_normalized,
    convolved,
    hold,
    in_tensor,
    is_own,
    leaky_relu,
    logged,
    mean_over_replicas,
    prelu,
    replica_count,
    share_of_replica,
    share_statistics,
    training_data,
    transposed_convolved,
    with_dependency,
)

# Operation by operation JAX is many times slower.
ALWAYS_COMPILED = True
# Where no gradient is wanted; here a function says where one is.
no_gradients = contextlib.nullcontext
_current = threading.local()


def unsupported(precision, steps_per_execution, jit_compile):
    """What this back end cannot do of these settings, in words, or None."""
    if precision == "mixed_float16":
        return "mixed_float16: the scaling of its losses does not compile in JAX; take mixed_bfloat16"
    return None


def train_step(model, state, data):
    """One step of the game, as `fit` calls it: from the variables' values to the metrics and the new values."""
    groups = (
        model.trainable_variables,
        model.non_trainable_variables,
        model.optimizer.variables,
        model.metrics_variables,
    )
    return _without_side_effects(model.training_step, groups, state, data)


def test_step(model, state, data):
    """The losses of a batch, as `evaluate` calls it."""
    groups = (model.trainable_variables, model.non_trainable_variables, model.metrics_variables)
    return _without_side_effects(model.evaluation_step, groups, state, data)


def _without_side_effects(function, groups, state, data):
    pairs = [pair for variables, values in zip(groups, state) for pair in zip(variables, values)]
    with _scope({id(variable): value for variable, value in pairs}) as scope:
        result = function(data)
    return result, tuple([scope.get_current_value(variable) for variable in variables] for variables in groups)


@contextlib.contextmanager
def _scope(values):
    """A scope in which variables have these values, {id: value}."""
    around = getattr(_current, "scope", None)
    with keras.StatelessScope(initialize_variables=False) as scope:
        scope.state_mapping.update(values)
        _current.scope = scope
        try:
            yield scope
        finally:
            _current.scope = around


def _gradient(function, values, variables=()):
    """The gradient of a function's first result, a scalar, at the values, and its second result.

    What the function changes about variables is changed afterwards in the scope around it.

    Args:
        function: of the values, to (scalar, anything).
        values: a list, or an array.
        variables: that have these values while the function runs.
    """
    around = getattr(_current, "scope", None)
    before = dict(around.state_mapping) if around is not None else {}

    def traced(values):
        given = {id(variable): value for variable, value in zip(variables, values)}
        with _scope({**before, **given}) as scope:
            scalar, other = function(values)
        start = {**before, **given}
        changes = {key: value for key, value in scope.state_mapping.items() if value is not start.get(key)}
        return scalar, (other, changes)

    gradients, (other, changes) = jax.grad(traced, has_aux=True)(values)
    if around is not None:
        around.state_mapping.update(changes)
    return gradients, other


def minimize(loss_function, optimizer, variables, recorded):
    """One optimizer step on the loss's gradient with respect to `variables`; returns the loss.

    `recorded` is the dictionary into which the loss writes what it finds out.
    """

    def losses(values):
        loss = loss_function()
        return optimizer.scale_loss(loss.astype("float32")), (loss, dict(recorded))

    gradients, (loss, found) = _gradient(losses, [variable.value for variable in variables], variables)
    recorded.update(found)
    # Within another network's loss, too, no gradient goes through the step.
    optimizer.apply(jax.lax.stop_gradient(gradients), variables)
    return loss


def input_gradient(function, inputs):
    """The gradient of sum(function(inputs)) with respect to the inputs, differentiable itself."""
    return _gradient(lambda inputs: (function(inputs).sum(), None), keras.ops.convert_to_tensor(inputs))[0]


def compiled(function, specs, network):
    """A function of arrays, which uses a network, compiled once for each size; as in `tensorflow.py`."""

    @jax.jit
    def fast(values, *arrays):
        # As arguments: what a compiled function finds by itself it keeps for ever.
        with keras.StatelessScope(list(zip(network.variables, values))):
            return function(*arrays)

    def with_its_weights(*arrays):
        values = [variable.value for variable in network.variables]
        given = [keras.ops.convert_to_tensor(array, dtype) for array, (_, dtype) in zip(arrays, specs)]
        return np.asarray(fast(values, *given))

    return with_its_weights


def device():
    """The name of the device that everything is on."""
    return jax.devices()[0].device_kind


def batches_of(feed, first_step=None):
    """A `Feed` as `fit` takes it."""
    # Processors have no memory of their own to tell of.
    memory = jax.devices()[0].memory_stats() or {}
    free = memory.get("bytes_limit", 0) - memory.get("bytes_in_use", 0)
    hold(feed, free // 4)
    return Batches(feed, first_step)


def local_value(variable):
    """A variable as NumPy."""
    return np.asarray(variable.value)


def sync_variables(model):
    """Gives the model's variables the values that a running `fit` has for them."""
    model.jax_state_sync()


def update(pairs, function):
    """Assigns function(target, source) to the target of every (target, source) pair of variables."""
    for target, source in pairs:
        target.assign(function(target.value, source.value))


def move(pairs, share):
    """Moves the target of every (target, source) pair of variables towards its source, by a share of the way."""
    update(pairs, lambda target, source: target + share * (source - target))


def seed_values(key):
    """Two integers as the key that Keras' stateless draws take."""
    return keras.ops.cast(in_tensor(key), "uint32")
