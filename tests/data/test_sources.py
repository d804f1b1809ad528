"""Where large datasets are stored."""

import os
import shutil
import subprocess
import sys

import pytest

import ganzoo
from ganzoo.data.allocation import allocate

OWN_MOUNTS = ("unshare", "--mount", "--map-root-user", "sh", "-c")
FULL_DISK = """
import ganzoo.data.allocation as allocation
allocation.MEMORY_LIMIT = 1000
stored = allocation.allocate((3 * 2**20,), "first")
stored[:] = 7
try:
    # In a file with holes this would be another three megabytes, until they are written.
    allocation.allocate((3 * 2**20,), "second")[:] = 7
except allocation.GanzooError as error:
    print(error)
print(stored.sum())
"""


def test_a_cache_that_is_too_small_says_what_is_missing(monkeypatch, tmp_path):
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path))
    # More than any disk has.
    with pytest.raises(
        ganzoo.GanzooError, match=r"needs 1,125,899,906,842,624 bytes in .* bytes are free.*GANZOO_CACHE"
    ):
        allocate((2**50,), "key")
    (tmp_path / "file").write_text("kept")
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path / "file"))
    with pytest.raises(ganzoo.GanzooError, match=r"set GANZOO_CACHE to a writable folder"):
        allocate((2**50,), "key")
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.skipif(shutil.which("unshare") is None, reason="a disk of the test's own takes Linux")
def test_a_disk_that_becomes_full_is_no_bus_error(tmp_path):
    if subprocess.run([*OWN_MOUNTS, "mount -t tmpfs none /mnt"], capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    mount = 'mount -t tmpfs -o size=4m none "$0" && "$1" -c "$2"'
    done = subprocess.run(
        [*OWN_MOUNTS, mount, str(tmp_path), sys.executable, FULL_DISK],
        env={**os.environ, "GANZOO_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said, total = done.stdout.splitlines()
    assert "needs 3,145,728 bytes" in said
    assert total == str(7 * 3 * 2**20)
