"""The short form of `benchmarks/faults.py`: damaged files and kills at random moments."""

import importlib.util
from pathlib import Path

import pytest

spec = importlib.util.spec_from_file_location("faults", Path(__file__).parents[1] / "benchmarks" / "faults.py")
faults = importlib.util.module_from_spec(spec)
spec.loader.exec_module(faults)


@pytest.mark.parametrize(
    ("kind", "count"), [("picture", 60), ("audio", 60), ("yaml", 20), ("weights", 30), ("keras", 12), ("captions", 30)]
)
def test_damaged_files_are_refused_or_read(kind, count, tmp_path):
    if kind == "audio":
        pytest.importorskip("soundfile")
    assert faults.files(kind, tmp_path, count, seed=1) == []


def test_a_killed_training_loses_nothing(tmp_path):
    assert faults.kills(tmp_path, 3) == []


def test_processes_that_fill_one_cache_get_the_same(tmp_path):
    assert faults.together(tmp_path, 2) == []


@pytest.mark.skipif(not faults.can_mount(), reason="no mounts of its own here")
def test_a_full_disk_loses_nothing(tmp_path):
    assert faults.full(tmp_path, 2, seed=1) == []


@pytest.mark.skipif(not faults.can_mount(), reason="no mounts of its own here")
def test_a_package_that_cannot_be_written_to(tmp_path):
    assert faults.readonly(tmp_path) == []
