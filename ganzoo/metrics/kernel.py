"""The kernel distance between two sets of features (Bińkowski et al. 2018, arXiv:1801.01401)."""

import numpy as np

from ganzoo.errors import GanzooError, at_least_one
from ganzoo.metrics.features import Features, comparable


def kernel_distance(
    real: Features, fake: Features, subsets: int = 100, subset_size: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """The squared maximum mean discrepancy under the kernel (x.y / length + 1)^3; with Inception features the KID.

    The estimate is unbiased: unlike the Fréchet distance, it does not fall with the number of samples, and it may be
    slightly below 0.

    Args:
        real, fake: `Features` of one extractor.
        subsets: number of random subsets of each set that are compared, sampled without replacement.
        subset_size: vectors in a subset; all of the smaller set if it has fewer.
        seed: seed of the sampling.

    Returns:
        (mean, standard deviation) over the subsets.

    Raises:
        GanzooError: features of two extractors, or a number below 1.

    Example:
        real, fake = np.random.default_rng(0).integers(0, 256, (2, 20, 28, 28, 1), "uint8")
        extractor = ganzoo.metrics.get_extractor("mnist_classifier")
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


def _squared_discrepancy(x: np.ndarray, y: np.ndarray) -> float:
    """The unbiased estimate for equally many x and y (equation 4 of the paper)."""
    count = len(x)

    def kernel(a, b):
        return (a @ b.T / a.shape[1] + 1.0) ** 3

    within = sum((k.sum() - np.trace(k)) / (count * (count - 1)) for k in (kernel(x, x), kernel(y, y)))
    return within - 2 * kernel(x, y).mean()
