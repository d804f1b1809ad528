"""Tables in Markdown, registered by name."""

import functools
from collections.abc import Callable

TABLES: dict[str, Callable[[], str]] = {}


def table(function):
    """Registers a function that returns the rows of a table, the first one its titles."""

    @functools.cache
    def markdown():
        titles, *rows = function()
        return "\n".join(row(*line) for line in [titles, ["---"] * len(titles), *rows])

    TABLES[function.__name__] = markdown
    return function


def row(*cells):
    """A row of a Markdown table."""
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def percent(share):
    return f"{100 * share:.1f}%".replace("100.0", "100")


def commas(values):
    return ", ".join(map(str, values))
