"""Preset folders: a model's YAML file and weights, as `model.save_to_preset` and `ganzoo publish` write them."""

import contextlib
import fnmatch
import re
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from ganzoo import hub, registry
from ganzoo.config import Config, Evaluation, Weights, dump, load_config, parse_config
from ganzoo.errors import GanzooError, first_line
from ganzoo.files import write_atomically
from ganzoo.presets import PRESET_FILE, is_preset_folder, is_run, model_of, preset_files
from ganzoo.types import PathLike


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
    # A loaded model is compiled when its other networks are built.
    model.complete_networks()
    try:
        config = Config(
            model=name,
            description=description,
            arguments=model.arguments,
            compile=model.described_settings(),
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
