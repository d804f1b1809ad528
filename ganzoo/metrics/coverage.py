"""How many classes a generator covers."""

import numpy as np


def classes_covered(logits: np.ndarray) -> int:
    """The number of classes that a classifier finds among generated images.

    A class counts if at least a tenth of an even share of the images falls into it, so that a few classification
    errors do not hide a lost mode.

    Args:
        logits: (count, classes) of generated images.

    Returns:
        A whole number from 1 to classes.

    Example:
        images = ganzoo.load("dcgan.digits").generate(50, seed=0)
        features = ganzoo.metrics.get_extractor("digits_classifier")(images)
        covered = ganzoo.metrics.classes_covered(features.logits)  # of 10 digits
    """
    count, classes = np.shape(logits)
    images_per_class = np.bincount(np.argmax(logits, axis=1), minlength=classes)
    return int((images_per_class >= 0.1 * count / classes).sum())
