"""The backend PyTorch."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import torch

from ganzoo.backend.common import (  # noqa: F401
    ALWAYS_COMPILED,
    Batches,
    adam,
    free_gradients,
    from_all_replicas,
    hold,
    is_own,
    leaky_relu,
    logged,
    mean_over_replicas,
    never_empty,
    own_rows,
    repeated,
    replica_count,
    share_of_replica,
    share_statistics,
    sync_variables,
    test_step,
    train_step,
    training_data,
    weight_of,
    without_gradient,
)
from ganzoo.backend.torch_kernels import (  # noqa: F401
    batch_normalized,
    convolved,
    normalized,
    prelu,
    transposed_convolved,
)
from ganzoo.types import Tensor

if TYPE_CHECKING:
    from ganzoo.data.feed import Feed

if torch.cuda.is_available():
    # As on the other backends: TensorFloat-32 if the GPU has it.
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.allow_tf32 = True

# Keras' subclass for PyTorch, which updates all weights at once.
KerasAdam = type(keras.optimizers.Adam())

# A context without gradients.
no_gradients = torch.no_grad


def unsupported(precision: str, steps_per_execution: int, jit_compile: bool) -> str | None:
    """Why this backend does not support these settings, or None."""
    if jit_compile:
        return "jit_compile: torch.compile does not support a training step of two networks"
    if steps_per_execution > 1:
        return f"steps_per_execution={steps_per_execution}: PyTorch runs one step at a time"
    return None


def minimize(
    loss_function: Callable[[], Tensor],
    optimizer: Any,
    variables: Sequence[keras.Variable],
    recorded: dict[str, Any],
    name: str = "loss",
) -> Tensor:
    """One optimizer step on the gradient of a loss with respect to `variables`; returns the loss."""
    values = [variable.value for variable in variables]
    loss = loss_function()
    if values and not loss.requires_grad:
        raise without_gradient(name)
    share = optimizer.scale_loss(loss.float())
    gradients = torch.autograd.grad(share, values, allow_unused=True)
    if values and all(gradient is None for gradient in gradients):
        raise without_gradient(name)
    with torch.no_grad():
        optimizer.apply(gradients, variables)
    recorded.update({name: value.detach() for name, value in recorded.items() if torch.is_tensor(value)})
    return loss.detach()


def with_dependency(data: Any, value: Any) -> Any:
    """The value; that of a variable, a counter, as an int: reading it waits for the device, so it is read once."""
    return int(value.value) if isinstance(value, keras.Variable) else value


def input_gradient(function: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    """The gradient of sum(function(inputs)) with respect to the inputs, itself differentiable."""
    # Also within evaluate(), which turns gradients off.
    with torch.enable_grad():
        inputs = keras.ops.convert_to_tensor(inputs)
        if not inputs.requires_grad:
            inputs = inputs.detach().requires_grad_()
        return torch.autograd.grad(function(inputs).sum(), inputs, create_graph=True)[0]


def compiled(function: Callable, specs: Sequence[tuple[Any, str]], network: keras.Model) -> Callable[..., np.ndarray]:
    """A function of arrays without gradients; as in `tensorflow.py`."""

    def without_gradients(*arrays):
        given = [keras.ops.convert_to_tensor(array, dtype) for array, (_, dtype) in zip(arrays, specs)]
        with torch.no_grad():
            return keras.ops.convert_to_numpy(function(*given))

    return without_gradients


def device() -> str:
    """The name of the device in use."""
    name = keras.src.backend.torch.core.get_device()
    return torch.cuda.get_device_name() if name.startswith("cuda") else name.upper()


def batches_of(feed: "Feed", first_step: int | None = None) -> Batches:
    """A `Feed` as a dataset for `fit`."""
    free = torch.cuda.mem_get_info()[0] if torch.cuda.is_available() else 0
    hold(feed, free // 4)
    return Batches(feed, first_step)


def local_value(variable: keras.Variable) -> np.ndarray:
    """The value of a variable."""
    return keras.ops.convert_to_numpy(variable.value)


def update(pairs: Sequence[tuple[Any, Any]], function: Callable) -> None:
    """Assigns function(target, source) to the target of every (target, source) pair of variables."""
    with torch.no_grad():
        for target, source in pairs:
            target.assign(function(target.value, source.value))


def move(pairs: Sequence[tuple[Any, Any]], share: Any) -> None:
    """target += share * (source - target) for every (target, source) pair of variables."""
    with torch.no_grad():
        targets = [target.value for target, _ in pairs]
        differences = torch._foreach_sub([source.value for _, source in pairs], targets)
        torch._foreach_mul_(differences, share)
        torch._foreach_add_(targets, differences)


def seed_values(key: Any) -> Tensor:
    """Two integers as a seed for the functions of `keras.random`. They are hashed, since Keras adds the two numbers of
    a seed on this backend."""
    numbers = [number % 2**32 for number in (key if isinstance(key, tuple) else key.tolist())]
    return torch.tensor([int(np.random.SeedSequence(numbers).generate_state(1)[0]), 0], device="cpu")
