"""Modes of a ring of eight Gaussians found by a small GAN, plain and with each regularizer.

    python benchmarks/ring.py [--regularizers r1 instance_noise] [--seeds 0 1 2]

The ring of Metz et al. 2016 (arXiv:1611.02163, section 3.1): centers on a circle of radius 2, standard deviation 0.02.
Two hidden layers of 128 in both networks, batches of 64, Adam at 0.0005 (generator) and 0.0015 (discriminator). A mode
counts as found if at least a quarter of its share of 2,000 samples lies within a tenth of the radius of its center. The
training is chaotic: the results change with the number of threads and with versions.
"""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf
from keras import layers

import ganzoo

ANGLES = 2 * np.pi * np.arange(8) / 8
CENTERS = 2 * np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)
REGULARIZERS = {
    "plain": {},
    "r1": dict(penalties=[{"name": "r1", "weight": 1}]),
    "spectral_normalization": dict(regularizers=["spectral_normalization"]),
    "instance_noise": dict(augmentations=[{"name": "instance_noise", "deviation": 1.0, "steps": 1200}]),
    "instance_noise_longer": dict(
        augmentations=[{"name": "instance_noise", "deviation": 1.0, "steps": 3000}], steps=3000
    ),
    "gradient_penalty": dict(
        loss="wasserstein", penalties=[{"name": "gradient_penalty", "weight": 1}], discriminator_steps=5
    ),
    "label_smoothing": dict(loss={"name": "non_saturating", "smoothing": 0.1}),
    "least_squares": dict(loss="least_squares"),
    "minibatch_discrimination": dict(
        regularizers=[{"name": "minibatch_discrimination", "kernels": 4, "dimensions": 2}]
    ),
    "feature_matching": dict(feature_matching=1.0),
    "moment_matching": dict(moment_matching=1.0),
    "historical_averaging": dict(historical_averaging=0.01),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--regularizers", nargs="+", choices=REGULARIZERS, default=list(REGULARIZERS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    options = parser.parse_args()
    for name in options.regularizers:
        found = [modes_found(seed=seed, **REGULARIZERS[name]) for seed in options.seeds]
        print(f"{name:26} {' '.join(map(str, found))} of 8", flush=True)


class Points(ganzoo.ImageGeneration, ganzoo.AdversarialModel):
    """A GAN of points in the plane instead of images."""


def modes_found(regularizers=(), seed=0, steps=2000, **settings):
    """The number of modes that a GAN finds, with `regularizers` for its discriminator and `settings` for `compile`."""
    return found_by(trained(regularizers, seed, steps, **settings))


def trained(regularizers=(), seed=0, steps=2000, **settings):
    """A GAN of the ring, after `steps` steps."""
    keras.utils.set_random_seed(seed)
    model = Points(
        network(16, 2, "point", seed),
        network(2, 1, "logit", seed),
        latent_dim=16,
        discriminator_regularizers=regularizers,
    )
    model.compile(
        # Keras' own Adam, whose rounding the recorded results depend on.
        generator_optimizer=keras.optimizers.Adam(5e-4, beta_1=0.5),
        discriminator_optimizer=keras.optimizers.Adam(1.5e-3, beta_1=0.5),
        ema_decay=0.0,
        seed=seed,
        **settings,
    )
    rng = np.random.default_rng(seed)
    points = CENTERS[rng.integers(0, 8, 12_800)] + rng.normal(0, 0.02, (12_800, 2))
    data = tf.data.Dataset.from_tensor_slices(points.astype("float32")).batch(64).repeat()
    model.fit(data, steps_per_epoch=steps, verbose=0)
    return model


def found_by(model):
    """The number of modes among 2,000 samples of a model."""
    near = nearest(samples_of(model))
    return int((np.bincount(near[near >= 0], minlength=8) >= 2000 / 8 / 4).sum())


def samples_of(model, count=2000):
    return np.asarray(model(model.latents(count, seed=0)))


def nearest(samples):
    """The mode to which each sample belongs, or -1 where it is more than a tenth of the radius away from all."""
    distances = np.linalg.norm(samples[:, None] - CENTERS, axis=-1)
    return np.where(distances.min(axis=1) < 0.2, distances.argmin(axis=1), -1)


def network(inputs, outputs, name, seed):
    x = first = keras.Input((inputs,), name="inputs")
    for i in range(2):
        start = keras.initializers.Orthogonal(0.8, seed=10 * seed + i)
        x = layers.Dense(128, "relu", kernel_initializer=start, name=f"hidden{i}")(x)
    start = keras.initializers.Orthogonal(0.8, seed=10 * seed + 9)
    return keras.Model(first, layers.Dense(outputs, kernel_initializer=start, name=name)(x), name=f"to_{name}")


if __name__ == "__main__":
    main()
