"""Images as models see them: decoding, color, size, and the order of batches."""

import gzip
import os
import shutil
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image

import ganzoo
from ganzoo.data.arrays import read_idx
from ganzoo.data.decoding import fit, pillow_to_array, read_image
from ganzoo.data.image_files import open_image_files
from ganzoo.data.images import images
from ganzoo.data.sources import open_images
from ganzoo.inference.image_files import read_image_file


def batches(dataset):
    return [batch.numpy() for batch in dataset]


def write_deep_png(path, pixels, transparent):
    """A PNG of 16 bits (height, width, 1 or 3) of which one value or color is transparent (tRNS)."""

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    height, width, channels = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 16, 0 if channels == 1 else 2, 0, 0, 0)
    chunks = (b"IHDR", header), (b"tRNS", np.array(transparent, ">u2").tobytes()), (b"IDAT", zlib.compress(rows))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in chunks) + chunk(b"IEND", b""))


def write_12_bit_tiff(path, pixels):
    """A TIFF of 12 bits (height, width), two values in three bytes; the width is even."""
    height, width = pixels.shape
    first, second = pixels.reshape(-1, 2).astype("uint16").T
    packed = np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], axis=1).astype("uint8").tobytes()
    tags = {256: width, 257: height, 258: 12, 259: 1, 262: 1, 273: 0, 277: 1, 278: height, 279: len(packed)}
    tags[273] = 8 + 2 + 12 * len(tags) + 4
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    path.write_bytes(b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + packed)


@pytest.fixture
def folder(tmp_path):
    """Images of many modes and sizes in two subfolders."""
    rng = np.random.default_rng(0)
    for i, (mode, suffix) in enumerate(
        [("RGB", "jpg"), ("L", "png"), ("RGBA", "png"), ("P", "png"), ("CMYK", "jpg"), ("I;16", "png"), ("RGB", "webp"),
         ("RGB", "bmp"), ("LA", "png"), ("1", "png")]
    ):  # fmt: skip
        size = (40 + 3 * i, 50 - i)
        array = rng.integers(0, 256, (size[1], size[0], 3), dtype="uint8")
        image = Image.fromarray(array)
        if mode == "I;16":
            image = Image.fromarray(np.full((size[1], size[0]), 0x8080, "uint16"))
        else:
            image = image.convert(mode)
        place = tmp_path / "images" / ("even" if i % 2 == 0 else "odd")
        place.mkdir(parents=True, exist_ok=True)
        image.save(place / f"{i}.{suffix}")
    return tmp_path / "images"


def test_every_epoch_sees_every_image_once_in_its_own_order(images_npz):
    dataset = ganzoo.data.images(images_npz, image_shape=(28, 28, 1), batch_size=16, seed=3)
    assert len(dataset) == 6
    first, second = batches(dataset), batches(dataset)
    assert first[0].shape == (16, 28, 28, 1)
    assert first[0].dtype == np.float32
    as_set = [{image.tobytes() for batch in epoch for image in batch} for epoch in (first, second)]
    assert len(as_set[0]) == 96
    assert as_set[0] == as_set[1]
    assert (first[0] != second[0]).any()
    again = ganzoo.data.images(images_npz, image_shape=(28, 28, 1), batch_size=16, seed=3)
    for epoch in (first, second):
        np.testing.assert_array_equal(batches(again), epoch)
    other = ganzoo.data.images(images_npz, image_shape=(28, 28, 1), batch_size=16, seed=4)
    assert (batches(other)[0] != first[0]).any()


def test_skipped_files_do_not_bring_a_large_set_into_memory(folder, monkeypatch):
    (folder / "even" / "empty.png").write_bytes(b"")
    monkeypatch.setattr("ganzoo.data.allocation.MEMORY_LIMIT", 1000)
    with pytest.warns(UserWarning, match="skipped 1"):
        opened = open_images(f"folder:{folder}", (32, 32, 3))
    assert isinstance(opened.images, np.memmap)
    assert opened.images.shape == (10, 32, 32, 3)
    (folder / "even" / "empty.png").unlink()
    np.testing.assert_array_equal(opened.images, open_images(f"folder:{folder}", (32, 32, 3)).images)


def test_a_bomb_is_refused_before_it_unpacks(tmp_path):
    (tmp_path / "p").mkdir()
    Image.new("1", (9000, 9000)).save(tmp_path / "p" / "bomb.png")
    with pytest.raises(ganzoo.GanzooError, match="9000x9000 pixels are too many"):
        open_images(f"folder:{tmp_path}/p", (32, 32, 1))
    bomb = gzip.compress(struct.pack(">HBB3I", 0, 8, 3, 1, 28, 28) + bytes(50_000_000))
    (tmp_path / "bomb.gz").write_bytes(bomb)
    tracemalloc.start()
    with pytest.raises(ganzoo.GanzooError, match="damaged"):
        read_idx(tmp_path / "bomb.gz")
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()
    promise = gzip.compress(struct.pack(">HBB3I", 0, 8, 3, 2**10, 2**10, 2**10) + bytes(1_000_000))
    (tmp_path / "promise.gz").write_bytes(promise)
    with pytest.raises(ganzoo.GanzooError, match=r"promise\.gz: it unpacks from .* MB to 1 GB: unpack it with gunzip"):
        read_idx(tmp_path / "promise.gz")
    (tmp_path / "promise").write_bytes(gzip.decompress(promise))
    with pytest.raises(ganzoo.GanzooError, match="promises 1073741824 bytes"):
        read_idx(tmp_path / "promise")


def test_an_icon_is_not_decoded_whatever_its_name(tmp_path):
    """Pillow decodes the PNG in it, of any size, when it opens the file."""
    Image.new("L", (64, 64), 9).save(tmp_path / "a.png")
    png = (tmp_path / "a.png").read_bytes()
    icons = {
        "ico": struct.pack("<HHHBBBBHHII", 0, 1, 1, 16, 16, 0, 0, 1, 32, len(png), 22) + png,
        "icns": b"icns" + struct.pack(">I4sI", 16 + len(png), b"icp4", 8 + len(png)) + png,
    }
    for suffix, content in icons.items():
        (tmp_path / f"a.{suffix}").write_bytes(content)
        (tmp_path / f"{suffix}.png").write_bytes(content)
    with pytest.warns(UserWarning) as caught:  # noqa: PT030
        found = open_images(f"folder:{tmp_path}", (64, 64, 1))
    assert found.images.shape == (1, 64, 64, 1)
    words = " ".join(str(warning.message) for warning in caught)
    assert "3 images; left out: 1 .icns, 1 .ico" in words
    assert "skipped 2 of 3 images" in words
    assert "content is in no known image format" in words


def test_arguments_are_checked_before_anything_is_read():
    for wrong in (
        {"image_shape": 28},
        {"image_shape": (28.9, 28, 1)},
        {"batch_size": 1.5},
        {"batch_size": 0},
        {"seed": -1},
    ):
        with pytest.raises(ganzoo.GanzooError, match=next(iter(wrong))):
            ganzoo.data.images("digits", **{"image_shape": (8, 8, 1), **wrong})
    with pytest.raises(ganzoo.GanzooError, match=r"data\.images\(\): multiple values for argument 'image_shape'"):
        ganzoo.data.images("digits", (8, 8, 1), image_shape=(8, 8, 1))


def test_a_feed_begun_at_a_step_goes_on_as_one_begun_at_zero(images_npz):
    feed = images.feed(images_npz, (28, 28, 1), batch_size=16, seed=1, flip=True)
    from_zero = [batch.numpy() for batch, _ in zip(feed.dataset(first_step=0), range(16))]
    from_eight = [batch.numpy() for batch, _ in zip(feed.dataset(first_step=8), range(8))]
    np.testing.assert_array_equal(from_zero[8:], from_eight)


def test_values_span_minus_one_to_one(tmp_path):
    images = np.stack([np.full((28, 28), value, "uint8") for value in (0, 127, 128, 255)])
    np.savez(tmp_path / "a.npz", images=images)
    values = {float(p[0, 0, 0]) for p in batches(ganzoo.data.images(f"npz:{tmp_path}/a.npz", (28, 28, 1), 4))[0]}
    assert values == {-1.0, np.float32(127 / 127.5) - 1, np.float32(128 / 127.5) - 1, 1.0}


def test_flipping_mirrors_about_half_and_changes_nothing_else(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (400, 28, 28), dtype="uint8")
    np.savez(tmp_path / "a.npz", images=images)
    plain = {p.tobytes() for p in images[..., None].astype("float32") / 127.5 - 1}
    mirrored = {p.tobytes() for p in np.ascontiguousarray(images[:, :, ::-1, None]).astype("float32") / 127.5 - 1}
    dataset = ganzoo.data.images(f"npz:{tmp_path}/a.npz", (28, 28, 1), 400, flip=True)
    seen = [p.tobytes() for p in batches(dataset)[0]]
    assert all(p in plain or p in mirrored for p in seen)
    assert 140 < sum(p in mirrored for p in seen) < 260


@pytest.mark.parametrize("channels", [1, 3])
def test_a_folder_of_any_mode_and_size(folder, channels):
    opened = open_images(f"folder:{folder}", (32, 32, channels))
    assert opened.images.shape == (10, 32, 32, channels)
    assert not opened.skipped
    assert sorted(np.bincount(opened.labels)) == [5, 5]
    assert (opened.images.reshape(10, -1).std(axis=1) > 5).sum() >= 9  # all but the even gray one
    even_gray = opened.images[[p.reshape(-1).std() < 5 for p in opened.images]]
    assert abs(int(even_gray.mean()) - 0x80) <= 1  # 16 bits scaled, not cut off


def test_images_of_more_than_8_bits_are_scaled(tmp_path):
    ramp = np.linspace(0, 65535, 64).reshape(8, 8)
    for largest in (65535, 1023):
        values = np.rint(ramp * largest / 65535).astype(">u2").tobytes()
        (tmp_path / f"{largest}.pgm").write_bytes(b"P5 8 8 %d\n" % largest + values)
    Image.fromarray(ramp.astype("int32")).save(tmp_path / "int.tif")
    Image.fromarray((ramp / 257).astype("int32")).save(tmp_path / "int8.tif")
    Image.fromarray((ramp / 65535 * 1.0009).astype("float32")).save(tmp_path / "unit.tif")
    Image.fromarray((ramp / 257).astype("float32")).save(tmp_path / "bytes.tif")
    write_12_bit_tiff(tmp_path / "12.tif", np.rint(ramp / 65535 * 4095))
    assert np.abs(read_image_file(tmp_path / "12.tif").pixels[..., 0] - ramp).max() <= 8
    for path in tmp_path.iterdir():
        assert np.abs(read_image(path, 1)[..., 0] - ramp / 257).max() <= 1, path.name
    for name, values in {
        "over": np.linspace(0, 1.01, 64).astype("float32"),
        "signed": np.linspace(-1, 1, 64).astype("float32"),
        "wide": np.linspace(0, 65535, 64).astype("float32"),
        "deep": np.linspace(0, 65536, 64).astype("int32"),
    }.items():
        Image.fromarray(values.reshape(8, 8)).save(tmp_path / f"{name}.tif")
        with pytest.raises(ganzoo.GanzooError, match=f"{name}\\.tif: .*scale or clip|{name}\\.tif: .*beyond 16 bits"):
            read_image(tmp_path / f"{name}.tif", 1)


@pytest.mark.parametrize("channels", [1, 3])
def test_transparency_of_16_bits_lies_on_white(tmp_path, channels):
    pixels = np.zeros((2, 2, channels), "uint16")
    # The transparent value's lower byte is the upper byte of another pixel.
    pixels[0, 0], pixels[1, 1] = 0x1234, 0x3456
    write_deep_png(tmp_path / "a.png", pixels, [0x1234] * channels)
    for wanted in (1, 3):
        assert read_image(tmp_path / "a.png", wanted)[..., 0].tolist() == [[255, 0], [0, 0x34]]


def test_crop_keeps_the_middle_and_resizing_is_antialiased():
    stripes = np.zeros((64, 128, 1), "uint8")
    stripes[:, :32], stripes[:, -32:] = 255, 255  # outside the middle square
    assert fit(stripes, (32, 32, 1))[:, 1:-1].max() == 0  # the filter reaches over the edge by a pixel
    fine = np.tile(np.array([0, 255], "uint8"), 64)[None, :, None].repeat(128, axis=0)
    small = fit(fine, (32, 32, 1))
    assert abs(int(small.mean()) - 128) <= 2
    assert small.std() < 12  # without antialiasing every pixel would be 0 or 255


@pytest.mark.parametrize("size", [28, 56, 112])
def test_rounding_moves_no_crop_out_of_the_image(size):
    for length in range(size, 1000):
        for shape in ((length, length, 1), (length, length + 1, 1), (length + 1, length, 1)):
            assert fit(np.zeros(shape, "uint8"), (size, size, 1)).shape == (size, size, 1)


def test_transparency_lies_on_white_and_exif_is_obeyed(tmp_path):
    clear = Image.new("RGBA", (4, 4), (10, 20, 30, 0))
    np.testing.assert_array_equal(pillow_to_array(clear, 3), 255)
    turned = Image.fromarray(np.vstack([np.zeros((20, 40)), np.full((20, 40), 255)]).astype("uint8"))
    exif = turned.getexif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise: the dark upper half comes to the right
    (tmp_path / "p").mkdir()
    turned.save(tmp_path / "p" / "a.png", exif=exif)
    image = open_images(f"folder:{tmp_path}/p", (40, 40, 1)).images[0]
    assert image[:, -10:].mean() < 10
    assert image[:, :10].mean() > 245


def test_broken_files_are_skipped_and_counted_or_refused(folder):
    whole = (folder / "even" / "0.jpg").read_bytes()
    (folder / "even" / "torn.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "odd" / "text.png").write_text("not an image")
    (folder / "odd" / "empty.webp").write_bytes(b"")
    with pytest.warns(UserWarning, match="skipped 3 of 13"):
        opened = open_images(f"folder:{folder}", (32, 32, 3))
    assert len(opened.images) == 10
    assert {os.path.basename(path) for path in opened.skipped} == {"torn.jpg", "text.png", "empty.webp"}
    with pytest.raises(ganzoo.GanzooError, match=r"3 broken of 13; strict=False"):
        open_images(f"folder:{folder}", (32, 32, 3), strict=True)


def test_every_format_that_pillow_decodes_counts(tmp_path):
    image = Image.new("RGB", (32, 32), (200, 30, 40))
    suffixes = ["jfif", "jpe", "gif", "tif", "tga", "ppm", "jp2", "PNG"]
    for suffix in suffixes:
        image.save(tmp_path / f"{suffix}.{suffix}")
    # EPS would start another program, whatever its name says.
    image.save(tmp_path / "vector.eps")
    shutil.copy(tmp_path / "vector.eps", tmp_path / "disguised.png")
    with pytest.warns(UserWarning) as caught:  # noqa: PT030
        opened = open_images(f"folder:{tmp_path}", (32, 32, 3))
    assert len(opened.images) == len(suffixes)
    assert np.abs(opened.images.astype(int) - [200, 30, 40]).max() <= 4
    words = " ".join(str(warning.message) for warning in caught)
    assert "9 images; left out: 1 .eps" in words
    assert "disguised.png cannot be read as an image: its content is in no known image format" in words


def test_transparent_pixels_have_no_color(tmp_path):
    """A white disc on transparent black, made smaller, is white all over."""
    rows, columns = np.mgrid[:64, :64]
    disc = ((rows - 31.5) ** 2 + (columns - 31.5) ** 2 < 400).astype("uint8")
    (tmp_path / "p").mkdir()
    Image.fromarray(disc[..., None] * np.full(4, 255, "uint8")).save(tmp_path / "p" / "a.png")
    Image.fromarray(np.dstack([disc * 255, disc * 255])).save(tmp_path / "p" / "b.png")
    np.savez(tmp_path / "a.npz", images=(disc[..., None] * np.full(4, 255, "uint8"))[None])
    for source in (f"folder:{tmp_path}/p", f"npz:{tmp_path}/a.npz"):
        np.testing.assert_array_equal(open_images(source, (24, 24, 3)).images, 255)


def test_an_animation_counts_by_its_first_frame(tmp_path):
    first, second = (Image.new("L", (8, 8), level) for level in (30, 220))
    first.save(tmp_path / "a.gif", save_all=True, append_images=[second], duration=50)
    np.testing.assert_array_equal(open_images(f"folder:{tmp_path}", (8, 8, 1)).images, 30)


def test_limits_come_from_the_header(tmp_path):
    """Of these files nothing can be decoded, so only their header can have been looked at."""
    for suffix in ("png", "jp2", "tif"):
        Image.new("L", (9000, 9000)).save(tmp_path / "whole", {"jp2": "JPEG2000", "tif": "TIFF"}.get(suffix, suffix))
        (tmp_path / suffix).mkdir()
        (tmp_path / suffix / f"a.{suffix}").write_bytes((tmp_path / "whole").read_bytes()[:400])
        for open_any in (lambda source: open_images(source, (8, 8, 1)), open_image_files):
            with pytest.raises(ganzoo.GanzooError, match="9000x9000 pixels are too many, more than 64 megapixels"):
                open_any(f"folder:{tmp_path}/{suffix}")
    os.mkfifo(tmp_path / "p-images-idx3-ubyte")
    with pytest.raises(ganzoo.GanzooError, match="not a regular file"):
        open_images(f"idx:{tmp_path}/p-images-idx3-ubyte", (8, 8, 1))
    os.mkfifo(tmp_path / "p.png")
    with pytest.raises(ganzoo.GanzooError, match="no file"):
        read_image(tmp_path / "p.png", 1)


def test_small_images_are_refused_or_enlarged(folder):
    with pytest.raises(ganzoo.GanzooError, match=r"10 of 10 images .* smaller than the requested 64x64 .*upscale=True"):
        open_images(f"folder:{folder}", (64, 64, 3))
    assert open_images(f"folder:{folder}", (64, 64, 3), upscale=True).images.shape == (10, 64, 64, 3)


def test_large_sets_are_stored_in_a_file(folder, monkeypatch):
    in_memory = open_images(f"folder:{folder}", (32, 32, 3)).images
    monkeypatch.setattr("ganzoo.data.allocation.MEMORY_LIMIT", 1000)
    mapped = open_images(f"folder:{folder}", (32, 32, 3)).images
    assert isinstance(mapped, np.memmap)
    np.testing.assert_array_equal(mapped, in_memory)


def test_empty_folder_and_too_large_batch(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ganzoo.GanzooError, match="holds no images"):
        ganzoo.data.images(f"folder:{tmp_path}/empty", (32, 32, 3))
    with pytest.raises(ganzoo.GanzooError, match="batch of 64 is larger than the 10"):
        ganzoo.data.images(f"folder:{folder}", (32, 32, 3), batch_size=64)
    shutil.rmtree(folder)
    with pytest.raises(ganzoo.GanzooError, match="no such folder"):
        ganzoo.data.images(f"folder:{folder}", (32, 32, 3))
