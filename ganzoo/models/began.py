"""BEGAN: boundary equilibrium GAN (Berthelot et al. 2017, arXiv:1703.10717)."""

import copy

from ganzoo import backend
from ganzoo.networks.autoencoding import autoencoding_discriminator, decoding_generator
from ganzoo.registry import register
from ganzoo.tasks.image_generation import ImageGeneration
from ganzoo.training.adversarial import AdversarialModel


@register("began")
class BEGAN(ImageGeneration, AdversarialModel):
    """The boundary equilibrium GAN of Berthelot, Schumm and Metz 2017 (arXiv:1703.10717).

    The discriminator is an auto-encoder that learns to rebuild real images and not generated ones; its output
    is the error of the rebuilding. A controller, `balance` (the paper's k), which is saved with the model, holds the
    ratio of the two errors at gamma. `convergence` is the paper's global measure: it falls as the images get better.
    Latents are normal as in all models of the package; the paper draws them uniformly.

    Args:
        image_shape: (height, width, channels): sizes that are 4, 5, 6 or 7 doubled a few times, such
            as 28, 32, 64, 128; 1 or 3 channels.
        latent_dim: length of the latent vector and of the auto-encoder's code; the paper has 64 and 128.
        width: channels of a convolution; the paper has 64 and 128.
        **options: `discriminator_regularizers` and `generator_regularizers`, see `AdversarialModel`.

    Raises:
        GanzooError: an image_shape the networks cannot reach.

    Example:
        model = ganzoo.create("began", image_shape=(28, 28, 1))
        model.compile(loss={"name": "boundary_equilibrium", "gamma": 0.5})
        model.fit(ganzoo.data.images("idx:train-images-idx3-ubyte.gz", image_shape=(28, 28, 1)), epochs=5)
    """

    test_config = dict(image_shape=(28, 28, 1), latent_dim=8, width=4)
    scores = "errors"
    reported = ("balance", "convergence")

    def __init__(
        self, image_shape: tuple[int, int, int] = (64, 64, 3), latent_dim: int = 64, width: int = 64, **options
    ):
        super().__init__(
            generator=decoding_generator(image_shape, latent_dim, width),
            discriminator=lambda: autoencoding_discriminator(image_shape, latent_dim, width),
            latent_dim=latent_dim,
            **options,
        )
        self.balance = self.add_weight(shape=(), initializer="zeros", trainable=False, name="balance")

    def compile(
        self,
        *args,
        # Section 4 of the paper: Adam with a learning rate of 0.0001.
        generator_optimizer: object = {"name": "adam", "learning_rate": 1e-4, "beta_1": 0.5},
        discriminator_optimizer: object = {"name": "adam", "learning_rate": 1e-4, "beta_1": 0.5},
        loss: object = "boundary_equilibrium",
        **settings,
    ):
        super().compile(
            *args,
            generator_optimizer=generator_optimizer,
            discriminator_optimizer=discriminator_optimizer,
            loss=loss,
            **settings,
        )
        # The loss is weighed by this model's variable, and by no other's that was given the same object.
        self.loss = copy.copy(self.loss)
        self.loss.balance = self.balance

    def after_step(self, recorded):
        real, fake = (backend.mean_over_replicas(recorded[name]) for name in ("d_real", "fake_score"))
        self.record(balance=self.balance, convergence=self.loss.convergence(real, fake))
        backend.update([(self.balance, self.balance)], lambda k, _: self.loss.next_balance(k, real, fake))
