"""Links that work in the repository as well as on the built pages.

Pages link to files by their path in the repository. What is not a page becomes a link to the repository; a page that
consists of one `{include}` of a file elsewhere stands for that file.
"""

import os
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
# [text](path#anchor) or ![text](path).
LINK = re.compile(r"(!?\[[^\]]*\])\(([^)\s:#]+)(#[^)\s]*)?\)")
INCLUDE = re.compile(r"```\{include\} (\S+)\n```\n?")


def setup(app):
    # After conf.py has made a page of a guide.
    app.connect("source-read", _rewrite, priority=600)
    return {"parallel_read_safe": True}


def _rewrite(app, name, source):
    page = Path(app.env.doc2path(name))
    shown = {_included(other): other for other in DOCS.rglob("*.md") if _included(other)}

    def relinked(folder):
        def change(match):
            text, path, anchor = match.groups()
            target = (folder / path).resolve()
            if not target.is_relative_to(ROOT) or not target.exists():
                return match[0]
            target = shown.get(target, target)
            if text.startswith("!"):
                return f"{text}({os.path.relpath(target, page.parent)})"
            if target.is_relative_to(DOCS) and target.suffix in (".md", ".py") and _is_page(target):
                return f"{text}({os.path.relpath(target, page.parent)}{anchor or ''})"
            kind = "tree" if target.is_dir() else "blob"
            home = app.config.html_theme_options["source_repository"]
            return f"{text}({home}/{kind}/main/{target.relative_to(ROOT)}{anchor or ''})"

        return change

    text = LINK.sub(relinked(page.parent), source[0])
    if file := _included(page):
        app.env.note_dependency(str(file))
        text = INCLUDE.sub(lambda _: LINK.sub(relinked(file.parent), file.read_text("utf-8")), text)
    source[0] = text


def _is_page(path):
    return path.suffix == ".md" or path.parent.name == "guides"


def _included(path):
    """The file that a page consists of, or None."""
    if path.suffix != ".md" or not (found := INCLUDE.search(path.read_text("utf-8"))):
        return None
    return (path.parent / found[1]).resolve()
