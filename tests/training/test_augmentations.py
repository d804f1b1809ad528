"""What happens to images before the discriminator sees them."""

import numpy as np
import pytest

import ganzoo
from ganzoo.training.augmentations import get_augmentation
from ganzoo.training.noise import Noise


def applied(augmentation, images, step=0, seed=0):
    noise = Noise(seed)
    noise.start_step(step)
    return np.asarray(get_augmentation(augmentation)(images, noise))


def test_instance_noise_has_its_deviation_and_fades():
    images = np.zeros((50, 20, 20, 1), "float32")
    fading = {"name": "instance_noise", "deviation": 0.4, "steps": 100}
    assert applied(fading, images).std() == pytest.approx(0.4, rel=0.05)
    assert applied(fading, images, step=75).std() == pytest.approx(0.1, rel=0.05)
    assert applied(fading, images, step=100).std() == 0
    assert applied({"name": "instance_noise", "deviation": 0.4}, images, step=10**6).std() == pytest.approx(
        0.4, rel=0.05
    )


def test_translation_moves_whole_images_and_fills_with_zeros():
    """One bright pixel in the middle: it comes out once, moved by at most an eighth, or not at all."""
    images = np.zeros((200, 16, 16, 1), "float32")
    images[:, 8, 8] = 1
    moved = applied({"name": "diffaugment", "color": 0, "cutout": 0}, images)
    np.testing.assert_array_equal(moved.sum((1, 2, 3)), 1)
    rows, columns = np.argwhere(moved[..., 0] == 1)[:, 1:].T
    assert set(rows) == set(columns) == {6, 7, 8, 9, 10}
    assert len(set(zip(rows, columns))) > 15
    corner = np.zeros((200, 16, 16, 1), "float32")
    corner[:, 0, 0] = 1
    left = applied({"name": "diffaugment", "color": 0, "cutout": 0}, corner).sum((1, 2, 3))
    assert 0.2 < left.mean() < 0.55  # 3/5 of the shifts stay inside, on each of two axes: 0.36


def test_cutout_is_one_square_of_half_the_side():
    images = np.ones((300, 16, 16, 3), "float32")
    cut = applied({"name": "diffaugment", "color": 0, "translation": 0}, images)
    for image in cut:
        rows, columns = (np.flatnonzero((image[..., 0] == 0).any(axis)) for axis in (1, 0))
        assert len(rows) <= 8
        assert len(columns) <= 8
        assert (image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] == 0).all()
        assert (image == 0).sum() == 3 * len(rows) * len(columns)
    assert (cut == 0).mean(axis=(1, 2, 3)).max() == 0.25


def test_color_changes_brightness_saturation_and_contrast_and_nothing_else():
    """Each image's pixels keep their hue's order: a gray image stays gray, an even one even."""
    rng = np.random.default_rng(0)
    gray = np.repeat(rng.uniform(-1, 1, (40, 8, 8, 1)), 3, axis=3).astype("float32")
    changed = applied({"name": "diffaugment", "translation": 0, "cutout": 0}, gray)
    np.testing.assert_allclose(changed, np.repeat(changed[..., :1], 3, axis=3), atol=1e-5)
    shift = changed.mean((1, 2, 3)) - gray.mean((1, 2, 3))
    stretch = changed.std((1, 2, 3)) / gray.std((1, 2, 3))
    assert -0.5 <= shift.min() < -0.3 < 0.3 < shift.max() <= 0.5
    assert 0.5 <= stretch.min() < 0.65 < 1.35 < stretch.max() <= 1.5
    colored = rng.uniform(-1, 1, (40, 8, 8, 3)).astype("float32")
    changed = applied({"name": "diffaugment", "translation": 0, "cutout": 0}, colored)
    saturation = np.ptp(changed, axis=3).mean((1, 2)) / np.ptp(colored, axis=3).mean((1, 2)) / 1.0
    assert saturation.min() < 0.4
    assert saturation.max() > 1.6


def test_real_and_generated_images_are_changed_each_in_their_own_way():
    noise = Noise(0)
    noise.start_step(3)
    augmentation = get_augmentation("diffaugment")
    images = np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 3)).astype("float32")
    first, second = np.asarray(augmentation(images, noise)), np.asarray(augmentation(images, noise))
    assert (first != second).any()
    noise.start_step(3)
    np.testing.assert_array_equal(np.asarray(augmentation(images, noise)), first)


def test_wrong_values_say_so():
    with pytest.raises(ganzoo.GanzooError, match="Did you mean 'diffaugment'"):
        get_augmentation("difaugment")
    with pytest.raises(ganzoo.GanzooError, match=r"cutout must lie in \[0, 1\]"):
        get_augmentation({"name": "diffaugment", "cutout": 2})
