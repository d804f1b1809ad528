"""cGAN: conditional GAN (Mirza & Osindero 2014, arXiv:1411.1784)."""

import reprlib
from typing import Literal

import numpy as np
from keras import ops

from ganzoo.classes import check_label_shape, class_numbers
from ganzoo.errors import GanzooError, unknown
from ganzoo.networks.conditional import (
    concatenating_discriminator,
    conditional_generator,
    projecting_discriminator,
)
from ganzoo.registry import register
from ganzoo.training.batches import parts_of, rank_of
from ganzoo.training.latent_model import LatentModel

_DISCRIMINATORS = {"concatenation": concatenating_discriminator, "projection": projecting_discriminator}


@register("cgan")
class CGAN(LatentModel):
    """The conditional GAN of Mirza and Osindero 2014 (arXiv:1411.1784): both networks see a class label.

    The paper's conditioning on DCGAN's convolutions: the label joins the latent, and the picture in the
    discriminator, as a one-hot vector. Or the discriminator compares its features with an embedding of the label
    (projection, Miyato & Koyama 2018, arXiv:1802.05637).

    Args:
        image_shape: (height, width, channels): sizes that are 4, 5, 6 or 7 doubled a few times, such
            as 28, 32, 64, 128; 1 or 3 channels.
        classes: how many; labels are 0 to classes - 1.
        latent_dim: length of the latent vector, drawn from N(0, 1).
        width: channels next to the picture, doubled at each halving of its size.
        kernel_size: of all convolutions.
        max_width: the most channels anywhere.
        conditioning: of the discriminator, "concatenation" or "projection".
        **options: `discriminator_cures` and `generator_cures`, see `AdversarialModel`.

    Raises:
        GanzooError: an image_shape the networks cannot reach, or fewer than two classes.

    Labels of training are whole numbers (count,) or (count, 1), or one-hot vectors (count, classes).

    Example:
        model = ganzoo.create("cgan", image_shape=(28, 28, 1), classes=10)
        model.compile()
        model.fit(ganzoo.data.labelled("idx:train-images-idx3-ubyte.gz", image_shape=(28, 28, 1)), epochs=5)
        pictures = model.generate(3, labels=[1, 2, 3], seed=0)
    """

    data_kind = "labelled"
    small = dict(image_shape=(28, 28, 1), classes=3, latent_dim=8, width=4)

    def __init__(
        self,
        image_shape: tuple[int, int, int] = (64, 64, 3),
        classes: int = 10,
        latent_dim: int = 100,
        width: int = 64,
        kernel_size: int = 5,
        max_width: int = 1024,
        conditioning: Literal["concatenation", "projection"] = "concatenation",
        **options,
    ):
        if classes < 2:
            raise GanzooError(f"classes must be at least 2, got {classes}")
        if conditioning not in _DISCRIMINATORS:
            raise GanzooError(f"conditioning is one of {', '.join(_DISCRIMINATORS)}, got '{conditioning}'")
        sizes = (width, kernel_size, max_width)
        super().__init__(
            generator=conditional_generator(image_shape, latent_dim, classes, *sizes),
            discriminator=_DISCRIMINATORS[conditioning](image_shape, classes, *sizes),
            latent_dim=latent_dim,
            **options,
        )
        self.classes = classes
        self._class_names = ()

    @property
    def class_names(self):
        """Names of the classes in their order, a tuple of strings; empty where they are not known, and shorter than
        `classes` where the last ones have none. Saved with the model.

        Raises:
            GanzooError: set to more names than there are classes.
        """
        return self._class_names

    @class_names.setter
    def class_names(self, names):
        if len(names) > self.classes:
            raise GanzooError(
                f"there are {len(names)} class_names, but the model has {self.classes} classes: set arguments.classes "
                "or class_names to fit the other"
            )
        self._class_names = tuple(names)

    def get_config(self):
        config = super().get_config()
        return {**config, "class_names": list(self.class_names)} if self.class_names else config

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        names = config.pop("class_names", ())
        model = super().from_config(config, custom_objects)
        model.class_names = names
        return model

    def split_batch(self, batch):
        parts = parts_of(batch, 2, self.model_name, "pairs (images, labels)")
        if len(parts) < 2:
            raise GanzooError(
                "cgan learns from (pictures, labels): use ganzoo.data.labelled, or a data set of such pairs"
            )
        return parts[0], _as_tensor_of_classes(parts[1], ops.shape(parts[0])[0], self.classes)

    def check_data(self, data, targets=None):
        super().check_data(data, targets)
        spec = getattr(data, "element_spec", (data, targets))
        labels = spec[1] if isinstance(spec, (tuple, list)) and len(spec) == 2 else None
        if isinstance(labels, np.ndarray):
            if labels.ndim == 0 or len(labels) != len(data):
                raise GanzooError(f"{len(data)} images need as many labels, got {labels.shape}")
            self.labels(len(data), labels)
        elif (rank := rank_of(getattr(labels, "shape", ()))) and rank > 1:
            check_label_shape(tuple(labels.shape), self.classes)

    def generate(self, count=None, labels=None, seed=None, latents=None, batch_size=64):
        """Draws pictures of the asked classes.

        Args:
            count: how many; not needed with `labels` or `latents`.
            labels: a class for each picture, or one for all: its number, or its name where `class_names` are known,
                in lower or upper case; 0, 1, 2 ... in turn if not given. One-hot vectors (count, classes) will do.
            seed, latents, batch_size: as in `LatentModel.generate`.

        Returns:
            uint8 (count, height, width, channels).

        Raises:
            GanzooError: a label that is no class, or as many labels as pictures do not fit.

        Example:
            pictures = model.generate(10, labels=range(10), seed=0)
            pictures = ganzoo.load("cgan.fashion_mnist").generate(labels=["Sneaker", "Bag"], seed=0)
        """
        labels = self._numbers(labels)
        if count is None and latents is None and labels is not None:
            count = len(class_numbers(labels, self.classes))
        latents = self._latent_source(count, seed, latents)
        return self._images(latents, batch_size, self.labels(latents.count, labels))

    def labels(self, count, labels=None):
        """Labels int32 (count,): the given ones checked, one repeated, or all classes in turn.

        Args:
            count: how many.
            labels: whole numbers (count,) or (count, 1), or one-hot vectors (count, classes).

        Raises:
            GanzooError: labels that are no classes, or are not as many.
        """
        given = np.arange(count) % self.classes if labels is None else labels
        labels = class_numbers(given, self.classes)
        if len(labels) not in (1, count):
            raise GanzooError(f"{count} pictures need one label or {count}, got {labels.shape}")
        return np.broadcast_to(labels, (count,)).astype("int32")

    def class_number(self, name):
        """The number of a class from its name.

        Raises:
            GanzooError: no class of this name, or a model whose classes have none.

        Example:
            ganzoo.load("cgan.fashion_mnist").class_number("sneaker")      # 7
        """
        found = {known.casefold(): number for number, known in enumerate(self.class_names)}
        # Two names may differ in case alone.
        found.update({known: number for number, known in enumerate(self.class_names)})
        for key in (name, name.casefold()):
            if key in found:
                return found[key]
        if not self.class_names:
            raise GanzooError(
                f"the model's classes have no names: they are whole numbers from 0 to {self.classes - 1}, got "
                f"{reprlib.repr(name)}"
            )
        raise unknown("class", name, self.class_names)

    def _numbers(self, labels):
        """Labels with names replaced by numbers."""
        if isinstance(labels, str):
            return self.class_number(labels)
        if isinstance(labels, (list, tuple)) or (isinstance(labels, np.ndarray) and labels.ndim):
            return [self.class_number(label) if isinstance(label, str) else label for label in labels]
        return labels

    def data_arguments(self):
        return {**super().data_arguments(), "classes": self.classes}

    def example_batch(self, batch_size, seed=0):
        return super().example_batch(batch_size, seed), self.labels(batch_size)

    def example_inputs(self, count, seed=0):
        return [self.latents(count, seed), self.labels(count)]


def _as_tensor_of_classes(labels, count, classes):
    """`count` labels as int32 (count,), of tensors (count,), (count, 1) or one-hot (count, classes)."""
    rank = rank_of(labels.shape)
    if rank is None:
        # TensorFlow forgets the rank when a model that has trained on labels of one form goes on with another.
        labels = ops.reshape(labels, (count, -1))
        is_one_hot = ops.equal(ops.shape(labels)[1], classes)
        return ops.cast(ops.where(is_one_hot, ops.argmax(labels, axis=1), ops.cast(labels[:, 0], "int64")), "int32")
    if rank > 1:
        check_label_shape(tuple(labels.shape), classes)
        labels = ops.argmax(labels, axis=1) if labels.shape[1] == classes else ops.reshape(labels, (-1,))
    return ops.cast(labels, "int32")
