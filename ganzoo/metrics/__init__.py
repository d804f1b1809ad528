"""Measures of generated pictures; every figure goes with the protocol it was measured under."""

from ganzoo.metrics.coverage import classes_covered
from ganzoo.metrics.extractors import get_extractor, list_extractors
from ganzoo.metrics.frechet import FeatureStatistics, frechet_distance

__all__ = ["FeatureStatistics", "classes_covered", "frechet_distance", "get_extractor", "list_extractors"]
