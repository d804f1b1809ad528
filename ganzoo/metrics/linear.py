"""The accuracy of a linear classifier on features, which tests a representation (Radford et al. 2015,
arXiv:1511.06434, section 5.1)."""

import numpy as np

_STRENGTHS = (1.0, 10.0, 100.0, 1000.0, 10_000.0)


def linear_accuracy(
    train_vectors: np.ndarray, train_labels: np.ndarray, test_vectors: np.ndarray, test_labels: np.ndarray
) -> float:
    """The test accuracy of a ridge classifier: least squares with one output per class; the largest output wins.

    Features are scaled to unit variance. The regularization strength (1, 10, 100, 1,000 or 10,000) is the one with the
    highest accuracy on the last fifth of the training vectors, which is held out for this choice. The paper uses a
    support vector machine, which takes minutes instead of seconds.

    Args:
        train_vectors, test_vectors: (count, length).
        train_labels, test_labels: (count,), integers.

    Returns:
        The share of test vectors that are classified correctly.

    Example:
        from ganzoo.metrics.linear import linear_accuracy

        vectors = np.random.default_rng(0).normal(size=(40, 8))
        labels = (vectors[:, 0] > 0).astype(int)
        accuracy = linear_accuracy(vectors[:30], labels[:30], vectors[30:], labels[30:])
    """
    from sklearn.linear_model import RidgeClassifier
    from sklearn.preprocessing import StandardScaler

    # In float32, the equations of a few thousand correlated features are ill-conditioned.
    train_vectors, test_vectors = (np.asarray(vectors, "float64") for vectors in (train_vectors, test_vectors))
    scaler = StandardScaler().fit(train_vectors)
    train, test = scaler.transform(train_vectors), scaler.transform(test_vectors)
    count = len(train) - max(1, len(train) // 5)

    def held_out_accuracy(strength: float) -> float:
        fitted = RidgeClassifier(alpha=strength).fit(train[:count], train_labels[:count])
        return fitted.score(train[count:], train_labels[count:])

    best = max(_STRENGTHS, key=held_out_accuracy)
    return float(RidgeClassifier(alpha=best).fit(train, train_labels).score(test, test_labels))
