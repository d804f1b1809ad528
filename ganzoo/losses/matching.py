"""Feature matching."""

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
