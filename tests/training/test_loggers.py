"""Runs that are logged to services, with their real packages on this machine alone; and the plot of every run."""

import numpy as np
import pytest
from PIL import Image

import ganzoo
from ganzoo.training.callbacks.curves import draw_curves
from ganzoo.training.callbacks.record import read_records

QUICK = {"extractor": None, "epochs": 2}


def test_mlflow_continues_the_record_of_a_resumed_run(tiny_preset, tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri((tmp_path / "mlruns").as_uri())
    settings = {**QUICK, "loggers": ["mlflow"]}
    folder = ganzoo.train(tiny_preset, output=tmp_path / "runs", settings=settings)
    ganzoo.train(tiny_preset, output=tmp_path / "runs", settings={"epochs": 3}, resume=True)
    (record,) = mlflow.search_runs(search_all_experiments=True, output_format="list")
    assert record.info.run_name == "tiny-001"
    assert record.info.status == "FINISHED"
    assert record.data.params["arguments.width"] == "4"
    client = mlflow.MlflowClient()
    logged = {one.step: one.value for one in client.get_metric_history(record.info.run_id, "d_loss")}
    expected = {line["epoch"]: line["d_loss"] for line in read_records(folder / "metrics.jsonl")}
    assert logged == pytest.approx(expected, rel=1e-5)
    assert len(client.list_artifacts(record.info.run_id, "samples")) == 3


def test_wandb_offline(tiny_preset, tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    ganzoo.train(tiny_preset, output=tmp_path / "runs", settings={**QUICK, "loggers": ["wandb"]})
    (record,) = tmp_path.glob("wandb/offline-run-*/run-*.wandb")
    content = record.read_bytes()
    for part in (b"tiny-001", b"d_loss", b"g_loss"):
        assert part in content


def test_a_missing_package_is_named_before_training(tiny_preset, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ganzoo.GanzooError, match="pip install wandb"):
        ganzoo.train(tiny_preset, output=tmp_path / "runs", settings={**QUICK, "loggers": ["wandb"]})
    with pytest.raises(ganzoo.GanzooError, match="'mlflow' or 'wandb'"):
        ganzoo.train(tiny_preset, output=tmp_path / "runs", settings={**QUICK, "loggers": ["wandbb"]})
    assert not (tmp_path / "runs").exists()


def test_every_run_has_a_plot(tiny_run):
    image = np.asarray(Image.open(tiny_run / "curves.png").convert("RGB"))
    # Losses, outputs of the discriminator, and the monitored distance.
    assert image.shape == (900, 760, 3)
    colors = {tuple(color) for color in image.reshape(-1, 3)}
    assert {(0, 114, 178), (213, 94, 0)} <= colors


def test_a_line_is_where_its_numbers_are(tmp_path):
    """A falling line, and one broken by NaN: from the upper left corner to the lower right."""
    records = [{"epoch": i, "step": i, "d_loss": 11.0 - i, "g_loss": float("nan")} for i in range(1, 11)]
    draw_curves(tmp_path / "c.png", records)
    image = np.asarray(Image.open(tmp_path / "c.png").convert("RGB")).astype(int)
    blue = np.argwhere(np.abs(image[:, :560] - (0, 114, 178)).sum(axis=2) < 30)
    first, last = blue[blue[:, 1] < 80].mean(axis=0), blue[blue[:, 1] > 560 - 10].mean(axis=0)
    assert first[0] < 45
    middle = blue[np.abs(blue[:, 1] - 320) < 3].mean(axis=0)
    assert middle[0] == pytest.approx((36 + 266) / 2, abs=4)
    assert np.isnan(last).all() or last[0] > 255
    # A panel for the losses and one for each other metric.
    records = [{**one, **{f"metric_{i}": float(i) for i in range(9)}} for one in records]
    draw_curves(tmp_path / "more.png", records)
    assert Image.open(tmp_path / "more.png").height == 10 * len(image)
    draw_curves(tmp_path / "none.png", [{"step": 3}])
    assert not (tmp_path / "none.png").exists()
