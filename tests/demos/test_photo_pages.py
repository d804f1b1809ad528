"""The functions of the pages that upscale photos."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from ganzoo.inference.image_files import ImageFile, read_image_file, write_image_file

gradio = pytest.importorskip("gradio")

from ganzoo.demos import common, srgan  # noqa: E402


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


def test_photos_that_a_page_refuses(tmp_path, message):
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
