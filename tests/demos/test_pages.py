"""What the functions of all pages have in common, with what a browser, or somebody without one, may send."""

import os
import stat
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ganzoo
from ganzoo.inference import grid
from ganzoo.inference.image_files import ImageFile, write_image_file

gradio = pytest.importorskip("gradio")

from ganzoo.demos import common, dcgan, editing, files, hub, srgan  # noqa: E402


@pytest.mark.parametrize("odd", [None, float("nan"), float("inf"), -1, 1.5, 2**40, "x", [1], True])
def test_odd_numbers_become_messages(odd, message):
    assert "the seed must be a" in message(dcgan.generate, "dcgan.mnist", odd, 4).replace("is empty: it ", "")
    assert "must be a" in message(dcgan.generate, "dcgan.mnist", 0, odd)
    if odd != 1.5:
        assert "must be a" in message(dcgan.walk, "dcgan.mnist", 0, 1, odd if odd is not True else 2)


def test_an_empty_field_is_said_to_be_empty(message):
    assert message(dcgan.generate, "dcgan.mnist", None, 4) == (
        "the seed is empty: it must be a whole number from 0 to 2147483647"
    )


@pytest.mark.parametrize("name", ["dcgan.nothing", "dcgan", "/etc/passwd", "x" * 10_000, None, 3, []])
def test_only_presets_are_loaded(name, message):
    told = message(dcgan.generate, name, 0, 4)
    assert "unknown preset" in told
    assert len(told) < 2000


def test_a_preset_is_not_loaded_from_a_file_of_this_machine(tmp_path, message):
    ganzoo.load("dcgan.mnist").save(tmp_path / "mine.keras")
    assert "unknown preset" in message(dcgan.generate, str(tmp_path / "mine.keras"), 0, 4)


def test_a_preset_that_the_owner_names_is_offered_first(tmp_path, monkeypatch):
    monkeypatch.setattr(common, "_added", {})
    mine = str(tmp_path / "mine")
    ganzoo.load("dcgan.digits").save_to_preset(mine)
    assert common.add_preset(mine) == "dcgan"
    assert common.trained_presets("dcgan")[0] == mine
    _, file = dcgan.generate(mine, 0, 4)
    np.testing.assert_array_equal(np.asarray(Image.open(file))[..., None], grid(ganzoo.load(mine).generate(4, seed=0)))


def test_an_unforeseen_error_is_for_the_terminal_alone(capsys, message):
    @common.shown_errors
    def broken():
        raise RuntimeError("secret of /home/me")

    assert "something went wrong" in message(broken)
    assert "secret of /home/me" in capsys.readouterr().err


def test_messages_name_files_as_the_visitor_does(message):
    @common.shown_errors
    def refusing(path):
        raise common.GanzooError(f"{path} is <b>bad</b>")

    assert message(refusing, files.uploads() / ("0f" * 32) / "my file.png") == "my file.png is &lt;b&gt;bad&lt;/b&gt;"


def uploaded_file(name="mine.bin"):
    folder = files.uploads() / "0123abcd"
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"content")
    return str(folder / name)


@pytest.mark.parametrize(
    "kind", ["Image", "Audio", "File", "Video", "UploadButton", "ImageSlider", "Gallery", "ImageEditor"]
)
def test_a_page_gets_uploads_and_no_other_file(kind, tmp_path):
    """Whatever component a page has, and whatever its function does with the value."""
    component = getattr(gradio, kind)()
    (tmp_path / "private.png").write_bytes(b"private")
    (files.uploads() / "link.png").unlink(missing_ok=True)
    (files.uploads() / "link.png").symlink_to(tmp_path / "private.png")
    os.mkfifo(tmp_path / "pipe")

    def sent(path, **more):
        file = {"path": path, "meta": {"_type": "gradio.FileData"}, **more}
        nested = {
            "ImageSlider": [file, file],
            "Gallery": [{"image": file, "caption": None}],
            "ImageEditor": {"background": None, "layers": [file], "composite": None},
        }
        return nested.get(kind, file)

    mine = uploaded_file()
    assert mine in str(common.received(component, sent(mine, url="http://127.0.0.1/gradio_api/file=" + mine)))
    for path in (
        str(tmp_path / "private.png"),
        str(tmp_path / "missing.png"),
        str(files.uploads() / "link.png"),
        str(files.uploads() / ".." / "example-temple.png"),
        str(files.uploads()),
        mine + "/..",
        mine + "\0",
        str(tmp_path / "pipe"),
        "/dev/stdin",
        "http://127.0.0.1/x.png",
        "",
    ):
        for value in (sent(path), sent(path, url="http://127.0.0.1/x.png"), path, [path], {"path": path}):
            found = common.received(component, value)
            # All parts of a painting may be missing.
            empty = kind == "ImageEditor" and found == dict(background=None, layers=[], composite=None, id=None)
            assert isinstance(found, common.Refused) or empty or not value, (path, value)
    told = [common.received(component, sent(str(tmp_path / name))).why for name in ("private.png", "missing.png")]
    assert told[0] == told[1]


def test_a_choice_is_one_of_those_offered(message):
    component = gradio.Dropdown(["a", "b"], label="Letter")
    assert common.received(component, "b") == "b"
    assert common.received(gradio.CheckboxGroup(["a", "b"]), ["b", "a"]) == ["b", "a"]
    for odd in ("c", None, 0, {}, [], ["a"], [["a"]]):
        refused = common.received(component, odd)
        assert refused.why.startswith("Letter: ")
        assert message(common.shown_errors(lambda value: value), refused) == refused.why


def test_results_have_a_private_folder_each():
    first, second = files.new_result("a.png"), files.new_result("a.png")
    assert first != second
    for folder in (first.parent, first.parent.parent, files.folder(), files.uploads()):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    # A long path of a preset is no name of a file.
    files.new_result(f"{'folder/' * 60}mine.png").write_bytes(b"")


def test_downloads_do_not_pile_up():
    for seed in range(60):
        _, path = dcgan.generate("dcgan.mnist", seed, 1)
    assert len(list(Path(path).parent.parent.iterdir())) <= files.KEPT_RESULTS


def test_an_error_after_the_first_results_is_shown(message):
    @common.shown_errors
    def failing():
        yield 1
        raise ganzoo.GanzooError("too late")

    assert message(lambda: (x for x in failing() if x != 1)) == "too late"


def test_an_uploaded_name_may_be_as_long_as_gradio_lets_it_be(tmp_path):
    path = tmp_path / ("\u00fc" * 98 + ".png")
    write_image_file(path, ImageFile(np.zeros((8, 8, 3), "uint8")))
    assert Path(srgan.upscale("srresnet.photos_x4", str(path))[2]).is_file()


def test_avatars_come_first_where_they_have_weights(monkeypatch):
    assert set(editing.editable()) == {*common.trained_presets("dcgan"), "gan_int_cls.avatars"}
    assert editing.editable()[0] == "gan_int_cls.avatars"
    trained = {"dcgan": ["dcgan.mnist", "dcgan.fashion_mnist"], "gan_int_cls": []}
    monkeypatch.setattr(editing, "trained_presets", trained.get)
    assert editing.editable() == ["dcgan.fashion_mnist", "dcgan.mnist"]
    monkeypatch.setattr(editing, "trained_presets", lambda model: [])
    assert not editing.available()
    tabs = [block.label for block in hub.build().blocks.values() if isinstance(block, gradio.Tab)]
    assert "editing" not in tabs


def test_only_models_with_weights_have_a_page():
    pages = hub.models_with_pages()
    assert {"cgan", "dcgan", "lsgan"} <= set(pages)
    hub.build()
    with pytest.raises(hub.GanzooError, match="unknown model"):
        hub.build("nothing")
