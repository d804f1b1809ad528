"""Gradient descent on latents, the compiled loop of projection and editing."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ganzoo.errors import GanzooError

# Rows that are optimized together, which limits memory.
_ROWS = 64
# Of Adam (Kingma & Ba 2014, arXiv:1412.6980).
_BETA1, _BETA2 = 0.9, 0.99


def compiled_descent(network: Any) -> Callable[..., np.ndarray]:
    """A compiled function that minimizes a loss over the latents of a generator by Adam.

    The loss of a latent z is

        sum(weights * (G(z) - target)^2) / channels + prior * |z|^2 / length + pull * |z - anchor|^2 / length

    Args:
        network: a generator from latents (batch, length), or [latents, condition], to images (batch, height, width,
            channels) in [-1, 1].

    Returns:
        A function of (latents, anchors, targets, weights, settings, steps, *conditions), all of them arrays, to the
        latents it finds: latents and anchors float32 (count, length), targets (count or 1, height, width, channels),
        weights (count or 1, height, width, 1), settings (4,), which are Adam's initial learning rate and epsilon,
        the prior and the pull, and the number of steps, an int32 scalar. The learning rate falls to 0 along a cosine.

    Example:
        from ganzoo.inference.descent import compiled_descent

        network = ganzoo.load("dcgan.fashion_mnist").inference_network
        start, target, weights = np.zeros((1, 100)), np.ones((1, 28, 28, 1)), np.full((1, 28, 28, 1), 1 / 784)
        latents = compiled_descent(network)(start, start, target, weights, [0.05, 1e-7, 1e-3, 0.0], 10)     # (1, 100)
    """
    from keras import ops

    from ganzoo import backend

    def descend(latents, anchors, targets, weights, settings, steps, *conditions):
        rate, epsilon, prior, pull = (settings[i] for i in range(4))

        def loss(latents):
            images = ops.cast(network([latents, *conditions] if conditions else latents, training=False), "float32")
            pixels = ops.sum(weights * ops.mean((images - targets) ** 2, axis=-1, keepdims=True), axis=(1, 2, 3))
            return pixels + ops.mean(prior * latents**2 + pull * (latents - anchors) ** 2, axis=1)

        def step(i, state):
            latents, mean, square = state
            gradient = backend.input_gradient(loss, latents)
            mean = _BETA1 * mean + (1 - _BETA1) * gradient
            square = _BETA2 * square + (1 - _BETA2) * gradient**2
            number = ops.cast(i, "float32") + 1.0
            fallen = rate * 0.5 * (1.0 + ops.cos(math.pi * (number - 1.0) / ops.cast(steps, "float32")))
            upward = mean / (1 - ops.power(_BETA1, number))
            spread = ops.sqrt(square / (1 - ops.power(_BETA2, number)))
            return latents - fallen * upward / (spread + epsilon), mean, square

        zeros = ops.zeros_like(latents)
        return ops.fori_loop(0, steps, step, (latents, zeros, zeros))[0]

    latents, *conditions = network.inputs
    image = tuple(network.output_shape[1:])
    specs = [
        *[((None, *latents.shape[1:]), "float32")] * 2,
        ((None, *image), "float32"),
        ((None, *image[:2], 1), "float32"),
        ((4,), "float32"),
        ((), "int32"),
        *[((None, *condition.shape[1:]), condition.dtype) for condition in conditions],
    ]
    return backend.compiled(descend, specs, network)


def descended(
    model: Any,
    latents: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray,
    steps: int,
    learning_rate: float,
    prior: float,
    pull: float = 0.0,
    epsilon: float = 1e-7,
    labels: np.ndarray | None = None,
) -> np.ndarray:
    """The latents at which gradient descent ends; see `compiled_descent` for the loss.

    Args:
        model: an `ImageGeneration` model.
        latents: float32 (count, latent_dim), where it starts; `pull` is towards them.
        targets: float32 (count or 1, height, width, channels) in [-1, 1].
        weights: float32 (count or 1, height, width, 1).
        steps, learning_rate: of Adam.
        prior: weight of |latent|^2 / latent_dim.
        pull: weight of |latent - start|^2 / latent_dim.
        epsilon: of Adam. With a large one, steps are small where the gradient is.
        labels: int32 (count,), of a conditional model.

    Returns:
        float32 (count, latent_dim).

    Example:
        from ganzoo.inference.descent import descended

        model = ganzoo.load("dcgan.fashion_mnist")
        black, everywhere = np.full((1, 28, 28, 1), -1.0), np.full((1, 28, 28, 1), 1 / 784)
        latents = descended(model, model.latents(4, seed=0), black, everywhere, 10, 0.05, 1e-3)     # float32 (4, 100)
    """
    from ganzoo import backend

    backend.sync_variables(model)
    found = []
    for i in range(0, len(latents), _ROWS):
        rows = slice(i, i + _ROWS)
        parts = [array if len(array) == 1 else array[rows] for array in (targets, weights)]
        conditions = [] if labels is None else [labels[rows]]
        settings = [learning_rate, epsilon, prior, pull]
        found.append(model.descent(latents[rows], latents[rows], *parts, settings, steps, *conditions))
    return np.concatenate(found)


def checked_labels(model: Any, labels: Any, count: int, purpose: str) -> np.ndarray | None:
    """The labels of images for gradient descent, int32 (count,), or None for a model without classes.

    Args:
        model: an `ImageGeneration` model.
        labels: one class per image, or one for all; None for a model without classes.
        count: number of images.
        purpose: what they are for, for the error.

    Raises:
        GanzooError: labels for a model without classes, none for one with classes, or a model that takes texts.

    Example:
        from ganzoo.inference.descent import checked_labels

        checked_labels(ganzoo.load("cgan.mnist"), 7, 2, "editing")     # [7, 7]
        checked_labels(ganzoo.load("dcgan.digits"), 7, 2, "editing")     # GanzooError
    """
    has_classes = hasattr(model, "labels")
    if not has_classes and len(model.inference_network.inputs) > 1:
        raise GanzooError(f"{purpose} takes models whose images depend on latents and at most a class")
    if labels is None and has_classes:
        raise GanzooError(f"{purpose} with a model of {model.classes} classes needs the labels of the images")
    if labels is not None and not has_classes:
        raise GanzooError(f"{purpose} got labels, but the model has no classes")
    return model.labels(count, labels) if has_classes else None
