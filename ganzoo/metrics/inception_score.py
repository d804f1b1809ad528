"""The Inception Score (Salimans et al. 2016, arXiv:1606.03498, section 4), with any classifier."""

import numpy as np

from ganzoo.errors import GanzooError, at_least_one
from ganzoo.metrics.features import Features


def inception_score(features: Features, splits: int = 10) -> tuple[float, float]:
    """exp(E KL(p(y|x) || p(y))): high if the classifier is confident about every image and all classes occur.

    The score lies between 1 and the number of classes. With a classifier other than Inception, it is specific to that
    classifier.

    Args:
        features: `Features` with logits.
        splits: number of equal parts that are scored separately; 10 in the paper.

    Returns:
        (mean, standard deviation) over the splits.

    Raises:
        GanzooError: features without logits, or fewer images than splits.

    Example:
        fake = np.random.default_rng(0).integers(0, 256, (20, 28, 28, 1), "uint8")
        extractor = ganzoo.metrics.get_extractor("mnist_classifier")
        score, deviation = ganzoo.metrics.inception_score(extractor(fake))
    """
    at_least_one(splits=splits)
    if features.logits is None:
        raise GanzooError(f"{features.extractor} does not classify: the Inception Score needs logits")
    if len(features) < splits:
        raise GanzooError(f"{len(features)} images cannot be split into {splits} parts")
    logits = np.asarray(features.logits, "float64")
    logs = logits - logits.max(axis=1, keepdims=True)
    logs -= np.log(np.exp(logs).sum(axis=1, keepdims=True))
    scores = []
    for part in np.array_split(logs, splits):
        probabilities = np.exp(part)
        marginal = probabilities.mean(axis=0)
        # A class with probability 0 in every image contributes nothing.
        divergence = (probabilities * (part - np.log(np.maximum(marginal, 1e-300)))).sum(axis=1)
        scores.append(np.exp(divergence.mean()))
    return float(np.mean(scores)), float(np.std(scores))
