import logging
import tracemalloc

import numpy as np
import pytest

import ganzoo
from ganzoo import GanzooError
from ganzoo.inference import grid, latent
from ganzoo.inference.latent import lerp, project, slerp, truncated


def test_slerp_worked_out_by_hand():
    """A quarter turn in the plane: half way stands (1, 1)/sqrt 2; lengths 1 to 3 give 2 half way."""
    np.testing.assert_allclose(slerp([1, 0], [0, 1], 0.5), [2**-0.5, 2**-0.5], rtol=1e-6)
    np.testing.assert_allclose(slerp([1, 0], [0, 3], [0, 0.5, 1]), [[1, 0], [2**0.5, 2**0.5], [0, 3]], atol=1e-6)
    np.testing.assert_allclose(slerp([1, 0], [0, 1], 1 / 3), [np.cos(np.pi / 6), np.sin(np.pi / 6)], rtol=1e-6)
    np.testing.assert_allclose(lerp([1, 0], [0, 1], 0.25), [0.75, 0.25])


def test_slerp_of_parallel_vectors_stays_finite():
    np.testing.assert_allclose(slerp([1, 1], [2, 2], 0.5), [1.5, 1.5], rtol=1e-5)
    assert np.isfinite(slerp([1, 0], [-1, 0], [0.3, 0.5])).all()
    assert np.isfinite(slerp([0, 0], [0, 1], 0.5)).all()
    with pytest.raises(GanzooError, match="two latents"):
        slerp([1, 0], [1, 0, 0], 0.5)


def test_grid_places_images_row_by_row():
    images = np.arange(5, dtype="uint8")[:, None, None, None] * np.ones((1, 2, 3, 1), "uint8")
    sheet = grid(images, columns=3, gap=1)
    assert sheet.shape == (5, 11, 1)
    assert sheet[0, 0, 0] == 0
    assert sheet[0, 4, 0] == 1
    assert sheet[3, 4, 0] == 4
    assert sheet[2, 0, 0] == 255
    assert sheet[4, 10, 0] == 255


def test_many_models_generate_without_a_warning():
    """TensorFlow takes the functions of all models for one, and warns when it sees it traced again and again."""
    heard = []
    listener = logging.Handler()
    listener.emit = lambda record: heard.append(record.getMessage())
    logging.getLogger("tensorflow").addHandler(listener)
    try:
        for _ in range(6):
            model = ganzoo.create("gan", image_shape=(4, 4, 1), latent_dim=4)
            model.generate(2, seed=0)
    finally:
        logging.getLogger("tensorflow").removeHandler(listener)
    assert not heard


def test_images_of_a_seed_do_not_depend_on_how_many_are_made_at_a_time():
    model = ganzoo.create("gan", image_shape=(4, 4, 1), latent_dim=5)
    latents = model.latents(7, seed=3)
    np.testing.assert_array_equal(latents, np.random.default_rng(3).standard_normal((7, 5), dtype="float32"))
    whole = model.generate(7, seed=3)
    for batch_size in (1, 3, 7, 100):
        found = model.generate(7, seed=3, batch_size=batch_size)
        assert np.abs(found.astype(int) - whole).max() <= 1
        np.testing.assert_array_equal(found, model.generate(latents=latents, batch_size=batch_size))
    np.testing.assert_array_equal(model.generate(3, seed=3, batch_size=3), model.generate(7, seed=3, batch_size=3)[:3])


@pytest.mark.parametrize("name", ["gan", "cgan", "features"])
def test_many_results_take_little_more_memory_than_themselves(name):
    if name == "cgan":
        model = ganzoo.create("cgan", image_shape=(8, 8, 3), classes=3, latent_dim=64, width=2)
    else:
        model = ganzoo.create("gan", image_shape=(8, 8, 3), latent_dim=64, generator_widths=(4,))
    images = model.generate(4000, seed=0)
    make = (lambda: model.features(images)) if name == "features" else lambda: model.generate(4000, seed=0)
    tracemalloc.start()
    try:
        result = make()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # A batch of 250 images in float32 is a quarter of 4000 in uint8.
    assert peak < 1.7 * result.nbytes


def test_what_cannot_be_made_gets_one_line():
    model = ganzoo.create("gan", image_shape=(4, 4, 1), latent_dim=5)
    for make in (model.generate, model.latents, lambda count: latent.truncated(count, 5)):
        with pytest.raises(GanzooError, match="do not fit in memory"):
            make(10**14)
        for wrong in (0, -1, 2.0, True, "8"):
            with pytest.raises(GanzooError, match="count must be an integer of at least 1"):
                make(wrong)
    for wrong in (2.5, True, "8"):
        with pytest.raises(GanzooError, match="batch_size must be an integer"):
            model.generate(4, batch_size=wrong)
    # A small NumPy integer, to which the index of an image cannot be added.
    assert model.generate(130, seed=0, batch_size=np.int8(100)).shape == (130, 4, 4, 1)
    model = ganzoo.load("dcgan.digits")
    with pytest.raises(GanzooError, match=r"latents up to 1e\+38 make the network overflow"):
        model.generate(latents=np.full((2, model.latent_dim), 1e38))
    model.ema_generator.set_weights([np.nan * weight for weight in model.ema_generator.get_weights()])
    with pytest.raises(GanzooError, match="weights are damaged"):
        model.generate(2, seed=0)


def test_arithmetic_adds_and_takes_away_means():
    """(mean of 1, 3) + 10 - (mean of 4, 6) = 7 in the first place, and 0 in the second."""
    smile, man, neutral = [[1.0, 0.0], [3.0, 0.0]], [10.0, 0.0], [[4.0, 0.0], [6.0, 0.0]]
    np.testing.assert_array_equal(latent.arithmetic(plus=[smile, man], minus=[neutral]), [7.0, 0.0])
    with pytest.raises(GanzooError, match="the same length"):
        latent.arithmetic(plus=[smile], minus=[[1.0, 2.0, 3.0]])
    with pytest.raises(GanzooError, match="at least one group"):
        latent.arithmetic(plus=[])
    with pytest.raises(GanzooError, match="a group of latents is empty"):
        latent.arithmetic(plus=[smile], minus=[np.zeros((0, 2))])


@pytest.mark.parametrize("limit", [0.05, 0.7, 2.0])
def test_truncated_latents_stay_inside_and_keep_their_shape(limit):
    """Their deviation is that of a normal distribution cut at the limit, as SciPy knows it."""
    from scipy.stats import truncnorm

    latents = latent.truncated(500, 40, limit, seed=0)
    assert np.abs(latents).max() <= limit
    assert latents.std() == pytest.approx(truncnorm(-limit, limit).std(), rel=0.02)
    np.testing.assert_array_equal(latents, latent.truncated(500, 40, limit, seed=0))
    with pytest.raises(GanzooError, match="truncation must be a positive number"):
        latent.truncated(5, 4, 0.0)


def test_truncation_changes_only_what_is_beyond_the_limit():
    model = ganzoo.create("gan", image_shape=(4, 4, 1), latent_dim=50)
    plain, cut = model.latents(40, seed=3), model.latents(40, seed=3, truncation=0.8)
    inside = np.abs(plain) <= 0.8
    np.testing.assert_array_equal(cut[inside], plain[inside])
    assert np.abs(cut[~inside]).max() <= 0.8
    np.testing.assert_array_equal(cut[:7], latent.truncated(7, 50, 0.8, seed=3))
    np.testing.assert_array_equal(model.generate(latents=cut), model.generate(40, seed=3, truncation=0.8))
    with pytest.raises(GanzooError, match="truncation is for random latents"):
        model.generate(latents=cut, truncation=0.8)
    for wrong in (float("nan"), "x"):
        with pytest.raises(GanzooError, match=f"must be a positive number, got {wrong!r}"):
            model.generate(2, truncation=wrong)
    with pytest.raises(GanzooError, match="say how many: count=16"):
        model.generate(seed=0)


def test_a_walk_turns_through_its_points_and_returns():
    """A quarter turn and back; a third of it is 30 degrees."""
    found = np.stack(list(latent.walk(np.array([[1.0, 0.0], [0.0, 1.0]]), frames=3)))
    degrees = np.degrees(np.arctan2(found[:, 1], found[:, 0]))
    np.testing.assert_allclose(degrees, [0, 30, 60, 90, 60, 30], atol=1e-4)
    with pytest.raises(GanzooError, match="at least 2 points"):
        list(latent.walk(np.ones((1, 2)), frames=3))


def test_a_generated_image_is_found_again():
    model = ganzoo.load("dcgan.digits")
    images = model.generate(3, seed=11)
    found, errors = latent.project(model, images, steps=150, starts=3)
    rebuilt = model.generate(latents=found)
    measured = np.sqrt(((rebuilt.astype("float64") - images) ** 2).mean(axis=(1, 2, 3)))
    np.testing.assert_allclose(errors, measured, atol=0.5)
    strangers = np.sqrt(((model.generate(3, seed=12).astype("float64") - images) ** 2).mean(axis=(1, 2, 3)))
    assert (errors < strangers / 3).all()
    with pytest.raises(GanzooError, match="images to project are uint8"):
        latent.project(model, images[:, :-1])


def test_seeds_are_whole_numbers():
    model = ganzoo.create("dcgan", image_shape=(8, 8, 1), latent_dim=4, width=4)
    images = model.generate(1, seed=0)
    for seed in (-1, 1.5, "2"):
        for call in (lambda seed=seed: truncated(2, 4, seed=seed), lambda seed=seed: project(model, images, seed=seed)):
            with pytest.raises(ganzoo.GanzooError, match="seed must be an integer of at least 0"):
                call()
