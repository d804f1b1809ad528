"""Feature extractors: pictures to the vectors that a distance compares."""

import json
from pathlib import Path

import numpy as np

from ganzoo import weights
from ganzoo.errors import GanzooError, unknown
from ganzoo.metrics.frechet import FeatureStatistics

_FOLDER = Path(__file__).parent / "weights"


def list_extractors():
    """Names of the extractors inside the package."""
    return sorted(path.stem for path in _FOLDER.glob("*.json"))


def get_extractor(name):
    """An extractor by name.

    Args:
        name: "mnist_classifier", "fashion_mnist_classifier" or "digits_classifier": small classifiers
            that the package trained (`python -m ganzoo.metrics.classifier`) and ships.

    Returns:
        A `ClassifierExtractor`.

    Raises:
        GanzooError: an unknown name, or damaged weights.
    """
    if name not in list_extractors():
        raise unknown("extractor", name, list_extractors())
    return ClassifierExtractor(name)


class ClassifierExtractor:
    """A small classifier of grey pictures: 128 features before its last layer, and its classes.

    Attributes:
        name: the extractor's name.
        image_shape: the (height, width, channels) it takes; others are refused, since resizing
            is part of a protocol.
        facts: data, licence and test accuracy of the classifier.
    """

    def __init__(self, name):
        from ganzoo.metrics.classifier import build_classifier

        self.name = name
        self.facts = json.loads((_FOLDER / f"{name}.json").read_text())
        self.image_shape = tuple(self.facts["image_shape"])
        self._network = build_classifier(self.image_shape)
        weights.load(_FOLDER / f"{name}.npz", {"classifier": self._network}, self.facts["sha256"])

    def __call__(self, pictures):
        """(features float32 (count, 128), logits float32 (count, 10)) of uint8 pictures."""
        pictures = np.asarray(pictures)
        if pictures.dtype != np.uint8 or pictures.shape[1:] != self.image_shape:
            raise GanzooError(
                f"{self.name} takes uint8 pictures (count, {', '.join(map(str, self.image_shape))}), "
                f"got {pictures.dtype} {pictures.shape}"
            )
        features, logits = self._network.predict(pictures, batch_size=500, verbose=0)
        return features, logits

    def statistics(self, pictures):
        """`FeatureStatistics` of uint8 pictures."""
        return FeatureStatistics.of(self(pictures)[0], self.name)
