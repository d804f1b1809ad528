"""Presets and their weights: what ships is whole, what is damaged is refused."""

import copy
import json
import shutil

import keras
import numpy as np
import pytest
from PIL import Image

import ganzoo
from ganzoo import presets, weights
from ganzoo.data.vowels import vowels
from ganzoo.evaluation import evaluate
from ganzoo.evaluation.super_resolution import evaluate_bicubic
from ganzoo.metrics.text_to_image import has_color
from ganzoo.training.publish import measure

TRAINED = [name for name, path in presets.preset_files().items() if presets.find(name).config.weights]
# One of each model, the others.
FIRST = {presets.find(name).config.model: name for name in reversed(TRAINED)}.values()
OTHERS = [name for name in TRAINED if name not in FIRST]


def longer(names):
    """Parameters that are for `make test-long`."""
    return [pytest.param(name, marks=pytest.mark.long) for name in names]


@pytest.mark.parametrize("name", TRAINED)
def test_shipped_weights_load_generate_and_are_described(name):
    weights = presets.find(name).config.weights
    assert weights.license
    assert weights.data
    assert any(words in weights.protocol for words in ("against", "means over", "held out", "recordings of"))
    assert weights.metrics
    model = ganzoo.load(name)
    assert model.preset == name
    if isinstance(model, ganzoo.ImageGeneration) and not isinstance(model, ganzoo.TextToImage):
        assert model.generate(16, seed=0).std(axis=0).mean() > 10
    elif isinstance(model, ganzoo.SpeechEnhancement):
        noise = 0.1 * np.random.default_rng(0).standard_normal(16000).astype("float32")
        assert model.enhance(noise, 16000).std() < 0.2 * noise.std()
    elif isinstance(model, ganzoo.SpeechSynthesis):
        sounds = model.generate(2, seed=1, seconds=0.6)
        # Sound, not noise of any one level: neighboring samples are alike.
        assert all(np.corrcoef(sound[:-1], sound[1:])[0, 1] > 0.5 for sound in sounds)
    elif isinstance(model, ganzoo.TextToImage):
        clothes = ("hoodie", "shirt", "blazer", "sweater")
        asked = [
            f"a bald man in a {color} {thing}" for color in ("red", "yellow", "blue", "green") for thing in clothes
        ]
        # The lowest rows show clothes; the dominant hue of a whole face may be that of the skin.
        images = [image[-len(image) // 8 :] for image in model.generate(captions=asked, seed=0)]
        obeyed = [has_color(image, said.split()[-2]) for image, said in zip(images, asked)]
        others = [has_color(image, said.split()[-2]) for image, said in zip(images, [*asked[4:], *asked[:4]])]
        assert np.mean(obeyed) > 0.9
        assert np.mean(others) < 0.2
        assert model.generate(8, captions="a smiling man in a yellow hoodie", seed=0).std(axis=0).mean() > 3
    elif isinstance(model, ganzoo.ImageTranslation):
        image = np.kron(np.random.default_rng(0).integers(0, 256, (8, 8, 3)), np.ones((8, 8, 1))).astype("uint8")
        there = model.translate(image)
        # Another image, which still contains the first one.
        assert there.shape == image.shape
        assert not np.array_equal(there, image)
        back = model.translate(there, "backward").astype(int)
        assert np.corrcoef(back.ravel(), image.ravel())[0, 1] > 0.5
    elif isinstance(model, (ganzoo.VoiceConversion, ganzoo.SpeechRestoration, ganzoo.SpeechSmoothing)):
        change = next(getattr(model, name) for name in ("convert", "restore", "smooth") if hasattr(model, name))
        sound = vowels(16_000)
        changed = change(sound, 16_000)
        # Another sound of about the same loudness.
        assert changed.shape == sound.shape
        assert 0.3 < changed.std() / sound.std() < 4
        assert np.abs(changed - sound).max() > 0.01
    else:
        found, bicubic = evaluate(model, "photos"), evaluate_bicubic(model.scale, "photos")
        # Sharp images have errors of their own.
        assert found.metrics["psnr_y"] > bicubic.metrics["psnr_y"] + (1 if name.startswith("srresnet") else -2)
    # Its networks of training, their weights and its settings are there as well.
    model.complete_networks()
    assert model.compiled


@pytest.mark.parametrize("name", ["wgan.mnist", "stackgan.avatars", "postfilter.speech"])
def test_what_a_loaded_model_builds_later_is_as_if_built_at_once(name):
    loaded, created = ganzoo.load(name), ganzoo.load(name, trained=False)
    for parts, expected in ((loaded.networks, created.networks), (loaded.averages, created.averages)):
        assert [*parts] == [*expected]
        for part, other in zip(parts.values(), expected.values()):
            layers = [[(v.path, v.trainable) for v in net.variables] for net in (part, other)]
            assert layers[0] == layers[1]
    # A network begins as its average.
    for part, average in loaded.averages.items():
        for ours, theirs in zip(loaded.networks[part].get_weights(), average.get_weights()):
            np.testing.assert_array_equal(ours, theirs)


def test_weights_of_a_loaded_model_are_written_and_read_with_all_networks(tmp_path):
    created = ganzoo.load("dcgan.digits", trained=False)
    assert ganzoo.load("dcgan.digits").count_params() == created.count_params()
    ganzoo.load("dcgan.digits").save_weights(tmp_path / "trained.weights.h5")
    created.save_weights(tmp_path / "new.weights.h5")
    new = created.generate(2, seed=0)
    created.load_weights(tmp_path / "trained.weights.h5")
    np.testing.assert_array_equal(created.generate(2, seed=0), ganzoo.load("dcgan.digits").generate(2, seed=0))
    loaded = ganzoo.load("dcgan.digits")
    loaded.load_weights(tmp_path / "new.weights.h5")
    np.testing.assert_array_equal(loaded.generate(2, seed=0), new)


def test_a_loaded_model_can_be_copied():
    model = ganzoo.load("dcgan.digits")
    copied = copy.copy(model)
    np.testing.assert_array_equal(copied.generate(2, seed=0), model.generate(2, seed=0))


@pytest.mark.parametrize("name", [*FIRST, *longer(OTHERS)])
def test_shipped_weights_are_ready_to_go_on(name):
    model = ganzoo.load(name)
    if isinstance(model, ganzoo.SuperResolution):
        model.compile(**model.test_compile_config)
    steps, batch = model.steps, model.example_batch(4 * model.batches_per_step)
    if isinstance(batch, tuple) and len(batch) > 2:
        model.fit(iter([batch]), steps_per_epoch=1, verbose=0)
    else:
        model.fit(*(batch if isinstance(batch, tuple) else (batch,)), batch_size=4, verbose=0)
    assert model.steps == steps + 1


MEASURED = (
    *("cgan.mnist", "cgan.fashion_mnist", "vae.mnist", "srresnet.photos_x4", "cyclegan.emoji"),
    *("segan.speech", "postfilter.speech", "wavenet.digits", "cyclegan_vc.digits"),
)


@pytest.mark.parametrize("name", ["dcgan.digits", *longer(name for name in MEASURED if name in TRAINED)])
def test_shipped_metrics_are_what_evaluate_measures(name, shared, monkeypatch, tmp_path):
    monkeypatch.setenv("GANZOO_WEIGHTS", str(shared / "networks"))
    preset = presets.find(name)
    model, kind = name.split(".")
    if kind == "speech":
        pytest.importorskip("pesq")
        pytest.importorskip("pystoi")
    if model in ("cyclegan_vc", "postfilter"):
        pytest.importorskip("pyworld")
    # Protocols name the folders.
    monkeypatch.chdir(tmp_path)
    for link, folder in {
        "noto": "text_to_image/emoji/img64",
        "twemoji": "image_translation/emoji_twitter/img64",
        "librispeech_test": "speech/librispeech/test",
    }.items():
        (tmp_path / link).symlink_to(shared / folder)
    spoken_digits = f"named:{shared}/speech/fsdd:{{digit}}_{{speaker}}_{{index}}:index=0-4"
    sources = {
        "dcgan.digits": "digits",
        "srresnet.photos_x4": f"folder:{shared}/set5",
        "cyclegan.emoji": "folders:noto,twemoji:test",
        "segan.speech": f"folder:{shared}/speech/voicebank_demand",
        "postfilter.speech": "folder:librispeech_test",
        "wavenet.digits": spoken_digits,
        "cyclegan_vc.digits": spoken_digits,
    }
    source = sources.get(name, f"idx:{shared}/{kind}/t10k-images-idx3-ubyte.gz")
    metrics, protocol = measure(ganzoo.load(name), preset.config, source)
    assert protocol == preset.config.weights.protocol.removesuffix(", which selected the checkpoint")
    shipped = preset.config.weights.metrics
    assert {key: shipped[key] for key in metrics} == pytest.approx(metrics, rel=0.02)


def test_presets_of_known_data_name_its_classes():
    for name in presets.preset_files():
        names = presets.find(name).config.class_names
        if name in ("wavenet.digits", "cyclegan_vc.digits"):
            assert not names
        elif name.endswith((".mnist", ".digits")):
            assert names == [str(digit) for digit in range(10)], name
        elif name.endswith(".fashion_mnist"):
            assert (len(names), names[0], names[7], names[9]) == (10, "T-shirt/top", "Sneaker", "Ankle boot"), name


def test_the_default_preset_needs_nothing_but_its_name():
    assert ganzoo.load("dcgan").preset == "dcgan.mnist"


@pytest.fixture
def copied(tmp_path):
    """A trained preset in a folder of one's own."""
    original = presets.find("dcgan.mnist")
    shutil.copy(original.path, tmp_path / "mine.yaml")
    shutil.copy(original.weights_file, tmp_path / original.weights_file.name)
    return tmp_path / "mine.yaml", tmp_path / original.weights_file.name


def test_a_yaml_path_works_where_a_name_does(copied):
    model = ganzoo.load(str(copied[0]))
    np.testing.assert_array_equal(model.generate(2, seed=0), ganzoo.load("dcgan.mnist").generate(2, seed=0))


def test_damaged_or_missing_weights_are_refused(copied):
    yaml, weights = copied
    content = weights.read_bytes()
    for damaged in (content[:1000], content[:-1] + b"\1", b"", b"\0" * len(content)):
        weights.write_bytes(damaged)
        with pytest.raises(ganzoo.GanzooError, match=r"damaged or has been changed: its SHA-256"):
            ganzoo.load(yaml)
    weights.unlink()
    with pytest.raises(ganzoo.GanzooError, match="cannot read the weights file"):
        ganzoo.load(yaml)
    yaml.unlink()
    with pytest.raises(ganzoo.GanzooError, match="cannot read the config"):
        ganzoo.load(yaml)


def test_weights_of_another_architecture_are_refused_and_change_nothing(tmp_path):
    small = ganzoo.create("dcgan", image_shape=(28, 28, 1), latent_dim=4, width=4)
    small.save_shipped(tmp_path / "w.npz")
    other = ganzoo.create("dcgan", image_shape=(28, 28, 1), latent_dim=4, width=8)
    before = other.generate(2, seed=0)
    with pytest.raises(ganzoo.GanzooError, match=r"has shape .* the model needs"):
        other.load_shipped(tmp_path / "w.npz")
    np.testing.assert_array_equal(other.generate(2, seed=0), before)
    content = dict(np.load(tmp_path / "w.npz"))
    for rubbish in (np.nan, 1e300, "text", 1j):
        key = "discriminator/logit/bias"
        np.savez(tmp_path / "rubbish.npz", **{**content, key: np.full(content[key].shape, rubbish)})
        if rubbish == 1e300:
            continue  # finite in its own type; what becomes of it in float32 is tested by its hash
        with pytest.raises(ganzoo.GanzooError, match="not made of finite numbers"):
            small.load_shipped(tmp_path / "rubbish.npz")
    larger = ganzoo.create("dcgan", image_shape=(56, 56, 1), latent_dim=4, width=4)
    with pytest.raises(ganzoo.GanzooError, match=r"architecture|has shape"):
        larger.load_shipped(tmp_path / "w.npz")
    for content in (b"", b"PK\x03\x04 no archive", json.dumps({}).encode()):
        (tmp_path / "bad.npz").write_bytes(content)
        with pytest.raises(ganzoo.GanzooError, match="not a readable weights file"):
            other.load_shipped(tmp_path / "bad.npz")


def test_weights_that_half_precision_cannot_hold_are_not_written(tmp_path):
    model = ganzoo.create("dcgan", image_shape=(28, 28, 1), latent_dim=4, width=4)
    model.ema_generator.get_layer("project").kernel.assign(np.full((4, 392), 1e6))
    with pytest.raises(ganzoo.GanzooError, match="not finite in float16"):
        model.save_shipped(tmp_path / "w.npz")
    assert not list(tmp_path.iterdir())


def test_a_preset_without_weights_says_how_to_get_them(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("model: dcgan\narguments: {image_shape: [28, 28, 1], width: 4}\n")
    with pytest.raises(ganzoo.GanzooError, match=r"no trained weights: train them with `ganzoo train"):
        ganzoo.load(path)
    assert ganzoo.load(path, trained=False).generate(1, seed=0).shape == (1, 28, 28, 1)


def test_keras_files_of_others_are_refused(tmp_path):
    x = keras.Input((2,))
    keras.Model(x, keras.layers.Dense(1)(x)).save(tmp_path / "theirs.keras")
    with pytest.raises(ganzoo.GanzooError, match="not a ganzoo model"):
        ganzoo.load(tmp_path / "theirs.keras")
    ours = ganzoo.create("dcgan", image_shape=(28, 28, 1), latent_dim=4, width=4)
    ours.compile()
    ours.save(tmp_path / "ours.keras")
    content = (tmp_path / "ours.keras").read_bytes()
    for damaged in (content[: len(content) // 2], b"", b"no archive"):
        (tmp_path / "damaged.keras").write_bytes(damaged)
        with pytest.raises(ganzoo.GanzooError, match=r"not a readable \.keras file"):
            ganzoo.load(tmp_path / "damaged.keras")
    with pytest.raises(ganzoo.GanzooError, match="no such file"):
        ganzoo.load(tmp_path / "nowhere.keras")


def test_a_published_run_is_a_preset_folder_with_metrics_and_a_card(measured_run, images_npz, tmp_path):
    from ganzoo.training.publish import publish_run

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
    # As the package's presets are written: beside others, without cards.
    path = publish_run(run, tmp_path / "zoo", images_npz, **given, name="mine")
    assert {one.name for one in path.parent.iterdir()} == {"mine.yaml", "mine.npz"}
    np.testing.assert_array_equal(ganzoo.load(path).generate(2, seed=0), published.generate(2, seed=0))
    config = run / "config.yaml"
    config.write_text(config.read_text().replace("evaluation: {", "evaluation: {judge: mnist_judge, "))
    weights = presets.find(publish_run(run, tmp_path / "zoo", images_npz, **given, name="judged")).config.weights
    assert weights.protocol.startswith("mnist_judge features")
    assert weights.protocol.endswith("also on mnist_classifier features, which selected the checkpoint")


def test_a_run_that_chose_by_likelihood_is_published_with_its_metrics(images_npz, tmp_path):
    from ganzoo.training.publish import publish_run

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
    from ganzoo.training.publish import publish_run

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
    from ganzoo.training.publish import publish_run

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
    from ganzoo.training.publish import publish_run

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


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("cgan", {"image_shape": (28, 28, 1), "classes": 3}),
        ("dcgan", {"image_shape": (32, 32, 3), "width": 4, "discriminator_regularizers": ["spectral_normalization"]}),
        ("srresnet", {"blocks": 1, "width": 4, "scale": 2, "crop": 32}),
    ],
)
def test_a_model_saved_to_a_preset_comes_back_and_trains(name, arguments, tmp_path, monkeypatch):
    keras.utils.set_random_seed(0)
    model = ganzoo.create(name, **arguments)
    if name == "cgan":
        model.class_names = ("a", "b", "c")
    if isinstance(model, ganzoo.ImageGeneration):
        for weight in model.inference_network.weights:
            if weight.name == "kernel":
                # Fresh weights are so small that all networks generate about the same.
                weight.assign(5 * weight)
    path = model.save_to_preset(tmp_path / "mine", description="my own", license="CC0", data="noise")
    config = presets.find(tmp_path / "mine").config
    assert (config.description, config.weights.license, config.weights.data) == ("my own", "CC0", "noise")
    for loaded in (ganzoo.load(tmp_path / "mine"), type(model).from_preset(str(tmp_path / "mine")), ganzoo.load(path)):
        assert loaded.arguments == model.arguments
        inputs = model.example_inputs(2)
        close = np.abs(np.asarray(loaded.inference_network(inputs)) - np.asarray(model.inference_network(inputs)))
        assert close.max() < 2e-2  # half precision
    assert tuple(getattr(loaded, "class_names", ())) == tuple(getattr(model, "class_names", ()))
    monkeypatch.chdir(tmp_path)
    loaded = ganzoo.load("mine")
    monkeypatch.chdir(tmp_path.parent)
    fresh = type(model).from_preset(tmp_path / "mine", load_weights=False, compile=False)
    assert not fresh.compiled
    assert (
        np.abs(np.asarray(fresh.inference_network(inputs)) - np.asarray(model.inference_network(inputs))).max() > 1e-3
    )
    batch = loaded.example_batch(2 * loaded.batches_per_step)
    loaded.fit(*(batch if isinstance(batch, tuple) else (batch,)), batch_size=2, verbose=0)


def test_from_preset_and_save_to_preset_refuse_what_they_cannot_do(tmp_path, monkeypatch):
    from ganzoo.models import CGAN, DCGAN

    monkeypatch.setattr("ganzoo.registry._classes", dict(ganzoo.registry._classes))
    assert DCGAN.from_preset("digits").preset == DCGAN.from_preset("dcgan.digits").preset == "dcgan.digits"
    with pytest.raises(ganzoo.GanzooError, match=r"preset of DCGAN, which is not a CGAN: use DCGAN\.from_preset"):
        CGAN.from_preset("dcgan.digits")
    with pytest.raises(ganzoo.GanzooError, match=r"unknown preset of DCGAN 'digitz'\. Did you mean 'digits'"):
        DCGAN.from_preset("digitz")
    with pytest.raises(ganzoo.GanzooError, match="has no trained weights"):
        CGAN.from_preset("srgan.paper_x4")
    model = ganzoo.create("dcgan", image_shape=(32, 32, 1), width=4)
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    (tmp_path / "file").write_text("")
    for folder, message in (("run", "it is a run folder"), ("file", "cannot save to")):
        with pytest.raises(ganzoo.GanzooError, match=message):
            model.save_to_preset(tmp_path / folder)
    with pytest.raises(ganzoo.GanzooError, match="neither a run folder nor a preset folder"):
        ganzoo.load(tmp_path)
    DCGAN.from_preset("digits").save_to_preset(tmp_path / "mine")
    assert presets.find(tmp_path / "mine").config.evaluation.extractor == "digits_classifier"
    with pytest.raises(ganzoo.GanzooError, match="it holds a preset"):
        model.save_to_preset(tmp_path / "mine")
    with pytest.raises(ganzoo.GanzooError, match="cannot be written to a preset"):
        model.save_to_preset(tmp_path / "mine", license=5, overwrite=True)
    assert ganzoo.load(tmp_path / "mine").arguments["width"] == 24  # the earlier preset is whole
    with pytest.raises(ganzoo.GanzooError, match=r"load\(\) takes this name for something else"):
        model.save_to_preset("dcgan.mnist")
    model.save_to_preset(tmp_path / "mine", overwrite=True)
    assert ganzoo.load(tmp_path / "mine").arguments == model.arguments

    class Unregistered(DCGAN):
        pass

    with pytest.raises(ganzoo.GanzooError, match="Unregistered is not registered"):
        Unregistered(image_shape=(32, 32, 1), width=4).save_to_preset(tmp_path / "new")

    @ganzoo.register("with_function")
    class WithFunction(DCGAN):
        def __init__(self, activation=abs):
            super().__init__(image_shape=(32, 32, 1), width=4)

    with pytest.raises(ganzoo.GanzooError, match=r"cannot be written to a preset .*use model\.save\(\)"):
        WithFunction().save_to_preset(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_weights_without_discriminator_generate_and_can_be_trained_on(tmp_path):
    model = ganzoo.load("dcgan.digits")
    expected = model.generate(4, seed=0)
    sha256 = model.save_shipped(tmp_path / "small.npz", inference_only=True)
    assert weights.stored_networks(tmp_path / "small.npz", sha256) == {"generator"}
    whole = (presets.preset_files()["dcgan.digits"]).with_suffix(".npz")
    assert (tmp_path / "small.npz").stat().st_size < 0.8 * whole.stat().st_size
    text = presets.preset_files()["dcgan.digits"].read_text().partition("\nweights:")[0]
    section = f"\nweights: {{file: small.npz, sha256: {sha256}, license: none, data: digits, protocol: none}}\n"
    (tmp_path / "small.yaml").write_text(text + section)
    small = ganzoo.load(tmp_path / "small.yaml")
    np.testing.assert_array_equal(small.generate(4, seed=0), expected)
    with pytest.warns(UserWarning, match="small.npz has no weights of the discriminator"):
        small.fit(np.zeros((8, 32, 32, 1), "float32"), batch_size=8, verbose=0)
    with pytest.warns(UserWarning, match="no weights of the discriminator"):
        ganzoo.load("dcgan.digits", trained=False).load_shipped(tmp_path / "small.npz", sha256)
