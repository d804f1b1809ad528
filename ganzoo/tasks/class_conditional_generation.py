"""Models that generate images of a given class."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from ganzoo.classes import check_label_shape, class_numbers, class_of
from ganzoo.data.batch_checks import parts_of, rank_of
from ganzoo.data.labeled import labeled
from ganzoo.errors import GanzooError
from ganzoo.inference.counts import allocated
from ganzoo.inference.sampling import grid
from ganzoo.tasks.image_generation import ImageGeneration
from ganzoo.types import Tensor


class ClassConditionalGeneration(ImageGeneration):
    """Generation of images of given classes.

    The model has `classes`, the number of classes. Its inference network takes [latents, labels (batch,)], or what else
    it generates from, and labels. If `class_names` is set, classes can also be given by name.

    Example:
        images = ganzoo.load("cgan").generate(labels=[2, 0, 1, 7], seed=0)
    """

    # Of the model.
    classes: int

    data = staticmethod(labeled)
    page = "ganzoo.demos.cgan"
    purpose = "generates images of classes"
    commands: tuple[str, ...] = ("generate", "generate --label")
    example = "images = model.generate(labels=[0, 1, 1], seed=0)  # uint8 (3, height, width, channels)"
    # The hub has no name for this task.
    pipeline = ""
    _class_names: tuple[str, ...] = ()

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, in order; saved with the model. Empty if unknown, shorter than `classes` if the last
        ones have none.

        Raises:
            GanzooError: set to more names than there are classes.
        """
        return self._class_names

    @class_names.setter
    def class_names(self, names: Sequence[str]) -> None:
        if len(names) > self.classes:
            raise GanzooError(
                f"there are {len(names)} class_names, but the model has {self.classes} classes: set arguments.classes "
                "or class_names to fit the other"
            )
        self._class_names = tuple(names)

    def get_config(self) -> dict[str, Any]:
        parent: Any = super()
        config = parent.get_config()
        return {**config, "class_names": list(self.class_names)} if self.class_names else config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        parent: Any = super()
        config = dict(config)
        names = config.pop("class_names", ())
        model = parent.from_config(config, custom_objects)
        model.class_names = names
        return model

    def images_and_labels(self, batch: Any) -> tuple[Tensor, Tensor]:
        """The images of a batch, and their labels as int32 (batch,).

        Raises:
            GanzooError: a batch that is not a pair.
        """
        parts = parts_of(batch, 2, self.model_name, "pairs (images, labels)")
        if len(parts) < 2:
            raise GanzooError(
                f"{self.model_name} learns from (images, labels): use ganzoo.data.labeled, or a dataset of such pairs"
            )
        return parts[0], _as_class_indices(parts[1], ops.shape(parts[0])[0], self.classes)

    def check_data(self, data: Any, targets: Any = None) -> None:
        super().check_data(data, targets)
        spec = getattr(data, "element_spec", (data, targets))
        labels: Any = spec[1] if isinstance(spec, (tuple, list)) and len(spec) == 2 else None
        if isinstance(labels, np.ndarray):
            if labels.ndim == 0 or len(labels) != len(data):
                raise GanzooError(f"{len(data)} images need as many labels, got {labels.shape}")
            self.labels(len(data), labels)
        elif (rank := rank_of(getattr(labels, "shape", ()))) and rank > 1:
            check_label_shape(tuple(labels.shape), self.classes)

    def generate(
        self,
        count: int | None = None,
        labels: Any = None,
        seed: int | None = None,
        latents: np.ndarray | None = None,
        batch_size: int = 64,
        truncation: float | None = None,
    ) -> np.ndarray:
        """Generates images of given classes.

        Args:
            count: number of images; not needed with `labels` or `latents`.
            labels: one class per image, or one for all: its number, or its name in lower or upper case if the model has
                `class_names`. One-hot vectors (count, classes) also work. By default, 0, 1, 2 ... in turn.
            seed, latents, batch_size, truncation: as in `ImageGeneration.generate`.

        Returns:
            uint8 (count, height, width, channels).

        Raises:
            GanzooError: an unknown class, or a number of labels other than 1 or `count`.

        Example:
            digits = ganzoo.load("cgan").generate(10, labels=range(10), seed=0)  # uint8 (10, 28, 28, 1)
            clothes = ganzoo.load("cgan.fashion_mnist").generate(labels=["Sneaker", "Bag"], seed=0)
        """
        labels = self._numbers(labels)
        if count is None and latents is None and labels is not None:
            count = len(class_numbers(labels, self.classes))
        source = self._latent_source(count, seed, latents, truncation)
        return self._images(source, batch_size, self.labels(source.count, labels))

    def sample_image(self, source: str) -> tuple[np.ndarray, str] | None:
        """Three images of each class, up to ten classes, one per column."""
        columns = min(self.classes, 10)
        images = self.generate(labels=[*range(columns)] * 3, seed=0)
        names = ", ".join(self.class_names[:columns] or map(str, range(columns)))
        shown = "Classes" if columns == self.classes else f"The first {columns} of {self.classes} classes"
        return grid(images, columns=columns), f"{shown}, one per column: {names}; generated from seed 0"

    def labels(self, count: int, labels: Any = None) -> np.ndarray:
        """Labels int32 (count,): the given ones after a check, a single one repeated, or all classes in turn.

        Args:
            count: number of labels.
            labels: integers (count,) or (count, 1), or one-hot vectors (count, classes).

        Raises:
            GanzooError: unknown classes, or a number of labels other than 1 or `count`.
        """
        if labels is None:
            labels = allocated(lambda: np.arange(count) % self.classes, f"{count} labels")
        labels = class_numbers(labels, self.classes)
        if len(labels) not in (1, count):
            raise GanzooError(f"{count} images need one label or {count}, got {labels.shape}")
        return np.broadcast_to(labels, (count,)).astype("int32")

    def class_number(self, name: str) -> int:
        """The number of a class from its name, or from its number as text where no class has that name.

        Raises:
            GanzooError: no class has this name or number.

        Example:
            ganzoo.load("cgan.fashion_mnist").class_number("sneaker")  # 7
        """
        return class_of(name, self.class_names, self.classes)

    def _numbers(self, labels: Any) -> Any:
        """Labels with names replaced by numbers."""
        if isinstance(labels, str):
            return self.class_number(labels)
        if isinstance(labels, (list, tuple)) or (isinstance(labels, np.ndarray) and labels.ndim):
            return [self.class_number(label) if isinstance(label, str) else label for label in labels]
        return labels

    def data_arguments(self) -> dict[str, Any]:
        return {**super().data_arguments(), "classes": self.classes}

    def example_batch(self, batch_size: int, seed: int = 0) -> Any:
        return super().example_batch(batch_size, seed), self.labels(batch_size)

    def example_inputs(self, count: int, seed: int = 0) -> list[np.ndarray]:
        return [self.latents(count, seed), self.labels(count)]


def _as_class_indices(labels: Tensor, count: Tensor, classes: int) -> Tensor:
    """Labels (count,), (count, 1) or one-hot (count, classes) as int32 (count,)."""
    rank = rank_of(labels.shape)
    if rank is None:
        # TensorFlow loses the rank if a model that was trained on labels of one shape continues with another.
        labels = ops.reshape(labels, (count, -1))
        is_one_hot = ops.equal(ops.shape(labels)[1], classes)
        return ops.cast(ops.where(is_one_hot, ops.argmax(labels, axis=1), ops.cast(labels[:, 0], "int64")), "int32")
    if rank > 1:
        check_label_shape(tuple(labels.shape), classes)
        labels = ops.argmax(labels, axis=1) if labels.shape[1] == classes else ops.reshape(labels, (-1,))
    return ops.cast(labels, "int32")
