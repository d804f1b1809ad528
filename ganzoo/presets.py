"""Presets: YAML configs of models, most of them with trained weights.

The package ships `zoo_configs/<model>/<preset>.yaml`. The path of your own YAML file or preset folder, or the address
of a preset on the Hugging Face Hub (hf://user/name), works wherever a preset's name does. `ganzoo.loading` builds their
models.
"""

import fnmatch
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganzoo import hub, registry
from ganzoo.config import Config, load_config
from ganzoo.errors import GanzooError, in_one_line, unknown
from ganzoo.types import PathLike

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


def model_of(name: PathLike, trained: bool = False) -> str:
    """The name of the model that `ganzoo.load(name)` would return, found without importing Keras.

    Args:
        name: as in `ganzoo.load`.
        trained: refuse a preset without weights.

    Returns:
        A name from `ganzoo.list_models()`.

    Raises:
        GanzooError: as in `ganzoo.load`, except for errors in weights.

    Example:
        from ganzoo.presets import model_of

        model_of("dcgan.mnist")  # "dcgan"
    """
    if is_saved(name):
        return saved_model_of(Path(name))
    if is_run(name):
        return saved_model_of(checkpoint_of(name))
    return model_of_preset(find(name), trained)


def model_of_preset(preset: Preset, trained: bool) -> str:
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
    """The checkpoint of a run folder that `ganzoo.load` uses: the best one, or the last one if there is no best."""
    for name in ("best", "last"):
        path = Path(run) / "checkpoints" / f"{name}.keras"
        if path.exists():
            return path
    raise GanzooError(f"the run folder {run} has no checkpoint: train it first")


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


def config_of(name: PathLike) -> Config | None:
    """The config of a preset or run folder; None for a `.keras` file, which has none."""
    if is_saved(name):
        return None
    return load_config(Path(name) / "config.yaml") if is_run(name) else find(name).config


def saved_model_of(path: PathLike) -> str:
    """The name of the model in a `.keras` file, read without importing Keras; raises as
    `ganzoo.loading.load_saved`."""
    from ganzoo import keras_archive

    return model_described(keras_archive.read(path)[0], path)


def model_described(described: dict[str, Any], path: PathLike) -> str:
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
