"""Which models exist, and making one.

A model of the package is one file in `ganzoo/models/`, named as the model is; a user's own
class joins by the same decorator from any file. Listing needs no import of either.
"""

import ast
import fnmatch
import importlib
import importlib.util
import inspect
import re
import sys
import traceback
from pathlib import Path

from ganzoo.errors import GanzooError, first_line, unknown

_classes = {}


def register(name):
    """Class decorator: makes a `ZooModel` known as `name` everywhere in the package.

    The class can then be created, loaded, trained from a YAML file and saved to a `.keras`
    file that loads again wherever the class is imported.

    Args:
        name: lower-case name, letters, digits and underscores.

    Raises:
        GanzooError: the name is taken by another class, or the class is no ZooModel.

    Example:
        @ganzoo.register("mygan")
        class MyGAN(ganzoo.ImageGeneration, ganzoo.AdversarialModel):
            ...
    """

    def decorate(cls: type) -> type:
        import keras

        # By name: the base class itself is built on this module.
        bases = {f"{base.__module__}.{base.__name__}" for base in getattr(cls, "__mro__", ())}
        if "ganzoo.training.zoo_model.ZooModel" not in bases:
            raise GanzooError(f"@register('{name}') needs a subclass of ganzoo.ZooModel, got {cls!r}")
        if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise GanzooError(f"a model's name has lower-case letters, digits and underscores only, got {name!r}")
        known = _classes.get(name)
        if name in _builtin_names() and cls.__module__ != f"ganzoo.models.{name}":
            raise GanzooError(f"the name '{name}' belongs to a model of the package: choose another")
        # The same file executed again (a notebook cell, a reload) replaces its own class.
        if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise GanzooError(f"the name '{name}' is taken by {known.__module__}.{known.__qualname__}")
        cls.model_name = name
        _classes[name] = cls
        return keras.saving.register_keras_serializable(package="ganzoo", name=name)(cls)

    return decorate


def create(name, /, **arguments):
    """Makes an untrained model.

    Args:
        name: a registered model, e.g. "dcgan" (see `list_models()`).
        **arguments: the arguments of its class, e.g. `image_shape=(64, 64, 3)`.

    Returns:
        The model, not compiled.

    Raises:
        GanzooError: an unknown model or argument (with the nearest match), or a wrong type.

    Example:
        model = ganzoo.create("dcgan", image_shape=(64, 64, 3))
    """
    from ganzoo.config import parameters_of, validated_arguments
    from ganzoo.weights import fitting_memory

    cls, where = model_class(name), f"create('{name}')"
    arguments = validated_arguments(parameters_of("__init__", owner=cls), arguments, where)
    with fitting_memory(where):
        return cls(**arguments)


def model_class(name, where=""):
    """The class registered as `name`, importing its file on first use; `where` names its origin in errors."""
    if name not in _classes and name in _builtin_names():
        importlib.import_module(f"ganzoo.models.{name}")
    if name not in _classes:
        raise unknown("model", name, list_models(), where)
    return _classes[name]


def list_models(pattern="*"):
    """Names of all models, the package's own and the registered ones, sorted.

    Args:
        pattern: wildcard, e.g. "w*".

    Example:
        ganzoo.list_models()
    """
    return sorted(fnmatch.filter({*_builtin_names(), *_classes}, pattern))


def describe(name):
    """The first line of a model's docstring; for the package's own, read without importing the file."""
    if name in _classes:
        return own_docstring(_classes[name]).partition("\n")[0]
    path = Path(__file__).parent / "models" / f"{name}.py"
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))).splitlines()[0]


def declared(name, attribute):
    """What a model's class says of itself by a literal, e.g. its `purpose`; of the package's own models read without
    importing the file.

    Example:
        declared("srgan", "purpose")      # "enlarges images"
    """
    if name in _classes:
        return getattr(_classes[name], attribute)
    return _declared(f"ganzoo.models.{name}", None, attribute)


def _declared(module, class_name, attribute):
    """The value that a class gives an attribute, or else the first of its bases that does; read from the source.

    Args:
        module: that defines the class, of this package.
        class_name: None is the first class with a decorator.
        attribute: its value is a literal.
    """
    path = Path(__file__).parents[1].joinpath(*module.split(".")).with_suffix(".py")
    body = ast.parse(path.read_text(encoding="utf-8")).body
    imported = {
        alias.asname or alias.name: (node.module, alias.name)
        for node in body
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("ganzoo.")
        for alias in node.names
    }
    for node in body:
        if not isinstance(node, ast.ClassDef) or not (node.name == class_name if class_name else node.decorator_list):
            continue
        for line in node.body:
            if isinstance(line, ast.Assign) and [ast.unparse(target) for target in line.targets] == [attribute]:
                return ast.literal_eval(line.value)
        local = {other.name: (module, other.name) for other in body if isinstance(other, ast.ClassDef)}
        bases = [{**local, **imported}.get(ast.unparse(base)) for base in node.bases]
        found = (_declared(*base, attribute) for base in bases if base)
        return next((value for value in found if value is not None), None)
    return None


def own_docstring(cls):
    """What a class says of itself, not what it inherits."""
    return inspect.cleandoc(cls.__doc__ or "(no description)")


def import_file(path):
    """Runs a user's Python file so that the classes it registers are known.

    Raises:
        GanzooError: no such file, or whatever its code raises, with the line.
    """
    path = Path(path)
    if not path.is_file():
        raise GanzooError(f"no such Python file: {path}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None:
        raise GanzooError(f"not a Python file: {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)
    try:
        spec.loader.exec_module(module)
    except GanzooError:
        raise
    except SyntaxError as error:
        raise GanzooError(f"{path}, line {error.lineno}: {error.msg}") from error
    except Exception as error:  # whatever the user's code raises
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == path]
        place = f"{path}, line {lines[-1]}" if lines else str(path)
        raise GanzooError(f"{place}: {type(error).__name__}: {first_line(error)}") from error


def _builtin_names():
    return {path.stem for path in (Path(__file__).parent / "models").glob("[a-z]*.py")}
