"""Importing Keras for the command line and the web page."""

import os
import subprocess
import sys

import pytest

CODE = """
from ganzoo.errors import GanzooError
from ganzoo.start import import_keras_in_background, wait_for_keras
import_keras_in_background()
try:
    wait_for_keras()
except GanzooError as error:
    print(error)
"""


def imported(tmp_path, tensorflow):
    """The process that imports Keras in the background with this content of TensorFlow's package."""
    package = tmp_path / "tensorflow" / "__init__.py"
    package.parent.mkdir()
    package.write_text(tensorflow)
    paths = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    changed = {"PYTHONPATH": paths, "KERAS_BACKEND": "tensorflow"}
    return subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, timeout=300, env={**os.environ, **changed}
    )


def test_a_back_end_that_cannot_be_imported_is_told_to_all_who_wait_for_it(tmp_path):
    done = imported(tmp_path, "raise ImportError('version GLIBC_2.99 not found')")
    assert done.stdout == "Keras cannot be imported: version GLIBC_2.99 not found\n"
    # For the terminal.
    assert "Traceback" in done.stderr


def test_only_messages_of_tensorflow_are_left_out(tmp_path):
    logged = "WARNING: All log messages before absl::InitializeLog()\nI0000 00:00:1795.1 port.cc:153] oneDNN\nmine\n"
    config = "class config:\n    list_physical_devices = staticmethod(list)\n"
    done = imported(tmp_path, f"import os\nos.write(2, {logged.encode()!r})\n{config}")
    assert done.stderr.splitlines()[0] == "mine"
    assert "oneDNN" not in done.stderr


def test_keras_can_be_imported_with_standard_error_closed():
    code = "from ganzoo.start import import_keras; import_keras(); print('imported')"
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" -c "$1" 2>&-', sys.executable, code], capture_output=True, timeout=300
    )
    assert done.stdout == b"imported\n"


COLLECTED = """
import gc, sys, weakref
class Node:
    pass
node = Node()
node.itself, node = node, weakref.ref(node)
if sys.argv[1] == "disabled":
    gc.disable()
if sys.argv[1] == "frozen":
    gc.freeze()
frozen = gc.get_freeze_count()
import ganzoo
ganzoo.create("gan", image_shape=(8, 8, 1), latent_dim=2)
print(gc.isenabled(), (gc.get_freeze_count() > 0) == (frozen > 0), gc.collect() > 0 and node() is None)
"""


@pytest.mark.parametrize(
    ("before", "expected"),
    [("enabled", "True True True"), ("disabled", "False True True"), ("frozen", "True True False")],
)
def test_garbage_collection_goes_on_as_before_once_a_model_exists(before, expected):
    done = subprocess.run([sys.executable, "-c", COLLECTED, before], capture_output=True, text=True, timeout=300)
    assert done.stdout.strip() == expected, done.stderr
