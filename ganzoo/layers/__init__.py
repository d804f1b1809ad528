"""The layers that Keras lacks: what discriminators are cured with."""

from ganzoo.layers.minibatch_discrimination import MinibatchDiscrimination
from ganzoo.layers.spectral_normalization import SpectralNormalization
from ganzoo.layers.virtual_batch_normalization import DropReference, ReferenceBatch, VirtualBatchNormalization

__all__ = [
    "DropReference",
    "MinibatchDiscrimination",
    "ReferenceBatch",
    "SpectralNormalization",
    "VirtualBatchNormalization",
]
