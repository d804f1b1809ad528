"""cGAN: conditional GAN (Mirza & Osindero 2014, arXiv:1411.1784)."""

from typing import Literal

from keras import ops

from ganzoo.classes import check_label_shape
from ganzoo.data.batches import parts_of, rank_of
from ganzoo.errors import GanzooError
from ganzoo.networks.conditional import (
    concatenating_discriminator,
    conditional_generator,
    projecting_discriminator,
)
from ganzoo.registry import register
from ganzoo.tasks.image_generation import ClassConditionalGeneration
from ganzoo.training.adversarial import AdversarialModel

_DISCRIMINATORS = {"concatenation": concatenating_discriminator, "projection": projecting_discriminator}


@register("cgan")
class CGAN(ClassConditionalGeneration, AdversarialModel):
    """The conditional GAN of Mirza and Osindero 2014 (arXiv:1411.1784): both networks see a class label.

    The paper's conditioning on DCGAN's convolutions: the label joins the latent, and the image in the
    discriminator, as a one-hot vector. Or the discriminator compares its features with an embedding of the label
    (projection, Miyato & Koyama 2018, arXiv:1802.05637).

    Args:
        image_shape: (height, width, channels): sizes that are 4, 5, 6 or 7 doubled a few times, such
            as 28, 32, 64, 128; 1 or 3 channels.
        classes: how many; labels are 0 to classes - 1.
        latent_dim: length of the latent vector, drawn from N(0, 1).
        width: channels next to the image, doubled at each halving of its size.
        kernel_size: of all convolutions.
        max_width: the most channels anywhere.
        conditioning: of the discriminator, "concatenation" or "projection".
        **options: `discriminator_regularizers` and `generator_regularizers`, see `AdversarialModel`.

    Raises:
        GanzooError: an image_shape the networks cannot reach, or fewer than two classes.

    Labels of training are whole numbers (count,) or (count, 1), or one-hot vectors (count, classes).

    Example:
        model = ganzoo.create("cgan", image_shape=(28, 28, 1), classes=10)
        model.compile()
        model.fit(ganzoo.data.labelled("idx:train-images-idx3-ubyte.gz", image_shape=(28, 28, 1)), epochs=5)
        images = model.generate(3, labels=[1, 2, 3], seed=0)
    """

    test_config = dict(image_shape=(28, 28, 1), classes=3, latent_dim=8, width=4)

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
            discriminator=lambda: _DISCRIMINATORS[conditioning](image_shape, classes, *sizes),
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
                "cgan learns from (images, labels): use ganzoo.data.labelled, or a data set of such pairs"
            )
        return parts[0], _as_tensor_of_classes(parts[1], ops.shape(parts[0])[0], self.classes)


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
