"""A DCGAN as in beginners' tutorials, trained and measured like a ganzoo run, for comparison.

    python benchmarks/tutorial_dcgan.py --cpu-minutes 40 --data idx:train-images-idx3-ubyte.gz
    python benchmarks/tutorial_dcgan.py --tutorial faces --cpu-minutes 15 --data avatars:16000 \\
        --test avatars:2000:seed=200 --extractor avatars_classifier --judge avatars_judge

`digits`, 28x28 gray, after TensorFlow's tutorial: a 7x7x256 projection, 5x5 transposed convolutions of 128, 64 and 1
channels, Keras' default batch norm; a discriminator of 64 and 128 channels with dropout 0.3 and without batch norm;
Adam at 1e-4 for both; batches of 256. `faces`, 64x64 RGB, after PyTorch's tutorial: 4x4 convolutions of 64 to 512
channels and batch norm in both networks, weights from N(0, 0.02), Adam at 2e-4 with beta_1 0.5, batches of 128. Neither
averages weights; the last weights are the result.
"""

import argparse
import json
import time

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from ganzoo.data.images import images
from ganzoo.metrics import frechet_distance, get_extractor
from ganzoo.metrics.cache import cached_statistics
from ganzoo.pixels import to_uint8

LATENT = 100


def digits():
    """The generator, the discriminator, the arguments of Adam and the batch size for 28x28 gray images."""
    generator = keras.Sequential(
        [
            keras.Input((LATENT,)),
            layers.Dense(7 * 7 * 256, use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Reshape((7, 7, 256)),
            layers.Conv2DTranspose(128, 5, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Conv2DTranspose(64, 5, strides=2, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Conv2DTranspose(1, 5, strides=2, padding="same", use_bias=False, activation="tanh"),
        ]
    )
    discriminator = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(64, 5, strides=2, padding="same"),
            layers.LeakyReLU(),
            layers.Dropout(0.3),
            layers.Conv2D(128, 5, strides=2, padding="same"),
            layers.LeakyReLU(),
            layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )
    return generator, discriminator, dict(learning_rate=1e-4), 256


def faces():
    """The same for 64x64 RGB images."""
    options = dict(use_bias=False, kernel_initializer=keras.initializers.RandomNormal(0.0, 0.02))

    def norm():
        gamma = keras.initializers.RandomNormal(1.0, 0.02)
        return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, gamma_initializer=gamma)

    generator = [keras.Input((LATENT,)), layers.Reshape((1, 1, LATENT))]
    generator += [layers.Conv2DTranspose(512, 4, **options), norm(), layers.ReLU()]
    for channels in (256, 128, 64):
        generator += [layers.Conv2DTranspose(channels, 4, 2, "same", **options), norm(), layers.ReLU()]
    generator += [layers.Conv2DTranspose(3, 4, 2, "same", activation="tanh", **options)]
    discriminator = [keras.Input((64, 64, 3)), layers.Conv2D(64, 4, 2, "same", **options), layers.LeakyReLU(0.2)]
    for channels in (128, 256, 512):
        discriminator += [layers.Conv2D(channels, 4, 2, "same", **options), norm(), layers.LeakyReLU(0.2)]
    discriminator += [layers.Conv2D(1, 4, **options), layers.Flatten()]
    networks = keras.Sequential(generator), keras.Sequential(discriminator)
    return *networks, dict(learning_rate=2e-4, beta_1=0.5), 128


TUTORIALS = {"digits": digits, "faces": faces}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tutorial", choices=TUTORIALS, default="digits")
    parser.add_argument("--data", required=True, help="source of the training images, e.g. idx:FILE")
    parser.add_argument("--test", help="source of the test images, measured at the end")
    parser.add_argument("--extractor", default="mnist_classifier")
    parser.add_argument("--judge", help="extractor of the distance to the test images; the same if not given")
    parser.add_argument(
        "--cpu-minutes", type=float, default=40, help="processor time to train for, on all cores together"
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    keras.utils.set_random_seed(options.seed)
    g, d, adam, batch_size = TUTORIALS[options.tutorial]()
    feed = images.feed(options.data, g.output_shape[1:], batch_size=batch_size, seed=options.seed)
    extractor = get_extractor(options.extractor)
    real = cached_statistics(extractor, feed.images)
    g_optimizer, d_optimizer = keras.optimizers.Adam(**adam), keras.optimizers.Adam(**adam)
    g_optimizer.build(g.trainable_variables)
    d_optimizer.build(d.trainable_variables)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)

    @tf.function
    def step(batch):
        with tf.GradientTape() as g_tape, tf.GradientTape() as d_tape:
            fake = g(tf.random.normal((batch_size, LATENT)), training=True)
            real_logits, fake_logits = d(batch, training=True), d(fake, training=True)
            g_loss = loss(tf.ones_like(fake_logits), fake_logits)
            d_loss = loss(tf.ones_like(real_logits), real_logits) + loss(tf.zeros_like(fake_logits), fake_logits)
        g_optimizer.apply(g_tape.gradient(g_loss, g.trainable_variables))
        d_optimizer.apply(d_tape.gradient(d_loss, d.trainable_variables))

    def distance(reference, count, extractor):
        latents = np.random.default_rng(0).standard_normal((count, LATENT), dtype="float32")
        return frechet_distance(
            reference, extractor.statistics(to_uint8(g.predict(latents, batch_size=250, verbose=0)))
        )

    trained, epoch = 0.0, 0
    while trained < 60 * options.cpu_minutes:
        began = time.process_time()
        for batch in feed.dataset():
            step(batch)
            if trained + time.process_time() - began > 60 * options.cpu_minutes:
                break
        trained += time.process_time() - began
        epoch += 1
        line = {
            "epoch": epoch,
            "training_cpu_seconds": round(trained, 1),
            "frechet_distance": distance(real, 5000, extractor),
        }
        print(json.dumps(line), flush=True)
    if options.test:
        judge = get_extractor(options.judge or options.extractor)
        test = cached_statistics(judge, images.feed(options.test, g.output_shape[1:]).images)
        print(json.dumps({"test_frechet_distance": distance(test, 10_000, judge)}))


if __name__ == "__main__":
    main()
