"""Validation of captions."""

from collections.abc import Iterable

from ganzoo.errors import GanzooError


def as_strings(captions: str | Iterable[str]) -> list[str]:
    """Captions as a list; a single string becomes a list of one.

    Raises:
        GanzooError: not strings, or an empty list.

    Example:
        from ganzoo.text.strings import as_strings

        as_strings("a red apple")     # ["a red apple"]
    """
    try:
        many = [captions] if isinstance(captions, str) else list(captions)
    except TypeError:
        many = []
    if not many or not all(isinstance(caption, str) for caption in many):
        raise GanzooError(f"captions are strings, got {captions!r}")
    return many
