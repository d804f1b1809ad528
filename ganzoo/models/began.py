"""BEGAN: boundary equilibrium GAN (Berthelot et al. 2017, arXiv:1703.10717)."""

import copy
from typing import Any

from ganzoo import backend
from ganzoo.losses.adversarial import BoundaryEquilibrium
from ganzoo.networks.autoencoding import autoencoding_discriminator, decoding_generator
from ganzoo.registry import register
from ganzoo.tasks.image_generation import ImageGeneration
from ganzoo.training.adversarial import AdversarialModel
from ganzoo.types import Tensor


@register("began")
class BEGAN(ImageGeneration, AdversarialModel):
    """The boundary equilibrium GAN of Berthelot, Schumm and Metz 2017 (arXiv:1703.10717).

    The discriminator is an autoencoder that learns to reconstruct real images but not generated ones; its output is the
    reconstruction error. A controller, `balance` (the paper's k, saved with the model), holds the ratio of the two
    errors at gamma. The logged `convergence` is the paper's global measure; it falls as the images improve. Latents
    are normal, as in all models of the package; the paper's are uniform.

    Args:
        image_shape: (height, width, channels): 4 to 7 times a power of two, such as 28, 32, 64 or 128; 1 or 3 channels.
        latent_dim: length of the latent vector and of the autoencoder's code; the paper has 64 and 128.
        width: channels of the convolutions; the paper has 64 and 128.
        **options: `discriminator_regularizers` and `generator_regularizers`, see `AdversarialModel`.

    Raises:
        GanzooError: an image_shape the networks cannot produce.

    Example:
        dataset = ganzoo.data.images("folder:my_images", image_shape=(28, 28, 1), batch_size=8)
        model = ganzoo.create("began", image_shape=(28, 28, 1), width=16)
        model.compile(loss={"name": "boundary_equilibrium", "gamma": 0.5})
        model.fit(dataset, epochs=1)
    """

    equation = (
        r"\begin{aligned}"
        r"\ell(v) &= |v - D(v)| \\"
        r"L_D &= \mathbb{E}[\ell(x)] - k_t \, \mathbb{E}[\ell(G(z))] \\"
        r"L_G &= \mathbb{E}[\ell(G(z))] \\"
        r"k_{t+1} &= k_t + \lambda_k (\gamma \, \mathbb{E}[\ell(x)] - \mathbb{E}[\ell(G(z))]), \quad 0 \le k \le 1"
        r"\end{aligned}"
    )
    chapter = "training"
    test_config = dict(image_shape=(28, 28, 1), latent_dim=8, width=4)
    scores = "errors"
    reported = ("balance", "convergence")

    def __init__(
        self, image_shape: tuple[int, int, int] = (64, 64, 3), latent_dim: int = 64, width: int = 64, **options: Any
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
        *args: Any,
        # Section 4: Adam with a learning rate of 0.0001.
        generator_optimizer: object = {"name": "adam", "learning_rate": 1e-4, "beta_1": 0.5},
        discriminator_optimizer: object = {"name": "adam", "learning_rate": 1e-4, "beta_1": 0.5},
        loss: object = "boundary_equilibrium",
        **settings: Any,
    ) -> None:
        super().compile(
            *args,
            generator_optimizer=generator_optimizer,
            discriminator_optimizer=discriminator_optimizer,
            loss=loss,
            **settings,
        )
        # A copy: the same loss object may have been given to another model, which has its own balance.
        self.loss: BoundaryEquilibrium = copy.copy(self.loss)
        self.loss.balance = self.balance

    def after_step(self, recorded: dict[str, Tensor]) -> None:
        # k_{t+1} = k_t + lambda_k (gamma L(x) - L(G(z))), section 3.4.
        real, fake = (backend.mean_over_replicas(recorded[name]) for name in ("d_real", "fake_score"))
        self.record(balance=self.balance, convergence=self.loss.convergence(real, fake))
        backend.update([(self.balance, self.balance)], lambda k, _: self.loss.next_balance(k, real, fake))
