"""The Fréchet distance between two sets of features (Heusel et al. 2017, arXiv:1706.08500, equation 6)."""

from dataclasses import dataclass

import numpy as np

from ganzoo.metrics.features import Features, comparable


@dataclass(frozen=True)
class FeatureStatistics:
    """Mean and covariance of a set of feature vectors.

    Attributes:
        mean: float64 (features,).
        covariance: float64 (features, features), divided by count - 1.
        count: number of vectors.
        extractor: name of the extractor; statistics of two extractors cannot be compared.
    """

    mean: np.ndarray
    covariance: np.ndarray
    count: int
    extractor: str

    @classmethod
    def of(cls, features: Features) -> "FeatureStatistics":
        """The statistics of `Features`."""
        vectors = np.asarray(features.vectors, "float64")
        covariance = np.cov(vectors, rowvar=False).reshape(vectors.shape[1], -1)
        return cls(vectors.mean(axis=0), covariance, len(vectors), features.extractor)


def frechet_distance(first: FeatureStatistics, second: FeatureStatistics) -> float:
    """|m1 - m2|^2 + trace(C1 + C2 - 2 (C1 C2)^(1/2)) of two `FeatureStatistics`.

    With Inception features this is the FID. With any other extractor the value is specific to that extractor, and
    cannot be compared with published FIDs.

    Returns:
        A float, at least 0.

    Raises:
        GanzooError: features of different extractors.

    Example:
        real, fake = np.random.default_rng(0).integers(0, 256, (2, 20, 28, 28, 1), "uint8")
        extractor = ganzoo.metrics.get_extractor("mnist_classifier")
        distance = ganzoo.metrics.frechet_distance(extractor.statistics(real), extractor.statistics(fake))
    """
    comparable(first, second)
    difference = first.mean - second.mean
    # trace (C1 C2)^(1/2) = trace (R C2 R)^(1/2) with R = C1^(1/2): symmetric, so its eigenvalues are real and
    # stay accurate where C1 C2 is close to singular.
    values, vectors = np.linalg.eigh(first.covariance)
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T
    cross = np.linalg.eigvalsh(root @ second.covariance @ root)
    traces = np.trace(first.covariance) + np.trace(second.covariance)
    return float(max(difference @ difference + traces - 2 * np.sqrt(cross.clip(0)).sum(), 0.0))
