import gzip
import os
import shutil
import struct
import sys
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
from ganzoo.data.labelled import labelled
from ganzoo.data.sources import open_images
from ganzoo.inference.image_files import read_image_file


def batches(dataset):
    return [batch.numpy() for batch in dataset]


def write_idx(path, array, compress=False):
    content = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.astype("uint8").tobytes()
    path.write_bytes(gzip.compress(content) if compress else content)


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


def test_an_idx_file_takes_its_memory_once(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (40, 1024, 1024), dtype="uint8")
    write_idx(tmp_path / "plain", images)
    content = (tmp_path / "plain").read_bytes()
    (tmp_path / "zipped").write_bytes(gzip.compress(content, compresslevel=0))
    del content
    for name in ("plain", "zipped"):
        tracemalloc.start()
        found = read_idx(tmp_path / name)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        np.testing.assert_array_equal(found, images)
        assert peak < 2 * images.nbytes - 1_000_000


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


def test_class_names_are_stored_and_numbers_in_order_of_value(tmp_path):
    for i, name in enumerate(("10", "2", "1")):
        (tmp_path / name).mkdir()
        Image.new("L", (8, 8), 40 * i).save(tmp_path / name / "a.png")
    feed = images.feed(f"folder:{tmp_path}", (8, 8, 1), batch_size=1)
    assert feed.class_names == ("1", "2", "10")
    assert labelled.feed(f"folder:{tmp_path}", (8, 8, 1), batch_size=1).class_names == ("1", "2", "10")
    by_class = feed.images[np.argsort(feed.labels)]
    assert by_class[:, 0, 0, 0].tolist() == [80, 40, 0]
    np.savez(tmp_path / "a.npz", images=np.zeros((2, 8, 8)), labels=[1, 0], class_names=["coat", "shirt"])
    assert open_images(f"npz:{tmp_path}/a.npz", (8, 8, 1)).class_names == ("coat", "shirt")
    assert open_images("digits", (8, 8, 1)).class_names == tuple("0123456789")


def test_the_first_folder_is_the_class_and_images_beside_have_none(tmp_path):
    for i, name in enumerate(("cats/2019/1", "cats/2020/1", "dogs/1", "birds/deep/er/1")):
        (tmp_path / name).parent.mkdir(parents=True)
        Image.new("L", (8, 8), 40 * i).save(tmp_path / f"{name}.png")
    source = f"folder:{tmp_path}"
    alone = labelled.feed(source, (8, 8, 1), batch_size=1)
    assert alone.class_names == ("birds", "cats", "dogs")
    assert list(zip(alone.images[:, 0, 0, 0], alone.labels)) == [(120, 0), (0, 1), (40, 1), (80, 2)]
    Image.new("L", (8, 8), 255).save(tmp_path / "cover.png")
    with pytest.warns(UserWarning, match=r"1 of 5 images lie beside the class folders .*left out; first: cover\.png"):
        beside = labelled.feed(source, (8, 8, 1), batch_size=1)
    assert beside.class_names == alone.class_names
    np.testing.assert_array_equal(beside.images, alone.images)
    np.testing.assert_array_equal(beside.labels, alone.labels)
    unlabelled = images.feed(source, (8, 8, 1), batch_size=1)
    assert unlabelled.count == 5
    assert unlabelled.labels is None


def test_a_class_without_a_readable_image_keeps_its_number(tmp_path):
    for i, name in enumerate("abc"):
        (tmp_path / name).mkdir()
        Image.new("L", (8, 8), 40 * i).save(tmp_path / name / "1.png")
    (tmp_path / "b" / "1.png").write_text("no image")
    with pytest.warns(UserWarning) as caught:  # noqa: PT030
        found = labelled.feed(f"folder:{tmp_path}", (8, 8, 1), batch_size=1)
    assert found.class_names == ("a", "b", "c")
    assert list(zip(found.images[:, 0, 0, 0], found.labels)) == [(0, 0), (80, 2)]
    words = " ".join(str(warning.message) for warning in caught)
    assert "1 of 3 classes have no readable image; first: class 1 ('b')" in words


def test_labels_in_a_column_and_labels_that_are_none(tmp_path):
    images = np.zeros((3, 8, 8), "uint8")
    for labels in (np.array([[2], [0], [1]]), np.array([2.0, 0, 1]), np.eye(3)[[2, 0, 1]]):
        np.savez(tmp_path / "a.npz", images=images, labels=labels)
        labels = open_images(f"npz:{tmp_path}/a.npz", (8, 8, 1)).labels
        assert labels.tolist() == [2, 0, 1]
        assert labels.dtype == "int64"
    for labels, words in (
        (np.eye(3) / 2, "one-hot"),
        ([0, 1, np.nan], "whole numbers"),
        ([0, 1, np.inf], "whole numbers"),
        (["a", "b", "c"], "whole numbers"),
    ):
        np.savez(tmp_path / "a.npz", images=images, labels=labels)
        with pytest.raises(ganzoo.GanzooError, match=words):
            open_images(f"npz:{tmp_path}/a.npz", (8, 8, 1))


def test_where_labels_were_looked_for(tmp_path):
    write_idx(tmp_path / "train-images-idx3-ubyte.gz", np.zeros((4, 8, 8)), compress=True)
    write_idx(tmp_path / "images", np.zeros((4, 8, 8)))
    np.savez(tmp_path / "a.npz", images=np.zeros((4, 8, 8)))
    for source, words in (
        (
            "idx:{}/train-images-idx3-ubyte.gz",
            "train-labels-idx1-ubyte.gz or train-labels-idx1-ubyte was not found in",
        ),
        ("idx:{}/images", "must contain 'images-idx3'"),
        ("npz:{}/a.npz", "labels=LABELS"),
    ):
        with pytest.raises(ganzoo.GanzooError, match=f"have no labels: .*{words}"):
            ganzoo.data.labelled(source.format(tmp_path), (8, 8, 1), 2)
    write_idx(tmp_path / "train-labels-idx1-ubyte", np.arange(4))
    assert images.feed(f"idx:{tmp_path}/train-images-idx3-ubyte.gz", (8, 8, 1), batch_size=2).labels.tolist() == [
        0,
        1,
        2,
        3,
    ]


def test_keras_archives_have_a_part_for_testing(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8), dtype="uint8")
    arrays = {"x_train": images, "y_train": np.arange(5), "x_test": 255 - images[:2], "y_test": np.array([7, 8])}
    np.savez(tmp_path / "keras.npz", **arrays)
    for source, part in ((":test", "test"), (":train", "train"), ("", "train")):
        opened = open_images(f"npz:{tmp_path}/keras.npz{source}", (8, 8, 1))
        np.testing.assert_array_equal(opened.images[..., 0], arrays[f"x_{part}"])
        np.testing.assert_array_equal(opened.labels, arrays[f"y_{part}"])
    np.savez(tmp_path / "ours.npz", images=images)
    with pytest.raises(ganzoo.GanzooError, match=r"ours\.npz has no array 'x_test'; it has: images"):
        open_images(f"npz:{tmp_path}/ours.npz:test", (8, 8, 1))


def test_mnist_without_tensorflow_datasets_says_which_files_do_as_well(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    for name, host in (("mnist", "cvdf-datasets/mnist/"), ("fashion_mnist:test", "tf-keras-datasets/")):
        with pytest.raises(ganzoo.GanzooError) as caught:
            open_images(f"tfds:{name}", (28, 28, 1))
        for words in ("idx:train-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz", host, "npz:"):
            assert words in str(caught.value)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "mnist.npz").touch()
    with pytest.raises(
        ganzoo.GanzooError, match=f"or npz:{tmp_path}/datasets/mnist.npz, which Keras has already downloaded"
    ):
        open_images("tfds:mnist", (28, 28, 1))
    with pytest.raises(ganzoo.GanzooError, match=r"other needs the package tensorflow-datasets: pip install [^.]*$"):
        open_images("tfds:other", (28, 28, 1))


def test_a_single_array_is_images(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), dtype="uint8")
    np.save(tmp_path / "a.npy", images)
    np.testing.assert_array_equal(open_images(f"npz:{tmp_path}/a.npy", (8, 8, 3)).images, images)
    np.savez(tmp_path / "keras.npz", x_train=images, y_train=np.arange(5), x_test=images[:1], y_test=np.arange(1))
    assert open_images(f"npz:{tmp_path}/keras.npz", (8, 8, 3)).labels.tolist() == [0, 1, 2, 3, 4]
    Image.fromarray(images[0]).save(tmp_path / "one.png")
    np.savez(tmp_path / "other.npz", images)
    whole = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "cut.npy").write_bytes(whole[:200])
    (tmp_path / "bracket.npy").write_bytes(whole[:10] + b"(" * 118 + whole[128:])
    for name, words in (
        ("one.png", "neither an archive .* an image goes in a folder, folder:PATH"),
        ("other.npz", "no array 'images'; it has: arr_0. Save it with np.savez"),
        ("cut.npy", "damaged"),
        ("bracket.npy", "damaged"),
    ):
        with pytest.raises(ganzoo.GanzooError, match=words) as caught:
            open_images(f"npz:{tmp_path}/{name}", (8, 8, 3))
        assert "\n" not in str(caught.value)


def test_a_home_folder_and_a_path_without_its_kind(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "pics").mkdir()
    Image.new("L", (8, 8)).save(tmp_path / "pics" / "a.png")
    assert open_images("folder:~/pics", (8, 8, 1)).images.shape == (1, 8, 8, 1)
    np.savez(tmp_path / "a.npz", images=np.zeros((1, 8, 8)))
    write_idx(tmp_path / "x-images-idx3-ubyte.gz", np.zeros((1, 8, 8)), compress=True)
    for path, kind in (("pics", "folder"), ("a.npz", "npz"), ("x-images-idx3-ubyte.gz", "idx")):
        for source in (f"{tmp_path}/{path}", f"~/{path}"):
            with pytest.raises(ganzoo.GanzooError, match=f"write {kind}:{source}"):
                open_images(source, (8, 8, 1))


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


def test_idx_files_gzipped_or_not(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype="uint8")
    write_idx(tmp_path / "train-images-idx3-ubyte", images)
    write_idx(tmp_path / "train-labels-idx1-ubyte", np.arange(5))
    write_idx(tmp_path / "images.gz", images, compress=True)
    opened = open_images(f"idx:{tmp_path}/train-images-idx3-ubyte", (28, 28, 1))
    np.testing.assert_array_equal(opened.images[..., 0], images)
    np.testing.assert_array_equal(opened.labels, np.arange(5))
    np.testing.assert_array_equal(read_idx(tmp_path / "images.gz"), images)
    content = (tmp_path / "train-images-idx3-ubyte").read_bytes()
    for damaged in (
        content[:-1],
        content[:10],
        b"",
        content + b"x",
        b"\x1f\x8b" + content,
        gzip.compress(content)[:60],
    ):
        (tmp_path / "damaged").write_bytes(damaged)
        with pytest.raises(ganzoo.GanzooError, match="damaged"):
            read_idx(tmp_path / "damaged")


def test_the_real_mnist(shared):
    opened = open_images(f"idx:{shared}/mnist/train-images-idx3-ubyte.gz", (28, 28, 1))
    assert opened.images.shape == (60_000, 28, 28, 1)
    assert opened.images.mean() / 255 == pytest.approx(0.1307, abs=1e-4)  # the set's well-known mean
    assert np.bincount(opened.labels).tolist()[:3] == [5923, 6742, 5958]


def test_embedded_digits_need_no_file():
    opened = open_images("digits", (32, 32, 1), upscale=True)
    assert opened.images.shape == (1797, 32, 32, 1)
    assert len(set(opened.labels.tolist())) == 10
    assert opened.images.max() == 255


def test_npz_of_floats_and_wrong_ones(tmp_path):
    images = np.random.default_rng(0).random((3, 28, 28, 3))
    for array in (images, images * 2 - 1, images * 255):
        np.savez(tmp_path / "a.npz", images=array)
        ours = open_images(f"npz:{tmp_path}/a.npz", (28, 28, 3)).images
        assert np.abs(ours - images * 255).max() <= 1
    unit = np.linspace(0, 1, 784).reshape(1, 28, 28)
    for array, of_unit in (
        (unit * 1.00001, unit),
        (unit * 1.00002 - 0.00001, unit),
        (unit * 255 - 1e-9, unit),
        (unit * 2.001 - 1.0005, unit),
        ((unit > 0.5).astype("int64"), unit > 0.5),
        ((unit > 0.5).astype("uint8"), unit > 0.5),
        (unit > 0.5, unit > 0.5),
    ):
        np.savez(tmp_path / "a.npz", images=array)
        ours = open_images(f"npz:{tmp_path}/a.npz", (28, 28, 1)).images[..., 0]
        assert np.abs(ours - of_unit * 255.0).max() <= 1
    for arrays, message in [
        (dict(photos=images), "no array 'images'"),
        (dict(images=unit * 1.01), r"got 0 to 1\.01: scale or clip them"),
        (dict(images=unit * 256), "got 0 to 256"),
        (dict(images=np.full((1, 8, 8), 256)), "got 256 to 256"),
        (dict(images=images * 1000), "got 0.* to"),
        (dict(images=images * 200 - 0.3), "got -0.* to"),
        (dict(images=images, labels=np.arange(4)), "3 images but labels"),
        (dict(images=np.array(["a"])), "images have shape"),
        (dict(images=np.array([None, 1], dtype=object)), "cannot read"),
    ]:
        np.savez(tmp_path / "b.npz", **arrays)
        with pytest.raises(ganzoo.GanzooError, match=message):
            open_images(f"npz:{tmp_path}/b.npz", (28, 28, 3))


def test_tensorflow_datasets_from_a_prepared_folder(tmp_path, monkeypatch):
    tfds = pytest.importorskip("tensorflow_datasets")
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (7, 28, 28, 1), dtype="uint8")

    import tensorflow as tf

    features = tfds.features.FeaturesDict(
        {"image": tfds.features.Image(shape=(28, 28, 1)), "label": tfds.features.ClassLabel(num_classes=7)}
    )
    dataset = tf.data.Dataset.from_tensor_slices({"image": images, "label": np.arange(7)})
    tfds.dataset_builders.store_as_tfds_dataset(
        name="tiny_digits", version="1.0.0", features=features, split_datasets={"train": dataset},
        data_dir=str(tmp_path), disable_shuffling=True,
    )  # fmt: skip
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    opened = open_images("tfds:tiny_digits", (28, 28, 1))
    np.testing.assert_array_equal(opened.images, images)
    assert opened.labels.tolist() == list(range(7))
    with pytest.raises(ganzoo.GanzooError, match="cannot load 'no_such_set'"):
        open_images("tfds:no_such_set", (28, 28, 1))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("digit", "Did you mean 'digits'"),
        ("my_images", "unknown source"),
        ("folder:", "is incomplete"),
        ("folder:/nowhere", "no such folder"),
        ("folder:" + "x" * 300, "no such folder"),
        ("folder:nul\0", "no such folder"),
        ("npz:nul\0", "cannot read"),
        ("x" * 300, "unknown source"),
        ("idx:/nowhere", "cannot read the IDX file"),
        ("npz:/nowhere", "cannot read"),
    ],
)
def test_bad_sources_say_what_is_wrong(source, message):
    with pytest.raises(ganzoo.GanzooError, match=message):
        ganzoo.data.images(source, image_shape=(32, 32, 1))


def test_empty_folder_and_too_large_batch(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ganzoo.GanzooError, match="holds no images"):
        ganzoo.data.images(f"folder:{tmp_path}/empty", (32, 32, 3))
    with pytest.raises(ganzoo.GanzooError, match="batch of 64 is larger than the 10"):
        ganzoo.data.images(f"folder:{folder}", (32, 32, 3), batch_size=64)
    shutil.rmtree(folder)
    with pytest.raises(ganzoo.GanzooError, match="no such folder"):
        ganzoo.data.images(f"folder:{folder}", (32, 32, 3))
