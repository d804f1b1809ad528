"""Model cards: what the hub reads from them, and that those of the shipped presets are current."""

import keras
import numpy as np
import pytest
import yaml

import ganzoo
from docs import cards as pages
from docs.tables import trained
from ganzoo import cards, presets, registry


@pytest.mark.parametrize(
    ("license", "identifier"),
    [
        ("CC BY-SA 3.0", "cc-by-sa-3.0"),
        ("CC BY 4.0", "cc-by-4.0"),
        ("CC0", "cc0-1.0"),
        ("MIT", "mit"),
        ("MIT License", "mit"),
        ("Apache License 2.0", "apache-2.0"),
        ("Apache License", None),
        ("not stated", "unknown"),
        ("CC BY 4.0, CC0 and GPL-2+, depending on the photo", None),
    ],
)
def test_licenses_have_the_names_of_the_hub(license, identifier):
    assert cards.license_identifier(license) == identifier


def test_the_data_of_a_protocol_is_found():
    for name, data in {
        "dcgan.mnist": "10,000 images of idx:t10k-images-idx3-ubyte.gz",
        "srgan.photos_x4": "5 images of folder:set5",
        "segan.speech": "13 pairs of folder:voicebank_demand",
        "stackgan.avatars": "avatars:2000:seed=200 and as many with held-out pairs of colors",
    }.items():
        assert cards.evaluation_data(presets.find(name).config.weights.protocol) == data
    speech = "300 recordings of named:fsdd:{digit}_{index}:index=0-4 (1a2b3c4d), 1,043,212 samples at 8000 Hz; bits"
    assert cards.evaluation_data(speech) == "300 recordings of named:fsdd:{digit}_{index}:index=0-4"


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        ("classifier_frechet_distance", "Fréchet distance (features of the validation classifier)"),
        ("classifier_attributes_obeyed", "by the validation classifier: attributes as in the caption"),
        ("bits_per_sample", "bits per sample"),
        ("held_out_obeyed_hair_color", "held-out captions: hair color as in the caption"),
        ("paired_psnr_backward", "PSNR to the ground truth, in dB, backward"),
        ("real_speaker_recognized", "real recordings: speakers recognized"),
        ("held_out_of_10", "held-out captions: own caption ranked first of 10"),
    ],
)
def test_metrics_have_names_in_words(metric, words):
    assert cards.label(metric) == words


def test_the_training_time_says_what_trained():
    assert cards.training_time({"training_cpu_minutes": 28.7}) == "29 minutes"
    assert cards.training_time({"training_gpu_minutes": 4.0}, " more") == "4 minutes more on a GPU"
    assert cards.training_time({"training_gpu_minutes": 1.2}) == "1 minute on a GPU"
    assert cards.training_time({"training_cpu_minutes": 0.23}) == "0.2 minutes"
    assert cards.training_time({}) == ""
    for name, config in trained().items():
        gpu, epoch = "training_gpu_minutes" in config.weights.metrics, config.weights.metrics["best_epoch"]
        line = next(line for line in cards.card(config, name).splitlines() if line.startswith("- Training: "))
        stage = f" for the last of {len(config.stages) + 1} stages" if config.stages else ""
        assert line.endswith(f"{'on a GPU' if gpu else 'of processor time'}{stage}, up to epoch {epoch}")
        assert not {"training_cpu_minutes", "training_gpu_minutes", "best_epoch"} & {*cards.measured(config.weights)}


def test_the_hub_understands_the_front_matter_of_every_card():
    hub = pytest.importorskip("huggingface_hub")
    pipelines = {}
    for name, config in trained().items():
        found = hub.ModelCard(cards.card(config, name)).data
        assert found.library_name == "ganzoo"
        assert found.license
        assert (found.license == "other") == (found.get("license_name") is not None)
        (protocol,) = {result.dataset_args["protocol"] for result in found.eval_results}
        assert protocol == config.weights.protocol
        values = {result.metric_type: result.metric_value for result in found.eval_results}
        assert values == cards.measured(config.weights)
        pipelines[config.model] = found.pipeline_tag
    pipelines = {
        config.model: hub.ModelCard(cards.card(config, name)).data.pipeline_tag for name, config in trained().items()
    }
    assert pipelines["srgan"] == "image-to-image"
    assert pipelines["segan"] == "audio-to-audio"
    assert pipelines["stackgan"] == "text-to-image"
    assert pipelines["dcgan"] == "unconditional-image-generation"
    assert pipelines["cgan"] is None


def test_the_cards_of_the_documentation_are_current_and_small():
    """Otherwise: python -m docs.cards"""
    written = pages.pages()
    for name, text in written.items():
        assert (pages.FOLDER / name).read_text() == text, f"{name} is not current: python -m docs.cards"
    images = {path.stem: path.read_bytes() for path in pages.FOLDER.glob("*.png")}
    assert {path.name for path in pages.FOLDER.iterdir()} == {*written, *(f"{name}.png" for name in images)}
    for name, content in images.items():
        assert cards.stored_in(content)["weights"] == presets.find(name).config.weights.sha256, "python -m docs.cards"
        assert len(content) <= pages.MOST_BYTES
    assert sum(map(len, images.values())) <= 25_000 * len(images)


def test_the_code_of_each_card_runs_as_written(tmp_path, monkeypatch):
    soundfile = pytest.importorskip("soundfile")
    random = np.random.default_rng(0)
    for name in ("in.jpg", "in.png"):
        ganzoo.inference.save_image(tmp_path / name, random.integers(0, 256, (24, 32, 3), "uint8"))
    soundfile.write(tmp_path / "in.wav", 0.1 * random.standard_normal((8000, 2)), 8000)
    monkeypatch.chdir(tmp_path)
    # One preset for each text.
    texts = {registry.declared(config.model, "example"): cards.card(config, name) for name, config in trained().items()}
    assert len(texts) > 8
    for text in texts.values():
        code = text.split("```python\n")[1].split("```")[0]
        names: dict = {}
        exec(code, names)
        result = names[code.splitlines()[-1].split(" = ")[0]]
        assert np.isfinite(result).all(), code
        assert result.dtype in ("uint8", "float32")


def test_a_card_of_a_model_of_ones_own_says_what_to_import(monkeypatch, tmp_path):
    monkeypatch.setattr("ganzoo.registry._classes", dict(ganzoo.registry._classes))

    @ganzoo.register("mine")
    class Mine(ganzoo.ZooModel):
        """A model of my own (arXiv:1406.2661)."""

        def __init__(self):
            inputs = keras.Input((2,))
            super().__init__({"network": keras.Model(inputs, keras.layers.Dense(1, name="only")(inputs))})

        def call(self, inputs):
            return self.networks["network"](inputs)

    Mine().save_to_preset(tmp_path / "mine", license="my terms [v1]", data="noise")
    config = presets.find(tmp_path / "mine").config
    text = cards.card(config, "mine")
    assert "import the file that registers it first" in text
    assert "[arXiv:1406.2661](https://arxiv.org/abs/1406.2661)" in text
    assert "Not measured." in text
    found = yaml.safe_load(text.split("---")[1])
    assert (found["license"], found["license_name"]) == ("other", "my-terms-v1")
    assert "model-index" not in found
    assert cards.samples_of(ganzoo.load(tmp_path / "mine"), "", "") is None


def test_a_sample_image_shows_samples_and_is_reduced_to_its_limit():
    model = ganzoo.load("dcgan.digits")
    content = cards.samples_of(model, "digits", "0" * 64, 8_000)
    assert len(content) <= 8_000
    assert cards.stored_in(content) == {"caption": "32 images, generated from seed 0", "weights": "0" * 64}
    large = ganzoo.load("cgan.mnist").sample_image("")[0]
    np.testing.assert_array_equal(large[:28, 30:58], ganzoo.load("cgan.mnist").generate(labels=[0, 1], seed=0)[1])
    for damaged in (b"", b"GIF89a", content[:40]):
        with pytest.raises(ganzoo.GanzooError, match="is not a PNG file"):
            cards.stored_in(damaged)
