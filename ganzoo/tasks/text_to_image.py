"""Models that generate images from captions."""

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ganzoo import pixels
from ganzoo.data.avatar_captions import random_captions
from ganzoo.data.batch_checks import rank_of
from ganzoo.data.captions import captions, open_captions
from ganzoo.errors import GanzooError
from ganzoo.inference.counts import whole_count
from ganzoo.inference.latent import slerp
from ganzoo.inference.sampling import grid
from ganzoo.metrics import get_extractor
from ganzoo.metrics.cache import cached_statistics
from ganzoo.metrics.extractors import AttributeExtractor
from ganzoo.metrics.features import Features
from ganzoo.metrics.frechet import FeatureStatistics, frechet_distance
from ganzoo.metrics.text_to_image import attributes_obeyed, distinct, right_among
from ganzoo.tasks.base import Endpoint, ValidationMetrics
from ganzoo.tasks.captioned_latents import CaptionedLatents
from ganzoo.tasks.image_generation import ImageGeneration
from ganzoo.text.characters import CharacterEncoder
from ganzoo.text.matching import Matching

if TYPE_CHECKING:
    from ganzoo.config import Evaluation
    from ganzoo.data.feed import Feed

# Captions in a run's preview.
_SHOWN = 8
# Of the network that selects a checkpoint; `ganzoo evaluate` reports with one of another seed.
_SEED, _EPOCHS = 4321, 30


class TextToImage(ImageGeneration):
    """Generation of images from captions.

    The model has a `text_encoder` of `ganzoo.text`. Its inference network takes [latents (batch, latent_dim), text
    (batch, text_encoder.dim)].

    Example:
        images = ganzoo.load("gan_int_cls").generate(captions=["a man with round glasses"], seed=0)
    """

    # Of the model.
    text_encoder: Any

    data = staticmethod(captions)
    evaluation = "ganzoo.evaluation.text_to_image"
    page = "ganzoo.demos.stackgan"
    chapter = "applications"
    purpose = "generates images from captions"
    usage = 'ganzoo generate {name} --caption "a man with round glasses"'
    commands = ("generate --caption",)
    sources = ("ganzoo.data.captions", " of captions")
    example = 'images = model.generate(8, captions="a man with round glasses", seed=0)  # uint8 (8, height, width, 3)'
    pipeline = "text-to-image"
    limits = "It understands only captions like those it was trained on, and generates only such images, in one size."

    # Inference.

    def generate(
        self,
        count: int | None = None,
        captions: str | Sequence[str] | None = None,
        seed: int | None = None,
        latents: np.ndarray | None = None,
        batch_size: int = 64,
        truncation: float | None = None,
    ) -> np.ndarray:
        """Generates images from captions.

        Args:
            count: number of images; not needed with several `captions` or with `latents`.
            captions: one caption per image, or one for all. Any text is accepted, but only captions like those of the
                training data give images that match.
            seed, latents, batch_size, truncation: as in `ImageGeneration.generate`; the noise does not depend on the
                caption.

        Returns:
            uint8 (count, height, width, channels).

        Raises:
            GanzooError: no captions, or a number of captions other than 1 or `count`.

        Example:
            model = ganzoo.load("gan_int_cls")
            images = model.generate(captions=["a smiling woman", "a bald man"], seed=0)
        """
        vectors = self.vectors(captions)
        if count is None and latents is None:
            count = len(vectors)
        source = self._latent_source(count, seed, latents, truncation)
        if len(vectors) not in (1, source.count):
            needed = "one image needs one caption"
            if source.count > 1:
                needed = f"{source.count} images need one caption or {source.count}"
            raise GanzooError(f"{needed}, got {len(vectors)}")
        vectors = np.broadcast_to(vectors, (source.count, vectors.shape[1]))
        return self._images(source, batch_size, vectors)

    def interpolate(self, first: str, second: str, count: int = 8, seed: int = 0) -> np.ndarray:
        """Generates images that interpolate between two captions, with the same noise.

        Args:
            first, second: captions.
            count: number of images, including both ends.
            seed: seed of the noise.

        Returns:
            uint8 (count, height, width, channels).

        Raises:
            GanzooError: a count below 1.

        Example:
            images = ganzoo.load("gan_int_cls").interpolate("a man in a red shirt", "a man in a blue shirt")  # 8 images
        """
        whole_count(count)
        start, end = self.vectors([first, second])
        vectors = slerp(start, end, np.linspace(0.0, 1.0, count)).astype("float32")
        latents = np.repeat(self.latents(1, seed), count, axis=0)
        return self._images(self._latent_source(latents=latents), 64, vectors)

    def unconditional(self, captions: Sequence[str]) -> CaptionedLatents:
        """This model as one that generates from latents alone, which then contain the text vector of a caption.

        Args:
            captions: list of captions, from which random latents are made.

        Returns:
            A `CaptionedLatents`, for everything that works on latents; it shares this model's weights.

        Raises:
            GanzooError: captions that are not strings, or none.

        Example:
            from ganzoo.inference.latent import slerp

            faces = ganzoo.load("gan_int_cls").unconditional(["a bald man in a red shirt", "a smiling woman"])
            start, end = faces.latents(2, seed=0)
            images = faces.generate(latents=slerp(start, end, np.linspace(0, 1, 9)))    # uint8 (9, 64, 64, 3)
        """
        return CaptionedLatents(self, captions)

    def vectors(self, captions: str | Sequence[str] | None) -> np.ndarray:
        """Text vectors, float32 (count, dim), of a caption or a list of captions."""
        if captions is None:
            raise GanzooError(f"{self.model_name} generates images from captions: pass captions=['a red apple']")
        return self.text_encoder.encode([captions] if isinstance(captions, str) else captions)

    def data_arguments(self) -> dict[str, Any]:
        return {**super().data_arguments(), "encoder": self.text_encoder}

    def check_data(self, data: Any, targets: Any = None) -> None:
        super().check_data(data, targets)
        spec = getattr(data, "element_spec", (data, targets))
        text = spec[1] if isinstance(spec, (tuple, list)) and 2 <= len(spec) <= 4 else None
        shape = getattr(text, "shape", None)
        if shape is not None and rank_of(shape) and tuple(shape[1:]) != (self.text_encoder.dim,):
            raise GanzooError(
                f"the model takes text vectors of {self.text_encoder.dim} numbers, the dataset has "
                f"{tuple(shape[1:])}: use ganzoo.data.captions with model.text_encoder"
            )

    def example_batch(self, batch_size: int, seed: int = 0) -> Any:
        batch = super().example_batch(batch_size, seed), self._example_text(batch_size, seed)
        counts = getattr(self, "attributes", ())
        if not counts:
            return batch
        rng = np.random.default_rng([seed, 2])
        said = np.stack([rng.integers(-1, count, batch_size) for count in counts], axis=1).astype("int32")
        return (*batch, self._example_text(batch_size, seed + 1), said)

    def example_inputs(self, count: int, seed: int = 0) -> list[np.ndarray]:
        return [self.latents(count, seed), self._example_text(count, seed)]

    def endpoints(self) -> dict[str, Endpoint]:
        """`serve_uint8`, and `serve_captions`, which takes strings, if the text encoder reads bytes."""
        from ganzoo.backend.tensorflow_strings import string_codes

        found = super().endpoints()
        encoder = self.text_encoder
        if not isinstance(encoder, CharacterEncoder):
            return found

        def compute(latents: Any, captions: Any) -> Any:
            text = encoder.network(string_codes(captions, encoder.length), training=False)
            return pixels.as_uint8(self.inference_network([latents, text], training=False))

        def examples(count: int) -> list[np.ndarray]:
            captions = ["A  smiling woman with long, blond hair", "", "größer " * 20][:count]
            return [self.latents(count, 0), np.array(captions, "object")]

        inputs = {"latents": ((None, self.latent_dim), "float32"), "captions": ((None,), "string")}
        variables = encoder.network.variables
        return {**found, "serve_captions": Endpoint(compute, inputs, "images", examples, variables)}

    def _example_text(self, count: int, seed: int) -> np.ndarray:
        return np.random.default_rng([seed, 1]).standard_normal((count, self.text_encoder.dim)).astype("float32")

    def preview(self, feed: "Feed | None", count: int) -> np.ndarray | None:
        """Images generated from held-out captions, then from captions of the training set."""
        if feed is None:
            return None
        held_out = _spread([texts[0] for _, texts in feed.validation], _SHOWN // 2)
        learned = _spread([texts[0] for texts in feed.captions], _SHOWN - len(held_out))
        captions = [caption for caption in held_out + learned for _ in range(max(1, count // _SHOWN))]
        return self.generate(captions=captions, seed=0) if captions else None

    def sample_image(self, source: str) -> tuple[np.ndarray, str] | None:
        """Images of captions of the data, one column per caption."""
        scheme = source.partition(":")[0]
        columns, rows = (2, 1) if max(self.image_shape[:2]) > 128 else (4, 3)
        if scheme == "avatars":
            asked = random_captions(columns)
        elif scheme == "captions":
            asked = [texts[0] for texts in open_captions(source, self.image_shape, upscale=True)[1][:columns]]
        else:
            return None
        images = self.generate(captions=asked * rows, seed=0)
        said = "; ".join(f'"{caption}"' for caption in asked)
        return grid(images, columns=len(asked)), f"Generated from seed 0, one caption per column: {said}"

    def collapsed(self) -> bool:
        """Whether 16 images from different texts and noise differ by less than a gray level on average."""
        latents, text = self.latents(16, seed=0), self._example_text(16, 0)
        images = self._images(self._latent_source(latents=latents), 64, text).astype("float32")
        return bool(images.std(axis=0).mean() < 1.0)

    def validation_metrics(self, feed: "Feed | None", evaluation: "Evaluation") -> ValidationMetrics | None:
        """The Fréchet joint distance to the training images with their captions.

        Set `extractor: matching` to enable it. Its features come from a separate character encoder and image network
        that are trained on the same images.
        Where the data knows what its captions say, the setting may be a classifier of attributes instead: the share of
        attributes that images show as asked decides.
        """
        if evaluation.extractor is None:
            return None
        if evaluation.extractor != "matching":
            return self._attribute_metrics(feed, evaluation)
        if evaluation.monitor not in (None, "frechet_joint_distance"):
            raise GanzooError(
                f"evaluation.monitor: images of {self.model_name} are measured together with their captions: leave it "
                "out"
            )
        matching = functools.cache(lambda: _JointStatistics(feed, evaluation.samples))
        description = "lowest Fréchet joint distance to the training images, features of a network trained on them"
        return ValidationMetrics(lambda model: matching().compute(model), "frechet_joint_distance", description)

    def _attribute_metrics(self, feed, evaluation):
        classifier = get_extractor(evaluation.extractor)
        if not isinstance(classifier, AttributeExtractor) or not classifier.takes(self.image_shape):
            raise GanzooError(
                f"evaluation.extractor: what {self.model_name} generates is measured with its captions: set it to "
                "matching, to a classifier of attributes that takes its images (avatars_classifier, 64x64), or to "
                f"null, to train without a best checkpoint; not to {evaluation.extractor}"
            )
        if feed is not None and feed.said is None:
            raise GanzooError(
                f"evaluation.extractor: what the captions of {feed.source} say is not known: set it to matching"
            )

        def compute(model):
            chosen = np.random.default_rng(0).permutation(len(feed.images))[: evaluation.samples]
            generated = model.generate(captions=[feed.captions[i][0] for i in chosen], seed=0)
            said = np.stack([feed.said[i][0] for i in chosen])
            obeyed = attributes_obeyed(classifier.values(generated), said, classifier.attributes)
            real = cached_statistics(classifier, feed.images)
            distance = frechet_distance(real, classifier.statistics(generated))
            return {
                "attributes_obeyed": float(np.mean(list(obeyed.values()))),
                "frechet_distance": distance,
                **{f"obeyed_{name}": share for name, share in obeyed.items()},
            }

        description = f"most attributes of captions obeyed, by {classifier.name}, {evaluation.samples:,} samples"
        return ValidationMetrics(compute, "attributes_obeyed", description, higher_is_better=True)


def _spread(items: list, count: int) -> list:
    """Up to `count` evenly spaced items: neighbors in a file are often similar."""
    return [items[i * len(items) // count] for i in range(count)] if len(items) > count else items


class _JointStatistics:
    """Features of up to `samples` training images and their first captions, the reference for generated images."""

    def __init__(self, feed: Any, samples: int) -> None:
        rng = np.random.default_rng(_SEED)
        chosen = rng.permutation(len(feed.images))[:samples]
        images, texts = feed.images[chosen], [feed.captions[i] for i in chosen]
        self.captions = [of_one[0] for of_one in texts]
        self.matching = Matching(CharacterEncoder())
        self.matching.learn(images, texts, epochs=_EPOCHS, seed=_SEED)
        self.text = self.matching.encoder.encode(self.captions)
        self.real = self._statistics(self.matching.vectors(images))

    def _statistics(self, vectors: np.ndarray) -> FeatureStatistics:
        return FeatureStatistics.of(Features(np.concatenate([vectors, self.text], axis=1), "matching"))

    def compute(self, model: Any) -> dict[str, float]:
        """The metrics of a model's images from the same captions."""
        images = model.generate(captions=self.captions, seed=0)
        captions, own = distinct(self.captions)
        similarity = self.matching.similarity(images, captions)
        right = right_among(similarity, own, 10, np.random.default_rng(0))
        distance = frechet_distance(self.real, self._statistics(self.matching.vectors(images)))
        return {"frechet_joint_distance": distance, "right_of_10": right}
