"""Presets: a config a person can read, and for most of them trained weights beside it.

`zoo_configs/<model>/<preset>.yaml` ships inside the package; a path to one's own YAML file works
wherever a preset's name does.
"""

import fnmatch
import functools
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from ganzoo import registry
from ganzoo.config import Config, Weights, dump, load_config, parameters_of, parse_config, validated_arguments
from ganzoo.construction import inference_first
from ganzoo.errors import GanzooError, first_line, in_one_line, unknown
from ganzoo.files import write_atomically
from ganzoo.precision import made_with
from ganzoo.types import PathLike

# What a preset folder consists of.
PRESET_FILE, _WEIGHTS_FILE = "preset.yaml", "weights.npz"


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


def load(name, trained=True, compile=True):
    """A trained model, ready to generate or to train on.

    What only training needs, the discriminator and the optimizers, is made when training begins: a model that is
    loaded to generate costs no more than its generator.

    Args:
        name: a model ("dcgan": its default preset), a preset ("dcgan.mnist"), a path to a YAML
            file, to a saved `.keras` file, or to a run folder of `ganzoo train` (its best checkpoint).
        trained: False gives a preset's model with fresh weights.
        compile: False gives a model without the preset's settings of training: call `model.compile()` before
            `model.fit()`.

    Returns:
        The model; `model.preset` is the preset's name (None for a `.keras` file).

    Raises:
        GanzooError: an unknown name, or a file that is damaged or not of this package.

    Example:
        model = ganzoo.load("dcgan")
        images = model.generate(16, seed=0)
    """
    import keras

    from ganzoo import weights

    path = Path(str(name))
    # Before building anything.
    model_of(name, trained)
    if path.suffix == ".keras":
        return load_saved(path, compile)
    if is_run(name):
        return load_saved(checkpoint_of(path), compile)
    preset = find(name)
    # The precision is of training; what is loaded has the global policy, float32 unless the caller set another.
    policy = keras.config.dtype_policy()
    if not trained:
        return _named(build(preset.config, preset.name, policy, compile), preset)
    path, sha256 = preset.weights_file, preset.config.weights.sha256
    guard = functools.partial(weights.fitting_file, path, weights.stored_bytes(path, sha256))
    cls, arguments, settings = _checked(preset.config, preset.name)
    with inference_first(), guard(), made_with(policy):
        model = cls(**arguments)
    model.load_shipped(path, sha256)

    def finish(model, names):
        model.load_left_out(path, names, sha256)
        if compile:
            model.compile(**settings)

    model.finish_later(guard, finish)
    return _named(model, preset)


def _named(model, preset):
    """The model with its preset's name, and the names of its classes."""
    model.preset = preset.name
    if preset.config.class_names and hasattr(model, "class_names"):
        model.class_names = preset.config.class_names
    return model


def model_of(name, trained=False):
    """The name of the model behind whatever `load` takes, found without Keras.

    Args:
        name: as `load`.
        trained: refuse a preset without weights.

    Returns:
        A name of `registry.list_models()`.

    Raises:
        GanzooError: all that `load` refuses without looking into weights.

    Example:
        model_of("runs/dcgan.mnist-001")      # "dcgan"
    """
    path = Path(str(name))
    if path.suffix == ".keras":
        return saved_model_of(path)
    if is_run(name):
        return saved_model_of(checkpoint_of(path))
    preset = find(name)
    if preset.config.model not in registry.list_models():
        raise unknown("model", preset.config.model, registry.list_models(), preset.name)
    if trained and preset.config.weights is None:
        raise GanzooError(
            f"the preset '{preset.name}' has no trained weights: train them with `ganzoo train {preset.name}`, "
            "which names the run folder to use in its place; or ganzoo.load(..., trained=False) for fresh ones"
        )
    return preset.config.model


def checkpoint_of(run):
    """The `.keras` file of a run folder that `load` takes: the best checkpoint, or else the last."""
    for name in ("best", "last"):
        path = Path(run) / "checkpoints" / f"{name}.keras"
        if path.exists():
            return path
    raise GanzooError(f"the run folder {run} has no checkpoint: train it first")


def best_checkpoint_of(run):
    """The best checkpoint of a run folder.

    Raises:
        GanzooError: no run folder, or one without it.
    """
    path = Path(run) / "checkpoints" / "best.keras"
    if not path.exists():
        raise GanzooError(f"{run} has no best checkpoint: only a run that measures (section 'evaluation') chooses one")
    return path


def find(name):
    """The `Preset` of a name, a YAML path or a preset folder; a model's name means its default preset.

    Raises:
        GanzooError: an unknown name, with the nearest match, or a file that is no valid config.
    """
    if str(name).endswith((".yaml", ".yml")):
        return Preset(str(name), Path(name), load_config(name))
    if is_preset_folder(name):
        path = Path(name) / PRESET_FILE
        return Preset(str(name), path, load_config(path))
    files = preset_files()
    if name in files:
        return Preset(name, files[name], load_config(files[name]))
    mine = [preset for preset in files if preset.split(".")[0] == name]
    if not mine and name in registry.list_models():
        raise GanzooError(
            f"the model '{name}' has no preset: name a YAML file of yours, or use ganzoo.create('{name}')"
        )
    if not mine:
        raise _nothing_called(name, files)
    presets = [Preset(preset, files[preset], load_config(files[preset])) for preset in mine]
    return next((preset for preset in presets if preset.config.default), presets[0])


def _nothing_called(name, files):
    """The error for a name that is neither a model, a preset nor a run folder."""
    path = Path(str(name))
    try:
        if str(name) and path.is_dir():
            return GanzooError(
                f"{path} is neither a run folder nor a preset folder: it has no 'checkpoints' and no {PRESET_FILE}"
            )
        if path.is_file():
            return GanzooError(f"{path} is a file, but neither .keras nor .yaml")
        runs = [str(other) for other in path.parent.iterdir() if is_run(other)]
    except (OSError, ValueError):  # no such folder, or no path at all
        runs = []
    if len(path.parts) > 1:
        return unknown("run folder", name, runs) if runs else GanzooError(f"no such run folder or file: {path}")
    return unknown("preset or model", name, [*files, *registry.list_models(), *runs])


def is_run(name):
    """Whether this is the path of a run folder of `ganzoo train`."""
    try:
        return (Path(str(name)) / "checkpoints").is_dir()
    except (OSError, ValueError):  # no path at all: too long, or with a null byte
        return False


def is_preset_folder(name: PathLike) -> bool:
    """Whether this is a folder that `model.save_to_preset` wrote."""
    try:
        return not is_run(name) and (Path(str(name)) / PRESET_FILE).is_file()
    except (OSError, ValueError):  # not a path: too long, or with a null byte
        return False


def save(model: Any, folder: PathLike, description: str = "", license: str = "", data: str = "") -> Path:
    """Writes a model as a preset folder; see `ZooModel.save_to_preset`."""
    folder = Path(folder)
    name = type(model).model_name
    if not name:
        raise GanzooError(
            f"cannot save to {folder}: {type(model).__name__} is not registered, so that no preset could name it: put "
            "@ganzoo.register('name') before the class"
        )
    if is_run(folder):
        raise GanzooError(f"cannot save to {folder}: it is a run folder; name another")
    config = Config(
        model=name,
        description=description,
        arguments=model.arguments,
        class_names=list(getattr(model, "class_names", None) or ()),
    )
    try:
        # What was read back is what will be loaded: an object or a function has no place in YAML.
        config = parse_config(dump(config), str(folder / PRESET_FILE))
    except (yaml.YAMLError, GanzooError) as error:
        raise GanzooError(
            f"cannot save to {folder}: an argument of the model cannot be written to a preset ({first_line(error)}); "
            "use model.save() instead"
        ) from None
    folder.mkdir(parents=True, exist_ok=True)
    sha256 = model.save_shipped(folder / _WEIGHTS_FILE)
    stated = Weights(_WEIGHTS_FILE, sha256, license or "not stated", data or "not stated", "not measured")
    path = folder / PRESET_FILE
    write_atomically(path, dump(replace(config, weights=stated)).encode())
    return path


def config_of(name):
    """The config behind whatever `load` takes; None for a `.keras` file, which knows its model alone."""
    if str(name).endswith(".keras"):
        return None
    return load_config(Path(name) / "config.yaml") if is_run(name) else find(name).config


def build(config, where, policy=None, compile=True):
    """The model a config describes, with fresh weights; of the config's precision, or another policy. What a precision
    of "auto" means is found out where training begins; here it is the global policy."""
    import keras

    from ganzoo import weights

    cls, arguments, settings = _checked(config, where)
    if policy is None and config.training.precision != "auto":
        policy = config.training.precision
    with made_with(policy or keras.config.dtype_policy()), weights.fitting_memory(f"{where}, section 'arguments'"):
        model = cls(**arguments)
    if compile:
        model.compile(**settings)
    return model


def _checked(config, where):
    """(class, its arguments, settings of its compile()) of a config."""
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
    return cls, arguments, settings


def load_saved(path, compile=True):
    """The model of a `.keras` file that one of this package's models saved.

    Raises:
        GanzooError: no such file, a damaged one, or one that holds another kind of model.
    """
    import keras

    from ganzoo import keras_archive, weights

    described, stored = keras_archive.read(path)
    cls = registry.model_class(_model_described(described, path))
    keras_archive.check_objects(described, path)
    try:
        with weights.fitting_file(path, stored):
            model = keras.models.load_model(path, compile=compile)
    except GanzooError:
        raise
    # Keras, HDF5 and JSON have an error of their own for each way in which a file can be damaged.
    except Exception as error:
        raise GanzooError(f"cannot load {path}: {first_line(error)}") from None
    if not isinstance(model, cls):
        raise GanzooError(f"{path} does not hold a ganzoo model")
    return model


def saved_model_of(path):
    """The name of the model in a `.keras` file, read without Keras; errors as `load_saved`."""
    from ganzoo import keras_archive

    return _model_described(keras_archive.read(path)[0], path)


def _model_described(described, path):
    """The name of the model that the `config.json` of a `.keras` file describes."""
    package, _, model_name = str(described.get("registered_name")).partition(">")
    if package != "ganzoo":
        raise GanzooError(
            f"{path} holds a {in_one_line(described.get('class_name'), 80)}, not a ganzoo model: if you trust its "
            "origin, load it with keras.models.load_model"
        )
    if model_name not in registry.list_models():
        raise GanzooError(
            f"{path} holds the model '{in_one_line(model_name, 80)}', which is not registered: import its file first "
            "(on the command line: ganzoo --import FILE.py ...)"
        )
    return model_name


def preset_files():
    """{preset name: YAML path} of the presets inside the package."""
    folder = configs_folder()
    return {f"{path.parent.name}.{path.stem}": path for path in sorted(folder.glob("*/*.yaml"))}


def list_presets(pattern="*"):
    """Names of all presets, `model.preset`, sorted.

    Args:
        pattern: wildcard, e.g. "dcgan.*" or "*.mnist"; a bare model name means all of its presets.

    Example:
        ganzoo.list_presets("dcgan.*")
    """
    names = list(preset_files())
    return sorted(fnmatch.filter(names, pattern) or fnmatch.filter(names, f"{pattern}.*"))


def configs_folder():
    """The folder of presets: inside an installed package, or beside it in a source checkout."""
    package = Path(__file__).resolve().parent
    for folder in (package / "zoo_configs", package.parent / "zoo_configs"):
        if folder.is_dir():
            return folder
    raise GanzooError("the presets are missing from this installation: reinstall keras-ganzoo")
