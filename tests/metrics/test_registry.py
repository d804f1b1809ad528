"""Metrics by name: what is reported, what chooses a checkpoint, and metrics of one's own."""

import subprocess
import sys
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import ganzoo
import ganzoo.evaluation.speech_synthesis
import ganzoo.evaluation.voice_conversion
from ganzoo.cli import main
from ganzoo.config import Evaluation
from ganzoo.metrics import get_extractor
from ganzoo.metrics.registry import averages, chosen_metrics, compute, get_metric, register_metric, rounded
from ganzoo.training.callbacks.record import read_records

OWN = """
import ganzoo


@ganzoo.metrics.register_metric(
    "brightness", "image_generation", protocol="brightness in gray levels", higher_is_better=True
)
def brightness(sets):
    return sets.generated.mean()
"""

PRESET = """
model: dcgan
arguments: {image_shape: [32, 32, 1], latent_dim: 8, width: 4}
data: {source: digits, batch_size: 256, upscale: true}
training: {epochs: 3}
evaluation: {extractor: digits_classifier, monitor: brightness, metrics: [brightness, classes_covered], samples: 20}
"""


@pytest.fixture
def registered(monkeypatch):
    """Metrics that a test registers are forgotten after it."""
    monkeypatch.setattr("ganzoo.metrics.registry._metrics", dict(ganzoo.metrics.registry._metrics))


def test_ones_own_metric_is_one_decorated_function(tmp_path, registered):
    """It is reported, with its protocol, and chooses the checkpoint of a run whose preset names it."""
    (tmp_path / "own.py").write_text(OWN)
    (tmp_path / "mine.yaml").write_text(PRESET)
    arguments = ["--import", str(tmp_path / "own.py")]
    done = CliRunner().invoke(main, [*arguments, "train", str(tmp_path / "mine.yaml"), "--output", str(tmp_path)])
    assert done.exit_code == 0, done.output
    records = {record["epoch"]: record["brightness"] for record in read_records(tmp_path / "mine-001/metrics.jsonl")}
    assert len(set(records.values())) == 3
    best = ganzoo.load(tmp_path / "mine-001")
    assert best.generate(20, seed=0).mean() == pytest.approx(max(records.values()), rel=1e-6)
    done = CliRunner().invoke(
        main, [*arguments, "evaluate", str(tmp_path / "mine-001"), "--data", "digits", "--samples", "20"]
    )
    assert done.exit_code == 0, done.output
    names = [line.split(":")[0] for line in done.output.splitlines() if not line.startswith("warning")]
    assert names == ["brightness", "classes_covered", "protocol"]
    assert done.output.rstrip().endswith("; brightness in gray levels")


def test_named_metrics_that_cannot_be_computed_are_refused_and_defaults_left_out(registered):
    known = get_extractor("digits_classifier"), False
    names = [metric.name for metric in chosen_metrics("image_generation", None, *known)]
    assert names == [
        *("frechet_distance", "kernel_distance", "precision_recall", "density_coverage"),
        *("inception_score", "classes_covered"),
    ]
    with pytest.raises(ganzoo.GanzooError, match="generates no classes"):
        chosen_metrics("image_generation", ["class_accuracy"], *known)
    with pytest.raises(ganzoo.GanzooError, match="defined at 8000 and 16000 Hz, not 44100"):
        chosen_metrics("speech_enhancement", ["pesq"], 44_100)
    assert [metric.name for metric in chosen_metrics("speech_enhancement", None, 44_100)][-2:] == [
        "si_sdr",
        "segmental_snr",
    ]
    with pytest.raises(ganzoo.GanzooError, match="Did you mean 'frechet_distance'"):
        get_metric("frechet_distanc", "image_generation")
    with pytest.raises(ganzoo.GanzooError, match=r"'FID' is called 'frechet_distance' here.*inception_v3"):
        get_metric("FID", "image_generation")
    with pytest.raises(ganzoo.GanzooError, match="unknown metric"):
        get_metric("fid", "super_resolution")
    with pytest.raises(ganzoo.GanzooError, match="there is a metric 'psnr_y' of super_resolution already"):
        register_metric("psnr_y", "super_resolution")(lambda image, reference, scale: 0.0)
    model = ganzoo.create("dcgan", image_shape=(32, 32, 1), latent_dim=4, width=4)
    with pytest.raises(ganzoo.GanzooError, match="gives several numbers"):
        model.validation_metrics(None, Evaluation("digits_classifier", monitor="precision_recall"))


def test_defaults_that_a_model_is_not_for_are_left_out():
    """Instead of failing on every recording or image."""

    def defaults(task, *known):
        return [metric.name for metric in chosen_metrics(task, None, *known)]

    restoration = defaults("speech_restoration", 22_050)
    assert "mel_cepstral_distortion" in restoration
    assert not {"pesq", "dnsmos"} & set(restoration)
    digits = SimpleNamespace(label_names={"digit": [*"0123456789"]}, sample_rate=8000, mel_bands=0)
    assert defaults("speech_synthesis", digits) == ["bits_per_sample"]
    gray, color = (SimpleNamespace(image_shape=(16, 16, channels), factor=1) for channels in (1, 3))
    assert {*defaults("text_to_image", color)} - {*defaults("text_to_image", gray)} == {"colors_obeyed"}


@pytest.mark.parametrize(("word", "is_known"), [("7", True), ("seven", False)])
def test_words_of_conversions_are_measured_if_the_judge_knows_them(word, is_known):
    sides = SimpleNamespace(
        words_label=lambda: "digit",
        judge=lambda: "spoken_digits_judge",
        voices=[SimpleNamespace(labels={"digit": ["1", word]})],
    )
    assert get_metric("words_kept", "voice_conversion").usable(sides) == is_known


def test_evaluate_says_which_metrics_lack_a_weights_file(monkeypatch, tmp_path):
    monkeypatch.setenv("GANZOO_WEIGHTS", str(tmp_path))
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.new("RGB", (64, 64), (120, 80, 40)).save(folder / "brown.png")
    command = [sys.executable, "-m", "ganzoo", "evaluate", "srresnet", "--data", f"folder:{folder}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "psnr_y" in done.stdout
    assert "lpips" not in done.stdout
    alex, vgg = done.stderr.splitlines()
    assert alex.startswith("warning: lpips_alex is left out: there is no weights file 'lpips_alexnet_fp16'")
    assert vgg.startswith("warning: lpips_vgg is left out")
    # What does not apply to a model is left out without a warning.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chosen_metrics("image_generation", None, get_extractor("digits_classifier"), False)


def test_what_a_metric_gives_is_checked(registered):
    register_metric("words", "image_generation")(lambda sets: "good")
    register_metric("pair", "image_generation", values=("a", "b"))(lambda sets: {"a": np.float32(1), "c": 2})
    for name, message in (("words", "returned 'good' for 'words'"), ("pair", r"for \('a', 'b'\)")):
        with pytest.raises(ganzoo.GanzooError, match=message):
            get_metric(name, "image_generation")(None)


def test_a_metric_cannot_change_what_others_see(registered):
    """The real images are those that a run trains on."""

    @register_metric("destroyer", "image_generation")
    def destroyer(sets):
        sets.real[:] = 0

    register_metric("silencer", "speech_enhancement")(lambda clean, enhanced, sample_rate: clean.fill(0))
    images = np.ones((4, 32, 32, 1), "uint8")
    sets = ganzoo.metrics.ImageSets(images, images.copy(), get_extractor("digits_classifier"))
    with pytest.raises(ValueError, match="read-only"):
        get_metric("destroyer", "image_generation")(sets)
    with pytest.raises(ValueError, match="read-only"):
        compute([get_metric("silencer", "speech_enhancement")], np.ones(8), np.ones(8), 8000)
    assert images.all()


def test_averages_and_rounding_by_hand():
    rows = [{"si_sdr": float("inf"), "stoi": 0.5}, {"si_sdr": 10.0, "stoi": 1.0}]
    assert averages(rows) == {"si_sdr": 55.0, "stoi": 0.75}
    assert rounded({"a": 0.123456789, "b": 12345.678, "c": 7}) == {"a": 0.12346, "b": 12346.0, "c": 7}


def test_a_failed_metric_does_not_end_a_run(tmp_path, registered):
    """Its epochs have no metrics, but checkpoints; and a metric that gives another one's value is refused."""
    calls = []

    @register_metric("fragile", "image_generation")
    def fragile(sets):
        calls.append(1)
        if len(calls) == 3:
            raise ValueError("out of luck")
        return float("nan") if len(calls) == 1 else 2.0

    (tmp_path / "mine.yaml").write_text(
        PRESET.replace("monitor: brightness, metrics: [brightness, ", "monitor: fragile, metrics: [")
    )
    with pytest.warns(UserWarning, match="has no validation metrics"):
        folder = ganzoo.train(tmp_path / "mine.yaml", output=tmp_path)
    records = read_records(folder / "metrics.jsonl")
    assert ["fragile" in record for record in records] == [False, True, False]
    assert ganzoo.load(folder / "checkpoints" / "last.keras").steps == records[-1]["step"]
    with pytest.raises(ganzoo.GanzooError, match="unknown metric 'nope'"):
        ganzoo.train(tmp_path / "mine.yaml", output=tmp_path, settings=["evaluation.metrics=[nope]"])
    register_metric("double", "image_generation", values=("fragile", "x"))(lambda sets: {"fragile": 1.0, "x": 2})
    register_metric("single", "image_generation", values=("fragile",))(lambda sets: {"fragile": 1.0})
    with pytest.raises(ganzoo.GanzooError, match="gives 'fragile', as another metric does"):
        compute([get_metric(name, "image_generation") for name in ("single", "double")], None)
