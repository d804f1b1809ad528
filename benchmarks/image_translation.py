"""Translations of `cyclegan` beside what needs no GAN, measured against the ground truth:

    python -m benchmarks.image_translation --data folders:noto,twemoji [--model cyclegan.emoji] [--epochs 300]

"unchanged" are the images themselves; "zoom alone" are the images magnified or reduced, without a network. "best color
curves" are fitted to the very pairs that are measured, "histograms" match the distribution of each channel over the
training images of both sides. "autoencoder" is a plain one of the target side: it learns to reproduce the training
images of that side, and is then given images of the other. All but the color curves see the images that
`cyclegan.emoji` was trained on, without its zoom, and nothing else.
"""

import argparse

import keras
import numpy as np
from keras import layers

import ganzoo
from ganzoo import pixels, presets
from ganzoo.data.unpaired import unpaired
from ganzoo.evaluation.image_translation import baseline, evaluate, evaluate_function
from ganzoo.networks.convolutional import upsampled
from ganzoo.tasks.image_translation import BACKWARD, FORWARD

_BATCH, _CODE, _WIDTH = 64, 128, 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="both sides, without a part")
    parser.add_argument("--model", default="cyclegan.emoji")
    parser.add_argument("--epochs", type=int, default=300, help="of the autoencoders")
    parser.add_argument("--metric", action="append")
    asked = parser.parse_args()
    test = f"{asked.data}:test"
    config = presets.find("cyclegan.emoji").config
    arguments = {**config.data, "source": f"{asked.data}:train", "crop": config.arguments["crop"], "repeats": 1}
    feed = unpaired.feed(**{**arguments, "batch_size": _BATCH})
    model = ganzoo.load(asked.model)
    rows = baseline(model, test, asked.metric)
    rows.append(evaluate_function(histograms(feed), test, asked.metric, "histograms", returns=False))
    rows.append(evaluate_function(autoencoders(feed, asked.epochs), test, asked.metric, "autoencoder", returns=False))
    rows.append(evaluate(model, test, metrics=asked.metric, name=asked.model))
    for row in rows:
        print(f"{row.name:20}", "  ".join(f"{key} {value:g}" for key, value in row.metrics.items()))
    print(rows[0].protocol)


def _translator(forward, backward):
    """A function of (images, direction), as `translate`, from two functions of uint8 (count, height, width, 3)."""
    return lambda images, direction: (forward if direction == FORWARD else backward)(np.asarray(images))


def histograms(feed):
    """Matches the cumulative histogram of each channel."""
    batches = [feed.make_batch(step, feed.indices(step)) for step in range(feed.batches_per_epoch)]
    sides = [pixels.to_uint8(np.concatenate(parts)).reshape(-1, 3) for parts in zip(*batches)]

    def matching(given, wanted):
        curves = []
        for channel in range(3):
            below = [np.cumsum(np.bincount(side[:, channel], minlength=256)) / len(side) for side in (given, wanted)]
            curves.append(np.searchsorted(below[1], below[0] - 1e-12).clip(0, 255).astype("uint8"))
        return lambda images: np.stack([curves[i][images[..., i]] for i in range(3)], axis=-1)

    return _translator(matching(*sides), matching(*sides[::-1]))


def autoencoders(feed, epochs):
    """An autoencoder of each side."""
    sides = []
    for side, name in ((1, FORWARD), (0, BACKWARD)):
        network = autoencoder(feed.spec[0][0])
        network.compile(keras.optimizers.Adam(1e-3), loss="mse")
        for epoch in range(epochs):
            steps = range(epoch * feed.batches_per_epoch, (epoch + 1) * feed.batches_per_epoch)
            images = np.concatenate([feed.make_batch(step, feed.indices(step))[side] for step in steps])
            if epoch == 2 * epochs // 3:
                network.optimizer.learning_rate = 2e-4
            loss = network.fit(images, images, batch_size=_BATCH, verbose=0).history["loss"][0]
        print(f"autoencoder, {name}: mean squared error {loss:.4f}", flush=True)
        sides.append(
            lambda images, network=network: pixels.to_uint8(network.predict(pixels.to_float(images), verbose=0))
        )
    return _translator(*sides)


def autoencoder(image_shape):
    """Convolutions of stride 2, a code, and transposed convolutions."""
    images = keras.Input(image_shape)
    x = images
    for i in range(4):
        x = layers.Conv2D(_WIDTH * 2**i, 4, 2, "same", activation="relu")(x)
    code = layers.Dense(_CODE)(layers.Flatten()(x))
    return keras.Model(images, upsampled(code, image_shape, _WIDTH, 4, 256))


if __name__ == "__main__":
    main()
