"""The wheel as a stranger gets it."""

import email
import hashlib
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml

from ganzoo.errors import EXTRAS, missing_package

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "-w", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def metadata(wheel):
    """The wheel's METADATA: what pip and the package index go by."""
    with zipfile.ZipFile(wheel) as archive:
        (path,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(path))


def required(metadata, extra=None):
    """Names of the packages that the wheel needs, or that one of its extras adds."""
    marker = f'extra == "{extra}"' if extra else None
    lines = [line.partition(";") for line in metadata.get_all("Requires-Dist")]
    chosen = [spec for spec, _, condition in lines if (condition.strip().replace("'", '"') or None) == marker]
    return {re.match(r"[A-Za-z0-9._-]+", spec)[0].lower() for spec in chosen}


def test_the_distribution_is_not_named_like_the_stranger_on_the_index(wheel, metadata):
    assert metadata["Name"] == "keras-ganzoo"
    with zipfile.ZipFile(wheel) as archive:
        (path,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
        assert "ganzoo = ganzoo.cli:main" in archive.read(path).decode()
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("docs/guides/*.py")]
    for path in [*pages, *ROOT.glob("ganzoo/**/*.py"), ROOT / "Makefile"]:
        assert not re.search(r"install[^\n]*\bganzoo\[|install '?ganzoo\b", path.read_text()), path


@pytest.mark.parametrize("extra", EXTRAS)
def test_messages_name_the_packages_of_the_extras_in_setup_py(extra, metadata):
    assert {name.lower() for name in EXTRAS[extra]} == required(metadata, extra)


def test_a_missing_package_is_named_as_pip_knows_it(monkeypatch):
    monkeypatch.setitem(EXTRAS, "speech", ("numpy", "not-installed-1", "not-installed-2"))
    message = str(missing_package("not_installed_1", "speech", "reading audio"))
    assert message == "reading audio needs the package not_installed_1: pip install not-installed-1 not-installed-2"


def test_the_wheel_has_presets_weights_and_demos_and_is_small(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for configs in (ROOT / "zoo_configs").rglob("*.*"):
        if "__pycache__" not in configs.parts:
            assert f"ganzoo/{configs.relative_to(ROOT)}" in names
    for wanted in ("ganzoo/demos/hub.py", "ganzoo/demos/dcgan.py", "ganzoo/metrics/weights/mnist_classifier.npz"):
        assert wanted in names
    assert not [name for name in names if name.startswith(("tests/", "demos/", "zoo_configs/", "benchmarks/"))]
    assert wheel.stat().st_size < 60e6


@pytest.mark.long
def test_the_source_archive_holds_every_weight_once(tmp_path):
    command = [sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (path,) = tmp_path.glob("keras_ganzoo-*.tar.gz")
    found = {}
    with tarfile.open(path) as archive:
        for member in archive:
            if member.isfile() and member.name.endswith(".npz"):
                found[member.name.partition("/")[2]] = hashlib.sha256(archive.extractfile(member).read()).hexdigest()
    weights = {
        str(file.relative_to(ROOT)) for file in [*ROOT.glob("zoo_configs/*/*.npz"), *ROOT.glob("ganzoo/**/*.npz")]
    }
    assert set(found) == weights
    assert len(set(found.values())) == len(found)
    assert path.stat().st_size < 60e6


def test_the_extra_all_holds_every_other_that_users_install(metadata):
    others = set(metadata.get_all("Provides-Extra")) - {"all", "docs", "test", "tfio"}
    assert {"video", "demo", "speech-metrics"} <= others
    assert required(metadata, "all") == set().union(*(required(metadata, extra) for extra in others))


def test_files_for_citing_and_testing_agree_with_the_package(metadata):
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == metadata["Version"]
    assert citation["license"] == metadata["License-Expression"]
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text())
    pythons = workflow["jobs"]["test"]["strategy"]["matrix"]["python"]
    classified = [line.rpartition(" ")[2] for line in metadata.get_all("Classifier") if "Python :: 3." in line]
    assert pythons == classified
    assert set(metadata["Requires-Python"].split(",")) == {">=3.11", "<3.14"}


def test_the_docker_image_gets_all_that_the_package_is_built_from_and_runs_without_root():
    dockerfile = pytest.importorskip("dockerfile_parse").DockerfileParser(str(ROOT / "Dockerfile"))
    steps = [(step["instruction"], step["value"]) for step in dockerfile.structure]
    copied = {name for kind, value in steps if kind == "COPY" and "--from" not in value for name in value.split()[:-1]}
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line.startswith("!")}
    assert copied == kept == {"setup.py", "pyproject.toml", "README.md", "LICENSE", "ganzoo", "demos", "zoo_configs"}
    kinds = [kind for kind, _ in steps]
    assert kinds.index("USER") < kinds.index("CMD")
    assert "HEALTHCHECK" in kinds


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


def test_the_documentation_names_what_to_install_where_tensorflow_must_not_come(metadata):
    named = re.search(r"pip install ([a-z -]+) torch\npip install --no-deps", (ROOT / "docs/backends.md").read_text())[
        1
    ]
    assert set(named.split()) == required(metadata) - {"tensorflow", "tensorboard"}
