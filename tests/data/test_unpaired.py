"""Unpaired images of two folders."""

import numpy as np
import pytest
from PIL import Image

import ganzoo
from ganzoo import pixels
from ganzoo.data.unpaired import open_sides, split_names, unpaired
from ganzoo.errors import GanzooError
from ganzoo.registry import model_class

TINY = model_class("cyclegan").test_config


def test_no_pairs_are_trained_on(paired_source):
    feed = unpaired.feed(paired_source + ":train", crop=16, resize=20, batch_size=2, separate_pairs=True, held_out=0.2)
    # All images of a name have the same last channel, 10 times the name, or its negative.
    seen = [set(), set()]
    for step in range(3 * feed.batches_per_epoch):
        for side, batch in enumerate(feed.make_batch(step, feed.indices(step))):
            seen[side] |= {int(v) for v in pixels.to_uint8(batch)[:, 8, 8, 2]}
    names = [{value // 10 for value in seen[0]}, {(255 - value) // 10 for value in seen[1]}]
    assert not names[0] & names[1]
    test = {int(name.removesuffix(".png")) for name in open_sides(paired_source + ":test")[0].names}
    held_out = {int(pair[0][0, 0, 2]) // 10 for pair in feed.validation}
    assert len(test) == 2
    assert len(held_out) == len(feed.validation) == 4
    assert names[0] | names[1] | test | held_out == set(range(20))
    assert not (names[0] | names[1]) & (test | held_out)
    assert not test & held_out
    for first, second in feed.validation:
        np.testing.assert_array_equal(second, 255 - first)


def test_names_of_one_side_alone_stay_there():
    assert split_names("abc", "bcd", 0.0, separate_pairs=True) == ({"a", "b"}, {"c", "d"}, set())
    assert split_names("ab", "ab", 0.0, separate_pairs=False) == ({"a", "b"}, {"a", "b"}, set())


def test_batches_are_the_same_for_the_same_step(paired_source):
    feeds = [unpaired.feed(paired_source, crop=16, resize=20, batch_size=3, pad=2, repeats=4) for _ in range(2)]
    assert feeds[0].count == 4 * 19
    (x, y), again = (feed.make_batch(30, feed.indices(30)) for feed in feeds)
    np.testing.assert_array_equal((x, y), again)
    assert x.shape == y.shape == (3, 16, 16, 3)
    assert x.dtype == np.float32
    # A shorter batch, as a run's facts have it, has no rows that nothing was written to.
    shorter, whole = (feeds[0].make_batch(0, indices) for indices in (np.arange(2), np.arange(3)))
    assert shorter[0].shape == shorter[1].shape == (2, 16, 16, 3)
    np.testing.assert_array_equal(shorter[0], whole[0][:2])


def test_transparency_is_composed_over_the_background(tmp_path):
    clear = np.zeros((20, 20, 4), "uint8")
    clear[:10] = (255, 0, 0, 255)
    for side in "AB":
        (tmp_path / side).mkdir()
        Image.fromarray(clear).save(tmp_path / side / f"{side}.png")
    opened, _ = open_sides(f"folders:{tmp_path}/A,{tmp_path}/B", background=(0, 0, 255))
    np.testing.assert_array_equal(np.unique(opened.images[0].reshape(-1, 3), axis=0), [[0, 0, 255], [255, 0, 0]])
    feed = unpaired.feed(
        f"folders:{tmp_path}/A,{tmp_path}/B", crop=20, resize=20, batch_size=1, held_out=0, background=(0, 0, 255)
    )
    assert feed.make_batch(0, np.array([0]))[0][0, -1, 0].tolist() == [-1.0, -1.0, 1.0]


def test_folders_as_the_paper_has_them(paired_folders, tmp_path):
    for part in ("trainA", "trainB", "testA", "testB"):
        (tmp_path / part).symlink_to(paired_folders / part[-1], target_is_directory=True)
    assert len(open_sides(f"folder:{tmp_path}")[0].images) == 20
    assert len(open_sides(f"folder:{tmp_path}:test")[1].images) == 20


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("folders:{root}/A,{root}/A", "both sides are the same folder"),
        ("folders:{root}/A", "write folders:PATH_A,PATH_B"),
        ("folders:{root}/A,{root}/empty", "holds no images"),
        ("folder:{root}", "does not hold trainA and trainB"),
        ("idx:{root}", "unknown source of two sides"),
    ],
)
def test_sources_that_cannot_be_used(paired_folders, given, words):
    (paired_folders / "empty").mkdir(exist_ok=True)
    with pytest.raises(GanzooError, match=words) as raised:
        open_sides(given.format(root=paired_folders))
    assert "\n" not in str(raised.value)


def test_data_that_does_not_fit(translator, paired_source):
    with pytest.raises(GanzooError, match="resize 8 is below crop 16"):
        unpaired(paired_source, crop=16, resize=8)
    x, y = translator.example_batch(4)
    with pytest.raises(GanzooError, match=r"ganzoo\.data\.unpaired"):
        translator.fit(x, verbose=0)
    with pytest.raises(GanzooError, match=r"ganzoo\.data\.unpaired"):
        translator.fit(x[:, :8], y[:, :8], verbose=0)
    for arguments, words in (
        (dict(crop=30), "multiple of 4"),
        (dict(crop=16, discriminator_strides=4), "too small for 4 strides"),
        (dict(domains=("a", "a")), "'a' twice"),
    ):
        with pytest.raises(GanzooError, match=words):
            _ = ganzoo.create("cyclegan", **{**TINY, **arguments}).discriminator
    for setting in ("feature_matching", "moment_matching"):
        with pytest.raises(GanzooError, match=setting):
            translator.compile(**{setting: 1.0})
