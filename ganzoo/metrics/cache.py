"""Cached statistics and features of real images: they never change, and a large network is slow to compute them."""

import hashlib
from pathlib import Path

import numpy as np

from ganzoo.errors import GanzooError
from ganzoo.files import cache_folder, read_cached, write_cached
from ganzoo.metrics.extractors import Extractor
from ganzoo.metrics.features import Features
from ganzoo.metrics.frechet import FeatureStatistics

# Features larger than this are not cached.
_MOST_BYTES = 200_000_000


def cached_statistics(extractor: Extractor, images: np.ndarray) -> FeatureStatistics:
    """`extractor.statistics(images)`, read from the cache folder if they are there."""
    path = _path("statistics", extractor, images)
    cached = read_cached(path)
    try:
        return FeatureStatistics(cached["mean"], cached["covariance"], int(cached["count"]), extractor.name)
    except (KeyError, TypeError, ValueError):
        statistics = extractor.statistics(images)
    write_cached(path, mean=statistics.mean, covariance=statistics.covariance, count=statistics.count)
    return statistics


def cached_features(extractor: Extractor, images: np.ndarray) -> Features:
    """`extractor(images)`, read from the cache folder if they are there."""
    path = _path("features", extractor, images)
    cached = read_cached(path)
    try:
        return Features(cached["vectors"], extractor.name, cached["logits"] if cached["logits"].size else None)
    except (KeyError, GanzooError):
        features = extractor(images)
    if features.vectors.nbytes < _MOST_BYTES:
        write_cached(path, vectors=features.vectors, logits=np.zeros(0) if features.logits is None else features.logits)
    return features


def _path(kind: str, extractor: Extractor, images: np.ndarray) -> Path:
    digest = hashlib.sha256(f"{extractor.digest} {extractor.resizer}".encode())
    digest.update(repr(images.shape).encode())
    for start in range(0, len(images), 10_000):
        digest.update(np.ascontiguousarray(images[start : start + 10_000]).tobytes())
    return cache_folder() / f"{kind}-{extractor.name}-{digest.hexdigest()[:24]}.npz"
