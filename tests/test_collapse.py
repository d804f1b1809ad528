"""The ring of eight Gaussians (Metz et al. 2016, arXiv:1611.02163, section 3.1): where a plain GAN loses modes, a
cured one finds them all."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import ganzoo

ANGLES = 2 * np.pi * np.arange(8) / 8
CENTRES = 2 * np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)


def modes_found(cures=(), **settings):
    """How many of the eight get at least a quarter of their share of the points, within a tenth of the radius."""

    def network(inputs, outputs, name):
        x = first = keras.Input((inputs,), name="inputs")
        for i in range(2):
            start = keras.initializers.Orthogonal(0.8, seed=i)
            x = layers.Dense(128, "relu", kernel_initializer=start, name=f"hidden{i}")(x)
        start = keras.initializers.Orthogonal(0.8, seed=9)
        return keras.Model(first, layers.Dense(outputs, kernel_initializer=start, name=name)(x))

    keras.utils.set_random_seed(0)
    model = ganzoo.AdversarialModel(
        network(16, 2, "point"), network(2, 1, "logit"), latent_dim=16, discriminator_cures=cures
    )
    model.compile(
        {"name": "adam", "learning_rate": 5e-4, "beta_1": 0.5},
        {"name": "adam", "learning_rate": 1.5e-3, "beta_1": 0.5},
        ema_decay=0.0,
        **settings,
    )
    rng = np.random.default_rng(0)
    points = CENTRES[rng.integers(0, 8, 12_800)] + rng.normal(0, 0.02, (12_800, 2))
    data = tf.data.Dataset.from_tensor_slices(points.astype("float32")).batch(64).repeat()
    model.fit(data, steps_per_epoch=2000, verbose=0)
    drawn = np.asarray(model(model.latents(2000, seed=0)))
    distances = np.linalg.norm(drawn[:, None] - CENTRES, axis=-1)
    found = np.bincount(distances.argmin(axis=1)[distances.min(axis=1) < 0.2], minlength=8)
    return int((found >= 2000 / 8 / 4).sum())


def test_a_plain_gan_loses_modes():
    assert modes_found() <= 6


@pytest.mark.parametrize(
    "cure",
    [
        dict(penalties=[{"name": "r1", "weight": 1}]),
        dict(cures=["spectral_normalization"]),
        dict(augmentations=[{"name": "instance_noise", "deviation": 1.0, "steps": 1200}]),
        dict(loss="wasserstein", penalties=[{"name": "gradient_penalty", "weight": 1}], discriminator_steps=5),
    ],
    ids=["r1", "spectral normalization", "instance noise", "gradient penalty"],
)
def test_a_cured_gan_finds_at_least_seven(cure):
    assert modes_found(**cure) >= 7
