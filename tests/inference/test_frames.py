"""Animations and documents of several pages come out enlarged as a whole."""

import numpy as np
import pytest
from PIL import Image, ImageSequence

import ganzoo
from ganzoo.inference.frames import result_suffix, upscale_file
from ganzoo.registry import model_class

SIZE, LEVELS, DURATIONS = (12, 8), (30, 120, 220), [40, 200, 90]


@pytest.fixture(scope="module")
def model():
    """Untrained, it gives little else than the image's pixels repeated."""
    return ganzoo.create("srresnet", **model_class("srresnet").test_config)


def frame(level, mode="RGB"):
    """One gray level on the left, another on the right; with alpha, the right is transparent."""
    pixels = np.full((SIZE[1], SIZE[0], 4), level, "uint8")
    pixels[..., 3] = 255
    pixels[:, SIZE[0] // 2 :, 3 if "A" in mode else 0] = 0
    return Image.fromarray(pixels).convert(mode)


def written(path, mode="RGB", **options):
    frames = [frame(level, mode) for level in LEVELS]
    frames[0].save(path, save_all=True, append_images=frames[1:], **options)
    return path


def frames_of(path):
    with Image.open(path) as image:
        return [(np.asarray(one.convert("RGBA")), image.info.get("duration")) for one in ImageSequence.Iterator(image)]


@pytest.mark.parametrize("source", ["gif", "png", "webp"])
@pytest.mark.parametrize("target", ["gif", "png", "webp"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_all_frames_of_an_animation_are_enlarged_and_its_times_kept(model, tmp_path, source, target, mode):
    given = {"gif": {"disposal": 2}, "webp": {"lossless": True}}.get(source, {})
    written(tmp_path / f"in.{source}", mode, duration=DURATIONS, loop=0, **given)
    upscale_file(model, tmp_path / f"in.{source}", tmp_path / f"out.{target}", progress=False)
    found = frames_of(tmp_path / f"out.{target}")
    assert [duration for _, duration in found] == DURATIONS
    for (pixels, _), level in zip(found, LEVELS):
        expected = np.asarray(frame(level, mode).convert("RGBA").resize((48, 32), Image.Resampling.NEAREST)).astype(int)
        assert pixels.shape == (32, 48, 4)
        # Away from the edge in the middle.
        away = np.r_[0:18, 30:48]
        visible = expected[:, away, 3:] > 0
        assert np.abs(pixels[:, away].astype(int) - expected[:, away])[..., 3].max() == 0
        assert (np.abs(pixels[:, away].astype(int) - expected[:, away]) * visible).max() <= 12


@pytest.mark.parametrize(("plays", "gif", "others"), [(0, 0, 0), (1, None, 1), (3, 2, 3)])
def test_an_animation_is_played_as_often_as_before(model, tmp_path, plays, gif, others):
    written(tmp_path / "in.gif", **({} if gif is None else {"loop": gif}))
    written(tmp_path / "in.png", loop=others)
    for source in ("in.gif", "in.png"):
        for target, expected in (("out.gif", gif), ("out.png", others), ("out.webp", others)):
            upscale_file(model, tmp_path / source, tmp_path / target, progress=False)
            with Image.open(tmp_path / target) as image:
                assert image.info.get("loop") == expected, (source, target)


def test_pages_of_any_size_and_depth_stay_pages(model, tmp_path):
    pages = [frame(90), frame(200).resize((5, 7)), Image.fromarray(np.full((4, 6), 40_000, "uint16"))]
    pages[0].save(tmp_path / "in.tif", save_all=True, append_images=pages[1:])
    upscale_file(model, tmp_path / "in.tif", tmp_path / "out.tif", progress=False)
    with Image.open(tmp_path / "out.tif") as image:
        found = [np.asarray(page) for page in ImageSequence.Iterator(image)]
    assert [page.shape for page in found] == [(32, 48, 3), (28, 20, 3), (16, 24)]
    assert np.abs(found[2].astype(int) - 40_000).max() < 2000
    with pytest.raises(ganzoo.GanzooError, match="pages of different sizes"):
        upscale_file(model, tmp_path / "in.tif", tmp_path / "out.gif", progress=False)
    with pytest.raises(ganzoo.GanzooError, match=r"in\.tif: \.jpg cannot hold 3 frames or pages: write \.gif"):
        upscale_file(model, tmp_path / "in.tif", tmp_path / "out.jpg", progress=False)


def test_a_gif_keeps_the_transparency_of_an_image_with_soft_edges(model, tmp_path):
    # No pixel is fully transparent, as after resampling.
    soft = np.full((8, 12, 4), 200, "uint8")
    soft[..., 3] = np.linspace(2, 255, 12)
    Image.fromarray(soft).save(tmp_path / "in.png")
    upscale_file(model, tmp_path / "in.png", tmp_path / "out.gif", progress=False)
    alpha = frames_of(tmp_path / "out.gif")[0][0][..., 3]
    assert (alpha[:, :18] == 0).all()
    assert (alpha[:, 30:] == 255).all()


def test_only_transparency_that_would_be_lost_is_refused(model, tmp_path):
    opaque = frame(90).convert("LA")
    opaque.save(tmp_path / "opaque.png")
    frame(90, "RGBA").save(tmp_path / "clear.png")
    upscale_file(model, tmp_path / "opaque.png", tmp_path / "out.jpg", progress=False)
    with Image.open(tmp_path / "out.jpg") as image:
        assert (image.mode, image.size) == ("L", (48, 32))
    with pytest.raises(ganzoo.GanzooError, match=r"clear\.png: \.jpg has no transparency: write a \.png or \.webp"):
        upscale_file(model, tmp_path / "clear.png", tmp_path / "clear.jpg", progress=False)


def test_what_is_written_into_a_folder(tmp_path):
    written(tmp_path / "a.gif")
    written(tmp_path / "b.png")
    written(tmp_path / "c.tif")
    frame(9).save(tmp_path / "still.gif")
    (tmp_path / "broken.gif").write_text("no image")
    # The further images of a multi-image file are previews.
    frame(9).save(tmp_path / "camera.jpg", "MPO", save_all=True, append_images=[frame(8)])
    assert {path.name: result_suffix(path) for path in sorted(tmp_path.iterdir())} == {
        "a.gif": ".gif", "b.png": ".png", "broken.gif": ".png", "c.tif": ".tif", "camera.jpg": ".png",
        "still.gif": ".png",
    }  # fmt: skip
    Image.fromarray(np.full((4, 6), 40_000, "uint16")).save(tmp_path / "deep.tif")
    # More than 8 bits are written as .png only.
    assert [result_suffix(tmp_path / "deep.tif", chosen) for chosen in (None, "keep", ".jpg")] == [".png"] * 3
    assert result_suffix(tmp_path / "still.gif", "keep") == ".gif"


def test_a_camera_file_is_one_image(model, tmp_path):
    frame(9).save(tmp_path / "camera.jpg", "MPO", save_all=True, append_images=[frame(8)])
    upscale_file(model, tmp_path / "camera.jpg", tmp_path / "out.jpg", progress=False)
    assert Image.open(tmp_path / "out.jpg").size == (48, 32)


def test_hostile_animations_end_in_one_line(model, tmp_path):
    whole = written(tmp_path / "in.gif", duration=40).read_bytes()
    (tmp_path / "cut.gif").write_bytes(whole[:-60])
    many = [Image.new("L", (2000, 2000), level) for level in range(9)]
    many[0].save(tmp_path / "many.gif", save_all=True, append_images=many[1:])
    small = frame(9)
    small.save(tmp_path / "grows.tif", save_all=True, append_images=[Image.new("1", (30_000, 30_000))])
    Image.new("1", (12_000, 9_000)).save(tmp_path / "wide.png")
    for name, target, words in (
        ("cut.gif", "out.gif", r"cut\.gif.*cannot be read"),
        ("many.gif", "out.gif", r"many\.gif: 9 upscaled frames have more than 500 megapixels"),
        ("grows.tif", "out.tif", r"grows\.tif: 2 upscaled frames have more than 500 megapixels"),
        ("wide.png", "out.png", r"wide\.png: 12000x9000 pixels are too many, more than 100 megapixels"),
        ("many.gif", "out.webp", r"many\.gif: 9 upscaled frames have"),
    ):
        with pytest.raises(ganzoo.GanzooError, match=words) as caught:
            upscale_file(model, tmp_path / name, tmp_path / target, progress=False)
        assert "\n" not in str(caught.value)
        assert not (tmp_path / target).exists()
    Image.new("L", (5000, 8)).save(tmp_path / "long.png")
    with pytest.raises(
        ganzoo.GanzooError, match=r"out\.webp: \.webp holds at most 16383 pixels a side, not 20000x32: write \.png"
    ):
        upscale_file(model, tmp_path / "long.png", tmp_path / "out.webp", progress=False)
