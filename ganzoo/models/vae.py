"""VAE: variational autoencoder (Kingma & Welling 2013, arXiv:1312.6114)."""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import keras
import numpy as np
from keras import ops

from ganzoo import backend, losses, pixels
from ganzoo.arguments import AtLeastOne, NotNegative
from ganzoo.data.batch_checks import parts_of
from ganzoo.errors import GanzooError, at_least_one
from ganzoo.inference.counts import whole_count
from ganzoo.inference.latent import lerp
from ganzoo.losses.likelihoods import gaussian_divergence, observations
from ganzoo.networks import variational
from ganzoo.registry import register
from ganzoo.tasks.base import ValidationMetrics
from ganzoo.tasks.image_generation import ImageGeneration
from ganzoo.training.step import Objective
from ganzoo.training.zoo_model import ZooModel
from ganzoo.types import Tensor

if TYPE_CHECKING:
    from ganzoo.config import Evaluation
    from ganzoo.data.feed import Feed

# Of a log-likelihood estimate: images at once, and samples of each at once.
_IMAGES, _SAMPLES = 50, 50


@register("vae")
class VAE(ImageGeneration, ZooModel):
    """The variational autoencoder of Kingma and Welling 2013 (arXiv:1312.6114).

    The encoder gives each image x a normal distribution q(z|x) of latents, the decoder each latent a distribution
    p(x|z) of images. Both maximize the evidence lower bound (equation 3 of the paper)

        ELBO(x) = E_q [log p(x|z)] - beta KL(q(z|x) || p(z)),  p(z) = N(0, 1)

    with one sample of z per image. `generate` returns the mean images of p(x|z).

    Args:
        image_shape: (height, width, channels); as in `DCGAN` for the convolutional architecture, else any.
        latent_dim: length of the latent vector.
        architecture: "convolutional" or "dense".
        width: channels of the convolution nearest the image; they double at each halving of its size.
        kernel_size: of all convolutions.
        max_width: upper bound on the channels of a convolution.
        hidden: units of the dense layers.
        likelihood: p(x|z): "bernoulli" for black and white images, "discretized_logistic", "logistic_mixture" or
            "categorical" for 8-bit images, or {"name": "gaussian", "deviation": 0.1}; see `ganzoo.losses.likelihoods`.
        **options: of `ZooModel`.

    Raises:
        GanzooError: an image_shape the networks cannot produce, a size below 1, an unknown likelihood.

    Example:
        model = ganzoo.create("vae", image_shape=(16, 16, 1), latent_dim=8, width=8)
        images = np.random.default_rng(0).uniform(-1, 1, (16, 16, 16, 1)).astype("float32")
        model.compile()
        model.fit(images, batch_size=8, epochs=1)
        generated = model.generate(4, seed=0)               # uint8 (4, 16, 16, 1)
        mean, deviation = model.encode(generated)           # float32 (4, 8) each
        same = model.reconstruct(generated)                 # uint8 (4, 16, 16, 1)
        elbo, log_p = model.elbo(generated)[0], model.log_likelihood(generated, samples=10)     # float32 (4,), in nats
    """

    equation = (
        r"L = -\mathbb{E}_{q(z|x)}[\log p(x|z)] + \beta \, \mathrm{KL}(q(z|x) \,\|\, \mathcal{N}(0, I)),"
        r" \quad \beta = 1"
    )
    reported = ("reconstruction", "kl")
    commands = ("generate",)
    page = "ganzoo.demos.vae"
    test_config = dict(image_shape=(16, 16, 1), latent_dim=4, width=4, hidden=8)

    def __init__(
        self,
        image_shape: tuple[int, int, int] = (28, 28, 1),
        latent_dim: AtLeastOne = 50,
        architecture: Literal["convolutional", "dense"] = "convolutional",
        width: int = 32,
        kernel_size: int = 5,
        max_width: int = 256,
        hidden: int = 256,
        likelihood: object = "bernoulli",
        **options: Any,
    ):
        found = losses.get_likelihood(likelihood)
        if architecture == "dense":
            encoder = variational.dense_encoder(image_shape, latent_dim, hidden)
            decoder = variational.dense_decoder(image_shape, latent_dim, hidden, found)
        else:
            sizes = (image_shape, latent_dim, width, kernel_size, max_width, hidden)
            encoder = variational.convolutional_encoder(*sizes)
            decoder = variational.convolutional_decoder(*sizes, found)
        super().__init__({"generator": decoder, "encoder": encoder}, **options)
        self.latent_dim, self.likelihood = latent_dim, found

    # Training.

    def objectives(self) -> list[Objective]:
        return [Objective("loss", self.negative_elbo, networks=("encoder", "generator"))]

    def negative_elbo(self, batch: Any, training: bool = True) -> Tensor:
        """The loss of a batch of images (labels are ignored), a scalar in nats per image."""
        images = parts_of(batch, 2, self.model_name, "images, or pairs (images, labels)")[0]
        images = self.likelihood.observed(images, self.noise.uniform)
        mean, log_variance = ops.split(self.encoder(images, training=training), 2, axis=-1)
        latents = mean + ops.exp(0.5 * log_variance) * self.noise.normal(ops.shape(mean))
        outputs = self._outputs(self.generator)(latents, training=training)
        reconstruction = -ops.mean(self.likelihood.log_probability(outputs, images))
        kl = ops.mean(gaussian_divergence(mean, log_variance))
        self.record(reconstruction=reconstruction, kl=kl)
        warm_up = 1.0
        if self.warm_up_steps and training:
            warm_up = ops.minimum(ops.cast(self.noise.step, "float32") / self.warm_up_steps, 1.0)
        return reconstruction + self.beta * warm_up * kl

    def compile(
        self,
        optimizer: object = {"name": "adam", "learning_rate": 1e-3},
        *,
        beta: NotNegative = 1.0,
        warm_up_steps: NotNegative = 0,
        **settings: Any,
    ) -> None:
        """Configures training, as `ZooModel.compile` with two more arguments.

        Args:
            beta: weight of the KL divergence. Above 1, latents tell less and are more independent of each other
                (Higgins et al. 2017, beta-VAE).
            warm_up_steps: steps in which the weight grows linearly from 0 to beta, against latents that stay unused
                (Sønderby et al. 2016, arXiv:1602.02282).
        """
        self.refuse_unknown_settings(settings)
        self.keep_settings(VAE.compile, beta=beta, warm_up_steps=warm_up_steps)
        super().compile(optimizer, **settings)

    def validation_metrics(self, feed: "Feed | None", evaluation: "Evaluation") -> ValidationMetrics | None:
        """The negative ELBO of held-out images, if the data has any (`data: {held_out: 0.05}`), and, if an extractor is
        set, the Fréchet distance."""
        others = super().validation_metrics(feed, evaluation)
        if evaluation.monitor or feed is None or not len(feed.validation):
            return others
        images = np.asarray(feed.validation)

        def compute(model: Any) -> dict[str, float]:
            values = {"negative_elbo": -float(np.mean(model.elbo(images)[0]))}
            return {**values, **(others.compute(model) if others else {})}

        return ValidationMetrics(compute, "negative_elbo", f"lowest negative_elbo over {len(images):,} held-out images")

    def _outputs(self, decoder: keras.Model) -> Callable[..., Tensor]:
        """The part of a decoder up to what the likelihood takes, instead of the mean image."""
        if decoder not in self._known_outputs:
            network = keras.Model(decoder.input, decoder.get_layer("outputs").output)
            # A function: Keras would track the network itself, and save the decoder's layers a second time.
            self._known_outputs[decoder] = lambda *args, **options: network(*args, **options)
        return self._known_outputs[decoder]

    @functools.cached_property
    def _known_outputs(self) -> dict[keras.Model, Callable[..., Tensor]]:
        return {}

    # Inference.

    def encode(self, images: np.ndarray, batch_size: int = 250) -> tuple[np.ndarray, np.ndarray]:
        """The distributions of the latents of images.

        Args:
            images: uint8 (count, height, width, channels).
            batch_size: images per forward pass.

        Returns:
            (means, standard deviations), float32 (count, latent_dim) each. With a Bernoulli likelihood, images enter
            the encoder as they are, gray.

        Raises:
            GanzooError: images of another type or shape.
        """
        images = pixels.checked(images, self.image_shape, "images to encode")
        at_least_one(batch_size=batch_size)
        backend.sync_variables(self)
        forward = self._forward(self.averages["encoder"])
        parts = range(0, len(images), batch_size)
        moments = np.concatenate([forward(pixels.to_float(images[i : i + batch_size])) for i in parts])
        mean, log_variance = np.split(moments, 2, axis=1)
        return mean, np.exp(0.5 * log_variance)

    def decode(self, latents: np.ndarray) -> np.ndarray:
        """The mean images of latents: `generate(latents=latents)`."""
        return self.generate(latents=latents)

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        """What is left of images after encoding and decoding, uint8: the mean images of their mean latents."""
        return self.decode(self.encode(images)[0])

    def interpolate(self, start: np.ndarray, end: np.ndarray, count: int = 9) -> np.ndarray:
        """Images on the line between the mean latents of two images.

        Args:
            start, end: uint8 (height, width, channels).
            count: number of images, the reconstructions of both included.

        Returns:
            uint8 (count, height, width, channels).

        Raises:
            GanzooError: an image of another type or shape, or a count that is not an integer of at least 1.
        """
        whole_count(count)
        ends = [pixels.checked(np.asarray(image)[None], self.image_shape, "images to encode") for image in (start, end)]
        latents, _ = self.encode(np.concatenate(ends))
        return self.decode(lerp(latents[0], latents[1], np.linspace(0, 1, count)))

    def elbo(self, images: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The evidence lower bound of images and its two parts, whatever the `beta` of training.

        Args:
            images: uint8 (count, height, width, channels).
            seed: of the latents, one for each image, and of the binarization.

        Returns:
            (ELBO, E_q [log p(x|z)], KL divergence), float32 (count,) each, in nats.

        Raises:
            GanzooError: images of another type or shape.
        """
        parts = [self._bounds(part, 1, rng) for part, rng in self._parts(images, _IMAGES, seed)]
        _, log_p, kl = (np.concatenate(values) for values in zip(*parts))
        return log_p - kl, log_p, kl

    def log_likelihood(self, images: np.ndarray, samples: int = 500, seed: int = 0) -> np.ndarray:
        """Estimates log p(x) by importance sampling (Burda et al. 2015, arXiv:1509.00519, equation 8): the logarithm of
        the mean of p(x, z) / q(z|x) over samples of z. On average it is a lower bound, above the ELBO.

        Args:
            images: uint8 (count, height, width, channels).
            samples: latents for each image.
            seed: of the latents and of the binarization.

        Returns:
            float32 (count,), in nats.

        Raises:
            GanzooError: images of another type or shape, or samples below 1.
        """
        if not isinstance(samples, (int, np.integer)) or isinstance(samples, bool) or samples < 1:
            raise GanzooError(f"samples must be an integer of at least 1, got {samples!r}")
        parts = [self._bounds(part, samples, rng)[0] for part, rng in self._parts(images, _IMAGES, seed)]
        return np.concatenate(parts)

    def _parts(self, images, size, seed):
        """(observed images in [-1, 1], a generator of random numbers) for a few images at a time."""
        images = pixels.checked(images, self.image_shape, "images to measure")
        backend.sync_variables(self)
        for _, observed, rng in observations(self.likelihood, images, size, seed):
            yield observed, rng

    def _bounds(self, images: np.ndarray, samples: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """(log of the mean weight, mean log p(x|z), KL divergence), float32 (count,) each."""
        logs, log_ps = [], []
        kl = np.zeros(len(images), "float32")
        for start in range(0, samples, _SAMPLES):
            noise = rng.standard_normal((min(_SAMPLES, samples - start), len(images), self.latent_dim), "float32")
            log_weights, log_p, kl = self._weighted(images, noise)
            logs.append(log_weights)
            log_ps.append(log_p)
        weights = np.concatenate(logs).astype("float64")
        highest = weights.max(axis=0)
        mean = highest + np.log(np.exp(weights - highest).mean(axis=0))
        return mean.astype("float32"), np.concatenate(log_ps).mean(axis=0), kl

    @functools.cached_property
    def _weighted(self) -> Callable[[np.ndarray, np.ndarray], Any]:
        """A compiled function of images and noise (samples, count, latent_dim): log p(x, z) / q(z|x) and log p(x|z),
        (samples, count), and the KL divergence (count,)."""
        decoder = self._outputs(self.inference_network)

        def weighted(images: Tensor, noise: Tensor) -> Tensor:
            mean, log_variance = ops.split(self.averages["encoder"](images, training=False), 2, axis=-1)
            latents = mean + ops.exp(0.5 * log_variance) * noise
            count, shape = ops.shape(noise)[0], ops.shape(images)
            outputs = decoder(ops.reshape(latents, (-1, self.latent_dim)), training=False)
            repeated = ops.reshape(ops.broadcast_to(images, (count, *shape)), (-1, *images.shape[1:]))
            log_p = ops.reshape(self.likelihood.log_probability(outputs, repeated), (count, -1))
            # log p(z) - log q(z|x); their constants cancel.
            log_ratio = 0.5 * ops.sum(noise**2 - latents**2 + log_variance, axis=-1)
            kl = ops.broadcast_to(gaussian_divergence(mean, log_variance), ops.shape(log_p))
            return ops.stack([log_p + log_ratio, log_p, kl])

        shapes = (None, *self.image_shape), (None, None, self.latent_dim)
        compiled = backend.compiled(weighted, [(shape, "float32") for shape in shapes], self)

        def parts(images: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, ...]:
            log_weights, log_p, kl = compiled(images, noise)
            return log_weights, log_p, kl[0]

        return parts
