"""How few images are too few to measure by."""

import numpy as np
import pytest
from click.testing import CliRunner

import ganzoo
from ganzoo.cli import main
from ganzoo.config import Evaluation
from ganzoo.data.images import images
from ganzoo.evaluation import compare_presets, evaluate, evaluate_presets, probe
from ganzoo.evaluation.report import short

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


@pytest.fixture
def untrained(tmp_path):
    (tmp_path / "new.yaml").write_text("extends: wgan.mnist\n")
    return str(tmp_path / "new.yaml")


def test_families_share_a_table_with_cells_left_empty(source, untrained):
    """A VAE has a likelihood, a GAN has none, and a preset without weights has no metrics at all."""
    arguments = ["compare", "dcgan.mnist", "vae.mnist", untrained, "--data", source(10), "--samples", "20"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    rows = {line.split()[0]: line.split()[1:] for line in done.output.splitlines()[1:]}
    for name in ("frechet_distance:", "classifier_frechet_distance:", "sharpness_ratio:", "samples_per_second:"):
        assert len(rows[name]) == 2
        assert all(float(value) > 0 for value in rows[name]), name
    assert rows["frechet_distance:"] != rows["classifier_frechet_distance:"]
    for name in ("negative_log_likelihood:", "negative_elbo:"):
        assert rows[name][0] == "-"
        assert float(rows[name][1]) > 0
    # A Bernoulli likelihood is not one of 8-bit images.
    assert "bits_per_dimension:" not in rows
    for part in ("mnist_judge features", "on mnist_classifier features", "negative ELBO", "20 samples"):
        assert part in done.output
    assert "new.yaml: no trained weights" in done.output


def test_what_cannot_be_compared(source, untrained):
    with pytest.raises(ganzoo.GanzooError, match="no trained weights"):
        compare_presets([untrained], source(10), samples=10)
    with pytest.raises(ganzoo.GanzooError, match="'srgan' does not generate images from noise: use `ganzoo evaluate"):
        compare_presets(["dcgan.mnist", "srgan"], source(10), samples=10)
    with pytest.raises(ganzoo.GanzooError, match="the model has no likelihood"):
        evaluate_presets(["dcgan.mnist", "gan.mnist"], source(10), samples=10, metrics=["negative_log_likelihood"])
    model = ganzoo.create("dcgan", **SIZES)
    with pytest.raises(ganzoo.GanzooError, match="needs a second feature extractor"):
        evaluate(model, source(10), "mnist_classifier", samples=10, metrics=["classifier_frechet_distance"])
    for call in (evaluate_presets, compare_presets):
        with pytest.raises(ganzoo.GanzooError, match="name at least one preset"):
            call([], source(10))
    for classified in (
        lambda: evaluate_presets("srgan", "photos", classifier="mnist_judge"),
        lambda: evaluate(ganzoo.load("srgan"), "photos", classifier="mnist_judge"),
    ):
        with pytest.raises(ganzoo.GanzooError, match="the option classifier is for models that generate images"):
            classified()


def test_one_name_and_one_metric_need_no_list(source):
    (found,) = evaluate_presets("dcgan.mnist", source(10), samples=10, metrics="sharpness")
    assert "sharpness_ratio" in found.metrics
    assert "frechet_distance" not in found.metrics


def test_a_source_is_shown_without_the_folders_above_it(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for given, shown in {
        "folder:a/b": "folder:b",
        "folder:.": f"folder:{tmp_path.name}",
        "folder:a/.data": "folder:.data",
        "named:c:d/fsdd:{digit}_{speaker}:digit=1-2": "named:fsdd:{digit}_{speaker}:digit=1-2",
        "named:a/fsdd:x/{digit}": "named:fsdd:x/{digit}",
    }.items():
        assert short(given) == shown
