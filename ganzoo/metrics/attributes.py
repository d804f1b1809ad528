"""Classifiers of attributes of an image, such as an avatar's glasses and hair, with one softmax per attribute.

The package ships two that differ in architecture, seed and training images: `avatars_classifier` selects checkpoints,
and `avatars_judge` measures the selected ones. benchmarks/avatar_classifiers.py trains them.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from ganzoo.errors import GanzooError


def build_attribute_classifier(architecture: str, image_shape: Sequence[int], classes: int) -> keras.Model:
    """A network from images in 0..255 to [features, logits].

    Args:
        architecture: "strided" (convolutions of stride 2, ReLU, 128 features) or "residual" (max-pooling, a residual
            block, SiLU, 96 features).
        image_shape: (height, width, channels), multiples of 16.
        classes: number of logits, of all attributes together.
    """
    if architecture not in _ARCHITECTURES:
        raise GanzooError(f"the architecture is {' or '.join(_ARCHITECTURES)}, got {architecture}")
    images = keras.Input(tuple(image_shape), name="images")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="scale")(images)
    features = _ARCHITECTURES[architecture](x)
    logits = layers.Dense(classes, name="logits")(layers.Dropout(0.2, seed=0, name="dropout")(features))
    return keras.Model(images, [features, logits], name="attribute_classifier")


def _strided(x):
    for i, (channels, strides) in enumerate(((32, 2), (48, 2), (64, 1), (96, 2), (64, 2)), start=1):
        x = layers.Conv2D(channels, 3, strides, "same", use_bias=False, name=f"conv{i}")(x)
        x = layers.ReLU(name=f"conv{i}_relu")(layers.BatchNormalization(momentum=0.95, name=f"conv{i}_norm")(x))
    # No global pooling: positions matter.
    return layers.Dense(128, activation="relu", name="features")(layers.Flatten(name="flat")(x))


def _residual(x):
    def convolved(x, channels, size, name):
        x = layers.Conv2D(channels, size, padding="same", use_bias=False, name=name)(x)
        return layers.BatchNormalization(momentum=0.95, name=f"{name}_norm")(x)

    for i, (channels, size) in enumerate(((16, 5), (32, 3)), start=1):
        x = layers.Activation("silu", name=f"conv{i}_silu")(convolved(x, channels, size, f"conv{i}"))
        x = layers.MaxPooling2D(name=f"pool{i}")(x)
    x = layers.Activation("silu", name="wide_silu")(convolved(x, 48, 1, "wide"))
    y = layers.Activation("silu", name="block_silu1")(convolved(x, 48, 3, "block1"))
    x = layers.Activation("silu", name="block_silu2")(layers.Add(name="block_add")([x, convolved(y, 48, 3, "block2")]))
    x = layers.MaxPooling2D(name="pool3")(x)
    x = layers.Activation("silu", name="conv3_silu")(convolved(x, 64, 3, "conv3"))
    x = layers.MaxPooling2D(name="pool4")(x)
    return layers.Dense(96, activation="silu", name="features")(layers.Flatten(name="flat")(x))


_ARCHITECTURES = {"strided": _strided, "residual": _residual}


def train_attribute_classifier(
    architecture: str, images: np.ndarray, values: np.ndarray, counts: Sequence[int], epochs: int, seed: int
) -> keras.Model:
    """Trains a classifier on images that are shifted by up to two pixels, half of them with noise, like generated ones.

    Args:
        architecture: as in `build_attribute_classifier`.
        images: uint8 (count, height, width, channels).
        values: int (count, attributes): the number of each value; -1 if the image does not show it.
        counts: number of values of each attribute.
        epochs, seed: of the training.
    """
    keras.utils.set_random_seed(seed)
    network = build_attribute_classifier(architecture, images.shape[1:], sum(counts))
    trainer = keras.Model(network.input, network.output[1])
    batch_size = 64
    schedule = keras.optimizers.schedules.CosineDecay(2e-3, epochs * (len(images) // batch_size))
    ends = np.cumsum(counts)

    def loss(truth, logits):
        total = 0.0
        for place, (end, count) in enumerate(zip(ends.tolist(), counts)):
            part = logits[:, end - count : end]
            number = ops.cast(truth[:, place], "int32")
            shown = ops.cast(number >= 0, "float32")
            each = keras.losses.sparse_categorical_crossentropy(ops.maximum(number, 0), part, from_logits=True)
            total += ops.sum(each * shown) / ops.maximum(ops.sum(shown), 1.0)
        return total

    trainer.compile(keras.optimizers.Adam(schedule), loss)
    rng = np.random.default_rng(seed)
    for epoch in range(epochs):
        order = rng.permutation(len(images))
        batches = (
            (disturbed(images[part], rng), values[part])
            for part in (order[i : i + batch_size] for i in range(0, len(order) - batch_size + 1, batch_size))
        )
        losses = [float(trainer.train_on_batch(*batch)) for batch in batches]
        print(f"epoch {epoch + 1} of {epochs}: loss {losses[-1]:.3f}", flush=True)
    return network


def disturbed(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """uint8 images shifted by up to two pixels on white, half of them with Gaussian noise of up to 12 gray levels;
    float32."""
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)), constant_values=255).astype("float32")
    height, width = images.shape[1:3]
    places = rng.integers(0, 5, (len(images), 2))
    moved = np.stack([image[y : y + height, x : x + width] for image, (y, x) in zip(padded, places)])
    strength = rng.uniform(0, 12, (len(images), 1, 1, 1)) * (rng.random((len(images), 1, 1, 1)) < 0.5)
    return np.clip(moved + strength * rng.standard_normal(moved.shape, "float32"), 0, 255)


def accuracies(extractor: Any, images: np.ndarray, values: np.ndarray) -> dict[str, float]:
    """{attribute: accuracy} over the images that show it.

    Args:
        extractor: an `AttributeExtractor`.
        images: uint8 (count, height, width, channels).
        values: int (count, attributes); -1 is not counted.
    """
    found = extractor.values(images)
    counted = values >= 0
    return {
        name: round(float((found[:, i] == values[:, i])[counted[:, i]].mean()), 4) if counted[:, i].any() else np.nan
        for i, name in enumerate(extractor.attributes)
    }
