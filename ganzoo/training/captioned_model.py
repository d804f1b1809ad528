"""Models that draw what a sentence says."""

import functools

import keras
import numpy as np
from keras import ops

from ganzoo.config import NotNegative, parameters_of, validated_arguments
from ganzoo.errors import GanzooError, unknown
from ganzoo.inference.counts import whole_count
from ganzoo.inference.latent import slerp
from ganzoo.metrics.features import Features
from ganzoo.metrics.frechet import FeatureStatistics, frechet_distance
from ganzoo.metrics.text_to_image import distinct, right_among
from ganzoo.networks.split import split_at
from ganzoo.text import ENCODERS
from ganzoo.text.characters import CharacterEncoder
from ganzoo.text.matching import Matching
from ganzoo.training.batches import rank_of, with_condition
from ganzoo.training.latent_model import LatentModel
from ganzoo.training.measure import Measure

# Captions of a run's preview.
_SHOWN = 8
# Of the judge that chooses a checkpoint; the one that `ganzoo evaluate` asks has another seed.
_JUDGE = dict(seed=4321, epochs=30)


class CaptionedModel(LatentModel):
    """A generator from noise and text, and a discriminator of pictures with their text.

    The discriminator is matching-aware (Reed et al. 2016, arXiv:1605.05396, algorithm 1): a real picture with another
    one's text is as wrong to it as a drawn one with its own. It looks at a batch of real pictures once for both of
    their texts: batch norm takes their means into account once, and both share one drawing of a dropout.

    Args:
        generator: functional Keras model; from [latents (batch, latent_dim), text (batch, text_encoder.dim)] to
            pictures.
        discriminator: functional Keras model; from [pictures, text] to logits (batch, 1).
        latent_dim: length of the latent vector.
        text_encoder: one of `ganzoo.text`; saved with the model where it has a network.
        **options: of `LatentModel`.
    """

    data_kind = "captions"
    reported = ("d_wrong",)

    def __init__(self, generator, discriminator, latent_dim, text_encoder, **options):
        super().__init__(generator, discriminator, latent_dim, **options)
        object.__setattr__(self, "text_encoder", text_encoder)
        # Kept by Keras with the model's own networks; no step of the game changes it.
        self.text_network = text_encoder.network
        if self.text_network is not None:
            self.text_network.trainable = False

    def split_batch(self, batch):
        if not isinstance(batch, (tuple, list)) or len(batch) != 2:
            raise GanzooError(f"{self.model_name} learns from (pictures, vectors of text): use ganzoo.data.captions")
        return batch[0], batch[1]

    def discriminator_loss(self, batch, training=True):
        real, text = self.split_batch(batch)
        fake = self.opponents(real, text, training)
        real, fake = self.augmented(real), self.augmented(fake)
        others = _of_neighbours(text)
        real_logits, wrong_logits = self._logits(real, (text, others), training)
        (fake_logits,) = self._logits(fake, (text,), training)
        self.record(**self.loss.report(real_logits, fake_logits))
        self.record(d_wrong=self.loss.report(real_logits, wrong_logits).get("d_fake", ops.mean(wrong_logits)))
        both = (self.loss.discriminator(real_logits, logits) for logits in (fake_logits, wrong_logits))
        return sum(both) / 2 + self.penalty(real, fake, text, training)

    def _logits(self, pictures, texts, training):
        """What the discriminator says of pictures with each of several texts; it looks at the pictures once."""
        if self.discriminator not in self._judges:
            look, judge = split_at(self.discriminator, 1)

            def logits(pictures, texts, training):
                seen = keras.tree.flatten(look(pictures, training=training))
                return [judge([*seen, text], training=training) for text in texts]

            self._judges[self.discriminator] = logits
        return self._judges[self.discriminator](pictures, texts, training)

    @functools.cached_property
    def _judges(self):
        # Functions and not networks, which Keras would write into files once more.
        return {}

    def generator_loss(self, batch, training=True):
        loss = super().generator_loss(batch, training)
        _, text = self.split_batch(batch)
        if self.interpolation:
            # Halfway between two texts there is one as well (equation 5 of Reed et al., beta = 0.5).
            between = 0.5 * (text + _of_neighbours(text))
            fake = self.generator(self.generator_inputs(ops.shape(text)[0], between), training=training)
            logits = self.discriminator(with_condition(self.augmented(fake), between), training=training)
            loss = loss + self.interpolation * self.loss.generator(logits)
        return loss

    def compile(self, interpolation: NotNegative = 0.0, **settings):
        """Sets how the model trains; as `AdversarialModel.compile`, and

        Args:
            interpolation: factor of the generator's loss on texts halfway between two of the batch.
        """
        self.keep_settings(CaptionedModel.compile, interpolation=interpolation)
        super().compile(**settings)

    # Inference.

    def generate(self, count=None, captions=None, seed=None, latents=None, batch_size=64):
        """Draws pictures of what captions say.

        Args:
            count: how many; not needed with several `captions` or `latents`.
            captions: a caption for each picture, or one for all. Any text: what was never seen is drawn as what is
                nearest to it.
            seed, latents, batch_size: as in `LatentModel.generate`; the same seed gives the same noise to any text.

        Returns:
            uint8 (count, height, width, channels).

        Raises:
            GanzooError: no captions, or as many as pictures do not fit.

        Example:
            pictures = model.generate(captions=["a red apple", "a yellow smiling face"], seed=0)
        """
        vectors = self.vectors(captions)
        if count is None and latents is None:
            count = len(vectors)
        latents = self._latent_source(count, seed, latents)
        if len(vectors) not in (1, latents.count):
            raise GanzooError(f"{latents.count} pictures need one caption or {latents.count}, got {len(vectors)}")
        vectors = np.broadcast_to(vectors, (latents.count, vectors.shape[1]))
        return self._images(latents, batch_size, vectors)

    def interpolate(self, first, second, count=8, seed=0):
        """Draws a walk from one caption to another, with the same noise.

        Args:
            first, second: captions.
            count: pictures, both ends among them.
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

    # Weights.

    def start_from(self, other):
        super().start_from(other)
        self._take_text_from(other)

    def _take_text_from(self, other):
        ours, theirs = self.text_network, getattr(other, "text_network", None)
        if (ours is None) != (theirs is None) or self.text_encoder.dim != other.text_encoder.dim:
            raise GanzooError("the model to start from reads captions another way: give this model its argument 'text'")
        if ours is not None:
            ours.set_weights(theirs.get_weights())

    def _shipped(self):
        networks = super()._shipped()
        return networks if self.text_network is None else {**networks, "text": self.text_network}

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
        """Pictures for each of some captions: first those of pictures kept from training, then of others."""
        if feed is None:
            return None
        kept = _spread([texts[0] for _, texts in feed.validation], _SHOWN // 2)
        learned = _spread([texts[0] for texts in feed.captions], _SHOWN - len(kept))
        captions = [caption for caption in kept + learned for _ in range(max(1, count // _SHOWN))]
        return self.generate(captions=captions, seed=0) if captions else None

    def collapsed(self):
        """Whether 16 pictures of as many texts and noises differ by less than a grey level on average."""
        latents, text = self.latents(16, seed=0), self._example_text(16, 0)
        drawn = self._images(self._latent_source(latents=latents), 64, text).astype("float32")
        return bool(drawn.std(axis=0).mean() < 1.0)

    def measure(self, feed, evaluation):
        """The Fréchet joint distance to pictures of training with their captions, as a judge sees both.

        The judge, which the setting `extractor: matching` asks for, is another encoder of letters and an image network
        that learn from the same pictures.
        """
        if evaluation.extractor is None:
            return None
        if evaluation.extractor != "matching":
            raise GanzooError(
                f"evaluation.extractor: what {self.model_name} draws is judged with its captions: set it to matching "
                f"(or null, to train without a best checkpoint), not {evaluation.extractor}"
            )
        judged = functools.cache(lambda: _Judged(feed, evaluation.samples))
        words = "lowest Fréchet joint distance to the pictures of training, features of a judge trained on them"
        return Measure(lambda model: judged().figures(model), "frechet_joint_distance", words)


def _spread(items, count):
    """Up to `count` items from all over a list: what stands next to each other in a file is often alike."""
    return [items[i * len(items) // count] for i in range(count)] if len(items) > count else items


def _of_neighbours(text):
    """The texts of a batch with each two next to each other exchanged; of the last of an odd number the first one's.

    Not all moved by one: a batch that replicas share would have other neighbours than on one device.
    """
    count = ops.shape(text)[0]
    place = ops.arange(count)
    neighbour = place + 1 - 2 * (place % 2)
    return ops.take(text, ops.where(neighbour < count, neighbour, 0), axis=0)


class _Judged:
    """What a judge makes of up to `samples` pictures of training with their first captions, and of a model's."""

    def __init__(self, feed, samples):
        rng = np.random.default_rng(_JUDGE["seed"])
        chosen = rng.permutation(len(feed.pictures))[:samples]
        pictures, texts = feed.pictures[chosen], [feed.captions[i] for i in chosen]
        self.captions = [of_one[0] for of_one in texts]
        self.judge = Matching(CharacterEncoder())
        self.judge.learn(pictures, texts, **_JUDGE)
        self.text = self.judge.encoder.encode(self.captions)
        self.real = self._statistics(self.judge.vectors(pictures))

    def _statistics(self, vectors):
        return FeatureStatistics.of(Features(np.concatenate([vectors, self.text], axis=1), "matching"))

    def figures(self, model):
        pictures = model.generate(captions=self.captions, seed=0)
        different, own = distinct(self.captions)
        alike = self.judge.similarity(pictures, different)
        right = right_among(alike, own, 10, np.random.default_rng(0))
        distance = frechet_distance(self.real, self._statistics(self.judge.vectors(pictures)))
        return {"frechet_joint_distance": distance, "right_of_10": right}


def text_encoder(asked):
    """An encoder of `ganzoo.text` from its name, or {"name": ..., argument: value}.

    Raises:
        GanzooError: an unknown name or argument.
    """
    arguments = dict(asked) if isinstance(asked, dict) else {"name": asked}
    name = arguments.pop("name", None)
    if not isinstance(name, str) or name not in ENCODERS:
        raise unknown("text encoder", name, ENCODERS)
    return ENCODERS[name](**validated_arguments(parameters_of(ENCODERS[name].__init__), arguments, f"text, {name}"))
