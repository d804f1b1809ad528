"""What a discriminator has learned to see, as vectors for other tasks."""

import math

import keras
from keras import layers

from ganzoo.layers import DropReference
from ganzoo.networks.regularizers import reference_batches

_GRID = 4


def feature_network(discriminator):
    """A network from the discriminator's images to features (batch, length).

    As Radford et al. 2015 (arXiv:1511.06434, section 5.1): what every hidden layer gives to the next, max-pooled to
    4x4 positions where it has more, side by side.
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
