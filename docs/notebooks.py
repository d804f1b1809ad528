"""Writes docs/notebooks from the guides, docs/guides/*.py: python docs/notebooks.py [--execute] [GUIDE...]

With --execute, the guides run, which takes minutes, and what each cell prints is stored. The
pages of the documentation show it. Without, a notebook keeps what it has as long as the guide's code is the same.
"""

import argparse
import contextlib
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import jupytext

HERE = Path(__file__).parent
GUIDES = HERE / "guides"
NOTEBOOKS = HERE / "notebooks"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("guides", nargs="*", metavar="GUIDE", help="e.g. super_resolution (default: all)")
    parser.add_argument("--execute", action="store_true", help="run the guides and store what they print")
    options = parser.parse_args()
    NOTEBOOKS.mkdir(exist_ok=True)
    for path in sorted(GUIDES.glob("*.py")):
        if not options.guides or path.stem in options.guides:
            printed = printed_by(path) if options.execute else stored_outputs(path)
            (NOTEBOOKS / f"{path.stem}.ipynb").write_text(notebook_of(path, printed), "utf-8")


def notebook_of(path: Path, printed: list[str]) -> str:
    """The notebook of a guide, the same in every version of jupytext.

    Args:
        path: the guide.
        printed: what each code cell prints.
    """
    outputs = iter(printed)
    cells = [
        {
            "cell_type": cell.cell_type,
            "id": f"{path.stem.replace('_', '-')[:50]}-{number}",
            "metadata": {},
            "source": cell.source.splitlines(keepends=True),
            **({"execution_count": None, "outputs": _as_outputs(next(outputs))} if cell.cell_type == "code" else {}),
        }
        for number, cell in enumerate(jupytext.read(path).cells)
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def stored_outputs(path: Path) -> list[str]:
    """What each code cell of a guide prints, as its notebook says; nothing if the notebook has other code."""
    codes = [cell.source for cell in jupytext.read(path).cells if cell.cell_type == "code"]
    file = NOTEBOOKS / f"{path.stem}.ipynb"
    cells = json.loads(file.read_text("utf-8"))["cells"] if file.exists() else []
    stored = [cell for cell in cells if cell["cell_type"] == "code"]
    if ["".join(cell["source"]) for cell in stored] != codes:
        return [""] * len(codes)
    return ["".join(line for output in cell["outputs"] for line in output["text"]) for cell in stored]


def printed_by(path: Path) -> list[str]:
    """What each code cell of a guide prints."""
    namespace: dict[str, Any] = {"__name__": "guide"}
    printed = []
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for cell in jupytext.read(path).cells:
            if cell.cell_type == "code":
                with contextlib.redirect_stdout(io.StringIO()) as output:
                    exec(compile(cell.source, path.name, "exec"), namespace)
                printed.append(output.getvalue())
    return printed


def _as_outputs(text: str) -> list[dict[str, Any]]:
    return [{"name": "stdout", "output_type": "stream", "text": text.splitlines(keepends=True)}] if text else []


if __name__ == "__main__":
    main()
