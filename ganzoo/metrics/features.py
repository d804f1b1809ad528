"""Features of images, and what made them."""

from dataclasses import dataclass

import numpy as np

from ganzoo.errors import GanzooError


@dataclass(frozen=True)
class Features:
    """Feature vectors of a set of images.

    Attributes:
        vectors: float32 (count, length).
        extractor: what made them; metrics over features of two extractors are refused.
        logits: float32 (count, classes) where the extractor classifies, else None.

    Raises:
        GanzooError: fewer than two vectors, or numbers that are not finite.

    Example:
        features = ganzoo.metrics.Features(my_vectors, "my network")
    """

    vectors: np.ndarray
    extractor: str
    logits: np.ndarray | None = None

    def __post_init__(self):
        vectors = np.asarray(self.vectors)
        if vectors.ndim != 2 or len(vectors) < 2:
            raise GanzooError(f"features have the shape (at least 2, length), got {vectors.shape}")
        if not np.isfinite(vectors).all():
            raise GanzooError("the features are not finite: the images or the extractor are broken")
        object.__setattr__(self, "vectors", vectors)

    def __len__(self):
        return len(self.vectors)

    def first(self, count):
        """The first `count` of them."""
        return Features(self.vectors[:count], self.extractor, None if self.logits is None else self.logits[:count])


def comparable(first, second):
    """Refuses features, or statistics of them, that two different extractors made."""
    if first.extractor != second.extractor:
        raise GanzooError(f"features of {first.extractor} and of {second.extractor} have no distance in common")
