"""A preset's YAML as validated dataclasses; every error names the file, the key and what is allowed."""

import inspect
import reprlib
from dataclasses import asdict, field, fields, replace
from numbers import Integral
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from ganzoo.errors import GanzooError, unknown
from ganzoo.files import open_regular

# Whole numbers beyond it overflow in TensorFlow or make loops that never end; nothing a model is made of comes near.
_LARGEST = 2**31 - 1
# A configuration is written by hand.
_MOST_BYTES = 2**20


def _file_name(name):
    """A weights file lies beside its YAML file, so that a stranger's YAML reaches no other file."""
    if name != PurePosixPath(name).name or name in ("", ".", "..") or not name.isprintable() or set(name) & set("\\:"):
        raise ValueError("a weights file is named by a plain file name, and lies beside the YAML file")
    return name


def _name_of_number(name):
    """YAML reads 7 as a number, which is a fine name for a class."""
    return str(name) if isinstance(name, int) and not isinstance(name, bool) else name


def _different(names):
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(f"two classes cannot both be named '{twice[0]}'")
    return names


_strict_keys = ConfigDict(extra="forbid")
AtLeastOne = Annotated[int, Field(ge=1)]
NotNegativeWhole = Annotated[int, Field(ge=0)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
ClassName = Annotated[str, BeforeValidator(_name_of_number)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
# Marks arguments of a base class's constructor that its subclasses pass, and no preset: Annotated[..., NOT_IN_PRESETS].
NOT_IN_PRESETS = "not in presets"


@dataclass(config=_strict_keys)
class Training:
    """How long and how carefully to train."""

    epochs: AtLeastOne = 20
    seed: Seed = 0
    # "auto" is mixed_bfloat16 but on devices that are slower with it (`ganzoo.precision.fastest`); a run keeps what it
    # began with.
    precision: Literal["auto", "float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    # Besides the checkpoint of every epoch, one each time so many minutes have passed within an epoch.
    checkpoint_minutes: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 5.0
    # A preset, run folder or .keras file whose generator the training starts from.
    start_from: str | None = None
    # The grid of fixed latents that is drawn after every epoch.
    samples: Annotated[int, Field(ge=1, le=10_000)] = 64
    # Epochs in a row with all samples alike after which the run gives up.
    collapse_patience: AtLeastOne = 3


@dataclass(config=_strict_keys)
class Evaluation:
    """What a run measures after an epoch, how it chooses its best checkpoint, and what `ganzoo evaluate` reports."""

    # Of features, for models that generate images; "matching" for captioned ones. None measures nothing.
    extractor: str | None = None
    # The metric that chooses the best checkpoint; the task's own if not given.
    monitor: str | None = None
    # The metrics that are reported; the task's defaults if empty.
    metrics: list[str] = field(default_factory=list)
    samples: Annotated[int, Field(ge=2, le=1_000_000)] = 5000
    every_epochs: AtLeastOne = 1


@dataclass(config=_strict_keys)
class Weights:
    """The shipped weights and everything said of them; written by `ganzoo publish`."""

    file: Annotated[str, AfterValidator(_file_name)]
    sha256: str
    license: str
    data: str
    protocol: str
    metrics: dict[str, Any] = field(default_factory=dict)


@dataclass(config=_strict_keys)
class Config:
    """One preset: which model, its arguments, how it is compiled, fed, trained and evaluated.

    `arguments`, `compile` and `data` are checked against the signatures of the model's class, of
    its `compile`, and of the data function of its kind, when they are used.
    """

    model: str
    description: str = ""
    default: bool = False
    arguments: dict[str, Any] = field(default_factory=dict)
    compile: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    # Of the data's labels, in their order.
    class_names: Annotated[list[ClassName], AfterValidator(_different)] = field(default_factory=list)
    training: Training = field(default_factory=Training)
    evaluation: Evaluation = field(default_factory=Evaluation)
    weights: Weights | None = None


def load_config(path):
    """Reads a YAML file into a `Config`.

    Raises:
        GanzooError: no such file, not YAML, an unknown key, a missing key or a wrong type.
    """
    try:
        with open_regular(path) as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise OSError(f"it has more than {_MOST_BYTES:,} bytes")
        # UTF-8, with or without the mark that some editors put in front.
        text = content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise GanzooError(f"cannot read the config {path}: {error}") from None
    return parse_config(text, path)


def parse_config(text, where):
    """A `Config` from YAML text; `where` names its origin in errors."""
    return from_mapping(_yaml_value(text, where), where)


def from_mapping(mapping, where):
    """A `Config` from plain dictionaries; `where` names their origin in errors."""
    if not isinstance(mapping, dict):
        raise GanzooError(
            f"{where}: a config is a mapping with the keys {_names(Config)}, got {type(mapping).__name__}"
        )
    _refuse_unknown_keys(Config, mapping, where)
    check_whole_numbers(mapping, where)
    try:
        # A section left empty in YAML is None.
        return Config(**{str(key): value for key, value in mapping.items() if value is not None})
    except ValidationError as error:
        raise GanzooError(_sentence(error, where)) from None


def with_settings(config, settings, where="--set"):
    """A copy of a config with `key=value` settings put in, e.g. `training.epochs=3`.

    A key without a section may stand for the one place where it is known, so `epochs=3` works too.

    Args:
        config: the `Config` to start from.
        settings: strings "key=value", values read as YAML; or a mapping from keys to values.

    Raises:
        GanzooError: no "=", an unknown key, a wrong type.
    """
    if isinstance(settings, str):
        settings = [settings]
    pairs = settings.items() if isinstance(settings, dict) else [_pair(setting, where) for setting in settings]
    mapping = to_mapping(config)
    for key, value in pairs:
        *sections, last = _full_key(key.strip(), where).split(".")
        target = mapping
        for section in sections:
            target = target.setdefault(section, {})
            if not isinstance(target, dict):
                raise GanzooError(f"{where}: '{section}' in '{key}' is a single value, it has no keys")
        target[last] = value
    return from_mapping(mapping, where)


def to_mapping(config):
    """Plain dictionaries, lists and scalars that `from_mapping` turns into the same config."""
    return _plain(asdict(config))


def dump(config):
    """The YAML text of a config, without sections that are empty."""
    mapping = {key: value for key, value in to_mapping(config).items() if value not in (None, {}, [], "", False)}
    for section in ("training", "evaluation"):
        # Their defaults.
        mapping[section] = {key: value for key, value in mapping[section].items() if value not in (None, [])}
    return yaml.safe_dump(mapping, sort_keys=False, default_flow_style=None, allow_unicode=True, width=120)


def without_weights(config):
    """The config alone, without the weights that came of it."""
    return replace(config, weights=None)


def validated_arguments(parameters, arguments, where, given=()):
    """Checks keyword arguments against a signature and its annotations.

    Args:
        parameters: what `parameters_of` found.
        arguments: {name: value}.
        where: names the arguments' origin in errors.
        given: parameters that the caller fills in himself.

    Returns:
        {name: value}, values converted to the annotated types (a YAML list to a tuple, say).

    Raises:
        GanzooError: an unknown name, a value of the wrong type, or a required one missing.
    """
    checked = {}
    check_whole_numbers(arguments, where)
    for name, value in arguments.items():
        if name not in parameters:
            raise unknown("key", name, parameters, where)
        annotation = parameters[name].annotation
        if annotation is inspect.Parameter.empty:
            checked[name] = value
            continue
        try:
            adapter = TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True))
            checked[name] = adapter.validate_python(value)
        except ValidationError as error:
            raise GanzooError(_sentence(error, where, name)) from None
    for name, parameter in parameters.items():
        if parameter.default is inspect.Parameter.empty and name not in checked and name not in given:
            raise GanzooError(f"{where}: the key '{name}' is missing")
    return checked


def check_whole_numbers(arguments, where):
    """Refuses whole numbers beyond 2,147,483,647 anywhere in arguments, which no size, count or seed comes near.

    Args:
        arguments: {name: value}; looked through down to the last list.
        where: names the arguments' origin in errors.
    """
    pending = [(str(name), value) for name, value in arguments.items()]
    while pending:
        name, value = pending.pop()
        if isinstance(value, int) and abs(value) > _LARGEST:
            # Python refuses to write numbers of more than 4,300 digits.
            size = f"{len(str(value))} digits" if value.bit_length() < 10_000 else f"{value.bit_length():,} bits"
            raise GanzooError(f"{where}: '{name}' is a number of {size}: whole numbers go up to {_LARGEST:,} here")
        if isinstance(value, dict):
            pending.extend((f"{name}.{key}", item) for key, item in value.items())
        elif isinstance(value, (list, tuple)):
            pending.extend((f"{name}.{i}", item) for i, item in enumerate(value))


def check_model_arguments(arguments, where):
    """Refuses what no model of the package can be made of, however it is made: see `AdversarialModel.__new__`."""
    check_whole_numbers(arguments, where)
    shape = arguments.get("image_shape")
    if shape is None:
        return
    whole = isinstance(shape, (tuple, list)) and all(isinstance(size, Integral) for size in shape)
    if not whole or len(shape) != 3 or min(shape) < 1:
        raise GanzooError(
            f"{where}: image_shape is (height, width, channels), e.g. (64, 64, 3), got {reprlib.repr(shape)}"
        )


def parameters_of(function, *, owner=None):
    """{name: inspect.Parameter} of a function's keyword arguments.

    Args:
        function: a function, or a method's name together with `owner`.
        owner: a class; where its method takes **anything, those parameters of its parents' count too that have a
            default and an annotation, unless they are `NOT_IN_PRESETS`: the others the class fills in itself.
    """
    if owner is None:
        homes = [function]
    else:
        homes = [vars(cls)[function] for cls in owner.__mro__ if function in vars(cls)]
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    found = {}
    for home in homes:
        parameters = inspect.signature(home, eval_str=True).parameters
        for name, parameter in parameters.items():
            empty = inspect.Parameter.empty
            marked = NOT_IN_PRESETS in getattr(parameter.annotation, "__metadata__", ())
            annotated = parameter.annotation is not empty and not marked
            optional = home is homes[0] or (parameter.default is not empty and annotated)
            if parameter.kind in kinds and name != "self" and optional:
                found.setdefault(name, parameter)
        if not any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values()):
            break
    return found


def _pair(setting, where):
    """(key, value) of "key=value"."""
    key, equals, text = setting.partition("=")
    if not equals:
        raise GanzooError(f"{where} takes key=value, e.g. training.epochs=3; got '{setting}'")
    return key, _yaml_value(text, f"{where} {key}: '{text}'")


class _Loader(yaml.SafeLoader):
    """YAML without aliases: a few hundred bytes of them unpack to gigabytes, and no preset needs one."""

    def compose_node(self, parent, index):
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not allowed")
        return super().compose_node(parent, index)


def _yaml_value(text, where):
    try:
        return yaml.load(text, _Loader)
    # What PyYAML's own constructors raise on dates, numbers and tags that make no sense.
    except (yaml.YAMLError, ValueError, KeyError, IndexError, AttributeError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else " ".join(str(error).split())
        if mark := getattr(error, "problem_mark", None):
            reason = f"{error.problem}, line {mark.line + 1}, column {mark.column + 1}"
        raise GanzooError(f"{where} is not valid YAML: {reason}") from None


def _full_key(key, where):
    """`training.epochs` for `epochs`, where one section alone has such a key."""
    if "." in key or key in _names(Config):
        return key
    sections = {"training": Training, "evaluation": Evaluation}
    homes = [section for section, cls in sections.items() if key in _names(cls)]
    if len(homes) != 1:
        known = [f"{section}.{name}" for section, cls in sections.items() for name in _names(cls)]
        raise unknown("key", key, [*known, "arguments.KEY of the model", "compile.KEY", "data.KEY"], where)
    return f"{homes[0]}.{key}"


def _refuse_unknown_keys(cls, mapping, where):
    for key, value in mapping.items():
        if key not in _names(cls):
            raise unknown("key", key, _names(cls), where)
        section = {"training": Training, "evaluation": Evaluation, "weights": Weights}.get(key)
        if cls is Config and section is not None and isinstance(value, dict):
            _refuse_unknown_keys(section, value, f"{where}, section '{key}'")


def _names(cls):
    return [part.name for part in fields(cls)]


def _sentence(error, where, name=None):
    """Pydantic's first complaint in one line that names the file and the key."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in ([name] if name else []) + list(first["loc"]))
    if first["type"] == "missing" and isinstance(first["loc"][-1] if first["loc"] else name, int):
        known = {"image_shape": " (height, width, channels), e.g. [64, 64, 3]"}
        field = key.rpartition(".")[0]
        return f"{where}: '{field}' is {reprlib.repr(first['input'])}: it needs more items{known.get(field, '')}"
    if first["type"] == "missing":
        return f"{where}: the key '{key}' is missing"
    if first["type"] == "value_error":
        return f"{where}: '{key}' is {reprlib.repr(first['input'])}: {first['ctx']['error']}"
    more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{where}: '{key}' is {reprlib.repr(first['input'])}: {first['msg'].lower()}{more}"


def _plain(value):
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
