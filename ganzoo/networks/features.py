"""The features of a trained discriminator, for other tasks."""

import math

import keras
from keras import layers

from ganzoo.layers import DropReference
from ganzoo.networks.regularizers import reference_batches

_GRID = 4


def feature_network(discriminator: keras.Model) -> keras.Model:
    """A network from the discriminator's inputs to features (batch, length).

    As in Radford et al. 2015 (arXiv:1511.06434, section 5.1): the outputs of all hidden layers, max-pooled to at most
    4x4 positions and concatenated.

    Example:
        from ganzoo.networks.features import feature_network

        network = feature_network(ganzoo.create("dcgan", image_shape=(28, 28, 1), width=8).discriminator)
        features = network(np.zeros((2, 28, 28, 1)))
    """
    reference = reference_batches(discriminator)
    parts = []
    for layer in discriminator.layers:
        if not any(variable.name == "kernel" for variable in getattr(layer, "weights", ())):
            continue
        x = layer.input
        if any(x is tensor for tensor in discriminator.inputs):
            continue
        if reference:
            x = DropReference(reference[0][1].size)(x)
        if len(x.shape) == 4:
            pool = [math.ceil(size / _GRID) for size in x.shape[1:3]]
            x = layers.Flatten()(layers.MaxPooling2D(pool, padding="same")(x))
        parts.append(layers.Activation("linear", dtype="float32")(x))
    return keras.Model(discriminator.input, layers.Concatenate(dtype="float32")(parts) if len(parts) > 1 else parts[0])
