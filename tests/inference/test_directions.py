"""Directions of attributes, in a toy generator whose attributes are linear in known components of the latent."""

import keras
import numpy as np
import pytest

import ganzoo
from ganzoo import GanzooError
from ganzoo.inference.directions import edit_attributes, find_directions
from ganzoo.inference.selection import analogy, renormalized, select
from ganzoo.metrics.extractors import AttributeExtractor

SIZE, LENGTH = 4, 6
# Pixel p shows sum of latents times MIXED[:, p]; the attributes are read from the first three pixels.
ATTRIBUTES = {"shape": ("square", "circle"), "shade": ("dark", "light"), "rare": ("no", "yes")}


class Toy(ganzoo.ImageGeneration, ganzoo.AdversarialModel):
    """A GAN with a given generator, untrained."""


def toy_model(mixed=0.0, bent=False):
    """A generator whose first pixels are linear in the latent: pixel 0 = z0 + mixed z1, pixel 1 = z1, pixel 2 = z2.

    `bent` takes their absolute values.
    """
    latents, images = keras.Input((LENGTH,)), keras.Input((SIZE, SIZE, 1))
    pixels = keras.layers.Dense(SIZE * SIZE, use_bias=False, name="pixels")
    x = keras.layers.Reshape((SIZE, SIZE, 1))(pixels(latents))
    kernel = np.zeros((LENGTH, SIZE * SIZE), "float32")
    kernel[:3, :3] = 0.25 * np.eye(3)
    kernel[1, 0] = 0.25 * mixed
    pixels.kernel.assign(kernel)
    generator = keras.Model(latents, keras.layers.Rescaling(1.0, -0.17)(keras.ops.absolute(x)) if bent else x)
    discriminator = keras.Model(images, keras.layers.Dense(1)(keras.layers.Flatten()(images)))
    return Toy(generator, discriminator, latent_dim=LENGTH)


def toy_classifier(names=ATTRIBUTES, sharpness=8.0):
    """Each attribute has its second value where its pixel is brighter than gray; "rare" where it is nearly white."""
    images = keras.Input((SIZE, SIZE, 1))
    scaled = keras.layers.Flatten()(keras.layers.Rescaling(1 / 127.5, offset=-1.0)(images))
    logits = keras.layers.Dense(6, name="logits")
    network = keras.Model(images, [scaled, logits(scaled)])
    kernel, bias = np.zeros((SIZE * SIZE, 6), "float32"), np.zeros(6, "float32")
    for place in range(3):
        kernel[place, 2 * place + 1] = sharpness
    bias[5] = -0.97 * sharpness
    logits.kernel.assign(kernel)
    logits.bias.assign(bias)
    return AttributeExtractor(network, "toy", names)


@pytest.fixture(scope="module")
def toy():
    model, classifier = toy_model(), toy_classifier()
    return model, classifier, find_directions(model, classifier, samples=2000, seed=0)


def test_directions_are_those_of_the_generator(toy):
    _, _, directions = toy
    for place, (name, value) in enumerate((("shape", "circle"), ("shade", "light"))):
        expected = np.eye(LENGTH)[place]
        assert directions[name][value] @ expected > 0.99
        opposite = next(other for other in ATTRIBUTES[name] if other != value)
        assert directions[name][opposite] @ expected < -0.99
        assert directions.means(name, value, samples=2000) @ expected > 0.98
    assert directions.counts["shape"]["circle"] + directions.counts["shape"]["square"] == 2000
    assert abs(directions.counts["shape"]["circle"] - 1000) < 100


def test_a_direction_leaves_out_what_changes_other_attributes():
    """Where pixel 0 also shows z1, the mean difference has a part of z1; the direction keeps the shade."""
    directions = find_directions(toy_model(mixed=1.0), toy_classifier(), samples=2000)
    mean, direction = directions.means("shape", "circle", samples=2000), directions["shape"]["circle"]
    assert mean[1] > 0.6
    assert abs(direction[1]) < 0.2
    assert direction[0] > 0.97


def test_a_move_changes_one_attribute_and_keeps_the_others(toy):
    model, classifier, directions = toy
    latents = model.latents(200, seed=5)
    before = classifier.values(model.generate(latents=latents))
    moved = directions.move(latents, shape="circle")
    after = classifier.values(model.generate(latents=moved))
    assert (before[:, 0] == 0).sum() > 50
    assert (after[:, 0] == 1).mean() > 0.98
    assert (after[:, 1] == before[:, 1]).mean() > 0.93
    np.testing.assert_allclose(np.linalg.norm(moved, axis=1), np.linalg.norm(latents, axis=1), rtol=1e-4)
    # Images that show it already stay as they are.
    sure = classifier.probabilities(model.generate(latents=latents))["shape"][:, 1] > 0.95
    np.testing.assert_allclose(moved[sure], latents[sure], rtol=1e-5)
    both = edit_attributes(model, latents, {"shape": "circle", "shade": "dark"}, classifier, samples=2000)
    values = classifier.values(model.generate(latents=both))
    assert ((values[:, 0] == 1) & (values[:, 1] == 0)).mean() > 0.95


def test_strength_goes_from_the_latents_to_the_change_and_beyond(toy):
    model, _, directions = toy
    latents = model.latents(3, seed=5)
    np.testing.assert_array_equal(directions.move(latents, strength=0, shape="circle"), latents)
    np.testing.assert_array_equal(directions.move(latents), latents)
    places = [directions.move(latents, {"shape": "circle"}, strength)[:, 0] for strength in (0.0, 0.5, 1.0, 1.5)]
    changed = places[2] > places[0] + 1e-3
    assert changed.any()
    assert (np.diff(places, axis=0)[:, changed] > 0).all()


def test_the_same_seed_gives_the_same_directions(toy, monkeypatch, tmp_path):
    model, classifier, directions = toy
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path))
    again = find_directions(model, classifier, samples=2000, seed=0)
    other = find_directions(model, classifier, samples=2000, seed=1)
    np.testing.assert_array_equal(again["shape"]["circle"], directions["shape"]["circle"])
    assert (other["shape"]["circle"] != directions["shape"]["circle"]).any()
    latents = model.latents(5, seed=2)
    moved = [one.move(latents, shape="circle") for one in (directions, again)]
    np.testing.assert_array_equal(*moved)


def test_directions_are_cached_and_found_again_if_the_file_is_damaged(monkeypatch, tmp_path):
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path))
    model, classifier = toy_model(), toy_classifier()
    first = find_directions(model, classifier, samples=500)
    (path,) = tmp_path.iterdir()
    # What the file says is what comes back: it was read.
    with np.load(path) as stored:
        slopes, counts = stored["slopes"], stored["counts"]
    np.savez(path, slopes=slopes[:, ::-1], counts=counts + 1)
    assert find_directions(model, classifier, samples=500).counts["shape"]["circle"] == counts[1] + 1
    for content in (b"", b"no archive", path.read_bytes()[:-30]):
        path.write_bytes(content)
        found = find_directions(model, classifier, samples=500)
        np.testing.assert_array_equal(found["shape"]["circle"], first["shape"]["circle"])
        assert found.counts == first.counts
    np.savez(path, slopes=slopes[:-1], counts=counts)
    np.testing.assert_array_equal(
        find_directions(model, classifier, samples=500)["shape"]["circle"], first["shape"]["circle"]
    )
    # Another network of the same weights, other weights, another classifier and other settings have their own files.
    find_directions(toy_model(bent=True), classifier, samples=500)
    layer = model.inference_network.get_layer("pixels")
    layer.kernel.assign(layer.kernel * (1 + 1e-6))
    find_directions(model, classifier, samples=500)
    layer.kernel.assign(-layer.kernel)
    turned = find_directions(model, classifier, samples=500)
    assert turned["shape"]["circle"] @ first["shape"]["circle"] < -0.9
    find_directions(model, toy_classifier(sharpness=2.0), samples=500)
    find_directions(model, classifier, samples=501)
    assert len(list(tmp_path.iterdir())) == 6


def test_directions_of_other_latents_are_not_those_of_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path))

    class Shifted(Toy):
        """As of other captions, the latents differ, but not the first four."""

        def latents(self, count=None, seed=None, **options):
            found = super().latents(count, seed=seed, **options)
            found[4:] += 1.0
            return found

    model = toy_model()
    find_directions(model, toy_classifier(), samples=500)
    shifted = Shifted(model.generator, model.discriminator, latent_dim=LENGTH)
    for name, averages in model.averages.items():
        shifted.averages[name].set_weights(averages.get_weights())
    cached = find_directions(shifted, toy_classifier(), samples=500)
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path / "new"))
    assert cached.counts == find_directions(shifted, toy_classifier(), samples=500).counts
    # Without a seed, nothing is kept.
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path / "none"))
    find_directions(model, toy_classifier(), samples=500, seed=None)
    assert not (tmp_path / "none").exists()


def test_what_is_unknown_gets_the_nearest_name(toy):
    model, classifier, directions = toy
    latents = model.latents(2, seed=0)
    with pytest.raises(GanzooError, match=r"unknown attribute 'shpe'. Did you mean 'shape'\?"):
        directions.move(latents, shpe="circle")
    with pytest.raises(GanzooError, match=r"unknown value of shape 'circel'. Did you mean 'circle'\?"):
        directions.move(latents, shape="circel")
    with pytest.raises(GanzooError, match=r"unknown value of shape 'circel'. Did you mean 'circle'\?"):
        select(model, {"shape": ("square", "circel")}, 2, classifier)
    with pytest.raises(GanzooError, match=r"unknown attribute 'glases'. Did you mean 'glasses'\?"):
        edit_attributes(
            toy_model(), latents, {"glases": "round"}, toy_classifier({**ATTRIBUTES_WITH_GLASSES}), samples=99
        )
    with pytest.raises(GanzooError, match=r"unknown attribute 'shpe'. Did you mean 'shape'\?"):
        directions["shpe"]
    assert "nothing" not in directions
    assert directions.get("nothing") is None
    assert set(directions) == set(ATTRIBUTES)


ATTRIBUTES_WITH_GLASSES = {"glasses": ("none", "round"), "shade": ("dark", "light"), "rare": ("no", "yes")}


def test_a_value_that_too_few_images_show_has_no_direction(toy):
    model, classifier, directions = toy
    assert directions.counts["rare"]["yes"] < 20
    assert "yes" not in directions["rare"]
    with pytest.raises(GanzooError, match=r"of 2,000 generated images show rare=yes: .* more samples"):
        directions.move(model.latents(2, seed=0), rare="yes")
    with pytest.raises(GanzooError, match="of 500 generated images show rare=yes"):
        directions.means("rare", "yes", samples=500)
    with pytest.raises(GanzooError, match=r"of 500 generated images show rare=yes with a probability of 0.9, 30 are"):
        select(model, {"rare": "yes"}, 30, classifier, samples=500)


def test_what_cannot_be_meant_gets_one_line(toy):
    model, classifier, directions = toy
    latents = model.latents(2, seed=0)
    for strength in (float("nan"), float("inf"), "1", None, True):
        with pytest.raises(GanzooError, match="strength must be a finite number"):
            directions.move(latents, strength=strength, shape="circle")
    with pytest.raises(GanzooError, match="latents must have shape"):
        directions.move(latents[0], shape="circle")
    for samples in (12, 0, -5, "many"):
        with pytest.raises(GanzooError, match="samples must be an integer above twice the latent_dim 6"):
            find_directions(model, classifier, samples=samples)
    with pytest.raises(GanzooError, match=r"takes images of \(64, 64, 3\), the model generates \(4, 4, 1\)"):
        find_directions(model, "avatars_classifier")
    with pytest.raises(GanzooError, match="mnist_classifier does not classify attributes"):
        find_directions(model, "mnist_classifier")
    with pytest.raises(GanzooError, match="cgan generates from more than latents"):
        find_directions(ganzoo.create("cgan", image_shape=(8, 8, 1), classes=2, latent_dim=4, width=2), classifier)
    with pytest.raises(GanzooError, match="wanted must be a dictionary"):
        select(model, None, 2, classifier)
    with pytest.raises(GanzooError, match="confidence must be a number from 0 to 1"):
        select(model, {}, 2, classifier, confidence=1.5)


def test_selected_latents_show_what_was_asked_for(toy):
    model, classifier, _ = toy
    found = select(model, {"shape": "circle", "shade": ["dark"]}, 10, classifier, samples=1000, seed=3)
    probabilities = classifier.probabilities(model.generate(latents=found))
    assert (probabilities["shape"][:, 1] >= 0.9).all()
    assert (probabilities["shade"][:, 0] >= 0.9).all()
    # The first ones of the seed, so a larger count begins with a smaller one.
    pool = model.latents(1000, seed=3).tolist()
    places = [pool.index(latent) for latent in found.tolist()]
    assert places == sorted(places)
    np.testing.assert_array_equal(
        select(model, {"shape": "circle", "shade": ["dark"]}, 4, classifier, samples=1000, seed=3), found[:4]
    )
    # Several values of which one is enough.
    np.testing.assert_array_equal(
        select(model, {"shape": ("square", "circle")}, 7, classifier, seed=3), model.latents(7, seed=3)
    )


def test_an_analogy_adds_what_two_groups_differ_in(toy):
    """circle and light - circle and dark + square and dark = square and light."""
    model, classifier, _ = toy

    def group(seed, **wanted):
        return select(model, wanted, 5, classifier, seed=seed)

    latents = analogy(
        group(1, shape="square", shade="light"),
        group(2, shape="square", shade="dark"),
        group(3, shape="circle", shade="dark"),
    )
    assert latents.shape == (9, LENGTH)
    np.testing.assert_array_equal(classifier.values(model.generate(latents=latents))[:, :2], [[1, 1]] * 9)
    np.testing.assert_allclose(np.linalg.norm(latents, axis=1), LENGTH**0.5, rtol=1e-5)
    one = analogy([[3.0, 0.0]], [[1.0, 0.0]], [[0.0, 2.0]], count=1)
    np.testing.assert_allclose(one, [[1.0, 1.0]], rtol=1e-6)
    with pytest.raises(GanzooError, match="zeros has no direction"):
        renormalized(np.zeros((1, 3)))
    with pytest.raises(GanzooError, match="must have shape"):
        renormalized(np.ones(3))
