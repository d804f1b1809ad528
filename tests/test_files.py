"""Where files are kept, also for users without a home folder, as containers have them."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ganzoo import GanzooError
from ganzoo.files import cache_folder, open_regular, write_atomically

# An account that does not exist: the home folder cannot be looked up.
_HOMELESS = """
import os, pwd
os.environ.pop("HOME", None)
def unknown(uid):
    raise KeyError(f"getpwuid(): uid not found: {uid}")
pwd.getpwuid = unknown
"""


def test_nothing_needs_a_home_folder_where_the_cache_is_named(tmp_path):
    code = (
        _HOMELESS
        + """
from ganzoo.cli import main
main(["generate", "dcgan", "--count", "1", "--output", "image.png"], standalone_mode=False)
"""
    )
    environment = {key: value for key, value in os.environ.items() if key not in ("HOME", "KERAS_HOME")}
    environment["GANZOO_CACHE"] = str(tmp_path / "cache")
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "image.png").exists()


def test_without_a_home_folder_the_error_names_the_variable(monkeypatch):
    def unknown_user(number):
        raise KeyError(number)

    monkeypatch.setattr("pwd.getpwuid", unknown_user)
    for variable in ("GANZOO_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(GanzooError, match="set GANZOO_CACHE"):
        cache_folder()
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache_folder() == Path("/somewhere/ganzoo")
    # Where no shell has expanded it.
    monkeypatch.setenv("HOME", "/home/ana")
    monkeypatch.setenv("GANZOO_CACHE", "~/cache")
    assert cache_folder() == Path("/home/ana/cache")
    monkeypatch.setenv("GANZOO_CACHE", "/elsewhere")
    assert cache_folder() == Path("/elsewhere")


def test_only_ordinary_files_are_opened(tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    for name in ("file", "link"):
        with open_regular(tmp_path / name) as file:
            assert file.read() == b"content"
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo", "/dev/zero", "a\0b", tmp_path / "none"):
        with pytest.raises(OSError, match=r"regular file|file name|No such file"):
            open_regular(path)


def test_threads_that_write_one_file_leave_a_whole_one(tmp_path):
    path, contents = tmp_path / "file", [bytes([i]) * 200_000 for i in range(3)]

    def write(content):
        for _ in range(20):
            write_atomically(path, content)
            assert path.read_bytes() in contents

    with ThreadPoolExecutor(max_workers=3) as pool:
        assert list(pool.map(write, contents)) == [None] * 3
    assert [one.name for one in tmp_path.iterdir()] == ["file"]
