"""The experiments of the lecture, each a function that trains for seconds and returns numbers.

`python -m docs.lecture_plots` runs all of them and writes their numbers to docs/lecture/results.json, from which
`python -m docs.tables` makes the tables of the chapters. tests/test_lecture.py runs them, too.

The toys are points: two-dimensional ones on the ring of benchmarks/ring.py, or distributions on a line. The training
step, losses, penalties and regularizers are those of every model of the package.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

import ganzoo
from benchmarks import ring
from benchmarks.ring import Points
from ganzoo import backend, losses
from ganzoo.models.wgan import Clip

SGD = {"name": "sgd", "learning_rate": 0.1}


# What a generative model is.


def gaussian_fit(samples=2000):
    """The share of samples near a mode of the ring: of a Gaussian fitted by maximum likelihood, and of real data."""
    rng = np.random.default_rng(0)
    real = ring.CENTERS[rng.integers(0, 8, samples)] + rng.normal(0, 0.02, (samples, 2))
    fitted = rng.multivariate_normal(real.mean(axis=0), np.cov(real.T), samples)
    return {"gaussian": near(fitted), "real": near(real), "samples": fitted}


def near(samples):
    return float((ring.nearest(samples) >= 0).mean())


# The game.


def optimal_discriminator(steps=1500, seed=0):
    """A discriminator trained against a generator that stands still, beside p / (p + q) and the divergence.

    Real: half of N(-2, 0.5) and half of N(0.5, 0.7); generated: N(1, 1).
    """
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    first = rng.random(64_000) < 0.5
    real = np.where(first, rng.normal(-2, 0.5, 64_000), rng.normal(0.5, 0.7, 64_000))[:, None].astype("float32")
    model = Points(_shift(1.0), _network(1, width=32), latent_dim=1)
    train(model, real, steps, batch=256, still=True, rate=3e-3, seed=seed, loss="minimax")
    x = np.linspace(-5, 5, 2001)
    p = (_normal(x, -2, 0.5) + _normal(x, 0.5, 0.7)) / 2
    q = _normal(x, 1, 1)
    learned = _sigmoid(_values(model.discriminator, x[:, None]))[:, 0]
    best = p / (p + q)
    middle, width = (p + q) / 2, x[1] - x[0]
    divergence = float(np.sum(_entropy(p, middle) + _entropy(q, middle)) * width / 2)
    generated = np.asarray(model.generator(rng.normal(size=(64_000, 1)).astype("float32")))
    logits = [_values(model.discriminator, points) for points in (real, generated)]
    value = -float(losses.get("minimax").discriminator(*logits))
    difference = float(np.sum(np.abs(learned - best) * middle) * width)
    return {
        "difference": difference,
        "value": value,
        "theory": 2 * divergence - float(np.log(4)),
        "divergence": divergence,
        "curves": np.stack([x, p, q, learned, best]),
    }


# Saturation.


def generator_gradients(scores=(0.01, 0.1, 0.5, 0.9)):
    """|d loss / d logit| of the generator for one image that the discriminator gives D(G(z)), by loss."""
    logits = np.log(np.asarray(scores) / (1 - np.asarray(scores))).astype("float32")[:, None]
    found = {}
    for name in ("minimax", "non_saturating", "least_squares", "wasserstein"):
        gradient = backend.input_gradient(losses.get(name).generator, ops.convert_to_tensor(logits))
        found[name] = [float(value) for value in np.abs(ops.convert_to_numpy(gradient))[:, 0] * len(logits)]
    return {"scores": [float(score) for score in scores], **found}


def confident_discriminator(most=600, seeds=(0, 1, 2)):
    """Steps until the generated mean is halfway to the real one, by loss and optimizer of the generator, against a
    discriminator that was trained alone first and takes five steps for each of the generator's. `most` where the mean
    never gets there."""
    optimizers = {"sgd": {"name": "sgd", "learning_rate": 0.002}, "adam": None}
    return {
        f"{loss}, {name}": [_steps_to_halfway(loss, optimizer, most, seed) for seed in seeds]
        for name, optimizer in optimizers.items()
        for loss in ("minimax", "non_saturating")
    }


def _steps_to_halfway(loss, optimizer, most, seed):
    keras.utils.set_random_seed(seed)
    real = np.random.default_rng(seed).normal((6, 0), 0.3, (64_000, 2)).astype("float32")
    model = Points(_network(4, 2), _network(2), latent_dim=4)
    train(model, real, 300, still=True, seed=seed, loss=loss)
    steps = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch % 10 == 0 and ring.samples_of(self.model, 256)[:, 0].mean() > 3:
                steps.append(batch)
                self.model.stop_training = True

    settings = {"generator_optimizer": optimizer} if optimizer else {}
    train(model, real, most, seed=seed, callbacks=[Watch()], loss=loss, discriminator_steps=5, **settings)
    return min([*steps, most])


# Steps of the discriminator.


def discriminator_steps(steps=2000, seeds=(0, 1, 2), ks=(1, 2, 5)):
    """Modes of the ring that a GAN finds with k discriminator steps per generator step."""
    return {f"k = {k}": [ring.modes_found(seed=seed, steps=steps, discriminator_steps=k) for seed in seeds] for k in ks}


# Mode collapse, and what helps.

REMEDIES = (
    "plain",
    "feature_matching",
    "minibatch_discrimination",
    "historical_averaging",
    "label_smoothing",
    "least_squares",
    "spectral_normalization",
    "instance_noise",
    "gradient_penalty",
    "r1",
)


def remedies(steps=2000, seeds=(0, 1, 2), names=REMEDIES):
    """Modes of the ring by remedy, and samples of the first seed."""
    modes, samples = {}, {}
    for name in names:
        settings = {"steps": steps, **ring.REGULARIZERS[name]}
        models = [ring.trained(seed=seed, **settings) for seed in seeds]
        modes[name] = [ring.found_by(model) for model in models]
        samples[name] = ring.samples_of(models[0])
    return {"modes": modes, "samples": samples}


def points_on_a_line(steps=500):
    """The Dirac GAN of Mescheder et al. 2018 (arXiv:1801.04406): real data is the point 0, the generator a point
    theta, the discriminator psi x. Distances of (theta, psi) from the equilibrium (0, 0), 1.41 at first."""
    choices = {
        "plain": {},
        "wasserstein": dict(loss="wasserstein"),
        "historical_averaging": dict(historical_averaging=0.5),
        "r1": dict(penalties=[{"name": "r1", "weight": 1.0}]),
    }
    paths = {name: _dirac(steps, **settings) for name, settings in choices.items()}
    distances = {name: round(float(np.linalg.norm(path[-1])), 3) for name, path in paths.items()}
    return {"distances": distances, "paths": paths}


def _dirac(steps, **settings):
    latents = keras.Input((1,))
    ones = ops.ones_like(latents)
    theta = layers.Dense(1, use_bias=False, kernel_initializer="ones", name="theta")
    x = keras.Input((1,))
    psi = layers.Dense(1, use_bias=False, kernel_initializer="ones", name="psi")
    model = Points(keras.Model(latents, theta(ones)), keras.Model(x, psi(x)), latent_dim=1)
    model.compile(generator_optimizer=SGD, discriminator_optimizer=SGD, ema_decay=0.0, seed=0, **settings)
    path = [(1.0, 1.0)]

    class Record(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            networks = (self.model.generator, self.model.discriminator)
            path.append(tuple(float(np.asarray(network.trainable_variables[0])[0, 0]) for network in networks))

    zeros = tf.data.Dataset.from_tensors(tf.zeros((4, 1))).repeat()
    model.fit(zeros, steps_per_epoch=steps, verbose=0, callbacks=[Record()])
    return np.array(path)


def smoothed_discriminator(steps=800, smoothing=0.1, seed=0):
    """D(x) on real points far from all generated ones, without and with one-sided label smoothing."""
    found = {}
    for name, value in (("without", 0.0), ("with", smoothing)):
        keras.utils.set_random_seed(seed)
        real = np.random.default_rng(seed).normal(-3, 0.3, (64_000, 1)).astype("float32")
        model = Points(_shift(3.0), _network(1, width=32), latent_dim=1)
        loss = {"name": "non_saturating", "smoothing": value}
        train(model, real, steps, still=True, rate=3e-3, seed=seed, loss=loss)
        found[name] = float(_sigmoid(_values(model.discriminator, real[:2000])).mean())
    return found


def batch_dependence(batches=8, seed=0):
    """How much the image of one latent changes with the rest of its batch during training, in percent of how much
    images of different latents differ."""
    found = {}
    for name, regularizers in (("batch", []), ("virtual_batch", [{"name": "virtual_batch_normalization", "size": 64}])):
        keras.utils.set_random_seed(seed)
        model = ganzoo.create("dcgan", image_shape=(28, 28, 1), width=16, generator_regularizers=regularizers)
        model.compile(seed=seed)
        # The reference batch of virtual batch normalization is taken where training begins.
        model.fit(np.random.default_rng(0).uniform(-1, 1, (64, 28, 28, 1)).astype("float32"), batch_size=64, verbose=0)
        one = model.latents(1, seed=seed)
        images = []
        for i in range(batches):
            batch = np.concatenate([one, model.latents(15, seed=100 + i)])
            images.append(ops.convert_to_numpy(model.generator(batch, training=True))[0])
        others = ops.convert_to_numpy(model.generator(model.latents(64, seed=seed), training=True))
        found[name] = float(100 * np.std(images, axis=0).mean() / np.std(others, axis=0).mean())
    return found


# Distances.


def separated_lines(distances=(0.0, 0.5, 1.0, 2.0, 4.0), steps=800, seed=0):
    """What a discriminator and two critics say of two parallel lines (Arjovsky et al. 2017, example 1), by distance.

    The Wasserstein distance is the distance of the lines; the Jensen-Shannon divergence is log 2 for any but 0.
    `clipped` is the critic's estimate divided by its mean gradient, as clipping leaves the scale open.
    """
    found = {
        "distances": list(distances),
        "divergence": [],
        "penalty": [],
        "clipped": [],
        "slope": [],
        "clipped_slope": [],
    }
    for distance in distances:
        heights = np.random.default_rng(seed).uniform(0, 1, (64_000, 1))
        real = np.concatenate([np.zeros_like(heights), heights], axis=1).astype("float32")
        for kind in ("divergence", "penalty", "clipped"):
            keras.utils.set_random_seed(seed)
            critic = _network(2)
            model = Points(_line(distance), critic, latent_dim=1)
            settings: dict = dict(loss="minimax" if kind == "divergence" else "wasserstein")
            if kind == "penalty":
                settings["penalties"] = [{"name": "gradient_penalty", "weight": 10}]
            if kind == "clipped":
                for variable in critic.trainable_variables:
                    variable.constraint = Clip(0.05)
            train(model, real, steps, still=True, rate=1e-3, seed=seed, **settings)
            fake = np.asarray(model.generator(model.latents(4096, seed=0)))
            logits = [_values(critic, points) for points in (real[:4096], fake)]
            cost = float(losses.get(settings["loss"]).discriminator(*logits))
            if kind == "divergence":
                found[kind].append((np.log(4) - cost) / 2)
                continue
            between = real[:4096] + np.random.default_rng(1).random((4096, 1)) * (fake - real[:4096])
            gradient = backend.input_gradient(critic, ops.convert_to_tensor(between.astype("float32")))
            slope = float(np.linalg.norm(ops.convert_to_numpy(gradient), axis=1).mean())
            found[kind].append(-cost)
            found["slope" if kind == "penalty" else "clipped_slope"].append(slope)
    return {name: [float(value) for value in values] for name, values in found.items()}


# BEGAN.


def equilibrium(epochs=12, gamma=0.5, seed=0):
    """A small BEGAN of digits: reconstruction errors of generated and real images, the balance k and the measure M,
    by epoch."""
    keras.utils.set_random_seed(seed)
    model = ganzoo.create("began", image_shape=(8, 8, 1), latent_dim=16, width=16)
    adam = {"name": "adam", "learning_rate": 1e-3, "beta_1": 0.5}
    loss = {"name": "boundary_equilibrium", "gamma": gamma, "rate": 0.02}
    model.compile(generator_optimizer=adam, discriminator_optimizer=adam, loss=loss, seed=seed)
    data = ganzoo.data.images("digits", image_shape=(8, 8, 1), batch_size=64, seed=seed)
    history = model.fit(data, epochs=epochs, verbose=0).history
    ratio = [fake / real for fake, real in zip(history["d_fake"], history["d_real"])]
    return {"ratio": ratio, "balance": history["balance"], "convergence": history["convergence"]}


# Tools.


def train(model, real, steps, batch=64, still=False, rate=1e-3, seed=0, callbacks=(), **settings):
    """Trains a model of points; with `still`, its generator does not move."""
    adam = {"name": "adam", "learning_rate": rate, "beta_1": 0.5}
    settings.setdefault("generator_optimizer", {"name": "sgd", "learning_rate": 0.0} if still else adam)
    model.compile(discriminator_optimizer=adam, ema_decay=0.0, seed=seed, **settings)
    data = tf.data.Dataset.from_tensor_slices(real).batch(batch).repeat()
    model.fit(data, steps_per_epoch=steps, verbose=0, callbacks=[*callbacks])


def _network(inputs, outputs=1, width=64):
    x = first = keras.Input((inputs,), name="inputs")
    for i in range(2):
        x = layers.Dense(width, "relu", kernel_initializer="he_normal", name=f"hidden{i}")(x)
    return keras.Model(first, layers.Dense(outputs, name="out")(x))


def _shift(mean):
    """The generator of N(mean, 1)."""
    latents = keras.Input((1,))
    bias = keras.initializers.Constant(mean)
    return keras.Model(
        latents, layers.Dense(1, kernel_initializer="ones", bias_initializer=bias, name="shift")(latents)
    )


def _line(distance):
    """The generator of points at this distance, their heights uniform in [0, 1]."""
    latents = keras.Input((1,))
    # The normal distribution function makes Gaussian latents uniform.
    height = (1 + ops.erf(latents / np.sqrt(2))) / 2
    bias = keras.initializers.Constant(distance)
    place = layers.Dense(1, kernel_initializer="zeros", bias_initializer=bias, name="place")(latents)
    return keras.Model(latents, ops.concatenate([place, height], axis=1))


def _values(network, points):
    return ops.convert_to_numpy(network(np.asarray(points, "float32"), training=False))


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _normal(x, mean, deviation):
    return np.exp(-(((x - mean) / deviation) ** 2) / 2) / (deviation * np.sqrt(2 * np.pi))


def _entropy(p, q):
    """p log(p / q), 0 where p is."""
    return np.where(p > 0, p * np.log(np.maximum(p, 1e-300) / np.maximum(q, 1e-300)), 0.0)
