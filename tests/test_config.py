import pytest

from ganzoo import GanzooError
from ganzoo.config import dump, from_mapping, load_config, parse_config, with_settings
from ganzoo.presets import find, preset_files


@pytest.mark.parametrize("path", preset_files().values(), ids=list(preset_files()))
def test_every_preset_round_trips(path):
    config = load_config(path)
    assert parse_config(dump(config), "again") == config


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model: dcgan\nepochs: 3", r"mine.yaml: unknown key 'epochs'"),
        ("model: dcgan\ntraining: {epoch: 3}", r"mine.yaml, section 'training': .*'epoch'. Did you mean 'epochs'"),
        ("model: dcgan\ntraining: {epochs: many}", r"mine.yaml: 'training.epochs' is 'many'"),
        ("model: dcgan\ntraining: {precision: float8}", r"'training.precision' is 'float8': .*'mixed_bfloat16'"),
        ("description: none", r"the key 'model' is missing"),
        ("- a list", r"mine.yaml is a list instead of a config: it needs `model:` or `extends:`"),
        ("", r"mine.yaml is empty: it needs `model:` or `extends:`"),
        ("extend: dcgan.digits", r"unknown key 'extend'. Did you mean 'extends'\?"),
        ("model: [", r"not valid YAML"),
        ("model: !!python/object/apply:os.system ['true']", r"not valid YAML"),
        ("[" * 3000, r"mine.yaml is not valid YAML: .*nest"),
        (f"model: dcgan\narguments: {'[' * 101}{']' * 101}", r"mine.yaml is not valid YAML: nested too deeply"),
        ("model: dcgan\ndescription: 2024-02-30", r"not valid YAML"),
        ("model: dcgan\ndescription: !!int ''", r"not valid YAML"),
        ("model: dcgan\narguments: &a {x: *a}", r"aliases"),
        ("model: dcgan\narguments: &a [1, 2]\ndata: {x: [*a, *a, *a]}", r"aliases"),
        ("model: dcgan\ntraining: {seed: -1}", r"'training.seed' is -1"),
        ("model: cgan\nclass_names: [cat, dog, cat]", r"'class_names' is .*: two classes cannot both be named 'cat'"),
        ("model: cgan\nclass_names: [no, yes]", r"'class_names.0' is False: .*string"),
        ("model: [dcgan]", r"'model' is \['dcgan'\]"),
        (f"model: dcgan\ntraining: {{epochs: 1{'0' * 400}}}", r"'training.epochs' is a number of 401 digits"),
        (f"model: dcgan\narguments: {{width: 0x{'f' * 4000}}}", r"'arguments.width' is a number of 16,000 bits"),
        (f"model: dcgan\narguments: {{x: [[{2**31}]]}}", r"'arguments.x.0.0' is a number of 10 digits"),
        ("model: dcgan\ntraining: {samples: 1000000000}", r"'training.samples' is 1000000000"),
        ("model: dcgan\n? [a]\n: b", r"not valid YAML"),
        ("%TAG ! tag:example,2026:\n---\nmodel: dcgan", r"mine.yaml is not valid YAML: %TAG"),
        (f"model: dcgan\ndata: {{x: 1{':1' * 300}}}", r"mine.yaml is not valid YAML: 1:1:.* is too long"),
        (f"model: dcgan\ndata: {{x: 1{':1' * 300}.0}}", r"mine.yaml is not valid YAML: 1:1:.* is too long"),
        (f"model: dcgan\n? 0x{'f' * 8000}\n: b", r"mine.yaml: keys are names, got one of type int"),
        (
            "model: dcgan\nweights: {file: a.npz, sha256: b, license: c, data: d, protocol: e, metrics: {psnr: high}}",
            r"'weights.metrics.psnr",
        ),
        ("model: @dcgan", r"cannot start any token: at '@', line 1, column 8"),
        ("model: dcgan\n#" + "x" * 2**20, r"more than 1,048,576 bytes"),
    ],
)
def test_a_bad_config_names_file_and_key(tmp_path, text, message):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(GanzooError, match=message) as found:
        load_config(path)
    assert "\n" not in str(found.value)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    (tmp_path / "mine.yaml").write_text("model: dcgan", encoding="utf-8-sig")
    assert load_config(tmp_path / "mine.yaml").model == "dcgan"


def test_an_empty_section_means_its_defaults():
    assert parse_config("model: dcgan\narguments:\ntraining:\n", "here") == parse_config("model: dcgan", "there")


def test_settings_change_a_copy():
    config = from_mapping({"model": "dcgan", "arguments": {"width": 4}}, "here")
    changed = with_settings(config, ["epochs=3", "arguments.width=8", "compile.loss=minimax"])
    assert (changed.training.epochs, changed.arguments["width"], changed.compile["loss"]) == (3, 8, "minimax")
    assert config.training.epochs != 3
    assert config.arguments["width"] == 4
    with pytest.raises(GanzooError, match=r"Did you mean 'training.epochs'\?"):
        with_settings(config, ["epoch=3"])
    assert with_settings(config, {"training.epochs": 3}).training.epochs == 3
    assert with_settings(config, "training.epochs=3").training.epochs == 3
    with pytest.raises(GanzooError, match="takes key=value"):
        with_settings(config, ["epochs"])
    with pytest.raises(GanzooError, match=r"'model' in 'model.width' is a single value"):
        with_settings(config, ["model.width=3"])


def test_a_byte_order_mark_is_no_part_of_a_preset(tmp_path):
    (tmp_path / "mine.yaml").write_text("model: dcgan\n", encoding="utf-8-sig")
    assert load_config(tmp_path / "mine.yaml").model == "dcgan"


def test_a_file_extends_a_preset_and_another_file(tmp_path):
    (tmp_path / "base.yaml").write_text(
        "extends: gan.mnist\narguments: {latent_dim: 8}\ncompile: {generator_optimizer: {name: adam, beta_1: 0.4}}\n"
    )
    (tmp_path / "deep").mkdir()
    mine = tmp_path / "deep" / "mine.yaml"
    mine.write_text(
        "extends: ../base.yaml\ntraining: {epochs: 3}\nevaluation: {extractor: null}\nclass_names: [a, b]\n"
        "compile: {generator_optimizer: {name: sgd}}\n"
    )
    config, published = find(mine).config, find("gan.mnist").config
    assert config.model == "gan"
    assert config.arguments == {**published.arguments, "latent_dim": 8}
    assert (config.training.epochs, config.training.samples) == (3, 64)
    assert config.evaluation.extractor is None
    assert config.class_names == ["a", "b"]
    # Settings of another optimizer do not mix with it.
    assert config.compile == {"generator_optimizer": {"name": "sgd"}}
    assert config.weights is None
    assert not config.default
    assert "extends" not in dump(config)
    assert parse_config(dump(config), "again") == config
    # An empty section, e.g. one whose lines are comments, changes nothing.
    mine.write_text("extends: ../base.yaml\ncompile:\n  # generator_optimizer: {name: sgd}\n")
    assert find(mine).config.compile == find(tmp_path / "base.yaml").config.compile != {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "extends: other.yaml",
            r"mine.yaml: files extend each other in a circle: .*mine.yaml extends .*other.yaml ext",
        ),
        ("extends: mine.yaml", r"in a circle"),
        ("extends: dcgan.mnits", r"unknown preset to extend 'dcgan.mnits'. Did you mean 'dcgan.mnist'"),
        ("extends: hf://ana/small", r"cannot extend hf://ana/small: download its preset.yaml"),
        ("extends: none.yaml", r"extends none.yaml, but there is no file"),
        ("extends: [dcgan]", r"'extends' is the name of a preset or the path of a YAML file, got \['dcgan'\]"),
        ("extends: broken.yaml", r"broken.yaml: unknown key 'epochs'"),
        ("extends: dcgan\nepochs: 3", r"mine.yaml: unknown key 'epochs'"),
    ],
)
def test_what_cannot_be_extended(tmp_path, text, message):
    (tmp_path / "mine.yaml").write_text(text)
    (tmp_path / "other.yaml").write_text("extends: mine.yaml")
    (tmp_path / "broken.yaml").write_text("model: dcgan\nepochs: 3")
    with pytest.raises(GanzooError, match=message):
        find(tmp_path / "mine.yaml")
    with pytest.raises(GanzooError, match="a file must be complete"):
        load_config(tmp_path / "other.yaml")
