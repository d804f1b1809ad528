"""Feature extractors: networks from images to the feature vectors that metrics compare."""

import copy
import functools
import hashlib
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ganzoo import keras_archive, memory, weights
from ganzoo.classifiers import FOLDER, classifier_facts, times_as_large
from ganzoo.errors import GanzooError, first_line, unknown
from ganzoo.metrics.features import Features
from ganzoo.metrics.frechet import FeatureStatistics
from ganzoo.precision import made_with
from ganzoo.types import PathLike

if TYPE_CHECKING:
    import keras

# Keys of a network's config whose values are names of its operations.
_NAMED = frozenset({"name", "keras_history", "input_layers", "output_layers"})
# Height and width of an image for networks that take any size.
_ANY_SIZE = 64


def list_extractors() -> list[str]:
    """Names of the extractors: those the package ships, and ImageNet networks, whose weights it does not ship.

    Example:
        assert "mnist_classifier" in ganzoo.metrics.list_extractors()
    """
    return [*sorted(path.stem for path in FOLDER.glob("*.json")), *_IMAGENET]


def get_extractor(asked: "Extractor | keras.Model | PathLike") -> "Extractor":
    """An extractor.

    Args:
        asked: one of

            - "mnist_classifier", "fashion_mnist_classifier", "digits_classifier": small classifiers that the package
              ships (trained by `python -m ganzoo.metrics.classifier`), which select checkpoints;
            - "mnist_judge", "fashion_mnist_judge": classifiers of another architecture and seed, which have selected
              nothing and report;
            - "avatars_classifier", "avatars_judge": the same for avatars; both also classify attributes, see
              `AttributeExtractor`;
            - "spoken_digits_judge": digit and speaker of a spectrogram, see `ganzoo.metrics.spoken`;
            - "inception_v3", whose weights Keras downloads on first use, and "efficientnet_lite0", whose weights are
              a file (docs/weights.md): both take images of any size, gray or RGB;
            - your own Keras model, or the path of its `.keras` file: from float32 images (batch, height, width,
              channels) in 0..255 to features (batch, length), or to features and logits (batch, classes);
            - an `Extractor`, which is returned as it is.

    Returns:
        An `Extractor`.

    Raises:
        GanzooError: an unknown name, damaged weights, a model with other inputs or outputs, or a failed download.

    Example:
        images = np.random.default_rng(0).integers(0, 256, (4, 28, 28, 1), "uint8")
        extractor = ganzoo.metrics.get_extractor("mnist_classifier")
        features = extractor(images)  # vectors (4, 128), logits (4, 10)
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
    return _classifier(str(asked))


class Extractor:
    """A network that turns images into features.

    Args:
        network: Keras model from float32 images in 0..255 to features (batch, length), or to features and logits.
        name: name for protocols. A digest of the layers and weights is appended unless `digest` is given, so that
            features of two networks with the same name are never compared.
        resize: (height, width) to resize images to first, bilinear with antialiasing. None refuses images that do
            not have the network's size, since resizing is part of the protocol.
        digest: digest of the network if it is already known.

    Attributes:
        name: the extractor's name.
        image_shape: (height, width, channels) of its images; with `resize`, any height and width are accepted.
        resizer: description of the resizing, for protocols.
        digest: digest of the network, hexadecimal.
        classifies: whether it also returns logits.

    Example:
        images = keras.Input((32, 32, 3))
        network = keras.Model(images, keras.layers.GlobalAveragePooling2D()(images))
        extractor = ganzoo.metrics.Extractor(network, "mean_color")
        features = extractor(np.zeros((2, 32, 32, 3), "uint8"))  # vectors (2, 3)
    """

    def __init__(
        self, network: "keras.Model", name: str, resize: tuple[int, int] | None = None, digest: str | None = None
    ) -> None:
        # Sequential models have no `output`.
        if not getattr(network, "inputs", None) or not getattr(network, "outputs", None):
            raise GanzooError(f"the extractor {name} must be a functional or sequential Keras model")
        outputs = network.outputs
        if len(network.inputs) != 1 or len(network.inputs[0].shape) != 4 or len(outputs) > 2:
            raise GanzooError(f"the extractor {name} must take images and return features, or features and logits")
        if any(len(output.shape) != 2 for output in outputs):
            raise GanzooError(
                f"the extractor {name} returns {outputs[0].shape}: features have the shape (batch, length); "
                "end the network with GlobalAveragePooling2D, for example"
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
            found = hashlib.sha256(_described(network).encode())
            for array in network.get_weights():
                found.update(np.ascontiguousarray(array).tobytes())
            digest = found.hexdigest()
            name = f"{name}@{digest[:8]}"
        self.name, self.digest, self.resize = name, digest, resize
        self.image_shape = tuple(network.inputs[0].shape[1:])
        self.resizer = f"resized to {resize[0]}x{resize[1]}, bilinear, antialiased" if resize else "no resizing"
        self._network, self.classifies = network, len(outputs) == 2

    def takes(self, image_shape: tuple[int, ...]) -> bool:
        """Whether the extractor accepts images of this (height, width, channels)."""
        wanted = (None, None, self.image_shape[2]) if self.resize else self.image_shape
        # Gray images are repeated to three channels where the network takes RGB.
        return all(
            own in (None, other) or (self.resize and place == 2 and other == 1)
            for place, (own, other) in enumerate(zip(wanted, image_shape))
        )

    def __call__(self, images: np.ndarray) -> Features:
        """`Features` of uint8 images (count, height, width, channels).

        Raises:
            GanzooError: images of another type or size, or fewer than two.
        """
        vectors, *logits = self._outputs(images)
        return Features(vectors, self.name, logits[0] if logits else None)

    def _outputs(self, images: np.ndarray) -> list[np.ndarray]:
        """The network's outputs for images."""
        images = np.asarray(images)
        if images.dtype != np.uint8 or images.ndim != 4 or not self.takes(images.shape[1:]):
            raise GanzooError(
                f"{self.name} takes uint8 images (count, {', '.join(map(str, self.image_shape))}), "
                f"got {images.dtype} {images.shape}"
            )
        batch = 100 if self.resize else 500
        parts = [self._part(images[i : i + batch]) for i in range(0, len(images), batch)]
        return [np.concatenate(output) for output in zip(*parts)]

    def _part(self, images: np.ndarray) -> list[np.ndarray]:
        from keras import ops

        x = ops.cast(images, "float32")
        if self.resize:
            x = ops.image.resize(x, self.resize, interpolation="bilinear", antialias=True)
            x = ops.repeat(x, self.image_shape[2] // x.shape[-1], axis=-1)
        outputs = self._network(x, training=False)
        # A single output may also come in a list.
        return [
            ops.convert_to_numpy(output) for output in (outputs if isinstance(outputs, (list, tuple)) else [outputs])
        ]

    def statistics(self, images: np.ndarray) -> FeatureStatistics:
        """`FeatureStatistics` of uint8 images."""
        return FeatureStatistics.of(self(images))


class AttributeExtractor(Extractor):
    """An extractor that names attributes as well. It also accepts images whose height and width are the same multiple
    of its own, and averages their pixels.

    Args:
        network: Keras model from float32 images in 0..255 to [features, logits of all attributes side by side].
        name: what its metrics are called by.
        attributes: {attribute: its values}, in the order of the logits.
        digest: of the weights, where it is known already.

    Example:
        images = np.zeros((2, 64, 64, 3), "uint8")
        classifier = ganzoo.metrics.get_extractor("avatars_classifier")
        values = classifier.values(images)      # int (2, 8), numbers of values in classifier.attributes
    """

    def __init__(
        self, network: Any, name: str, attributes: Mapping[str, Sequence[str]], digest: str | None = None
    ) -> None:
        super().__init__(network, name, digest=digest)
        self.attributes = {key: tuple(values) for key, values in attributes.items()}
        # There is no one class.
        self.classifies = False
        self._one: str | None = None

    def for_classes(self, class_names: Sequence[str]) -> "AttributeExtractor":
        """This extractor with the values of one attribute as its classes, or unchanged if they are not those names."""
        attribute = next((name for name, values in self.attributes.items() if values == tuple(class_names)), None)
        if attribute is None:
            return self
        found = copy.copy(self)
        found.name, found.classifies, found._one = f"{self.name}, {attribute},", True, attribute
        return found

    def takes(self, image_shape: tuple[int, ...]) -> bool:
        return super().takes((*(size // self._multiple(image_shape) for size in image_shape[:2]), image_shape[2]))

    def _multiple(self, image_shape):
        return times_as_large(image_shape, self.image_shape) or 1

    def _part(self, images):
        factor = self._multiple(images.shape[1:])
        if factor == 1:
            return super()._part(images)
        count, height, width, channels = images.shape
        blocks = images.reshape(count, height // factor, factor, width // factor, factor, channels)
        return super()._part(blocks.mean(axis=(2, 4), dtype="float32"))

    def __call__(self, images: np.ndarray) -> Features:
        """`Features` of uint8 images (count, height, width, channels); no logits unless from `for_classes`."""
        found = super().__call__(images)
        logits = np.asarray(found.logits)[:, self.places[self._one]] if self._one else None
        return Features(found.vectors, found.extractor, logits)

    def values(self, images: np.ndarray) -> np.ndarray:
        """The most likely value of each attribute, int (count, attributes), of uint8 images."""
        return np.stack([part.argmax(axis=1) for part in self.probabilities(images).values()], axis=1)

    def probabilities(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """{attribute: float32 (count, its values)}, rows that add up to 1, of uint8 images."""
        logits = self._outputs(images)[1]
        parts = {name: logits[:, place] for name, place in self.places.items()}
        raised = {name: np.exp(part - part.max(axis=1, keepdims=True)) for name, part in parts.items()}
        return {name: part / part.sum(axis=1, keepdims=True) for name, part in raised.items()}

    @functools.cached_property
    def places(self) -> dict[str, slice]:
        """Where the logits of each attribute are."""
        ends = itertools.accumulate(map(len, self.attributes.values()))
        return {name: slice(end - len(self.attributes[name]), end) for name, end in zip(self.attributes, ends)}


def _described(network: "keras.Model") -> str:
    """The operations of a network and how they are connected, as text that does not depend on their names: Keras
    numbers those without a name throughout a process."""
    import keras

    def inner(model: Any) -> list[Any]:
        parts = getattr(model, "operations", None) or getattr(model, "layers", [])
        return [found for part in parts for found in (part, *inner(part))]

    numbers = {part.name: f"operation {i}" for i, part in enumerate([network, *inner(network)])}

    def plain(value: Any, named: bool = False) -> Any:
        if isinstance(value, dict):
            # What changes no output.
            kept = {key: part for key, part in value.items() if key not in ("shared_object_id", "trainable")}
            return {key: plain(part, named or key in _NAMED) for key, part in kept.items()}
        if isinstance(value, (list, tuple)):
            return [plain(part, named) for part in value]
        return numbers.get(value, value) if named and isinstance(value, str) else value

    try:
        return json.dumps(plain(network.get_config()), sort_keys=True)
    # A layer whose arguments Keras or JSON cannot describe: what the network does with an image tells it apart.
    except (NotImplementedError, TypeError, ValueError):
        shape = [size or _ANY_SIZE for size in network.inputs[0].shape[1:]]
        image = np.random.default_rng(0).integers(0, 256, (1, *shape)).astype("float32")
        outputs = keras.tree.flatten(network(image, training=False))
        return repr([keras.ops.convert_to_numpy(output).astype("float16").tolist() for output in outputs])


def _classifier(name: str) -> Extractor:
    from ganzoo.metrics.classifier import build_classifier

    facts = classifier_facts(name)
    if "attributes" in facts:
        return _attribute_classifier(name, facts)
    network = build_classifier(tuple(facts["image_shape"]), architecture=facts.get("architecture", "plain"))
    weights.load(FOLDER / f"{name}.npz", {"classifier": network}, facts["sha256"])
    return Extractor(network, name, digest=facts["sha256"])


def _attribute_classifier(name: str, facts: dict[str, Any]) -> AttributeExtractor:
    from ganzoo.metrics.attributes import build_attribute_classifier

    classes = sum(len(values) for values in facts["attributes"].values())
    network = build_attribute_classifier(facts["architecture"], tuple(facts["image_shape"]), classes)
    weights.load(FOLDER / f"{name}.npz", {"classifier": network}, facts["sha256"])
    return AttributeExtractor(network, name, facts["attributes"], facts["sha256"])


def _of_file(path: PathLike) -> Extractor:
    """The extractor in a `.keras` file, which is checked before Keras reads it: see `ganzoo.keras_archive`."""
    import keras

    try:
        described, stored = keras_archive.read(path)
        # The compile settings are not needed, and may name losses that only the author's code defines.
        described["compile_config"] = None
        keras_archive.check_objects(described, path)
        with memory.fitting_file(path, stored):
            network = keras.saving.load_model(path, compile=False)
    # Keras, HDF5 and JSON raise many kinds of errors on damaged files.
    except Exception as error:
        reason = first_line(error).removeprefix(f"cannot load {path}: ")
        raise GanzooError(f"cannot load the extractor {path}: {reason}") from None
    return Extractor(network, Path(path).name)


def _inception() -> Extractor:
    """Keras' ImageNet InceptionV3 at 299x299: 2,048 pooled features and logits.

    Its weights are not those of the 2015 network behind published FIDs, so values are close to those but not equal.
    """
    import keras

    try:
        base = keras.applications.InceptionV3(weights="imagenet", classifier_activation=None)
    except Exception as error:  # whatever the download raises
        raise GanzooError(f"cannot get InceptionV3, which Keras downloads on first use: {first_line(error)}") from None
    images = keras.Input((299, 299, 3))
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(images)
    outputs = keras.Model(base.input, [base.get_layer("avg_pool").output, base.output])(scaled)
    return Extractor(keras.Model(images, outputs), "inception_v3", resize=(299, 299), digest="keras-imagenet")


def _efficientnet() -> Extractor:
    """EfficientNet-Lite0 at 224x224: 1,280 pooled features and logits; its weights are a file of 9 MB."""
    from ganzoo.imagenet import efficientnet_lite0

    return Extractor(efficientnet_lite0("efficientnet_lite0_fp16"), "efficientnet_lite0", resize=(224, 224))


_IMAGENET: dict[str, Callable[[], Extractor]] = {"inception_v3": _inception, "efficientnet_lite0": _efficientnet}
