"""Statistics of real sets, kept: they do not change and take longer than those of the samples."""

import contextlib
import hashlib
import io

import numpy as np

from ganzoo.files import cache_folder, write_atomically
from ganzoo.metrics.frechet import FeatureStatistics


def cached_statistics(extractor, pictures):
    """`extractor.statistics(pictures)`, from the cache folder where it has been worked out before."""
    digest = hashlib.sha256(extractor.facts["sha256"].encode())
    digest.update(repr(pictures.shape).encode())
    for start in range(0, len(pictures), 10_000):
        digest.update(np.ascontiguousarray(pictures[start : start + 10_000]).tobytes())
    path = cache_folder() / f"statistics-{extractor.name}-{digest.hexdigest()[:24]}.npz"
    try:
        with np.load(path, allow_pickle=False) as kept:
            return FeatureStatistics(kept["mean"], kept["covariance"], int(kept["count"]), extractor.name)
    except Exception:  # not there, or damaged in any way: work it out
        statistics = extractor.statistics(pictures)
    buffer = io.BytesIO()
    np.savez(buffer, mean=statistics.mean, covariance=statistics.covariance, count=statistics.count)
    # A read-only home costs time, not the run.
    with contextlib.suppress(OSError):
        write_atomically(path, buffer.getvalue())
    return statistics
