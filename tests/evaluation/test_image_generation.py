"""How few images are too few to measure by."""

import numpy as np
import pytest

import ganzoo
from ganzoo.config import Evaluation
from ganzoo.data.images import images
from ganzoo.evaluation import evaluate, probe

SIZES = dict(image_shape=(28, 28, 1), latent_dim=4, width=4)


@pytest.fixture
def source(tmp_path):
    def write(count, labels=None):
        images = np.random.default_rng(0).integers(0, 256, (count, 28, 28), dtype="uint8")
        np.savez(tmp_path / f"{count}.npz", images=images, labels=np.arange(count) % 2 if labels is None else labels)
        return f"npz:{tmp_path}/{count}.npz"

    return write


def test_the_fewest_images(source):
    model = ganzoo.create("dcgan", **SIZES)
    for count in (1, 2, 5):
        with pytest.raises(ganzoo.GanzooError, match=rf"{count}.npz has too few images, {count}: .*at least 6"):
            evaluate(model, source(count), "mnist_classifier", samples=10)
    with pytest.raises(ganzoo.GanzooError, match="samples must be at least 10, got 9"):
        evaluate(model, source(6), "mnist_classifier", samples=9)
    found = evaluate(model, source(6), "mnist_classifier", samples=10).metrics
    assert np.isfinite(list(found.values())).all()
    with pytest.raises(ganzoo.GanzooError, match=r"has 1 image, but the Fréchet distance .*extractor=null"):
        model.validation_metrics(
            images.feed(source(1), (28, 28, 1), batch_size=1), Evaluation(extractor="mnist_classifier")
        )


def test_a_linear_classifier_needs_two_images_and_labels_of_any_form(source):
    model = ganzoo.create("dcgan", **SIZES)
    with pytest.raises(ganzoo.GanzooError, match=r"has 1 image: a classifier needs at least 2"):
        probe(model, source(1), source(20))
    with pytest.raises(ganzoo.GanzooError, match="examples must be at least 2, got 1"):
        probe(model, source(20), source(20), examples=1)
    _, plain = probe(model, source(20), source(20))
    _, one_hot = probe(model, source(20, np.eye(2)[np.arange(20) % 2]), source(20))
    assert plain == one_hot
