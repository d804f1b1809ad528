"""Captions as an encoder gets them."""

from ganzoo.errors import GanzooError


def as_strings(captions: str | Iterable[str]) -> list[str]:
    """A list of captions; one alone becomes a list of itself.

    Raises:
        GanzooError: something else than strings, or none.
    """
    many = [captions] if isinstance(captions, str) else captions
    try:
        many = list(many)
    except TypeError:
        many = []
    if not many or not all(isinstance(caption, str) for caption in many):
        raise GanzooError(f"captions are strings, got {captions!r}")
    return many
