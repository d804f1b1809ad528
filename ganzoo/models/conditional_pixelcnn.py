"""Conditional PixelCNN: autoregressive, class-conditional (van den Oord et al. 2016, arXiv:1606.05328)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from scipy.special import logsumexp

from ganzoo import backend
from ganzoo.arguments import AtLeastOne
from ganzoo.errors import GanzooError
from ganzoo.inference.counts import whole_count
from ganzoo.models.pixelcnn import PixelCNN
from ganzoo.registry import register
from ganzoo.tasks.class_conditional_generation import ClassConditionalGeneration
from ganzoo.training.zoo_model import ZooModel
from ganzoo.types import Tensor

if TYPE_CHECKING:
    from ganzoo.data.feed import Feed


@register("conditional_pixelcnn")
class ConditionalPixelCNN(ClassConditionalGeneration, PixelCNN):
    """The conditional PixelCNN of van den Oord et al. 2016 (arXiv:1606.05328, section 2.3): a class label shifts the
    gates of each layer (equation 4). All else is as in `PixelCNN`.

    Training labels are integers (count,) or (count, 1), or one-hot vectors (count, classes).

    Args:
        image_shape: (height, width, channels), any.
        classes: number of classes, at least 2; labels are 0 to classes - 1.
        **options: as of `PixelCNN`.

    Raises:
        GanzooError: fewer than two classes; as of `PixelCNN`.

    Example:
        dataset = ganzoo.data.labeled("folder:my_images", image_shape=(8, 8, 1), batch_size=8)    # cats, dogs
        model = ganzoo.create("conditional_pixelcnn", image_shape=(8, 8, 1), classes=2, width=8, depth=3, hidden=16)
        model.compile()
        model.fit(dataset, epochs=1)
        images = model.generate(labels=[0, 1, 1], seed=0)           # uint8 (3, 8, 8, 1)
        given_class = model.log_likelihood(images, labels=[0, 1, 1])        # float32 (3,), log p(x | class)
        log_p = model.log_likelihood(images)                        # float32 (3,), all classes equally likely
    """

    equation = r"L = -\mathbb{E} \Big[ \sum_i \log p(x_i \mid x_1, \ldots, x_{i-1}, c) \Big]"
    commands = ("generate", "generate --label", "complete")
    page = "ganzoo.demos.pixelcnn"
    test_config = dict(image_shape=(8, 8, 1), classes=3, width=4, depth=3, first_kernel_size=5, hidden=8)

    def __init__(self, image_shape: tuple[int, int, int] = (28, 28, 1), classes: AtLeastOne = 10, **options: Any):
        if classes < 2:
            raise GanzooError(f"classes must be at least 2, got {classes}")
        super().__init__(image_shape, **options)
        self.classes = classes

    def start_from(self, other: ZooModel) -> None:
        """Takes over the weights of another model: one of the same architecture, or a `PixelCNN` without classes. From
        that one, training starts with the same distribution for every class.

        Raises:
            GanzooError: a different architecture.

        Example:
            sizes = dict(image_shape=(8, 8, 1), width=8, depth=3, hidden=16)
            model = ganzoo.create("conditional_pixelcnn", classes=2, **sizes)
            model.start_from(ganzoo.create("pixelcnn", **sizes))    # better a trained one, ganzoo.load(...)
        """
        if not isinstance(other, PixelCNN) or isinstance(other, ConditionalPixelCNN):
            super().start_from(other)
            return
        theirs = other.ema_generator
        names = {layer.name for layer in self.generator.layers if isinstance(layer, keras.layers.Embedding)}
        shared = [
            [(layer.name, [weight.shape for weight in layer.weights]) for layer in network.layers if layer.weights]
            for network in (self.generator, theirs)
        ]
        if [pair for pair in shared[0] if pair[0] not in names] != shared[1]:
            raise GanzooError(
                "the model to start from has different sizes: give this model the same arguments, or start from new "
                "weights (training.start_from=null)"
            )
        for network in (self.generator, self.ema_generator):
            for name, _ in shared[0]:
                layer = network.get_layer(name)
                if name in names:
                    layer.set_weights([np.zeros(weight.shape) for weight in layer.weights])
                else:
                    layer.set_weights(theirs.get_layer(name).get_weights())

    def inputs_of(self, batch: Any) -> list[Tensor]:
        return list(self.images_and_labels(batch))

    def held_out(self, feed: "Feed") -> list[np.ndarray]:
        images, labels = zip(*feed.validation)
        return [np.asarray(images), np.asarray(labels)]

    def generate(
        self,
        count: int | None = None,
        labels: Any = None,
        seed: int | None = None,
        temperature: float = 1.0,
        batch_size: int = 256,
    ) -> np.ndarray:
        """Generates images of given classes.

        Args:
            count: number of images; not needed with `labels`.
            labels: as in `ClassConditionalGeneration.generate`. By default, 0, 1, 2 ... in turn.
            seed, temperature, batch_size: as in `PixelCNN.generate`.

        Returns:
            uint8 (count, height, width, channels).

        Raises:
            GanzooError: an unknown class, or a number of labels other than 1 or `count`; as in `PixelCNN.generate`.
        """
        labels = self._numbers(labels)
        if count is None and labels is not None:
            count = np.size(labels) if np.ndim(labels) < 2 else len(labels)
        whole_count(count)
        return self._sampled(int(count or 0), seed, temperature, batch_size, self.labels(int(count or 0), labels))

    def complete(
        self,
        images: np.ndarray,
        mask: np.ndarray,
        seed: int | None = None,
        temperature: float = 1.0,
        batch_size: int = 256,
        labels: Any = None,
    ) -> np.ndarray:
        """Samples the unknown pixels of images of given classes; as `PixelCNN.complete`.

        Args:
            images, mask, seed, temperature, batch_size: as in `PixelCNN.complete`.
            labels: one class per image, or one for all; by default, for each image, the class that makes its known
                pixels likeliest.
        """
        images, keep = self._known(images, mask)
        return self._sampled(
            len(images), seed, temperature, batch_size, self._given(images, keep, labels), images, keep
        )

    def complete_progressively(
        self,
        images: np.ndarray,
        mask: np.ndarray,
        seed: int | None = None,
        temperature: float = 1.0,
        *,
        labels: Any = None,
    ) -> Iterator[np.ndarray]:
        """The same as `complete`, as an iterator; as `PixelCNN.complete_progressively`, with `labels` of `complete`."""
        images, keep = self._known(images, mask)
        given = self._given(images, keep, labels)
        return map(np.copy, self._growing(len(images), seed, temperature, max(1, len(images)), given, images, keep))

    def _given(self, images: np.ndarray, keep: np.ndarray, labels: Any) -> np.ndarray:
        """The class of each image to complete; by default, the likeliest."""
        if labels is None:
            labels = self._likeliest(images, keep)
        return self.labels(len(images), self._numbers(labels))

    def _likeliest(self, images: np.ndarray, keep: np.ndarray, size: int = 50) -> np.ndarray:
        """The class of each image under which its known pixels are most probable; unknown ones count as black."""
        backend.sync_variables(self)
        found = []
        for start in range(0, len(images), size):
            part, known = self._observed(images[start : start + size]), keep[start : start + size]
            part = np.where(known[..., None], part, np.float32(-1.0))
            each = [self._log_probabilities(part, np.full(len(part), i, "int32")) for i in range(self.classes)]
            found.append((np.stack(each) * known).sum(axis=(2, 3)).argmax(axis=0))
        return np.concatenate(found)

    def log_likelihood(self, images: np.ndarray, labels: Any = None, seed: int = 0) -> np.ndarray:
        """The exact log-probability of images, given their classes or not.

        Args:
            images: uint8 (count, height, width, channels).
            labels: as in `generate`; without labels, all classes are equally likely: p(x) is the mean of p(x | class).
            seed: as in `PixelCNN.log_likelihood`.

        Returns:
            float32 (count,), in nats.

        Raises:
            GanzooError: images of another type or shape, unknown classes.
        """
        if labels is not None:
            labels = self.labels(len(np.asarray(images)), self._numbers(labels))
        found = []
        for chosen, part in self._observations(images, seed):
            if labels is not None:
                found.append(self._log_probability(part, labels[chosen]))
            else:
                each = [self._log_probability(part, np.full(len(part), i, "int32")) for i in range(self.classes)]
                found.append((logsumexp(each, axis=0) - np.log(self.classes)).astype("float32"))
        return np.concatenate(found)

    def example_inputs(self, count: int, seed: int = 0) -> list[np.ndarray]:
        return [*PixelCNN.example_inputs(self, count, seed), self.labels(count)]
