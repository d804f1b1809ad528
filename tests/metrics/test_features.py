"""Metrics over features, against independent implementations on the same features."""

import keras
import numpy as np
import pytest

from ganzoo import GanzooError, metrics
from ganzoo.imagenet import efficientnet_lite0
from ganzoo.metrics import Features
from ganzoo.metrics.cache import cached_features
from ganzoo.precision import made_with


@pytest.fixture(scope="module")
def sets():
    """Two overlapping clouds of 16 features with three classes' logits."""
    rng = np.random.default_rng(0)
    real = rng.normal(0, 1, (700, 16))
    fake = rng.normal(0.3, 0.8, (700, 16))
    logits = rng.normal(0, 2, (700, 3))
    return Features(real.astype("float32"), "x"), Features(fake.astype("float32"), "x", logits.astype("float32"))


@pytest.mark.parametrize("neighbors", [1, 3, 5])
def test_precision_recall_density_and_coverage_agree_with_prdc(sets, neighbors):
    from prdc import compute_prdc

    real, fake = sets
    theirs = compute_prdc(real.vectors.astype("float64"), fake.vectors.astype("float64"), nearest_k=neighbors)
    precision, recall = metrics.precision_recall(real, fake, neighbors)
    density, coverage = metrics.density_coverage(real, fake, neighbors)
    ours = dict(precision=precision, recall=recall, density=density, coverage=coverage)
    assert ours == pytest.approx(theirs, abs=1e-3)


def test_more_vectors_than_fit_in_one_piece_count_the_same(sets, monkeypatch):
    from ganzoo.metrics import neighbors

    whole = metrics.precision_recall(*sets), metrics.density_coverage(*sets)
    monkeypatch.setattr(neighbors, "_ROWS", 64)
    assert (metrics.precision_recall(*sets), metrics.density_coverage(*sets)) == whole


def test_kernel_distance_by_hand():
    """Length 1, real 0 and 1, generated 0 and 2, k(x, y) = (xy + 1)^3: within 1 and 1, across (1 + 1 + 1 + 27) / 4."""
    real, fake = Features(np.array([[0.0], [1.0]]), "x"), Features(np.array([[0.0], [2.0]]), "x")
    distance, deviation = metrics.kernel_distance(real, fake, subsets=3)
    assert distance == pytest.approx(1 + 1 - 2 * 30 / 4)
    assert deviation == pytest.approx(0)


def test_kernel_frechet_and_score_agree_with_torchmetrics(sets):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    pytest.importorskip("torchmetrics", reason="torchmetrics is not installed")
    from torchmetrics.image.fid import FrechetInceptionDistance
    from torchmetrics.image.inception import InceptionScore
    from torchmetrics.image.kid import KernelInceptionDistance

    class Same(torch.nn.Module):
        """Features that are there already."""

        num_features = 16

        def forward(self, x):
            return x

    real, fake = sets
    theirs = KernelInceptionDistance(feature=Same(), subsets=1, subset_size=700)
    theirs.update(torch.tensor(real.vectors), real=True)
    theirs.update(torch.tensor(fake.vectors), real=False)
    ours, _ = metrics.kernel_distance(real, fake, subsets=1, subset_size=700)
    assert ours == pytest.approx(float(theirs.compute()[0]), rel=1e-3)

    theirs = FrechetInceptionDistance(feature=Same(), input_img_size=(16,))
    theirs.set_dtype(torch.float64)
    theirs.update(torch.tensor(real.vectors, dtype=torch.float64), real=True)
    theirs.update(torch.tensor(fake.vectors, dtype=torch.float64), real=False)
    statistics = [metrics.FeatureStatistics.of(part) for part in sets]
    assert metrics.frechet_distance(*statistics) == pytest.approx(float(theirs.compute()), rel=1e-3)

    theirs = InceptionScore(feature=Same(), splits=1)
    theirs.update(torch.tensor(fake.logits))
    ours, _ = metrics.inception_score(fake, splits=1)
    assert ours == pytest.approx(float(theirs.compute()[0]), rel=1e-3)


def test_inception_score_of_sure_and_of_blind_classifiers():
    """Sure and even over four classes: 4; the same guess for every image: 1."""
    sure = Features(np.zeros((40, 2)), "x", 50.0 * np.eye(4)[np.arange(40) % 4])
    assert metrics.inception_score(sure, splits=5)[0] == pytest.approx(4.0)
    blind = Features(np.zeros((40, 2)), "x", np.tile([1.0, 2.0, 3.0, 4.0], (40, 1)))
    assert metrics.inception_score(blind)[0] == pytest.approx(1.0)
    with pytest.raises(GanzooError, match="needs logits"):
        metrics.inception_score(Features(np.zeros((40, 2)), "x"))


def test_metrics_across_extractors_are_refused(sets):
    other = Features(sets[1].vectors, "y")
    for measure in (metrics.precision_recall, metrics.density_coverage, metrics.kernel_distance):
        with pytest.raises(GanzooError, match="of x and of y"):
            measure(sets[0], other)
    with pytest.raises(GanzooError, match="3 neighbors need more"):
        metrics.precision_recall(sets[0].first(3), sets[1])


def test_a_model_of_the_users_is_an_extractor(tmp_path):
    """Features that are the mean of each channel, in 0..255: known beforehand."""
    images = keras.Input((None, None, 3))
    network = keras.Model(images, keras.layers.GlobalAveragePooling2D()(images), name="means")
    network.save(tmp_path / "means.keras")
    shown = np.random.default_rng(0).integers(0, 256, (5, 9, 7, 3), dtype="uint8")
    for asked in (network, str(tmp_path / "means.keras")):
        found = metrics.get_extractor(asked)(shown)
        np.testing.assert_allclose(found.vectors, shown.mean(axis=(1, 2)), rtol=1e-5)
        assert found.logits is None
        assert found.extractor.startswith("means")
    with pytest.raises(GanzooError, match="features have the shape"):
        metrics.get_extractor(keras.Model(images, keras.layers.ReLU()(images)))
    with pytest.raises(GanzooError, match="cannot load the extractor"):
        metrics.get_extractor(str(tmp_path / "none.keras"))


def test_outputs_of_an_extractor_are_one_or_a_list_of_two(tmp_path):
    images = keras.Input((4, 4, 3))
    means = keras.layers.GlobalAveragePooling2D()(images)
    logits = keras.layers.Rescaling(2.0)(means)
    shown = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 3), dtype="uint8")
    named = keras.Model(images, {"logits": logits, "features": means})
    for outputs in ({"logits": logits, "features": means}, {"features": means}, [[means], [logits]]):
        keras.Model(images, outputs).save(tmp_path / "e.keras")
        for asked in (keras.Model(images, outputs), str(tmp_path / "e.keras"), keras.Sequential([images, named])):
            with pytest.raises(GanzooError, match="gives its outputs in a dictionary or nested list") as found:
                metrics.get_extractor(asked)
            assert "\n" not in str(found.value)
    for outputs in ([means], (means, logits)):
        found = metrics.get_extractor(keras.Model(images, outputs))(shown)
        np.testing.assert_allclose(found.vectors, shown.mean(axis=(1, 2)), rtol=1e-5)
        assert (found.logits is None) == (len(outputs) == 1)


def test_an_extractor_that_resizes_says_so_and_takes_any_size_and_gray():
    images = keras.Input((8, 8, 3))
    network = keras.Model(images, keras.layers.Flatten()(images), name="pixels")
    extractor = metrics.Extractor(network, "pixels", resize=(8, 8))
    gray = np.full((2, 30, 20, 1), 100, "uint8")
    np.testing.assert_allclose(extractor(gray).vectors, 100, rtol=1e-5)
    assert "8x8" in extractor.resizer
    with pytest.raises(GanzooError, match="takes uint8 images"):
        metrics.Extractor(network, "pixels")(gray)


def test_inception_without_a_network_is_one_clear_line(monkeypatch):
    def offline(**options):
        raise OSError("URL fetch failure on https://...: None\nTemporary failure in name resolution")

    monkeypatch.setattr(keras.applications, "InceptionV3", offline)
    with pytest.raises(GanzooError, match=r"Keras downloads on first use: URL fetch failure [^\n]*$"):
        metrics.get_extractor("inception_v3")


@pytest.fixture
def efficientnet(shared, monkeypatch):
    folder = shared / "networks" / "efficientnet_lite0"
    monkeypatch.setenv("GANZOO_WEIGHTS", str(folder))
    return folder / "efficientnet_lite0_fp16.npz"


def test_efficientnet_sees_what_the_one_of_pytorch_sees(efficientnet):
    """Logits of efficientnet-lite-pytorch 0.1.0 with the weights in float32, for scikit-learn's two photos: a
    bell cote and a daisy."""
    from PIL import Image
    from sklearn.datasets import load_sample_images

    photos = [np.asarray(Image.fromarray(image).resize((224, 224))) for image in load_sample_images().images]
    with made_with("mixed_bfloat16"):
        extractor = metrics.get_extractor("efficientnet_lite0")
    found = extractor(np.stack(photos))
    assert found.vectors.shape == (2, 1280)
    assert list(found.logits.argmax(axis=1)) == [442, 985]
    np.testing.assert_allclose(found.logits[[0, 1], [442, 985]], [7.77699, 6.337552], rtol=5e-3)
    assert extractor.takes((64, 64, 3))
    assert extractor.takes((28, 28, 1))


def test_weights_of_efficientnet_come_from_its_checkpoint_and_others_are_refused(efficientnet, tmp_path, monkeypatch):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install -e '.[torch]'")
    from ganzoo.imagenet_convert import convert

    shipped = np.load(efficientnet)
    checkpoint = {name: torch.tensor(shipped[name].astype("float32")) for name in shipped.files}
    checkpoint["_bn0.num_batches_tracked"] = torch.tensor(7)
    torch.save(checkpoint, tmp_path / "checkpoint.pth")
    convert(tmp_path / "checkpoint.pth", tmp_path / "efficientnet_lite0_fp16.npz")
    made = np.load(tmp_path / "efficientnet_lite0_fp16.npz")
    assert set(made.files) == {name for name in shipped.files if shipped[name].ndim}
    assert all(np.array_equal(made[name], shipped[name]) for name in made.files)
    monkeypatch.setenv("GANZOO_WEIGHTS", str(tmp_path))
    metrics.get_extractor("efficientnet_lite0")
    del checkpoint["_conv_head.weight"]
    for name in ("efficientnet_lite0_fp16", "mine"):
        np.savez(tmp_path / f"{name}.npz", **{key: tensor.numpy() for key, tensor in checkpoint.items()})
    with pytest.raises(GanzooError, match="its arrays are not those of efficientnet_lite0_fp16"):
        metrics.get_extractor("efficientnet_lite0")
    with pytest.raises(GanzooError, match="is not of efficientnet_lite0: it has no matching array '_conv_head"):
        efficientnet_lite0("mine")


def test_networks_that_differ_in_more_than_weights_have_features_of_their_own(monkeypatch, tmp_path):
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path))
    images = np.random.default_rng(0).integers(0, 256, (8, 12, 12, 1), "uint8")

    def extractor(scale, resize=None, name=None):
        inputs = keras.Input((6, 6, 1))
        means = keras.layers.AveragePooling2D(2, name=name)(keras.ops.relu(inputs * scale))
        features = keras.layers.Dense(3, "relu", kernel_initializer="ones")(keras.layers.Flatten()(means))
        return metrics.Extractor(keras.Model(inputs, features), "mine", resize)

    small = images[:, :6, :6]
    for one in (extractor(1.0), extractor(1 / 255)):
        np.testing.assert_array_equal(cached_features(one, small).vectors, one(small).vectors)
    assert extractor(1.0).name != extractor(1 / 255).name
    # The number that Keras gives a layer, or the name that an author gives it, changes nothing.
    assert extractor(1.0).name == extractor(1.0, name="pool").name == extractor(1.0, name="relu").name
    for one in (extractor(1.0, (6, 6)), extractor(1.0)):
        np.testing.assert_array_equal(cached_features(one, small).vectors, one(small).vectors)


def test_networks_with_layers_that_keras_cannot_describe_are_told_apart():
    class Factor:
        def __init__(self, value):
            self.value = value

    class Scaled(keras.layers.Layer):
        def __init__(self, factor):
            super().__init__()
            self.factor = factor

        def call(self, x):
            return x * self.factor.value

    def name(value):
        inputs = keras.Input((None, None, 3))
        features = keras.layers.GlobalAveragePooling2D()(Scaled(Factor(value))(inputs))
        return metrics.Extractor(keras.Model(inputs, features), "mine").name

    assert name(1.0) == name(1.0) != name(0.5)


def test_neighbors_are_at_least_one(sets):
    for metric in (metrics.density_coverage, metrics.precision_recall):
        with pytest.raises(GanzooError, match="neighbors must be at least 1, got 0"):
            metric(*sets, 0)
