"""Measures of generated images; every figure goes with the protocol it was measured under."""

from ganzoo.metrics.coverage import classes_covered
from ganzoo.metrics.extractors import Extractor, get_extractor, list_extractors
from ganzoo.metrics.features import Features
from ganzoo.metrics.frechet import FeatureStatistics, frechet_distance
from ganzoo.metrics.image import psnr, ssim
from ganzoo.metrics.inception_score import inception_score
from ganzoo.metrics.kernel import kernel_distance
from ganzoo.metrics.lpips import lpips
from ganzoo.metrics.neighbors import density_coverage, precision_recall
from ganzoo.metrics.speech import composite, dnsmos, pesq, segmental_snr, si_sdr, stoi

__all__ = [
    "Extractor",
    "FeatureStatistics",
    "Features",
    "classes_covered",
    "composite",
    "density_coverage",
    "dnsmos",
    "frechet_distance",
    "get_extractor",
    "inception_score",
    "kernel_distance",
    "list_extractors",
    "lpips",
    "pesq",
    "precision_recall",
    "psnr",
    "segmental_snr",
    "si_sdr",
    "ssim",
    "stoi",
]
