"""Metrics for generated images and speech. Every value is reported with the protocol it depends on."""

from ganzoo.metrics import image_pairs
from ganzoo.metrics.captioned_sets import CaptionedSets
from ganzoo.metrics.coverage import classes_covered
from ganzoo.metrics.extractors import Extractor, get_extractor, list_extractors
from ganzoo.metrics.features import Features
from ganzoo.metrics.frechet import FeatureStatistics, frechet_distance
from ganzoo.metrics.image import psnr, ssim
from ganzoo.metrics.image_sets import ImageSets
from ganzoo.metrics.inception_score import inception_score
from ganzoo.metrics.kernel import kernel_distance
from ganzoo.metrics.lpips import lpips
from ganzoo.metrics.neighbors import density_coverage, precision_recall
from ganzoo.metrics.registry import Metric, get_metric, list_metrics, register_metric
from ganzoo.metrics.smoothness import (
    global_variance,
    mel_cepstral_distortion,
    modulation_distance,
    modulation_spectrum,
    variance_distance,
)
from ganzoo.metrics.spectrum import power_spectrum, sharpness, spectral_distance
from ganzoo.metrics.speech import composite, dnsmos, pesq, segmental_snr, si_sdr, stoi

__all__ = [
    "CaptionedSets",
    "Extractor",
    "FeatureStatistics",
    "Features",
    "ImageSets",
    "Metric",
    "classes_covered",
    "composite",
    "density_coverage",
    "dnsmos",
    "frechet_distance",
    "get_extractor",
    "get_metric",
    "global_variance",
    "image_pairs",
    "inception_score",
    "kernel_distance",
    "list_extractors",
    "list_metrics",
    "lpips",
    "mel_cepstral_distortion",
    "modulation_distance",
    "modulation_spectrum",
    "pesq",
    "power_spectrum",
    "precision_recall",
    "psnr",
    "register_metric",
    "segmental_snr",
    "sharpness",
    "si_sdr",
    "spectral_distance",
    "ssim",
    "stoi",
    "variance_distance",
]
