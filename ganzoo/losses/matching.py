"""Losses that compare features of real and of generated images."""

from keras import ops


def feature_matching(real_features, fake_features):
    """|E f(x) - E f(G(z))|^2 (Salimans et al. 2016, arXiv:1606.03498, section 3.1): the generator matches the mean
    features of real images instead of the discriminator's verdict.

    Args:
        real_features, fake_features: (batch, ...) of the discriminator; any shape after the batch.

    Returns:
        A scalar, float32: the sum over features of the squared difference of the means.
    """
    real, fake = (ops.mean(ops.cast(part, "float32"), axis=0) for part in (real_features, fake_features))
    return ops.sum((ops.stop_gradient(real) - fake) ** 2)
