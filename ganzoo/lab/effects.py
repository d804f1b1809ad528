"""The numbers by which the prepared experiments are measured: functions of a game and its frames.

Importing this module does not import Keras.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ganzoo.lab.game import Frame, Game


def distance_of_end(game: "Game", frames: list["Frame"]) -> float:
    """The mean distance of real and generated points in the last quarter of the frames."""
    return float(np.mean([frame.distance for frame in frames[-max(1, len(frames) // 4) :]]))


def first_gradient(game: "Game", frames: list["Frame"]) -> float:
    """The mean strength of the gradient that generated points get, in the first frame."""
    return float(np.linalg.norm(frames[0].gradients, axis=1).mean())


def reached(game: "Game", frames: list["Frame"]) -> float:
    """Clusters that are the nearest to at least a quarter of their share of points; mean of the second half."""
    from ganzoo.lab.measures import modes_found

    anywhere = replace(game.data, tolerance=np.inf)
    return float(np.mean([modes_found(frame.fake, anywhere) or 0 for frame in frames[len(frames) // 2 :]]))


def tightness(game: "Game", frames: list["Frame"]) -> float:
    """The mean of what the discriminator's loss says of the divergence: it is a lower bound, tight for the best one."""
    return float(np.mean([frame.estimate for frame in frames if frame.estimate is not None]))


def batch_dependence(game: "Game", frames: list["Frame"]) -> float:
    """How much one latent's point changes with the rest of its batch, in percent of the points' deviation."""
    from keras import ops

    rng = np.random.default_rng(0)
    one = rng.standard_normal((1, game.settings.latent_dim)).astype("float32")
    outputs = []
    for _ in range(16):
        others = rng.standard_normal((15, game.settings.latent_dim)).astype("float32")
        batch = np.concatenate([one, others])
        outputs.append(ops.convert_to_numpy(game.model.generator(batch, training=True))[0])
    return float(100 * np.std(outputs, axis=0).mean() / game.generate(500).std(axis=0).mean())


def pull_on_accepted(game: "Game", frames: list["Frame"]) -> float:
    """The gradient that generated points get that the discriminator takes for real, relative to the others."""
    accepted, others = [], []
    for frame in frames:
        strength = np.linalg.norm(frame.gradients, axis=1)
        # Least squares has targets 0 and 1, cross-entropy probabilities: 1/2 is the middle of both.
        accepted.extend(strength[frame.scores > 0.75])
        others.extend(strength[frame.scores < 0.25])
    return float(np.mean(accepted) / np.mean(others)) if accepted and others else float("nan")


def follows_quality(game: "Game", frames: list["Frame"]) -> float:
    """The rank correlation of the discriminator's estimate with the true distance of the samples."""
    from ganzoo.lab.measures import rank_correlation

    return rank_correlation(
        [np.nan if f.estimate is None else f.estimate for f in frames], [f.distance for f in frames]
    )


def confidence(game: "Game", frames: list["Frame"]) -> float:
    """The mean D(x) on real points at the end."""
    return float(game.scores(game.data.points[:1000], game.data.labels[:1000]).mean())


def slope(game: "Game", frames: list["Frame"]) -> float:
    """How far the critic's slope between real and generated points is from 1, on average."""
    from keras import ops

    from ganzoo import backend

    rng = np.random.default_rng(0)
    real, fake = game.data.points[:1000], game.generate(1000, seed=1)
    between = (real + rng.random((1000, 1)) * (fake - real)).astype("float32")
    gradient = backend.input_gradient(
        lambda x: game.model.discriminator(x, training=False), ops.convert_to_tensor(between)
    )
    return float(np.abs(np.linalg.norm(ops.convert_to_numpy(gradient), axis=1) - 1).mean())


def obeys(game: "Game", frames: list["Frame"]) -> float:
    """The share of generated points nearest to the mode whose class was asked for (without classes: chance)."""
    wanted = np.arange(2000) % game.data.classes
    points = game.generate(2000, seed=1)
    centers = game.data.centers if game.data.centers is not None else np.zeros((1, 2))
    nearest = np.linalg.norm(points[:, None] - centers, axis=-1)
    return float(((nearest.argmin(axis=1) == wanted) & (nearest.min(axis=1) < 0.5)).mean())
