"""Which file is written for which."""

from pathlib import Path

import pytest

import ganzoo
from ganzoo.inference.folders import distinct_names, written_pairs


def results(*names):
    made = distinct_names([Path(name) for name in names], [".png"] * len(names))
    return {name: path.as_posix() for name, path in zip(names, made)}


def test_no_two_results_have_one_name():
    assert results("a.jpg", "b.jpg", "deep/a.gif") == {"a.jpg": "a.png", "b.jpg": "b.png", "deep/a.gif": "deep/a.png"}
    assert results("a.jpg", "a.png", "a.jpg.png") == {
        "a.jpg": "a.jpg.png",
        "a.png": "a.png.png",
        "a.jpg.png": "a.jpg.png.png",
    }
    names = [
        "a.jpg", "A.jpg", "a.JPG", "a.png", "a.jpg.png", "a.jpg.png.png", "a.jpg-2.jpg", "a.jpg-2", "a", "A",
        "x/\u00e9.jpg", "x/e\u0301.jpg", "x/\u00e9.gif", "stra\u00dfe.gif", "STRASSE.gif",
    ]  # fmt: skip
    expected = results(*names)
    assert len({path.casefold() for path in expected.values()}) == len(names)
    for shift in range(len(names)):
        assert results(*names[shift:], *names[:shift]) == expected
    assert results(*reversed(names)) == expected


def test_several_inputs_go_into_a_folder(tmp_path):
    for name in ("a.jpg", "pics/a.png", "pics/deep/b.gif", "out/old.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    files = sorted((tmp_path / "pics").rglob("*.*"))

    def pairs(sources, target):
        found = written_pairs(sources, target, lambda folder: files, lambda suffix: ".png")
        return {path.relative_to(tmp_path).as_posix(): to.relative_to(tmp_path).as_posix() for path, to in found}

    one, folder, out = tmp_path / "a.jpg", tmp_path / "pics", tmp_path / "out"
    assert pairs([one], out) == {"a.jpg": "out/a.png"}
    assert pairs([one], tmp_path / "b.webp") == {"a.jpg": "b.webp"}
    assert pairs([folder], out) == {"pics/a.png": "out/a.png", "pics/deep/b.gif": "out/deep/b.png"}
    several = {"a.jpg": "new/a.png", "pics/a.png": "new/pics/a.png", "pics/deep/b.gif": "new/pics/deep/b.png"}
    assert pairs([one, folder, one], tmp_path / "new") == several
    assert pairs([one, files[0]], out) == {"a.jpg": "out/a.jpg.png", "pics/a.png": "out/a.png.png"}
    with pytest.raises(ganzoo.GanzooError, match="would be overwritten"):
        pairs(files, folder)
