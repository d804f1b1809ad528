"""Configs: the YAML of presets as validated dataclasses. Errors name the file, the key and the allowed values."""

import copy
import difflib
import functools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, field, fields, replace
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass

from ganzoo.arguments import AtLeastOne, ClassName, Seed, check_whole_numbers, first_error
from ganzoo.errors import GanzooError, unknown
from ganzoo.files import open_regular
from ganzoo.types import PathLike

# Far more than any config written by hand.
MOST_BYTES = 2**20


def _file_name(name: str) -> str:
    """A weights file is in the folder of its YAML file, so that an untrusted YAML file cannot name any other file."""
    if name != PurePosixPath(name).name or name in ("", ".", "..") or not name.isprintable() or set(name) & set("\\:"):
        raise ValueError("a weights file must be a plain file name, in the folder of the YAML file")
    return name


def _different(names: list[str]) -> list[str]:
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        raise ValueError(f"two classes cannot both be named '{repeated[0]}'")
    return names


_strict_keys = ConfigDict(extra="forbid")


@dataclass(config=_strict_keys)
class Training:
    """The section `training`: length, precision, checkpoints and samples of a run."""

    epochs: AtLeastOne = 20
    seed: Seed = 0
    # "auto" is mixed_bfloat16, or float32 on devices where that is faster (`ganzoo.precision.fastest`); a resumed run
    # keeps its precision.
    precision: Literal["auto", "float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    # Minutes between checkpoints within an epoch; there is always one at its end.
    checkpoint_minutes: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 5.0
    # A preset, run folder or .keras file whose generator initializes the model.
    start_from: str | None = None
    # Number of images in the grid that is generated after every epoch, always from the same latents.
    samples: Annotated[int, Field(ge=1, le=10_000)] = 64
    # The run stops after this many consecutive epochs in which all samples are nearly equal.
    collapse_patience: AtLeastOne = 3
    # Services that the run is logged to: wandb, mlflow.
    loggers: list[Literal["mlflow", "wandb"]] = field(default_factory=list)


@dataclass(config=_strict_keys)
class Evaluation:
    """The section `evaluation`: validation metrics, selection of the best checkpoint, metrics of `ganzoo evaluate`."""

    # Feature extractor, for models that generate images from noise; "matching" for models that take captions. Such
    # models are not measured without it.
    extractor: str | None = None
    # The extractor of `ganzoo evaluate` and `ganzoo publish`, if it is another one: what selected a checkpoint should
    # not report on it.
    judge: str | None = None
    # The metric that selects the best checkpoint; None for the task's default.
    monitor: str | None = None
    # The metrics to report; the task's defaults if empty.
    metrics: list[str] = field(default_factory=list)
    samples: Annotated[int, Field(ge=2, le=1_000_000)] = 5000
    every_epochs: AtLeastOne = 1


@dataclass(config=_strict_keys)
class Stage:
    """An earlier stage of training: the preset with changes."""

    # Part of the name of its run folders.
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$")]
    arguments: dict[str, Any] = field(default_factory=dict)
    compile: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    evaluation: dict[str, Any] = field(default_factory=dict)


@dataclass(config=_strict_keys)
class Weights:
    """The section `weights`: a weights file and its license, data and metrics; written by `ganzoo publish`."""

    file: Annotated[str, AfterValidator(_file_name)]
    sha256: str
    license: str
    data: str
    protocol: str
    metrics: dict[str, int | float] = field(default_factory=dict)
    # What inference in bfloat16 changes, if that is nothing that matters: `benchmarks/inference_precision.py` measures
    # it. `precision="auto"` of `ganzoo.load` uses bfloat16 only for these presets.
    bfloat16: dict[str, float] = field(default_factory=dict)


def _stages_with_different_names(stages: list[Stage]) -> list[Stage]:
    names = [stage.name for stage in stages]
    if len({*names}) < len(names):
        raise ValueError(f"two stages cannot have the same name, got {', '.join(names)}")
    return stages


@dataclass(config=_strict_keys)
class Config:
    """A preset: the model, its arguments, and the settings of compiling, data, training and evaluation.

    When they are used, `arguments`, `compile` and `data` are checked against the signatures of the model's class, of
    its `compile` method, and of its task's data function.
    """

    model: str
    description: str = ""
    default: bool = False
    arguments: dict[str, Any] = field(default_factory=dict)
    compile: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    # Names of the classes, in the order of the labels.
    class_names: Annotated[list[ClassName], AfterValidator(_different)] = field(default_factory=list)
    training: Training = field(default_factory=Training)
    evaluation: Evaluation = field(default_factory=Evaluation)
    # Stages of training before the preset itself, which is the last one. Each starts from the best checkpoint of the
    # stage before.
    stages: Annotated[list[Stage], AfterValidator(_stages_with_different_names)] = field(default_factory=list)
    weights: Weights | None = None


def load_config(path: PathLike, where: str = "", base: Callable[[str, Path], Path] | None = None) -> Config:
    """Reads a YAML file into a `Config`; errors begin with `where`, by default the path.

    Args:
        path: the file.
        where: what errors call it.
        base: function from the value of `extends` and the path of its file to the file that is extended. None refuses
            `extends`, as in run folders and preset folders, whose files are complete.

    Raises:
        GanzooError: no such file, not YAML, an unknown key, a missing key or a wrong type; files that extend each other
            in a circle.
    """
    mapping = _mapping_of(path, where)
    if isinstance(mapping, dict) and "extends" in mapping:
        if base is None:
            raise GanzooError(f"{where or path}: 'extends' does not work here, where a file must be complete")
        mapping = _extended(Path(path), mapping, base, [Path(path)])
    return from_mapping(mapping, where or str(path))


def _extended(
    path: Path, mapping: dict[str, Any], base: Callable[[str, Path], Path], chain: list[Path]
) -> dict[str, Any]:
    """A mapping on top of those that it extends. What belongs to their weights is left out."""
    mapping = dict(mapping)
    name = mapping.pop("extends")
    if not isinstance(name, str):
        raise GanzooError(f"{path}: 'extends' is the name of a preset or the path of a YAML file, got {name!r}")
    _refuse_unknown_keys(Config, mapping, str(path))
    parent = base(name, path)
    if parent.resolve() in [known.resolve() for known in chain]:
        circle = " extends ".join(map(str, [*chain, parent]))
        raise GanzooError(f"{chain[0]}: files extend each other in a circle: {circle}")
    below = _mapping_of(parent)
    if not isinstance(below, dict):
        raise _no_sections(below, str(parent))
    if "extends" in below:
        below = _extended(parent, below, base, [*chain, parent])
    _refuse_unknown_keys(Config, below, str(parent))
    # An empty section changes nothing.
    changes = {key: value for key, value in mapping.items() if value is not None}
    return _merged({key: value for key, value in below.items() if key not in ("weights", "default")}, changes)


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Two nested mappings as one; the second one wins. Mappings with different names, as of optimizers, do not mix."""
    result = dict(below)
    for key, value in above.items():
        known = result.get(key)
        if isinstance(value, dict) and isinstance(known, dict):
            same = value.get("name", known.get("name")) == known.get("name")
            value = _merged(known, value) if same else value
        result[key] = value
    return result


def _mapping_of(path: PathLike, where: str = "") -> Any:
    """The content of a YAML file."""
    try:
        with open_regular(path) as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise OSError(f"it has more than {MOST_BYTES:,} bytes")
        # Some editors begin UTF-8 files with a byte order mark.
        text = content.decode("utf-8-sig")
    except FileNotFoundError:
        raise GanzooError(f"cannot read the config {where or path}: no such file{_near(path)}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise GanzooError(f"cannot read the config {where or path}: {error}") from None
    return _yaml_value(text, where or str(path))


def _near(path: PathLike) -> str:
    """A question for the YAML file of the same folder whose name is nearest, if there is one."""
    missing = Path(path)
    beside = (one.name for one in missing.parent.glob("*") if one.suffix in (".yaml", ".yml"))
    near = difflib.get_close_matches(missing.name, sorted(beside), n=1, cutoff=0.8)
    return f". Did you mean '{missing.with_name(near[0])}'?" if near else ""


def _no_sections(content: Any, where: str) -> GanzooError:
    """The error for a YAML file that is empty, or a list or a single value."""
    needed = "it needs `model:` or `extends:` and sections such as `training:`"
    if content is None:
        return GanzooError(f"{where} is empty: {needed}")
    kind = "a list" if isinstance(content, list) else "a single value"
    return GanzooError(f"{where} is {kind} instead of a config: {needed}")


def parse_config(text: str, where: str) -> Config:
    """A `Config` from YAML text; errors begin with `where`."""
    return from_mapping(_yaml_value(text, where), where)


def from_mapping(mapping: Any, where: str) -> Config:
    """A `Config` from plain dictionaries; errors begin with `where`."""
    if not isinstance(mapping, dict):
        raise _no_sections(mapping, where)
    _refuse_unknown_keys(Config, mapping, where)
    check_whole_numbers(mapping, where)
    try:
        # Empty sections in YAML are None.
        return Config(**{str(key): value for key, value in mapping.items() if value is not None})
    except ValidationError as error:
        raise GanzooError(first_error(error, where)) from None


def with_settings(config: Config, settings: "str | Sequence[str] | Mapping[str, Any]", where: str = "--set") -> Config:
    """A copy of a config with changed settings, e.g. `training.epochs=3`.

    The section may be left out where the key is unambiguous, as in `epochs=3`.

    Args:
        config: the config to start from.
        settings: "key=value" strings, whose values are read as YAML, or a mapping from keys to values.
        where: how errors begin.

    Raises:
        GanzooError: no "=", an unknown key, a wrong type.

    Example:
        from ganzoo.config import Config, with_settings

        config = with_settings(Config("dcgan"), ["epochs=3", "arguments.width=16"])
        config.training.epochs, config.arguments  # 3, {"width": 16}
    """
    if isinstance(settings, str):
        settings = [settings]
    pairs = list(settings.items()) if isinstance(settings, Mapping) else [_pair(setting, where) for setting in settings]
    mapping = to_mapping(config)
    for key, value in pairs:
        *sections, last = _full_key(key.strip(), where).split(".")
        target = mapping
        for section in sections:
            target = target.setdefault(section, {})
            if not isinstance(target, dict):
                raise GanzooError(f"{where}: '{section}' in '{key}' is a single value and has no keys")
        try:
            target[last] = plain(value)
        except GanzooError as error:
            raise GanzooError(f"{where}: '{key}': {error}: give a name, numbers, or a mapping of these") from None
    return from_mapping(mapping, where)


def plain(value: Any) -> Any:
    """A value as YAML files have it: text, a number, None, or a list or mapping of these; NumPy's numbers as Python's.

    Raises:
        GanzooError: it is something else.

    Example:
        import numpy as np

        from ganzoo.config import plain

        plain({"name": "adam", "learning_rate": np.float64(0.5)})      # {"name": "adam", "learning_rate": 0.5}
    """
    if isinstance(value, Mapping):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    # Without an import of NumPy, which a command that only reads YAML files does not need.
    value = value.item() if type(value).__module__ == "numpy" and not getattr(value, "shape", ()) else value
    if value is not None and not isinstance(value, (bool, int, float, str)):
        raise GanzooError(f"{type(value).__name__} cannot be written to a YAML file")
    return value


def to_mapping(config: Config) -> dict[str, Any]:
    """The config as plain dictionaries, lists and scalars, for `from_mapping`."""
    return _plain(asdict(config))


def dump(config: Config) -> str:
    """The YAML text of a config, without empty sections."""
    mapping = {key: value for key, value in to_mapping(config).items() if value not in (None, {}, [], "", False)}
    for section in ("training", "evaluation"):
        # Without keys that have no value.
        mapping[section] = {key: value for key, value in mapping[section].items() if value not in (None, [])}
    if weights := mapping.get("weights"):
        mapping["weights"] = {key: value for key, value in weights.items() if key != "bfloat16" or value}
    if stages := mapping.get("stages"):
        mapping["stages"] = [{key: value for key, value in stage.items() if value} for stage in stages]
    return yaml.safe_dump(mapping, sort_keys=False, default_flow_style=None, allow_unicode=True, width=120)


def of_stage(config: Config, number: int) -> Config:
    """The config of one of a preset's `stages`.

    Args:
        config: the preset.
        number: index of the stage.

    Raises:
        GanzooError: an unknown key or a wrong type in the stage.

    Example:
        from ganzoo.config import Config, of_stage

        stages = [{"name": "content", "compile": {"adversarial_weight": 0.0}, "training": {"epochs": 2}}]
        config = Config("segan", stages=stages)
        of_stage(config, 0).training.epochs     # 2
    """
    stage = config.stages[number]
    changes = {key: value for key, value in asdict(stage).items() if key != "name" and value}
    # The preset's own start is that of the first stage.
    mapping = _merged({**to_mapping(config), "stages": []}, changes)
    return from_mapping(mapping, f"stage '{stage.name}'")


def without_weights(config: Config) -> Config:
    """A copy of a config without the section `weights`."""
    return replace(config, weights=None)


def _pair(setting: str, where: str) -> tuple[str, Any]:
    """(key, value) of "key=value"."""
    key, equals, text = setting.partition("=")
    if not equals:
        raise GanzooError(f"{where} takes key=value, e.g. training.epochs=3; got '{setting}'")
    return key, _yaml_value(text, f"{where} {key}: '{text}'")


# libyaml, which is faster, if PyYAML was built with it.
_LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
_MOST_LEVELS = 100
# YAML 1.1 reads 1:30 as 90. The time for that grows with the square of the length.
_LONG_SEXAGESIMAL = re.compile(r"[-+]?[0-9_]+(?=.{100}):[0-9_:.]*")


@functools.lru_cache(maxsize=128)
def _parsed(text: str) -> Any:
    """The value of a YAML text.

    Refuses what takes too long or too much memory: aliases, which can expand a few hundred bytes to gigabytes, deep
    nesting, %TAG directives and numbers of many parts.
    """
    if "%TAG" in text:
        raise yaml.YAMLError("%TAG directives are not allowed")
    level = 0
    for event in yaml.parse(text, _LOADER):
        if isinstance(event, yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not allowed")
        if isinstance(event, yaml.ScalarEvent) and _LONG_SEXAGESIMAL.fullmatch(event.value):
            raise yaml.YAMLError(f"{event.value[:20]}... is too long a number")
        level += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if level > _MOST_LEVELS:
            raise yaml.YAMLError("nested too deeply")
    return yaml.load(text, _LOADER)


def _yaml_value(text: str, where: str) -> Any:
    try:
        # The web page reads each preset several times.
        return copy.deepcopy(_parsed(text))
    # PyYAML's constructors raise all of these on invalid dates, numbers and tags.
    except (yaml.YAMLError, ValueError, KeyError, IndexError, AttributeError, OverflowError) as error:
        reason = " ".join(str(error).split())
        if mark := getattr(error, "problem_mark", None):
            character = f" {text[mark.index]!r}" if mark.index < len(text) else " end"
            reason = f"{getattr(error, 'problem', '')}: at{character}, line {mark.line + 1}, column {mark.column + 1}"
        raise GanzooError(f"{where} is not valid YAML: {reason}") from None


def _full_key(key: str, where: str) -> str:
    """Adds the section to a key that only one section has: `training.epochs` for `epochs`."""
    if "." in key or key in _names(Config):
        return key
    sections = {"training": Training, "evaluation": Evaluation}
    matches = [section for section, cls in sections.items() if key in _names(cls)]
    if len(matches) != 1:
        known = [f"{section}.{name}" for section, cls in sections.items() for name in _names(cls)]
        raise unknown("key", key, [*known, "arguments.KEY of the model", "compile.KEY", "data.KEY"], where)
    return f"{matches[0]}.{key}"


def _refuse_unknown_keys(cls: Any, mapping: Mapping[Any, Any], where: str) -> None:
    for key, value in mapping.items():
        if not isinstance(key, str):
            raise GanzooError(f"{where}: keys are names, got one of type {type(key).__name__}")
        if key not in _names(cls):
            raise unknown("key", key, [*_names(cls), *(["extends"] if cls is Config else [])], where)
        section = {"training": Training, "evaluation": Evaluation, "weights": Weights}.get(key)
        if cls is Config and section is not None and isinstance(value, dict):
            _refuse_unknown_keys(section, value, f"{where}, section '{key}'")


def _names(cls: Any) -> list[str]:
    return [part.name for part in fields(cls)]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
