"""Models that draw pictures from latent vectors."""

import functools

import keras
import numpy as np
from keras import ops

from ganzoo import backend, pixels
from ganzoo.errors import GanzooError, at_least_one
from ganzoo.metrics import frechet_distance, get_extractor
from ganzoo.metrics.cache import cached_statistics
from ganzoo.networks.features import feature_network
from ganzoo.training.adversarial import AdversarialModel
from ganzoo.training.batches import with_condition
from ganzoo.training.measure import Measure


class LatentModel(AdversarialModel):
    """A generator from noise and its discriminator: all that GAN, DCGAN and their kin share.

    A model of one's own builds its two networks and hands them over.

    Args:
        generator: functional Keras model; from latents (batch, latent_dim), or [latents, condition], to pictures
            (batch, height, width, channels) in [-1, 1].
        discriminator: functional Keras model; from pictures, or [pictures, condition], to logits (batch, 1).
        latent_dim: length of the latent vector.
        **options: `discriminator_cures` and `generator_cures`, see `AdversarialModel`.

    Example:
        @ganzoo.register("mygan")
        class MyGAN(ganzoo.LatentModel):
            def __init__(self, image_shape=(32, 32, 3), latent_dim=64):
                super().__init__(my_generator(latent_dim), my_discriminator(image_shape), latent_dim)
    """

    def __init__(self, generator, discriminator, latent_dim, **options):
        at_least_one(latent_dim=latent_dim)
        super().__init__(generator, discriminator, **options)
        self.latent_dim = int(latent_dim)

    @property
    def image_shape(self):
        """(height, width, channels) of a generated picture."""
        return tuple(self.generator.output_shape[1:])

    def generator_inputs(self, count, condition):
        """Fresh noise, and the condition where there is one."""
        return with_condition(self.noise.normal((count, self.latent_dim)), condition)

    def generate(self, count=None, seed=None, latents=None, batch_size=64):
        """Draws pictures.

        Args:
            count: how many; not needed with `latents`.
            seed: integer: the same seed gives the same pictures, and a larger count begins with those
                of a smaller one. None draws new ones each time.
            latents: (count, latent_dim), float32, instead of random ones.
            batch_size: pictures made at a time, which bounds the memory.

        Returns:
            uint8 (count, height, width, channels).

        Raises:
            GanzooError: a count below 1, or latents of the wrong shape.

        Example:
            pictures = model.generate(16, seed=0)
        """
        return pixels.to_uint8(self._draw(self.latents(count, seed, latents), batch_size))

    def latents(self, count=None, seed=None, latents=None):
        """Random latents (count, latent_dim), float32, or the given ones, checked; as `generate`."""
        if latents is None:
            if not isinstance(count, (int, np.integer)) or isinstance(count, bool) or count < 1:
                raise GanzooError(f"count must be a whole number of at least 1, got {count!r}")
            if seed is not None and (not isinstance(seed, (int, np.integer)) or seed < 0):
                raise GanzooError(f"seed must be a whole number of at least 0, got {seed!r}")
            try:
                return np.random.default_rng(seed).standard_normal((count, self.latent_dim), dtype="float32")
            except (MemoryError, ValueError):
                raise GanzooError(f"{count} latents do not fit in memory: draw them in parts") from None
        try:
            latents = np.asarray(latents, "float32")
        except (TypeError, ValueError):
            raise GanzooError(f"latents are an array of numbers (count, {self.latent_dim}), got {latents!r}") from None
        if latents.ndim != 2 or latents.shape[1] != self.latent_dim or not len(latents):
            raise GanzooError(f"latents must have shape (count, {self.latent_dim}), got {latents.shape}")
        if not np.isfinite(latents).all():
            raise GanzooError("latents must be finite numbers")
        if count not in (None, len(latents)):
            raise GanzooError(f"count is {count}, but there are {len(latents)} latents")
        return latents

    def _draw(self, inputs, batch_size=64, network=None):
        """Pictures in [-1, 1] as NumPy, a batch at a time; of a part of the generator if one is given."""
        if not isinstance(batch_size, (int, np.integer)):
            raise GanzooError(f"batch_size must be a whole number, got {batch_size!r}")
        at_least_one(batch_size=batch_size)
        backend.settle(self)
        # Not predict(): under a strategy every replica would draw the same batch and all copies be returned.
        count = len(inputs[0] if isinstance(inputs, list) else inputs)
        parts = [
            keras.tree.map_structure(lambda array, i=i: array[i : i + batch_size], inputs)
            for i in range(0, count, batch_size)
        ]
        drawn = self._drawing(network or self.ema_generator)
        return np.concatenate([drawn(*keras.tree.flatten(part)) for part in parts])

    def _drawing(self, network):
        """A function from a network's inputs to what it draws, as one graph; made once."""
        if network not in self._drawings:
            specs = [((None, *tensor.shape[1:]), tensor.dtype) for tensor in network.inputs]

            def draw(*inputs):
                return network(list(inputs) if len(inputs) > 1 else inputs[0], training=False)

            self._drawings[network] = backend.compiled(draw, specs, network)
        return self._drawings[network]

    @functools.cached_property
    def _drawings(self):
        return {}

    def features(self, pictures, batch_size=250):
        """What the discriminator sees in pictures, for classifiers, searches and the like.

        The outputs of all its hidden layers, max-pooled to 4x4 positions (Radford et al. 2015, arXiv:1511.06434,
        section 5.1).

        Args:
            pictures: uint8 (count, height, width, channels), of the model's size.
            batch_size: pictures at a time, which bounds the memory.

        Returns:
            float32 (count, length).

        Raises:
            GanzooError: pictures of another type or size, or a discriminator that needs a condition.

        Example:
            vectors = model.features(pictures)
        """
        pictures = pixels.checked(pictures, self.image_shape, "pictures for features")
        if len(self.discriminator.inputs) > 1:
            raise GanzooError(
                f"{self.model_name}'s discriminator judges pictures by their condition: it has no features"
            )
        at_least_one(batch_size=batch_size)
        network = feature_network(self.discriminator)
        parts = (pixels.to_float(pictures[i : i + batch_size]) for i in range(0, len(pictures), batch_size))
        with backend.no_gradients():
            return np.concatenate([ops.convert_to_numpy(network(part, training=False)) for part in parts])

    # What a run, a test or a benchmark asks of any model.

    def data_arguments(self):
        return {"image_shape": self.image_shape}

    def example_batch(self, batch_size, seed=0):
        """A random batch in the shape its data set gives: for the shared tests."""
        shape = (batch_size, *self.image_shape)
        return np.random.default_rng(seed).uniform(-1, 1, shape).astype("float32")

    def example_inputs(self, count, seed=0):
        return [self.latents(count, seed)]

    def check_data(self, data, targets=None):
        super().check_data(data, targets)
        spec = getattr(data, "element_spec", data)
        first = spec[0] if isinstance(spec, (tuple, list)) and len(spec) else spec
        shape = getattr(first, "shape", None)
        if shape is None or len(shape) == 0:
            return
        dtype = getattr(first.dtype, "name", str(first.dtype))
        # Of a tf.data set only the type is known before it runs.
        known = isinstance(first, np.ndarray) and first.size
        low, high = (float(first.min()), float(first.max())) if known else (-1.0, 1.0)
        if len(self.image_shape) == 3 and ("float" not in dtype or low < -1.001 or high > 1.001):
            got = f"{dtype} from {low:g} to {high:g}" if known else dtype
            raise GanzooError(
                f"pictures are float32 in [-1, 1], got {got}: divide by 127.5 and take away 1, or use "
                "ganzoo.data.images, which does"
            )
        if tuple(shape[1:]) != self.image_shape:
            raise GanzooError(
                f"the model draws pictures of shape {self.image_shape}, the data set has {tuple(shape[1:])}: "
                f"create the model or the data set with the other's image_shape"
            )

    def preview(self, feed, count):
        return self.generate(count, seed=0)

    def collapsed(self):
        """Whether 16 pictures of fixed latents differ by less than a grey level on average."""
        return bool(self.generate(16, seed=0).astype("float32").std(axis=0).mean() < 1.0)

    def measure(self, feed, evaluation):
        """The Fréchet distance over an extractor's features, where one is set."""
        if evaluation.extractor is None:
            return None
        extractor = get_extractor(evaluation.extractor)
        if not extractor.takes(self.image_shape):
            raise GanzooError(
                f"the extractor {extractor.name} takes pictures of {extractor.image_shape}, the model draws "
                f"{self.image_shape}: set evaluation.extractor=null to train without a best checkpoint"
            )

        def figures(model):
            drawn = model.generate(evaluation.samples, seed=0, batch_size=250)
            real = cached_statistics(extractor, feed.pictures)
            return {"frechet_distance": frechet_distance(real, extractor.statistics(drawn))}

        words = f"lowest Fréchet distance, {extractor.name} features, {evaluation.samples:,} samples"
        return Measure(figures, "frechet_distance", words)
