"""Models that generate what a sentence says."""

import functools

import numpy as np

from ganzoo.data.batches import rank_of
from ganzoo.data.captions import captions
from ganzoo.errors import GanzooError
from ganzoo.inference.counts import whole_count
from ganzoo.inference.latent import slerp
from ganzoo.metrics.features import Features
from ganzoo.metrics.frechet import FeatureStatistics, frechet_distance
from ganzoo.metrics.text_to_image import distinct, right_among
from ganzoo.tasks.base import ValidationMetrics
from ganzoo.tasks.image_generation import ImageGeneration
from ganzoo.text.characters import CharacterEncoder
from ganzoo.text.matching import Matching

# Captions of a run's preview.
_SHOWN = 8
# Of the network that chooses a checkpoint; `ganzoo evaluate` reports by one of another seed.
_MATCHING = dict(seed=4321, epochs=30)


class TextToImage(ImageGeneration):
    """Images of what a sentence says.

    The model has a `text_encoder` of `ganzoo.text`, and its inference network takes [latents (batch, latent_dim), text
    (batch, text_encoder.dim)].

    Example:
        images = ganzoo.load("stackgan").generate(captions=["a red heart"], seed=0)
    """

    data = staticmethod(captions)
    evaluation = "ganzoo.evaluation.text_to_image"
    page = "ganzoo.demos.stackgan"
    purpose = "generates images from captions"
    usage = 'ganzoo generate {name} --caption "a red apple"'
    commands = ("generate --caption",)
    sources = ("ganzoo.data.captions", " of captions")

    # Inference.

    def generate(self, count=None, captions=None, seed=None, latents=None, batch_size=64):
        """Draws images of what captions say.

        Args:
            count: how many; not needed with several `captions` or `latents`.
            captions: a caption for each image, or one for all. Any text: what was never seen is drawn as what is
                nearest to it.
            seed, latents, batch_size: as in `ImageGeneration.generate`; the same seed gives the same noise to any text.

        Returns:
            uint8 (count, height, width, channels).

        Raises:
            GanzooError: no captions, or as many as images do not fit.

        Example:
            images = model.generate(captions=["a red apple", "a yellow smiling face"], seed=0)
        """
        vectors = self.vectors(captions)
        if count is None and latents is None:
            count = len(vectors)
        latents = self._latent_source(count, seed, latents)
        if len(vectors) not in (1, latents.count):
            raise GanzooError(f"{latents.count} images need one caption or {latents.count}, got {len(vectors)}")
        vectors = np.broadcast_to(vectors, (latents.count, vectors.shape[1]))
        return self._images(latents, batch_size, vectors)

    def interpolate(self, first, second, count=8, seed=0):
        """Draws a walk from one caption to another, with the same noise.

        Args:
            first, second: captions.
            count: images, both ends among them.
            seed: of the noise.

        Returns:
            uint8 (count, height, width, channels).

        Raises:
            GanzooError: a count below 1.

        Example:
            strip = model.interpolate("a red apple", "a green apple")
        """
        whole_count(count)
        ends = self.vectors([first, second])
        vectors = slerp(*ends, np.linspace(0.0, 1.0, count)).astype("float32")
        latents = np.repeat(self.latents(1, seed), count, axis=0)
        return self._images(self._latent_source(latents=latents), 64, vectors)

    def vectors(self, captions):
        """float32 (count, dim) of captions, a string or a list of them."""
        if captions is None:
            raise GanzooError(f"{self.model_name} draws what captions say: captions=['a red apple']")
        return self.text_encoder.encode([captions] if isinstance(captions, str) else captions)

    def data_arguments(self):
        return {**super().data_arguments(), "encoder": self.text_encoder}

    def check_data(self, data, targets=None):
        super().check_data(data, targets)
        spec = getattr(data, "element_spec", (data, targets))
        text = spec[1] if isinstance(spec, (tuple, list)) and len(spec) == 2 else None
        shape = getattr(text, "shape", None)
        if shape is not None and rank_of(shape) and tuple(shape[1:]) != (self.text_encoder.dim,):
            raise GanzooError(
                f"the model reads text as vectors of {self.text_encoder.dim} numbers, the data set has "
                f"{tuple(shape[1:])}: use ganzoo.data.captions with model.text_encoder"
            )

    def example_batch(self, batch_size, seed=0):
        return super().example_batch(batch_size, seed), self._example_text(batch_size, seed)

    def example_inputs(self, count, seed=0):
        return [self.latents(count, seed), self._example_text(count, seed)]

    def _example_text(self, count, seed):
        return np.random.default_rng([seed, 1]).standard_normal((count, self.text_encoder.dim)).astype("float32")

    def preview(self, feed, count):
        """Images for each of some captions: first those of images kept from training, then of others."""
        if feed is None:
            return None
        kept = _spread([texts[0] for _, texts in feed.validation], _SHOWN // 2)
        learned = _spread([texts[0] for texts in feed.captions], _SHOWN - len(kept))
        captions = [caption for caption in kept + learned for _ in range(max(1, count // _SHOWN))]
        return self.generate(captions=captions, seed=0) if captions else None

    def collapsed(self):
        """Whether 16 images of as many texts and noises differ by less than a gray level on average."""
        latents, text = self.latents(16, seed=0), self._example_text(16, 0)
        drawn = self._images(self._latent_source(latents=latents), 64, text).astype("float32")
        return bool(drawn.std(axis=0).mean() < 1.0)

    def validation_metrics(self, feed, evaluation):
        """The Fréchet joint distance to images of training with their captions.

        Its features, which the setting `extractor: matching` asks for, are those of another encoder of letters and an
        image network that learn from the same images.
        """
        if evaluation.extractor is None:
            return None
        if evaluation.extractor != "matching" or evaluation.monitor not in (None, "frechet_joint_distance"):
            raise GanzooError(
                f"evaluation.extractor: images of {self.model_name} are measured together with their captions: set it "
                "to matching (or null, to train without a best checkpoint) and leave out evaluation.monitor"
            )
        matching = functools.cache(lambda: _JointStatistics(feed, evaluation.samples))
        description = "lowest Fréchet joint distance to the images of training, features of a network trained on them"
        return ValidationMetrics(lambda model: matching().compute(model), "frechet_joint_distance", description)


def _spread(items, count):
    """Up to `count` items from all over a list: what stands next to each other in a file is often alike."""
    return [items[i * len(items) // count] for i in range(count)] if len(items) > count else items


class _JointStatistics:
    """Features of up to `samples` images of training with their first captions, to compare a model's images with."""

    def __init__(self, feed, samples):
        rng = np.random.default_rng(_MATCHING["seed"])
        chosen = rng.permutation(len(feed.images))[:samples]
        images, texts = feed.images[chosen], [feed.captions[i] for i in chosen]
        self.captions = [of_one[0] for of_one in texts]
        self.matching = Matching(CharacterEncoder())
        self.matching.learn(images, texts, **_MATCHING)
        self.text = self.matching.encoder.encode(self.captions)
        self.real = self._statistics(self.matching.vectors(images))

    def _statistics(self, vectors):
        return FeatureStatistics.of(Features(np.concatenate([vectors, self.text], axis=1), "matching"))

    def compute(self, model):
        images = model.generate(captions=self.captions, seed=0)
        different, own = distinct(self.captions)
        similarity = self.matching.similarity(images, different)
        right = right_among(similarity, own, 10, np.random.default_rng(0))
        distance = frechet_distance(self.real, self._statistics(self.matching.vectors(images)))
        return {"frechet_joint_distance": distance, "right_of_10": right}
