"""What `ganzoo data SOURCE` says about a source."""

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from ganzoo.cli import main


def told(source, preview):
    """The report on a source, {title: text}, whose last line is the preview."""
    done = CliRunner().invoke(main, ["data", str(source), "--preview", str(preview)])
    assert done.exit_code == 0, done.output
    found = {}
    for line in done.output.splitlines():
        title, _, text = line.partition(":")
        found[title] = f"{found[title]}; {text.strip()}" if title in found else text.strip()
    return found


def test_a_folder_with_broken_files_among_good_ones(tmp_path):
    for name, level, size in [("cats", 10, (30, 20)), ("class 10", 90, (40, 20)), ("class 9", 200, (30, 24))]:
        (tmp_path / "in" / name).mkdir(parents=True)
        for i in range(3):
            Image.new("RGB", size, (level,) * 3).save(tmp_path / "in" / name / f"{i}.png")
    Image.new("LA", (30, 20), (100, 255)).save(tmp_path / "in" / "cats" / "gray.png")
    (tmp_path / "in" / "cats" / "bad.jpg").write_text("no image")
    found = told(f"folder:{tmp_path / 'in'}", tmp_path / "p.png")
    assert found["images"] == "10, and 1 broken file"
    assert found["sizes"] == "30x20 (4), 40x20 (3), 30x24 (3)"
    assert found["channels"] == "color (9), gray and alpha (1)"
    assert found["classes"] == "3: cats (4), class 9 (3), class 10 (3)"
    assert found["image_shape"].startswith("at most 20x30")
    assert "bad.jpg cannot be read" in found["broken"]
    # Every value: (4 images of 600 pixels, ...); of the gray one there is a single channel.
    values = np.repeat([10.0, 100.0, 90.0, 200.0], [3 * 600 * 3, 600, 3 * 800 * 3, 3 * 720 * 3])
    assert found["values"] == f"10 to 200, mean {values.mean():.4g}, standard deviation {values.std():.4g}"
    assert Image.open(tmp_path / "p.png").mode == "RGB"


def test_arrays_digits_and_recordings(tmp_path):
    soundfile = pytest.importorskip("soundfile")
    images = np.linspace(0, 1, 6 * 8 * 8, dtype="float32").reshape(6, 8, 8)
    np.savez(tmp_path / "a.npz", images=images, labels=[0, 1, 2, 2, 0, 2], class_names=["a", "b", "c"])
    found = told(f"npz:{tmp_path / 'a.npz'}", tmp_path / "p.png")
    assert found["images"] == "6"
    assert found["sizes"] == "all 8x8"
    assert found["classes"] == "3: a (2), b (1), c (3)"
    assert "float32 from 0 to 1" in found["note"]
    assert told("digits", tmp_path / "p.png")["images"] == "1,797"
    # A row of 8 for each of the digits.
    assert Image.open(tmp_path / "p.png").size == (8 * 66 - 2, 10 * 66 - 2)
    (tmp_path / "sound").mkdir()
    soundfile.write(tmp_path / "sound" / "a.wav", np.full(16000, 0.5), 16000)
    soundfile.write(tmp_path / "sound" / "b.wav", np.zeros((4000, 2)), 8000)
    (tmp_path / "sound" / "c.wav").write_text("no sound")
    found = told(f"folder:{tmp_path / 'sound'}", tmp_path / "p.png")
    assert found["recordings"] == "2, and 1 broken file"
    assert found["duration"].startswith("0.5 to 1 seconds")
    assert found["values"].startswith("0 to 0.5, mean 0.3333")


def test_two_folders_are_described_like_two_classes(tmp_path):
    for name, count in (("cats", 3), ("dogs", 2)):
        (tmp_path / name).mkdir()
        for i in range(count):
            Image.new("RGB", (8, 6), (i, 0, 0)).save(tmp_path / name / f"{i}.png")
    found = told(f"folders:{tmp_path / 'cats'},{tmp_path / 'dogs'}", tmp_path / "p.png")
    assert found["images"] == "5"
    assert found["classes"] == "2: cats (3), dogs (2)"


def test_what_cannot_be_described_is_one_line(tmp_path):
    (tmp_path / "none").mkdir()
    np.savez(tmp_path / "nan.npz", images=np.full((2, 4, 4), np.nan, "float32"))
    for source, message in [
        (f"folder:{tmp_path / 'none'}", "neither images nor recordings"),
        (f"folder:{tmp_path / 'nome'}", "Did you mean"),
        (f"npz:{tmp_path / 'nan.npz'}", "nan"),
        (tmp_path / "none", "write folder:"),
        (f"folders:{tmp_path / 'none'}", "names one folder"),
        (f"folders:{tmp_path / 'none'},{tmp_path / 'nome'}", "no such folder"),
        ("digit", "Did you mean 'digits'"),
    ]:
        done = CliRunner().invoke(main, ["data", str(source), "--preview", str(tmp_path / "p.png")])
        assert done.exit_code == 1, source
        assert message in done.output
    assert not (tmp_path / "p.png").exists()


def test_thin_images_and_short_or_broken_recordings_do_not_end_the_report(tmp_path):
    soundfile = pytest.importorskip("soundfile")
    (tmp_path / "thin").mkdir()
    for name, size in [("wide.png", (1000, 4)), ("tall.png", (1, 300)), ("square.png", (40, 40))]:
        Image.new("RGB", size, (200, 0, 0)).save(tmp_path / "thin" / name)
    assert told(f"folder:{tmp_path / 'thin'}", tmp_path / "p.png")["images"] == "3"
    (tmp_path / "sounds").mkdir()
    sound = np.linspace(-0.5, 0.5, 300, dtype="float32")
    soundfile.write(tmp_path / "sounds" / "short.wav", sound, 16_000)
    soundfile.write(tmp_path / "sounds" / "nan.wav", np.append(sound, np.nan), 16_000, subtype="FLOAT")
    found = told(f"folder:{tmp_path / 'sounds'}", tmp_path / "p.png")
    assert found["recordings"] == "1, and 1 broken file"
    assert "nan.wav holds samples that are not finite numbers" in found["broken"]
    assert found["values"].startswith("-0.5 to 0.5")


def test_the_preview_is_none_of_the_images(tmp_path, monkeypatch):
    Image.new("RGB", (8, 8)).save(tmp_path / "0.png")
    monkeypatch.chdir(tmp_path)
    for arguments in (
        ["data", "folder:."],
        ["data", f"folder:{tmp_path}", "--preview", "0.png"],
        ["data", "folders:.,..:train", "--preview", "0.png"],
        ["data", "folder:.", "--output", "new"],
    ):
        done = CliRunner().invoke(main, arguments)
        assert done.exit_code == 1
        assert "and would become a part of it" in done.output
    assert [path.name for path in tmp_path.iterdir()] == ["0.png"]
