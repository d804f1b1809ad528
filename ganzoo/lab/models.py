"""Models of points in the plane, with the training step of the package."""

from typing import Any

import keras
from keras import layers, ops

from ganzoo.lab.settings import Settings
from ganzoo.models.began import BEGAN
from ganzoo.models.wgan import Clip
from ganzoo.training.adversarial import AdversarialModel
from ganzoo.types import Tensor


class PointGAN(AdversarialModel):
    """A generator and a discriminator of points in the plane.

    Args:
        settings: of the game.
        classes: number of classes, if both networks are given the class of each point.

    Attributes:
        only: None, or the name of the objective that is minimized alone, "d_loss" or "g_loss".

    Example:
        from ganzoo.lab.models import PointGAN

        model = PointGAN(ganzoo.lab.Settings(units=8))
        model.compile()
    """

    only: str | None = None

    def __init__(self, settings: Settings, classes: int = 0):
        # Not super(): a subclass has a model of images among its parents.
        AdversarialModel.__init__(
            self,
            _network(settings, (settings.latent_dim, classes), 2, "generator"),
            self.build_discriminator(settings, classes),
            latent_dim=settings.latent_dim,
            discriminator_regularizers=settings.discriminator_regularizers,
            generator_regularizers=settings.generator_regularizers,
        )
        if settings.weight_clipping:
            # The optimizer applies constraints after each update.
            for variable in self.discriminator.trainable_variables:
                variable.constraint = Clip(settings.weight_clipping)

    @staticmethod
    def build_discriminator(settings: Settings, classes: int) -> keras.Model:
        """The discriminator."""
        return _network(settings, (2, classes), 1, "discriminator")

    def split_batch(self, batch: Any) -> tuple[Tensor, Any]:
        return (batch[0], batch[1]) if isinstance(batch, (tuple, list)) else (batch, None)

    def alternate(self, parts: Any) -> Tensor:
        if self.only is None:
            return super().alternate(parts)
        [objective] = [one for one in self._objectives if one.name == self.only]
        return self.minimize(objective, parts[-1])


class EquilibriumPoints(PointGAN, BEGAN):
    """`PointGAN` with an autoencoder as discriminator, for the loss "boundary_equilibrium"."""

    def __init__(self, settings: Settings, classes: int = 0):
        PointGAN.__init__(self, settings, classes)
        self.balance = self.add_weight(shape=(), initializer="zeros", trainable=False, name="balance")

    @staticmethod
    def build_discriminator(settings: Settings, classes: int) -> keras.Model:
        """The discriminator: its output is the distance of a point from its reconstruction."""
        return _network(settings, (2, classes), 2, "discriminator", is_autoencoder=True)

    def after_step(self, recorded: dict[str, Tensor]) -> None:
        # Half a step leaves the balance as it is.
        if self.only is None:
            super().after_step(recorded)


def _network(
    settings: Settings, inputs: tuple[int, int], outputs: int, name: str, is_autoencoder: bool = False
) -> keras.Model:
    """A dense network from points or latents, and one-hot classes if there are any."""
    first, classes = inputs
    given = [keras.Input((first,), name="points")]
    if classes:
        given.append(keras.Input((classes,), name="classes"))
    x = layers.Concatenate(name="together")(given) if classes else given[0]
    normalized = settings.batch_norm in (name, "both")
    for i in range(settings.layers):
        # An autoencoder of points in the plane needs a code smaller than the plane: one number, in its middle.
        if is_autoencoder and i == settings.layers // 2:
            x = layers.Dense(1, name="code")(x)
        x = layers.Dense(settings.units, use_bias=not normalized, kernel_initializer="he_normal", name=f"hidden{i}")(x)
        if normalized:
            x = layers.BatchNormalization(momentum=0.9, name=f"norm{i}")(x)
        x = layers.ReLU(name=f"relu{i}")(x) if name == "generator" else layers.LeakyReLU(0.2, name=f"relu{i}")(x)
    if is_autoencoder and not settings.layers:
        x = layers.Dense(1, name="code")(x)
    x = layers.Dense(outputs, name="place" if name == "generator" else "logit")(x)
    if is_autoencoder:
        x = ops.mean(ops.abs(given[0] - x), axis=1, keepdims=True)
    return keras.Model(given if classes else given[0], x, name=name)
