"""The settings of a game."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from ganzoo.arguments import AtLeastOne, NotNegative, NotNegativeWhole, Seed, parameters_of, validated_arguments
from ganzoo.errors import GanzooError, unknown


@dataclass(frozen=True)
class Settings:
    """What a game is played with. Losses, penalties, regularizers and augmentations are those of the package.

    Attributes:
        data: name of a distribution, or points of your own; see `ganzoo.lab.data.sample`.
        conditional: give the class of each point to both networks.
        layers: hidden layers of each network; with 0 both are linear.
        units: of each hidden layer.
        latent_dim: length of the generator's latent vector.
        batch_norm: "none", "generator", "discriminator" or "both": batch norm after each hidden layer.
        loss: as in `AdversarialModel.compile`, as are the following. With the loss "boundary_equilibrium" the
            discriminator is an autoencoder.
        penalties, augmentations: lists. Of the augmentations, "diffaugment" is for images alone.
        feature_matching, moment_matching, historical_averaging: weights of these losses.
        discriminator_steps: the k of Algorithm 1.
        discriminator_regularizers, generator_regularizers: lists, as in `AdversarialModel`.
        weight_clipping: if not 0, the discriminator's weights stay in [-value, value].
        optimizer: "adam" (beta_1 of 0.5), "sgd" or "rmsprop".
        discriminator_learning_rate, generator_learning_rate: learning rates.
        batch_size: of each update.
        pretraining_steps: updates of the discriminator alone before the game begins.
        seed: of data, weights and noise. The same settings give the same game on the same machine.

    Raises:
        GanzooError: a number out of range, or an unknown batch norm or optimizer.

    Example:
        settings = ganzoo.lab.Settings(data="grid", loss="least_squares", discriminator_steps=2)
    """

    data: Any = "ring"
    conditional: bool = False
    layers: NotNegativeWhole = 2
    units: AtLeastOne = 64
    latent_dim: AtLeastOne = 8
    batch_norm: str = "none"
    loss: Any = "non_saturating"
    penalties: list = field(default_factory=list)
    augmentations: list = field(default_factory=list)
    feature_matching: NotNegative = 0.0
    moment_matching: NotNegative = 0.0
    historical_averaging: NotNegative = 0.0
    discriminator_steps: AtLeastOne = 1
    discriminator_regularizers: list = field(default_factory=list)
    generator_regularizers: list = field(default_factory=list)
    weight_clipping: NotNegative = 0.0
    optimizer: str = "adam"
    discriminator_learning_rate: NotNegative = 2e-3
    generator_learning_rate: NotNegative = 1e-3
    batch_size: AtLeastOne = 64
    pretraining_steps: NotNegativeWhole = 0
    seed: Seed = 0

    def __post_init__(self):
        # Losses are checked by compile(), data by sample().
        for name, allowed in (("batch_norm", _BATCH_NORM), ("optimizer", tuple(OPTIMIZERS))):
            if getattr(self, name) not in allowed:
                raise GanzooError(f"{name} must be {', '.join(allowed)}, got {getattr(self, name)!r}")
        parameters = parameters_of(type(self))
        given = {name: getattr(self, name) for name in parameters}
        for name, value in validated_arguments(parameters, given, "the game").items():
            object.__setattr__(self, name, value)

    def with_changes(self, **changes: Any) -> "Settings":
        """These settings with changes.

        Raises:
            GanzooError: an unknown setting, or as in the constructor.

        Example:
            settings = ganzoo.lab.Settings().with_changes(loss="minimax", seed=3)
        """
        known = [setting.name for setting in fields(self)]
        for name in changes:
            if name not in known:
                raise unknown("setting", name, known, "the game")
        return replace(self, **changes)

    @classmethod
    def of(cls, given: "Settings | Mapping[str, Any] | None" = None, **changes: Any) -> "Settings":
        """Settings from a mapping, with changes.

        Raises:
            GanzooError: as `with_changes`.

        Example:
            settings = ganzoo.lab.Settings.of({"data": "moons"}, seed=1)
        """
        if not isinstance(given, (Settings, Mapping, type(None))):
            raise GanzooError(f"the settings of a game are a mapping, such as {{'data': 'moons'}}, got {given!r}")
        start = given if isinstance(given, Settings) else cls().with_changes(**(given or {}))
        return start.with_changes(**changes)

    def differing(self) -> dict[str, Any]:
        """The settings that are not the defaults.

        Example:
            ganzoo.lab.Settings(data="moons", units=64).differing()     # {"data": "moons"}
        """
        defaults = type(self)()
        values = {setting.name: getattr(self, setting.name) for setting in fields(self)}
        return {name: value for name, value in values.items() if not _equal(value, getattr(defaults, name))}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Settings):
            return NotImplemented
        return all(_equal(getattr(self, one.name), getattr(other, one.name)) for one in fields(self))


def _equal(first: Any, second: Any) -> bool:
    """Whether two values are equal. Data may be an array, whose comparison has no single truth value."""
    if all(isinstance(one, (np.ndarray, list, tuple)) for one in (first, second)):
        return len(first) == len(second) and all(_equal(*pair) for pair in zip(first, second))
    # An array equals no name.
    return type(first) is not np.ndarray and type(second) is not np.ndarray and bool(first == second)


_BATCH_NORM = ("none", "generator", "discriminator", "both")
OPTIMIZERS: dict[str, dict[str, Any]] = {"adam": {"beta_1": 0.5}, "sgd": {}, "rmsprop": {}}
