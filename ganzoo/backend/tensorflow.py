"""The backend TensorFlow: gradients, datasets, and the replicas of a `tf.distribute` strategy."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from ganzoo.backend.common import (  # noqa: F401
    ALWAYS_COMPILED,
    KerasAdam,
    in_tensor,
    sync_variables,
    test_step,
    train_step,
    without_gradient,
)
from ganzoo.backend.tensorflow_convolutions import convolved, transposed_convolved  # noqa: F401
from ganzoo.backend.tensorflow_gradients import free_gradients  # noqa: F401
from ganzoo.backend.tensorflow_kernels import adam, batch_normalized, leaky_relu, normalized, prelu  # noqa: F401
from ganzoo.errors import GanzooError
from ganzoo.types import Tensor

if TYPE_CHECKING:
    from ganzoo.data.feed import Feed

# A context without gradients; TensorFlow computes gradients only within a tape.
no_gradients = contextlib.nullcontext


def unsupported(precision: str, steps_per_execution: int, jit_compile: bool) -> str | None:
    """Why this backend does not support these settings, or None."""
    if replica_count() > 1 and (steps_per_execution > 1 or jit_compile):
        which = "jit_compile" if jit_compile else "steps_per_execution"
        return f"{which} is for one device: Keras does not distribute such steps"
    return None


def minimize(
    loss_function: Callable[[], Tensor],
    optimizer: Any,
    variables: Sequence[keras.Variable],
    recorded: dict[str, Any],
    name: str = "loss",
) -> Tensor:
    """One optimizer step on the gradient of a loss with respect to `variables`; returns the loss.

    `recorded` is the dictionary to which the loss function writes its metrics; unused on this backend. `name` is that
    of the objective, for the error if the loss depends on none of the variables.

    The optimizer sums gradients over replicas, so for the mean over the global batch each replica's loss is divided by
    their number: here, for every loss of the package.
    """
    values = [variable.value for variable in variables]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(values)
        loss = loss_function()
        share = optimizer.scale_loss(tf.cast(loss, "float32") / replica_count())
    gradients = tape.gradient(share, values)
    if values and all(gradient is None for gradient in gradients):
        raise without_gradient(name)
    gradients = _clipped_together(gradients, optimizer)
    # Otherwise the optimizer would count a step without a batch: see `with_dependency`.
    with tf.control_dependencies([loss]):
        optimizer.apply(gradients, variables)
    return loss


def _clipped_together(gradients: list[Any], optimizer: Any) -> list[Any]:
    """Applies an optimizer's gradient clipping to the sum over replicas; Keras would clip each replica's gradients."""
    rules: list[Any] = [getattr(optimizer, name, None) for name in ("clipnorm", "global_clipnorm", "clipvalue")]
    if replica_count() == 1 or not any(rules):
        return gradients
    context = tf.distribute.get_replica_context()
    indices = [i for i, gradient in enumerate(gradients) if gradient is not None]
    # Dense: the gradient of an embedding is `tf.IndexedSlices`, which neither divide nor clip as sums over replicas.
    sums = context.all_reduce("sum", [tf.convert_to_tensor(gradients[i]) for i in indices])
    clipnorm, global_clipnorm, clipvalue = rules
    if clipnorm:
        sums = [tf.clip_by_norm(gradient, clipnorm) for gradient in sums]
    elif global_clipnorm:
        sums = tf.clip_by_global_norm(sums, global_clipnorm)[0]
    else:
        sums = [tf.clip_by_value(gradient, -clipvalue, clipvalue) for gradient in sums]
    shared = dict(zip(indices, sums))
    # The optimizer sums over replicas again.
    return [shared[i] / replica_count() if i in shared else None for i in range(len(gradients))]


def input_gradient(function: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    """The gradient of sum(function(inputs)) with respect to the inputs, itself differentiable."""
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = function(inputs)
    return tape.gradient(outputs, inputs)


def seed_values(key: Any) -> Tensor:
    """Two integers as a seed for the functions of `keras.random`."""
    return tf.cast(in_tensor(key), "int64")


def compiled(function: Callable, specs: Sequence[tuple[Any, str]], network: keras.Model) -> Callable[..., np.ndarray]:
    """A function of arrays that uses a network, compiled to a graph.

    Args:
        function: function of tensors.
        specs: (shape, dtype) of each array; sizes that are None may differ between calls.
        network: the network; unused on this backend.
    """
    # Traced now: TensorFlow warns about repeated tracing if functions made here are first called later.
    graph = tf.function(function).get_concrete_function(*(tf.TensorSpec(*spec) for spec in specs))
    types = [dtype for _, dtype in specs]
    return lambda *arrays: graph(*map(tf.convert_to_tensor, arrays, types)).numpy()


def repeated(model: Any, batch_of: Callable[[Tensor], Any]) -> Callable[[int], None]:
    """A function that takes a number of training steps in one call, as a loop inside a graph; on one device.

    Args:
        model: a compiled `ZooModel`.
        batch_of: function from a step to its batch.
    """

    @tf.function(autograph=False)
    def run(count):
        def body(i):
            model.training_step(batch_of(model.step.value))
            with tf.control_dependencies([model.step.value]):
                return i + 1

        tf.while_loop(lambda i: i < count, body, [0], parallel_iterations=1)

    # Traced now: see `compiled`.
    graph = run.get_concrete_function(tf.TensorSpec((), "int32"))
    return lambda count: graph(tf.constant(count, "int32"))


def device() -> str:
    """The name of the device in use without a strategy."""
    return "GPU:0" if tf.config.list_logical_devices("GPU") else "CPU:0"


def replica_count() -> int:
    """Number of replicas of the current strategy."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def replica_id() -> Tensor:
    """Index of this replica, an int32 scalar; 0 outside a strategy."""
    context = tf.distribute.get_replica_context()
    return tf.cast(context.replica_id_in_sync_group, "int32") if replica_count() > 1 and context else 0


def mean_over_replicas(value: Tensor) -> Tensor:
    """The mean of a tensor over all replicas."""
    context = tf.distribute.get_replica_context()
    return context.all_reduce("mean", value) if replica_count() > 1 and context else value


def share_of_replica(sample: Callable[[Any], Tensor], shape: Any) -> Tensor:
    """This replica's rows of the random numbers that one device would sample for the whole batch.

    Args:
        sample: function from a shape to random numbers.
        shape: of this replica's part; all replicas have the same number of rows.
    """
    if replica_count() == 1:
        return sample(shape)
    rows = shape[0]
    first = replica_id() * rows
    return sample((rows * replica_count(), *shape[1:]))[first : first + rows]


def from_all_replicas(value: Tensor) -> Tensor:
    """The rows of a tensor of all replicas, in the order of the global batch."""
    context = tf.distribute.get_replica_context()
    return context.all_gather(value, axis=0) if replica_count() > 1 and context else value


def own_rows(value: Tensor, own: Tensor) -> Tensor:
    """This replica's rows of a tensor that `from_all_replicas` made of `own`, or that has the same rows."""
    if replica_count() == 1:
        return value
    rows = tf.shape(own)[0]
    return tf.ensure_shape(value[replica_id() * rows :][:rows], own.shape)


def share_statistics(variables: Sequence[keras.Variable]) -> None:
    """Averages variables, such as batch statistics, over replicas."""
    if replica_count() == 1 or not variables:
        return
    values = [variable.value for variable in variables]
    flat = tf.concat([tf.reshape(tf.cast(value, "float32"), [-1]) for value in values], axis=0)
    means = tf.split(mean_over_replicas(flat), [int(np.prod(value.shape)) for value in values])
    for value, mean in zip(values, means):
        value.assign(tf.cast(tf.reshape(mean, value.shape), value.dtype))


def local_value(variable: keras.Variable) -> np.ndarray:
    """The value of a variable in this process: reading it from all workers would require all of them to call this."""
    parts = getattr(variable.value, "values", (variable.value,))
    return sum(part.numpy() for part in parts) if variable.aggregation == "sum" else parts[0].numpy()


def logged(values: dict[str, Tensor]) -> dict[str, Tensor]:
    """Prepares {name: scalar} for the logs of `fit`, which reduces it over replicas."""
    several = replica_count() > 1
    if several and isinstance(tf.distribute.get_strategy(), tf.distribute.MultiWorkerMirroredStrategy):
        # Keras takes the mean over the first axis there.
        return {name: tf.reshape(value, [1]) for name, value in values.items()}
    return values


def with_dependency(data: Any, value: Any) -> Tensor:
    """The value, with a control dependency on the data.

    At the end of a dataset of unknown length, TensorFlow would run the operations of the step that do not depend on
    the batch once more while finding that there is none. So the values that a step starts from go through this
    function. A control dependency on the whole step would prevent the fusion of operations.
    """
    with tf.control_dependencies([tensor for tensor in tf.nest.flatten(data) if tf.is_tensor(tensor)]):
        return tf.identity(value)


def weight_of(data: Any, training: bool) -> Tensor:
    """The weight of what is recorded of a batch, which depends on the batch: see `with_dependency`.

    In `evaluate` it is the number of examples, so that a smaller last batch counts less, and a replica without examples
    not at all. In training it is 1, or 0 without examples: with other weights, the moving means of batch norm
    were wrong on several replicas (`tests/training/test_distribute.py`, TensorFlow 2.21).
    """
    tensors = [tensor for tensor in tf.nest.flatten(data) if tf.is_tensor(tensor) and tensor.shape.rank != 0]
    most = 1 if training else tf.int32.max
    rows = tensors[0].shape[0] if tensors else 1
    if rows:
        return with_dependency(data, float(min(rows, most)))
    return with_dependency(data, tf.cast(tf.minimum(tf.shape(tensors[0])[0], most), "float32"))


def never_empty(data: Any) -> Any:
    """The batch; zeros in place of one without examples, which a replica may get: oneDNN's convolutions refuse it."""
    rows = [tensor.shape[0] for tensor in tf.nest.flatten(data) if tf.is_tensor(tensor)]
    if replica_count() == 1 or not rows or rows[0]:
        return data

    def filled(tensor):
        missing = tf.cast(tf.equal(tf.shape(tensor)[0], 0), "int32")
        return tf.concat([tensor, tf.zeros((missing, *tensor.shape[1:]), tensor.dtype)], axis=0)

    return tf.nest.map_structure(filled, data)


def update(pairs: Sequence[tuple[Any, Any]], function: Callable) -> None:
    """Assigns function(target, source) to the target of every (target, source) pair of variables.

    Each replica updates its own copy from its own source, which is the same on all replicas: a plain assignment would
    require an aggregation, which these variables do not have.
    """

    def update_all(strategy, pairs):
        for target, source in pairs:
            strategy.extended.update(target, lambda t, s: t.assign(function(t, s)), args=(source,), group=False)

    pairs = [(target.value, source.value) for target, source in pairs]
    context = tf.distribute.get_replica_context()
    if context is None or replica_count() == 1:
        update_all(tf.distribute.get_strategy(), pairs)
    else:
        context.merge_call(update_all, args=(pairs,))


def move(pairs: Sequence[tuple[Any, Any]], share: Any) -> None:
    """target += share * (source - target) for every (target, source) pair of variables."""
    update(pairs, lambda target, source: target + share * (source - target))


def batches_of(feed: "Feed", first_step: int | None = None) -> Any:
    """A `Feed` as a `tf.data.Dataset`; see `Feed.dataset`."""
    nested = isinstance(feed.spec, list)
    specs = feed.spec if nested else [feed.spec]
    epochs_begun = iter(range(2**31))

    def order() -> Iterator[Any]:
        if first_step is not None:
            yield from feed.order(first_step)
        start = next(epochs_begun) * feed.batches_per_epoch
        for place, _ in zip(feed.order(start), range(feed.batches_per_epoch)):
            yield place

    def tensors(step, indices):
        types = [dtype for _, dtype in specs]
        arrays = tf.numpy_function(feed.make_batch, [step, indices], types if nested else types[0], stateful=False)
        arrays = arrays if nested else [arrays]
        shaped = [tf.ensure_shape(a, (feed.batch_size, *shape)) for a, (shape, _) in zip(arrays, specs)]
        return tuple(shaped) if nested else shaped[0]

    signature = (tf.TensorSpec((), "int64"), tf.TensorSpec((feed.batch_size,), "int64"))
    dataset = tf.data.Dataset.from_generator(order, output_signature=signature)
    dataset = dataset.map(tensors, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    cardinality = feed.batches_per_epoch if first_step is None else tf.data.INFINITE_CARDINALITY
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(cardinality)).prefetch(tf.data.AUTOTUNE)
    dataset.made_by_ganzoo = True
    return dataset


def is_own(data: Any) -> bool:
    """Whether data is an unmodified dataset of `ganzoo.data`."""
    return getattr(data, "made_by_ganzoo", False)


def training_data(dataset: Any, count: int, replicas: int = 1) -> Any:
    """The `tf.data.Dataset` that `fit` reads; anything else is returned as is.

    Each of its batches joins `count` consecutive batches of the given one. Batches that `replicas` cannot share evenly,
    such as the last one of an epoch, are left out.

    Autotuning is off unless the dataset's options turn it on: at the end of an epoch TensorFlow waits for the tuner's
    thread, which sleeps for 10 ms, 20 ms, 40 ms and so on, in all up to twice the duration of the epoch (seen in
    TensorFlow 2.21, in `fit` of any Keras model). Maps with num_parallel_calls=AUTOTUNE still run in parallel.
    """
    if not isinstance(dataset, tf.data.Dataset):
        return dataset
    if count > 1:
        dataset = regroup(dataset, count)
    if replicas > 1:
        rows = tf.nest.flatten(dataset.element_spec)[0].shape[0]
        if rows is not None and rows % replicas:
            raise GanzooError(f"{replicas} devices cannot share batches of {rows} evenly")
        if rows is None:
            dataset = dataset.filter(lambda *batch: tf.equal(tf.shape(tf.nest.flatten(batch)[0])[0] % replicas, 0))
    options = tf.data.Options()
    if dataset.options().autotune.enabled is None:
        options.autotune.enabled = False
    if dataset.options().experimental_distribute.auto_shard_policy == tf.data.experimental.AutoShardPolicy.AUTO:
        # Each worker takes its part of every batch; the default would look for files to shard first, and warn.
        options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return dataset.with_options(options)


def regroup(dataset: Any, count: int) -> Any:
    """Joins every `count` consecutive batches of a dataset."""
    fixed = tf.nest.flatten(dataset.element_spec)[0].shape[0]
    size = fixed or next((int(tf.shape(tf.nest.flatten(batch)[0])[0]) for batch in dataset), 0)
    if not size:
        raise GanzooError("the dataset is empty")
    # The number of groups is known only if all batches are complete.
    groups = int(dataset.cardinality()) // count if fixed else -1
    if groups == 0:
        raise GanzooError(f"the batches of an epoch are too few for discriminator_steps={count}")
    dataset = dataset.unbatch().batch(count * size, drop_remainder=True)
    if groups > 0:
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(groups))
    return dataset.prefetch(tf.data.AUTOTUNE)
