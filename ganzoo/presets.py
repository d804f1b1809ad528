"""Presets: a config a person can read, and for most of them trained weights beside it.

`zoo_configs/<model>/<preset>.yaml` ships inside the package; a path to one's own YAML file works
wherever a preset's name does.
"""

from dataclasses import dataclass
from pathlib import Path

from ganzoo import keras_archive, registry, weights
from ganzoo.config import Config, load_config, parameters_of, validated_arguments
from ganzoo.errors import GanzooError, first_line, unknown
from ganzoo.precision import made_with


@dataclass
class Preset:
    """A config and where it came from.

    Attributes:
        name: "model.preset", or the path of a user's file.
        path: the YAML file.
        config: what it says.
    """

    name: str
    path: Path
    config: Config

    @property
    def weights_file(self):
        """The weights file beside the YAML, or None for a preset without weights."""
        return self.path.parent / self.config.weights.file if self.config.weights else None


def load(name, trained=True):
    """A trained model, ready to generate or to train on.

    Args:
        name: a model ("dcgan": its default preset), a preset ("dcgan.mnist"), a path to a YAML
            file, to a saved `.keras` file, or to a run folder of `ganzoo train` (its best checkpoint).
        trained: False gives a preset's model with fresh weights.

    Returns:
        The compiled model; `model.preset` is the preset's name (None for a `.keras` file).

    Raises:
        GanzooError: an unknown name, or a file that is damaged or not of this package.

    Example:
        model = ganzoo.load("dcgan")
        pictures = model.generate(16, seed=0)
    """
    import keras

    path = Path(str(name))
    if path.suffix == ".keras":
        return load_saved(path)
    if is_run(name):
        best = path / "checkpoints" / "best.keras"
        return load_saved(best if best.exists() else path / "checkpoints" / "last.keras")
    preset = find(name)
    # The precision is of training; what is loaded has the global policy, float32 unless the caller set another.
    policy = keras.config.dtype_policy()
    if not trained:
        model = build(preset.config, preset.name, policy)
    elif preset.config.weights is None:
        raise GanzooError(
            f"the preset '{preset.name}' has no trained weights: train them with `ganzoo train {preset.name}`, "
            "which names the run folder to use in its place; or ganzoo.load(..., trained=False) for fresh ones"
        )
    else:
        path, sha256 = preset.weights_file, preset.config.weights.sha256
        with weights.fitting_file(path, weights.stored_bytes(path, sha256)):
            model = build(preset.config, preset.name, policy)
        model.load_shipped(path, sha256)
    model.preset = preset.name
    return model


def find(name):
    """The `Preset` of a name or a YAML path; a model's name means its default preset."""
    if str(name).endswith((".yaml", ".yml")):
        return Preset(str(name), Path(name), load_config(name))
    files = preset_files()
    if name in files:
        return Preset(name, files[name], load_config(files[name]))
    mine = [preset for preset in files if preset.split(".")[0] == name]
    if not mine and name in registry.list_models():
        raise GanzooError(
            f"the model '{name}' has no preset: name a YAML file of yours, or use ganzoo.create('{name}')"
        )
    if not mine:
        raise unknown("preset or model", name, [*files, *registry.list_models()])
    presets = [Preset(preset, files[preset], load_config(files[preset])) for preset in mine]
    return next((preset for preset in presets if preset.config.default), presets[0])


def is_run(name):
    """Whether this is the path of a run folder of `ganzoo train`."""
    try:
        return (Path(str(name)) / "checkpoints").is_dir()
    except (OSError, ValueError):  # no path at all: too long, or with a null byte
        return False


def config_of(name):
    """The config behind whatever `load` takes; None for a `.keras` file, which knows its model alone."""
    if str(name).endswith(".keras"):
        return None
    return load_config(Path(name) / "config.yaml") if is_run(name) else find(name).config


def build(config, where, policy=None):
    """The compiled model a config describes, with fresh weights; of the config's precision, or another policy. What
    a precision of "auto" means is found out where training begins; here it is the global policy."""
    import keras

    cls = registry.model_class(config.model, where)
    arguments = validated_arguments(
        parameters_of("__init__", owner=cls), config.arguments, f"{where}, section 'arguments'"
    )
    parameters = parameters_of("compile", owner=cls)
    settings = validated_arguments(parameters, config.compile, f"{where}, section 'compile'")
    for key, value in settings.items():
        default = parameters[key].default
        # {learning_rate: ...} alone changes the model's own optimizer.
        if isinstance(value, dict) and isinstance(default, dict) and "name" not in value:
            settings[key] = {**default, **value}
    if policy is None and config.training.precision != "auto":
        policy = config.training.precision
    with made_with(policy or keras.config.dtype_policy()), weights.fitting_memory(f"{where}, section 'arguments'"):
        model = cls(**arguments)
    model.compile(**settings)
    return model


def load_saved(path):
    """The model of a `.keras` file that one of this package's models saved.

    Raises:
        GanzooError: no such file, a damaged one, or one that holds another kind of model.
    """
    import keras

    from ganzoo.training.adversarial import AdversarialModel

    described, stored = keras_archive.read(path)
    registered = str(described.get("registered_name"))
    package, _, model_name = registered.partition(">")
    if package != "ganzoo":
        raise GanzooError(
            f"{path} holds a {str(described.get('class_name'))[:80]}, not a ganzoo model: if you trust its "
            "origin, load it with keras.models.load_model"
        )
    if model_name not in registry.list_models():
        raise GanzooError(
            f"{path} holds the model '{model_name[:80]}', which is not registered: import its file first "
            "(on the command line: ganzoo --import FILE.py ...)"
        )
    registry.model_class(model_name)
    keras_archive.check_objects(described, path)
    try:
        with weights.fitting_file(path, stored):
            model = keras.models.load_model(path)
    except GanzooError:
        raise
    # Keras, HDF5 and JSON have an error of their own for each way in which a file can be damaged.
    except Exception as error:
        raise GanzooError(f"cannot load {path}: {first_line(error)}") from None
    if not isinstance(model, AdversarialModel):
        raise GanzooError(f"{path} does not hold a ganzoo model")
    return model


def preset_files():
    """{preset name: YAML path} of the presets inside the package."""
    folder = configs_folder()
    return {f"{path.parent.name}.{path.stem}": path for path in sorted(folder.glob("*/*.yaml"))}


def configs_folder():
    """The folder of presets: inside an installed package, or beside it in a source checkout."""
    package = Path(__file__).resolve().parent
    for folder in (package / "zoo_configs", package.parent / "zoo_configs"):
        if folder.is_dir():
            return folder
    raise GanzooError("the presets are missing from this installation: reinstall ganzoo")
