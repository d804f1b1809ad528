"""Checks of command-line arguments that run before Keras is imported, which takes seconds."""

import difflib
import importlib
import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path

from ganzoo import presets, registry
from ganzoo.classes import class_of
from ganzoo.config import with_settings
from ganzoo.errors import GanzooError, needs_loggers
from ganzoo.training.stages import stage_runs
from ganzoo.types import PathLike


def model(name: PathLike, command: str | None = None) -> str:
    """The registered name of the model that `ganzoo.load(name)` would load.

    Args:
        name: a model, preset, YAML file, run folder or `.keras` file.
        command: the command that will use it, e.g. "generate"; None allows every model.

    Returns:
        The registered name of the model, e.g. "srgan".

    Raises:
        GanzooError: an unknown name, an unreadable file, a preset without weights, or a model for another command.

    Example:
        from ganzoo import checks

        checks.model("srgan", "upscale")     # "srgan"
        checks.model("srgan", "generate")     # GanzooError: ... use `ganzoo upscale IN OUT --model srgan`
    """
    found = presets.model_of(name, trained=True)
    purpose = registry.declared(found, "purpose")
    if command and purpose and command not in registry.declared(found, "commands"):
        if command == "probe":
            raise GanzooError(
                f"`ganzoo probe` needs a discriminator that takes images alone, as dcgan's does; '{name}' {purpose}"
            )
        usage = registry.declared(found, "usage").format(name=name)
        if not usage:
            raise GanzooError(f"'{name}' {purpose}: its class does not list '{command}' among its commands")
        if command in ("generate --caption", "generate --label"):
            raise GanzooError(f"'{name}' takes no {command.split('--')[1]}s: use `{usage}`")
        if command == "generate":
            raise GanzooError(f"'{name}' {purpose}: use `{usage}`")
        raise GanzooError(f"'{name}' {purpose}, which `ganzoo {command}` does not: use `{usage}`")
    return found


def source(asked: str, model_name: str) -> None:
    """Checks that a data source can be opened.

    Args:
        asked: the source, e.g. "folder:my_images".
        model_name: registered name of the model to train on it.

    Raises:
        GanzooError: an unknown scheme, or a missing file, folder or package.

    Example:
        from ganzoo import checks

        checks.source("folder:my_images", "dcgan")
        checks.source("folder:my_image", "dcgan")     # GanzooError: ... Did you mean 'my_images'?
    """
    from ganzoo.data import avatars, labeled_recordings
    from ganzoo.data.sources import npz_part, split_source
    from ganzoo.data.tfds import missing_tfds

    sources = registry.declared(model_name, "sources")
    if not sources:
        return
    module, of = sources
    schemes = importlib.import_module(module)._SCHEMES
    alone = [scheme for scheme in schemes if scheme in ("digits", "photos")]
    scheme, place = split_source(asked, of, schemes, without_place=alone)
    if of == " of labeled recordings" or (module == "ganzoo.data.voices" and scheme != "folders"):
        existing(labeled_recordings.place_of(place), kind="file" if scheme == "npz" else "folder")
    elif scheme == "folders":
        for folder in importlib.import_module(module).folder_pair(npz_part(place)[0]):
            existing(Path(folder), kind="folder")
    elif module == "ganzoo.data.unpaired" and scheme == "folder":
        existing(Path(npz_part(place)[0]).expanduser(), kind="folder")
    elif scheme in ("folder", "captions"):
        existing(Path(place).expanduser(), kind="folder")
    elif scheme == "idx":
        existing(Path(place).expanduser())
    elif scheme == "npz":
        existing(Path(npz_part(place)[0]).expanduser())
    elif scheme == "avatars":
        avatars.parse(place)
    elif scheme == "tfds" and importlib.util.find_spec("tensorflow_datasets") is None:
        raise missing_tfds(place)


def training(
    preset: PathLike,
    data: str | None = None,
    settings: Sequence[str] = (),
    output: PathLike = "runs",
    resume: bool = False,
) -> None:
    """Checks that `ganzoo train` can start; arguments as in `ganzoo.train`.

    Raises:
        GanzooError: an unknown preset or setting, a missing source, or an output folder that is not writable.

    Example:
        from ganzoo import checks

        checks.training("dcgan.digits")
    """
    if presets.is_run(preset):
        raise GanzooError(
            f"{preset} is a run folder: `ganzoo train PRESET --resume`, with its preset or YAML file, resumes the "
            "newest run, and `--run NUMBER` another one"
        )
    found = presets.find(preset)
    name = presets.model_of(preset)
    config = with_settings(found.config, settings)
    if data or (config.data.get("source") and not resume):
        source(data or config.data["source"], name)
    if config.training.start_from and not resume:
        model(config.training.start_from)
    needs_loggers(config.training.loggers)
    folder_to_write(output)


def run_to_resume(preset: PathLike, output: PathLike, run: int | None = None) -> None:
    """Checks that there is a run of a preset that `ganzoo train --resume` can resume.

    Raises:
        GanzooError: there is none.

    Example:
        from ganzoo import checks

        checks.run_to_resume("dcgan.digits", "runs")     # GanzooError: there is no run of 'dcgan.digits' ...
    """
    found = presets.find(preset)
    stage_runs(found.config, found.label, Path(output), resume=True, number=run)


def existing(path: Path, kind: str = "file") -> None:
    """Checks that a file or folder exists; the error suggests the nearest name.

    Args:
        path: the path.
        kind: what the path is, for the error; a folder if this ends with "folder".

    Raises:
        GanzooError: it does not exist.
    """
    folder = kind.endswith("folder")
    try:
        if path.exists() and path.is_dir() == folder:
            return
        beside = [entry.name for entry in path.parent.iterdir() if entry.is_dir() == folder]
    except OSError:
        beside = []
    near = difflib.get_close_matches(path.name, beside, n=1, cutoff=0.75)
    guess = f". Did you mean '{path.parent / near[0]}'?" if near else ""
    raise GanzooError(f"no such {kind}: {path}{guess}")


def image_to_read(path: Path) -> None:
    """Checks that an image or a folder can be read; of an image, its header alone.

    Raises:
        GanzooError: it does not exist, or is no image.
    """
    from ganzoo.data.decoding import opened_image
    from ganzoo.inference.image_files import PIXEL_LIMIT

    to_read(path, "image")
    if os.path.isfile(path):
        with opened_image(path, PIXEL_LIMIT):
            pass


def recording_to_read(path: Path) -> None:
    """Checks that a recording or a folder can be read; of a recording, its header alone.

    Raises:
        GanzooError: it does not exist, or is no recording.
    """
    from ganzoo.data.recording_files import opened

    to_read(path, "recording")
    if os.path.isfile(path):
        with opened(path):
            pass


def to_read(path: Path, kind: str) -> None:
    """Checks that a file or folder to read exists; arguments and errors as in `existing`."""
    if not os.path.isdir(path):
        existing(path, kind)


def labels(name: PathLike, given: Sequence[str]) -> None:
    """Checks that a preset has classes of these names; of other models, and of classes without names, nothing.

    Raises:
        GanzooError: it has none of this name or number.

    Example:
        from ganzoo import checks

        checks.labels("cgan.fashion_mnist", ["sneaker", "8"])
        checks.labels("cgan.fashion_mnist", ["snekaer"])     # GanzooError: ... Did you mean 'Sneaker'?
    """
    config = presets.config_of(name) if given else None
    if config is not None and config.class_names:
        for label in given:
            class_of(label, config.class_names)


def metrics(names: Sequence[str], model_name: str) -> None:
    """Checks that there are metrics of these names; whether the model has them is checked once it is loaded.

    Args:
        names: of metrics.
        model_name: registered name of a model, whose metrics an error lists.

    Raises:
        GanzooError: no task has a metric of this name.

    Example:
        from ganzoo import checks

        checks.metrics(["pesq", "stoi"], "segan")
        checks.metrics(["peqs"], "segan")     # GanzooError: ... Did you mean 'pesq'?
    """
    if not names:
        return
    from ganzoo.metrics.registry import get_metric, known_names

    known = known_names()
    for name in names:
        evaluation = registry.declared(model_name, "evaluation")
        if name not in known and isinstance(evaluation, str) and evaluation.startswith("ganzoo."):
            get_metric(name, evaluation.rpartition(".")[2])


def image_to_write(path: PathLike) -> None:
    """Checks that an image can be written to a file.

    Raises:
        GanzooError: the suffix is not an image format, it is a folder, or its folder is not writable.
    """
    from ganzoo.inference.sampling import check_suffix

    file_to_write(path, example="images.png")
    check_suffix(path)


def file_to_write(path: PathLike, example: str = "") -> None:
    """Checks that a file can be written.

    Args:
        path: the file.
        example: the name of a file, for the error if the path is a folder.

    Raises:
        GanzooError: it is a folder, or its folder is not writable.
    """
    path = Path(path)
    if os.path.isdir(path):
        hint = f", e.g. {path / example}" if example else ""
        raise GanzooError(f"cannot write {path}: it is a folder; name a file in it{hint}")
    _refuse_impossible(path)
    folder_to_write(path.parent)


def empty_folder_to_write(path: PathLike) -> None:
    """Checks that a folder is new or empty, and can be written to.

    Raises:
        GanzooError: it has files, or cannot be created or written to.
    """
    folder_to_write(path)
    if os.path.isdir(path) and any(os.scandir(path)):
        raise GanzooError(f"the folder {path} is not empty: name another one")


def folder_to_write(path: PathLike) -> None:
    """Checks that a folder exists or can be created, and is writable.

    Raises:
        GanzooError: it cannot be created or written to.
    """
    path = Path(os.path.abspath(path))
    _refuse_impossible(path)
    for place in (path, *path.parents):
        if os.path.lexists(place):
            if not place.is_dir():
                raise GanzooError(f"cannot write to {path}: {place} is not a folder")
            if not os.access(place, os.W_OK | os.X_OK):
                raise GanzooError(f"cannot write to {path}: no permission for {place}")
            return


def _refuse_impossible(path: Path) -> None:
    """Refuses an invalid path, e.g. with a name that is too long."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        pass
    except (OSError, ValueError) as error:
        raise GanzooError(f"cannot write to {path}: {getattr(error, 'strerror', None) or error}") from None
