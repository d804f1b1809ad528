"""A DCGAN as in beginners' tutorials, trained and measured like a ganzoo run, for comparison.

    python benchmarks/tutorial_dcgan.py --cpu-minutes 40 --data idx:train-images-idx3-ubyte.gz

The tutorial's choices: a 7x7x256 projection, 5x5 transposed convolutions of 128, 64 and 1 channels, Keras' default
batch norm; a discriminator of 64 and 128 channels with dropout 0.3 and without batch norm; Adam at 1e-4 for both;
batches of 256; no averaging of weights, the last weights are the result.
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


def generator():
    return keras.Sequential(
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


def discriminator():
    return keras.Sequential(
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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="idx:FILE of the training images")
    parser.add_argument("--test", help="idx:FILE of the test images, measured at the end")
    parser.add_argument("--extractor", default="mnist_classifier")
    parser.add_argument(
        "--cpu-minutes", type=float, default=40, help="processor time to train for, on all cores together"
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    keras.utils.set_random_seed(options.seed)
    feed = images.feed(options.data, (28, 28, 1), batch_size=256, seed=options.seed)
    extractor = get_extractor(options.extractor)
    real = cached_statistics(extractor, feed.images)
    g, d = generator(), discriminator()
    g_optimizer, d_optimizer = keras.optimizers.Adam(1e-4), keras.optimizers.Adam(1e-4)
    g_optimizer.build(g.trainable_variables)
    d_optimizer.build(d.trainable_variables)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)

    @tf.function
    def step(batch):
        with tf.GradientTape() as g_tape, tf.GradientTape() as d_tape:
            fake = g(tf.random.normal((256, LATENT)), training=True)
            real_logits, fake_logits = d(batch, training=True), d(fake, training=True)
            g_loss = loss(tf.ones_like(fake_logits), fake_logits)
            d_loss = loss(tf.ones_like(real_logits), real_logits) + loss(tf.zeros_like(fake_logits), fake_logits)
        g_optimizer.apply(g_tape.gradient(g_loss, g.trainable_variables))
        d_optimizer.apply(d_tape.gradient(d_loss, d.trainable_variables))

    def distance(reference, count):
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
        line = {"epoch": epoch, "training_cpu_seconds": round(trained, 1), "frechet_distance": distance(real, 5000)}
        print(json.dumps(line), flush=True)
    if options.test:
        test = cached_statistics(extractor, images.feed(options.test, (28, 28, 1)).images)
        print(json.dumps({"test_frechet_distance": distance(test, 10_000)}))


if __name__ == "__main__":
    main()
