import numpy as np
import pytest
from scipy.linalg import sqrtm

from ganzoo import GanzooError
from ganzoo.classifiers import classifier_facts
from ganzoo.metrics import Features, FeatureStatistics, frechet_distance, get_extractor


def test_worked_out_by_hand():
    """Diagonal covariances: |m1 - m2|^2 + sum (s1 - s2)^2 = 3^2 + 4^2 + (1 - 2)^2 + (3 - 1)^2 = 30."""
    first = FeatureStatistics(np.zeros(2), np.diag([1.0, 9.0]), 10, "x")
    second = FeatureStatistics(np.array([3.0, 4.0]), np.diag([4.0, 1.0]), 10, "x")
    assert frechet_distance(first, second) == pytest.approx(30.0)
    assert frechet_distance(first, first) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("count", [500, 20])  # with 20 the covariances are singular
def test_agrees_with_the_matrix_square_root_of_scipy(count):
    rng = np.random.default_rng(0)
    first = rng.standard_normal((count, 32)) @ rng.standard_normal((32, 32))
    second = rng.standard_normal((count, 32)) @ rng.standard_normal((32, 32)) + 0.5
    m1, m2, c1, c2 = first.mean(0), second.mean(0), np.cov(first.T), np.cov(second.T)
    theirs = ((m1 - m2) ** 2).sum() + np.trace(c1 + c2 - 2 * sqrtm(c1 @ c2).real)
    ours = frechet_distance(FeatureStatistics.of(Features(first, "x")), FeatureStatistics.of(Features(second, "x")))
    assert ours == pytest.approx(theirs, rel=1e-3)


def test_distances_across_extractors_are_refused():
    first = FeatureStatistics(np.zeros(2), np.eye(2), 10, "mnist_classifier")
    second = FeatureStatistics(np.zeros(2), np.eye(2), 10, "inception_v3")
    with pytest.raises(GanzooError, match="mnist_classifier and of inception_v3"):
        frechet_distance(first, second)
    with pytest.raises(GanzooError, match="not finite"):
        Features(np.full((3, 2), np.nan), "x")


@pytest.mark.parametrize(("name", "data"), [("mnist", "mnist"), ("fashion_mnist", "fashion_mnist")])
def test_the_shipped_classifiers_classify(shared, name, data):
    from ganzoo.data.sources import open_images

    extractor = get_extractor(f"{name}_classifier")
    test = open_images(f"idx:{shared}/{data}/t10k-images-idx3-ubyte.gz", (28, 28, 1))
    features = extractor(test.images)
    assert features.vectors.shape == (10_000, 128)
    accuracy = (features.logits.argmax(1) == test.labels).mean()
    assert accuracy == pytest.approx(classifier_facts(f"{name}_classifier")["accuracy"], abs=2e-3)
    with pytest.raises(GanzooError, match="takes uint8 images"):
        extractor(test.images.astype("float32"))
