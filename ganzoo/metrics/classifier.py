"""The small classifiers whose features metrics of MNIST-like images use, and their training.

    python -m ganzoo.metrics.classifier mnist_classifier idx:train-images-idx3-ubyte.gz idx:t10k-images-idx3-ubyte.gz
    python -m ganzoo.metrics.classifier mnist_judge idx:train-images-idx3-ubyte.gz idx:t10k-images-idx3-ubyte.gz \\
        --architecture residual --seed 1

writes the weights and the JSON file that `get_extractor` reads. A classifier selects checkpoints; a judge, of another
architecture and seed, measures the selected ones.
"""

import argparse
import json
from pathlib import Path

import keras
import numpy as np
from keras import layers

from ganzoo import weights
from ganzoo.data.sources import open_images


def build_classifier(image_shape: tuple[int, ...], classes: int = 10, architecture: str = "plain") -> keras.Model:
    """A network from uint8 or float images in 0..255 to (features, logits).

    Args:
        image_shape: (height, width, channels).
        classes: number of logits.
        architecture: "plain" (three convolutions, ReLU, 128 features) or "residual" (two residual blocks, SiLU,
            96 features).
    """
    images = keras.Input(tuple(image_shape), name="images")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="scale")(images)
    features = _ARCHITECTURES[architecture](x)
    logits = layers.Dense(classes, name="logits")(layers.Dropout(0.4, seed=0, name="dropout")(features))
    return keras.Model(images, [features, logits], name="classifier")


def _plain(x):
    for i, channels in enumerate((32, 64, 64), start=1):
        x = _convolved(x, channels, 3, f"conv{i}")
        x = layers.ReLU(name=f"conv{i}_relu")(x)
        x = layers.MaxPooling2D(name=f"pool{i}")(x)
    return layers.Dense(128, activation="relu", name="features")(layers.Flatten(name="flat")(x))


def _residual(x):
    for i, channels in enumerate((24, 48), start=1):
        x = layers.Activation("silu", name=f"conv{i}_silu")(_convolved(x, channels, 5 if i == 1 else 3, f"conv{i}"))
        x = layers.MaxPooling2D(name=f"pool{i}")(x)
        y = layers.Activation("silu", name=f"block{i}_silu1")(_convolved(x, channels, 3, f"block{i}a"))
        x = layers.Add(name=f"block{i}_add")([x, _convolved(y, channels, 3, f"block{i}b")])
        x = layers.Activation("silu", name=f"block{i}_silu2")(x)
    x = layers.Activation("silu", name="narrow_silu")(_convolved(x, 24, 1, "narrow"))
    return layers.Dense(96, activation="silu", name="features")(layers.Flatten(name="flat")(x))


def _convolved(x, channels, size, name):
    x = layers.Conv2D(channels, size, padding="same", use_bias=False, name=name)(x)
    return layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)


_ARCHITECTURES = {"plain": _plain, "residual": _residual}


def train_classifier(
    images: np.ndarray, labels: np.ndarray, epochs: int, seed: int = 0, architecture: str = "plain"
) -> keras.Model:
    """Trains the classifier on images shifted by up to two pixels; returns the network."""
    keras.utils.set_random_seed(seed)
    network = build_classifier(images.shape[1:], architecture=architecture)
    steps = epochs * (len(images) // 128)
    schedule = keras.optimizers.schedules.CosineDecay(2e-3, steps)
    trainer = keras.Model(network.input, network.output[1])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    trainer.compile(keras.optimizers.Adam(schedule), loss, metrics=["accuracy"])
    rng = np.random.default_rng(seed)
    for epoch in range(epochs):
        shifted = np.stack([np.roll(image, rng.integers(-2, 3, 2), (0, 1)) for image in images])
        trainer.fit(shifted, labels, batch_size=128, initial_epoch=epoch, epochs=epoch + 1, verbose=2)
    return network


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="name of the extractor, e.g. mnist_classifier")
    parser.add_argument("train", help="source of labeled training images, e.g. idx:train-images-idx3-ubyte.gz")
    parser.add_argument("test", help="source of labeled test images; 'last:N' holds out the last N training images")
    parser.add_argument("--size", type=int, default=28)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--architecture", choices=_ARCHITECTURES, default="plain")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", default="", help="name of the dataset")
    parser.add_argument("--license", default="", help="license of the dataset")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "weights")
    options = parser.parse_args()
    shape = (options.size, options.size, 1)
    train = open_images(options.train, shape, upscale=True, with_labels=True)
    images, labels = train.images, np.asarray(train.labels)
    if options.test.startswith("last:"):
        held_out = int(options.test.removeprefix("last:"))
        test_images, test_labels = images[-held_out:], labels[-held_out:]
        images, labels = images[:-held_out], labels[:-held_out]
    else:
        test = open_images(options.test, shape, with_labels=True)
        test_images, test_labels = test.images, np.asarray(test.labels)
    network = train_classifier(images, labels, options.epochs, options.seed, options.architecture)
    path = options.output / f"{options.name}.npz"
    sha256 = weights.save(path, {"classifier": network})
    weights.load(path, {"classifier": network}, sha256)
    _, logits = network.predict(test_images, batch_size=500, verbose=0)
    facts = dict(
        image_shape=shape,
        architecture=options.architecture,
        data=options.data,
        license=options.license,
        accuracy=round(float((logits.argmax(axis=1) == test_labels).mean()), 4),
        accuracy_on=f"{len(test_labels)} held-out images",
        sha256=sha256,
    )
    path.with_suffix(".json").write_text(json.dumps(facts, indent=2) + "\n")
    print(json.dumps(facts, indent=2))


if __name__ == "__main__":
    main()
