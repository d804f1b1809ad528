"""The README and the documentation: what they show has run, and what they name exists."""

import ast
import email
import importlib
import importlib.util
import os
import re
import shlex
import shutil
import sys
from pathlib import Path

import click
import pytest
import yaml

import ganzoo
import ganzoo.models
from ganzoo import loading
from ganzoo.cli import main
from ganzoo.config import from_mapping, with_settings

jupytext = pytest.importorskip("jupytext")

from docs import notebooks, tables  # noqa: E402

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
GUIDES = sorted((DOCS / "guides").glob("*.py"))
BLOCK = re.compile(r"^```([^\s`]*)[^\n`]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What runs in a second or two; other pages and all guides are long.
QUICK = ("generative_models", "the_game", "mode_collapse", "wasserstein")
# Output, and languages of other runtimes.
OTHERS = ("text", "json", "html", "javascript", "java", "cpp")
# Pages that tests of their own run, with a server.
OWN_TESTS = ("docs/export.md", "docs/hub.md")
# Settings of guides that take long, and those of the tests.
SHORT = {
    "autoregressive_images": {"epochs=30": "epochs=1"},
    "class_conditional_images": {
        "count = 1000": "count = 50",
        "width=24": "width=4",
        "epochs=20": "epochs=1",
        "samples=2000": "samples=100",
    },
    "generating_images": {
        "steps=300": "steps=20",
        "samples=500": "samples=10",
        "steps=100": "steps=10",
        "width=24": "width=4",
        "epochs=20": "epochs=1",
        "samples=2000": "samples=100",
    },
    "image_translation": {"[:1000": "[:200", "epochs=8": "epochs=1", "fit(dataset,": "fit(dataset.take(2),"},
    "laboratory": {"steps = 4000": "steps = 40"},
    "speech_enhancement": {"epochs=20": "epochs=1"},
    "speech_restoration": {", 256)": ", 64)", "epochs=20": "epochs=2", "epochs=10": "epochs=2"},
    "speech_synthesis": {
        "layers_per_stack=9": "layers_per_stack=6",
        " channels=32": " channels=16",
        "(1024, 1)": "(64, 1)",
        "epochs=4": "epochs=1",
        "seconds=0.4": "seconds=0.02",
    },
    "super_resolution": {"epochs=30": "epochs=1"},
    "text_to_image": {"samples=5000": "samples=1000"},
    "voice_conversion": {
        "width=16": "width=4",
        " channels=32": " channels=8",
        "hidden=32": "hidden=8",
        "count = 256": "count = 8",
        "epochs=4": "epochs=1",
    },
}
# Their code is in a test, with the parts that a page leaves out.
ELSEWHERE = {"docs/write_your_own_model.md": "tests/training/test_own_models.py"}


def name_of(path):
    return str(path.relative_to(ROOT))


def text_of(path):
    """A page as Markdown; of a guide, its text and its code as one block."""
    if path.suffix == ".md":
        return path.read_text("utf-8")
    cells = jupytext.read(path).cells
    return "\n\n".join(c.source if c.cell_type == "markdown" else f"```python\n{c.source}\n```" for c in cells)


PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
    *(path for path in sorted(DOCS.rglob("*.md")) if "_build" not in path.parts and "generated" not in path.parts),
    *GUIDES,
]


def blocks_of(path, language):
    return [code for kind, code in BLOCK.findall(text_of(path)) if kind == language]


def with_blocks(*languages):
    return [path for path in PAGES if any(blocks_of(path, language) for language in languages)]


def parameters(paths, quick=None):
    """One test for each page, of which all but the quick ones are long."""
    marks = {path: [] if quick is None or path.stem in quick else [pytest.mark.long] for path in paths}
    return [pytest.param(path, id=name_of(path), marks=marks[path]) for path in paths]


PROGRAMS = [
    path
    for path in with_blocks("python")
    # Cards have a test in test_cards.py.
    if path.suffix == ".md" and path.parent.name != "models" and name_of(path) not in OWN_TESTS
]


@pytest.mark.parametrize("path", parameters(PROGRAMS, QUICK))
def test_the_python_of_a_page_runs(path, examples_folder, tmp_path, monkeypatch):
    """All blocks of a page, in order, as one program; they find folders of images and of recordings where they run."""
    monkeypatch.chdir(shutil.copytree(examples_folder, tmp_path / "page"))
    # What a page registers is forgotten after it.
    monkeypatch.setattr("ganzoo.registry._classes", dict(ganzoo.registry._classes))
    monkeypatch.setattr("ganzoo.metrics.registry._metrics", dict(ganzoo.metrics.registry._metrics))
    namespace, left_out = {"__name__": "page"}, ""
    if place := ELSEWHERE.get(name_of(path)):
        left_out = (ROOT / place).read_text("utf-8")
        module = importlib.import_module(place[:-3].replace("/", "."))
        ganzoo.registry._classes.update(module._OWN_CLASSES)
        namespace |= vars(module)
    for code in blocks_of(path, "python"):
        if left_out and re.search(r"\.\.\.", code):
            unknown = [line for line in code.splitlines() if not shown_in(line, left_out)]
            assert not unknown, f"{place} has other code: {unknown}"
        else:
            exec(compile(code, name_of(path), "exec"), namespace)


def shown_in(line, code):
    """Whether a line of an abridged block is a line of the code itself, apart from comments and `...`."""
    line = line.split("  #")[0].strip()
    return not line or "..." in line or line in {known.split("  #")[0].strip() for known in code.splitlines()}


@pytest.mark.parametrize("path", parameters(GUIDES, quick=()))
def test_a_guide_runs(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(shortened(path.read_text("utf-8"), path.stem), name_of(path), "exec"), {"__name__": "guide"})


def shortened(code, guide):
    """A guide's code with the settings of the tests."""
    for setting, short in SHORT[guide].items():
        assert setting in code, f"{guide} lacks {setting}"
        code = code.replace(setting, short)
    return code


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_the_notebook_of_a_guide_is_current(path):
    stored = (DOCS / "notebooks" / f"{path.stem}.ipynb").read_text("utf-8")
    printed = notebooks.stored_outputs(path)
    assert stored == notebooks.notebook_of(path, printed), "run python docs/notebooks.py --execute"
    cells = [cell.source for cell in jupytext.read(path).cells if cell.cell_type == "code"]
    silent = [code for code, output in zip(cells, printed) if "print(" in code and not output]
    assert not silent, "run python docs/notebooks.py --execute"


@pytest.mark.long
def test_a_notebook_opens_and_executes(tmp_path, monkeypatch):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    text = (DOCS / "notebooks" / "super_resolution.ipynb").read_text("utf-8")
    notebook = nbformat.reads(shortened(text, "super_resolution"), as_version=4)
    # The kernel of this environment, whatever kernels the machine has.
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    where = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3", resources=where).execute()
    printed = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))
    assert "srgan      PSNR" in printed


# Commands.


def commands_of(path):
    for code in blocks_of(path, "console"):
        for line in code.replace("\\\n", " ").splitlines():
            if words := shlex.split(line, comments=True):
                yield line, words


@pytest.mark.parametrize("path", parameters(with_blocks("console")))
def test_the_commands_of_a_page_exist(path):
    """With these arguments and options; presets, settings and extras that they name, too."""
    for line, words in commands_of(path):
        while "=" in words[0]:
            words.pop(0)
        check_command(line, *words)


def check_command(line, program, *words):
    if program == "ganzoo":
        while words and words[0] == "--import":
            words = words[2:]
        context = main.commands[words[0]].make_context(words[0], list(words[1:]))
        check_names(line, words[0], context.params)
    elif program == "python" and words[0] == "-m" and words[1].split(".")[0] in sys.stdlib_module_names:
        assert importlib.util.find_spec(words[1]), line
    elif program == "python" and words[0] == "-m":
        module = words[1].replace(".", "/")
        known = [ROOT / f"{module}.py", ROOT / module / "__main__.py"]
        check_options(line, words[2:], next(path for path in known if path.exists()))
    elif program == "python":
        check_options(line, words[1:], ROOT / words[0])
    elif program == "make":
        assert re.search(rf"^{words[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), line
    elif program == "pip":
        assert words[0] == "install", line
    else:
        assert program in ("cd", "export", "git", "hf"), line


def check_options(line, words, script):
    code = script.read_text("utf-8")
    for word in words:
        if word.startswith("--"):
            assert f'"{word}"' in code, line


def check_names(line, command, params):
    names = params.get("names") or [params[key] for key in ("preset", "name", "model") if params.get(key)]
    for name in names:
        if not re.search(r"[/*]|\.yaml$|\.keras$", str(name)):
            preset = ganzoo.presets.find(name)
            if command == "train":
                loading.check(with_settings(preset.config, params["settings"], line), line)


def test_a_wrong_command_on_a_page_would_be_noticed():
    wrong = "ganzoo generate dcgan --cuont 4", "ganzoo trian dcgan", "ganzoo train dcgan.digits --set training.epoch=3"
    for line in wrong:
        with pytest.raises((click.UsageError, ganzoo.GanzooError, KeyError)):
            check_command(line, *shlex.split(line))


@pytest.mark.parametrize("path", parameters(with_blocks("yaml"), quick=()))
def test_the_presets_of_a_page_are_valid(path, monkeypatch, tmp_path):
    monkeypatch.setattr("ganzoo.registry._classes", dict(ganzoo.registry._classes))
    for code in blocks_of(path, "yaml"):
        mapping = yaml.safe_load(code)
        if "extends" in mapping:
            (tmp_path / "page.yaml").write_text(code)
            loading.build(ganzoo.presets.find(tmp_path / "page.yaml").config, name_of(path))
            continue
        # Parts of a preset are shown alone.
        config = from_mapping({"model": "dcgan", **mapping}, name_of(path))
        if config.model in ganzoo.list_models():
            loading.build(config, name_of(path))
        else:
            assert f'register("{config.model}")' in text_of(path)


def test_every_block_has_a_language():
    """Of a kind that is checked here, of one that cannot run here, or a directive."""
    known = ("python", "console", "yaml", *OTHERS)
    for path in PAGES:
        for kind, code in BLOCK.findall(text_of(path)):
            assert kind in known or kind.startswith("{"), f"{name_of(path)}: {code[:60]}"


def test_the_extras_that_pages_install_are_those_of_setup_py():
    setup = (ROOT / "setup.py").read_text("utf-8").partition("extras_require={")[2].partition("\n    },")[0]
    declared = set(re.findall(r'^        "([\w-]+)": ', setup, re.MULTILINE))
    for path in PAGES:
        for extras in re.findall(r"install '\.\[([\w,-]+)\]'", text_of(path)):
            assert set(extras.split(",")) <= declared, name_of(path)
    rows = re.findall(r"^\| ((?:`[\w-]+`(?:, )?)+) \|", (DOCS / "installation.md").read_text(), re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"[\w-]+", row)} >= declared - {"all"}


# Texts.


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


@pytest.mark.parametrize("path", parameters(tables.pages()))
def test_tables_are_current(path):
    text = path.read_text("utf-8")
    assert tables.current(text) == text, "run python -m docs.tables"


def test_every_table_is_on_a_page():
    shown = {name for path in tables.pages() for name in re.findall(r"<!-- table: (\w+) -->", path.read_text("utf-8"))}
    assert shown == set(tables.TABLES)


@pytest.mark.parametrize("path", parameters(PAGES))
def test_links_and_images_lead_somewhere(path):
    text = BLOCK.sub("", text_of(path))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not target.startswith(("https://", "#")):
            file, _, anchor = target.partition("#")
            found = path.parent / file
            assert found.exists(), f"{name_of(path)}: {target}"
            if anchor and found.suffix in (".md", ".py"):
                headings = re.findall(r"^#+ (.+)$", text_of(found), re.MULTILINE)
                assert anchor in {slug(heading) for heading in headings}, f"{name_of(path)}: {target}"


def slug(heading):
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_the_reference_has_every_public_name():
    """Those that `ganzoo` and its packages export; modules among them by their members."""
    pages = {path.stem: path.read_text("utf-8") for path in (DOCS / "api").glob("*.md")}
    listed = {name for text in pages.values() for name in re.findall(r"^   (\w+)$", text, re.MULTILINE)}
    for package in ("", "data", "evaluation", "inference", "layers", "losses", "metrics", "models", "tasks"):
        module = importlib.import_module(f"ganzoo.{package}".rstrip("."))
        for name in module.__all__:
            if isinstance(getattr(module, name), type(ganzoo)):
                assert package or name in pages, name
            else:
                assert name in listed, f"{module.__name__}.{name}"
    # ganzoo.networks exports modules of builders.
    for path in (ROOT / "ganzoo" / "networks").glob("[!_]*.py"):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
                assert node.name in listed, f"{path.stem}.{node.name}"


def test_the_description_on_a_package_index_shows_its_pictures(metadata_of_the_source):
    """Relative paths lead nowhere there."""
    text = metadata_of_the_source.get_payload()
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    assert targets
    assert all(target.startswith(("https://", "#")) for target in targets)
    assert re.search(r"!\[[^\]]*\]\(https://raw\.githubusercontent\.com/\S+/docs/montage\.png\)", text)


@pytest.fixture
def metadata_of_the_source(tmp_path):
    import subprocess

    command = [sys.executable, "setup.py", "-q", "egg_info", "--egg-base", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return email.message_from_string(next(tmp_path.glob("*.egg-info")).joinpath("PKG-INFO").read_text("utf-8"))
