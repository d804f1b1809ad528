"""The layers that Keras lacks."""

from ganzoo.layers.minibatch_discrimination import MinibatchDiscrimination
from ganzoo.layers.pixel_shuffle import PixelShuffle
from ganzoo.layers.spectral_normalization import SpectralNormalization
from ganzoo.layers.virtual_batch_normalization import DropReference, ReferenceBatch, VirtualBatchNormalization

__all__ = [
    "DropReference",
    "MinibatchDiscrimination",
    "PixelShuffle",
    "ReferenceBatch",
    "SpectralNormalization",
    "VirtualBatchNormalization",
]
