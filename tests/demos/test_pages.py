"""The pages' functions with what a browser, or somebody without one, may send."""

import inspect
import os
import stat
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

import ganzoo
from ganzoo.inference import grid
from ganzoo.inference.image_files import ImageFile, read_image_file, write_image_file
from ganzoo.inference.recordings import enhance_file
from ganzoo.registry import model_class

gradio = pytest.importorskip("gradio")

from ganzoo.demos import (  # noqa: E402
    cgan,
    common,
    cyclegan_vc,
    dcgan,
    editing,
    files,
    hub,
    pixelcnn,
    postfilter,
    segan,
    srgan,
    stackgan,
    wavenet,
)


def message(function, *values):
    """What a page's function tells the visitor in place of a result. Outside of a browser Gradio issues a warning."""

    def results():
        found = function(*values)
        return list(found) if inspect.isgenerator(found) else [found]

    with pytest.warns(UserWarning, match=".") as told:
        assert results() == [gradio.skip()]
    return str(told[-1].message)


@pytest.mark.parametrize("odd", [None, float("nan"), float("inf"), -1, 1.5, 2**40, "x", [1], True])
def test_odd_numbers_become_messages(odd):
    assert "the seed must be a" in message(dcgan.generate, "dcgan.mnist", odd, 4).replace("is empty: it ", "")
    assert "must be a" in message(dcgan.generate, "dcgan.mnist", 0, odd)
    if odd != 1.5:
        assert "must be a" in message(dcgan.walk, "dcgan.mnist", 0, 1, odd if odd is not True else 2)


def test_an_empty_field_is_said_to_be_empty():
    assert message(dcgan.generate, "dcgan.mnist", None, 4) == (
        "the seed is empty: it must be a whole number from 0 to 2147483647"
    )


@pytest.mark.parametrize("name", ["dcgan.nothing", "dcgan", "/etc/passwd", "x" * 10_000, None, 3, []])
def test_only_presets_are_loaded(name):
    told = message(dcgan.generate, name, 0, 4)
    assert "unknown preset" in told
    assert len(told) < 2000


def test_a_preset_is_not_loaded_from_a_file_of_this_machine(tmp_path):
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


def test_an_unforeseen_error_is_for_the_terminal_alone(capsys):
    @common.shown_errors
    def broken():
        raise RuntimeError("secret of /home/me")

    assert "something went wrong" in message(broken)
    assert "secret of /home/me" in capsys.readouterr().err


def test_messages_name_files_as_the_visitor_does():
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


def test_a_choice_is_one_of_those_offered():
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


def test_a_walk_begins_and_ends_at_its_seeds():
    start, _, path = dcgan.walk("dcgan.mnist", 1, 2, 0.0)
    end, _, _ = dcgan.walk("dcgan.mnist", 1, 2, 1.0)
    model = common.loaded("dcgan.mnist")
    for shown, seed in ((start, 1), (end, 2)):
        expected = common.enlarged(model.generate(1, seed=seed)[0], 280)
        assert np.abs(shown.astype(int) - expected).max() <= 1
    assert Path(path).exists()


def test_downloads_do_not_pile_up():
    for seed in range(60):
        _, path = dcgan.generate("dcgan.mnist", seed, 1)
    assert len(list(Path(path).parent.parent.iterdir())) <= files.KEPT_RESULTS


def test_requested_classes_are_generated_in_rows():
    sheet, path = cgan.generate("cgan.mnist", "3, 1 4", 5, 2)
    model = common.loaded("cgan.mnist")
    expected = common.enlarged(grid(model.generate(6, labels=[3, 1, 4, 3, 1, 4], seed=5), columns=3))
    assert np.abs(sheet.astype(int) - expected).max() <= 1
    assert path.endswith("cgan.mnist-314-seed5.png")
    for odd in ("", None, "12a", "x", "1" * 17, "-1", "\u0663", [1], {"a": 1}, True, 10**30):
        assert "classes" in message(cgan.generate, "cgan.mnist", odd, 0, 1)
    # More digits than Python converts.
    model = ganzoo.create("cgan", **{**model_class("cgan").test_config, "classes": 20})
    with pytest.raises(common.GanzooError, match="whole numbers from 0 to 19"):
        cgan._labels("1" * 5000, model)


def test_classes_are_asked_for_by_name():
    model = common.loaded("cgan.fashion_mnist")
    assert cgan._labels("Sneaker, ankle BOOT, 0, 12 3", model) == [7, 9, 0, 1, 2, 3]
    with pytest.raises(ganzoo.GanzooError, match=r"unknown class 'Sneeker'. Did you mean 'Sneaker'\?"):
        cgan._labels("Sneeker, Bag", model)
    for long in ("0," * 10**5, "9" * 10**5, "x" * 10**5):
        with pytest.raises(ganzoo.GanzooError, match="class"):
            cgan._labels(long, model)
    assert "7 Sneaker, 8 Bag, 9 Ankle boot" in cgan._other_classes("cgan.fashion_mnist")["info"]
    assert cgan._other_classes("cgan.mnist")["info"] == ""


@pytest.mark.parametrize("preset", ["cgan.mnist", "cgan.fashion_mnist", "cgan.avatars"])
def test_the_classes_that_a_preset_begins_with_are_all_of_its_own(preset):
    model = common.loaded(preset)
    assert cgan._labels(cgan._other_classes(preset)["value"], model) == list(range(model.classes))


def test_names_that_are_numbers_are_the_classes_of_those_names():
    model = ganzoo.create("cgan", **{**model_class("cgan").test_config, "classes": 3})
    assert cgan._labels("2, 0 1", model) == [2, 0, 1]
    model.class_names = ["1", "2", "10"]
    assert cgan._labels("1, 10", model) == cgan._labels("1 10", model) == [0, 2]


def test_a_photo_comes_back_beside_itself(tmp_path):
    small = np.random.default_rng(0).integers(0, 256, (20, 30, 4), dtype="uint8")
    write_image_file(tmp_path / "mine.png", ImageFile(small))
    shown, bicubic, path = srgan.upscale("srresnet.photos_x4", str(tmp_path / "mine.png"))
    before, after, bicubic = (np.asarray(Image.open(one)) for one in (*shown, bicubic))
    assert before.shape == after.shape == bicubic.shape == (80, 120, 3)
    share = small[..., 3:] / 255.0
    np.testing.assert_allclose(before[::4, ::4], small[..., :3] * share + 255 * (1 - share), atol=0.51)
    assert Path(path).name == "mine-srresnet.photos_x4.png"
    np.testing.assert_array_equal(
        read_image_file(path).pixels, common.loaded("srresnet.photos_x4").upscale(small, progress=False)
    )


def test_a_result_is_shown_as_its_file_where_browsers_show_it_in_the_same_colors(tmp_path):
    small = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype="uint8")
    for extras in ({}, {"icc_profile": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()}):
        write_image_file(tmp_path / "mine.png", ImageFile(small, extras))
        (_, after), _, path = srgan.upscale("srresnet.photos_x4", str(tmp_path / "mine.png"))
        assert (after == path) == (not extras)
        np.testing.assert_array_equal(np.asarray(Image.open(after)), read_image_file(path).pixels)


def test_an_error_after_the_first_results_is_shown():
    @common.shown_errors
    def failing():
        yield 1
        raise ganzoo.GanzooError("too late")

    assert message(lambda: (x for x in failing() if x != 1)) == "too late"


def test_photos_that_a_page_refuses(tmp_path):
    (tmp_path / "text.png").write_text("no image")
    write_image_file(tmp_path / "large.png", ImageFile(np.zeros((1001, 1500, 1), "uint8")))
    # By the header alone: there are no pixels behind it.
    size = struct.pack(">II", 12_000, 8_333)
    header = b"IHDR" + size + bytes([8, 2, 0, 0, 0])
    signature = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13)
    (tmp_path / "bomb.png").write_bytes(signature + header + struct.pack(">I", zlib.crc32(header)) + b"\0\0\1\0IDAT")
    frames = [Image.new("L", (9, 9), shade) for shade in (0, 200)]
    for name in ("moving.gif", "moving.webp", "moving.png", "pages.tif"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
    # Formats that Pillow would hand to another program are not opened.
    (tmp_path / "script.png").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n%%EOF\n")
    Image.new("L", (9, 9)).save(tmp_path / "scans.jpg", progressive=True)
    content = (tmp_path / "scans.jpg").read_bytes()
    last = content.rindex(b"\xff\xda")
    (tmp_path / "scans.jpg").write_bytes(content[:last] + content[last:-2] * 300 + content[-2:])
    for path, words in (
        (None, "choose a photo"),
        (tmp_path / "text.png", "text.png cannot be read as an image: its content is in no known image format"),
        (tmp_path / "script.png", "cannot be read"),
        (tmp_path / "large.png", "1500x1001 is more than the page's limit of 1.5 megapixel"),
        (tmp_path / "bomb.png", "12000x8333 is more than the page's limit of 1.5 megapixel"),
        (tmp_path / "moving.gif", "several frames"),
        (tmp_path / "moving.webp", "several frames"),
        (tmp_path / "moving.png", "several frames"),
        (tmp_path / "pages.tif", "several frames"),
        (tmp_path / "scans.jpg", "more than 200 scans"),
    ):
        assert words in message(srgan.upscale, "srresnet.photos_x4", path and str(path))


def test_an_uploaded_name_may_be_as_long_as_gradio_lets_it_be(tmp_path):
    path = tmp_path / ("\u00fc" * 98 + ".png")
    write_image_file(path, ImageFile(np.zeros((8, 8, 3), "uint8")))
    assert Path(srgan.upscale("srresnet.photos_x4", str(path))[2]).is_file()


def painting(tmp_path, *strokes, size=448, name="layer.png"):
    """The value of the editor with strokes (color, rows, columns) on one layer, as the page's function gets it."""
    layer = np.zeros((size, size, 4), "uint8")
    for color, rows, columns in strokes:
        layer[rows, columns] = color
    write_image_file(tmp_path / name, ImageFile(layer))
    return {"background": None, "layers": [str(tmp_path / name)], "composite": None, "id": None}


def test_a_painted_image_follows_and_can_be_painted_on_again(tmp_path):
    preset = "dcgan.fashion_mnist"
    model = common.loaded(preset)
    background, session, *_, shown, path = editing.generate(preset, 3)
    before = model.generate(1, seed=3)[0]
    np.testing.assert_array_equal(background["background"], common.enlarged(before, 448))
    np.testing.assert_array_equal(read_image_file(path).pixels, before)
    strokes = painting(
        tmp_path, ((64, 64, 64, 255), np.s_[180:300], np.s_[180:270]), ((0, 255, 0, 128), np.s_[:40], np.s_[:])
    )
    session, *thumbnails, position, shown, path = editing.apply(session, strokes, 0.1)
    assert position == 1
    assert all(one["visible"] for one in thumbnails)
    after = read_image_file(path).pixels
    np.testing.assert_array_equal(after, model.generate(latents=session.found[:1])[0])
    np.testing.assert_array_equal(shown, common.enlarged(after, 448))
    assert (
        np.abs(after[12:18, 12:16].astype(int) - 64).mean() < 20 < np.abs(before[12:18, 12:16].astype(int) - 64).mean()
    )

    third, *thumbnails, _, _, path = editing.CHOICES[2](session)
    np.testing.assert_array_equal(read_image_file(path).pixels, model.generate(latents=session.found[2:3])[0])
    framed = [(one["value"][0, 0] == (249, 115, 22)).all() for one in thumbnails]
    assert framed == [False, False, True, False]
    for place, expected in ((0.0, before), (1.0, model.generate(latents=session.found[2:3])[0])):
        assert np.abs(read_image_file(editing.move(third, place)[1]).pixels.astype(int) - expected).max() <= 1

    background, onward, *thumbnails, _, _, _ = editing.go_on(third, 1.0)
    assert background["layers"] == []
    np.testing.assert_array_equal(onward.latent, session.found[2])
    assert not any(one["visible"] for one in thumbnails)
    _, back, *_ = editing.undo(onward)
    np.testing.assert_array_equal(back.latent, session.latent)
    assert "nothing to undo" in message(editing.undo, back)
    assert "press Apply first" in message(editing.move, onward, 1.0)
    assert "press Apply first" in message(editing.CHOICES[0], onward)


def test_the_page_of_editing_begins_with_an_example_and_only_once():
    background, session, *thumbnails, _, _, _ = editing.first(None, "dcgan.fashion_mnist")
    assert background["layers"][0].shape == (448, 448, 4)
    assert all(one["visible"] for one in thumbnails)
    assert editing.first(session, "dcgan.fashion_mnist") == gradio.skip()
    # Another model begins with an example too, whose seed is shown.
    seed, _, session, *_ = editing.example("dcgan.mnist")
    np.testing.assert_array_equal(session.latent, common.loaded("dcgan.mnist").latents(1, seed=seed)[0])


def test_an_uploaded_image_is_found_on_the_manifold(tmp_path):
    model = common.loaded("dcgan.fashion_mnist")
    wide = np.zeros((28 * 4, 28 * 6, 3), "uint8")
    mine, other = model.generate(2, seed=7)
    wide[:, 28:-28] = np.kron(mine, np.ones((4, 4, 3), "uint8"))
    write_image_file(tmp_path / "mine.png", ImageFile(wide))
    _, session, *_ = editing.upload("dcgan.fashion_mnist", str(tmp_path / "mine.png"))
    found = model.generate(latents=session.latent[None])[0]
    far = np.sqrt(((other.astype(float) - mine) ** 2).mean())
    assert np.sqrt(((found.astype(float) - mine) ** 2).mean()) < 0.4 * far


def test_paintings_that_the_page_refuses(tmp_path):
    _, session, *_ = editing.generate("dcgan.fashion_mnist", 3)
    (tmp_path / "text.png").write_text("no image")
    for name, pixels in (
        ("opaque.png", np.zeros((448, 448, 3), "uint8")),
        ("wide.png", np.zeros((448, 500, 4), "uint8")),
        ("huge.png", np.zeros((1300, 1300, 4), "uint8")),
    ):
        write_image_file(tmp_path / name, ImageFile(pixels))
    empty = painting(tmp_path)
    only_kept = painting(tmp_path, ((0, 255, 0, 255), np.s_[:40], np.s_[:]), name="kept.png")

    def layers(*names):
        return {"background": None, "layers": [str(tmp_path / name) for name in names], "composite": None}

    for value, words in (
        (None, "nothing is painted: choose a color"),
        ("x", "nothing is painted"),
        (layers(), "nothing is painted"),
        (empty, "nothing is painted: choose a color"),
        (only_kept, "nothing is painted: choose a color"),
        (layers("text.png"), "text.png cannot be read as an image"),
        (layers("opaque.png"), "not a square image with transparency"),
        (layers("wide.png"), "not a square image with transparency"),
        (layers("huge.png"), "1300x1300"),
        (layers(*["layer.png"] * 5), "5 layers are more"),
    ):
        assert words in message(editing.apply, session, value, 0.1)
    good = painting(tmp_path, ((200, 0, 0, 255), np.s_[:9], np.s_[:9]), size=30, name="small.png")
    assert "how much the rest stays must be a number" in message(editing.apply, session, good, 2)
    assert len(editing.apply(session, good, 0)) == 8
    for function in (editing.undo, editing.CHOICES[0], lambda one: editing.apply(one, good, 0)):
        assert "generate an image first" in message(function, None)
    assert "choose an image first" in message(editing.upload, "dcgan.fashion_mnist", None)
    assert "cannot be read" in message(editing.upload, "dcgan.fashion_mnist", str(tmp_path / "text.png"))


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


def silent_residual():
    """A small untrained network that finds no noise, so that speech comes back as it was."""
    model = ganzoo.create("segan", **{**model_class("segan").test_config, "output": "residual"})
    kernel = model.ema_generator.get_layer("sound").kernel
    kernel.assign(0 * kernel)
    return model


def test_speech_comes_back_without_noise(tmp_path, monkeypatch):
    """Of an untrained network that gives back what it got: what is heard before and after, and both files."""
    sound = 0.2 * np.sin(np.arange(22050) * 0.1).astype("float32")
    soundfile = pytest.importorskip("soundfile")
    soundfile.write(tmp_path / "mine.wav", sound, 22050)
    model = silent_residual()
    monkeypatch.setattr(segan, "loaded", lambda preset: model)
    before, after, *images, file = segan.enhance("segan.speech", str(tmp_path / "mine.wav"), "none", 5)
    for path in (before, after, file):
        heard, rate = soundfile.read(path)
        assert rate == 22050
        np.testing.assert_allclose(heard[1000:-1000], sound[1000:-1000], atol=0.01)
    assert [image.shape[2] for image in images] == [3, 3]
    before, *_ = segan.enhance("segan.speech", str(tmp_path / "mine.wav"), "white", 0)
    heard = soundfile.read(before)[0]
    ratio = np.sum(sound**2) / np.sum((heard - sound * (heard @ sound) / (sound @ sound)) ** 2)
    assert abs(10 * np.log10(ratio)) < 1.5
    soundfile.write(tmp_path / "long.wav", np.zeros(61 * 8000), 8000)
    (tmp_path / "text.wav").write_text("no sound")
    # The header of a minute in eight channels, without the sound: limits are looked at before anything is decoded.
    soundfile.write(tmp_path / "many.flac", np.zeros((60 * 48000, 8), "int16"), 48000)
    (tmp_path / "many.flac").write_bytes((tmp_path / "many.flac").read_bytes()[:200])
    soundfile.write(tmp_path / "nan.wav", np.full(8000, np.nan), 8000, subtype="FLOAT")
    for path, noise, words in (
        (None, "none", "record or upload"),
        (tmp_path / "long.wav", "none", "61 seconds are more"),
        (tmp_path / "text.wav", "none", "cannot be read"),
        (tmp_path / "mine.wav", "loud", "noise must be one of"),
        (tmp_path / "mine.wav", ["pink"], "noise must be one of"),
        (tmp_path / "many.flac", "none", "60 seconds of 8 channels at 48000 Hz are more"),
        (tmp_path / "nan.wav", "pink", "not finite"),
    ):
        assert words in message(segan.enhance, "segan.speech", path and str(path), noise, 5)
    assert "ratio is empty: it must be a number" in message(
        segan.enhance, "segan.speech", str(tmp_path / "mine.wav"), "pink", None
    )


def test_loud_recordings_come_back_as_from_the_command_line(tmp_path, monkeypatch):
    """Samples above 1 stay in the download; both players get them scaled by one factor, so that none is clipped."""
    soundfile = pytest.importorskip("soundfile")
    model = silent_residual()
    monkeypatch.setattr(segan, "loaded", lambda preset: model)
    sound = 1.6 * np.sin(np.arange(16000) * 0.1).astype("float32")
    soundfile.write(tmp_path / "loud.wav", sound, 16000, subtype="FLOAT")
    before, after, *_, file = segan.enhance("segan.speech", str(tmp_path / "loud.wav"), "none", 5)
    enhance_file(model, tmp_path / "loud.wav", tmp_path / "expected.wav", progress=False)
    expected, found = soundfile.read(tmp_path / "expected.wav")[0], soundfile.read(file)[0]
    assert np.abs(expected).max() > 1.5
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert soundfile.info(file).subtype == soundfile.info(tmp_path / "expected.wav").subtype == "FLOAT"
    for path in (before, after):
        heard = soundfile.read(path)[0]
        np.testing.assert_allclose(heard[1000:-1000] * np.abs(sound).max(), sound[1000:-1000], atol=0.02)


@pytest.mark.parametrize("factor", [1, 2])
def test_a_caption_is_generated_in_both_stages(factor, monkeypatch):
    model = ganzoo.create("stackgan", **{**model_class("stackgan").test_config, "factor": factor})
    monkeypatch.setattr(stackgan, "loaded", lambda preset: model)
    stage1, large, path = stackgan.generate("stackgan.avatars", "a red heart", 4, 3)
    expected = model.generate(4, captions="a red heart", seed=3)
    np.testing.assert_array_equal(large, common.enlarged(grid(expected)))
    np.testing.assert_array_equal(read_image_file(path).pixels, grid(expected))
    assert stage1["visible"] == (factor == 2)
    if factor == 2:
        both = model.generate_both_stages(["a red heart"] * 4, seed=3)
        np.testing.assert_array_equal(stage1["value"], common.enlarged(grid(both[0])))
    for place, text in ((0.0, "a"), (1.0, "b")):
        between, path = stackgan.walk("stackgan.avatars", "a", "b", place, 5)
        end = common.enlarged(model.generate(captions=text, seed=5)[0], 280)
        assert np.abs(between.astype(int) - end).max() <= 1
        assert Path(path).exists()
    for wrong in (("x" * 201, 4, 0), (None, 4, 0), (["a"], 4, 0), ("a", 17, 0), ("a", 4, -1)):
        told = message(stackgan.generate, "stackgan.avatars", *wrong)
        assert "200 characters" in told or "must be a" in told
    assert "must be a number" in message(stackgan.walk, "stackgan.avatars", "a", "b", 1.5, 0)
    with pytest.warns(UserWarning, match="1 of 1 captions are longer than the 12 bytes that the text encoder reads"):
        assert stackgan.generate("stackgan.avatars", "a very red heart", 1, 0)[1].any()
    assert stackgan.generate("stackgan.avatars", "", 1, 0)[1].any()


def test_a_painted_half_is_finished(tmp_path, monkeypatch):
    arguments = {**model_class("conditional_pixelcnn").test_config, "image_shape": (28, 28, 1)}
    ganzoo.create("conditional_pixelcnn", **arguments).save(tmp_path / "mine.keras")
    monkeypatch.setattr(common, "_added", {})
    mine = str(tmp_path / "mine.keras")
    assert common.add_preset(mine) == "conditional_pixelcnn"
    painted = pixelcnn.example()["value"]["layers"][0]
    monkeypatch.setattr(pixelcnn, "_EVERY", 0)
    *growing, (sheet, path) = pixelcnn.finish(mine, {"layers": [painted]}, None, "top", "2", 3, 0, 1.0)
    # Row by row, and at last the file. Gray pixels are not sampled yet.
    assert [file for _, file in growing] == [None] * 14
    gray = [(shown == 128).all(axis=2).mean() for shown, _ in growing]
    assert gray == sorted(gray, reverse=True)
    assert gray[0] > 0.3 > gray[-1] == (sheet == 128).all(axis=2).mean()
    images = np.asarray(Image.open(path))
    assert images.shape == (28, 3 * 30 - 2)
    assert sheet.shape[0] % 28 == 0
    # The curve is white where it was painted, and all completions begin with it.
    top = [images[:14, 30 * i : 30 * i + 28] for i in range(3)]
    assert top[0][6, 14] > 200 > 20 > top[0][2, 2]
    np.testing.assert_array_equal(top[1:], [top[0]] * 2)
    assert (images[14:, :28] != images[14:, 30:58]).any()
    *_, (_, first) = pixelcnn.first(mine)
    assert np.asarray(Image.open(first)).shape == (58, 6 * 30 - 2)
    Image.fromarray(np.full((60, 40), 255, "uint8")).save(tmp_path / "own.png")
    *_, (_, path) = pixelcnn.finish(mine, None, str(tmp_path / "own.png"), "left", None, 1, 0, 1.0)
    assert (np.asarray(Image.open(path))[:, :14] == 255).all()
    _, path = pixelcnn.generate(mine, 3, 4, 0.5)
    assert np.asarray(Image.open(path)).shape == (58, 58)
    assert pixelcnn.labels_of(mine)["visible"]
    assert "the canvas is empty" in message(pixelcnn.finish, mine, {"layers": []}, None, "top", None, 3, 0, 1.0)
    assert "is one of top" in message(pixelcnn.finish, mine, None, None, "middle", None, 3, 0, 1.0)
    assert "use whole numbers" in message(pixelcnn.finish, mine, {"layers": [painted]}, None, "top", "x", 3, 0, 1.0)
    for odd in (None, 0, 1.5, "x", 10**9):
        assert "must be a" in message(pixelcnn.finish, mine, None, None, "top", None, odd, 0, 1.0).replace(
            "empty: it", ""
        )


def test_the_page_of_speech_says_digits_one_after_another(monkeypatch):
    soundfile = pytest.importorskip("soundfile")
    names = {"digit": [*"0123456789"], "speaker": ["ana", "ben"]}
    model = ganzoo.create("wavenet", stacks=1, layers_per_stack=3, channels=4, hidden=8, label_names=names)
    monkeypatch.setattr(wavenet, "loaded", lambda preset: model)
    monkeypatch.setattr(wavenet, "_SECONDS", 0.05)
    monkeypatch.setattr(wavenet, "_EVERY", 0.02)
    *growing, (path, wave, spectrum) = wavenet.say("wavenet.digits", "4 7,1", "ben", 1.0, 1, 3)
    # The images come before the sound, as soon as there is some of it.
    assert [shown[0] for shown in growing] == [None] * 3
    ends = [int(((shown[1][..., 0] < 200).sum(axis=0) > 5).nonzero()[0].max()) for shown in growing]
    assert ends == sorted(set(ends))
    assert all(shown[1].shape == wave.shape and shown[2].shape[2] == 3 for shown in growing)
    # The time axis stays as it was.
    for grown, last in zip(growing[-1][1:], (wave, spectrum)):
        np.testing.assert_array_equal(last, grown)
    sound, rate = soundfile.read(path)
    assert rate == model.sample_rate
    expected = model.say({"digit": "471", "speaker": "ben"}, seed=3, seconds=0.05)
    np.testing.assert_allclose(sound, expected, atol=1e-4)
    assert wave.dtype == spectrum.dtype == np.uint8
    assert wave.shape[2] == spectrum.shape[2] == 3
    # Noise, then the pause: dark over the height of the image, then a thin line.
    dark = (wave[..., 0] < 200).sum(axis=0)
    assert dark[:60].mean() > 20 > dark[200:250].mean()
    for words, voice, told in (
        ("", "ben", "write 1 to 12 of: 0, 1"),
        ("1" * 13, "ben", "write 1 to 12"),
        ("4", "eva", "speaker: 'eva' is not one of ana, ben"),
        ("x", "ana", "unknown digit 'x'"),
        ({}, ["ana"], "write 1 to 12"),
        ("1", ["ana"], "is not one of"),
    ):
        assert told in message(wavenet.say, "wavenet.digits", words, voice, 1.0, 1, 0)
    assert "the temperature must be a number" in message(wavenet.say, "wavenet.digits", "4", "ben", 9, 1, 0)
    assert "the number of candidates must be" in message(wavenet.say, "wavenet.digits", "4", "ben", 1.0, 9, 0)


def test_the_page_of_voices_converts_and_draws_speech(monkeypatch, tmp_path):
    soundfile = pytest.importorskip("soundfile")
    pytest.importorskip("pyworld")
    model = ganzoo.create("cyclegan_vc", **model_class("cyclegan_vc").test_config, domains=("ana", "ben"))
    model.take_statistics(*model.example_batch(4))
    # No example waits for a model.
    monkeypatch.setattr(cyclegan_vc, "loaded", lambda preset: pytest.fail("an example has loaded a model"))
    _, others, _ = postfilter._examples()
    names = cyclegan_vc.example_names("cyclegan_vc.digits")
    assert names == ["4 0 7 as george", "4 0 7 as jackson", "synthetic vowels"]
    assert all(soundfile.info(cyclegan_vc.example(name)).duration > 0.5 for name in names)
    assert cyclegan_vc.example_names("cyclegan_vc.voices") == ["synthetic vowels"]
    # Not overwritten, although pages write their examples to one folder.
    assert np.abs(soundfile.read(others)[0]).max() == pytest.approx(0.9, abs=1e-3)
    monkeypatch.setattr(cyclegan_vc, "loaded", lambda preset: model)
    path, *images = cyclegan_vc.convert("cyclegan_vc.digits", "ben_to_ana", cyclegan_vc.example("synthetic vowels"))
    given, rate = soundfile.read(cyclegan_vc.example("synthetic vowels"), dtype="float32")
    sound = soundfile.read(path)[0]
    expected = model.convert(given, rate, "backward")
    np.testing.assert_allclose(sound, expected / max(1, np.abs(expected).max()), atol=1e-4)
    assert len(images) == 4
    assert all(image.dtype == np.uint8 and image.shape[2] == 3 for image in images)
    stereo = tmp_path / "stereo.wav"
    soundfile.write(stereo, np.stack([given, given], axis=1), rate)
    assert len(soundfile.read(cyclegan_vc.convert("cyclegan_vc.digits", "ana_to_ben", str(stereo))[0])[0]) == len(given)
    soundfile.write(tmp_path / "long.wav", np.zeros(31 * 8000), 8000)
    for direction, file, told in (
        ("ana_to_ben", None, "record or upload some speech first"),
        ("forward", str(stereo), "unknown direction 'forward'"),
        ("ana_to_ben", str(tmp_path / "long.wav"), "31 seconds are more than the page's limit of 30"),
    ):
        assert told in message(cyclegan_vc.convert, "cyclegan_vc.digits", direction, file)
