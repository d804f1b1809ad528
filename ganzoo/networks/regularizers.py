"""Regularizers: each rebuilds a network with layers from `ganzoo.layers` in it.

They work on any functional network and are chosen in a model's YAML:

    arguments:
      discriminator_regularizers: [spectral_normalization, {name: minibatch_discrimination, kernels: 32}]
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras

from ganzoo.arguments import AtLeastOne, parameters_of, validated_arguments
from ganzoo.errors import GanzooError, unknown
from ganzoo.layers import (
    DropReference,
    MinibatchDiscrimination,
    ReferenceBatch,
    SpectralNormalization,
    VirtualBatchNormalization,
)
from ganzoo.types import Tensor


def regularized(
    network: keras.Model | Callable[[], keras.Model], regularizers: Sequence[Any], where: str = "regularizers"
) -> keras.Model:
    """Rebuilds a network with each regularizer in turn, with fresh weights; without regularizers, returns it as is.

    Args:
        network: functional Keras model, or a function that makes one.
        regularizers: names, or mappings {"name": ..., argument: value}.
        where: their origin, for error messages.

    Raises:
        GanzooError: an unknown regularizer or argument, a duplicate, or a network that it does not apply to.

    Example:
        from ganzoo.networks.regularizers import regularized

        inputs = keras.Input((8,))
        network = keras.Model(inputs, keras.layers.Dense(1, name="logit")(inputs))
        network = regularized(network, ["spectral_normalization", {"name": "minibatch_discrimination", "kernels": 4}])
    """
    network = network if isinstance(network, keras.Model) else network()
    seen = set()
    for regularizer in regularizers:
        arguments = dict(regularizer) if isinstance(regularizer, dict) else {"name": regularizer}
        name = arguments.pop("name", None)
        if not isinstance(name, str) or name not in _REGULARIZERS:
            raise unknown("regularizer", name, _REGULARIZERS, where)
        if name in seen:
            raise GanzooError(f"{where}: '{name}' appears twice")
        seen.add(name)
        function = _REGULARIZERS[name]
        given = validated_arguments(parameters_of(function), arguments, f"{where}, {name}", given=["network"])
        network = function(network, **given)
    return network


def spectral_normalization(network: keras.Model, iterations: AtLeastOne = 1) -> keras.Model:
    """Divides every kernel by its largest singular value; see `ganzoo.layers.SpectralNormalization`."""

    def clone(layer):
        copy = _copied(layer)
        has_kernel = any(variable.name in ("kernel", "embeddings") for variable in getattr(layer, "weights", ()))
        return SpectralNormalization(copy, iterations, name=layer.name, dtype=copy.dtype_policy) if has_kernel else copy

    return keras.models.clone_model(network, clone_function=clone)


def minibatch_discrimination(network: keras.Model, kernels: AtLeastOne = 32, dimensions: AtLeastOne = 8) -> keras.Model:
    """Appends the similarity of the batch's examples to the features that go into the layer "logit"; see
    `ganzoo.layers.MinibatchDiscrimination`."""
    if not any(layer.name == "logit" for layer in network.layers):
        raise GanzooError("minibatch_discrimination needs a discriminator whose last layer is a Dense named 'logit'")

    def call(layer, features, *arguments, **options):
        if layer.name == "logit":
            features = MinibatchDiscrimination(kernels, dimensions, name="minibatch_discrimination")(features)
        return layer(features, *arguments, **options)

    return keras.models.clone_model(network, clone_function=_copied, call_function=call)


def virtual_batch_normalization(network: keras.Model, size: AtLeastOne = 64) -> keras.Model:
    """Replaces every batch norm by a virtual one with a reference batch of `size` examples; see
    `ganzoo.layers.VirtualBatchNormalization`."""
    if not any(isinstance(layer, keras.layers.BatchNormalization) for layer in network.layers):
        raise GanzooError("virtual_batch_normalization replaces batch norm, but this network has none")

    def clone(layer):
        if not isinstance(layer, keras.layers.BatchNormalization):
            return _copied(layer)
        return VirtualBatchNormalization(size, layer.epsilon, layer.gamma_initializer, name=layer.name)

    inputs = {layer.name for layer in network.layers if isinstance(layer, keras.layers.InputLayer)}
    with_reference: dict[int, Any] = {}

    def referenced(tensor):
        history = getattr(tensor, "_keras_history", None)
        if history is None or history.operation.name not in inputs:
            return tensor
        if id(tensor) not in with_reference:
            name, whole = f"{history.operation.name}_reference", "int" in tensor.dtype
            with_reference[id(tensor)] = ReferenceBatch(size, whole, name=name, dtype=tensor.dtype)(tensor)
        return with_reference[id(tensor)]

    def call(layer, *arguments, mask=None, **options):  # no network here uses batch norm's `mask`
        return layer(*keras.tree.map_structure(referenced, arguments), **options)

    rebuilt = keras.models.clone_model(network, clone_function=clone, call_function=call)
    return keras.Model(
        rebuilt.input, DropReference(size, name="drop_reference", dtype="float32")(rebuilt.output), name=network.name
    )


_REGULARIZERS = {
    function.__name__: function
    for function in (spectral_normalization, minibatch_discrimination, virtual_batch_normalization)
}


def reference_batches(network: keras.Model) -> list[tuple[int, ReferenceBatch]]:
    """[(index of the network's input, its `ReferenceBatch`)]; empty without virtual batch normalization."""
    names = [tensor._keras_history.operation.name for tensor in network.inputs]
    return [
        (names.index(layer.name.removesuffix("_reference")), layer)
        for layer in network.layers
        if isinstance(layer, ReferenceBatch)
    ]


def synchronize_batch_norm(network: keras.Model, on: bool = True) -> None:
    """Sets whether every batch norm of a network, and of networks within it, averages over all devices."""
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = on
        elif isinstance(layer, keras.Model):
            synchronize_batch_norm(layer, on)


def features_of(network: keras.Model) -> Tensor:
    """A discriminator's features, (batch, length): the input of its layer "logit", or an autoencoder's "code".

    Raises:
        GanzooError: the network has neither layer.
    """
    for layer in network.layers:
        if layer.name == "code":
            return layer.output
        if layer.name == "logit":
            reference = reference_batches(network)
            # Named: a network takes no two layers of one name, and the one at its end has the default name.
            name = "drop_reference_of_features"
            return DropReference(reference[0][1].size, name=name)(layer.input) if reference else layer.input
    raise GanzooError(
        "feature matching needs a discriminator whose last layer is a Dense named 'logit', or an autoencoder"
    )


def _copied(layer: keras.layers.Layer) -> keras.layers.Layer:
    return layer.__class__.from_config(layer.get_config())
