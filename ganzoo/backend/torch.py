"""What the training step needs of PyTorch and no other part of the package may ask for."""

import keras
import numpy as np
import torch

from ganzoo.backend.common import (  # noqa: F401
    ALWAYS_COMPILED,
    Batches,
    adam,
    hold,
    is_own,
    leaky_relu,
    logged,
    mean_over_replicas,
    replica_count,
    share_of_replica,
    share_statistics,
    sync_variables,
    test_step,
    train_step,
    training_data,
)
from ganzoo.backend.torch_kernels import batch_normalized, convolved, prelu, transposed_convolved  # noqa: F401

if torch.cuda.is_available():
    # As the other back ends: float32 in TensorFloat-32 where the GPU has it.
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.allow_tf32 = True

# The one that Keras has for PyTorch, which changes all weights at once; a subclass of the general one would not.
KerasAdam = type(keras.optimizers.Adam())

# Where no gradient is wanted.
no_gradients = torch.no_grad


def unsupported(precision, steps_per_execution, jit_compile):
    """What this back end cannot do of these settings, in words, or None."""
    if jit_compile:
        return "jit_compile: torch.compile does not take a training step of two players"
    if steps_per_execution > 1:
        return f"steps_per_execution={steps_per_execution}: PyTorch takes one step at a time"
    return None


def minimize(loss_function, optimizer, variables, recorded):
    """One optimizer step on the loss's gradient with respect to `variables`; returns the loss."""
    values = [variable.value for variable in variables]
    loss = loss_function()
    share = optimizer.scale_loss(loss.float())
    gradients = torch.autograd.grad(share, values, allow_unused=True)
    with torch.no_grad():
        optimizer.apply(gradients, variables)
    recorded.update({name: value.detach() for name, value in recorded.items() if torch.is_tensor(value)})
    return loss.detach()


def with_dependency(data, value):
    """The value, known only once the data is there; of a counter its number: read once, as reading waits for all that
    the device has yet to do."""
    return int(value.value) if isinstance(value, keras.Variable) else value


def input_gradient(function, inputs):
    """The gradient of sum(function(inputs)) with respect to the inputs, differentiable itself."""
    # Also within evaluate(), where nothing else needs gradients.
    with torch.enable_grad():
        inputs = keras.ops.convert_to_tensor(inputs)
        if not inputs.requires_grad:
            inputs = inputs.detach().requires_grad_()
        return torch.autograd.grad(function(inputs).sum(), inputs, create_graph=True)[0]


def compiled(function, specs, network):
    """A function of arrays without gradients; as in `tensorflow.py`."""

    def without_gradients(*arrays):
        given = [keras.ops.convert_to_tensor(array, dtype) for array, (_, dtype) in zip(arrays, specs)]
        with torch.no_grad():
            return keras.ops.convert_to_numpy(function(*given))

    return without_gradients


def device():
    """The name of the device that everything is on."""
    name = keras.src.backend.torch.core.get_device()
    return torch.cuda.get_device_name() if name.startswith("cuda") else name.upper()


def batches_of(feed, first_step=None):
    """A `Feed` as `fit` takes it."""
    free = torch.cuda.mem_get_info()[0] if torch.cuda.is_available() else 0
    hold(feed, free // 4)
    return Batches(feed, first_step)


def local_value(variable):
    """A variable as NumPy."""
    return keras.ops.convert_to_numpy(variable.value)


def update(pairs, function):
    """Assigns function(target, source) to the target of every (target, source) pair of variables."""
    with torch.no_grad():
        for target, source in pairs:
            target.assign(function(target.value, source.value))


def move(pairs, share):
    """Moves the target of every (target, source) pair of variables towards its source, by a share of the way."""
    with torch.no_grad():
        targets = [target.value for target, _ in pairs]
        ways = torch._foreach_sub([source.value for _, source in pairs], targets)
        torch._foreach_mul_(ways, share)
        torch._foreach_add_(targets, ways)


def seed_values(key):
    """Two integers as the pair that Keras takes as a seed; here it adds them, which would make neighbors alike."""
    numbers = [number % 2**32 for number in (key if isinstance(key, tuple) else key.tolist())]
    return torch.tensor([int(np.random.SeedSequence(numbers).generate_state(1)[0]), 0], device="cpu")
