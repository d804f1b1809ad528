"""Sources of images: IDX files, archives, folders of classes and datasets of others, with their labels."""

import gzip
import struct
import sys
import tracemalloc

import numpy as np
import pytest
from PIL import Image

import ganzoo
from ganzoo.data.arrays import read_idx
from ganzoo.data.images import images
from ganzoo.data.labeled import labeled
from ganzoo.data.sources import open_images


def write_idx(path, array, compress=False):
    content = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.astype("uint8").tobytes()
    path.write_bytes(gzip.compress(content) if compress else content)


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


def test_class_names_are_stored_and_numbers_in_order_of_value(tmp_path):
    for i, name in enumerate(("10", "2", "1")):
        (tmp_path / name).mkdir()
        Image.new("L", (8, 8), 40 * i).save(tmp_path / name / "a.png")
    feed = images.feed(f"folder:{tmp_path}", (8, 8, 1), batch_size=1)
    assert feed.class_names == ("1", "2", "10")
    assert labeled.feed(f"folder:{tmp_path}", (8, 8, 1), batch_size=1).class_names == ("1", "2", "10")
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
    alone = labeled.feed(source, (8, 8, 1), batch_size=1)
    assert alone.class_names == ("birds", "cats", "dogs")
    assert list(zip(alone.images[:, 0, 0, 0], alone.labels)) == [(120, 0), (0, 1), (40, 1), (80, 2)]
    Image.new("L", (8, 8), 255).save(tmp_path / "cover.png")
    with pytest.warns(UserWarning, match=r"1 of 5 images lie beside the class folders .*left out; first: cover\.png"):
        beside = labeled.feed(source, (8, 8, 1), batch_size=1)
    assert beside.class_names == alone.class_names
    np.testing.assert_array_equal(beside.images, alone.images)
    np.testing.assert_array_equal(beside.labels, alone.labels)
    unlabeled = images.feed(source, (8, 8, 1), batch_size=1)
    assert unlabeled.count == 5
    assert unlabeled.labels is None


def test_a_class_without_a_readable_image_keeps_its_number(tmp_path):
    for i, name in enumerate("abc"):
        (tmp_path / name).mkdir()
        Image.new("L", (8, 8), 40 * i).save(tmp_path / name / "1.png")
    (tmp_path / "b" / "1.png").write_text("no image")
    with pytest.warns(UserWarning) as caught:  # noqa: PT030
        found = labeled.feed(f"folder:{tmp_path}", (8, 8, 1), batch_size=1)
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
            ganzoo.data.labeled(source.format(tmp_path), (8, 8, 1), 2)
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
