"""Runs become presets: with the metrics of their best checkpoint, or as not measured."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

import ganzoo
from ganzoo import presets
from ganzoo.training.publish import publish_run


def test_a_published_run_is_a_preset_folder_with_metrics_and_a_card(measured_run, images_npz, tmp_path):
    run = shutil.copytree(measured_run, tmp_path / measured_run.name)
    (run / "config.yaml").write_text((run / "config.yaml").read_text() + "class_names: [a, b]\n")
    # Later epochs were worse.
    with (run / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"epoch": 2, "step": 12, "cpu_seconds": 6000.0, "frechet_distance": 1e9}) + "\n")
    folder, given = tmp_path / "published", dict(license="CC0", trained_on="noise", samples=200)
    path = publish_run(run, folder, images_npz, **given)
    config = presets.find(folder).config
    assert {one.name for one in folder.iterdir()} == {"preset.yaml", "README.md", "samples.png", config.weights.file}
    assert config.weights.license == "CC0"
    assert config.weights.metrics["frechet_distance"] > 0
    assert (config.weights.metrics["best_epoch"], config.weights.metrics["training_cpu_minutes"] < 100) == (1, True)
    assert "mnist_classifier" in config.weights.protocol
    # No folder of this machine is published.
    assert config.data["source"] == "npz:images.npz"
    where = images_npz.removeprefix("npz:").removesuffix("/images.npz")
    assert where not in path.read_text() + (folder / "README.md").read_text()
    published, best = ganzoo.load(folder), ganzoo.load(run)
    assert np.abs(published.generate(4, seed=0).astype(int) - best.generate(4, seed=0)).max() <= 2
    assert config.class_names == ["a", "b"]
    card = (folder / "README.md").read_text()
    assert f"| Fréchet distance | {config.weights.metrics['frechet_distance']:g} |" in card
    assert "![32 images, generated from seed 0](samples.png)" in card
    with Image.open(folder / "samples.png") as samples:
        assert samples.size == (8 * 30 - 2, 4 * 30 - 2)
    with pytest.raises(ganzoo.GanzooError, match="it holds a preset; choose another folder"):
        publish_run(run, folder, images_npz, **given)
    with pytest.raises(ganzoo.GanzooError, match="a preset's name consists of lower-case letters"):
        publish_run(run, folder, images_npz, **given, name="../x")
    with pytest.raises(ganzoo.GanzooError, match="No such file"):
        publish_run(run, tmp_path / "unmeasured", "npz:missing.npz", **given)
    assert not (tmp_path / "unmeasured").exists()
    # As the package's presets are written: beside others, without cards.
    path = publish_run(run, tmp_path / "zoo", images_npz, **given, name="mine")
    assert {one.name for one in path.parent.iterdir()} == {"mine.yaml", "mine.npz"}
    np.testing.assert_array_equal(ganzoo.load(path).generate(2, seed=0), published.generate(2, seed=0))
    config = run / "config.yaml"
    config.write_text(config.read_text().replace("evaluation: {", "evaluation: {judge: mnist_judge, "))
    # In the folder of a preset with the same weights, which stays whole.
    publish_run(run, folder, images_npz, **given, name="mine")
    np.testing.assert_array_equal(ganzoo.load(folder).generate(2, seed=0), published.generate(2, seed=0))
    # A preset stays as it is if the weights that would replace it cannot be measured.
    np.savez(tmp_path / "one.npz", images=np.zeros((1, 28, 28), "uint8"))
    before = {one.name: one.read_bytes() for one in path.parent.iterdir()}
    with pytest.raises(ganzoo.GanzooError):
        publish_run(run, tmp_path / "zoo", f"npz:{tmp_path / 'one.npz'}", **given, bits=8, name="mine")
    assert {one.name: one.read_bytes() for one in path.parent.iterdir()} == before
    weights = presets.find(publish_run(run, tmp_path / "zoo", images_npz, **given, name="judged")).config.weights
    assert weights.protocol.startswith("mnist_judge features")
    assert weights.protocol.endswith("also on mnist_classifier features, which selected the checkpoint")


def test_a_run_that_chose_by_likelihood_is_published_with_its_metrics(images_npz, tmp_path):
    (tmp_path / "small.yaml").write_text(f"""
model: pixelcnn
arguments: {{image_shape: [28, 28, 1], width: 4, depth: 1, first_kernel_size: 3, hidden: 4}}
data: {{source: "{images_npz}", batch_size: 16, held_out: 0.2}}
training: {{epochs: 2, samples: 4}}
""")
    run = ganzoo.train(tmp_path / "small.yaml", output=tmp_path / "runs")
    path = publish_run(run, tmp_path / "zoo", images_npz, "CC0", "noise", name="small", samples=20)
    weights = presets.find(path).config.weights
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    lowest = min(lines, key=lambda line: line["negative_log_likelihood"])
    assert weights.metrics["best_epoch"] == lowest["epoch"]
    assert "names no feature extractor" in weights.protocol
    config = run / "config.yaml"
    named = "evaluation: {extractor: mnist_classifier, judge: mnist_judge, "
    config.write_text(config.read_text().replace("evaluation: {", named))
    publish_run(run, tmp_path / "zoo", images_npz, "CC0", "noise", name="small", samples=20)
    weights = presets.find(path).config.weights
    assert weights.metrics["best_epoch"] == lowest["epoch"]
    assert 100 < weights.metrics["negative_log_likelihood"] < 900
    assert weights.metrics["classifier_frechet_distance"] > 0
    assert "negative log-likelihood" in weights.protocol
    assert "selected the checkpoint" not in weights.protocol


def test_a_run_without_metrics_is_published_as_not_measured(begun_run, images_npz, tmp_path):
    folder, given = tmp_path / "published", dict(license="CC0", trained_on="noise")
    publish_run(begun_run, folder, images_npz, **given)
    weights = presets.find(folder).config.weights
    assert "not measured" in weights.protocol
    assert weights.metrics["best_epoch"] == 1
    card = (folder / "README.md").read_text()
    assert "Not measured." in card
    last = ganzoo.load(begun_run / "checkpoints" / "last.keras")
    published = ganzoo.load(folder)
    assert np.abs(published.generate(4, seed=0).astype(int) - last.generate(4, seed=0)).max() <= 2


def test_a_run_that_measures_is_not_published_before_it_has_measured(measured_run, images_npz, tmp_path):
    run = shutil.copytree(measured_run, tmp_path / measured_run.name)
    shutil.copy(run / "preset.yaml", tmp_path / "tiny.yaml")
    facts = run / "data.json"
    recorded = json.loads(facts.read_text())
    # The best checkpoint needs none of the facts.
    facts.write_text("{")
    publish_run(run, tmp_path / "published", images_npz, "CC0", "noise", samples=20)
    (run / "checkpoints" / "best.keras").unlink()
    # A resumed run records the metric again; an older version did not, or wrote no facts at all.
    facts.write_text(json.dumps(recorded))
    ganzoo.train(run.parent / "tiny.yaml", output=run.parent, resume=True)
    for content in (facts.read_text(), json.dumps({**recorded, "monitor": None}), None):
        facts.write_text(content) if content else facts.unlink()
        with pytest.raises(ganzoo.GanzooError, match="no best checkpoint yet: frechet_distance selects it"):
            publish_run(run, tmp_path / "other", images_npz, "CC0", "noise")
    facts.write_text(json.dumps({**recorded, "monitor": "\x1b[31m"}))
    with pytest.raises(ganzoo.GanzooError, match="not the name of a metric"):
        publish_run(run, tmp_path / "other", images_npz, "CC0", "noise")


def test_a_run_whose_data_had_nothing_to_measure_publishes_its_last_checkpoint(examples_folder, tmp_path):
    """CycleGAN measures images that exist on both sides: here there are none."""
    animals = shutil.copytree(examples_folder / "my_images", tmp_path / "my_images")
    for path in list((animals / "dogs").iterdir()):
        path.rename(path.with_name(f"dog {path.name}"))
    source = f"folders:{animals}/cats,{animals}/dogs"
    (tmp_path / "animals.yaml").write_text(f"""
model: cyclegan
arguments: {{crop: 32, width: 4, blocks: 1}}
data: {{source: "{source}", batch_size: 4}}
training: {{epochs: 1, samples: 2}}
""")
    run = ganzoo.train(tmp_path / "animals.yaml", output=tmp_path / "runs")
    publish_run(run, tmp_path / "animals", source, "CC0", "noise")
    weights = presets.find(tmp_path / "animals").config.weights
    assert "not measured" in weights.protocol
    assert weights.metrics["best_epoch"] == 1
