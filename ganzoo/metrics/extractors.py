"""Feature extractors: images to the vectors that metrics compare."""

import hashlib
import json
from pathlib import Path

import numpy as np

from ganzoo import keras_archive, weights
from ganzoo.errors import GanzooError, first_line, unknown
from ganzoo.metrics.features import Features
from ganzoo.metrics.frechet import FeatureStatistics
from ganzoo.precision import made_with

_FOLDER = Path(__file__).parent / "weights"


def list_extractors():
    """Names of the extractors: those inside the package, and those of ImageNet, whose weights are not in it."""
    return [*sorted(path.stem for path in _FOLDER.glob("*.json")), *_IMAGENET]


def get_extractor(asked):
    """An extractor.

    Args:
        asked: "mnist_classifier", "fashion_mnist_classifier" or "digits_classifier": small classifiers
            that the package trained (`python -m ganzoo.metrics.classifier`) and ships; "inception_v3", which Keras
            downloads on first use, or "efficientnet_lite0", of a file (docs/weights.md): both for images of any size,
            in color; the path of a `.keras` file; a Keras model of your own; or an `Extractor`.
            A model of your own takes float32 images (batch, height, width, channels) in 0..255 and gives
            features (batch, length), or those and logits (batch, classes).

    Returns:
        An `Extractor`.

    Raises:
        GanzooError: an unknown name, damaged weights, a model of another kind, or a download that failed.

    Example:
        extractor = ganzoo.metrics.get_extractor("mnist_classifier")
        features = extractor(images)          # uint8 (count, 28, 28, 1)
    """
    import keras

    if isinstance(asked, Extractor):
        return asked
    if isinstance(asked, keras.Model):
        return Extractor(asked, asked.name)
    if isinstance(asked, str) and asked in _IMAGENET:
        with made_with("float32"):
            return _IMAGENET[asked]()
    if str(asked).endswith(".keras"):
        return _of_file(asked)
    if asked not in list_extractors():
        raise unknown("extractor", asked, list_extractors())
    return _classifier(asked)


class Extractor:
    """A network that turns images into features.

    Args:
        network: Keras model from float32 images in 0..255 to features (batch, length), or to those and logits.
        name: what its metrics are called by; a digest of its weights is added, so that two networks of one name are
            never compared.
        resize: the (height, width) to resize images to first, bilinear with antialiasing; None refuses images
            of another size than the network's, since resizing is part of a protocol.
        digest: of the weights, where it is known already.

    Attributes:
        name: the extractor's name.
        image_shape: the (height, width, channels) it takes; with `resize` any size is taken.
        resizer: in words, for protocols.
        digest: hexadecimal.
        classifies: whether it gives logits too.
    """

    def __init__(self, network, name, resize=None, digest=None):
        # Sequential models have no `output`.
        if not getattr(network, "inputs", None) or not getattr(network, "outputs", None):
            raise GanzooError(f"the extractor {name} must be a functional or sequential Keras model")
        outputs = network.outputs
        if len(network.inputs) != 1 or len(network.inputs[0].shape) != 4 or len(outputs) > 2:
            raise GanzooError(f"the extractor {name} must take images and give features, or features and logits")
        if any(len(output.shape) != 2 for output in outputs):
            raise GanzooError(
                f"the extractor {name} gives {outputs[0].shape}: features have the shape (batch, length); "
                "end the network with GlobalAveragePooling2D, say"
            )
        if digest is None:
            structure = network.compute_output_spec(network.inputs[0])
            if not isinstance(structure, (list, tuple)):
                structure = [structure]
            if len(structure) != len(outputs) or any(isinstance(part, (dict, list, tuple)) for part in structure):
                raise GanzooError(
                    f"the extractor {name} gives its outputs in a dictionary or nested list, in which features and "
                    "logits have no order: make it keras.Model(inputs, features) or keras.Model(inputs, [features, "
                    "logits])"
                )
            found = hashlib.sha256()
            for array in network.get_weights():
                found.update(np.ascontiguousarray(array).tobytes())
            digest = found.hexdigest()
            name = f"{name}@{digest[:8]}"
        self.name, self.digest, self.resize = name, digest, resize
        self.image_shape = tuple(network.inputs[0].shape[1:])
        self.resizer = f"resized to {resize[0]}x{resize[1]}, bilinear, antialiased" if resize else "no resizing"
        self._network, self.classifies = network, len(outputs) == 2

    def takes(self, image_shape):
        """Whether images of this (height, width, channels) are taken."""
        wanted = (None, None, self.image_shape[2]) if self.resize else self.image_shape
        # A gray image is shown to a network of color images three times over.
        return all(
            own in (None, other) or (self.resize and place == 2 and other == 1)
            for place, (own, other) in enumerate(zip(wanted, image_shape))
        )

    def __call__(self, images):
        """`Features` of uint8 images (count, height, width, channels).

        Raises:
            GanzooError: images of another type or size.
        """
        images = np.asarray(images)
        if images.dtype != np.uint8 or images.ndim != 4 or not self.takes(images.shape[1:]):
            raise GanzooError(
                f"{self.name} takes uint8 images (count, {', '.join(map(str, self.image_shape))}), "
                f"got {images.dtype} {images.shape}"
            )
        batch = 100 if self.resize else 500
        parts = [self._part(images[i : i + batch]) for i in range(0, len(images), batch)]
        vectors, *logits = (np.concatenate(output) for output in zip(*parts))
        return Features(vectors, self.name, logits[0] if logits else None)

    def _part(self, images):
        from keras import ops

        x = ops.cast(images, "float32")
        if self.resize:
            x = ops.image.resize(x, self.resize, interpolation="bilinear", antialias=True)
            x = ops.repeat(x, self.image_shape[2] // x.shape[-1], axis=-1)
        outputs = self._network(x, training=False)
        # One output may stand in a list too.
        return [
            ops.convert_to_numpy(output) for output in (outputs if isinstance(outputs, (list, tuple)) else [outputs])
        ]

    def statistics(self, images):
        """`FeatureStatistics` of uint8 images."""
        return FeatureStatistics.of(self(images))


def classifier_facts(name):
    """What is known of a shipped classifier: its data, license, test accuracy, image_shape and sha256."""
    return json.loads((_FOLDER / f"{name}.json").read_text())


def _classifier(name):
    from ganzoo.metrics.classifier import build_classifier

    facts = classifier_facts(name)
    network = build_classifier(tuple(facts["image_shape"]))
    weights.load(_FOLDER / f"{name}.npz", {"classifier": network}, facts["sha256"])
    return Extractor(network, name, digest=facts["sha256"])


def _of_file(path):
    """The extractor in a `.keras` file, which is checked before Keras reads it; see `ganzoo.keras_archive`."""
    import keras

    try:
        described, stored = keras_archive.read(path)
        # How it was trained is of no use here, and may name losses that only its author has.
        described["compile_config"] = None
        keras_archive.check_objects(described, path)
        with weights.fitting_file(path, stored):
            network = keras.saving.load_model(path, compile=False)
    # Keras, HDF5 and JSON have an error of their own for each way in which a file can be damaged.
    except Exception as error:
        reason = first_line(error).removeprefix(f"cannot load {path}: ")
        raise GanzooError(f"cannot load the extractor {path}: {reason}") from None
    return Extractor(network, Path(path).name)


def _inception():
    """Keras' ImageNet InceptionV3 at 299x299: 2,048 pooled features and logits. Its weights are not those of the
    network of 2015 that published FIDs were computed with, so metrics come close to those and are not the same."""
    import keras

    try:
        base = keras.applications.InceptionV3(weights="imagenet", classifier_activation=None)
    except Exception as error:  # whatever the download raises
        raise GanzooError(f"cannot get InceptionV3, which Keras downloads on first use: {first_line(error)}") from None
    images = keras.Input((299, 299, 3))
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(images)
    outputs = keras.Model(base.input, [base.get_layer("avg_pool").output, base.output])(scaled)
    return Extractor(keras.Model(images, outputs), "inception_v3", resize=(299, 299), digest="keras-imagenet")


def _efficientnet():
    """EfficientNet-Lite0 at 224x224: 1,280 pooled features and logits, of a file of 9 MB and so without a network."""
    from ganzoo.imagenet import efficientnet_lite0

    return Extractor(efficientnet_lite0("efficientnet_lite0_fp16"), "efficientnet_lite0", resize=(224, 224))


_IMAGENET = {"inception_v3": _inception, "efficientnet_lite0": _efficientnet}
