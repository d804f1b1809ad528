"""Presets and their weights: what ships is whole, what is damaged is refused."""

import json
import shutil

import keras
import numpy as np
import pytest

import ganzoo
from ganzoo import presets
from ganzoo.data.vowels import vowels
from ganzoo.evaluation import evaluate
from ganzoo.evaluation.super_resolution import evaluate_bicubic
from ganzoo.metrics.text_to_image import has_color
from ganzoo.registry import model_class
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


def test_a_saved_preset_trains_as_the_model_did(tmp_path):
    model = ganzoo.create("wgan_gp", **model_class("wgan_gp").test_config)
    rate = keras.optimizers.schedules.CosineDecay(2e-4, 100, warmup_steps=10, warmup_target=1e-3)
    model.compile(
        loss="wasserstein",
        penalties=[{"name": "gradient_penalty", "weight": 5.0}],
        generator_optimizer=keras.optimizers.RMSprop(rate, rho=np.float64(0.8)),
        discriminator_optimizer=keras.optimizers.Adam(np.float64(3e-4), beta_1=0.0),
        augmentations=[{"name": "instance_noise", "deviation": 0.3}],
        ema_decay=0.5,
        steps_per_execution=2,
    )
    section = presets.find(model.save_to_preset(tmp_path / "mine")).config.compile
    assert section["generator_optimizer"]["name"] == "rmsprop"
    assert section["ema_decay"] == 0.5
    assert section["discriminator_optimizer"] == {"name": "adam", "learning_rate": 3e-4, "beta_1": 0.0}
    # Neither defaults nor what depends on the machine.
    assert not {"loss", "seed", "steps_per_execution"} & {*section}
    same = ganzoo.load(tmp_path / "mine")
    assert same.ema_decay == 0.5
    assert [one.get_config() for one in same.penalties] == [one.get_config() for one in model.penalties]
    settings, others = (one.generator_optimizer.get_config() for one in (model, same))
    settings.pop("name"), others.pop("name")
    assert settings == others
    again = presets.find(same.save_to_preset(tmp_path / "again")).config.compile
    assert again == section

    class MyLoss(type(ganzoo.losses.get("wasserstein"))):
        pass

    model.compile(loss=MyLoss(), ema_decay=0.5)
    with pytest.warns(UserWarning, match=r"the setting 'loss' of compile\(\): MyLoss has no name"):
        path = model.save_to_preset(tmp_path / "own")
    assert presets.find(path).config.compile == {"ema_decay": 0.5}
