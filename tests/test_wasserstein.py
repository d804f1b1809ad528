"""What is particular to WGAN and WGAN-GP."""

import keras
import numpy as np
import pytest

import ganzoo


def weights(network):
    return np.concatenate([np.ravel(w) for w in network.get_weights()])


def test_the_critics_weights_are_clipped_after_every_step():
    model = ganzoo.create("wgan", image_shape=(28, 28, 1), latent_dim=4, width=4, clip=0.005)
    model.compile()
    assert model.discriminator_steps == 5
    assert np.abs(weights(model.discriminator)).max() > 0.005
    model.fit(model.example_batch(20), batch_size=4, verbose=0)
    trained = [np.ravel(w) for w in model.discriminator.trainable_weights]
    largest = max(np.abs(w).max() for w in trained)
    assert largest == pytest.approx(0.005)
    with pytest.raises(ganzoo.GanzooError, match="clip must be positive"):
        ganzoo.create("wgan", clip=0)


def test_a_loaded_critic_is_built_and_clipped_when_training_needs_it(recwarn):
    model = ganzoo.load("wgan.mnist")
    model.generate(1, seed=0)
    assert not recwarn.list, "generating needs no critic"
    with pytest.warns(UserWarning, match="no weights of the discriminator"):
        model.discriminator  # noqa: B018
    model.fit(model.example_batch(20), batch_size=4, verbose=0)
    assert max(np.abs(w).max() for w in model.discriminator.trainable_weights) == pytest.approx(0.01)


@pytest.mark.parametrize("name", ["wgan", "wgan_gp"])
def test_the_estimate_of_the_distance_is_reported(name):
    model = ganzoo.create(name, image_shape=(28, 28, 1), latent_dim=4, width=4)
    model.compile()
    logs = {
        key: value[-1] for key, value in model.fit(model.example_batch(40), batch_size=8, verbose=0).history.items()
    }
    assert logs["wasserstein"] == pytest.approx(logs["d_real"] - logs["d_fake"], abs=1e-5)
    if name == "wgan":
        assert logs["d_loss"] == pytest.approx(-logs["wasserstein"], abs=1e-5)
    else:
        assert logs["d_loss"] > -logs["wasserstein"]


def test_the_penalized_critic_has_no_batch_norm():
    for layer_norm in (False, True):
        model = ganzoo.create("wgan_gp", image_shape=(32, 32, 1), width=4, critic_layer_norm=layer_norm)
        layers = model.discriminator.layers
        assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in layers)
        assert any(isinstance(layer, keras.layers.LayerNormalization) for layer in layers) == layer_norm


def test_the_gradient_penalty_pulls_the_critics_slope_towards_one():
    """A critic D(x) = d x against a still generator: its slope ends near 1, where the penalty alone would leave it."""

    class Slope(ganzoo.ImageGeneration, ganzoo.AdversarialModel):
        def __init__(self, slope: float):
            x, z = keras.Input((1,)), keras.Input((1,))
            start = keras.initializers.Constant
            generator = keras.Model(z, keras.layers.Dense(1, kernel_initializer=start(1.0), use_bias=False)(z))
            critic = keras.Model(x, keras.layers.Dense(1, kernel_initializer=start(slope), use_bias=False)(x))
            super().__init__(generator, critic, latent_dim=1)

    real = np.random.default_rng(0).normal(0, 1, (512, 1)).astype("float32")
    for slope in (0.2, 4.0):
        model = Slope(slope)
        still, sgd = {"name": "sgd", "learning_rate": 0.0}, {"name": "sgd", "learning_rate": 0.02}
        model.compile(
            generator_optimizer=still, discriminator_optimizer=sgd, loss="wasserstein", penalties=["gradient_penalty"]
        )
        model.fit(real, batch_size=64, epochs=5, verbose=0)
        # Real and generated numbers have the same mean, so the Wasserstein terms cancel but for noise.
        assert float(np.ravel(model.discriminator.get_weights()[0])[0]) == pytest.approx(1.0, abs=0.05)
