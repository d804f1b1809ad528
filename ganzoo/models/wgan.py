"""WGAN: Wasserstein GAN with weight clipping (Arjovsky et al. 2017, arXiv:1701.07875)."""

from typing import Any

import keras
from keras import ops

from ganzoo.arguments import AtLeastOne
from ganzoo.errors import GanzooError
from ganzoo.networks.convolutional import convolutional_discriminator, convolutional_generator
from ganzoo.registry import register
from ganzoo.tasks.image_generation import ImageGeneration
from ganzoo.training.adversarial import AdversarialModel
from ganzoo.types import Tensor


@register("wgan")
class WGAN(ImageGeneration, AdversarialModel):
    """The Wasserstein GAN of Arjovsky, Chintala and Bottou 2017 (arXiv:1701.07875), Algorithm 1.

    DCGAN's networks. By default, the critic takes five steps per generator step. Its weights are clipped after each,
    which bounds its Lipschitz constant. The logged `wasserstein` is the critic's estimate of the distance; it falls as
    the images improve.

    Args:
        image_shape: (height, width, channels): 4 to 7 times a power of two, such as 28, 32, 64 or 128; 1 or 3 channels.
        latent_dim: length of the latent vector, sampled from N(0, 1).
        width: channels of the layer nearest the image; they double at each halving of its size.
        kernel_size: of all convolutions.
        max_width: upper bound on the channels of any layer.
        discriminator_depth: number of the critic's convolutions; None gives as many as the generator has.
        clip: the paper's c: the critic's weights stay in [-c, c].
        **options: `discriminator_regularizers` and `generator_regularizers`, see `AdversarialModel`.

    Raises:
        GanzooError: an image_shape the networks cannot produce, or a clip that is not positive.

    Example:
        dataset = ganzoo.data.images("folder:my_images", image_shape=(28, 28, 1), batch_size=2)
        model = ganzoo.create("wgan", image_shape=(28, 28, 1), width=16)
        model.compile()
        model.fit(dataset, epochs=1)                    # a step takes five batches, one for each critic update
    """

    equation = (
        r"\begin{aligned}"
        r"L_D &= \mathbb{E}[D(G(z))] - \mathbb{E}[D(x)], \quad \text{weights of } D \in [-c, c] \\"
        r"L_G &= -\mathbb{E}[D(G(z))]"
        r"\end{aligned}"
    )
    chapter = "training"
    test_config = dict(image_shape=(28, 28, 1), latent_dim=8, width=4)

    def __init__(
        self,
        image_shape: tuple[int, int, int] = (64, 64, 3),
        latent_dim: int = 100,
        width: int = 64,
        kernel_size: int = 5,
        max_width: int = 1024,
        discriminator_depth: int | None = None,
        clip: float = 0.01,
        **options: Any,
    ):
        if clip <= 0:
            raise GanzooError(f"clip must be positive, got {clip}")
        super().__init__(
            generator=convolutional_generator(image_shape, latent_dim, width, kernel_size, max_width),
            discriminator=lambda: convolutional_discriminator(
                image_shape, width, kernel_size, max_width, output_bias=False, depth=discriminator_depth
            ),
            latent_dim=latent_dim,
            **options,
        )
        self._clip = Clip(clip)
        # A model loaded for inference builds its discriminator later.
        if "discriminator" not in self.__dict__.get("_deferred", {}):
            self._constrain()

    def _constrain(self) -> None:
        """The optimizer applies constraints after each update."""
        for variable in self.discriminator.trainable_variables:
            variable.constraint = self._clip

    def complete_networks(self) -> None:
        """Builds the deferred networks, as for every model, and clips the discriminator's weights."""
        super().complete_networks()
        if "_clip" in self.__dict__:
            self._constrain()

    def compile(
        self,
        *args: Any,
        # Algorithm 1: RMSprop with a learning rate of 0.00005, n_critic of 5; no momentum.
        generator_optimizer: object = {"name": "rmsprop", "learning_rate": 5e-5},
        discriminator_optimizer: object = {"name": "rmsprop", "learning_rate": 5e-5},
        loss: object = "wasserstein",
        discriminator_steps: AtLeastOne = 5,
        **settings: Any,
    ) -> None:
        super().compile(
            *args,
            generator_optimizer=generator_optimizer,
            discriminator_optimizer=discriminator_optimizer,
            loss=loss,
            discriminator_steps=discriminator_steps,
            **settings,
        )


class Clip(keras.constraints.Constraint):
    """Keeps every weight in [-limit, limit]."""

    def __init__(self, limit: float):
        self.limit = limit

    def __call__(self, weight: Tensor) -> Tensor:
        return ops.clip(weight, -self.limit, self.limit)
