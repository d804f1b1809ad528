"""Presets: YAML configs of models, most of them with trained weights.

The package ships `zoo_configs/<model>/<preset>.yaml`. The path of your own YAML file or preset folder, or the address
of a preset on the Hugging Face Hub (hf://user/name), works wherever a preset's name does.
"""

import contextlib
import fnmatch
import functools
import re
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError

from ganzoo import hub, registry
from ganzoo.arguments import parameters_of, validated_arguments
from ganzoo.config import (
    Config,
    Evaluation,
    Weights,
    dump,
    load_config,
    parse_config,
)
from ganzoo.construction import inference_first
from ganzoo.errors import GanzooError, first_line, in_one_line, unknown
from ganzoo.files import write_atomically
from ganzoo.precision import InferencePrecision, inference_policy, made_with, set_precision
from ganzoo.types import PathLike

if TYPE_CHECKING:
    from ganzoo.training.zoo_model import ZooModel

# The YAML file of a preset folder.
PRESET_FILE = "preset.yaml"


@dataclass
class Preset:
    """A config and the file it comes from.

    Attributes:
        name: "model.preset", the path of your own file or folder, or an address of the hub.
        path: the YAML file.
        config: its content.
    """

    name: str
    path: Path
    config: Config

    @property
    def weights_file(self) -> Path | None:
        """The weights file in the folder of the YAML file, or None for a preset without weights."""
        return self.path.parent / self.config.weights.file if self.config.weights else None

    @property
    def label(self) -> str:
        """A name for folders of its runs, without the path."""
        if hub.is_address(self.name):
            return hub.parse(self.name).repository.partition("/")[2]
        if self.path.name == PRESET_FILE:
            return self.path.resolve().parent.name
        return Path(self.name).stem if self.name == str(self.path) else self.name


def load(
    name: PathLike, trained: bool = True, compile: bool = True, *, precision: InferencePrecision | None = None
) -> "ZooModel":
    """Loads a trained model for inference or further training.

    The discriminator and the optimizers are built only when training needs them, so a model for inference costs no
    more than its generator.

    Args:
        name: a model ("dcgan", meaning its default preset), a preset ("dcgan.mnist"), the address of a preset on the
            Hugging Face Hub ("hf://user/name" or "hf://user/name@revision"), or the path of a YAML file, a preset
            folder, a saved `.keras` file, or a run folder of `ganzoo train` (meaning its best checkpoint).
        trained: False returns a preset's model with random weights.
        compile: False returns a model that is not compiled with the preset's settings; call `model.compile()` before
            `model.fit()`.
        precision: of the computation: "float32", "mixed_bfloat16", or "auto": bfloat16 for presets whose quality was
            measured to stay with it, on machines that are faster with it. The first use on a machine measures for a
            second which it is. None is Keras' global policy, float32 by default.

    Returns:
        The model. `model.preset` is the preset's name (None for a `.keras` file).

    Raises:
        GanzooError: an unknown name, a damaged file, a file of another package, or no connection to the hub.

    Example:
        model = ganzoo.load("dcgan")
        images = model.generate(16, seed=0)  # uint8 (16, 28, 28, 1)
    """
    import keras

    from ganzoo import weights

    if is_saved(name) or is_run(name):
        policy = inference_policy(precision, quality_stays=False) if precision else None
        model = load_saved(Path(name) if is_saved(name) else checkpoint_of(name), compile)
        if policy:
            set_precision(model.inference_network, policy)
        return model
    preset = find(name)
    # Raises before anything is built.
    _model_of_preset(preset, trained)
    measured = bool(preset.config.weights and preset.config.weights.bfloat16)
    # The preset's precision is for training. Loaded models have the global policy, float32 by default.
    policy = inference_policy(precision, trained and measured) if precision else None
    policy = policy or keras.config.dtype_policy()
    if not trained:
        return _with_names(build(preset.config, preset.name, policy, compile), preset)
    # Presets without weights have been refused.
    assert preset.weights_file is not None
    assert preset.config.weights is not None
    # Networks that are built later read it again, when the current folder may be another one.
    weights_file, sha256 = preset.weights_file.absolute(), preset.config.weights.sha256
    guard = functools.partial(weights.fitting_file, weights_file, weights.stored_bytes(weights_file, sha256))
    cls, arguments, settings = _checked(preset.config, preset.name)
    with inference_first(), guard(), made_with(policy):
        model = cls(**arguments)
    model.load_shipped(weights_file, sha256)
    if policy == "mixed_bfloat16" and precision:
        set_precision(model.inference_network, policy)

    def finish(model: Any, names: list[str]) -> None:
        model.load_left_out(weights_file, names, sha256)
        if compile:
            model.compile(**settings)

    model.finish_later(guard, finish)
    return _with_names(model, preset)


def _with_names(model: Any, preset: Preset) -> Any:
    """Sets the names of a model's preset and classes."""
    model.preset = preset.name
    if preset.config.class_names and hasattr(model, "class_names"):
        model.class_names = preset.config.class_names
    return model


def model_of(name: PathLike, trained: bool = False) -> str:
    """The name of the model that `load(name)` would return, found without importing Keras.

    Args:
        name: as in `load`.
        trained: refuse a preset without weights.

    Returns:
        A name from `ganzoo.list_models()`.

    Raises:
        GanzooError: as in `load`, except for errors in weights.

    Example:
        from ganzoo.presets import model_of

        model_of("dcgan.mnist")  # "dcgan"
    """
    if is_saved(name):
        return saved_model_of(Path(name))
    if is_run(name):
        return saved_model_of(checkpoint_of(name))
    return _model_of_preset(find(name), trained)


def _model_of_preset(preset: Preset, trained: bool) -> str:
    """The name of a preset's model; errors as in `model_of`."""
    if preset.config.model not in registry.list_models():
        error = unknown("model", preset.config.model, registry.list_models(), preset.name)
        raise GanzooError(f"{error} If it is your own, import its file first (ganzoo --import FILE.py ...)")
    if trained and preset.config.weights is None:
        raise GanzooError(
            f"the preset '{preset.name}' has no trained weights: train them with `ganzoo train {preset.name}` and use "
            "the run folder instead, or use ganzoo.load(..., trained=False) for random weights"
        )
    return preset.config.model


def checkpoint_of(run: PathLike) -> Path:
    """The checkpoint of a run folder that `load` uses: the best one, or the last one if there is no best."""
    for name in ("best", "last"):
        path = Path(run) / "checkpoints" / f"{name}.keras"
        if path.exists():
            return path
    raise GanzooError(f"the run folder {run} has no checkpoint: train it first")


def best_checkpoint_of(run: PathLike) -> Path:
    """The best checkpoint of a run folder.

    Raises:
        GanzooError: the folder has none.
    """
    path = Path(run) / "checkpoints" / "best.keras"
    if not path.exists():
        raise GanzooError(
            f"{run} has no best checkpoint: only a run with validation metrics (section 'evaluation') selects one"
        )
    return path


def checkpoint_to_publish(run: PathLike) -> Path:
    """The best checkpoint of a run folder, or the last one if there is no best.

    Raises:
        GanzooError: the folder has neither.
    """
    last = Path(run) / "checkpoints" / "last.keras"
    best = last.with_name("best.keras")
    return last if last.exists() and not best.exists() else best_checkpoint_of(run)


def find(name: PathLike) -> Preset:
    """The preset of a name, a YAML path, a preset folder or an address of the hub; a model's name means its default
    preset.

    Raises:
        GanzooError: an unknown name, with the nearest match, a file that is not a valid config, or no connection to the
            hub.
    """
    if hub.is_address(name):
        path = hub.fetch(name, PRESET_FILE)
        return Preset(str(name), path, load_config(path, str(name)))
    if str(name).endswith((".yaml", ".yml")):
        return Preset(str(name), Path(name), load_config(name, base=_base_file))
    files = preset_files()
    if name in files:
        return Preset(str(name), files[str(name)], load_config(files[str(name)], base=_base_file))
    names = [preset for preset in files if preset.split(".")[0] == name]
    # A folder of the same name does not stand in for a preset of the package.
    if not names and is_preset_folder(name):
        path = Path(name) / PRESET_FILE
        return Preset(str(name), path, load_config(path))
    if not names and name in registry.list_models():
        raise GanzooError(f"the model '{name}' has no preset: use your own YAML file, or ganzoo.create('{name}')")
    if not names:
        raise _unknown_name(name, files)
    presets = [Preset(preset, files[preset], load_config(files[preset], base=_base_file)) for preset in names]
    return next((preset for preset in presets if preset.config.default), presets[0])


def _base_file(name: str, path: Path) -> Path:
    """The YAML file that another one extends: a path relative to it, or the name of a preset or model.

    Raises:
        GanzooError: there is no such file or preset.
    """
    if name.endswith((".yaml", ".yml")):
        base = path.parent / name
        if not base.is_file():
            raise GanzooError(f"{path}: extends {name}, but there is no file {base}")
        return base
    if hub.is_address(name):
        raise GanzooError(f"{path}: cannot extend {in_one_line(name)}: download its {PRESET_FILE} and extend that file")
    files = preset_files()
    if name in files:
        return files[name]
    if any(preset.split(".")[0] == name for preset in files):
        return find(name).path
    raise unknown("preset to extend", name, files, str(path))


def _unknown_name(name: PathLike, files: dict[str, Path]) -> GanzooError:
    """The error for a name that is no model, preset or run folder."""
    path = Path(str(name))
    try:
        if str(name) and path.is_dir():
            return GanzooError(
                f"{path} is neither a run folder nor a preset folder: it has no 'checkpoints' and no {PRESET_FILE}"
            )
        if path.is_file():
            return GanzooError(f"{path} is a file, but neither .keras nor .yaml")
        runs = [str(other) for other in path.parent.iterdir() if is_run(other)]
    except (OSError, ValueError):  # no such folder, or not a valid path
        runs = []
    if len(path.parts) > 1:
        return unknown("run folder", name, runs) if runs else GanzooError(f"no such run folder or file: {path}")
    return unknown("preset or model", name, [*files, *registry.list_models(), *runs], listed_by="`ganzoo list`")


def is_saved(name: PathLike) -> bool:
    """Whether this is the path of a `.keras` file, by its suffix."""
    return str(name).endswith(".keras") and not hub.is_address(name)


def is_run(name: PathLike) -> bool:
    """Whether this is the path of a run folder of `ganzoo train`."""
    try:
        return (Path(str(name)) / "checkpoints").is_dir()
    except (OSError, ValueError):  # not a valid path: too long, or with a null byte
        return False


def is_preset_folder(name: PathLike) -> bool:
    """Whether this is a folder that `model.save_to_preset` wrote."""
    try:
        return not is_run(name) and (Path(str(name)) / PRESET_FILE).is_file()
    except (OSError, ValueError):  # not a valid path
        return False


def check_preset_folder(folder: Path) -> None:
    """Checks that a folder holds a preset with weights, whose content is checked when it is loaded.

    Raises:
        GanzooError: the message says what is missing.
    """
    if not is_preset_folder(folder):
        raise GanzooError(
            f"{folder} is not a preset folder, as `ganzoo publish` and model.save_to_preset() write: it has no "
            f"{PRESET_FILE}"
        )
    model_of(folder / PRESET_FILE, trained=True)


def save(
    model: Any, folder: PathLike, description: str = "", license: str = "", data: str = "", overwrite: bool = False
) -> Path:
    """Writes a model as a preset folder; see `ZooModel.save_to_preset`."""
    folder = Path(folder)
    # Of the class itself: a subclass that is not registered would come back as its parent.
    name = vars(type(model)).get("model_name")
    if not name:
        raise GanzooError(
            f"cannot save to {folder}: {type(model).__name__} is not registered, so no preset can refer to it: put "
            "@ganzoo.register('name') before the class"
        )
    check_target(folder, overwrite)
    source = preset_files().get(str(model.preset))
    try:
        config = Config(
            model=name,
            description=description,
            arguments=model.arguments,
            class_names=list(getattr(model, "class_names", None) or ()),
            # How the preset that the model came from is evaluated: its extractor, for one.
            evaluation=load_config(source).evaluation if source else Evaluation(),
            weights=Weights("weights.npz", "", license or "not stated", data or "not stated", "not measured"),
        )
        # Reading it back makes sure that all arguments can be written as YAML.
        config = parse_config(dump(config), str(folder / PRESET_FILE))
    except (yaml.YAMLError, ValidationError, GanzooError) as error:
        raise GanzooError(
            f"cannot save to {folder}: it cannot be written to a preset ({first_line(error)}); use model.save() instead"
        ) from None
    file, sha256 = write_weights(model, folder)
    stated = Weights(file, sha256, license or "not stated", data or "not stated", "not measured")
    return write_config(replace(config, weights=stated), folder)


def check_target(folder: Path, overwrite: bool, name: str | None = None) -> None:
    """Refuses a folder that no preset can be written to.

    Args:
        folder: the folder.
        overwrite: whether it may hold a preset.
        name: of the preset's files, if they are written beside those of others.

    Raises:
        GanzooError: a run folder, a folder with a preset, or a name that is invalid or means something else.
    """
    if name is not None and not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise GanzooError(f"a preset's name consists of lower-case letters, digits and underscores, got {name!r}")
    if is_run(folder):
        raise GanzooError(f"cannot save to {folder}: it is a run folder; choose another")
    if name is None and is_preset_folder(folder) and not overwrite:
        raise GanzooError(
            f"cannot save to {folder}: it holds a preset; choose another folder, or pass overwrite=True "
            "(on the command line: --overwrite)"
        )
    if str(folder) in [*registry.list_models(), *preset_files()] or folder.suffix in (".keras", ".yaml", ".yml"):
        raise GanzooError(f"cannot save to {folder}: load() takes this name for something else; choose another")


def write_weights(model: Any, folder: Path, inference_only: bool = False, bits: int = 16) -> tuple[str, str]:
    """Writes a model's weights to a preset folder and returns the file's name and SHA-256.

    The name depends on the content, so an earlier preset of the folder stays whole until `write_config` replaces it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Not the same name twice: two processes may write to the folder.
    part = folder / f".{uuid.uuid4().hex}.npz"
    try:
        sha256 = model.save_shipped(part, inference_only, bits)
        file = folder / f"weights-{sha256[:8]}.npz"
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    return file.name, sha256


def write_config(config: Config, folder: Path) -> Path:
    """Writes the YAML file of a preset folder, removes the weights of the preset that it replaces, and returns the
    path."""
    path = folder / PRESET_FILE
    earlier = None
    # Only these weights: others may be those of a preset that another process is about to write.
    with contextlib.suppress(GanzooError):
        earlier = load_config(path).weights
    write_atomically(path, dump(config).encode())
    replaced = earlier and config.weights and earlier.file != config.weights.file
    if earlier and replaced and fnmatch.fnmatch(earlier.file, hub.WEIGHTS_FILES):
        (folder / earlier.file).unlink(missing_ok=True)
    return path


def config_of(name: PathLike) -> Config | None:
    """The config of a preset or run folder; None for a `.keras` file, which has none."""
    if is_saved(name):
        return None
    return load_config(Path(name) / "config.yaml") if is_run(name) else find(name).config


def build(config: Config, where: str, policy: Any = None, compile: bool = True) -> Any:
    """Builds the model of a config with random weights.

    Args:
        config: the config.
        where: how errors begin.
        policy: dtype policy to use instead of the config's precision. A precision of "auto", which is resolved when
            training begins, means the global policy here.
        compile: whether to compile the model with the config's settings.
    """
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


def check(config: Config, where: str) -> None:
    """Checks the sections `arguments` and `compile` of a config, without building anything.

    Args:
        config: the config.
        where: how errors begin.

    Raises:
        GanzooError: an unknown model or key, or a value of a wrong type.
    """
    _checked(config, where)


def _checked(config: Config, where: str) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """(model class, arguments, compile settings) of a config, validated."""
    cls = registry.model_class(config.model, where)
    arguments = validated_arguments(
        parameters_of("__init__", owner=cls), config.arguments, f"{where}, section 'arguments'"
    )
    parameters = parameters_of("compile", owner=cls)
    settings = validated_arguments(parameters, config.compile, f"{where}, section 'compile'")
    for key, value in settings.items():
        default = parameters[key].default
        # {learning_rate: ...} without a name changes the default optimizer.
        if isinstance(value, dict) and isinstance(default, dict) and "name" not in value:
            settings[key] = {**default, **value}
    return cls, arguments, settings


def load_saved(path: PathLike, compile: bool = True) -> Any:
    """Loads a model from a `.keras` file that `model.save` wrote.

    Raises:
        GanzooError: a missing or damaged file, or one with a model of another package.
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
    # Keras, HDF5 and JSON raise many kinds of errors on damaged files.
    except Exception as error:
        raise GanzooError(f"cannot load {path}: {first_line(error)}") from None
    if not isinstance(model, cls):
        raise GanzooError(f"{path} does not hold a ganzoo model")
    return model


def saved_model_of(path: PathLike) -> str:
    """The name of the model in a `.keras` file, read without importing Keras; raises as `load_saved`."""
    from ganzoo import keras_archive

    return _model_described(keras_archive.read(path)[0], path)


def _model_described(described: dict[str, Any], path: PathLike) -> str:
    """The name of the model in the `config.json` of a `.keras` file."""
    package, _, model_name = str(described.get("registered_name")).partition(">")
    if package != "ganzoo":
        raise GanzooError(
            f"{path} holds a {in_one_line(described.get('class_name'), 80)}, not a ganzoo model: if you trust its "
            "source, load it with keras.models.load_model"
        )
    if model_name not in registry.list_models():
        raise GanzooError(
            f"{path} holds the model '{in_one_line(model_name, 80)}', which is not registered: import its file first "
            "(on the command line: ganzoo --import FILE.py ...)"
        )
    return model_name


def preset_files() -> dict[str, Path]:
    """{preset name: YAML path} of the package's presets."""
    folder = configs_folder()
    return {f"{path.parent.name}.{path.stem}": path for path in sorted(folder.glob("*/*.yaml"))}


def list_presets(pattern: str = "*") -> list[str]:
    """Names of all presets, `model.preset`, sorted.

    Args:
        pattern: wildcard, e.g. "dcgan.*" or "*.mnist"; a model's name alone means all of its presets.

    Example:
        ganzoo.list_presets("dcgan.*")
    """
    names = list(preset_files())
    return sorted(fnmatch.filter(names, pattern) or fnmatch.filter(names, f"{pattern}.*"))


def configs_folder() -> Path:
    """The folder of presets: in the package, or next to it in a source checkout."""
    package = Path(__file__).resolve().parent
    for folder in (package / "zoo_configs", package.parent / "zoo_configs"):
        if folder.is_dir():
            return folder
    raise GanzooError("the presets are missing from this installation: reinstall keras-ganzoo")
