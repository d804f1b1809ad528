"""The registry of models: registering, listing and creating them.

Each of the package's models is a file in `ganzoo/models/` with the model's name. Your own classes join with the same
decorator from any file. Listing the package's models imports none of them.
"""

import ast
import fnmatch
import functools
import importlib
import importlib.util
import inspect
import os
import re
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo.errors import GanzooError, first_line, unknown
from ganzoo.start import collection_paused
from ganzoo.types import PathLike

if TYPE_CHECKING:
    from ganzoo.training.zoo_model import ZooModel

_classes: dict[str, Any] = {}


def register(name: str) -> Callable[[type], type]:
    """Class decorator that registers a `ZooModel` under a name.

    The class can then be created by name, trained from a YAML file and saved to a `.keras` file, which loads wherever
    the class has been imported.

    Args:
        name: lower-case letters, digits and underscores.

    Raises:
        GanzooError: the name is taken, or the class is not a subclass of `ZooModel`.

    Example:
        @ganzoo.register("mygan")
        class MyGAN(ganzoo.ImageGeneration, ganzoo.AdversarialModel):
            ...
    """

    def decorate(cls: Any) -> Any:
        import keras

        # Compared by name, since the module of ZooModel imports this one.
        bases = {f"{base.__module__}.{base.__name__}" for base in getattr(cls, "__mro__", ())}
        if "ganzoo.training.zoo_model.ZooModel" not in bases:
            raise GanzooError(f"@register('{name}') needs a subclass of ganzoo.ZooModel, got {cls!r}")
        if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise GanzooError(f"a model's name consists of lower-case letters, digits and underscores, got {name!r}")
        known = _classes.get(name)
        if name in _builtin_names() and cls.__module__ != f"ganzoo.models.{name}":
            raise GanzooError(f"the name '{name}' belongs to a model of the package: choose another")
        # Running the same file or notebook cell again replaces its own class.
        if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise GanzooError(f"the name '{name}' is taken by {known.__module__}.{known.__qualname__}")
        cls.model_name = name
        _classes[name] = cls
        return keras.saving.register_keras_serializable(package="ganzoo", name=name)(cls)

    return decorate


def create(name: str, /, **arguments: Any) -> "ZooModel":
    """Creates an untrained model.

    Args:
        name: a registered model, e.g. "dcgan" (see `list_models()`).
        **arguments: arguments of its class, e.g. `image_shape=(64, 64, 3)`.

    Returns:
        The model, not compiled.

    Raises:
        GanzooError: an unknown model or argument (with the nearest match), or a wrong type.

    Example:
        model = ganzoo.create("dcgan", image_shape=(32, 32, 3), width=8)
    """
    from ganzoo.arguments import parameters_of, validated_arguments
    from ganzoo.memory import fitting_memory

    cls, where = model_class(name), f"create('{name}')"
    arguments = validated_arguments(parameters_of("__init__", owner=cls), arguments, where)
    with fitting_memory(where):
        return cls(**arguments)


def model_class(name: str, where: str = "") -> Any:
    """The class registered as `name`, whose file is imported on first use; errors begin with `where`."""
    if name not in _classes and name in _builtin_names():
        with collection_paused():
            importlib.import_module(f"ganzoo.models.{name}")
    if name not in _classes:
        raise unknown("model", name, list_models(), where)
    return _classes[name]


def list_models(pattern: str = "*") -> list[str]:
    """Names of all models, the package's and those you registered, sorted.

    Args:
        pattern: wildcard, e.g. "w*".

    Example:
        ganzoo.list_models("w*")  # ["wgan", "wgan_gp"]
    """
    return sorted(fnmatch.filter({*_builtin_names(), *_classes}, pattern))


def is_builtin(name: str) -> bool:
    """Whether a model is one of the package's, so that it is registered without importing another file."""
    return name in _builtin_names()


def describe(name: str) -> str:
    """The first line of the docstring of a model's file, read without importing it, or of a class of your own."""
    if name in _classes and not is_builtin(name):
        return own_docstring(name).partition("\n")[0]
    return (ast.get_docstring(_syntax(_file(name))) or "").partition("\n")[0]


def declared(name: str, attribute: str) -> Any:
    """A literal attribute of a model's class, e.g. its `purpose`.

    For the package's models it is read from the source code, without importing the model.

    Example:
        from ganzoo.registry import declared

        declared("srgan", "purpose")  # "enlarges images"
    """
    if name in _classes:
        return getattr(_classes[name], attribute)
    return _declared(f"ganzoo.models.{name}", None, attribute)


def _declared(module: str, class_name: str | None, attribute: str) -> Any:
    """The literal value of a class attribute, read from the source code of the class or of its bases.

    Args:
        module: module of this package that defines the class.
        class_name: name of the class; None for the first class with a decorator.
        attribute: name of the attribute.

    Returns:
        The value, or None if neither the class nor its bases in this package set it.
    """
    path = Path(__file__).parents[1].joinpath(*module.split(".")).with_suffix(".py")
    body = _syntax(path).body
    imported = {
        alias.asname or alias.name: (str(node.module), alias.name)
        for node in body
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("ganzoo.")
        for alias in node.names
    }
    for node in body:
        if not isinstance(node, ast.ClassDef) or not (node.name == class_name if class_name else node.decorator_list):
            continue
        for line in node.body:
            if not isinstance(line, (ast.Assign, ast.AnnAssign)) or line.value is None:
                continue
            targets = line.targets if isinstance(line, ast.Assign) else [line.target]
            if [ast.unparse(target) for target in targets] == [attribute]:
                return ast.literal_eval(line.value)
        local = {other.name: (module, other.name) for other in body if isinstance(other, ast.ClassDef)}
        bases = [{**local, **imported}.get(ast.unparse(base)) for base in node.bases]
        found = (_declared(*base, attribute) for base in bases if base)
        return next((value for value in found if value is not None), None)
    return None


@functools.cache
def _syntax(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def own_docstring(name: str) -> str:
    """The docstring of a model's class itself, not an inherited one.

    For the package's models it is read from the source code, without importing the model.
    """
    if is_builtin(name):
        classes = [node for node in _syntax(_file(name)).body if isinstance(node, ast.ClassDef) and node.decorator_list]
        found = ast.get_docstring(classes[0])
    else:
        found = model_class(name).__doc__
    return inspect.cleandoc(found or "(no description)")


def _file(name: str) -> Path:
    """The file of one of the package's models."""
    return Path(__file__).parent / "models" / f"{name}.py"


def import_file(path: PathLike) -> None:
    """Runs a Python file, so that the models in it are registered.

    Raises:
        GanzooError: no such file, or an error in its code; the message gives the line.
    """
    path = Path(path)
    if not path.is_file():
        raise GanzooError(f"no such Python file: {path}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise GanzooError(f"not a Python file: {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)
    # The file can import its neighbors, also later.
    if (folder := str(path.resolve().parent)) not in sys.path:
        sys.path.append(folder)
    try:
        spec.loader.exec_module(module)
    except GanzooError:
        raise
    except SyntaxError as error:
        raise GanzooError(f"{path}, line {error.lineno}: {error.msg}") from error
    except Exception as error:  # whatever the user's code raises
        frames, own = traceback.extract_tb(error.__traceback__), os.path.abspath(path)
        lines = [frame.lineno for frame in frames if os.path.abspath(frame.filename) == own]
        place = f"{path}, line {lines[-1]}" if lines else str(path)
        raise GanzooError(f"{place}: {type(error).__name__}: {first_line(error)}") from error


def _builtin_names() -> set[str]:
    return {path.stem for path in (Path(__file__).parent / "models").glob("[a-z]*.py")}
