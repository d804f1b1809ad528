"""Text-to-image models as generators from latents that contain a text vector."""

import keras
import numpy as np
import pytest

import ganzoo
from ganzoo.data.avatar_captions import random_captions
from ganzoo.inference.directions import find_directions
from ganzoo.inference.latent import project
from ganzoo.metrics import get_extractor
from ganzoo.registry import model_class

CAPTIONS = ["a bald man", "a smiling woman", "a red hoodie"]


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return ganzoo.create("gan_int_cls", **model_class("gan_int_cls").test_config)


def test_a_latent_is_noise_followed_by_a_text_vector(model):
    faces = model.unconditional(CAPTIONS)
    latents = faces.latents(20, seed=3)
    assert latents.shape == (20, faces.latent_dim) == (20, 4 + 6)
    vectors = model.vectors(CAPTIONS)
    chosen = [int(np.abs(vectors - latent[4:]).max(axis=1).argmin()) for latent in latents]
    np.testing.assert_array_equal(vectors[chosen], latents[:, 4:])
    assert set(chosen) == {0, 1, 2}
    np.testing.assert_array_equal(faces.latents(5, seed=3), latents[:5])
    captions = [CAPTIONS[i] for i in chosen]
    expected = model.generate(captions=captions, latents=latents[:, :4])
    assert np.abs(faces.generate(20, seed=3).astype(int) - expected).max() <= 1
    # The text part counts by its direction alone.
    longer = np.concatenate([latents[:, :4], 1.7 * latents[:, 4:]], axis=1)
    assert np.abs(faces.generate(latents=longer).astype(int) - expected).max() <= 1
    with pytest.raises(ganzoo.GanzooError, match="must have shape"):
        faces.generate(latents=latents[:, :4])
    with pytest.raises(ganzoo.GanzooError, match="count is 3, but there are 20 latents"):
        faces.generate(3, latents=latents)
    # Captions that can be read once.
    np.testing.assert_array_equal(model.unconditional(iter(CAPTIONS)).latents(5, seed=3), latents[:5])
    with pytest.raises(ganzoo.GanzooError, match="captions are strings"):
        model.unconditional([])


def test_images_are_projected_onto_noise_and_text(model):
    faces = model.unconditional(CAPTIONS)
    latents, errors = project(faces, faces.generate(2, seed=1), steps=5, starts=1)
    assert latents.shape == (2, faces.latent_dim)
    assert np.isfinite(errors).all()


def test_attributes_of_avatars_change_and_the_others_stay():
    """The shipped model, by a classifier that the directions were not found with."""
    faces = ganzoo.load("gan_int_cls.avatars").unconditional(random_captions(1000))
    directions, judge = find_directions(faces, samples=2000, avoidance=0), get_extractor("avatars_judge")
    names = list(judge.attributes)
    place, beard = names.index("facial_hair"), judge.attributes["facial_hair"].index("beard")
    latents = faces.latents(80, seed=1)
    latents = latents[judge.values(faces.generate(latents=latents))[:, place] != beard]
    before = judge.values(faces.generate(latents=latents))
    after = judge.values(faces.generate(latents=directions.move(latents, facial_hair="beard")))
    assert (after[:, place] == beard).mean() > 0.8
    for name in ("hair", "hair_color", "clothes", "clothes_color"):
        assert (after == before)[:, names.index(name)].mean() > 0.85, name


def test_random_captions_leave_out_held_out_pairs():
    captions = random_captions(300, seed=4)
    assert captions == random_captions(300, seed=4)
    assert captions != random_captions(300, seed=5)
    assert not any("blond hair" in caption and "red hoodie" in caption for caption in captions)
