"""Measures of generated pictures; every figure goes with the protocol it was measured under."""

from ganzoo.metrics.extractors import get_extractor, list_extractors
from ganzoo.metrics.frechet import FeatureStatistics, frechet_distance

__all__ = ["FeatureStatistics", "frechet_distance", "get_extractor", "list_extractors"]
