"""Image files keep what they have, and damaged ones say so."""

import os
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

import ganzoo
from ganzoo.inference import save_image
from ganzoo.inference.frames import files_to_upscale
from ganzoo.inference.image_files import ImageFile, fitted, read_image_file, write_image_file


@pytest.fixture
def colors():
    return np.random.default_rng(0).integers(0, 256, (6, 9, 4), dtype="uint8")


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("depth", ["uint8", "uint16"])
def test_png_comes_back_as_it_was(tmp_path, colors, channels, depth):
    pixels = colors[..., :channels].astype(depth) * (257 if depth == "uint16" else 1)
    pixels[0, 0] = 77
    write_image_file(tmp_path / "p.png", ImageFile(pixels))
    found = read_image_file(tmp_path / "p.png").pixels
    assert found.dtype == depth
    np.testing.assert_array_equal(found, pixels)


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("depth", ["uint8", "uint16"])
def test_every_orientation_of_exif_comes_out_upright_once(tmp_path, colors, turn, depth):
    image = Image.fromarray(colors[..., :3])
    exif = image.getexif()
    exif[0x0112], exif[0x010F] = turn, "maker"
    if depth == "uint8":
        image.save(tmp_path / "p.png", exif=exif)
    else:
        write_image_file(tmp_path / "p.png", ImageFile(colors[..., :3].astype("uint16") * 257))
        content = (tmp_path / "p.png").read_bytes()
        image.save(tmp_path / "exif.png", exif=exif)
        donor = (tmp_path / "exif.png").read_bytes()
        at = donor.index(b"eXIf") - 4
        chunk = donor[at : at + 12 + int.from_bytes(donor[at : at + 4], "big")]
        (tmp_path / "p.png").write_bytes(content[:33] + chunk + content[33:])
    with Image.open(tmp_path / "exif.png" if depth == "uint16" else tmp_path / "p.png") as file:
        upright = np.asarray(ImageOps.exif_transpose(file))
    found = read_image_file(tmp_path / "p.png")
    np.testing.assert_array_equal(found.pixels, upright.astype(depth) * (257 if depth == "uint16" else 1))
    if depth == "uint8":
        write_image_file(tmp_path / "q.jpg", found)
        with Image.open(tmp_path / "q.jpg") as written:
            assert written.getexif().get(0x0112, 1) == 1
            assert written.getexif()[0x010F] == "maker"
            assert written.size == upright.shape[1::-1]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_transparent_value_of_16_bits_is_kept(tmp_path, colors, channels):
    pixels = colors[..., :channels].astype("uint16") * 257 + 3
    write_image_file(tmp_path / "p.png", ImageFile(pixels))
    content = (tmp_path / "p.png").read_bytes()
    chunk = b"tRNS" + pixels[2, 3].astype(">u2").tobytes()
    chunk = (len(chunk) - 4).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    (tmp_path / "p.png").write_bytes(content[:33] + chunk + content[33:])
    found = read_image_file(tmp_path / "p.png").pixels
    np.testing.assert_array_equal(found[..., :channels], pixels)
    np.testing.assert_array_equal(found[..., channels] == 0, (pixels == pixels[2, 3]).all(axis=2))
    assert set(found[..., channels].ravel()) == {0, 65535}


def test_modes_become_what_they_show(tmp_path):
    cases = {
        "1": (Image.new("1", (4, 3), 1), 1, 255),
        "P": (Image.new("RGB", (4, 3), (9, 8, 7)).quantize(), 3, 9),
        "CMYK": (Image.new("CMYK", (4, 3), (0, 0, 0, 0)), 3, 255),
        "LA": (Image.new("LA", (4, 3), (5, 6)), 2, 5),
    }
    for mode, (image, channels, value) in cases.items():
        path = tmp_path / f"{mode}.tif"
        image.save(path)
        found = read_image_file(path).pixels
        assert found.shape == (3, 4, channels), mode
        assert found[0, 0, 0] == value, mode


def test_a_color_profile_is_kept(tmp_path, colors):
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(colors[..., :3]).save(tmp_path / "p.png", icc_profile=profile)
    write_image_file(tmp_path / "q.jpg", read_image_file(tmp_path / "p.png"))
    with Image.open(tmp_path / "q.jpg") as written:
        assert written.info["icc_profile"] == profile
    deep = ImageFile(colors[..., :3].astype("uint16") * 257, read_image_file(tmp_path / "p.png").extras)
    write_image_file(tmp_path / "deep.png", deep)
    found = read_image_file(tmp_path / "deep.png")
    assert found.extras["icc_profile"] == profile
    np.testing.assert_array_equal(found.pixels, deep.pixels)
    # A profile of other colors than the array's would show wrong ones.
    cmyk = profile[:16] + b"CMYK" + profile[20:]
    Image.fromarray(colors, "CMYK").save(tmp_path / "cmyk.jpg", icc_profile=cmyk)
    assert "icc_profile" not in read_image_file(tmp_path / "cmyk.jpg").extras


def test_a_limit_is_looked_at_before_anything_is_decoded(tmp_path):
    """Of a file that is cut short only the header can be read."""
    Image.new("RGB", (2000, 1000)).save(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:300])
    with pytest.raises(ganzoo.GanzooError, match=r"2000x1000 pixels are too many, more than 1\.5 megapixels"):
        read_image_file(tmp_path / "cut.png", most_pixels=1_500_000)
    assert read_image_file(tmp_path / "whole.png", most_pixels=2_000_000).pixels.shape == (1000, 2000, 3)


def test_damaged_files_and_impossible_wishes(tmp_path, colors):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype="uint8")).save(tmp_path / "whole.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:1500])
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "empty.png").write_bytes(b"")
    Image.new("1", (20_000, 20_000)).save(tmp_path / "bomb.png")
    Image.new("F", (4, 4)).save(tmp_path / "float.tif")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    for name, words in {
        "pipe.png": "no file",
        "loop.png": "no such image",
        "x" * 300 + ".png": "no such image",
        "nul\0.png": "no such image",
        "cut.jpg": "cannot be read as an image",
        "text.png": "cannot be read as an image",
        "empty.png": "cannot be read as an image",
        "bomb.png": "100 megapixels",
        "missing.png": "no such image",
        "float.tif": "floating-point",
    }.items():
        with pytest.raises(ganzoo.GanzooError, match=words):
            read_image_file(tmp_path / name)
    with pytest.raises(ganzoo.GanzooError, match="no transparency"):
        write_image_file(tmp_path / "p.jpg", ImageFile(colors))
    with pytest.raises(ganzoo.GanzooError, match=r"written as \.png"):
        write_image_file(tmp_path / "p.jpg", ImageFile(colors[..., :3].astype("uint16")))
    (tmp_path / "none").mkdir()
    with pytest.raises(ganzoo.GanzooError, match="holds no images"):
        files_to_upscale(tmp_path / "none")


def test_gray_of_color_is_rounded():
    levels = np.arange(256, dtype="uint8").reshape(16, 16, 1)
    np.testing.assert_array_equal(fitted(np.repeat(levels, 3, axis=2), (16, 16, 1)), levels)


def test_a_gray_image_keeps_its_transparency_in_a_gif(tmp_path):
    image = np.full((4, 4, 2), 100, "uint8")
    image[..., 1] = [0, 0, 255, 255]
    save_image(tmp_path / "a.gif", image)
    back = np.asarray(Image.open(tmp_path / "a.gif").convert("RGBA"))
    assert (back[0, 0, 3], tuple(back[0, 3])) == (0, (100, 100, 100, 255))
