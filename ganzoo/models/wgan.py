"""WGAN: Wasserstein GAN with weight clipping (Arjovsky et al. 2017, arXiv:1701.07875)."""

import keras
from keras import ops

from ganzoo.config import AtLeastOne
from ganzoo.errors import GanzooError
from ganzoo.networks.convolutional import convolutional_discriminator, convolutional_generator
from ganzoo.registry import register
from ganzoo.tasks.image_generation import ImageGeneration
from ganzoo.training.adversarial import AdversarialModel


@register("wgan")
class WGAN(ImageGeneration, AdversarialModel):
    """The Wasserstein GAN of Arjovsky, Chintala and Bottou 2017 (arXiv:1701.07875), Algorithm 1.

    DCGAN's networks; the critic's weights are clipped after each of its steps, which bounds its slope, and it
    takes five steps for one of the generator's. `wasserstein` is its estimate of the distance, which falls as
    the images get better.

    Args:
        image_shape: (height, width, channels): sizes that are 4, 5, 6 or 7 doubled a few times, such
            as 28, 32, 64, 128; 1 or 3 channels.
        latent_dim: length of the latent vector, drawn from N(0, 1).
        width: channels next to the image, doubled at each halving of its size.
        kernel_size: of all convolutions.
        max_width: the most channels anywhere.
        discriminator_depth: convolutions of the critic; as many as the generator's if None.
        clip: largest absolute value of a weight of the critic.
        **options: `discriminator_regularizers` and `generator_regularizers`, see `AdversarialModel`.

    Raises:
        GanzooError: an image_shape the networks cannot reach, or a clip that is not positive.

    Example:
        model = ganzoo.create("wgan", image_shape=(28, 28, 1))
        model.compile()
        model.fit(ganzoo.data.images("idx:train-images-idx3-ubyte.gz", image_shape=(28, 28, 1)), epochs=5)
    """

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
        **options,
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
        # The optimizer applies a variable's constraint after each update of it.
        for variable in self.discriminator.trainable_variables:
            variable.constraint = Clip(clip)

    def compile(
        self,
        *args,
        # Algorithm 1 of the paper: RMSprop with learning rate 0.00005 and n_critic 5; no momentum.
        generator_optimizer: object = {"name": "rmsprop", "learning_rate": 5e-5},
        discriminator_optimizer: object = {"name": "rmsprop", "learning_rate": 5e-5},
        loss: object = "wasserstein",
        discriminator_steps: AtLeastOne = 5,
        **settings,
    ):
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

    def __init__(self, limit):
        self.limit = limit

    def __call__(self, weight):
        return ops.clip(weight, -self.limit, self.limit)
