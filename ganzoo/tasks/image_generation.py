"""Models that generate images from noise."""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from ganzoo import backend, pixels
from ganzoo.data.batch_checks import check_images, rank_of, refuse_single_examples
from ganzoo.data.images import images
from ganzoo.errors import GanzooError, at_least_one
from ganzoo.inference.counts import allocated, checked_seed, whole_count
from ganzoo.inference.descent import compiled_descent
from ganzoo.inference.latent import Latents
from ganzoo.inference.sampling import grid
from ganzoo.metrics import ImageSets, get_extractor
from ganzoo.metrics.registry import chosen_metrics
from ganzoo.networks.features import feature_network
from ganzoo.tasks.base import Endpoint, Task, ValidationMetrics

if TYPE_CHECKING:
    from ganzoo.config import Evaluation
    from ganzoo.data.feed import Feed

# If images overflow, larger latents than this are the cause, not damaged weights.
_LARGEST_LATENT = 1e3


class ImageGeneration(Task):
    """Generation of images from latent vectors.

    The model has a `latent_dim`. Its inference network maps latents (batch, latent_dim), or [latents, condition], to
    images (batch, height, width, channels) in [-1, 1].

    Example:
        @ganzoo.register("mygan")
        class MyGAN(ganzoo.ImageGeneration, ganzoo.AdversarialModel):
            def __init__(self, image_shape=(32, 32, 3), latent_dim=64):
                super().__init__(my_generator(latent_dim), my_discriminator(image_shape), latent_dim)
    """

    # Of the model.
    latent_dim: int
    inference_network: Any
    discriminator: Any
    model_name: Any

    data = staticmethod(images)
    evaluation = "ganzoo.evaluation.image_generation"
    page = "ganzoo.demos.dcgan"
    purpose = "generates images"
    chapter = "families"
    usage = "ganzoo generate {name}"
    commands: tuple[str, ...] = ("generate", "probe")
    sources = ("ganzoo.data.sources", "")
    example = "images = model.generate(16, seed=0)  # uint8 (16, height, width, channels)"
    pipeline = "unconditional-image-generation"
    limits = (
        "It generates only images like those it was trained on, in one size. Generated images may be close to training "
        "images."
    )
    has_fixed_shapes = True
    output_name = "images"

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of a generated image."""
        return tuple(self.inference_network.output_shape[1:])

    def generate(
        self,
        count: int | None = None,
        seed: int | None = None,
        latents: np.ndarray | None = None,
        batch_size: int = 64,
        truncation: float | None = None,
    ) -> np.ndarray:
        """Generates images.

        Args:
            count: number of images; not needed with `latents`.
            seed: non-negative integer. The same seed gives the same images, and a larger count starts with the images
                of a smaller one. None gives different images each time.
            latents: float32 (count, latent_dim), used instead of random latents.
            batch_size: images per forward pass, which limits memory.
            truncation: samples latents from a normal distribution truncated to [-truncation, truncation] (Brock et al.
                2018, arXiv:1809.11096): a small number gives cleaner but less diverse images. None does not truncate.

        Returns:
            uint8 (count, height, width, channels).

        Raises:
            GanzooError: a count below 1 or too large for memory; latents of the wrong shape or beyond all bounds; a
                truncation that is not positive, or of given latents.

        Example:
            model = ganzoo.load("dcgan.digits")
            images = model.generate(16, seed=0)  # uint8 (16, 32, 32, 1)
            first = model.generate(latents=model.latents(16, seed=0)[:1])  # uint8 (1, 32, 32, 1)
        """
        return self._images(self._latent_source(count, seed, latents, truncation), batch_size)

    def latents(
        self,
        count: int | None = None,
        seed: int | None = None,
        latents: np.ndarray | None = None,
        truncation: float | None = None,
    ) -> np.ndarray:
        """Random latents, float32 (count, latent_dim), or the given ones after a check; arguments as in `generate`."""
        source = self._latent_source(count, seed, latents, truncation)
        return allocated(lambda: source.next(source.count), f"{source.count} latents")

    def _latent_source(
        self,
        count: int | None = None,
        seed: int | None = None,
        latents: np.ndarray | None = None,
        truncation: float | None = None,
        network: keras.Model | None = None,
    ) -> Latents:
        """The latents for `generate`; `network` is a part of the generator that takes latents of another length."""
        if network is None and not hasattr(self, "latent_dim"):
            raise GanzooError(
                f"{type(self).__name__} needs a latent_dim, the length of its latents: self.latent_dim = 64"
            )
        length = self.latent_dim if network is None else network.inputs[0].shape[-1]
        if latents is None:
            whole_count(count)
            checked_seed(seed)
            return Latents(int(count or 0), length, seed, truncation)
        if truncation is not None:
            raise GanzooError("truncation is for random latents: leave it out where latents are given")
        try:
            latents = np.asarray(latents, "float32")
        except (TypeError, ValueError):
            raise GanzooError(f"latents must be an array of numbers (count, {length}), got {latents!r}") from None
        if latents.ndim != 2 or latents.shape[1] != length or not len(latents):
            raise GanzooError(f"latents must have shape (count, {length}), got {latents.shape}")
        if not np.isfinite(latents).all():
            raise GanzooError("latents must be finite numbers")
        if count not in (None, len(latents)):
            raise GanzooError(f"count is {count}, but there are {len(latents)} latents")
        return Latents(len(latents), length, given=latents)

    def _images(
        self, latents: Latents, batch_size: int, *conditions: np.ndarray, network: keras.Model | None = None
    ) -> np.ndarray:
        """Images uint8 (count, height, width, channels), generated one batch at a time to limit memory.

        Args:
            latents: the latents.
            batch_size: images per batch.
            *conditions: arrays (count, ...), the generator's other inputs.
            network: a part of the generator to use instead of the whole.

        Raises:
            GanzooError: a batch size below 1, a result that does not fit in memory, or images that are not finite.
        """
        at_least_one(batch_size=batch_size)
        # Small NumPy integers overflow.
        batch_size = int(batch_size)
        network = network or self.inference_network
        shape = tuple(network.output_shape[1:])
        result = allocated(lambda: np.empty((latents.count, *shape), "uint8"), f"{latents.count} images")
        backend.sync_variables(self)
        # Not predict(): under a strategy every replica would generate the same batch, and all copies be returned.
        forward = self._forward(network)
        for start in range(0, latents.count, batch_size):
            end = min(start + batch_size, latents.count)
            inputs = latents.next(end - start)
            images = forward(inputs, *(condition[start:end] for condition in conditions))
            if not np.isfinite(images).all():
                largest = float(np.abs(inputs).max())
                if largest > _LARGEST_LATENT:
                    raise GanzooError(
                        f"latents up to {largest:.3g} make the network overflow: values usually lie between -5 and 5"
                    )
                raise GanzooError("the network generates values that are not finite numbers: its weights are damaged")
            result[start:end] = pixels.to_uint8(images)
        return result

    def _forward(self, network: keras.Model) -> Callable:
        """The network's forward pass as a compiled function, built once."""
        if network not in self._forward_functions:
            specs = [((None, *tensor.shape[1:]), tensor.dtype) for tensor in network.inputs]

            def forward(*inputs: Any) -> Any:
                return network(list(inputs) if len(inputs) > 1 else inputs[0], training=False)

            self._forward_functions[network] = backend.compiled(forward, specs, network)
        return self._forward_functions[network]

    @functools.cached_property
    def _forward_functions(self) -> dict[keras.Model, Callable]:
        return {}

    @functools.cached_property
    def descent(self) -> Callable[..., np.ndarray]:
        """Gradient descent on the latents, compiled when first used; see `ganzoo.inference.descent`."""
        return compiled_descent(self.inference_network)

    def features(self, images: np.ndarray, batch_size: int = 250) -> np.ndarray:
        """The discriminator's features of images, e.g. for classification or image search.

        They are the outputs of all hidden layers, max-pooled to 4x4 positions (Radford et al. 2015, arXiv:1511.06434,
        section 5.1).

        Args:
            images: uint8 (count, height, width, channels) of the model's size.
            batch_size: images per forward pass, which limits memory.

        Returns:
            float32 (count, length).

        Raises:
            GanzooError: images of another type or size, no discriminator, or one that needs a condition.

        Example:
            model = ganzoo.create("dcgan", image_shape=(16, 16, 1), width=4)
            vectors = model.features(model.generate(8, seed=0))
        """
        images = pixels.checked(images, self.image_shape, "images for features")
        if not hasattr(self, "discriminator"):
            raise GanzooError(f"{self.model_name} has no discriminator, whose features these are")
        if len(self.discriminator.inputs) > 1:
            raise GanzooError(
                f"the discriminator of {self.model_name} takes images with a condition: it has no features of images "
                "alone"
            )
        at_least_one(batch_size=batch_size)
        network = feature_network(self.discriminator)
        shape = (len(images), network.output_shape[-1])
        result = allocated(lambda: np.empty(shape, "float32"), f"{len(images)} vectors of features")
        with backend.no_gradients():
            for i in range(0, len(images), batch_size):
                part = pixels.to_float(images[i : i + batch_size])
                result[i : i + batch_size] = ops.convert_to_numpy(network(part, training=False))
        return result

    # For runs, tests and benchmarks.

    def data_arguments(self) -> dict[str, Any]:
        return {"image_shape": self.image_shape}

    def example_batch(self, batch_size: int, seed: int = 0) -> Any:
        """A random batch with the structure of the model's dataset, for tests."""
        shape = (batch_size, *self.image_shape)
        return np.random.default_rng(seed).uniform(-1, 1, shape).astype("float32")

    def example_inputs(self, count: int, seed: int = 0) -> list[np.ndarray]:
        """Random inputs of the inference network, for tests."""
        return [self.latents(count, seed)]

    def endpoints(self) -> dict[str, Endpoint]:
        """`serve_uint8`: images as uint8."""

        def compute(*inputs: Any) -> Any:
            return pixels.as_uint8(self.inference_network(list(inputs) if inputs[1:] else inputs[0], training=False))

        inputs = {one.name: (tuple(one.shape), one.dtype) for one in self.inference_network.inputs}
        return {"serve_uint8": Endpoint(compute, inputs, "images", self.example_inputs)}

    def check_data(self, data: Any, targets: Any = None) -> None:
        super().check_data(data, targets)
        if isinstance(data, np.ndarray) and data.ndim == 4 and np.shape(targets)[1:] == data.shape[1:]:
            raise GanzooError(
                "fit() got images in place of the labels: pass all images as one array, e.g. "
                "np.concatenate([first, second])"
            )
        spec = getattr(data, "element_spec", data)
        first = spec[0] if isinstance(spec, (tuple, list)) and len(spec) else spec
        shape = getattr(first, "shape", None)
        if shape is None or not rank_of(shape):
            return
        refuse_single_examples([tuple(shape)], [self.image_shape])
        if len(self.image_shape) == 3:
            if isinstance(first, np.ndarray):
                check_images(first)
            # Of a tf.data.Dataset, only the type is known before it runs.
            elif "float" not in (dtype := getattr(first.dtype, "name", str(first.dtype))):
                raise GanzooError(
                    f"images are float32 in [-1, 1], got {dtype}: divide by 127.5 and subtract 1, e.g. "
                    "data.map(lambda x: tf.cast(x, 'float32') / 127.5 - 1), or use ganzoo.data.images, which does this"
                )
        if tuple(shape[1:]) != self.image_shape:
            raise GanzooError(
                f"the model generates images of shape {self.image_shape}, the dataset has {tuple(shape[1:])}: "
                "create both with the same image_shape"
            )

    def preview(self, feed: "Feed", count: int) -> np.ndarray | None:
        return self.generate(count, seed=0)

    def sample_image(self, source: str) -> tuple[np.ndarray, str] | None:
        """The first images of seed 0."""
        rows = 4 if max(self.image_shape[:2]) <= 48 else 3
        count = 2 * rows**2
        return grid(self.generate(count, seed=0), columns=2 * rows), f"{count} images, generated from seed 0"

    def collapsed(self) -> bool:
        """Whether 16 images of fixed latents differ by less than a gray level on average."""
        return bool(self.generate(16, seed=0).astype("float32").std(axis=0).mean() < 1.0)

    def validation_metrics(self, feed: "Feed | None", evaluation: "Evaluation") -> ValidationMetrics | None:
        """The monitored metric, by default the Fréchet distance, on the features of the configured extractor."""
        if evaluation.extractor is None:
            return None
        extractor = get_extractor(evaluation.extractor)
        if not extractor.takes(self.image_shape):
            raise GanzooError(
                f"the extractor {extractor.name} takes images of {extractor.image_shape}, the model generates "
                f"{self.image_shape}: set evaluation.extractor=null to train without a best checkpoint"
            )

        images = None if feed is None else feed.images
        if feed is not None and images is not None and len(images) < 2:
            raise GanzooError(
                f"{feed.source} has {len(images)} image, but the Fréchet distance compares sets of at least 2: "
                "set evaluation.extractor=null to train without a best checkpoint"
            )

        known = extractor, hasattr(self, "labels"), self
        (metric,) = chosen_metrics("image_generation", [evaluation.monitor or "frechet_distance"], *known)

        def compute(model: Any) -> dict[str, float]:
            assert images is not None
            generated = model.generate(evaluation.samples, seed=0, batch_size=250)
            labels = model.labels(evaluation.samples) if hasattr(model, "labels") else None
            return metric(ImageSets(images, generated, extractor, labels, model))

        return ValidationMetrics.of(metric, compute, f"of {evaluation.samples:,} samples, {extractor.name} features")
