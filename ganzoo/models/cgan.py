"""cGAN: conditional GAN (Mirza & Osindero 2014, arXiv:1411.1784)."""

from typing import Any, Literal

from ganzoo.errors import GanzooError
from ganzoo.networks.conditional import (
    concatenating_discriminator,
    conditional_generator,
    projecting_discriminator,
)
from ganzoo.networks.convolutional import batch_norm
from ganzoo.registry import register
from ganzoo.tasks.class_conditional_generation import ClassConditionalGeneration
from ganzoo.training.adversarial import AdversarialModel
from ganzoo.types import Tensor

_DISCRIMINATORS = {"concatenation": concatenating_discriminator, "projection": projecting_discriminator}


@register("cgan")
class CGAN(ClassConditionalGeneration, AdversarialModel):
    """The conditional GAN of Mirza and Osindero 2014 (arXiv:1411.1784): both networks see a class label.

    The paper's conditioning with DCGAN's convolutions: a one-hot label is concatenated with the latent vector in the
    generator and with the image in the discriminator. Alternatively, the discriminator takes the inner product of its
    features and an embedding of the label (projection, Miyato & Koyama 2018, arXiv:1802.05637).

    Training labels are integers (count,) or (count, 1), or one-hot vectors (count, classes).

    Args:
        image_shape: (height, width, channels): 4 to 7 times a power of two, such as 28, 32, 64 or 128; 1 or 3 channels.
        classes: number of classes; labels are 0 to classes - 1.
        latent_dim: length of the latent vector, sampled from N(0, 1).
        width: channels of the layer nearest the image; they double at each halving of its size.
        kernel_size: of all convolutions.
        max_width: upper bound on the channels of any layer.
        conditioning: how the discriminator sees the label, by "concatenation" or "projection".
        discriminator_batch_norm: as in `DCGAN`.
        **options: `discriminator_regularizers` and `generator_regularizers`, see `AdversarialModel`.

    Raises:
        GanzooError: an image_shape the networks cannot produce, or fewer than two classes.

    Example:
        dataset = ganzoo.data.labeled("folder:my_images", image_shape=(28, 28, 1), batch_size=8)    # cats, dogs
        model = ganzoo.create("cgan", image_shape=(28, 28, 1), classes=2, width=16)
        model.compile()
        model.fit(dataset, epochs=1)
        images = model.generate(3, labels=[0, 1, 1], seed=0)        # uint8 (3, 28, 28, 1)
    """

    equation = (
        r"\begin{aligned}"
        r"L_D &= -\mathbb{E}[\log D(x, c)] - \mathbb{E}[\log(1 - D(G(z, c), c))] \\"
        r"L_G &= -\mathbb{E}[\log D(G(z, c), c)]"
        r"\end{aligned}"
    )
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
        discriminator_batch_norm: bool = True,
        **options: Any,
    ):
        if classes < 2:
            raise GanzooError(f"classes must be at least 2, got {classes}")
        if conditioning not in _DISCRIMINATORS:
            raise GanzooError(f"conditioning is one of {', '.join(_DISCRIMINATORS)}, got '{conditioning}'")
        sizes = (width, kernel_size, max_width)
        super().__init__(
            generator=conditional_generator(image_shape, latent_dim, classes, *sizes),
            discriminator=lambda: _DISCRIMINATORS[conditioning](
                image_shape, classes, *sizes, normalization=batch_norm if discriminator_batch_norm else None
            ),
            latent_dim=latent_dim,
            **options,
        )
        self.classes = classes

    def split_batch(self, batch: Any) -> tuple[Tensor, Tensor]:
        return self.images_and_labels(batch)
