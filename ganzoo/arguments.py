"""Keyword arguments, checked against the annotations of a signature. Errors name the argument."""

import inspect
import reprlib
from collections.abc import Callable, Collection, Mapping
from numbers import Integral
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from ganzoo.errors import GanzooError, unknown

# Larger integers overflow in TensorFlow or make loops practically endless. No size, count or seed comes near.
_LARGEST = 2**31 - 1


def _name_of_number(name: Any) -> Any:
    """Turns a class name such as 7, which YAML reads as a number, into text."""
    return str(name) if isinstance(name, int) and not isinstance(name, bool) else name


AtLeastOne = Annotated[int, Field(ge=1)]
NotNegativeWhole = Annotated[int, Field(ge=0)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
# Bicubic interpolation without antialiasing is good for factors up to 2 either way.
Zoom = Annotated[float, Field(ge=0.5, le=2)]
ClassName = Annotated[str, BeforeValidator(_name_of_number)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
# Marks arguments of a base class's constructor that its subclasses pass, and no preset: Annotated[..., NOT_IN_PRESETS].
NOT_IN_PRESETS = "not in presets"


def validated_arguments(
    parameters: Mapping[str, inspect.Parameter], arguments: Mapping[str, Any], where: str, given: Collection[str] = ()
) -> dict[str, Any]:
    """Checks keyword arguments against a signature and its annotations.

    Args:
        parameters: the result of `parameters_of`.
        arguments: {name: value}.
        where: how errors begin.
        given: names of required parameters that the caller supplies later.

    Returns:
        {name: value}, with values converted to the annotated types (e.g. a YAML list to a tuple).

    Raises:
        GanzooError: an unknown name, a value of the wrong type, or a missing required argument.

    Example:
        from ganzoo.arguments import parameters_of, validated_arguments

        def network(width: int, shape: tuple[int, int] = (4, 4)): ...

        validated_arguments(parameters_of(network), {"width": 8, "shape": [2, 2]}, "network()")["shape"]  # (2, 2)
    """
    checked: dict[str, Any] = {}
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
            raise GanzooError(first_error(error, where, name)) from None
    for name, parameter in parameters.items():
        if parameter.default is inspect.Parameter.empty and name not in checked and name not in given:
            raise GanzooError(f"{where}: the key '{name}' is missing")
    return checked


def check_whole_numbers(arguments: Mapping[Any, Any], where: str) -> None:
    """Refuses integers beyond 2,147,483,647 anywhere in arguments, including nested lists and dictionaries.

    Args:
        arguments: {name: value}.
        where: how errors begin.
    """
    pending = [(str(name), value) for name, value in arguments.items()]
    while pending:
        name, value = pending.pop()
        if isinstance(value, int) and abs(value) > _LARGEST:
            # Python refuses to convert integers of more than 4,300 digits to text.
            size = f"{len(str(value))} digits" if value.bit_length() < 10_000 else f"{value.bit_length():,} bits"
            raise GanzooError(f"{where}: '{name}' is a number of {size}: whole numbers go up to {_LARGEST:,} here")
        if isinstance(value, dict):
            pending.extend((f"{name}.{key}", item) for key, item in value.items())
        elif isinstance(value, (list, tuple)):
            pending.extend((f"{name}.{i}", item) for i, item in enumerate(value))


def check_model_arguments(arguments: Mapping[str, Any], where: str) -> None:
    """Refuses arguments that are invalid for every model: see `ZooModel.__new__`."""
    check_whole_numbers(arguments, where)
    shape = arguments.get("image_shape")
    if shape is None:
        return
    whole = isinstance(shape, (tuple, list)) and all(isinstance(size, Integral) for size in shape)
    if not whole or len(shape) != 3 or min(shape) < 1:
        raise GanzooError(
            f"{where}: image_shape is (height, width, channels), e.g. (64, 64, 3), got {reprlib.repr(shape)}"
        )


def keep_argument(model: Any, name: str, value: Any) -> None:
    """Saves a new value of a constructor's argument with the model, if the constructor has that argument.

    Example:
        from ganzoo.arguments import keep_argument

        model = ganzoo.create("dcgan", width=16)
        keep_argument(model, "width", 32)
        model.get_config()["width"]     # 32
    """
    if name in model.arguments:
        model.arguments[name] = value


def parameters_of(function: Callable | str, *, owner: type | None = None) -> dict[str, inspect.Parameter]:
    """{name: inspect.Parameter} of a function's keyword arguments.

    Args:
        function: a function, or the name of a method of `owner`.
        owner: a class. If its method takes **kwargs, the parameters of the parents' methods are included, but only
            those with a default and an annotation that are not `NOT_IN_PRESETS`; the class itself supplies the others.
    """
    if owner is None:
        functions: list[Any] = [function]
    else:
        functions = [vars(cls)[str(function)] for cls in owner.__mro__ if function in vars(cls)]
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    found: dict[str, inspect.Parameter] = {}
    for one in functions:
        parameters = inspect.signature(one, eval_str=True).parameters
        for name, parameter in parameters.items():
            empty = inspect.Parameter.empty
            marked = NOT_IN_PRESETS in getattr(parameter.annotation, "__metadata__", ())
            annotated = parameter.annotation is not empty and not marked
            included = one is functions[0] or (parameter.default is not empty and annotated)
            if parameter.kind in kinds and name != "self" and included:
                found.setdefault(name, parameter)
        if not any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values()):
            break
    return found


def first_error(error: ValidationError, where: str, name: str | None = None) -> str:
    """Pydantic's first error in one line, with the file and the key."""
    first: Any = error.errors()[0]
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
