"""PixelCNN: gated autoregressive model of images (van den Oord et al. 2016, arXiv:1606.05328)."""

import functools
import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from keras import ops
from pydantic import Field

from ganzoo import backend, losses, pixels
from ganzoo.data.batch_checks import parts_of
from ganzoo.errors import GanzooError, at_least_one
from ganzoo.inference.counts import allocated, checked_seed, whole_count
from ganzoo.inference.pixel_sampling import PixelSampler, checked_mask
from ganzoo.inference.stepwise import last
from ganzoo.losses.likelihoods import observations
from ganzoo.networks import pixelcnn
from ganzoo.registry import register
from ganzoo.tasks.base import Endpoint, ValidationMetrics
from ganzoo.tasks.image_generation import ImageGeneration
from ganzoo.training.step import Objective
from ganzoo.training.zoo_model import ZooModel
from ganzoo.types import Tensor

if TYPE_CHECKING:
    from ganzoo.config import Evaluation
    from ganzoo.data.feed import Feed

# Images per forward pass when likelihoods are measured. Their binarization depends on it: that of the VAE is the same.
_IMAGES = 50


@register("pixelcnn")
class PixelCNN(ImageGeneration, ZooModel):
    """The gated PixelCNN of van den Oord et al. 2016 (arXiv:1606.05328, after arXiv:1601.06759).

    The probability of an image is the product of those of its pixels, each given all pixels before it in raster order
    (equation 1):

        p(x) = p(x_1) p(x_2 | x_1) ... p(x_n | x_1, ..., x_n-1)

    One network of masked convolutions computes all factors at once, so that training maximizes the exact likelihood.
    To generate an image, its pixels are sampled one after the other.

    Args:
        image_shape: (height, width, channels), any.
        width: channels of the vertical and of the horizontal stack.
        depth: number of gated layers.
        kernel_size: of all layers but the first; odd, at least 3.
        first_kernel_size: of the first layer; odd, at least 3. A pixel depends on the pixels up to
            (first_kernel_size + (depth - 1) * (kernel_size - 1)) // 2 rows above it and columns beside it.
        hidden: channels of the layers before the output.
        dropout: rate of dropout within the layers, against overfitting.
        likelihood: distribution of a pixel: "bernoulli" for black and white images; for 8-bit images "categorical", a
            softmax over 256 values, or {"name": "logistic_mixture", "components": 10}, the discretized mixture of
            Salimans et al. 2017 (arXiv:1701.05517); see `ganzoo.losses.likelihoods`.
        **options: of `ZooModel`.

    Raises:
        GanzooError: an even kernel size, a size below 1, a width that the channels of the image do not divide, an
            unknown likelihood.

    Example:
        model = ganzoo.create("pixelcnn", image_shape=(8, 8, 1), width=8, depth=3, hidden=16)
        images = np.random.default_rng(0).uniform(-1, 1, (16, 8, 8, 1)).astype("float32")
        model.compile()
        model.fit(images, batch_size=8, epochs=1)
        generated = model.generate(4, seed=0)                       # uint8 (4, 8, 8, 1)
        log_p = model.log_likelihood(generated)                     # float32 (4,), in nats
        mask = np.arange(8)[:, None] < np.full(8, 4)                # the upper half is kept
        completed = model.complete(generated, mask, seed=1)         # uint8 (4, 8, 8, 1)
    """

    equation = r"L = -\mathbb{E} \Big[ \sum_i \log p(x_i \mid x_1, \ldots, x_{i-1}) \Big]"
    commands: tuple[str, ...] = ("generate", "complete")
    page = "ganzoo.demos.pixelcnn"
    output_name = "outputs"
    example = (
        "import numpy as np\n"
        "images = model.generate(16, seed=0)  # uint8 (16, height, width, channels)\n"
        "kept = np.zeros(images.shape[1:3], bool)\n"
        "kept[: len(kept) // 2] = True\n"
        "completed = model.complete(images, kept, seed=0)  # the lower half is sampled anew"
    )
    test_config = dict(image_shape=(8, 8, 1), width=4, depth=3, first_kernel_size=5, hidden=8)

    def __init__(
        self,
        image_shape: tuple[int, int, int] = (28, 28, 1),
        width: int = 64,
        depth: int = 10,
        kernel_size: int = 3,
        first_kernel_size: int = 7,
        hidden: int = 128,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0,
        likelihood: object = "bernoulli",
        **options: Any,
    ):
        found = losses.get_likelihood(likelihood)
        # Of a conditional subclass.
        classes = self.arguments.get("classes", 0)
        sizes = (width, depth, kernel_size, first_kernel_size, hidden, dropout, classes)
        super().__init__({"generator": pixelcnn.pixelcnn(image_shape, found, *sizes)}, **options)
        self.likelihood = found

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of an image."""
        return tuple(self.inference_network.inputs[0].shape[1:])

    # Training.

    def objectives(self) -> list[Objective]:
        return [Objective("loss", self.negative_log_likelihood, networks=("generator",))]

    def negative_log_likelihood(self, batch: Any, training: bool = True) -> Tensor:
        """The loss of a batch of images (labels are ignored), a scalar in nats per image."""
        images, *conditions = self.inputs_of(batch)
        images = self.likelihood.observed(images, self.noise.uniform)
        outputs = self.generator([images, *conditions] if conditions else images, training=training)
        return -ops.mean(self.likelihood.log_probability(outputs, images))

    def inputs_of(self, batch: Any) -> list[Tensor]:
        """What of a batch the network takes."""
        return [parts_of(batch, 2, self.model_name, "images, or pairs (images, labels)")[0]]

    def validation_metrics(self, feed: "Feed | None", evaluation: "Evaluation") -> ValidationMetrics | None:
        """The negative log-likelihood of held-out images, if the data has any (`data: {held_out: 0.02}`). Images are
        generated too slowly to compare them after an epoch, unless a metric of them is asked for by name
        (`evaluation: {monitor: frechet_distance}`)."""
        if evaluation.monitor or feed is None or not len(feed.validation):
            return super().validation_metrics(feed, evaluation) if evaluation.monitor else None
        images, *conditions = self.held_out(feed)

        def compute(model: Any) -> dict[str, float]:
            found = model.log_likelihood(images, *conditions)
            values = {"negative_log_likelihood": -float(np.mean(found))}
            if model.likelihood.is_discrete:
                values["bits_per_dimension"] = values["negative_log_likelihood"] / _nats_of_a_bit(model.image_shape)
            return values

        where = f"over {len(images):,} held-out images"
        return ValidationMetrics(compute, "negative_log_likelihood", f"lowest negative_log_likelihood {where}")

    def held_out(self, feed: "Feed") -> list[np.ndarray]:
        """The arguments of `log_likelihood` for the held-out images of the training data."""
        return [np.asarray(feed.validation)]

    # Inference.

    def generate(
        self,
        count: int | None = None,
        seed: int | None = None,
        temperature: float = 1.0,
        batch_size: int = 256,
    ) -> np.ndarray:
        """Generates images, pixel by pixel with cached activations; see `ganzoo.inference.pixel_sampling`.

        Args:
            count: number of images.
            seed: non-negative integer. The same seed gives the same images, and a larger count starts with the images
                of a smaller one. None gives different images each time.
            temperature: below 1, likelier pixels become even likelier, which gives cleaner but less diverse images.
            batch_size: images at once, which limits memory.

        Returns:
            uint8 (count, height, width, channels).

        Raises:
            GanzooError: a count or batch size below 1, a seed below 0, a temperature that is not positive, a count too
                large for memory.

        Example:
            model = ganzoo.create("pixelcnn", image_shape=(8, 8, 1), width=4, depth=2, hidden=4)
            images = model.generate(16, seed=0)  # uint8 (16, 8, 8, 1)
        """
        whole_count(count)
        return self._sampled(int(count or 0), seed, temperature, batch_size)

    def complete(
        self,
        images: np.ndarray,
        mask: np.ndarray,
        seed: int | None = None,
        temperature: float = 1.0,
        batch_size: int = 256,
    ) -> np.ndarray:
        """Samples the unknown pixels of images, in raster order, and keeps the known ones.

        A pixel depends on those before it, known or sampled, and not on known pixels after it. So the lower half of an
        image can be completed well, the upper half cannot.

        Args:
            images: uint8 (count, height, width, channels). Unknown pixels may have any value. With a Bernoulli
                likelihood, known pixels count as white from 128 on.
            mask: bool, (height, width) for all images or (count, height, width): True keeps a pixel, False samples it.
            seed, temperature, batch_size: as in `generate`. With the same image several times, each is completed
                differently.

        Returns:
            uint8 (count, height, width, channels), the known pixels as they were given.

        Raises:
            GanzooError: images of another type or shape, a mask that is not bool or has another shape; as in
                `generate`.

        Example:
            model = ganzoo.create("pixelcnn", image_shape=(8, 8, 1), width=4, depth=2, hidden=4)
            images = model.generate(2, seed=0)
            mask = np.zeros((8, 8), bool)
            mask[:4] = True                                             # the upper half is kept
            completed = model.complete(images, mask, seed=1)            # uint8 (2, 8, 8, 1)
        """
        images, keep = self._known(images, mask)
        return self._sampled(len(images), seed, temperature, batch_size, None, images, keep)

    def complete_progressively(
        self, images: np.ndarray, mask: np.ndarray, seed: int | None = None, temperature: float = 1.0
    ) -> Iterator[np.ndarray]:
        """The same as `complete`, as an iterator over the images after each row in which pixels are sampled. All images
        are sampled at once.

        Args:
            images, mask, seed, temperature: as in `complete`.

        Yields:
            uint8 (count, height, width, channels). Pixels that are not yet sampled are gray, 128. The last ones are
            what `complete` returns.

        Raises:
            GanzooError: as in `complete`, for the seed and the temperature when the first result is asked for.

        Example:
            model = ganzoo.create("pixelcnn", image_shape=(8, 8, 1), width=4, depth=2, hidden=4)
            for images in model.complete_progressively(np.zeros((2, 8, 8, 1), "uint8"), np.zeros((8, 8), bool)):
                print((images != 128).mean())
        """
        images, keep = self._known(images, mask)
        return map(np.copy, self._growing(len(images), seed, temperature, max(1, len(images)), None, images, keep))

    def log_likelihood(self, images: np.ndarray, seed: int = 0) -> np.ndarray:
        """The exact log-probability of images.

        Args:
            images: uint8 (count, height, width, channels).
            seed: of the binarization; as in `VAE.log_likelihood`, so that both measure the same images.

        Returns:
            float32 (count,), in nats.

        Raises:
            GanzooError: images of another type or shape.
        """
        return np.concatenate([self._log_probability(part) for _, part in self._observations(images, seed)])

    def bits_per_dimension(self, images: np.ndarray, seed: int = 0) -> np.ndarray:
        """-log2 p(x) of images, divided by the number of their values; as `log_likelihood`, float32 (count,)."""
        return -self.log_likelihood(images, seed=seed) / np.float32(_nats_of_a_bit(self.image_shape))

    def _observations(self, images, seed):
        """(slice, observed images) for a few images at a time."""
        images = pixels.checked(images, self.image_shape, "images to measure")
        backend.sync_variables(self)
        for start, observed, _ in observations(self.likelihood, images, _IMAGES, seed):
            yield slice(start, start + len(observed)), observed

    def _log_probability(self, *inputs: np.ndarray) -> np.ndarray:
        """The log-probabilities of observed images, given their labels if the network takes any, float32 (count,)."""
        return self._log_probabilities(*inputs).sum(axis=(1, 2), dtype="float64").astype("float32")

    @functools.cached_property
    def _log_probabilities(self) -> Callable[..., np.ndarray]:
        """A compiled function of what the network takes: the log-probability of each pixel."""
        network = self.inference_network

        def log_probabilities(*inputs: Tensor) -> Tensor:
            outputs = network(list(inputs) if len(inputs) > 1 else inputs[0], training=False)
            return self.likelihood.log_probabilities(outputs, inputs[0])

        specs = [((None, *tensor.shape[1:]), tensor.dtype) for tensor in network.inputs]
        return backend.compiled(log_probabilities, specs, network)

    def _known(self, images: Any, mask: Any) -> tuple[np.ndarray, np.ndarray]:
        """(images to complete, mask bool (count, height, width)), checked."""
        images = pixels.checked(images, self.image_shape, "images to complete")
        return images, checked_mask(mask, (len(images), *self.image_shape[:2]))

    def _observed(self, images: np.ndarray) -> np.ndarray:
        """Images as the likelihood observes them, with gray levels rounded and not binarized at random."""
        observed = self.likelihood.observed(pixels.to_float(images), lambda shape: ops.full(shape, 0.5))
        return ops.convert_to_numpy(observed)

    def _sampled(self, count, seed, temperature, batch_size, labels=None, images=None, keep=None):
        """Images uint8 (count, height, width, channels); `keep` says which pixels of `images` are known."""
        return last(self._growing(count, seed, temperature, batch_size, labels, images, keep))

    def _growing(self, count, seed, temperature, batch_size, labels=None, images=None, keep=None):
        """Yields the images, always the same array, after each row of each batch; later batches have any values."""
        checked_seed(seed)
        number = isinstance(temperature, (int, float, np.number)) and not isinstance(temperature, bool)
        if not number or not 0 < temperature < math.inf:
            raise GanzooError(f"temperature must be a positive number, got {temperature!r}")
        at_least_one(batch_size=batch_size)
        # Small NumPy integers overflow.
        batch_size = int(batch_size)
        height, width, channels = self.image_shape
        result = allocated(lambda: np.empty((count, *self.image_shape), "uint8"), f"{count} images")
        backend.sync_variables(self)
        sampler = PixelSampler(self.inference_network, self.likelihood)
        seed = np.random.SeedSequence().entropy if seed is None else int(seed)
        if not count:
            yield result
        for start in range(0, count, batch_size):
            chosen = slice(start, min(start + batch_size, count))
            size = chosen.stop - start
            # From each image's own generator: the images do not depend on the count.
            numbers = (height * width, channels + 1)
            uniform = [np.random.default_rng([seed, i]).random(numbers) for i in range(start, chosen.stop)]
            known, kept = np.zeros((size, *self.image_shape), "float32"), np.zeros((size, height, width), bool)
            if images is not None:
                known, kept = self._observed(images[chosen]), keep[chosen]
            given = None if labels is None else labels[chosen]
            # Distribution functions are inverted, which are infinite at 0.
            numbers = np.maximum(np.stack(uniform), 1e-12)
            for sampled in sampler.rows(known, kept, numbers, float(temperature), given):
                if not np.isfinite(sampled).all():
                    raise GanzooError(
                        "the network generates values that are not finite numbers: its weights are damaged"
                    )
                result[chosen] = pixels.to_uint8(sampled)
                if images is not None:
                    # As given, even where they are observed as black or white.
                    result[chosen][kept] = images[chosen][kept]
                yield result

    def _latent_source(self, *args: Any, **options: Any) -> Any:
        raise GanzooError(f"{self.model_name} has no latents: it samples pixels one after the other")

    def collapsed(self) -> bool:
        """False: the loss is the likelihood of the data, which images that are all alike would make low."""
        return False

    # For runs, tests and benchmarks.

    def example_inputs(self, count: int, seed: int = 0) -> list[np.ndarray]:
        return [np.random.default_rng(seed).uniform(-1, 1, (count, *self.image_shape)).astype("float32")]

    def endpoints(self) -> dict[str, Endpoint]:
        """None: the network's outputs are no images, but the distributions of pixels given those before them."""
        return {}


def _nats_of_a_bit(image_shape: tuple[int, int, int]) -> float:
    """Nats of an image for one bit in each of its values."""
    return math.prod(image_shape) * math.log(2.0)
