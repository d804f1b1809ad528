"""Presets that are trained in stages."""

import numpy as np
import pytest

import ganzoo
from ganzoo.config import from_mapping, load_config, of_stage
from ganzoo.training.callbacks.record import read_records
from ganzoo.training.plan import prepare


@pytest.fixture
def staged(tmp_path, tiny_preset):
    """A preset of three stages, the last of which is the preset itself."""
    path = tmp_path / "staged.yaml"
    path.write_text(
        f"""
extends: {tiny_preset}
compile: {{loss: hinge}}
data: {{batch_size: 48}}
training: {{epochs: 2, seed: 3}}
evaluation: {{extractor: null}}
stages:
- name: warm
  compile: {{loss: least_squares}}
  training: {{epochs: 1, seed: 1}}
- name: middle
  data: {{batch_size: 32}}
"""
    )
    return path


def averages(folder):
    model = ganzoo.load(folder / "checkpoints" / "last.keras")
    return [np.array(w) for w in model.ema_generator.weights]


def test_stages_are_trained_one_after_the_other_each_from_the_one_before(staged, tmp_path, capsys):
    output = tmp_path / "runs"
    folder = ganzoo.train(staged, output=output)
    assert folder == output / "staged-001"
    names = ["staged-001", "staged-middle-001", "staged-warm-001"]
    assert sorted(path.name for path in output.iterdir()) == names
    assert [line for line in capsys.readouterr().out.splitlines() if line.startswith("stage ")] == [
        "stage 1 of 3: warm",
        "stage 2 of 3: middle",
        "stage 3 of 3: the preset itself",
    ]
    last, middle, warm = (load_config(output / name / "config.yaml") for name in names)
    assert [one.compile["loss"] for one in (warm, middle, last)] == ["least_squares", "hinge", "hinge"]
    assert [one.training.epochs for one in (warm, middle, last)] == [1, 2, 2]
    assert [one.training.seed for one in (warm, middle, last)] == [1, 3, 3]
    assert [one.training.start_from for one in (warm, middle, last)] == [
        None,
        str(output / "staged-warm-001"),
        str(output / "staged-middle-001"),
    ]
    assert middle.data["batch_size"] == 32 != last.data["batch_size"]
    # The same as each stage by itself.
    alone = tmp_path / "alone.yaml"
    alone.write_text((output / "staged-middle-001" / "preset.yaml").read_text())
    again = ganzoo.train(alone, output=tmp_path / "others")
    assert all(map(np.array_equal, averages(output / "staged-middle-001"), averages(again)))
    # A new run has a new number.
    assert ganzoo.train(staged, output=output, settings=["stages=[]", "epochs=1"]).name == "staged-002"


def test_a_run_that_stopped_in_a_stage_goes_on_there_and_ends_the_same(staged, tmp_path, monkeypatch):
    whole = ganzoo.train(staged, output=tmp_path / "whole")
    output = tmp_path / "runs"
    # No time: each call trains for one step.
    folders = [ganzoo.train(staged, output=output, max_minutes=0)]
    while folders[-1].name != "staged-001":
        folders.append(ganzoo.train(staged, output=output, max_minutes=0, resume=True))
    assert {folder.name for folder in folders} == {"staged-warm-001", "staged-middle-001", "staged-001"}
    plan = prepare(staged, output=output, resume=True)
    assert plan.describe().startswith("stage   stage 3 of 3")
    # Another place changes nothing.
    moved = output.rename(tmp_path / "moved")
    folder = ganzoo.train(staged, output=moved, resume=True)
    assert [line["epoch"] for line in read_records(folder / "metrics.jsonl")] == [1, 2]
    assert all(map(np.array_equal, averages(folder), averages(whole)))
    # A newer run, and the older one again.
    assert ganzoo.train(staged, output=moved, max_minutes=0).name == "staged-warm-002"
    assert ganzoo.train(staged, output=moved, resume=True, run=1) == folder
    assert ganzoo.train(staged, output=moved, max_minutes=0, resume=True).name.endswith("-002")


def test_mistakes_are_found_before_the_first_stage(staged, tmp_path):
    text = staged.read_text()
    for old, new, message in (
        ("loss: least_squares", "los: least_squares", r"stage 1 of 3: warm, section 'compile'.*'los'. Did you mean"),
        ("{epochs: 1,", "{epochs: 0,", "stage 'warm'.*epochs"),
        ("name: middle", "name: warm", "two stages cannot have the same name, got warm, warm"),
        ("name: middle", "name: ../up", "name"),
        ("data: {batch_size: 32}", "model: gan", "model"),
    ):
        assert old in text
        staged.write_text(text.replace(old, new))
        with pytest.raises(ganzoo.GanzooError, match=message) as found:
            ganzoo.train(staged, output=tmp_path / "runs")
        assert "\n" not in str(found.value)
        assert not (tmp_path / "runs").exists()


def test_settings_are_for_the_preset_and_what_a_stage_does_not_change():
    stages = [{"name": "content", "training": {"epochs": 2}, "compile": {"optimizer": {"name": "sgd"}}}]
    mapping = {
        "model": "srresnet",
        "training": {"epochs": 7, "seed": 5},
        "compile": {"optimizer": {"name": "adam", "beta_1": 0.5}},
        "stages": stages,
    }
    config = of_stage(from_mapping(mapping, "preset"), 0)
    assert (config.training.epochs, config.training.seed, config.stages) == (2, 5, [])
    # The settings of another optimizer are not mixed in.
    assert config.compile["optimizer"] == {"name": "sgd"}
