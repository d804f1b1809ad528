"""The Inception Score (Salimans et al. 2016, arXiv:1606.03498, section 4), with any classifier."""

import numpy as np

from ganzoo.errors import GanzooError, at_least_one


def inception_score(features, splits=10):
    """exp(E KL(p(y|x) || p(y))): high where a classifier is sure of every image and all classes are drawn.

    With another classifier than Inception it is that classifier's score; it lies between 1 and the number of classes.

    Args:
        features: `Features` with logits.
        splits: equal parts that are scored apart; as published 10.

    Returns:
        (mean, standard deviation) over the splits.

    Raises:
        GanzooError: an extractor that does not classify, or fewer images than splits.

    Example:
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
        # A class that no image has the least probability of adds nothing.
        divergence = (probabilities * (part - np.log(np.maximum(marginal, 1e-300)))).sum(axis=1)
        scores.append(np.exp(divergence.mean()))
    return float(np.mean(scores)), float(np.std(scores))
