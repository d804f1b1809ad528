"""Imports point one way, also those within functions: an import that hides in a function is an import."""

import ast
import graphlib
from pathlib import Path

import ganzoo

ROOT = Path(ganzoo.__file__).parent
# From the bottom to the top; a module may import from its own layer and from those below. The longest name that fits
# decides.
LAYERS = [
    ["errors", "types", "classes", "classifiers", "mu_law", "pixels", "files", "construction", "start"],
    [
        "arguments",
        "config",
        "backend",
        "precision",
        "memory",
        "weights",
        "keras_archive",
        "registry",
        "hub",
        "presets",
        "preset_folders",
        "loading",
        "pretrained_files",
        "imagenet",
        "imagenet_convert",
    ],
    ["data"],
    ["layers", "losses", "networks", "text", "inference", "metrics", "export", "cards"],
    ["tasks", "training"],
    ["models"],
    ["evaluation"],
    ["training.plan"],
    ["training.run", "training.publish"],
    ["lab"],
    ["checks", "cli", "__main__"],
]


def modules():
    for path in ROOT.rglob("*.py"):
        name = ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__")
        if not name.startswith(("ganzoo.demos", "ganzoo.zoo_configs")):
            yield name, ast.parse(path.read_text("utf-8"))


def imports():
    """{module: modules of the package that it imports anywhere}; what only annotations need does not count."""
    trees = dict(modules())
    found = {}
    for name, tree in trees.items():
        found[name] = set()
        skipped = {
            id(inner)
            for node in ast.walk(tree)
            if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
            for inner in ast.walk(node)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and id(node) not in skipped:
                wholes = [f"{node.module}.{alias.name}" for alias in node.names]
                found[name] |= {whole if whole in trees else node.module for whole in wholes} & {*trees} - {name}
    return found


def test_there_is_no_import_circle():
    # Raises CycleError, which names the circle.
    graphlib.TopologicalSorter(imports()).prepare()


def test_no_module_imports_from_a_layer_above():
    def layer(module):
        inner = module.removeprefix("ganzoo.")
        fitting = [
            (len(name), i) for i, names in enumerate(LAYERS) for name in names if f"{inner}.".startswith(f"{name}.")
        ]
        assert fitting, f"{module} belongs to no layer: add it to LAYERS"
        return max(fitting)[1]

    upward = [
        f"{module} -> {imported}"
        for module, all_imported in imports().items()
        if module != "ganzoo"
        for imported in all_imported - {"ganzoo"}
        if layer(imported) > layer(module)
    ]
    assert not upward, "\n".join(sorted(upward))
