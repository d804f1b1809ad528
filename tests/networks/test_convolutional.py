import keras
import numpy as np
import pytest

import ganzoo
from ganzoo import GanzooError
from ganzoo.networks.convolutional import convolutional_discriminator, convolutional_generator


@pytest.mark.parametrize(
    ("shape", "channels"),
    [
        ((28, 28, 1), [8, 4]),
        ((32, 32, 3), [16, 8, 4]),
        ((56, 56, 1), [16, 8, 4]),
        ((64, 64, 3), [32, 16, 8, 4]),
        ((128, 128, 3), [32, 32, 16, 8, 4]),
        ((48, 96, 3), [16, 8, 4]),
    ],
)
def test_sizes_and_widths(shape, channels):
    generator = convolutional_generator(shape, 10, width=4, kernel_size=5, max_width=32)
    discriminator = convolutional_discriminator(shape, width=4, kernel_size=5, max_width=32)
    images = generator(np.random.default_rng(0).standard_normal((2, 10)))
    assert images.shape == (2, *shape)
    assert float(keras.ops.max(keras.ops.abs(images))) <= 1
    assert discriminator(images).shape == (2, 1)
    downs = [layer for layer in discriminator.layers if isinstance(layer, keras.layers.Conv2D)]
    assert [layer.filters for layer in downs] == channels[::-1]
    assert all(layer.strides == (2, 2) for layer in downs)


def test_the_papers_choices():
    """Section 3 of arXiv:1511.06434: where batch norm stands, which activation, no pooling; N(0, 0.02)."""
    generator = convolutional_generator((64, 64, 3), 100, width=64, kernel_size=5, max_width=1024)
    discriminator = convolutional_discriminator((64, 64, 3), width=64, kernel_size=5, max_width=1024)
    kinds = [[type(layer).__name__ for layer in network.layers] for network in (generator, discriminator)]
    block = ["Conv2DTranspose", "BatchNormalization", "ReLU"]
    assert kinds[0] == [
        *["InputLayer", "Dense", "Reshape", "BatchNormalization", "ReLU"],
        *block * 3,
        *["Conv2DTranspose", "Activation"],
    ]
    down = ["Conv2D", "BatchNormalization", "LeakyReLU"]
    assert kinds[1] == ["InputLayer", "Conv2D", "LeakyReLU", *down * 3, "Flatten", "Dense"]
    assert generator.get_layer("image_tanh").activation is keras.activations.tanh
    for layer in discriminator.layers:
        if isinstance(layer, keras.layers.LeakyReLU):
            assert layer.negative_slope == pytest.approx(0.2)
    kernel = np.asarray(generator.get_layer("up1").kernel)
    assert kernel.std() == pytest.approx(0.02, rel=0.02)
    # Parameters of the well-known 64x64 pair at width 64 with kernels of 5, counted by hand:
    # 100*16*512 + 2*512, then 25*in*out + 2*out for 256, 128, 64 and 25*64*3 + 3; batch norms have 2 more untrained.
    expected = 100 * 16 * 512 + 2 * 512 + sum(25 * 2 * c * c + 2 * c for c in (256, 128, 64)) + 25 * 64 * 3 + 3
    assert sum(int(np.prod(w.shape)) for w in generator.trainable_weights) == expected


def test_a_discriminator_without_batch_norm_keeps_the_bound_of_spectral_normalization():
    arguments = dict(
        image_shape=(32, 32, 3), latent_dim=4, width=4, discriminator_regularizers=["spectral_normalization"]
    )
    images = keras.random.uniform((8, 32, 32, 3), -1, 1, seed=1)
    # Nearly uniform images: batch norm enlarges the small differences between them.
    images = 0.5 + 1e-3 * images
    spread = {}
    for batch_norm in (True, False):
        model = ganzoo.create("dcgan", **arguments, discriminator_batch_norm=batch_norm)
        kinds = {type(layer).__name__ for layer in model.discriminator.layers}
        assert ("BatchNormalization" in kinds) == batch_norm
        for _ in range(20):
            logits = model.discriminator(images, training=True)
        spread[batch_norm] = float(keras.ops.std(logits))
    assert spread[True] > 10 * spread[False]


@pytest.mark.parametrize("shape", [(30, 30, 1), (6, 6, 1), (30, 28, 1), (64, 64, 2)])
def test_impossible_sizes_are_refused(shape):
    with pytest.raises(GanzooError, match="image_shape"):
        convolutional_generator(shape, 10, 4, 5, 32)
