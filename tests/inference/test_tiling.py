"""An image in tiles is the image in one piece."""

import numpy as np
import pytest

import ganzoo
from ganzoo.inference.tiling import in_tiles, window_size, windows


def test_windows_are_of_one_length_and_answer_for_every_pixel_once():
    for length in range(1, 60):
        for tile in (1, 3, 8, 20):
            for reach in (0, 1, 5):
                found = windows(length, tile, reach)
                size = window_size(length, tile, reach)
                assert size <= max(length if length <= tile + 2 * reach else 0, tile + 2 * reach)
                assert [first for _, first, _ in found] == [0, *(last for _, _, last in found[:-1])]
                assert found[-1][2] == length
                for start, first, last in found:
                    assert 0 <= start <= start + size <= length
                    assert first < last
                    assert first - start >= reach or start == 0
                    assert start + size - last >= reach or start + size == length


@pytest.mark.parametrize(
    "arguments",
    [
        dict(blocks=2, width=8, kernel_size=3, upsampling="direct", normalization="none"),
        dict(blocks=1, width=8, kernel_size=9, upsampling="staged", normalization="batch", scale=2),
    ],
)
def test_tiles_equal_the_whole_and_reach_is_no_less_than_the_network_sees(arguments):
    model = ganzoo.create("srresnet", crop=32, **arguments)
    rng = np.random.default_rng(0)
    for weight in model.ema_generator.weights:
        # Large enough for a pixel to feel its farthest neighbor.
        if "kernel" in weight.path:
            weight.assign(rng.normal(0, 1 / np.sqrt(np.prod(weight.shape[:-1])), weight.shape))
    scale = model.scale
    network = lambda images: np.asarray(model.ema_generator(images, training=False))  # noqa: E731
    image = rng.integers(0, 65536, (61, 83, 3)).astype("uint16")
    whole = in_tiles(network, image, scale, 1000, model.reach)
    assert whole.shape == (61 * scale, 83 * scale, 3)
    for tile, batch_size in ((16, 1), (16, 4), (31, 1)):
        tiled = in_tiles(network, image, scale, tile, model.reach, batch_size)
        # Of 65,535 levels: what another order of additions makes.
        assert np.abs(tiled.astype(int) - whole).max() <= 2
    # A change of one pixel is seen `reach` pixels away at most, and nearly as far.
    changed = image.copy()
    changed[30, 40] = 65535 - changed[30, 40]
    difference = np.asarray(network(_batch(changed)) - network(_batch(image)))[0]
    rows = np.nonzero(np.abs(difference).max(axis=(1, 2)) > 1e-7)[0] // scale
    assert model.reach - 2 <= max(30 - rows.min(), rows.max() - 30) <= model.reach


def _batch(image):
    return image[None].astype("float32") / 32767.5 - 1


def test_output_that_is_not_finite_is_refused():
    with pytest.raises(ganzoo.GanzooError, match="not finite"):
        in_tiles(lambda x: np.full((1, 8, 8, 3), np.nan), np.zeros((4, 4, 3), "uint8"), 2, 16, 1)
