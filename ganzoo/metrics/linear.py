"""How far a linear classifier gets on features: the test of representations of Radford et al. 2015
(arXiv:1511.06434, section 5.1)."""

import numpy as np

_STRENGTHS = (1.0, 10.0, 100.0, 1000.0, 10_000.0)


def linear_accuracy(train_vectors, train_labels, test_vectors, test_labels):
    """The accuracy of a ridge classifier: least squares on one output for each class, the largest wins.

    Features are scaled to unit variance; the strength of the regularization is the one of 1, 10, 100, 1,000 and 10,000
    that does best on the last fifth of the training vectors, and never sees the test ones. (The paper has a support
    vector machine, which takes minutes where this takes seconds.)

    Args:
        train_vectors, test_vectors: (count, length).
        train_labels, test_labels: (count,), whole numbers.

    Returns:
        The share of test vectors classified rightly.
    """
    from sklearn.linear_model import RidgeClassifier
    from sklearn.preprocessing import StandardScaler

    # In single precision the equations of a few thousand features that say much the same are ill-conditioned.
    train_vectors, test_vectors = (np.asarray(vectors, "float64") for vectors in (train_vectors, test_vectors))
    scaler = StandardScaler().fit(train_vectors)
    train, test = scaler.transform(train_vectors), scaler.transform(test_vectors)
    count = len(train) - max(1, len(train) // 5)

    def held_back_accuracy(strength):
        fitted = RidgeClassifier(alpha=strength).fit(train[:count], train_labels[:count])
        return fitted.score(train[count:], train_labels[count:])

    best = max(_STRENGTHS, key=held_back_accuracy)
    return float(RidgeClassifier(alpha=best).fit(train, train_labels).score(test, test_labels))
