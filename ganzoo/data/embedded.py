"""Real data that ships with installed packages and needs no download."""

import numpy as np


def digits() -> tuple[np.ndarray, np.ndarray]:
    """The 1,797 handwritten digits of the UCI optical recognition dataset, from scikit-learn.

    Returns:
        (uint8 images (1797, 8, 8, 1) in 0..255, int64 labels (1797,)).

    Example:
        from ganzoo.data.embedded import digits

        images, labels = digits()
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    # Counts of dark pixels in 4x4 blocks, 0 to 16.
    images = np.rint(bunch.images * (255.0 / 16.0)).astype("uint8")
    return images[..., None], bunch.target.astype("int64")
