"""The functions of the pages on which visitors paint: editing, and the completion of digits."""

import numpy as np
import pytest
from PIL import Image

import ganzoo
from ganzoo.inference.image_files import ImageFile, read_image_file, write_image_file
from ganzoo.registry import model_class

gradio = pytest.importorskip("gradio")

from ganzoo.demos import common, editing, pixelcnn  # noqa: E402


def painting(tmp_path, *strokes, size=448, name="layer.png"):
    """The value of the editor with strokes (color, rows, columns) on one layer, as the page's function gets it."""
    layer = np.zeros((size, size, 4), "uint8")
    for color, rows, columns in strokes:
        layer[rows, columns] = color
    write_image_file(tmp_path / name, ImageFile(layer))
    return {"background": None, "layers": [str(tmp_path / name)], "composite": None, "id": None}


def test_a_painted_image_follows_and_can_be_painted_on_again(tmp_path, message):
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


def test_paintings_that_the_page_refuses(tmp_path, message):
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


def test_a_painted_half_is_finished(tmp_path, monkeypatch, message):
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
