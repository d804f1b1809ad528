"""A GAN of points in the plane that trains step by step, and what it looks like after each of them."""

import contextlib
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from ganzoo import backend, losses
from ganzoo.errors import GanzooError, at_least_one, unknown
from ganzoo.lab.data import LIMIT, Points, sample
from ganzoo.lab.measures import jensen_shannon, modes_found, wasserstein
from ganzoo.lab.models import EquilibriumPoints, PointGAN
from ganzoo.lab.settings import OPTIMIZERS, Settings
from ganzoo.training.noise import Noise
from ganzoo.types import Tensor

# Generated points, and real ones, of a frame.
SHOWN = 256
# Points along each axis of the grid on which a frame shows the discriminator.
GRID = 33
# Points by which the distance and modes are measured where a frame is not enough.
MEASURED = 1000


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
            optimizer = {"name": settings.optimizer, **OPTIMIZERS[settings.optimizer]}
            self.model.compile(
                generator_optimizer={**optimizer, "learning_rate": settings.generator_learning_rate},
                discriminator_optimizer={**optimizer, "learning_rate": settings.discriminator_learning_rate},
                loss=loss,
                penalties=settings.penalties,
                augmentations=settings.augmentations,
                feature_matching=settings.feature_matching,
                moment_matching=settings.moment_matching,
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
        self._evaluate: Callable[..., np.ndarray] | None = None
        self.history: list[dict[str, Any]] = []
        self._shown_fixed()
        if settings.pretraining_steps:
            self.train(settings.pretraining_steps, only="d_loss")

    def _all(self) -> Any:
        return self.data.points if self._one_hot is None else (self.data.points, self._one_hot)

    def _shown_fixed(self) -> None:
        """The latents, real points and grid of all frames."""
        rng = np.random.default_rng(self.settings.seed + 1)
        chosen = rng.integers(0, len(self.data.points), SHOWN)
        self._real = self.data.points[chosen]
        self._latents = rng.standard_normal((SHOWN, self.settings.latent_dim)).astype("float32")
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
            GanzooError: steps that are not an integer of at least 1, or another objective.

        Example:
            game = ganzoo.lab.Game(units=8)
            game.train(5)
            game.train(only="g_loss")
        """
        at_least_one(steps=steps)
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
        latents = np.random.default_rng(seed).standard_normal((count, self.settings.latent_dim)).astype("float32")
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
        return self.model.loss.gives_probabilities

    def frame(self) -> Frame:
        """What the game looks like now; adds its values to `history`.

        Example:
            frame = ganzoo.lab.Game(units=8).frame()
            frame.surface.shape                 # (33, 33)
        """
        model, classes = self.model, self._one_hot
        if self._evaluate is None:
            wide = 0 if classes is None else classes.shape[1]
            specs = [((SHOWN, self.settings.latent_dim + wide), "float32"), ((None, 2 + wide), "float32")]
            self._evaluate = backend.compiled(self._evaluated, specs, model)
        labels = self.labels
        points = np.concatenate([self._real, self._grid])
        of_points = np.concatenate([labels, np.zeros(len(self._grid), int)])
        packed = [_joined(with_classes(*pair, classes)) for pair in ((self._latents, labels), (points, of_points))]
        found = self._evaluate(*packed)
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

    def _evaluated(self, latents: Tensor, points: Tensor) -> Tensor:
        """Rows of (generated point, score, gradient), then rows of scores of the other points alone."""
        model = self.model

        def parts(joined: Tensor, width: int) -> Any:
            return joined if self._one_hot is None else [joined[:, :width], joined[:, width:]]

        fake = model.generator(parts(latents, self.settings.latent_dim), training=False)
        condition = None if self._one_hot is None else latents[:, self.settings.latent_dim :]

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


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Context in which Keras chooses the seeds of weights from this seed.

    Keras takes them from Python's global random numbers. These are restored at the end, and no other game is built at
    the same time.
    """
    with _building:
        state = random.getstate()
        random.seed(seed)
        try:
            yield
        finally:
            random.setstate(state)
