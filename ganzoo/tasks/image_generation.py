"""Models that generate images from noise, and those that are asked for a class."""

import functools
import reprlib

import numpy as np
from keras import ops

from ganzoo import backend, pixels
from ganzoo.classes import check_label_shape, class_numbers
from ganzoo.data.batches import check_images, rank_of, refuse_single_examples
from ganzoo.data.images import images
from ganzoo.data.labelled import labelled
from ganzoo.errors import GanzooError, at_least_one, unknown
from ganzoo.inference.counts import allocated, whole_count
from ganzoo.metrics import ImageSets, get_extractor
from ganzoo.metrics.registry import chosen_metrics
from ganzoo.networks.features import feature_network
from ganzoo.tasks.base import Task, ValidationMetrics

# Beyond these it is the latents and not the weights that make images of numbers that overflow.
_LARGEST_LATENT = 1e3


class ImageGeneration(Task):
    """Images from latent vectors.

    The model has a `latent_dim`, and its inference network turns latents (batch, latent_dim), or [latents, condition],
    into images (batch, height, width, channels) in [-1, 1].

    Example:
        @ganzoo.register("mygan")
        class MyGAN(ganzoo.ImageGeneration, ganzoo.AdversarialModel):
            def __init__(self, image_shape=(32, 32, 3), latent_dim=64):
                super().__init__(my_generator(latent_dim), my_discriminator(image_shape), latent_dim)
    """

    data = staticmethod(images)
    evaluation = "ganzoo.evaluation.image_generation"
    page = "ganzoo.demos.dcgan"
    purpose = "generates images"
    usage = "ganzoo generate {name}"
    commands = ("generate", "probe")
    sources = ("ganzoo.data.sources", "")
    # All images have the network's size.
    has_fixed_shapes = True

    @property
    def image_shape(self):
        """(height, width, channels) of a generated image."""
        return tuple(self.inference_network.output_shape[1:])

    def generate(self, count=None, seed=None, latents=None, batch_size=64):
        """Draws images.

        Args:
            count: how many; not needed with `latents`.
            seed: integer: the same seed gives the same images, and a larger count begins with those
                of a smaller one. None draws new ones each time.
            latents: (count, latent_dim), float32, instead of random ones.
            batch_size: images made at a time, which bounds the memory besides the result.

        Returns:
            uint8 (count, height, width, channels).

        Raises:
            GanzooError: a count below 1 or beyond the memory, latents of the wrong shape or size.

        Example:
            images = model.generate(16, seed=0)
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
        network = network or self.inference_network
        shape = tuple(network.output_shape[1:])
        result = allocated(lambda: np.empty((latents.count, *shape), "uint8"), f"{latents.count} images")
        backend.sync_variables(self)
        # Not predict(): under a strategy every replica would make the same batch and all copies be returned.
        drawn = self._forward(network)
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

    def _forward(self, network):
        """A function from a network's inputs to what it draws, as one graph; made once."""
        if network not in self._forward_functions:
            specs = [((None, *tensor.shape[1:]), tensor.dtype) for tensor in network.inputs]

            def draw(*inputs):
                return network(list(inputs) if len(inputs) > 1 else inputs[0], training=False)

            self._forward_functions[network] = backend.compiled(draw, specs, network)
        return self._forward_functions[network]

    @functools.cached_property
    def _forward_functions(self):
        return {}

    def features(self, images, batch_size=250):
        """What the discriminator sees in images, for classifiers, searches and the like.

        The outputs of all its hidden layers, max-pooled to 4x4 positions (Radford et al. 2015, arXiv:1511.06434,
        section 5.1).

        Args:
            images: uint8 (count, height, width, channels), of the model's size.
            batch_size: images at a time, which bounds the memory.

        Returns:
            float32 (count, length).

        Raises:
            GanzooError: images of another type or size, or a discriminator that needs a condition.

        Example:
            vectors = model.features(images)
        """
        images = pixels.checked(images, self.image_shape, "images for features")
        if len(self.discriminator.inputs) > 1:
            raise GanzooError(f"{self.model_name}'s discriminator judges images by their condition: it has no features")
        at_least_one(batch_size=batch_size)
        network = feature_network(self.discriminator)
        shape = (len(images), network.output_shape[-1])
        result = allocated(lambda: np.empty(shape, "float32"), f"{len(images)} vectors of features")
        with backend.no_gradients():
            for i in range(0, len(images), batch_size):
                part = pixels.to_float(images[i : i + batch_size])
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
        if isinstance(data, np.ndarray) and data.ndim == 4 and np.shape(targets)[1:] == data.shape[1:]:
            raise GanzooError(
                "what comes second, in the place of labels, are images too: give all images as one array, e.g. "
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
            # Of a tf.data set only the type is known before it runs.
            elif "float" not in (dtype := getattr(first.dtype, "name", str(first.dtype))):
                raise GanzooError(
                    f"images are float32 in [-1, 1], got {dtype}: divide by 127.5 and take away 1, e.g. "
                    "data.map(lambda x: tf.cast(x, 'float32') / 127.5 - 1), or use ganzoo.data.images, which does"
                )
        if tuple(shape[1:]) != self.image_shape:
            raise GanzooError(
                f"the model draws images of shape {self.image_shape}, the data set has {tuple(shape[1:])}: "
                f"create the model or the data set with the other's image_shape"
            )

    def preview(self, feed, count):
        return self.generate(count, seed=0)

    def collapsed(self):
        """Whether 16 images of fixed latents differ by less than a gray level on average."""
        return bool(self.generate(16, seed=0).astype("float32").std(axis=0).mean() < 1.0)

    def validation_metrics(self, feed, evaluation):
        """The Fréchet distance on an extractor's features, or the monitored metric, where an extractor is set."""
        if evaluation.extractor is None:
            return None
        extractor = get_extractor(evaluation.extractor)
        if not extractor.takes(self.image_shape):
            raise GanzooError(
                f"the extractor {extractor.name} takes images of {extractor.image_shape}, the model draws "
                f"{self.image_shape}: set evaluation.extractor=null to train without a best checkpoint"
            )

        if feed is not None and len(feed.images) < 2:
            raise GanzooError(
                f"{feed.source} has {len(feed.images)} image, but the Fréchet distance compares sets of at least 2: "
                "set evaluation.extractor=null to train without a best checkpoint"
            )

        known = extractor, hasattr(self, "labels")
        (metric,) = chosen_metrics("image_generation", [evaluation.monitor or "frechet_distance"], *known)

        def compute(model):
            generated = model.generate(evaluation.samples, seed=0, batch_size=250)
            labels = model.labels(evaluation.samples) if hasattr(model, "labels") else None
            return metric(ImageSets(feed.images, generated, extractor, labels))

        return ValidationMetrics.of(metric, compute, f"of {evaluation.samples:,} samples, {extractor.name} features")


class ClassConditionalGeneration(ImageGeneration):
    """Images of a class that is asked for.

    The model has a number of `classes`, and its inference network takes [latents, labels (batch,)]. Where `class_names`
    is set, classes are asked for by name as well.

    Example:
        images = ganzoo.load("cgan").generate(labels=[2, 0, 1, 7], seed=0)
    """

    data = staticmethod(labelled)
    page = "ganzoo.demos.cgan"
    purpose = "generates images of classes"
    commands = ("generate",)

    def check_data(self, data, targets=None):
        super().check_data(data, targets)
        spec = getattr(data, "element_spec", (data, targets))
        labels = spec[1] if isinstance(spec, (tuple, list)) and len(spec) == 2 else None
        if isinstance(labels, np.ndarray):
            if labels.ndim == 0 or len(labels) != len(data):
                raise GanzooError(f"{len(data)} images need as many labels, got {labels.shape}")
            self.labels(len(data), labels)
        elif (rank := rank_of(getattr(labels, "shape", ()))) and rank > 1:
            check_label_shape(tuple(labels.shape), self.classes)

    def generate(self, count=None, labels=None, seed=None, latents=None, batch_size=64):
        """Draws images of the asked classes.

        Args:
            count: how many; not needed with `labels` or `latents`.
            labels: a class for each image, or one for all: its number, or its name where `class_names` are known,
                in lower or upper case; 0, 1, 2 ... in turn if not given. One-hot vectors (count, classes) will do.
            seed, latents, batch_size: as in `ImageGeneration.generate`.

        Returns:
            uint8 (count, height, width, channels).

        Raises:
            GanzooError: a label that is no class, or as many labels as images do not fit.

        Example:
            images = model.generate(10, labels=range(10), seed=0)
            images = ganzoo.load("cgan.fashion_mnist").generate(labels=["Sneaker", "Bag"], seed=0)
        """
        labels = self._numbers(labels)
        if count is None and latents is None and labels is not None:
            count = len(class_numbers(labels, self.classes))
        latents = self._latent_source(count, seed, latents)
        return self._images(latents, batch_size, self.labels(latents.count, labels))

    def labels(self, count, labels=None):
        """Labels int32 (count,): the given ones checked, one repeated, or all classes in turn.

        Args:
            count: how many.
            labels: whole numbers (count,) or (count, 1), or one-hot vectors (count, classes).

        Raises:
            GanzooError: labels that are no classes, or are not as many.
        """
        given = np.arange(count) % self.classes if labels is None else labels
        labels = class_numbers(given, self.classes)
        if len(labels) not in (1, count):
            raise GanzooError(f"{count} images need one label or {count}, got {labels.shape}")
        return np.broadcast_to(labels, (count,)).astype("int32")

    def class_number(self, name):
        """The number of a class from its name.

        Raises:
            GanzooError: no class of this name, or a model whose classes have none.

        Example:
            ganzoo.load("cgan.fashion_mnist").class_number("sneaker")      # 7
        """
        found = {known.casefold(): number for number, known in enumerate(self.class_names)}
        # Two names may differ in case alone.
        found.update({known: number for number, known in enumerate(self.class_names)})
        for key in (name, name.casefold()):
            if key in found:
                return found[key]
        if not self.class_names:
            raise GanzooError(
                f"the model's classes have no names: they are whole numbers from 0 to {self.classes - 1}, got "
                f"{reprlib.repr(name)}"
            )
        raise unknown("class", name, self.class_names)

    def _numbers(self, labels):
        """Labels with names replaced by numbers."""
        if isinstance(labels, str):
            return self.class_number(labels)
        if isinstance(labels, (list, tuple)) or (isinstance(labels, np.ndarray) and labels.ndim):
            return [self.class_number(label) if isinstance(label, str) else label for label in labels]
        return labels

    def data_arguments(self):
        return {**super().data_arguments(), "classes": self.classes}

    def example_batch(self, batch_size, seed=0):
        return super().example_batch(batch_size, seed), self.labels(batch_size)

    def example_inputs(self, count, seed=0):
        return [self.latents(count, seed), self.labels(count)]


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
