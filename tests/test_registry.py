import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import ganzoo
from ganzoo import loading, presets, registry
from ganzoo.cli import main
from ganzoo.config import from_mapping
from ganzoo.registry import import_file

MY_MODEL = '''
import keras
import ganzoo

@ganzoo.register("{name}")
class MyGAN(ganzoo.ImageGeneration, ganzoo.AdversarialModel):
    """My own (arXiv:0000.00000)."""

    def __init__(self, image_shape: tuple[int, int, int] = (8, 8, 1), latent_dim: int = 4):
        z = keras.Input((latent_dim,))
        generator = keras.Model(z, keras.layers.Reshape(image_shape)(keras.layers.Dense(64, "tanh", name="d")(z)))
        x = keras.Input(image_shape)
        discriminator = keras.Model(x, keras.layers.Dense(1, name="d")(keras.layers.Flatten()(x)))
        super().__init__(generator, discriminator, latent_dim)
'''


def test_ones_own_class_and_yaml_work_like_the_packages(tmp_path):
    (tmp_path / "mine.py").write_text(MY_MODEL.format(name="mygan"))
    (tmp_path / "mine.yaml").write_text("model: mygan\ndata: {source: digits}\ntraining: {epochs: 1, samples: 4}\n")
    command = [sys.executable, "-m", "ganzoo.cli", "--import", "mine.py"]
    done = subprocess.run([*command, "train", "mine.yaml"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "My own" in subprocess.run([*command, "list"], cwd=tmp_path, capture_output=True, text=True).stdout
    done = CliRunner().invoke(main, ["generate", str(tmp_path / "runs" / "mine-001")])
    assert "import its file first" in done.output
    done = subprocess.run([*command, "generate", "runs/mine-001"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "grid.png").exists()


def test_an_error_in_an_imported_file_is_named_with_its_line(tmp_path, monkeypatch):
    (tmp_path / "broken.py").write_text("x = 1\n\nraise RuntimeError('boom')\n")
    monkeypatch.chdir(tmp_path)
    for path in ("broken.py", tmp_path / "broken.py"):
        with pytest.raises(ganzoo.GanzooError, match=r"broken\.py, line 3: RuntimeError: boom"):
            import_file(path)


def test_a_model_of_a_script_loads_in_it_and_where_its_file_is_imported(tmp_path):
    """Keras names no module for a class of `__main__`, which a notebook's classes are of too."""
    script = (
        MY_MODEL.format(name="mygan")
        + """
@keras.saving.register_keras_serializable(package="mine")
class MyAdam(keras.optimizers.Adam):
    pass

if __name__ == "__main__":
    model = MyGAN()
    model.compile(generator_optimizer=MyAdam(0.5))
    model.save("own.keras")
    loaded = ganzoo.load("own.keras")
    assert type(loaded) is MyGAN and type(loaded.generator_optimizer) is MyAdam
    assert (loaded.generate(2, seed=0) == model.generate(2, seed=0)).all()
"""
    )
    (tmp_path / "mine.py").write_text(script)
    elsewhere = "import mine, ganzoo; assert type(ganzoo.load('own.keras')) is mine.MyGAN"
    for command in (["mine.py"], ["-c", elsewhere]):
        environment = {**os.environ, "PYTHONPATH": str(Path(ganzoo.__file__).parents[1])}
        done = subprocess.run([sys.executable, *command], cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_unknown_names_get_the_nearest_match():
    with pytest.raises(ganzoo.GanzooError, match=r"unknown model 'dcgann'. Did you mean 'dcgan'\?"):
        ganzoo.create("dcgann")
    with pytest.raises(ganzoo.GanzooError, match=r"unknown model 'DCGANN'. Did you mean 'dcgan'\?"):
        ganzoo.create("DCGANN")
    with pytest.raises(ganzoo.GanzooError, match=r"Did you mean 'dcgan.mnist'\?"):
        ganzoo.load("dcgan.mnits")
    with pytest.raises(ganzoo.GanzooError, match=r"unknown key 'widht'. Did you mean 'width'\?"):
        ganzoo.create("dcgan", widht=8)
    with pytest.raises(ganzoo.GanzooError, match="'latent_dim' is 'many'"):
        ganzoo.create("dcgan", latent_dim="many")


@pytest.mark.parametrize(
    "name", [name for name in ganzoo.list_models() if "image_shape" in registry.model_class(name).test_config]
)
def test_every_model_says_what_an_image_shape_is(name):
    cls = registry.model_class(name)
    for odd in ((64, 64), (64, 64, 3, 1), 64, "64", (0, 64, 3), (64.5, 64, 3), (10**10, 64, 3)):
        for make in (cls, lambda name=name, **arguments: ganzoo.create(name, **arguments)):
            with pytest.raises(ganzoo.GanzooError, match="image_shape") as found:
                make(**{**cls.test_config, "image_shape": odd})
            assert "\n" not in str(found.value)


@pytest.mark.parametrize(
    ("section", "value"),
    [
        ("arguments", {"discriminator_regularizers": [[]]}),
        ("arguments", {"discriminator_regularizers": [{"name": []}]}),
        ("arguments", {"generator_regularizers": ["spectral_normalization", "spectral_normalization"]}),
        ("arguments", {"discriminator_depth": 10**9}),
        ("compile", {"generator_optimizer": {"name": "adam", "learning_rate": {"name": []}}}),
        ("compile", {"generator_optimizer": {"name": "adam", "clipnorm": {}}}),
        ("compile", {"loss": {"name": "hinge", "smoothing": 10**400}}),
        ("compile", {"penalties": [[]]}),
        ("compile", {"augmentations": [{"name": {}}]}),
    ],
    ids=str,
)
def test_senseless_settings_are_refused_in_one_line(section, value):
    with pytest.raises(ganzoo.GanzooError) as found:
        loading.build(from_mapping({"model": "dcgan", section: value}, "mine.yaml"), "mine.yaml")
    assert "\n" not in str(found.value)


def test_a_name_cannot_be_taken_twice_and_must_be_one():
    def declare(name, module):
        exec(MY_MODEL.format(name=name), {"__name__": module})

    with pytest.raises(ganzoo.GanzooError, match="belongs to a model of the package"):
        declare("dcgan", "elsewhere")
    for odd in ("Big", "a.b", "..", "", "é"):
        with pytest.raises(ganzoo.GanzooError, match="lower-case"):
            declare(odd, "elsewhere")
    declare("takenonce", "first_file")
    try:
        with pytest.raises(ganzoo.GanzooError, match=r"is taken by first_file\.MyGAN"):
            declare("takenonce", "second_file")
    finally:
        registry._classes.pop("takenonce")


@pytest.mark.parametrize("attribute", ["purpose", "usage", "commands", "sources"])
def test_what_is_read_from_the_source_is_the_class_own(attribute):
    for name in ganzoo.list_models("*"):
        if name in registry._builtin_names():
            declared = registry._declared(f"ganzoo.models.{name}", None, attribute)
            assert declared == getattr(registry.model_class(name), attribute) != "", name


def test_lists_take_wildcards():
    assert "dcgan" in ganzoo.list_models("d*")
    assert ganzoo.list_models("nothing*") == []
    assert ganzoo.list_presets("dcgan.*") == ganzoo.list_presets("dcgan")
    assert presets.find("dcgan").name == "dcgan.mnist"
    assert presets.find("dcgan").config.default
