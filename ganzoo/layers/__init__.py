"""Layers that Keras lacks, and faster versions of some that it has."""

from ganzoo.layers.batch_normalization import BatchNormalization
from ganzoo.layers.causal import CausalConv1D, LinearUpsampling1D, MuLawOneHot
from ganzoo.layers.convolutions import Conv1D, Conv1DTranspose, Conv2D, Conv2DTranspose
from ganzoo.layers.dropout import Dropout, ExampleDropout
from ganzoo.layers.gated_activation import GatedActivation
from ganzoo.layers.gated_linear_unit import GatedLinearUnit
from ganzoo.layers.leaky_relu import LeakyReLU
from ganzoo.layers.masked_convolution import MaskedConv2D
from ganzoo.layers.maxout import Maxout
from ganzoo.layers.minibatch_discrimination import MinibatchDiscrimination
from ganzoo.layers.modulation import Modulation
from ganzoo.layers.pixel_shuffle import PixelShuffle
from ganzoo.layers.prelu import PReLU
from ganzoo.layers.spectral_normalization import SpectralNormalization
from ganzoo.layers.standardization import Standardization
from ganzoo.layers.virtual_batch_normalization import DropReference, ReferenceBatch, VirtualBatchNormalization
from ganzoo.layers.voice_statistics import MissingFrames, VoiceRestoration, VoiceStatistics

__all__ = [
    "BatchNormalization",
    "CausalConv1D",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "DropReference",
    "Dropout",
    "ExampleDropout",
    "GatedActivation",
    "GatedLinearUnit",
    "LeakyReLU",
    "LinearUpsampling1D",
    "MaskedConv2D",
    "Maxout",
    "MinibatchDiscrimination",
    "MissingFrames",
    "Modulation",
    "MuLawOneHot",
    "PReLU",
    "PixelShuffle",
    "ReferenceBatch",
    "SpectralNormalization",
    "Standardization",
    "VirtualBatchNormalization",
    "VoiceRestoration",
    "VoiceStatistics",
]
