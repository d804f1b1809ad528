"""Settings of Sphinx: make docs"""

import importlib
import inspect
import re
import sys
from pathlib import Path

import jupytext
from sphinx.util.inspect import stringify_signature

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_extensions"), str(HERE)]

import notebooks  # noqa: E402

import ganzoo  # noqa: E402

project = "ganzoo"
author = "the ganzoo contributors"
copyright = "the ganzoo contributors, Apache-2.0"
version = release = ganzoo.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.linkcode",
    "sphinx_copybutton",
    "mathml",
    "repository",
]
# Guides are Python files in jupytext's percent format.
source_suffix = {".md": "markdown", ".rst": "restructuredtext", ".py": "markdown"}
exclude_patterns = ["_build", "_extensions", "_templates", "notebooks", "*.py", "export/*", "lecture/*.py"]

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 4
autosummary_generate = True
autosummary_ignore_module_all = False
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_preprocess_types = False
# Single backticks in docstrings: code, and a link where it names something that is documented.
default_role = "py:obj"

html_theme = "furo"
html_title = f"ganzoo {version}"
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["ganzoo.css"]
html_theme_options = {
    "source_repository": "https://github.com/ganzoo/ganzoo",
    "source_branch": "main",
    "source_directory": "docs/",
}
HOME = html_theme_options["source_repository"]
templates_path = ["_templates"]
copybutton_prompt_text = "$ "


def linkcode_resolve(domain, info):
    """Where the repository has the code of a name."""
    found = importlib.import_module(info["module"])
    for part in info["fullname"].split("."):
        found = getattr(found, part, None)
    try:
        code = inspect.unwrap(found.fget if isinstance(found, property) else found)
        path, line = inspect.getsourcefile(code), inspect.getsourcelines(code)[1]
    except (TypeError, OSError):
        return None
    if not path or not Path(path).is_relative_to(HERE.parent / "ganzoo"):
        return None
    return f"{HOME}/blob/main/{Path(path).relative_to(HERE.parent)}#L{line}"


def setup(app):
    # Before autosummary writes pages of the reference.
    app.connect("builder-inited", _without_stale_pages, priority=400)
    app.connect("source-read", _without_missing_pages)
    app.connect("source-read", _guide_as_markdown)
    # Before napoleon, which reads the sections.
    app.connect("autodoc-process-docstring", _examples_as_code, priority=400)
    app.connect("autodoc-process-signature", _signature_of_constructor)
    app.connect("html-page-context", _without_links_to_generated_sources)


def _without_links_to_generated_sources(app, name, template, context, doctree):
    """The repository does not have the sources of the reference's pages: no buttons to view or edit them."""
    if name.startswith("api/generated/"):
        context["theme_top_of_page_buttons"] = []


def _without_stale_pages(app):
    """Removes generated pages of names that the reference no longer has."""
    listed = set()
    for page in (HERE / "api").glob("*.md"):
        for block in page.read_text("utf-8").split(".. currentmodule:: ")[1:]:
            module = block.splitlines()[0]
            listed |= {f"{module}.{name}" for name in re.findall(r"^   (\w+)$", block, re.MULTILINE)}
    for path in (HERE / "api" / "generated").glob("*.rst"):
        if path.stem not in listed:
            path.unlink()


# Pages that a checkout may lack: a table of contents names them, and shows them where they exist.
OPTIONAL = ("export", "hub", "models/index")


def _without_missing_pages(app, name, source):
    missing = [page for page in OPTIONAL if page not in app.env.found_docs]
    source[0] = "".join(line for line in source[0].splitlines(keepends=True) if line.strip() not in missing)


def _guide_as_markdown(app, name, source):
    """A guide in percent format becomes a page of Markdown, with what its notebook says that the cells print."""
    if str(app.env.doc2path(name)).endswith(".py"):
        printed = iter(notebooks.stored_outputs(Path(app.env.doc2path(name))))
        parts = []
        for cell in jupytext.reads(source[0], fmt="py:percent").cells:
            if cell.cell_type == "markdown":
                parts.append(cell.source)
            else:
                parts.append(f"```python\n{cell.source}\n```")
                if output := next(printed):
                    parts.append(f":::{{code-block}} text\n:class: output\n\n{output.rstrip()}\n:::")
        source[0] = "\n\n".join([*parts, _of_notebook(name)])
        app.env.note_dependency(str(notebooks.NOTEBOOKS / f"{name.split('/')[-1]}.ipynb"))


def _of_notebook(name):
    file = name.split("/")[-1]
    return (
        f"---\n\nThis page is the file [`docs/{name}.py`]({HOME}/blob/main/docs/{name}.py); "
        f"the same as a [notebook]({HOME}/blob/main/docs/notebooks/{file}.ipynb)."
    )


def _examples_as_code(app, what, name, obj, options, lines):
    """Code under "Example:" is shown as code, and other lines as they stand: formulas have |x| and x * y."""
    changed, inside = [], False
    for line in lines:
        if inside and line and not line.startswith(" "):
            inside = False
        if inside:
            changed.append(f"    {line}" if line else line)
        else:
            # Not between backticks.
            parts = [_linked(part) for part in re.split(r"(`[^`]*`)", line)]
            changed.append("".join(part if i % 2 else re.sub(r"([|*])", r"\\\1", part) for i, part in enumerate(parts)))
        if re.fullmatch(r"Examples?:", line):
            inside = True
            changed += ["    .. code-block:: python", ""]
    lines[:] = changed


def _linked(part):
    """`AdversarialModel` as a link to `ganzoo.AdversarialModel`, from whichever module."""
    return f"`{part[1:-1]} <ganzoo.{part[1:-1]}>`" if part[1:-1] in NAMES else part


NAMES = {name for name in ganzoo.__all__ if not inspect.ismodule(getattr(ganzoo, name))}


def _signature_of_constructor(app, what, name, obj, options, signature, result):
    """The arguments of `__init__`: Keras hides them behind a `__new__` of its own. Types are in the description."""
    if what != "class" or not name.startswith("ganzoo.") or "__init__" not in vars(obj):
        return None
    found = inspect.signature(obj.__init__)
    found = found.replace(parameters=list(found.parameters.values())[1:], return_annotation=inspect.Signature.empty)
    return stringify_signature(found, show_annotation=False), None
