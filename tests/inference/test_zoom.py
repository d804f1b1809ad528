"""Translation between sides that show things in different sizes."""

import keras
import numpy as np
import pytest
from keras import ops

import ganzoo
from ganzoo import pixels
from ganzoo.data.unpaired import open_sides, unpaired
from ganzoo.errors import GanzooError
from ganzoo.evaluation.image_translation import baseline, evaluate_function
from ganzoo.networks.translation import residual_translator
from ganzoo.registry import model_class
from ganzoo.tasks.image_translation import ImageTranslation
from ganzoo.training.cycle import CycleModel

TINY = model_class("cyclegan").test_config


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


def test_a_network_sees_both_sides_at_one_size(paired_source, magnifying):
    given = dict(crop=20, resize=20, batch_size=4, flip=False, held_out=0.2)
    plain, larger = (unpaired.feed(paired_source, **given, zoom=zoom) for zoom in (1.0, 1.5))
    (x, y), (magnified, same) = (feed.make_batch(0, feed.indices(0)) for feed in (plain, larger))
    np.testing.assert_array_equal(same, y)
    whole = [pixels.zoomed_uint8(image, 1.5, outside=255) for image in open_sides(paired_source)[0].images]
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


def test_magnification_alone_is_measured_beside_the_model(magnifying, paired_source):
    *_, magnified = baseline(magnifying, paired_source, ["paired_psnr"])
    assert magnified.name == "zoom alone"
    assert magnified.metrics == evaluate_function(magnifying.translate, paired_source, ["paired_psnr"]).metrics


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
