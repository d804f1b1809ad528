"""Importing Keras for the command line: without remarks, and with a line where its back end is missing."""

import importlib.util
import json
import os
import tempfile
from pathlib import Path

from ganzoo.errors import GanzooError

_KNOWN = ("tensorflow", "torch", "jax")


def import_keras() -> None:
    """Imports Keras and the back end that it takes.

    Raises:
        GanzooError: that back end is not installed, or not one that ganzoo runs on.
    """
    name = _back_end()
    if name not in _KNOWN or not _is_there(name):
        there = [known for known in _KNOWN if _is_there(known)]
        way_out = f"set KERAS_BACKEND={' or '.join(there)}" if there else f"install one of {', '.join(_KNOWN)}"
        missing = "not installed" if name in _KNOWN else f"none of {', '.join(_KNOWN)}"
        raise GanzooError(f"Keras is to run on the back end '{name}', which is {missing}: {way_out}")
    if name == "tensorflow":
        _import_tensorflow_quietly()
    import keras  # noqa: F401


def _back_end() -> str:
    """The back end that Keras is going to take, found as Keras does: the environment says it, or its settings do."""
    if asked := os.environ.get("KERAS_BACKEND"):
        return asked
    # Not Path.home(), which raises where the user has no account, as in some containers.
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
    """Imports TensorFlow without its remarks on this machine's processors, which no setting of it turns off.

    They come from native code, so the process's own standard error is turned away for the moment.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    kept = os.dup(2)
    with tempfile.TemporaryFile() as remarks:
        os.dup2(remarks.fileno(), 2)
        try:
            import tensorflow as tf

            # Not the logical ones: workers of a cluster have to find each other before TensorFlow sets up any.
            tf.config.list_physical_devices()
        except BaseException:
            remarks.seek(0)
            os.write(kept, remarks.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
