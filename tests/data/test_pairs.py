"""Pairs of crops for super-resolution."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ganzoo
from ganzoo.data.image_files import open_image_files, resized, to_small
from ganzoo.data.pairs import pairs


@pytest.fixture
def folder(tmp_path):
    """Ten photos, each of one color of its own and a size of its own."""
    for i in range(10):
        color = np.array([25 * i, 250 - 25 * i, 60])
        noise = np.random.default_rng(i).integers(-5, 6, (64 + 8 * i, 80, 3))
        Image.fromarray((color + noise).clip(0, 255).astype("uint8")).save(tmp_path / f"p{i}.png")
    return tmp_path


def test_the_small_image_is_the_large_one_made_smaller(folder):
    dataset = ganzoo.data.pairs(f"folder:{folder}", scale=4, crop=32, batch_size=4)
    for small, large in dataset.take(2):
        assert small.shape == (4, 8, 8, 3)
        assert large.shape == (4, 32, 32, 3)
        levels = np.rint((large.numpy() + 1) * 127.5).astype("uint8")
        made = np.stack([to_small(image, 4) for image in levels])
        np.testing.assert_allclose(small.numpy(), made / 127.5 - 1, atol=1e-6)


def test_bicubic_is_small_to_large_and_back():
    image = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype="uint8")
    flat = np.full((8, 8, 3), 9, "uint8")
    np.testing.assert_array_equal(resized(to_small(flat, 4), (8, 8)), flat)
    assert to_small(image, 4).shape == (2, 2, 3)


def test_held_out_photos_are_never_trained_on(folder):
    found = pairs.feed(f"folder:{folder}", scale=4, crop=32, batch_size=4, held_out=0.2)
    reds = sorted(round(image[..., 0].mean() / 25) for image in found.validation)
    assert reds == [2, 7]
    seen = set()
    for step, indices in (pair for pair, _ in zip(found.order(), range(3 * found.batches_per_epoch))):
        _, large = found.make_batch(step, indices)
        seen.update(np.rint(((large[..., 0] + 1) * 127.5).mean(axis=(1, 2)) / 25).astype(int).tolist())
    assert seen == set(range(10)) - set(reds)


def test_an_epoch_covers_the_area_and_a_seed_repeats_itself(folder):
    arguments = dict(scale=2, crop=16, batch_size=8, held_out=0)
    found = pairs.feed(f"folder:{folder}", **arguments)
    assert found.count == sum((64 + 8 * i) // 16 * 5 for i in range(10))
    step, indices = next(found.order(7))
    again = pairs.feed(f"folder:{folder}", **arguments)
    for ours, theirs in zip(found.make_batch(step, indices), again.make_batch(*next(again.order(7)))):
        np.testing.assert_array_equal(ours, theirs)
    other = pairs.feed(f"folder:{folder}", **arguments, seed=1)
    assert (found.make_batch(step, indices)[1] != other.make_batch(*next(other.order(7)))[1]).any()


def test_turns_and_mirrors_are_all_eight_and_only_asked_for(tmp_path):
    ramp = np.arange(32)[:, None] * 4 + np.arange(32)[None] * 2
    Image.fromarray(np.repeat(ramp[..., None], 3, axis=2).astype("uint8")).save(tmp_path / "ramp.png")

    def seen(augment):
        found = pairs.feed(f"folder:{tmp_path}", scale=2, crop=32, batch_size=1, augment=augment, held_out=0)
        return {found.make_batch(step, np.array([0]))[1].tobytes() for step in range(100)}

    assert len(seen(False)) == 1
    assert len(seen(True)) == 8


def test_broken_small_and_turned_files(folder):
    (folder / "broken.jpg").write_bytes((folder / "p0.png").read_bytes()[:500])
    Image.new("RGB", (10, 10)).save(folder / "tiny.png")
    turned = Image.new("RGB", (90, 70))
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(folder / "turned.jpg", exif=exif)
    turned.save(folder / "turned.tif", exif=exif)
    with pytest.warns(UserWarning, match=r"skipped 1 of 14"):
        found = open_image_files(f"folder:{folder}", at_least=32)
    assert len(found.images) == 12
    for name in ("turned.jpg", "turned.tif"):
        assert found.images[found.names.index(name)].shape == (90, 70, 3)
    assert len(found.skipped) == 1
    with pytest.raises(ganzoo.GanzooError, match=r"broken\.jpg"):
        open_image_files(f"folder:{folder}", at_least=32, strict=True)
    with pytest.raises(ganzoo.GanzooError, match="none of the 14"):
        open_image_files(f"folder:{folder}", at_least=999)


def test_what_is_wrong_is_said(folder, tmp_path):
    with pytest.raises(ganzoo.GanzooError, match="crop 30 is not a multiple of scale 4"):
        ganzoo.data.pairs(f"folder:{folder}", scale=4, crop=30)
    with pytest.raises(ganzoo.GanzooError, match="Did you mean 'photos'"):
        ganzoo.data.pairs("photo", scale=4, crop=32)
    with pytest.raises(ganzoo.GanzooError, match="no such folder"):
        ganzoo.data.pairs("folder:nowhere")
    with pytest.raises(ganzoo.GanzooError, match="a batch of 9999"):
        ganzoo.data.pairs(f"folder:{folder}", crop=32, batch_size=9999)


def test_the_photos_are_those_of_scikit_learn():
    """They are read from its files, without importing it."""
    from sklearn.datasets import load_sample_images

    found, theirs = open_image_files("photos"), load_sample_images()
    assert found.names == [Path(name).stem for name in theirs.filenames] == ["china", "flower"]
    for ours, image in zip(found.images, theirs.images, strict=True):
        np.testing.assert_array_equal(ours, image)


def test_the_large_images_of_a_tensorflow_data_set(tmp_path, monkeypatch):
    """A set laid out as div2k is: `lr` and `hr` of many sizes; small ones are left out."""
    tfds = pytest.importorskip("tensorflow_datasets")
    import tensorflow as tf

    rng = np.random.default_rng(0)
    sizes = [(40, 50), (64, 33), (20, 90)]
    images = [rng.integers(0, 256, (*size, 3), dtype="uint8") for size in sizes]
    features = tfds.features.FeaturesDict(
        {"lr": tfds.features.Image(shape=(None, None, 3)), "hr": tfds.features.Image(shape=(None, None, 3))}
    )
    image = tf.TensorSpec((None, None, 3), "uint8")
    dataset = tf.data.Dataset.from_generator(
        lambda: ({"lr": image[::4, ::4], "hr": image} for image in images),
        output_signature={"lr": image, "hr": image},
    )
    tfds.dataset_builders.store_as_tfds_dataset(
        name="tiny_photos", version="1.0.0", features=features, split_datasets={"train": dataset},
        data_dir=str(tmp_path), disable_shuffling=True,
    )  # fmt: skip
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    found = open_image_files("tfds:tiny_photos", at_least=32)
    assert len(found.images) == 2
    for ours, theirs in zip(found.images, images):
        np.testing.assert_array_equal(ours, theirs)
    for small, large in ganzoo.data.pairs("tfds:tiny_photos", scale=4, crop=32, batch_size=2, held_out=0).take(1):
        assert small.shape == (2, 8, 8, 3)
        assert large.shape == (2, 32, 32, 3)


def test_crops_may_show_the_photo_from_further_away(tmp_path):
    # A level for every two pixels.
    ramp = np.repeat(np.arange(128, dtype="uint8")[:, None], 2, axis=0)[..., None]
    Image.fromarray(np.broadcast_to(ramp, (256, 256, 3)).copy()).save(tmp_path / "ramp.png")
    arguments = dict(scale=4, crop=32, batch_size=8, augment=False, held_out=0)
    heights = {}
    for shrink in (1.0, 4.0):
        feed = pairs.feed(f"folder:{tmp_path}", shrink=shrink, **arguments)
        large = np.concatenate([feed.make_batch(step, feed.indices(step))[1] for step in range(4)])
        levels = (large[:, :, 0, 0] + 1) * 127.5
        heights[shrink] = 2 * (levels[:, -3] - levels[:, 2]) / 27
    np.testing.assert_allclose(heights[1.0], 1, atol=0.05)
    assert 1 <= heights[4.0].min() < 1.6
    assert 3 < heights[4.0].max() <= 4.1
    # The region ends where the photo does.
    feed = pairs.feed(f"folder:{tmp_path}", shrink=16.0, **{**arguments, "crop": 200, "batch_size": 1})
    small, large = feed.make_batch(0, feed.indices(0))
    assert (small.shape, large.shape) == ((1, 50, 50, 3), (1, 200, 200, 3))
    with pytest.raises(ganzoo.GanzooError, match=r"'shrink' is 0\.5"):
        ganzoo.data.pairs(f"folder:{tmp_path}", shrink=0.5)
