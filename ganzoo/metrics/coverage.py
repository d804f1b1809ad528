"""Which classes a generator draws at all."""

import numpy as np


def classes_covered(logits):
    """How many classes samples fall into, as a classifier sees them.

    A class counts when it gets at least a tenth of an even share, so that a classifier's stray errors do not
    hide that a mode is lost.

    Args:
        logits: (count, classes) of generated images.

    Returns:
        A whole number from 1 to classes.

    Example:
        features = ganzoo.metrics.get_extractor("mnist_classifier")(model.generate(10_000, seed=0))
        covered = ganzoo.metrics.classes_covered(features.logits)
    """
    count, classes = np.shape(logits)
    drawn = np.bincount(np.argmax(logits, axis=1), minlength=classes)
    return int((drawn >= 0.1 * count / classes).sum())
