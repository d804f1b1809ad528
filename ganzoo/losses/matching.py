"""Distances between the features of real and of generated images."""

from keras import ops

from ganzoo.types import Tensor


def feature_matching(real_features: Tensor, fake_features: Tensor) -> Tensor:
    """|E f(x) - E f(G(z))|^2 (Salimans et al. 2016, arXiv:1606.03498, section 3.1): the generator matches the mean
    features of real images instead of maximizing the discriminator's output.

    Args:
        real_features, fake_features: features of the discriminator, (batch, ...) of any shape.

    Returns:
        A scalar, float32: the squared difference of the mean features, summed over features.

    Example:
        features = np.random.default_rng(0).normal(size=(2, 8, 100)).astype("float32")
        loss = ganzoo.losses.feature_matching(features[0], features[1])
    """
    real, fake = (ops.mean(ops.cast(part, "float32"), axis=0) for part in (real_features, fake_features))
    return ops.sum((ops.stop_gradient(real) - fake) ** 2)


def maximum_mean_discrepancy(real_features: Tensor, fake_features: Tensor) -> Tensor:
    """The squared maximum mean discrepancy (Gretton et al. 2012), which generative moment matching networks minimize
    (Li et al. 2015, arXiv:1502.02761): zero in expectation only if both distributions are the same, where
    `feature_matching` compares their means alone.

    The estimator without bias, so that single batches may be slightly negative. The kernel of two feature vectors at
    the distance d is the mean of 1 / (1 + d^2 / (a s)) for a = 0.1, 0.3 and 1, where s is the mean squared distance
    between two real examples of the batch: without s, features that shrink would look alike.

    Args:
        real_features, fake_features: features of the discriminator, (batch, ...) of any shape, of this replica. With
            one real example there is no s, and the loss has almost no gradient.

    Returns:
        A scalar, float32, at most 2.

    Example:
        features = np.random.default_rng(0).normal(size=(2, 8, 100)).astype("float32")
        loss = ganzoo.losses.maximum_mean_discrepancy(features[0], features[1])
    """
    real, fake = (
        ops.reshape(ops.cast(part, "float32"), (ops.shape(part)[0], -1)) for part in (real_features, fake_features)
    )
    real = ops.stop_gradient(real)
    # Distances from differences of squares are exact only near zero.
    center = ops.mean(real, axis=0)
    lowest = 1e-6 * ops.mean(ops.sum(real**2, axis=1)) + 1e-12
    real, fake = real - center, fake - center
    between = _squared_distances(real, fake)
    within = [_squared_distances(part, part) for part in (real, fake)]
    scale = _mean_off_diagonal(within[0]) + lowest

    def kernel(squares):
        return sum(1 / (1 + squares / (width * scale)) for width in _WIDTHS) / len(_WIDTHS)

    return sum(_mean_off_diagonal(kernel(part)) for part in within) - 2 * ops.mean(kernel(between))


_WIDTHS = (0.1, 0.3, 1.0)


def _squared_distances(left, right):
    """(n, m), of (n, length) and (m, length)."""
    lengths = [ops.sum(part * part, axis=1) for part in (left, right)]
    squares = lengths[0][:, None] + lengths[1][None] - 2 * ops.matmul(left, ops.transpose(right))
    # Rounding can make them negative.
    return ops.maximum(squares, 0.0)


def _mean_off_diagonal(values):
    """The mean of a square matrix (n, n) without its diagonal; 0 for n = 1."""
    count = ops.shape(values)[0]
    others = 1 - ops.eye(count, dtype="float32")
    return ops.sum(values * others) / ops.maximum(ops.sum(others), 1.0)
