"""Writes docs/notebooks from the guides, docs/guides/*.py: python docs/notebooks.py"""

import json
from pathlib import Path

import jupytext

HERE = Path(__file__).parent


def main():
    folder = HERE / "notebooks"
    folder.mkdir(exist_ok=True)
    for path in sorted((HERE / "guides").glob("*.py")):
        (folder / f"{path.stem}.ipynb").write_text(notebook_of(path), "utf-8")


def notebook_of(path: Path) -> str:
    """The notebook of a guide, without outputs, the same in every version of jupytext."""
    found = jupytext.read(path)
    cells = [
        {
            "cell_type": cell.cell_type,
            "id": f"{path.stem.replace('_', '-')[:50]}-{number}",
            "metadata": {},
            "source": cell.source.splitlines(keepends=True),
            **({"execution_count": None, "outputs": []} if cell.cell_type == "code" else {}),
        }
        for number, cell in enumerate(found.cells)
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    main()
