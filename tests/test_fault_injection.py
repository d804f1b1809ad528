"""The short form of `python -m benchmarks.fault_injection`."""

import pytest

from benchmarks import fault_injection


@pytest.mark.parametrize(
    ("kind", "count"),
    [
        ("image", 60),
        ("audio", 60),
        ("yaml", 20),
        ("weights", 30),
        ("keras", 12),
        ("extractor", 20),
        ("arrays", 30),
        ("captions", 30),
    ],
)
def test_damaged_files_are_refused_or_read(kind, count, tmp_path):
    if kind == "audio":
        pytest.importorskip("soundfile")
    assert fault_injection.files(tmp_path, count, seed=1, kinds=[kind]) == []


@pytest.mark.long
def test_a_killed_training_loses_nothing(tmp_path):
    assert fault_injection.kills(tmp_path, 3) == []


def test_no_code_in_a_keras_file_runs(tmp_path):
    assert fault_injection.tampered(tmp_path) == []


def test_torn_runs_go_on_or_say_what_is_torn(tmp_path):
    assert fault_injection.torn_runs(tmp_path, 6) == []


def test_hostile_archives_leave_nothing_behind(tmp_path):
    assert fault_injection.archives(tmp_path) == []


@pytest.mark.long
def test_processes_that_fill_one_cache_get_the_same(tmp_path):
    assert fault_injection.together(tmp_path, 2) == []


@pytest.mark.long
@pytest.mark.skipif(not fault_injection.can_mount(), reason="this system allows no private mounts")
def test_a_full_disk_loses_nothing(tmp_path):
    assert fault_injection.full(tmp_path, 2, seed=1) == []


@pytest.mark.long
@pytest.mark.skipif(not fault_injection.can_mount(), reason="this system allows no private mounts")
def test_a_package_that_cannot_be_written_to(tmp_path):
    assert fault_injection.readonly(tmp_path) == []
