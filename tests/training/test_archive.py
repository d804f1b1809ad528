"""Runs in small files."""

import hashlib
import io
import json
import os
import tarfile
import tempfile
from pathlib import Path

import numpy as np
import pytest

import ganzoo
from ganzoo.training.archive import archive_run, restore_run
from tests.training.test_run import weights_of


def test_a_run_goes_on_elsewhere_from_small_files(tiny_preset, tiny_run, begun_run, tmp_path):
    parts = archive_run(begun_run, tmp_path / "parts", megabytes=0.05)
    assert len(parts) > 3
    assert max(part.stat().st_size for part in parts) <= 0.05 * 2**20
    assert restore_run(tmp_path / "parts", tmp_path / "there") == tmp_path / "there" / "tiny-001"
    gone_on = ganzoo.train(tiny_preset, output=tmp_path / "there", resume=True, settings=["epochs=4"])
    found = weights_of(gone_on)
    for path, value in weights_of(tiny_run).items():
        np.testing.assert_array_equal(found[path], value, err_msg=path)
    with pytest.raises(ganzoo.GanzooError, match="exists already"):
        restore_run(tmp_path / "parts", tmp_path / "there")
    restore_run(tmp_path / "parts", tmp_path / "there", replace=True)
    assert ganzoo.load(gone_on).steps == 6
    # Fewer, larger files take the place of all.
    assert len(archive_run(begun_run, tmp_path / "parts")) == 2
    assert len(list((tmp_path / "parts").iterdir())) == 2


def test_small_files_that_are_missing_or_damaged_are_refused(begun_run, tmp_path):
    with pytest.raises(ganzoo.GanzooError, match="not a run folder"):
        archive_run(tmp_path, tmp_path / "parts")
    parts = archive_run(begun_run, tmp_path / "parts", megabytes=0.05)
    content = parts[0].read_bytes()
    manifest = parts[-1].read_text()
    for name in ("..", "", "a/b"):
        parts[-1].write_text(manifest.replace('"tiny-001"', f'"{name}"'))
        with pytest.raises(ganzoo.GanzooError, match="damaged"):
            restore_run(tmp_path / "parts", tmp_path / "there")
    parts[-1].write_text(manifest)
    parts[0].write_bytes(content[:100] + b"x" + content[101:])
    with pytest.raises(ganzoo.GanzooError, match="damaged"):
        restore_run(tmp_path / "parts", tmp_path / "there")
    parts[0].unlink()
    with pytest.raises(ganzoo.GanzooError, match="complete run"):
        restore_run(tmp_path / "parts", tmp_path / "there")
    assert not (tmp_path / "there").exists()


@pytest.fixture(scope="module")
def run_files(tmp_path_factory):
    """{name: content} of what a run consists of; of it only checkpoints are looked at when an archive is unpacked."""
    random = np.random.default_rng(0)
    files = {name: random.bytes(3000) for name in ("config.yaml", "preset.yaml", "data.json", "metrics.jsonl")}
    for name in ("best", "last"):
        path = tmp_path_factory.mktemp("models") / f"{name}.keras"
        ganzoo.create(
            "gan", image_shape=(2, 2, 1), latent_dim=1, generator_widths=(1,), discriminator_widths=(1,)
        ).save(path)
        files[f"checkpoints/{name}.keras"] = path.read_bytes()
    return files


def written(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def read(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def archive_of(folder, members, name="tiny-001", **manifest):
    """The files of an archive with these members, (TarInfo or name, content) each, and its SHA-256, which is right."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for member, content in members:
            member = tarfile.TarInfo(member) if isinstance(member, str) else member
            member.size = member.size or len(content)
            archive.addfile(member, io.BytesIO(content) if member.isreg() else None)
    whole = buffer.getvalue()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.000").write_bytes(whole)
    content = {"name": name, "parts": ["run.000"], "sha256": hashlib.sha256(whole).hexdigest(), **manifest}
    (folder / "run.json").write_text(json.dumps(content))


def of_kind(kind, name="checkpoints/last.keras", target=""):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def sparse():
    """A file of 4 GB of which nothing is stored, as GNU tar writes it: in its header, or in one before it."""
    old = tarfile.TarInfo("checkpoints/last.keras")
    old.type = tarfile.GNUTYPE_SPARSE
    new = tarfile.TarInfo("checkpoints/last.keras")
    new.pax_headers = {"GNU.sparse.major": "0", "GNU.sparse.size": str(2**32), "GNU.sparse.map": "0,0"}
    return old, new


HOSTILE = {
    "without its checkpoint": lambda files: [item for item in files if item[0] != "checkpoints/last.keras"],
    "without its config": lambda files: [item for item in files if item[0] != "config.yaml"],
    "empty": lambda files: [],
    "a torn checkpoint": lambda files: [*files[:-1], (files[-1][0], files[-1][1][:1000])],
    "a file twice": lambda files: [*files, files[-1]],
    "another file": lambda files: [*files, ("lock", b"")],
    "a file outside": lambda files: [*files, ("../outside", b"x")],
    "an absolute file": lambda files: [*files, ("/tmp/outside", b"x")],
    "the same file in other words": lambda files: [*files, ("./config.yaml", b"x")],
    "a symbolic link": lambda files: [*files[:-1], (of_kind(tarfile.SYMTYPE, target="best.keras"), b"")],
    "a hard link": lambda files: [*files[:-1], (of_kind(tarfile.LNKTYPE, target="/etc/passwd"), b"")],
    "a device": lambda files: [*files[:-1], (of_kind(tarfile.CHRTYPE), b"")],
    "a pipe": lambda files: [*files[:-1], (of_kind(tarfile.FIFOTYPE), b"")],
    "a folder": lambda files: [*files[:-1], (of_kind(tarfile.DIRTYPE), b"")],
    "holes": lambda files: [*files[:-1], (sparse()[0], b"")],
    "holes in newer words": lambda files: [*files[:-1], (sparse()[1], b"x")],
}


@pytest.mark.parametrize("what", HOSTILE)
def test_archives_that_are_no_run_are_refused_and_leave_nothing(run_files, tmp_path, what):
    archive_of(tmp_path / "parts", HOSTILE[what](list(run_files.items())))
    runs = tmp_path / "runs"
    with pytest.raises(ganzoo.GanzooError, match="not a run written by ganzoo") as error:
        restore_run(tmp_path / "parts", runs)
    assert len(str(error.value).splitlines()) == 1
    assert list(runs.iterdir()) == []
    # A run that is to be replaced stays as it was.
    old = {"config.yaml": b"old", "checkpoints/last.keras": b"old", "samples/epoch_0001.png": b"old"}
    written(runs / "tiny-001", old)
    with pytest.raises(ganzoo.GanzooError, match="not a run written by ganzoo"):
        restore_run(tmp_path / "parts", runs, replace=True)
    assert {name: content for name, content in read(runs / "tiny-001").items() if name != "lock"} == old
    # And a good archive then finds its place.
    archive_of(tmp_path / "parts", list(run_files.items()))
    restore_run(tmp_path / "parts", runs, replace=True)
    remaining = {"samples/epoch_0001.png": b"old", "lock": b""}
    assert read(runs / "tiny-001") == {**run_files, **remaining}


def test_lists_of_parts_that_promise_more_than_is_there(run_files, tmp_path):
    parts = tmp_path / "parts"
    members = list(run_files.items())
    for match, manifest in (
        ("are not run.000, run.001", {"parts": ["run.000"] * 3000}),
        ("are not run.000, run.001", {"parts": []}),
        ("are not run.000, run.001", {"parts": ["../parts/run.000"]}),
        ("are not run.000, run.001", {"parts": "run.000"}),
        *(("names the run", {"name": name}) for name in ("a\0b", "\ud800", "a\udc80", "a\nb", "\x1b[2J", "a\u2028b")),
        ("names the run", {"name": ["x"]}),
        ("their SHA-256 does not match", {"sha256": 3}),
        ("run.001 is missing", {"parts": ["run.000", "run.001"]}),
    ):
        archive_of(parts, members, **manifest)
        with pytest.raises(ganzoo.GanzooError, match=match) as error:
            restore_run(parts, tmp_path / "runs")
        assert len(str(error.value).splitlines()) == 1
        str(error.value).encode()
    for content in (b"", b"[]", b"{}", b"\xff\xfe", b"[" * 100_000, b" " * 2**23):
        (parts / "run.json").write_bytes(content)
        with pytest.raises(ganzoo.GanzooError, match="does not hold a complete run"):
            restore_run(parts, tmp_path / "runs")
    archive_of(parts, members)
    (parts / "run.000").unlink()
    (parts / "run.000").symlink_to("/dev/zero")
    with pytest.raises(ganzoo.GanzooError, match="not a regular file"):
        restore_run(parts, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("megabytes", [float("nan"), float("inf"), 0, -1, 1e-7, 1e308, "15", None, [15]], ids=str)
def test_sizes_of_parts_that_are_none_are_refused(run_files, tmp_path, megabytes):
    run = written(tmp_path / "tiny-001", run_files)
    with pytest.raises(ganzoo.GanzooError, match="megabytes must be a number") as error:
        archive_run(run, tmp_path / "parts", megabytes)
    assert len(str(error.value).splitlines()) == 1
    assert not (tmp_path / "parts").exists()


def test_a_run_folder_whose_name_unpack_refuses_is_not_carried(run_files, tmp_path):
    run = written(tmp_path / "a\nb", run_files)
    with pytest.raises(ganzoo.GanzooError, match=r"a\\nb' cannot be archived: rename the folder"):
        archive_run(run, tmp_path / "parts")
    run = run.rename(tmp_path / "Größe 数 1")
    archive_run(run, tmp_path / "parts", megabytes=10**400)
    assert restore_run(tmp_path / "parts", tmp_path / "there").name == "Größe 数 1"


def test_links_are_followed_and_broken_ones_refused(run_files, tmp_path):
    run = written(tmp_path / "tiny-001", run_files)
    for name in ("checkpoints/last.keras", "metrics.jsonl"):
        (run / name).rename(tmp_path / Path(name).name)
        (run / name).symlink_to(tmp_path / Path(name).name)
    archive_run(run, tmp_path / "parts")
    assert read(restore_run(tmp_path / "parts", tmp_path / "there")) == run_files
    for name in ("metrics.jsonl", "last.keras"):
        (tmp_path / name).unlink()
        with pytest.raises(ganzoo.GanzooError, match=name):
            archive_run(run, tmp_path / "others")
        assert not (tmp_path / "others").exists()
        (tmp_path / name).write_bytes(b"there")
    (run / "preset.yaml").unlink()
    with pytest.raises(ganzoo.GanzooError, match=r"preset\.yaml is missing"):
        archive_run(run, tmp_path / "others")


@pytest.fixture
def other_disk(tmp_path):
    """A folder in another file system than `tmp_path`."""
    place = Path("/dev/shm")
    if not os.access(place, os.W_OK) or place.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system")
    with tempfile.TemporaryDirectory(dir=place) as folder:
        yield Path(folder)


def test_checkpoints_on_another_disk_are_replaced(run_files, tmp_path, other_disk):
    archive_of(tmp_path / "parts", list(run_files.items()))
    run = written(tmp_path / "runs" / "tiny-001", {"config.yaml": b"old", "metrics.jsonl": b"old"})
    written(other_disk, {"last.keras": b"old", "best.keras": b"old"})
    (run / "checkpoints").symlink_to(other_disk)
    restore_run(tmp_path / "parts", tmp_path / "runs", replace=True)
    assert {name: (run / name).read_bytes() for name in run_files} == run_files
    assert (run / "checkpoints").is_symlink()
    assert sorted(path.name for path in other_disk.iterdir()) == ["best.keras", "last.keras"]
    assert not list(run.glob(".restore_run-*"))


def test_archives_of_older_versions_are_read(run_files, tmp_path):
    """Theirs kept the times of files, in headers of their own."""
    run = written(tmp_path / "tiny-001", run_files)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in run_files:
            os.utime(run / name, (1.5, 1.5))
            archive.add(run / name, arcname=name)
    assert b"mtime=1.5" in buffer.getvalue()
    parts = tmp_path / "parts"
    parts.mkdir()
    (parts / "run.000").write_bytes(buffer.getvalue())
    manifest = {"name": run.name, "parts": ["run.000"], "sha256": hashlib.sha256(buffer.getvalue()).hexdigest()}
    (parts / "run.json").write_text(json.dumps(manifest))
    assert read(restore_run(parts, tmp_path / "there")) == run_files
