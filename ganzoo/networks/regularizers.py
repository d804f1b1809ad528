"""Cures for a network that trains badly: it is rebuilt, layer by layer, with pieces of `ganzoo.layers` in it.

Any functional network can take any of them, so that a model's YAML says

    arguments:
      discriminator_regularizers: [spectral_normalization, {name: minibatch_discrimination, kernels: 32}]
"""

import keras

from ganzoo.config import AtLeastOne, parameters_of, validated_arguments
from ganzoo.errors import GanzooError, unknown
from ganzoo.layers import (
    DropReference,
    MinibatchDiscrimination,
    ReferenceBatch,
    SpectralNormalization,
    VirtualBatchNormalization,
)


def regularized(network, regularizers, where="regularizers"):
    """The network rebuilt with each regularizer in turn and fresh weights; the network itself where there is none.

    Args:
        network: functional Keras model, or a function that makes one.
        regularizers: list of names, or of {"name": ..., argument: value}.
        where: names their origin in errors.

    Raises:
        GanzooError: an unknown regularizer or argument, one that is there twice, or a network that it does not fit.

    Example:
        discriminator = ganzoo.networks.regularizers.regularized(discriminator, ["spectral_normalization"])
    """
    network = network if isinstance(network, keras.Model) else network()
    seen = set()
    for regularizer in regularizers:
        arguments = dict(regularizer) if isinstance(regularizer, dict) else {"name": regularizer}
        name = arguments.pop("name", None)
        if not isinstance(name, str) or name not in _REGULARIZERS:
            raise unknown("regularizer", name, _REGULARIZERS, where)
        if name in seen:
            # Each rebuilds the network: a long list takes hours.
            raise GanzooError(f"{where}: '{name}' is there twice")
        seen.add(name)
        function = _REGULARIZERS[name]
        given = validated_arguments(parameters_of(function), arguments, f"{where}, {name}", given=["network"])
        network = function(network, **given)
    return network


def spectral_normalization(network, iterations: AtLeastOne = 1):
    """Every kernel divided by its largest singular value; see `ganzoo.layers.SpectralNormalization`."""

    def clone(layer):
        copy = _copied(layer)
        has_kernel = any(variable.name in ("kernel", "embeddings") for variable in getattr(layer, "weights", ()))
        return SpectralNormalization(copy, iterations, name=layer.name, dtype=copy.dtype_policy) if has_kernel else copy

    return keras.models.clone_model(network, clone_function=clone)


def minibatch_discrimination(network, kernels: AtLeastOne = 32, dimensions: AtLeastOne = 8):
    """How alike the batch's examples are, beside the features that go into the layer "logit"."""
    if not any(layer.name == "logit" for layer in network.layers):
        raise GanzooError("minibatch_discrimination needs a discriminator whose last layer is a Dense named 'logit'")

    def call(layer, features, *arguments, **options):
        if layer.name == "logit":
            features = MinibatchDiscrimination(kernels, dimensions, name="minibatch_discrimination")(features)
        return layer(features, *arguments, **options)

    return keras.models.clone_model(network, clone_function=_copied, call_function=call)


def virtual_batch_normalization(network, size: AtLeastOne = 64):
    """Virtual in the place of every batch norm, with a reference batch of `size` examples."""
    if not any(isinstance(layer, keras.layers.BatchNormalization) for layer in network.layers):
        raise GanzooError("virtual_batch_normalization takes the place of batch norm, which this network has not")

    def clone(layer):
        if not isinstance(layer, keras.layers.BatchNormalization):
            return _copied(layer)
        return VirtualBatchNormalization(size, layer.epsilon, layer.gamma_initializer, name=layer.name)

    inputs = {layer.name for layer in network.layers if isinstance(layer, keras.layers.InputLayer)}
    with_reference = {}

    def referenced(tensor):
        history = getattr(tensor, "_keras_history", None)
        if history is None or history.operation.name not in inputs:
            return tensor
        if id(tensor) not in with_reference:
            name, whole = f"{history.operation.name}_reference", "int" in tensor.dtype
            with_reference[id(tensor)] = ReferenceBatch(size, whole, name=name, dtype=tensor.dtype)(tensor)
        return with_reference[id(tensor)]

    def call(layer, *arguments, mask=None, **options):  # batch norm's own argument, which no network here gives
        return layer(*keras.tree.map_structure(referenced, arguments), **options)

    rebuilt = keras.models.clone_model(network, clone_function=clone, call_function=call)
    return keras.Model(
        rebuilt.input, DropReference(size, name="drop_reference", dtype="float32")(rebuilt.output), name=network.name
    )


_REGULARIZERS = {
    function.__name__: function
    for function in (spectral_normalization, minibatch_discrimination, virtual_batch_normalization)
}


def reference_batches(network):
    """[(which of the network's inputs, its `ReferenceBatch`)]; empty without virtual batch normalization."""
    names = [tensor._keras_history.operation.name for tensor in network.inputs]
    return [
        (names.index(layer.name.removesuffix("_reference")), layer)
        for layer in network.layers
        if isinstance(layer, ReferenceBatch)
    ]


def synchronize_batch_norm(network, on=True):
    """Whether every batch norm of a network, and of networks in it, takes its means over all devices."""
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = on
        elif isinstance(layer, keras.Model):
            synchronize_batch_norm(layer, on)


def features_of(network):
    """A discriminator's features, (batch, length): what goes into its layer "logit", or an auto-encoder's "code".

    Raises:
        GanzooError: neither layer.
    """
    for layer in network.layers:
        if layer.name == "code":
            return layer.output
        if layer.name == "logit":
            reference = reference_batches(network)
            return DropReference(reference[0][1].size)(layer.input) if reference else layer.input
    raise GanzooError(
        "matching of features needs a discriminator whose last layer is a Dense named 'logit', or that has a code"
    )


def _copied(layer):
    return layer.__class__.from_config(layer.get_config())
