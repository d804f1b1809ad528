"""What is particular to cyclegan and to the translation of images."""

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from keras import ops
from PIL import Image

import ganzoo
from ganzoo import pixels
from ganzoo.cli import main
from ganzoo.data.unpaired import open_sides, split_names, unpaired
from ganzoo.errors import GanzooError
from ganzoo.evaluation.image_translation import baseline, best_curves, evaluate_function
from ganzoo.inference.tiling import in_blended_tiles
from ganzoo.inference.transparency import over_background
from ganzoo.networks.translation import residual_translator
from ganzoo.registry import model_class
from ganzoo.tasks.image_translation import ImageTranslation
from ganzoo.training.cycle import CycleModel
from ganzoo.training.image_pool import ImagePool
from ganzoo.training.noise import Noise
from ganzoo.training.optimizers import LinearDecay

TINY = model_class("cyclegan").test_config


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    model = ganzoo.create("cyclegan", **TINY, domains=("day", "night"))
    model.compile(pool_size=6)
    return model


@pytest.fixture(scope="module")
def paired_folders(tmp_path_factory):
    """Two folders with 20 images of the same names: those of the second are the negatives of the first."""
    root = tmp_path_factory.mktemp("paired_folders")
    for side in "AB":
        (root / side).mkdir()
    for i in range(20):
        image = np.full((24, 20, 3), 10 * i, "uint8")
        image[:12, :, 0] = 200
        for side, shown in (("A", image), ("B", 255 - image)):
            Image.fromarray(shown).save(root / side / f"{i:02}.png")
    return root


def source(root, part=""):
    return f"folders:{root}/A,{root}/B{part}"


# The pool.


def numbered(*numbers):
    return np.stack([np.full((1, 1, 1), number, "float32") for number in numbers])


def exchanged(pool, step, *numbers):
    noise = Noise(seed=0)
    noise.start_step(step)
    return ops.convert_to_numpy(pool.exchange(ops.convert_to_tensor(numbered(*numbers)), noise)).ravel().tolist()


def test_a_pool_first_fills_and_then_exchanges_half_of_the_images():
    pool = ImagePool(4, (1, 1, 1))
    assert exchanged(pool, 0, 1, 2, 3) == [1, 2, 3]
    # One more has room.
    assert exchanged(pool, 1, 4, 5, 6) == [4, 5, 6]
    assert sorted(np.array(pool.images).ravel()) == [1, 2, 3, 4]
    given, taken, held = [], [], {1, 2, 3, 4}
    for step in range(2, 302):
        new = (10 * step, 10 * step + 1)
        answer = exchanged(pool, step, *new)
        for ours, theirs in zip(new, answer):
            given.append(ours)
            if theirs != ours:
                # An image of an earlier step, which leaves the pool.
                held.remove(theirs)
                held.add(ours)
                taken.append(theirs)
        assert sorted(np.array(pool.images).ravel()) == sorted(held)
    # One half, within four standard deviations.
    assert abs(len(taken) / len(given) - 0.5) < 4 * 0.5 / np.sqrt(len(given))
    assert len(set(taken)) == len(taken)


def test_a_batch_larger_than_the_pool_passes():
    pool = ImagePool(2, (1, 1, 1))
    for step in range(20):
        answer = exchanged(pool, step, *range(5 * step, 5 * step + 5))
        assert answer[2:] == list(range(5 * step + 2, 5 * step + 5))
        assert len(set(answer)) == 5


def test_training_goes_on_from_a_file_as_without_a_break(model, tmp_path):
    batches = [model.example_batch(4, seed) for seed in range(5)]
    for batch in batches[:3]:
        model.train_on_batch(*batch)
    model.save(tmp_path / "model.keras")
    loaded = ganzoo.load(tmp_path / "model.keras")
    for batch in batches[3:]:
        for one in (model, loaded):
            one.train_on_batch(*batch)
    pools = [
        {w.path.split("/", 1)[-1]: np.array(w) for w in one.weights if "pool" in w.path} for one in (model, loaded)
    ]
    assert any(array.any() for array in pools[0].values())
    for ours, theirs in zip(model.weights, loaded.weights):
        np.testing.assert_allclose(np.array(ours), np.array(theirs), atol=1e-6, err_msg=ours.path)


# The losses.


def test_a_cycle_of_identities_is_free():
    model = ganzoo.create("cyclegan", **TINY)
    model.compile(pool_size=0)
    for name in model.generators:
        images = keras.Input((None, None, 3))
        setattr(model, name, keras.Model(images, keras.layers.Identity()(images)))
    x, y = model.example_batch(2)
    # Neither cycle nor identity costs anything, only the adversarial loss is left.
    logits = np.array(model.discriminator(x)), np.array(model.backward_discriminator(y))
    loss = float(model.generator_loss((x, y)))
    assert loss == pytest.approx(sum(np.mean((one - 1) ** 2) for one in logits), rel=1e-4)
    model.adversarial_weight = 0.0
    assert float(model.generator_loss((x, y))) == 0.0


def test_losses_are_those_of_the_paper(model):
    x, y = model.example_batch(3, seed=9)
    g, f = model.generator, model.backward_generator
    d_y, d_x = model.discriminator, model.backward_discriminator
    fake_y, fake_x = np.array(g(x)), np.array(f(y))

    def l1(a, b):
        return np.abs(np.array(a) - b).mean()

    adversarial = np.mean((np.array(d_y(fake_y)) - 1) ** 2) + np.mean((np.array(d_x(fake_x)) - 1) ** 2)
    cycle, identity = l1(f(fake_y), x) + l1(g(fake_x), y), l1(g(y), y) + l1(f(x), x)
    g_loss = float(model.generator_loss((x, y), training=False))
    assert g_loss == pytest.approx(adversarial + 10 * cycle + 5 * identity, rel=1e-4)
    real = np.mean((np.array(d_y(y)) - 1) ** 2) + np.mean((np.array(d_x(x)) - 1) ** 2)
    fake = np.mean(np.array(d_y(fake_y)) ** 2) + np.mean(np.array(d_x(fake_x)) ** 2)
    d_loss = float(model.discriminator_loss((x, y), training=False))
    assert d_loss == pytest.approx((real + fake) / 2, rel=1e-4)


def test_residual_generators_begin_at_the_identity():
    model = ganzoo.create("cyclegan", **{**TINY, "output": "residual"})
    x, _ = model.example_batch(2)
    start = [float(np.abs(np.array(model.networks[name](x)) - x).mean()) for name in model.generators]
    assert 0 < max(start) < 0.02
    direct = ganzoo.create("cyclegan", **TINY).generator
    assert float(np.abs(np.array(direct(x)) - x).mean()) > 0.1


def test_linear_decay():
    rate = LinearDecay(2.0, constant_steps=10, decay_steps=4)
    assert [float(rate(step)) for step in (0, 10, 11, 13, 14, 99)] == [2.0, 2.0, 1.5, 0.5, 0.0, 0.0]


# The data.


def test_no_pairs_are_trained_on(paired_folders):
    feed = unpaired.feed(
        source(paired_folders, ":train"), crop=16, resize=20, batch_size=2, separate_pairs=True, held_out=0.2
    )
    # All images of a name have the same last channel, 10 times the name, or its negative.
    seen = [set(), set()]
    for step in range(3 * feed.batches_per_epoch):
        for side, batch in enumerate(feed.make_batch(step, feed.indices(step))):
            seen[side] |= {int(v) for v in pixels.to_uint8(batch)[:, 8, 8, 2]}
    names = [{value // 10 for value in seen[0]}, {(255 - value) // 10 for value in seen[1]}]
    assert not names[0] & names[1]
    test = {int(name.removesuffix(".png")) for name in open_sides(source(paired_folders, ":test"))[0].names}
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


def test_batches_are_the_same_for_the_same_step(paired_folders):
    feeds = [
        unpaired.feed(source(paired_folders), crop=16, resize=20, batch_size=3, pad=2, repeats=4) for _ in range(2)
    ]
    assert feeds[0].count == 4 * 19
    (x, y), again = (feed.make_batch(30, feed.indices(30)) for feed in feeds)
    np.testing.assert_array_equal((x, y), again)
    assert x.shape == y.shape == (3, 16, 16, 3)
    assert x.dtype == np.float32


def test_transparency_is_composed_over_the_background(tmp_path):
    clear = np.zeros((20, 20, 4), "uint8")
    clear[:10] = (255, 0, 0, 255)
    for side in "AB":
        (tmp_path / side).mkdir()
        Image.fromarray(clear).save(tmp_path / side / f"{side}.png")
    opened, _ = open_sides(source(tmp_path), background=(0, 0, 255))
    np.testing.assert_array_equal(np.unique(opened.images[0].reshape(-1, 3), axis=0), [[0, 0, 255], [255, 0, 0]])
    feed = unpaired.feed(source(tmp_path), crop=20, resize=20, batch_size=1, held_out=0, background=(0, 0, 255))
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


def test_data_that_does_not_fit(model, paired_folders):
    with pytest.raises(GanzooError, match="resize 8 is below crop 16"):
        unpaired(source(paired_folders), crop=16, resize=8)
    x, y = model.example_batch(4)
    with pytest.raises(GanzooError, match=r"ganzoo\.data\.unpaired"):
        model.fit(x, verbose=0)
    with pytest.raises(GanzooError, match=r"ganzoo\.data\.unpaired"):
        model.fit(x[:, :8], y[:, :8], verbose=0)
    for arguments, words in (
        (dict(crop=30), "multiple of 4"),
        (dict(crop=16, discriminator_strides=4), "too small for 4 strides"),
        (dict(domains=("a", "a")), "'a' twice"),
    ):
        with pytest.raises(GanzooError, match=words):
            _ = ganzoo.create("cyclegan", **{**TINY, **arguments}).discriminator
    with pytest.raises(GanzooError, match="feature_matching"):
        model.compile(feature_matching=1.0)


# Inference.


def test_images_of_any_size_and_number_are_translated(model):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, 21, 30, 3), "uint8")
    forth = model.translate(images)
    assert (forth.shape, forth.dtype) == (images.shape, np.uint8)
    np.testing.assert_allclose(model.translate(images[1]).astype(int), forth[1], atol=1)
    np.testing.assert_array_equal(model.translate(images, "day_to_night"), forth)
    back = model.translate(images, "backward")
    np.testing.assert_array_equal(model.translate(images, "night_to_day"), back)
    assert (forth != back).any()
    several = model.translate([images[0], images[1, :7, :5]])
    assert [one.shape for one in several] == [(21, 30, 3), (7, 5, 3)]
    gray = images[0, ..., 0]
    np.testing.assert_array_equal(model.translate(gray), model.translate(np.stack([gray] * 3, axis=-1)))


def test_alpha_is_kept_and_the_result_is_the_translation_within_the_outline(model):
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (24, 32, 4), "uint8")
    image[:8, :, 3], image[16:, :, 3] = 0, 255
    translated = model.translate(image)
    np.testing.assert_array_equal(translated[..., 3], image[..., 3])
    whole = model.translate(over_background(image, (255, 255, 255)))
    np.testing.assert_array_equal(translated[16:, :, :3], whole[16:])
    # Colors of transparent pixels have no effect.
    other = image.copy()
    other[:8, :, :3] = 77
    np.testing.assert_array_equal(model.translate(other)[8:], translated[8:])
    both = np.stack([image, image])
    np.testing.assert_allclose(model.translate(both)[1].astype(int), translated, atol=2)
    assert model.translate(image[..., 2:]).shape == (24, 32, 4)


def test_large_images_are_translated_in_tiles_without_seams(model):
    rng = np.random.default_rng(2)
    image = rng.integers(0, 256, (70, 93, 3), "uint8")
    done = []
    tiled = model.translate(image, tile=40, progress=lambda *count: done.append(count))
    assert tiled.shape == image.shape
    assert done[-1] == (len(done), len(done))
    assert len(done) > 1
    np.testing.assert_array_equal(in_blended_tiles(lambda x: x, image, tile=32, overlap=8), image)
    # Where tiles disagree, one fades into the next: no step is larger than between them, divided by the overlap.
    shades = iter(np.linspace(-0.5, 0.5, 30))
    faded = in_blended_tiles(lambda x: np.full_like(x, next(shades)), np.zeros((32, 93, 3), "uint8"), 32, 8)
    steps = np.abs(np.diff(faded[0, :, 0].astype(int)))
    assert steps.max() <= 2
    assert steps.any()


# Sides that show things in different sizes.


def model_with(translated, zoom):
    """A model whose two generators are a function of images, for sides of which the second shows things `zoom` times as
    large."""

    def generator():
        images = keras.Input((None, None, 3))
        return keras.Model(images, translated(images))

    def discriminator():
        return keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Conv2D(1, 4)])

    class Model(ImageTranslation, CycleModel):
        def __init__(self):
            made = {name: generator() for name in self.generators}
            super().__init__({**made, **dict.fromkeys(self.discriminators, discriminator)})
            self.compared_shape = (16, 16, 3)
            self.set_sides(16, ("small", "large"), zoom=zoom)

    return Model()


@pytest.fixture(scope="module")
def magnifying():
    """A model whose networks change nothing, for sides of which the second shows things 1.5 times as large."""
    return model_with(lambda images: keras.layers.Identity()(images), 1.5)


def square(side, size=48):
    """A dark square of this side in the middle of a white image, with the alpha of a larger square."""
    image = np.full((size, size, 4), 255, "uint8")
    image[..., 3] = 0
    first = (size - side) // 2
    image[first - 2 : first + side + 2, first - 2 : first + side + 2, 3] = 255
    image[first : first + side, first : first + side, :3] = 30
    return image


def dark_side(image):
    """Side of the dark square in an image, in pixels."""
    return np.sqrt(np.mean((255 - image[..., :3].astype(float)) / 225) * image.shape[0] * image.shape[1])


def test_images_are_magnified_on_the_way_there_and_reduced_on_the_way_back(magnifying):
    image = square(20)
    there, back = magnifying.translate(image[..., :3]), magnifying.translate(image[..., :3], "backward")
    assert dark_side(there) == pytest.approx(30, abs=0.3)
    assert dark_side(back) == pytest.approx(20 / 1.5, abs=0.3)
    # About the center.
    for one in (there, back):
        np.testing.assert_array_equal(one, one[::-1])
        np.testing.assert_array_equal(one, one[:, ::-1])
    # A reduced image is surrounded by the background, and transparent there.
    whole = np.full((24, 24, 4), 255, "uint8")
    whole[..., :3] = 90
    reduced = magnifying.translate(whole, "backward", background=(9, 200, 30))
    assert reduced[0, 0].tolist()[3] == 0
    assert magnifying.translate(whole[..., :3], "backward", background=(9, 200, 30))[0, 0].tolist() == [9, 200, 30]
    assert reduced[12, 12].tolist() == [90, 90, 90, 255]
    again = magnifying.translate(there, "backward")
    assert np.abs(again.astype(int) - image[..., :3]).mean() < 3
    # Alpha goes along, and neither batches nor tiles make a difference.
    alpha = magnifying.translate(image)[..., 3]
    assert alpha.sum() / 255 == pytest.approx((1.5 * 24) ** 2, rel=0.02)
    np.testing.assert_array_equal(magnifying.translate(image[None])[0], magnifying.translate(image))
    np.testing.assert_array_equal(magnifying.translate(image[..., :3], tile=16), there)
    # As the endpoints of an exported model, which do not round in between.
    for name, result in (("serve_uint8", there), ("serve_backward_uint8", back)):
        computed = np.array(magnifying.endpoints()[name].compute(image[None, ..., :3]))
        np.testing.assert_allclose(computed[0].astype(int), result, atol=1)


def test_a_network_sees_both_sides_at_one_size(paired_folders, magnifying):
    given = dict(crop=20, resize=20, batch_size=4, flip=False, held_out=0.2)
    plain, larger = (unpaired.feed(source(paired_folders), **given, zoom=zoom) for zoom in (1.0, 1.5))
    (x, y), (magnified, same) = (feed.make_batch(0, feed.indices(0)) for feed in (plain, larger))
    np.testing.assert_array_equal(same, y)
    whole = [pixels.zoomed_uint8(image, 1.5, outside=255) for image in open_sides(source(paired_folders))[0].images]
    crops = [image[top : top + 20] for image in whole for top in range(5)]
    for before, after in zip(pixels.to_uint8(x), pixels.to_uint8(magnified)):
        assert (before != after).any()
        assert any((after == crop).all() for crop in crops)
    # Held-out images are translated as a user's, who does not magnify them.
    np.testing.assert_array_equal(larger.validation[0][0], plain.validation[0][0])
    assert magnifying.data_arguments() == {"crop": 16, "zoom": 1.5}


def test_images_are_magnified_before_the_network_and_reduced_after_it():
    """With generators that move an image to the right by 4 pixels and make it lighter than white."""

    def moved(images):
        x = keras.layers.ZeroPadding2D(((0, 0), (4, 0)))(images)
        x = keras.layers.Cropping2D(((0, 0), (0, 4)))(x)
        return keras.layers.Rescaling(1.0, 0.1)(x)

    def center(image):
        # Without the gray that comes in from the left.
        dark = np.where(image[..., 0] < 100, 255.0 - image[..., 0], 0)
        return float((dark.sum(axis=0) * np.arange(image.shape[1])).sum() / dark.sum())

    model, image = model_with(moved, 2.0), square(8, 64)[..., :3]
    there, back = model.translate(image), model.translate(image, "backward")
    # By 4 pixels of the side that is shown.
    assert center(there) - center(image) == pytest.approx(4, abs=0.1)
    assert center(back) - center(image) == pytest.approx(2, abs=0.1)
    # Networks see and give colors from black to white, in the endpoints, too.
    for name, result in (("serve_uint8", there), ("serve_backward_uint8", back)):
        computed = np.array(model.endpoints()[name].compute(image[None]))[0]
        np.testing.assert_allclose(computed.astype(int), result, atol=1)


def test_a_model_with_a_zoom_is_saved_with_it(tmp_path):
    model = ganzoo.create("cyclegan", **TINY, zoom=1.5)
    model.compile()
    model.save(tmp_path / "model.keras")
    loaded = ganzoo.load(tmp_path / "model.keras")
    assert loaded.zoom == 1.5
    image = square(16)[..., :3]
    np.testing.assert_array_equal(loaded.translate(image), model.translate(image))
    assert ganzoo.create("cyclegan", **TINY).data_arguments() == {"crop": 16}
    for zoom in (0, 3):
        with pytest.raises(GanzooError, match="zoom"):
            ganzoo.create("cyclegan", **TINY, zoom=zoom)
    with pytest.raises(GanzooError, match="unknown output 'residul'"):
        residual_translator(4, 1, output="residul")


def test_magnification_alone_is_measured_beside_the_model(magnifying, paired_folders):
    *_, magnified = baseline(magnifying, source(paired_folders), ["paired_psnr"])
    assert magnified.name == "zoom alone"
    assert magnified.metrics == evaluate_function(magnifying.translate, source(paired_folders), ["paired_psnr"]).metrics


def test_cubic_interpolation():
    row = np.array([0, 0, 0, 4, 0, 0, 0], "float32").reshape(1, 7, 1)
    expected = [-0.25, 0.0, 2.25, 4.0, 2.25, 0.0, -0.25]
    np.testing.assert_allclose(pixels.zoomed(row, 2.0, outside=0.0)[0, :, 0], expected)
    np.testing.assert_allclose(np.array(pixels.zoomed(ops.convert_to_tensor(row), 2.0, outside=0.0))[0, :, 0], expected)
    # Exact for straight lines, whatever the factor.
    line = np.arange(8, dtype="float32").reshape(1, 8, 1)
    np.testing.assert_allclose(
        pixels.zoomed(line, 1.25, outside=0.0)[0, 1:7, 0], 3.5 + (np.arange(1, 7) - 3.5) / 1.25, rtol=1e-6
    )
    # A color surrounds what is reduced.
    for one in (line, ops.convert_to_tensor(line)):
        assert np.array(pixels.zoomed(one, 0.5, outside=-1.0))[0, [0, -1], 0].tolist() == [-1.0, -1.0]
    colored = pixels.zoomed_uint8(np.full((8, 8, 3), 200, "uint8"), 0.5, outside=(1, 2, 3))
    assert colored[0, 0].tolist() == [1, 2, 3]
    assert (colored[2:6, 2:6] == 200).all()
    # In bands as at once.
    image = np.random.default_rng(0).integers(0, 256, (300, 40, 3), "uint8")
    at_once = np.clip(np.rint(pixels.zoomed(image.astype("float32"), 1.1, outside=0)), 0, 255)
    np.testing.assert_array_equal(pixels.zoomed_uint8(image, 1.1, outside=0), at_once)


@pytest.mark.parametrize(
    ("images", "direction", "words"),
    [
        (np.zeros((8, 8, 3), "uint8"), "forwards", "Did you mean 'forward'"),
        (np.zeros((8, 8, 3), "float32"), "forward", "takes uint8 images"),
        (np.zeros((8, 8, 5), "uint8"), "forward", "1 to 4 channels"),
        (np.zeros((0, 8, 8, 3), "uint8"), "forward", "at least one image"),
        (np.zeros((0, 8, 3), "uint8"), "forward", "takes uint8 images"),
        ([np.zeros((4, 4), "uint8"), np.zeros(4, "uint8")], "forward", "takes uint8 images"),
    ],
)
def test_what_cannot_be_translated(model, images, direction, words):
    with pytest.raises(GanzooError, match=words) as raised:
        model.translate(images, direction)
    assert "\n" not in str(raised.value)


def test_the_command_translates_files_and_folders(model, paired_folders, tmp_path):
    model.save(tmp_path / "mine.keras")
    runner = CliRunner()
    image = np.zeros((12, 16, 4), "uint8")
    image[4:] = (9, 200, 30, 255)
    Image.fromarray(image).save(tmp_path / "in.png")

    def run(*arguments):
        return runner.invoke(main, ["translate", *map(str, arguments), "--model", str(tmp_path / "mine.keras")])

    done = run(tmp_path / "in.png", tmp_path / "out.png", "--direction", "night_to_day")
    assert done.exit_code == 0, done.output
    written = np.array(Image.open(tmp_path / "out.png"))
    np.testing.assert_array_equal(written, model.translate(image, "backward"))
    assert run(paired_folders / "A", tmp_path / "B", "--format", "webp").exit_code == 0
    assert len(list((tmp_path / "B").glob("*.webp"))) == 20
    refused = run(tmp_path / "in.png", tmp_path / "out.png", "--direction", "sideways")
    assert refused.exit_code == 1
    assert "unknown direction 'sideways'" in refused.output
    assert "no transparency" in run(tmp_path / "in.png", tmp_path / "out.jpg").output


# Evaluation.


def test_the_best_curves_turn_negatives_into_positives(model, paired_folders):
    unchanged, curves = baseline(model, source(paired_folders), ["paired_psnr", "cycle_psnr"])
    # Equal images count as 100 dB.
    assert curves.metrics == {"paired_psnr_forward": 100.0, "paired_psnr_backward": 100.0}
    assert unchanged.metrics["paired_psnr_forward"] < 20
    assert unchanged.protocol == curves.protocol
    negative = evaluate_function(
        lambda images, _: [255 - image for image in images], source(paired_folders), ["cycle_psnr"]
    )
    assert negative.metrics == {"cycle_psnr_forward": 100.0, "cycle_psnr_backward": 100.0}


def test_curves_are_means_by_level():
    given, wanted = np.array([[0, 1], [9, 1], [9, 1]], "uint8"), np.array([[5, 0], [10, 0], [20, 9]], "uint8")
    curves = best_curves(given, wanted)
    assert curves[0, [0, 8, 9]].tolist() == [5, 8, 15]
    assert curves[1, 1] == 3


def test_validation_compares_with_the_ground_truth(model, paired_folders):
    feed = unpaired.feed(source(paired_folders), crop=16, batch_size=2, held_out=0.2)
    found = model.validation_metrics(feed, ganzoo.config.Evaluation()).compute(model)
    assert set(found) == {"paired_psnr", "cycle_psnr"}
    shown = model.preview(feed, 4)
    # Original, translation, return, ground truth.
    assert shown.shape == (4, *feed.validation[0][0].shape[:1], 4 * feed.validation[0][0].shape[1], 3)


def test_validation_without_pairs_measures_nothing(model, paired_folders, tmp_path):
    (tmp_path / "B").mkdir()
    for path in (paired_folders / "B").iterdir():
        (tmp_path / "B" / f"other-{path.name}").symlink_to(path)
    feed = unpaired.feed(f"folders:{paired_folders}/A,{tmp_path}/B", crop=16, batch_size=2, held_out=0.2)
    assert model.validation_metrics(feed, ganzoo.config.Evaluation()) is None
    assert len(model.preview(feed, 4)) == 4
    with pytest.raises(GanzooError, match="has no pairs"):
        evaluate_function(model.translate, f"folders:{paired_folders}/A,{tmp_path}/B")
