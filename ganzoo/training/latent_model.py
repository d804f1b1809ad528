"""Models that draw pictures from latent vectors."""

import functools

import numpy as np
from keras import ops

from ganzoo import backend, pixels
from ganzoo.errors import GanzooError, at_least_one
from ganzoo.inference.counts import allocated, whole_count
from ganzoo.metrics import frechet_distance, get_extractor
from ganzoo.metrics.cache import cached_statistics
from ganzoo.networks.features import feature_network
from ganzoo.training.adversarial import AdversarialModel
from ganzoo.training.batches import check_images, rank_of, refuse_single_examples, with_condition
from ganzoo.training.measure import Measure

# Beyond these it is the latents and not the weights that make images of numbers that overflow.
_LARGEST_LATENT = 1e3


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

    # All images have the generator's size.
    has_fixed_shapes = True

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
            batch_size: pictures made at a time, which bounds the memory besides the result.

        Returns:
            uint8 (count, height, width, channels).

        Raises:
            GanzooError: a count below 1 or beyond the memory, latents of the wrong shape or size.

        Example:
            pictures = model.generate(16, seed=0)
        """
        return self._images(self._latent_source(count, seed, latents), batch_size)

    def latents(self, count=None, seed=None, latents=None):
        """Random latents (count, latent_dim), float32, or the given ones, checked; as `generate`."""
        source = self._latent_source(count, seed, latents)
        return allocated(lambda: source.next(source.count), f"{source.count} latents")

    def _latent_source(self, count=None, seed=None, latents=None, network=None):
        """The latents of `latents` as a `_Latents`; of a part of the generator, `network`, if one is given."""
        length = self.latent_dim if network is None else network.inputs[0].shape[-1]
        if latents is None:
            whole_count(count)
            if seed is not None and (not isinstance(seed, (int, np.integer)) or seed < 0):
                raise GanzooError(f"seed must be a whole number of at least 0, got {seed!r}")
            return _Latents(int(count), length, np.random.default_rng(seed))
        try:
            latents = np.asarray(latents, "float32")
        except (TypeError, ValueError):
            raise GanzooError(f"latents are an array of numbers (count, {length}), got {latents!r}") from None
        if latents.ndim != 2 or latents.shape[1] != length or not len(latents):
            raise GanzooError(f"latents must have shape (count, {length}), got {latents.shape}")
        if not np.isfinite(latents).all():
            raise GanzooError("latents must be finite numbers")
        if count not in (None, len(latents)):
            raise GanzooError(f"count is {count}, but there are {len(latents)} latents")
        return _Latents(len(latents), length, given=latents)

    def _images(self, latents, batch_size, *conditions, network=None):
        """Images uint8 (count, height, width, channels), made a batch at a time: besides the result memory goes to one
        batch alone.

        Args:
            latents: a `_Latents`.
            batch_size: images at a time.
            *conditions: arrays (count, ...), the generator's other inputs.
            network: a part of the generator instead of the whole.

        Raises:
            GanzooError: a batch size below 1, a result that does not fit in memory, or images that are no numbers.
        """
        if not isinstance(batch_size, (int, np.integer)) or isinstance(batch_size, bool):
            raise GanzooError(f"batch_size must be a whole number, got {batch_size!r}")
        at_least_one(batch_size=batch_size)
        network = network or self.ema_generator
        shape = tuple(network.output_shape[1:])
        result = allocated(lambda: np.empty((latents.count, *shape), "uint8"), f"{latents.count} images")
        backend.settle(self)
        # Not predict(): under a strategy every replica would make the same batch and all copies be returned.
        drawn = self._drawing(network)
        for start in range(0, latents.count, batch_size):
            end = min(start + batch_size, latents.count)
            inputs = latents.next(end - start)
            images = drawn(inputs, *(condition[start:end] for condition in conditions))
            if not np.isfinite(images).all():
                largest = float(np.abs(inputs).max())
                if largest > _LARGEST_LATENT:
                    raise GanzooError(
                        f"latents of up to {largest:.3g} are too large for the network, whose images are no longer "
                        "numbers: usual ones lie between -5 and 5"
                    )
                raise GanzooError("the network's images hold values that are no numbers: its weights are damaged")
            result[start:end] = pixels.to_uint8(images)
        return result

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
        shape = (len(pictures), network.output_shape[-1])
        result = allocated(lambda: np.empty(shape, "float32"), f"{len(pictures)} vectors of features")
        with backend.no_gradients():
            for i in range(0, len(pictures), batch_size):
                part = pixels.to_float(pictures[i : i + batch_size])
                result[i : i + batch_size] = ops.convert_to_numpy(network(part, training=False))
        return result

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
        if shape is None or not rank_of(shape):
            return
        refuse_single_examples([tuple(shape)], [self.image_shape])
        if len(self.image_shape) == 3:
            if isinstance(first, np.ndarray):
                check_images(first)
            # Of a tf.data set only the type is known before it runs.
            elif "float" not in (dtype := getattr(first.dtype, "name", str(first.dtype))):
                raise GanzooError(
                    f"images are float32 in [-1, 1], got {dtype}: divide by 127.5 and take away 1, e.g. "
                    "data.map(lambda x: tf.cast(x, 'float32') / 127.5 - 1), or use ganzoo.data.images, which does"
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

        if feed is not None and len(feed.pictures) < 2:
            raise GanzooError(
                f"{feed.source} has {len(feed.pictures)} image, but the Fréchet distance compares sets of at least 2: "
                "set evaluation.extractor=null to train without a best checkpoint"
            )

        def figures(model):
            drawn = model.generate(evaluation.samples, seed=0, batch_size=250)
            real = cached_statistics(extractor, feed.pictures)
            return {"frechet_distance": frechet_distance(real, extractor.statistics(drawn))}

        words = f"lowest Fréchet distance, {extractor.name} features, {evaluation.samples:,} samples"
        return Measure(figures, "frechet_distance", words)


class _Latents:
    """Latents that are made when they are asked for, so that a large count needs little memory.

    Args:
        count: how many.
        length: numbers of each.
        rng: a NumPy generator of random ones; the same in parts as all at once.
        given: float32 (count, length) instead.
    """

    def __init__(self, count, length, rng=None, given=None):
        self.count, self.length = count, length
        self._rng, self._given, self._place = rng, given, 0

    def next(self, count):
        """The next ones, float32 (count, length)."""
        self._place += count
        if self._given is not None:
            return self._given[self._place - count : self._place]
        return self._rng.standard_normal((count, self.length), dtype="float32")
