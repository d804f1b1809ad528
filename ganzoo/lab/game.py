"""The game on points in the plane: settings, and a model of the package that trains step by step."""

import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from ganzoo import backend, losses
from ganzoo.config import AtLeastOne, NotNegative, NotNegativeWhole, Seed, parameters_of, validated_arguments
from ganzoo.errors import GanzooError, unknown
from ganzoo.lab.data import LIMIT, Points, sample
from ganzoo.lab.measures import jensen_shannon, modes_found, wasserstein
from ganzoo.models.began import BEGAN
from ganzoo.models.wgan import Clip
from ganzoo.training.adversarial import AdversarialModel
from ganzoo.training.noise import Noise
from ganzoo.types import Tensor

# Generated points, and real ones, of a frame.
SHOWN = 256
# Points along each axis of the grid on which a frame shows the discriminator.
GRID = 33
# Points by which the distance and modes are measured where a frame is not enough.
MEASURED = 1000


@dataclass(frozen=True)
class Settings:
    """What a game is played with. Losses, penalties, regularizers and augmentations are those of the package.

    Attributes:
        data: name of a distribution, or points of your own; see `ganzoo.lab.data.sample`.
        conditional: give the class of each point to both networks.
        layers: hidden layers of each network; with 0 both are linear.
        units: of each hidden layer.
        noise_size: length of the generator's latent vector.
        batch_norm: "none", "generator", "discriminator" or "both": batch norm after each hidden layer.
        loss: as in `AdversarialModel.compile`, as are the following. With the loss "boundary_equilibrium" the
            discriminator is an autoencoder.
        penalties, augmentations: lists. Of the augmentations, "diffaugment" is for images alone.
        feature_matching, historical_averaging: weights of these losses.
        discriminator_steps: the k of Algorithm 1.
        discriminator_regularizers, generator_regularizers: lists, as in `AdversarialModel`.
        weight_clipping: if not 0, the discriminator's weights stay in [-value, value].
        optimizer: "adam" (beta_1 of 0.5), "sgd" or "rmsprop".
        discriminator_rate, generator_rate: learning rates.
        batch_size: of each update.
        head_start: updates of the discriminator alone before the game begins.
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
    noise_size: AtLeastOne = 8
    batch_norm: str = "none"
    loss: Any = "non_saturating"
    penalties: list = field(default_factory=list)
    augmentations: list = field(default_factory=list)
    feature_matching: NotNegative = 0.0
    historical_averaging: NotNegative = 0.0
    discriminator_steps: AtLeastOne = 1
    discriminator_regularizers: list = field(default_factory=list)
    generator_regularizers: list = field(default_factory=list)
    weight_clipping: NotNegative = 0.0
    optimizer: str = "adam"
    discriminator_rate: NotNegative = 2e-3
    generator_rate: NotNegative = 1e-3
    batch_size: AtLeastOne = 64
    head_start: NotNegativeWhole = 0
    seed: Seed = 0

    def __post_init__(self):
        # Losses are checked by compile(), data by sample().
        for name, allowed in (("batch_norm", _BATCH_NORM), ("optimizer", tuple(_OPTIMIZERS))):
            if getattr(self, name) not in allowed:
                raise GanzooError(f"{name} must be {', '.join(allowed)}, got {getattr(self, name)!r}")
        parameters = parameters_of(type(self))
        validated_arguments(parameters, {name: getattr(self, name) for name in parameters}, "the game")

    def but(self, **changes: Any) -> "Settings":
        """These settings with changes.

        Raises:
            GanzooError: an unknown setting, or as in the constructor.

        Example:
            settings = ganzoo.lab.Settings().but(loss="minimax", seed=3)
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
            GanzooError: as `but`.

        Example:
            settings = ganzoo.lab.Settings.of({"data": "moons"}, seed=1)
        """
        start = given if isinstance(given, Settings) else cls().but(**(given or {}))
        return start.but(**changes)


_BATCH_NORM = ("none", "generator", "discriminator", "both")
_OPTIMIZERS: dict[str, dict[str, Any]] = {"adam": {"beta_1": 0.5}, "sgd": {}, "rmsprop": {}}


class PointGAN(AdversarialModel):
    """A generator and a discriminator of points in the plane.

    Args:
        settings: of the game.
        classes: number of classes, if both networks are given the class of each point.

    Attributes:
        only: None, or the name of the objective that is minimized alone, "d_loss" or "g_loss".

    Example:
        from ganzoo.lab.game import PointGAN

        model = PointGAN(ganzoo.lab.Settings(units=8))
        model.compile()
    """

    only: str | None = None

    def __init__(self, settings: Settings, classes: int = 0):
        # Not super(): a subclass has a model of images among its parents.
        AdversarialModel.__init__(
            self,
            _network(settings, (settings.noise_size, classes), 2, "generator"),
            self.opponent(settings, classes),
            latent_dim=settings.noise_size,
            discriminator_regularizers=settings.discriminator_regularizers,
            generator_regularizers=settings.generator_regularizers,
        )
        if settings.weight_clipping:
            # The optimizer applies constraints after each update.
            for variable in self.discriminator.trainable_variables:
                variable.constraint = Clip(settings.weight_clipping)

    @staticmethod
    def opponent(settings: Settings, classes: int) -> keras.Model:
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
    def opponent(settings: Settings, classes: int) -> keras.Model:
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


@dataclass(frozen=True, eq=False)
class Frame:
    """What a game looks like after some steps.

    Attributes:
        step: number of steps; half a step counts as one.
        real, fake: points (256, 2).
        surface: the discriminator on a grid of [-3, 3], (33, 33), the first row at the bottom: D(x) for losses with
            cross-entropy, else its raw output.
        gradients: (256, 2), the direction and strength with which the loss pushes each generated point: the negative
            gradient of the generator's adversarial loss with respect to it, times the number of points.
        scores: (256,), what the discriminator says of each generated point, as in `surface`.
        losses: {name: mean since the last frame}, e.g. "d_loss", "g_loss", "d_real", "d_fake".
        modes: number of modes found, or None for data without modes.
        distance: the Wasserstein-1 distance of `real` and `fake`, see `ganzoo.lab.measures.wasserstein`.
        divergence: their Jensen-Shannon divergence by histograms, see `ganzoo.lab.measures.jensen_shannon`.
        estimate: what the discriminator's loss says of the distance of real and generated points; see `Game.estimate`.
            None if it says nothing.
    """

    step: int
    real: np.ndarray
    fake: np.ndarray
    surface: np.ndarray
    gradients: np.ndarray
    scores: np.ndarray
    losses: dict[str, float]
    modes: int | None
    distance: float
    divergence: float
    estimate: float | None

    @property
    def has_failed(self) -> bool:
        """Whether numbers have become infinite."""
        return not (np.isfinite(self.fake).all() and np.isfinite(self.surface).all())


class Game:
    """A GAN of points that trains step by step.

    Args:
        settings: `Settings`, or a mapping of some of them.
        **changes: single settings.

    Attributes:
        settings: of the game.
        data: the real `Points`.
        model: the model, an `AdversarialModel` of the package.
        history: the values of each frame: {"step": ..., "d_loss": ..., "modes": ...}.

    Raises:
        GanzooError: as `Settings`, the model and its `compile`.

    Example:
        game = ganzoo.lab.Game(data="ring", units=16)
        game.train(20)
        frame = game.frame()
        frame.step                              # 20
    """

    def __init__(self, settings: Settings | Mapping[str, Any] | None = None, **changes: Any):
        self.settings = Settings.of(settings, **changes)
        self.data: Points = sample(self.settings.data, seed=self.settings.seed)
        self.reset()

    def reset(self) -> None:
        """Begins anew, with the weights of the seed."""
        settings = self.settings
        classes = self.data.classes if settings.conditional else 0
        with _seeded(settings.seed):
            loss = losses.get(settings.loss)
            kind = EquilibriumPoints if loss.takes == "errors" else PointGAN
            self.model = kind(settings, classes)
            optimizer = {"name": settings.optimizer, **_OPTIMIZERS[settings.optimizer]}
            self.model.compile(
                generator_optimizer={**optimizer, "learning_rate": settings.generator_rate},
                discriminator_optimizer={**optimizer, "learning_rate": settings.discriminator_rate},
                loss=loss,
                penalties=settings.penalties,
                augmentations=settings.augmentations,
                feature_matching=settings.feature_matching,
                historical_averaging=settings.historical_averaging,
                discriminator_steps=settings.discriminator_steps,
                ema_decay=0.0,
                seed=settings.seed,
            )
            self._one_hot = np.eye(classes, dtype="float32")[self.data.labels] if classes else None
            # The reference batches of virtual batch normalization.
            self.model.before_training(self._all(), None)
        if any(augmentation.name == "diffaugment" for augmentation in self.model.augmentations):
            raise GanzooError("diffaugment changes images, not points: choose instance_noise")
        self._runs: dict[str | None, Callable[[int], None]] = {}
        self._look: Callable[..., np.ndarray] | None = None
        self.history: list[dict[str, Any]] = []
        self._shown_fixed()
        if settings.head_start:
            self.train(settings.head_start, only="d_loss")

    def _all(self) -> Any:
        return self.data.points if self._one_hot is None else (self.data.points, self._one_hot)

    def _shown_fixed(self) -> None:
        """The latents, real points and grid of all frames."""
        rng = np.random.default_rng(self.settings.seed + 1)
        chosen = rng.integers(0, len(self.data.points), SHOWN)
        self._real = self.data.points[chosen]
        self._latents = rng.standard_normal((SHOWN, self.settings.noise_size)).astype("float32")
        self.labels = self.data.labels[chosen]
        line = np.linspace(-LIMIT, LIMIT, GRID, dtype="float32")
        self._grid = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)

    @property
    def step(self) -> int:
        """Number of steps, also halves, taken since the beginning."""
        return self.model.steps

    def prepare(self, only: str | None = None) -> None:
        """Compiles the step, without taking one; `train` does it when first called.

        Args:
            only: as in `train`.

        Raises:
            GanzooError: another objective.

        Example:
            ganzoo.lab.Game(units=8).prepare()
        """
        if only not in (None, "d_loss", "g_loss"):
            raise unknown("objective", only, ("d_loss", "g_loss"))
        self.model.only = only
        if only not in self._runs:
            self._runs[only] = backend.repeated(self.model, self._batches())

    def train(self, steps: int = 1, only: str | None = None) -> None:
        """Trains for some steps.

        Args:
            steps: how many.
            only: None for whole steps (k updates of the discriminator, one of the generator); "d_loss" or "g_loss" for
                one update of the discriminator or the generator alone.

        Raises:
            GanzooError: fewer than one step, or another objective.

        Example:
            game = ganzoo.lab.Game(units=8)
            game.train(5)
            game.train(only="g_loss")
        """
        if steps < 1:
            raise GanzooError(f"steps must be at least 1, got {steps}")
        self.prepare(only)
        self._runs[only](steps)

    def _batches(self) -> Callable[[Any], Any]:
        """A function from a step to its batch, for a graph."""
        noise = Noise(self.settings.seed + 1)
        size = self.settings.batch_size * self.settings.discriminator_steps
        parts = [ops.convert_to_tensor(part) for part in keras.tree.flatten(self._all())]

        def of(step: Any) -> Any:
            noise.start_step(step)
            chosen = ops.cast(noise.uniform((size,)) * len(parts[0]), "int32")
            batch = tuple(ops.take(part, chosen, axis=0) for part in parts)
            return batch if len(batch) > 1 else batch[0]

        return of

    def generate(self, count: int = MEASURED, seed: int = 0) -> np.ndarray:
        """Points from the generator, (count, 2); of a conditional one, the classes in turn.

        Example:
            points = ganzoo.lab.Game(units=8).generate(100)
        """
        latents = np.random.default_rng(seed).standard_normal((count, self.settings.noise_size)).astype("float32")
        given = with_classes(latents, np.arange(count) % self.data.classes, self._one_hot)
        return ops.convert_to_numpy(self.model.generator(given, training=False))

    def scores(self, points: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """What the discriminator says of points, (count,): D(x) for losses with cross-entropy, else its raw output.

        Args:
            points: (count, 2).
            labels: their classes, for a conditional game; by default the first class.

        Example:
            scores = ganzoo.lab.Game(units=8).scores(np.zeros((1, 2), "float32"))
        """
        labels = np.zeros(len(points), int) if labels is None else labels
        given = with_classes(np.asarray(points, "float32"), labels, self._one_hot)
        raw = ops.convert_to_numpy(self.model.discriminator(given, training=False))[:, 0]
        return _sigmoid(raw) if self.has_probabilities else raw

    @property
    def has_probabilities(self) -> bool:
        """Whether the discriminator's sigmoid is the probability that a point is real."""
        return isinstance(self.model.loss, (losses.adversarial.NonSaturating, losses.adversarial.Minimax))

    def frame(self) -> Frame:
        """What the game looks like now; adds its values to `history`.

        Example:
            frame = ganzoo.lab.Game(units=8).frame()
            frame.surface.shape                 # (33, 33)
        """
        model, classes = self.model, self._one_hot
        if self._look is None:
            wide = 0 if classes is None else classes.shape[1]
            specs = [((SHOWN, self.settings.noise_size + wide), "float32"), ((None, 2 + wide), "float32")]
            self._look = backend.compiled(self._looked, specs, model)
        labels = self.labels
        points = np.concatenate([self._real, self._grid])
        of_points = np.concatenate([labels, np.zeros(len(self._grid), int)])
        packed = [_joined(with_classes(*pair, classes)) for pair in ((self._latents, labels), (points, of_points))]
        found = self._look(*packed)
        fake, raw, gradients = found[:SHOWN, :2], found[:, 2], found[:SHOWN, 3:]
        of_fake, of_real, of_grid = np.split(raw, [SHOWN, 2 * SHOWN])
        shown = _sigmoid if self.has_probabilities else np.asarray
        values = {
            name: float(tracker.result())
            for name, tracker in model.trackers.items()
            if float(backend.local_value(tracker.count))
        }
        for tracker in model.trackers.values():
            tracker.reset_state()
        frame = Frame(
            step=self.step,
            real=self._real,
            fake=fake,
            surface=shown(of_grid).reshape(GRID, GRID),
            gradients=-gradients,
            scores=shown(of_fake),
            losses=values,
            modes=modes_found(fake, self.data) if np.isfinite(fake).all() else None,
            distance=wasserstein(self._real, fake),
            divergence=jensen_shannon(self._real, fake),
            estimate=self.estimate(of_real, of_fake),
        )
        kept = ("step", "modes", "distance", "divergence", "estimate")
        self.history.append({**{name: getattr(frame, name) for name in kept}, **values})
        return frame

    def estimate(self, real_logits: np.ndarray, fake_logits: np.ndarray) -> float | None:
        """What the discriminator says of the distance of real and generated points.

        Cross-entropy without label smoothing: log 2 + (E[log D(x)] + E[log(1 - D(G(z)))]) / 2, the Jensen-Shannon
        divergence in nats for the best discriminator and a lower bound for any other; negative estimates are 0.
        Wasserstein: E[D(x)] - E[D(G(z))], whose scale depends on the critic's slope. None for other losses.

        Args:
            real_logits, fake_logits: the discriminator's raw output, (count,).
        """
        loss = self.model.loss
        if isinstance(loss, losses.adversarial.Wasserstein):
            return float(real_logits.mean() - fake_logits.mean())
        if not self.has_probabilities or getattr(loss, "smoothing", False):
            return None
        value = -np.logaddexp(0, -real_logits).mean() - np.logaddexp(0, fake_logits).mean()
        return float(max(np.log(2) + value / 2, 0.0))

    def _looked(self, latents: Tensor, points: Tensor) -> Tensor:
        """Rows of (generated point, score, gradient), then rows of scores of the other points alone."""
        model = self.model

        def parts(joined: Tensor, width: int) -> Any:
            return joined if self._one_hot is None else [joined[:, :width], joined[:, width:]]

        fake = model.generator(parts(latents, self.settings.noise_size), training=False)
        condition = None if self._one_hot is None else latents[:, self.settings.noise_size :]

        def loss(examples: Tensor) -> Tensor:
            given = model.discriminator_inputs(examples, condition)
            return SHOWN * model.loss.generator(model.discriminator(given, training=False))

        gradients = backend.input_gradient(loss, fake)
        of_fake = model.discriminator(model.discriminator_inputs(fake, condition), training=False)
        # Apart: minibatch discrimination compares the points of a batch.
        real, grid = points[:SHOWN], points[SHOWN:]
        others = [model.discriminator(parts(part, 2), training=False) for part in (real, grid)]
        scores = ops.pad(ops.concatenate(others), [[0, 0], [2, 2]])
        return ops.concatenate([ops.concatenate([fake, of_fake, gradients], axis=1), scores])


def with_classes(values: np.ndarray, labels: np.ndarray, one_hot: np.ndarray | None) -> Any:
    """Inputs of a network: the values, or with classes [values, one-hot classes]."""
    return values if one_hot is None else [values, np.eye(one_hot.shape[1], dtype="float32")[labels]]


def _joined(inputs: Any) -> np.ndarray:
    return np.concatenate(inputs, axis=1) if isinstance(inputs, list) else inputs


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(x, -60, 60)))


_building = threading.Lock()


class _seeded:
    """Context in which Keras chooses the seeds of weights from this seed.

    Keras takes them from Python's global random numbers. These are restored at the end, and no other game is built at
    the same time.
    """

    def __init__(self, seed: int):
        self.seed = seed

    def __enter__(self) -> None:
        _building.acquire()
        self.state = random.getstate()
        random.seed(self.seed)

    def __exit__(self, *error: object) -> None:
        random.setstate(self.state)
        _building.release()
