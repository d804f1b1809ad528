"""`translate`: images of any size, their transparency, tiles, the command."""

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from ganzoo.cli import main
from ganzoo.errors import GanzooError
from ganzoo.inference.tiling import in_blended_tiles
from ganzoo.inference.transparency import over_background


def test_images_of_any_size_and_number_are_translated(translator):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, 21, 30, 3), "uint8")
    forth = translator.translate(images)
    assert (forth.shape, forth.dtype) == (images.shape, np.uint8)
    np.testing.assert_allclose(translator.translate(images[1]).astype(int), forth[1], atol=1)
    np.testing.assert_array_equal(translator.translate(images, "day_to_night"), forth)
    back = translator.translate(images, "backward")
    np.testing.assert_array_equal(translator.translate(images, "night_to_day"), back)
    assert (forth != back).any()
    several = translator.translate([images[0], images[1, :7, :5]])
    assert [one.shape for one in several] == [(21, 30, 3), (7, 5, 3)]
    gray = images[0, ..., 0]
    np.testing.assert_array_equal(translator.translate(gray), translator.translate(np.stack([gray] * 3, axis=-1)))


def test_alpha_is_kept_and_the_result_is_the_translation_within_the_outline(translator):
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (24, 32, 4), "uint8")
    image[:8, :, 3], image[16:, :, 3] = 0, 255
    translated = translator.translate(image)
    np.testing.assert_array_equal(translated[..., 3], image[..., 3])
    whole = translator.translate(over_background(image, (255, 255, 255)))
    np.testing.assert_array_equal(translated[16:, :, :3], whole[16:])
    # Colors of transparent pixels have no effect.
    other = image.copy()
    other[:8, :, :3] = 77
    np.testing.assert_array_equal(translator.translate(other)[8:], translated[8:])
    both = np.stack([image, image])
    np.testing.assert_allclose(translator.translate(both)[1].astype(int), translated, atol=2)
    assert translator.translate(image[..., 2:]).shape == (24, 32, 4)


def test_large_images_are_translated_in_tiles_without_seams(translator):
    rng = np.random.default_rng(2)
    image = rng.integers(0, 256, (70, 93, 3), "uint8")
    done = []
    tiled = translator.translate(image, tile=40, progress=lambda *count: done.append(count))
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
def test_what_cannot_be_translated(translator, images, direction, words):
    with pytest.raises(GanzooError, match=words) as raised:
        translator.translate(images, direction)
    assert "\n" not in str(raised.value)


def test_a_background_is_a_color(translator):
    for wrong in ((300, 0, 0), (1, 2), "red", None, (0, 0, float("nan"))):
        with pytest.raises(GanzooError, match=r"background is \(red, green, blue\) in 0\.\.255"):
            translator.translate(np.zeros((8, 8, 4), "uint8"), background=wrong)


def test_the_command_translates_files_and_folders(translator, paired_folders, tmp_path):
    translator.save(tmp_path / "mine.keras")
    runner = CliRunner()
    image = np.zeros((12, 16, 4), "uint8")
    image[4:] = (9, 200, 30, 255)
    Image.fromarray(image).save(tmp_path / "in.png")

    def run(*arguments):
        return runner.invoke(main, ["translate", *map(str, arguments), "--model", str(tmp_path / "mine.keras")])

    done = run(tmp_path / "in.png", tmp_path / "out.png", "--direction", "night_to_day")
    assert done.exit_code == 0, done.output
    written = np.array(Image.open(tmp_path / "out.png"))
    np.testing.assert_array_equal(written, translator.translate(image, "backward"))
    assert run(paired_folders / "A", tmp_path / "B", "--format", "webp").exit_code == 0
    assert len(list((tmp_path / "B").glob("*.webp"))) == 20
    refused = run(tmp_path / "in.png", tmp_path / "out.png", "--direction", "sideways")
    assert refused.exit_code == 1
    assert "unknown direction 'sideways'" in refused.output
    assert "no transparency" in run(tmp_path / "in.png", tmp_path / "out.jpg").output
