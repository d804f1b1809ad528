"""What the training step needs of TensorFlow and no other part of the package may ask for:
gradients, and the places where replicas of a `tf.distribute` strategy must be told apart."""

import contextlib

import numpy as np
import tensorflow as tf

from ganzoo.backend.common import (  # noqa: F401
    ALWAYS_COMPILED,
    KerasAdam,
    in_tensor,
    prelu,
    sync_variables,
    test_step,
    train_step,
)
from ganzoo.backend.tensorflow_kernels import (  # noqa: F401
    adam,
    batch_normalized,
    convolved,
    leaky_relu,
    transposed_convolved,
)
from ganzoo.errors import GanzooError

# Where no gradient is wanted; here a tape says where one is.
no_gradients = contextlib.nullcontext


def unsupported(precision, steps_per_execution, jit_compile):
    """What this back end cannot do of these settings, in words, or None."""
    if replica_count() > 1 and (steps_per_execution > 1 or jit_compile):
        which = "jit_compile" if jit_compile else "steps_per_execution"
        return f"{which} is for one device: Keras does not share such steps"
    return None


def minimize(loss_function, optimizer, variables, recorded):
    """One optimizer step on the loss's gradient with respect to `variables`; returns the loss.

    `recorded` is the dictionary into which the loss writes what it finds out; here it needs no looking after.

    The optimizer sums gradients over replicas, so the mean over the global batch needs the loss
    of each replica divided by their number: here, for every loss of the package.
    """
    values = [variable.value for variable in variables]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(values)
        loss = loss_function()
        share = optimizer.scale_loss(tf.cast(loss, "float32") / replica_count())
    gradients = _clipped_together(tape.gradient(share, values), optimizer)
    # An optimizer counts its steps whether or not there is a gradient to take them by: see `with_dependency`.
    with tf.control_dependencies([loss]):
        optimizer.apply(gradients, variables)
    return loss


def _clipped_together(gradients, optimizer):
    """Gradients that an optimizer clips, clipped as the sum over replicas: Keras would clip each replica's part."""
    rules = [getattr(optimizer, name, None) for name in ("clipnorm", "global_clipnorm", "clipvalue")]
    if replica_count() == 1 or not any(rules):
        return gradients
    context = tf.distribute.get_replica_context()
    there = [i for i, gradient in enumerate(gradients) if gradient is not None]
    sums = context.all_reduce("sum", [gradients[i] for i in there])
    clipnorm, global_clipnorm, clipvalue = rules
    if clipnorm:
        sums = [tf.clip_by_norm(gradient, clipnorm) for gradient in sums]
    elif global_clipnorm:
        sums = tf.clip_by_global_norm(sums, global_clipnorm)[0]
    else:
        sums = [tf.clip_by_value(gradient, -clipvalue, clipvalue) for gradient in sums]
    shared = dict(zip(there, sums))
    # The optimizer sums over replicas once more.
    return [shared[i] / replica_count() if i in shared else None for i in range(len(gradients))]


def input_gradient(function, inputs):
    """The gradient of sum(function(inputs)) with respect to the inputs, differentiable itself."""
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = function(inputs)
    return tape.gradient(outputs, inputs)


def seed_values(key):
    """Two integers as the pair that Keras' stateless draws take."""
    return tf.cast(in_tensor(key), "int64")


def compiled(function, specs, network):
    """A function of arrays, which uses a network, as one graph.

    Args:
        specs: (shape, dtype) of each array; sizes that are None may differ from call to call.
    """
    # Traced here: TensorFlow warns of many first calls of functions that are made in one place, of several models say.
    graph = tf.function(function).get_concrete_function(*(tf.TensorSpec(*spec) for spec in specs))
    types = [dtype for _, dtype in specs]
    return lambda *arrays: graph(*map(tf.convert_to_tensor, arrays, types)).numpy()


def device():
    """The name of the device that everything is on without a strategy."""
    return "GPU:0" if tf.config.list_logical_devices("GPU") else "CPU:0"


def replica_count():
    return tf.distribute.get_strategy().num_replicas_in_sync


def replica_id():
    """This replica's number as an int32 scalar; 0 outside a strategy."""
    context = tf.distribute.get_replica_context()
    return tf.cast(context.replica_id_in_sync_group, "int32") if replica_count() > 1 and context else 0


def mean_over_replicas(value):
    """The mean of a replica's tensor over all replicas, the same on each."""
    context = tf.distribute.get_replica_context()
    return context.all_reduce("mean", value) if replica_count() > 1 and context else value


def share_of_replica(draw, shape):
    """This replica's rows of what `draw(shape)` gives for the whole batch, so that the numbers are those of one device.

    Args:
        draw: function from a shape to numbers.
        shape: of this replica's part; the rows of all replicas are as many.
    """
    if replica_count() == 1:
        return draw(shape)
    rows = shape[0]
    first = replica_id() * rows
    return draw((rows * replica_count(), *shape[1:]))[first : first + rows]


def share_statistics(variables):
    """Gives every replica the mean of all replicas' values: of what layers keep beside their weights."""
    if replica_count() == 1 or not variables:
        return
    values = [variable.value for variable in variables]
    flat = tf.concat([tf.reshape(tf.cast(value, "float32"), [-1]) for value in values], axis=0)
    means = tf.split(mean_over_replicas(flat), [int(np.prod(value.shape)) for value in values])
    for value, mean in zip(values, means):
        value.assign(tf.cast(tf.reshape(mean, value.shape), value.dtype))


def local_value(variable):
    """A variable as NumPy, as this process knows it: asking the other workers for theirs would need them to ask too."""
    parts = getattr(variable.value, "values", (variable.value,))
    return sum(part.numpy() for part in parts) if variable.aggregation == "sum" else parts[0].numpy()


def logged(values):
    """{name: scalar} as `fit` reduces it over replicas."""
    several = replica_count() > 1
    if several and isinstance(tf.distribute.get_strategy(), tf.distribute.MultiWorkerMirroredStrategy):
        # Keras takes the mean over a first axis there, and a scalar has none.
        return {name: tf.reshape(value, [1]) for name, value in values.items()}
    return values


def with_dependency(data, value):
    """The value, known only once the data is there.

    The generator's step needs no number of the batch; at the end of a data set of unknown length TensorFlow would
    take parts of it once more while it finds that there is no batch. What such a step begins from goes through here,
    and not the whole step: operations that wait for others are not fused.
    """
    with tf.control_dependencies([tensor for tensor in tf.nest.flatten(data) if tf.is_tensor(tensor)]):
        return tf.identity(value)


def update(pairs, function):
    """Assigns function(target, source) to the target of every (target, source) pair of variables.

    Replicas update their own copies from their own sources, which are equal on all of them: a
    plain assignment within a replica would demand an aggregation that these variables have not.
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


def move(pairs, share):
    """Moves the target of every (target, source) pair of variables towards its source, by a share of the way."""
    update(pairs, lambda target, source: target + share * (source - target))


def batches_of(feed, first_step=None):
    """A `Feed` as a `tf.data.Dataset`; see `Feed.dataset`."""
    nested = isinstance(feed.spec, list)
    specs = feed.spec if nested else [feed.spec]
    epochs_begun = iter(range(2**31))

    def order():
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


def is_own(data):
    """Whether data is a data set of `ganzoo.data` as it was made."""
    return getattr(data, "made_by_ganzoo", False)


def training_data(dataset, count, replicas=1):
    """A tf.data set as `fit` reads it; anything else as it is.

    Each of its batches holds `count` consecutive batches of the given one; what `replicas` cannot share evenly, the
    last batch of an epoch say, is left out. Automatic tuning is off unless the data set's options ask for it: at the
    end of an epoch the tuner's thread is waited for, and it looks up only after 10 ms, 20, 40 and so on, in all up to
    twice the time that the epoch took (10 ms * (2**n - 1); seen in TensorFlow 2.21, in a fit of any Keras model). Maps
    with num_parallel_calls=AUTOTUNE still run in parallel.
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
        # Each worker takes its part of every batch; it would look for files to share first, and warn.
        options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return dataset.with_options(options)


def regroup(dataset, count):
    """Each batch holds `count` consecutive batches of the data set."""
    fixed = tf.nest.flatten(dataset.element_spec)[0].shape[0]
    size = fixed or next((int(tf.shape(tf.nest.flatten(batch)[0])[0]) for batch in dataset), 0)
    if not size:
        raise GanzooError("the data set is empty")
    # How many groups there are is known only where no batch can be an incomplete one.
    groups = int(dataset.cardinality()) // count if fixed else -1
    if groups == 0:
        raise GanzooError(f"the batches of an epoch are too few for discriminator_steps={count}")
    dataset = dataset.unbatch().batch(count * size, drop_remainder=True)
    if groups > 0:
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(groups))
    return dataset.prefetch(tf.data.AUTOTUNE)
