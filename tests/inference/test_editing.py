"""Editing on the manifold: what is painted appears, what is kept stays, and candidates differ."""

import keras
import numpy as np
import pytest

import ganzoo
from ganzoo.errors import GanzooError
from ganzoo.inference.descent import compiled_descent
from ganzoo.inference.editing import before_and_after, edit, strokes


@pytest.fixture(scope="module")
def model():
    return ganzoo.load("dcgan.fashion_mnist")


def rms(first, second, where=np.s_[:]):
    return np.sqrt(((first.astype("float64") - second) ** 2)[where].mean())


def test_descent_ends_at_the_minimum():
    """Of a generator whose images are its latents, where the minimum is a weighted mean: calculated by hand."""
    network = keras.Sequential([keras.Input((4,)), keras.layers.Reshape((2, 2, 1))])
    start = np.array([[0.2, -0.4, 0.6, 0.0], [0.0, 0.0, 0.0, 1.0]])
    target = np.array([[1.0, -1.0, 0.5, 0.25]])
    weights = np.array([[0.5, 0.25, 0.0, 0.25]])
    prior, pull = 0.4, 0.8
    found = compiled_descent(network)(
        start, start, target.reshape(1, 2, 2, 1), weights.reshape(1, 2, 2, 1), [0.05, 1e-7, prior, pull], 2000
    )
    expected = (weights * target + pull / 4 * start) / (weights + prior / 4 + pull / 4)
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.fixture(scope="module")
def painted_edit(model):
    """The middle of one image painted on another, whose upper edge is kept."""
    # A piece of clothing and a shoe, whose middles differ.
    latents = model.latents(4, seed=5)[[0, 3]]
    before, other = model.generate(latents=latents)
    mask, keep = np.zeros((28, 28), bool), np.zeros((28, 28), bool)
    mask[10:20, 8:20], keep[:8] = True, True
    result = edit(model, latents[0], other, mask, keep, steps=150)
    return latents[0], before, other, mask, keep, result


def test_painted_pixels_become_those_of_another_image_and_kept_ones_stay(painted_edit):
    _, before, other, mask, keep, result = painted_edit
    best = result.images[0]
    assert rms(best, other, mask) < 0.5 * rms(before, other, mask)
    assert rms(best, before, keep) < 0.5 * rms(other, before, keep)


def test_errors_are_those_of_painted_and_kept_pixels(painted_edit):
    _, before, other, mask, keep, result = painted_edit
    wanted = np.where(mask[..., None], other, before)
    np.testing.assert_allclose(result.errors, [rms(one, wanted, mask | keep) for one in result.images], rtol=1e-4)


def test_candidates_are_ordered_and_differ(model, painted_edit):
    result = painted_edit[-1]
    assert len(result.images) == len(result.latents) == len(result.errors) == 4
    assert (np.diff(result.errors) >= 0).all()
    for i, one in enumerate(result.images):
        assert all(rms(one, other) > 2 for other in result.images[:i])
    np.testing.assert_array_equal(model.generate(latents=result.latents), result.images)


def test_a_seed_decides(model, painted_edit):
    latent, _, other, mask, keep, _ = painted_edit
    first, second, another = (edit(model, latent, other, mask, keep, steps=10, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.latents, second.latents)
    assert (first.latents != another.latents).any()


def test_kept_pixels_and_the_rest_stay_closer_the_more_they_count(model, painted_edit):
    latent, before, other, mask, keep, _ = painted_edit
    unmarked = ~mask & ~keep

    def change(where, **options):
        return rms(edit(model, latent, other, mask, candidates=1, **options).images[0], before, where)

    assert change(keep, keep=keep, rest=0) < 0.8 * change(keep, rest=0)
    assert change(unmarked, rest=1) < 0.8 * change(unmarked, rest=0)


def test_the_pull_and_the_prior_hold_latents(model, painted_edit):
    latent, _, other, mask, _, _ = painted_edit

    def found(**options):
        return edit(model, latent, other, mask, candidates=1, **options).latents[0]

    assert np.linalg.norm(found(pull=10) - latent) < 0.5 * np.linalg.norm(found() - latent)
    assert np.linalg.norm(found(prior=1)) < 0.8 * np.linalg.norm(found())


def test_images_that_agree_already_stay(model):
    latents = model.latents(4, seed=5)
    images = model.generate(latents=latents)
    for latent, before, other in zip(latents, images, np.roll(images, 1, axis=0)):
        result = edit(model, latent, before, np.ones((28, 28), bool), candidates=1)
        assert rms(result.images[0], before) < 0.15 * rms(other, before)


def test_a_class_stays_the_same():
    model = ganzoo.load("cgan.mnist")
    latent = model.latents(1, seed=0)[0]
    mask = np.zeros((28, 28), bool)
    mask[12:16, 12:16] = True
    white = np.full((28, 28, 1), 255, "uint8")
    result = edit(model, latent, white, mask, labels=3, candidates=2, steps=40)
    np.testing.assert_array_equal(
        model.generate(latents=result.latents, labels=[3] * len(result.latents)), result.images
    )
    assert len(before_and_after(model, latent, result.latents[0], 3, labels=3)) == 3
    with pytest.raises(GanzooError, match="a model of 10 classes needs the labels"):
        edit(model, latent, white, mask)


def test_the_way_from_before_to_after(model):
    before, after = model.latents(2, seed=0)
    images = before_and_after(model, before, after, 5)
    assert images.shape == (5, 28, 28, 1)
    np.testing.assert_array_equal(images[[0, -1]], model.generate(latents=np.stack([before, after])))
    differences = [rms(one, images[0]) for one in images]
    assert differences == sorted(differences)


def test_bad_input_gets_one_line(model):
    latent, image = model.latents(1, seed=0)[0], np.zeros((28, 28, 1), "uint8")
    mask = np.ones((28, 28), bool)
    for change, words in (
        (dict(latent=latent[:5]), r"latents must have shape \(count, 100\)"),
        (dict(latent=latent * np.nan), "latents must be finite"),
        (dict(painted=image[1:]), "painted colors are uint8"),
        (dict(painted=image / 255), "painted colors are uint8"),
        (dict(mask=mask[1:]), r"mask must be bool or float of shape \(28, 28\)"),
        (dict(mask=mask * 255), "mask must be bool or float"),
        (dict(mask=mask * 2.0), "mask must be between 0 and 1"),
        (dict(mask=mask * np.nan), "mask must be between 0 and 1"),
        (dict(keep=mask[None]), "keep must be bool or float"),
        (dict(mask=mask & False), "nothing is painted"),
        (dict(candidates=0), "count must be an integer of at least 1"),
        (dict(candidates=65), "candidates must be at most 64, got 65"),
        (dict(steps=0), "steps must be at least 1"),
        (dict(rest=1.5), "rest must be between 0 and 1"),
        (dict(variation=-1), "variation must be between 0 and 1"),
        (dict(labels=3), "the model has no classes"),
    ):
        with pytest.raises(GanzooError, match=words):
            edit(model, **{**dict(latent=latent, painted=image, mask=mask), **change})


def test_strokes_become_colors_and_shares_of_pixels():
    layer = np.zeros((8, 8, 4), "uint8")
    layer[:2, :2] = 200, 100, 0, 255
    layer[:2, 2:3] = 10, 20, 30, 255
    layer[4:6, 4:6] = 0, 255, 0, 128
    # Colors under transparency do not count.
    layer[6:, :2] = 255, 255, 255, 0
    painted, mask, keep = strokes(layer, (4, 4, 3), keep_color=(0, 255, 0))
    np.testing.assert_array_equal(mask[0], [1, 0.5, 0, 0])
    assert mask[1:].sum() == 0
    np.testing.assert_array_equal(painted[0, :2], [[200, 100, 0], [10, 20, 30]])
    assert keep[2, 2] == 1
    assert keep.sum() == 1
    assert strokes(layer, (4, 4, 3))[1][2, 2] == pytest.approx(128 / 255)
    gray, _, _ = strokes(layer, (4, 4, 1), keep_color=(0, 255, 0))
    assert gray[0, 0, 0] == round(0.299 * 200 + 0.587 * 100)
    for wrong in (layer[..., :3], layer / 255, layer[:0]):
        with pytest.raises(GanzooError, match="a layer is uint8"):
            strokes(wrong, (4, 4, 3))
