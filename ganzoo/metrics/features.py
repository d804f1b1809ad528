"""Features of images, and the extractor they come from."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ganzoo.errors import GanzooError


@dataclass(frozen=True)
class Features:
    """Feature vectors of a set of images.

    Attributes:
        vectors: float32 (count, length).
        extractor: name of the extractor; features of two extractors cannot be compared.
        logits: float32 (count, classes) if the extractor classifies, else None.

    Raises:
        GanzooError: fewer than two vectors, or values that are not finite.

    Example:
        vectors = np.random.default_rng(0).normal(size=(20, 8)).astype("float32")
        features = ganzoo.metrics.Features(vectors, "my network")
    """

    vectors: np.ndarray
    extractor: str
    logits: np.ndarray | None = None

    def __post_init__(self) -> None:
        vectors = np.asarray(self.vectors)
        if vectors.ndim != 2 or len(vectors) < 2:
            raise GanzooError(f"features have the shape (at least 2, length), got {vectors.shape}")
        if not np.isfinite(vectors).all():
            raise GanzooError("the features are not finite: the images or the extractor are broken")
        object.__setattr__(self, "vectors", vectors)

    def __len__(self) -> int:
        return len(self.vectors)

    def first(self, count: int) -> "Features":
        """The features of the first `count` images."""
        return Features(self.vectors[:count], self.extractor, None if self.logits is None else self.logits[:count])


def comparable(first: Any, second: Any) -> None:
    """Refuses features, or their statistics, of two different extractors."""
    if first.extractor != second.extractor:
        raise GanzooError(f"features of {first.extractor} and of {second.extractor} cannot be compared")
