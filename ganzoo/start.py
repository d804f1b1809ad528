"""Importing Keras: without garbage collection, and for commands without log messages and with clear errors."""

import contextlib
import gc
import importlib.util
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from ganzoo.errors import GanzooError, first_line

_KNOWN = ("tensorflow", "torch", "jax")
# Lines that TensorFlow's native code logs.
_OF_TENSORFLOW = (
    rb"[IWEF]\d{4} \d\d:|\d{4}-\d\d-\d\d .*: [IWEF] |WARNING: All log messages before absl|To enable the following"
)
_background: threading.Thread | None = None
_failure: BaseException | None = None


@contextlib.contextmanager
def collection_paused() -> Iterator[None]:
    """Context for imports of large packages, without garbage collection.

    TensorFlow's import creates about a million objects that stay. Collections meanwhile, which examine them again and
    again, take a fifth of its time. They count as old afterwards, like objects that survived several collections.

    Example:
        from ganzoo.start import collection_paused

        with collection_paused():
            import keras
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        # Makes all objects old, without examining them. What the process itself has frozen stays frozen.
        if not gc.get_freeze_count():
            gc.freeze()
            gc.unfreeze()
        gc.enable()


def import_keras() -> None:
    """Imports Keras and its backend for a process of the package's own, such as a command.

    Garbage collection leaves out what exists afterwards, so that later collections, and the end of the process, take
    less time.

    Raises:
        GanzooError: the backend is not installed or not supported.

    Example:
        from ganzoo.start import import_keras

        import_keras()
    """
    name = checked_back_end()
    with collection_paused():
        if name == "tensorflow":
            _import_tensorflow_quietly()
        import keras  # noqa: F401
    gc.freeze()


def import_keras_in_background() -> None:
    """As `import_keras`, in a thread: `wait_for_keras` before anything else imports Keras.

    Python imports a package in two threads at a time without harm only if none of its modules import each other in a
    circle.

    Raises:
        GanzooError: the backend is not installed or not supported.

    Example:
        from ganzoo.start import import_keras_in_background, wait_for_keras

        import_keras_in_background()
        wait_for_keras()
    """
    global _background
    checked_back_end()
    if _background is None:
        # Not waited for when the process ends: an import takes seconds.
        _background = threading.Thread(target=_import, name="import of Keras", daemon=True)
        _background.start()


def _import() -> None:
    global _failure
    try:
        import_keras()
    except BaseException as error:
        _failure = error
        # Python prints it.
        raise


def wait_for_keras() -> None:
    """Waits for the end of `import_keras_in_background`, if it was called.

    Raises:
        GanzooError: the import failed; the traceback is on standard error.
    """
    if _background is not None and _background is not threading.current_thread():
        _background.join()
    if _failure is not None:
        raise GanzooError(f"Keras cannot be imported: {first_line(_failure)}")


def checked_back_end() -> str:
    """The name of the backend that Keras will use, after a check that it is installed.

    Raises:
        GanzooError: it is not installed or not supported.
    """
    name = _back_end()
    if name not in _KNOWN or not _is_there(name):
        there = [known for known in _KNOWN if _is_there(known)]
        way_out = f"set KERAS_BACKEND={' or '.join(there)}" if there else f"install one of {', '.join(_KNOWN)}"
        missing = "not installed" if name in _KNOWN else f"none of {', '.join(_KNOWN)}"
        raise GanzooError(f"Keras is configured for the backend '{name}', which is {missing}: {way_out}")
    return name


def _back_end() -> str:
    """The backend that Keras will use, determined as Keras does: by the environment or its configuration file."""
    if asked := os.environ.get("KERAS_BACKEND"):
        return asked
    # Here, since `ganzoo --help` can do without the milliseconds that its import takes.
    import json

    # Not Path.home(), which raises if the user has no account, as in some containers.
    user = Path(os.path.expanduser("~"))
    home = Path(os.environ.get("KERAS_HOME", (user if os.access(user, os.W_OK) else Path("/tmp")) / ".keras"))
    try:
        return str(json.loads((home.expanduser() / "keras.json").read_text())["backend"])
    except (OSError, ValueError, KeyError, TypeError):
        return "tensorflow"


def _is_there(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ValueError:
        return False


def _import_tensorflow_quietly() -> None:
    """Imports TensorFlow without its messages about this machine's processors, which no setting turns off.

    They come from native code, so standard error of the process is temporarily redirected; lines of others are written
    afterwards.
    """
    import re
    import tempfile

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        stderr = os.dup(2)
    except OSError:  # standard error is closed
        import tensorflow  # noqa: F401

        return
    with tempfile.TemporaryFile() as messages:
        os.dup2(messages.fileno(), 2)
        try:
            import tensorflow as tf

            # Not the logical devices: workers of a cluster must connect before TensorFlow initializes these.
            tf.config.list_physical_devices()
            messages.seek(0)
            others = [line for line in messages.read().splitlines(keepends=True) if not re.match(_OF_TENSORFLOW, line)]
            os.write(stderr, b"".join(others))
        except BaseException:
            messages.seek(0)
            os.write(stderr, messages.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
