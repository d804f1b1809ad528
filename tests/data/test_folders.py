"""Which files of a folder count."""

import os

import pytest

import ganzoo
from ganzoo.data.folders import files_in, natural
from ganzoo.data.writing import class_folders


def touch(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def names_in(root, suffixes=(".a",), **options):
    return [path.relative_to(root).as_posix() for path in files_in(root, suffixes, "things", **options)]


@pytest.mark.filterwarnings("error")
def test_hidden_and_system_files_are_no_data_and_not_mentioned(tmp_path):
    root = tmp_path / ".cache" / "pics"
    touch(root, "cat/1.a", "cat/2.A", "3.a")
    touch(
        root,
        "._3.a",
        ".ipynb_checkpoints/4.a",
        "cat/.thumbnails/deep/5.a",
        "__MACOSX/6.a",
        "cat/Thumbs.db",
        ".DS_Store",
    )
    assert names_in(root) == ["3.a", "cat/1.a", "cat/2.A"]


def test_what_is_left_out_is_counted(tmp_path):
    touch(tmp_path, "1.a", "2.a", "x.txt", "deep/y.TXT", "z.m", "README", "list.json")
    with pytest.warns(UserWarning, match="left out") as caught:
        names_in(tmp_path, explanations={".m": "play .m elsewhere", ".n": "never said"}, companions=["list.json"])
    words = f"folder {tmp_path}: 2 things; left out: 2 .txt, 1 .m, 1 without a suffix; play .m elsewhere"
    assert [str(warning.message) for warning in caught] == [words]
    with pytest.raises(ganzoo.GanzooError, match=r"holds no things \(\.b\); it holds 2 \.a, 2 \.txt, 1 \.json"):
        names_in(tmp_path, suffixes=(".b",))
    with pytest.raises(ganzoo.GanzooError, match="no such folder of things"):
        names_in(tmp_path / "none")


def test_links_are_followed_and_loops_end(tmp_path):
    touch(tmp_path / "elsewhere", "dogs/1.a", "one.a")
    root = tmp_path / "root"
    touch(root, "z_real/2.a")
    (root / "dogs").symlink_to(tmp_path / "elsewhere" / "dogs")
    (root / "linked.a").symlink_to(tmp_path / "elsewhere" / "one.a")
    (root / "a_link").symlink_to(root / "z_real")
    (root / "loop").symlink_to(root)
    (tmp_path / "elsewhere" / "dogs" / "back").symlink_to(root)
    (root / "itself.a").symlink_to(root / "itself.a")
    (root / "gone.a").symlink_to(tmp_path / "gone.a")
    os.mkfifo(root / "pipe.a")
    with pytest.warns(
        UserWarning, match="3 links to a folder that was already read, 2 broken links, 1 devices or pipes"
    ):
        assert names_in(root) == ["dogs/1.a", "linked.a", "z_real/2.a"]


def test_numbers_sort_by_value():
    names = ["10", "2", "b10", "b9", "b", "01", "1", "a2b10", "a2b9"]
    assert sorted(names, key=natural) == ["01", "1", "2", "10", "a2b9", "a2b10", "b", "b9", "b10"]


def test_names_that_no_terminal_shows_stay_one_line(tmp_path):
    touch(tmp_path, "1.a", "x.\n\ud800".encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape"))
    with pytest.warns(UserWarning, match="left out") as caught:
        names_in(tmp_path)
    words = str(caught[0].message)
    assert "\n" not in words
    words.encode()


def test_every_class_has_a_folder_of_its_own():
    """On any file system: some do not distinguish capital letters."""
    assert class_folders([0, 1, 2], ["a", "a-2", "a"]) == {0: "a", 1: "a-2", 2: "a-3"}
    assert class_folders([0, 1], ["Cat", "cat"]) == {0: "Cat", 1: "cat-1"}
