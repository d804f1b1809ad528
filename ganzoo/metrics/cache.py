"""Statistics and features of real sets, kept: they do not change, and a large network takes long over them."""

import hashlib

import numpy as np

from ganzoo.errors import GanzooError
from ganzoo.files import cache_folder, read_cached, write_cached
from ganzoo.metrics.features import Features
from ganzoo.metrics.frechet import FeatureStatistics

# Features of more bytes than this are worked out anew each time.
_MOST_BYTES = 200_000_000


def cached_statistics(extractor, images):
    """`extractor.statistics(images)`, from the cache folder where it has been worked out before."""
    path = _path("statistics", extractor, images)
    kept = read_cached(path)
    try:
        return FeatureStatistics(kept["mean"], kept["covariance"], int(kept["count"]), extractor.name)
    except (KeyError, TypeError, ValueError):
        statistics = extractor.statistics(images)
    write_cached(path, mean=statistics.mean, covariance=statistics.covariance, count=statistics.count)
    return statistics


def cached_features(extractor, images):
    """`extractor(images)`, from the cache folder where it has been worked out before."""
    path = _path("features", extractor, images)
    kept = read_cached(path)
    try:
        return Features(kept["vectors"], extractor.name, kept["logits"] if kept["logits"].size else None)
    except (KeyError, GanzooError):
        features = extractor(images)
    if features.vectors.nbytes < _MOST_BYTES:
        write_cached(path, vectors=features.vectors, logits=np.zeros(0) if features.logits is None else features.logits)
    return features


def _path(kind, extractor, images):
    digest = hashlib.sha256(extractor.digest.encode())
    digest.update(repr(images.shape).encode())
    for start in range(0, len(images), 10_000):
        digest.update(np.ascontiguousarray(images[start : start + 10_000]).tobytes())
    return cache_folder() / f"{kind}-{extractor.name}-{digest.hexdigest()[:24]}.npz"
