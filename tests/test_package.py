"""The wheel as a stranger gets it."""

import re
import subprocess
import sys
import zipfile
from importlib.metadata import requires
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "-w", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_the_wheel_has_presets_weights_and_demos_and_is_small(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for configs in (ROOT / "zoo_configs").rglob("*.*"):
        if "__pycache__" not in configs.parts:
            assert f"ganzoo/{configs.relative_to(ROOT)}" in names
    for wanted in ("ganzoo/demos/hub.py", "ganzoo/demos/dcgan.py", "ganzoo/metrics/weights/mnist_classifier.npz"):
        assert wanted in names
    assert not [name for name in names if name.startswith(("tests/", "demos/", "zoo_configs/", "benchmarks/"))]
    assert wheel.stat().st_size < 60e6


def test_the_wheel_works_away_from_the_checkout(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    # -I keeps the checkout out of the path; the editable finder is outranked by the path put first.
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path / "site")!r})
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in repr(finder).lower()]
import ganzoo
from ganzoo import *
assert not [name for name in ganzoo.__all__ if not hasattr(ganzoo, name)]
assert ganzoo.__file__.startswith({str(tmp_path)!r}), ganzoo.__file__
print(ganzoo.list_presets("dcgan.*"), ganzoo.load("dcgan").generate(4, seed=0).shape)
from ganzoo.demos import hub
print(hub.models_with_pages())
"""
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "(4, 28, 28, 1)" in done.stdout
    assert "'dcgan'" in done.stdout.splitlines()[-1]


def test_readme_names_what_to_install_where_tensorflow_must_not_come():
    named = re.search(r"pip install ([a-z -]+) torch\npip install --no-deps", (ROOT / "README.md").read_text())[1]
    needed = {re.match(r"[a-zA-Z0-9-]+", one)[0].lower() for one in requires("ganzoo") if "extra ==" not in one}
    assert set(named.split()) == needed - {"tensorflow", "tensorboard"}
