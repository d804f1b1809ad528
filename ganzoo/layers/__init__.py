"""The layers that Keras lacks."""

from ganzoo.layers.batch_normalization import BatchNormalization
from ganzoo.layers.dropout import Dropout
from ganzoo.layers.minibatch_discrimination import MinibatchDiscrimination
from ganzoo.layers.pixel_shuffle import PixelShuffle
from ganzoo.layers.spectral_normalization import SpectralNormalization
from ganzoo.layers.virtual_batch_normalization import DropReference, ReferenceBatch, VirtualBatchNormalization

__all__ = [
    "BatchNormalization",
    "DropReference",
    "Dropout",
    "MinibatchDiscrimination",
    "PixelShuffle",
    "ReferenceBatch",
    "SpectralNormalization",
    "VirtualBatchNormalization",
]
