"""The kernel distance between two sets of features (Bińkowski et al. 2018, arXiv:1801.01401)."""

import numpy as np

from ganzoo.errors import GanzooError, at_least_one
from ganzoo.metrics.features import comparable


def kernel_distance(real, fake, subsets=100, subset_size=1000, seed=0):
    """The squared maximum mean discrepancy under the kernel (x.y / length + 1)^3; with Inception features the KID.

    Its estimate is unbiased: unlike the Fréchet distance it does not fall with the number of samples, and may come
    out a little below 0.

    Args:
        real, fake: `Features` of one extractor.
        subsets: how often a part of each set is drawn, without replacement, and compared.
        subset_size: vectors in a part; all of the smaller set if it has fewer.
        seed: of the drawing.

    Returns:
        (mean, standard deviation) over the subsets.

    Raises:
        GanzooError: two extractors, or a number below 1.

    Example:
        distance, deviation = ganzoo.metrics.kernel_distance(extractor(real), extractor(fake))
    """
    comparable(real, fake)
    at_least_one(subsets=subsets, subset_size=subset_size)
    size = min(subset_size, len(real), len(fake))
    if size < 2:
        raise GanzooError(f"subset_size must be at least 2, got {subset_size}")
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(subsets):
        parts = (features.vectors[rng.choice(len(features), size, replace=False)] for features in (real, fake))
        found.append(_squared_discrepancy(*(np.asarray(part, "float64") for part in parts)))
    return float(np.mean(found)), float(np.std(found))


def _squared_discrepancy(x, y):
    """Unbiased, for as many x as y (equation 4 of the paper)."""
    count = len(x)

    def kernel(a, b):
        return (a @ b.T / a.shape[1] + 1.0) ** 3

    within = sum((k.sum() - np.trace(k)) / (count * (count - 1)) for k in (kernel(x, x), kernel(y, y)))
    return within - 2 * kernel(x, y).mean()
