"""Adversarial training of images with their text (Reed et al. 2016, arXiv:1605.05396)."""

import functools

import keras
from keras import ops

from ganzoo.config import NotNegative, parameters_of, validated_arguments
from ganzoo.data.batches import with_condition
from ganzoo.errors import GanzooError, unknown
from ganzoo.networks.split import split_at
from ganzoo.text import ENCODERS
from ganzoo.training.adversarial import AdversarialModel


class TextConditionalGAN(AdversarialModel):
    """A generator from noise and text, and a matching-aware discriminator of images with their text.

    The discriminator learns (algorithm 1 of the paper) that a real image with another one's text is as wrong as a
    generated one with its own. It processes a batch of real images once for both of their texts: batch norm takes
    their statistics into account once, and both share one dropout mask.

    Args:
        generator: functional Keras model; from [latents (batch, latent_dim), text (batch, text_encoder.dim)] to
            images.
        discriminator: functional Keras model; from [images, text] to logits (batch, 1).
        latent_dim: length of the latent vector.
        text_encoder: one of `ganzoo.text`; saved with the model where it has a network.
        **options: of `AdversarialModel`.
    """

    reported = ("d_wrong",)

    def __init__(self, generator, discriminator, latent_dim, text_encoder, **options):
        networks = {"generator": generator, "discriminator": discriminator}
        if text_encoder.network is not None:
            # Learned before the training, and left as it is by every step.
            text_encoder.network.trainable = False
            networks["text"] = text_encoder.network
        super().__init__(latent_dim=latent_dim, networks=networks, **options)
        # Past Keras, which has its network already.
        object.__setattr__(self, "text_encoder", text_encoder)

    def split_batch(self, batch):
        if not isinstance(batch, (tuple, list)) or len(batch) != 2:
            raise GanzooError(f"{self.model_name} learns from (images, vectors of text): use ganzoo.data.captions")
        return batch[0], batch[1]

    def discriminator_loss(self, batch, training=True):
        real, text = self.split_batch(batch)
        fake = self.fake_batch(real, text, training)
        real, fake = self.augmented(real), self.augmented(fake)
        others = _neighbors(text)
        real_logits, wrong_logits = self._logits(real, (text, others), training)
        (fake_logits,) = self._logits(fake, (text,), training)
        self.record(**self.loss.report(real_logits, fake_logits))
        self.record(d_wrong=self.loss.report(real_logits, wrong_logits).get("d_fake", ops.mean(wrong_logits)))
        both = (self.loss.discriminator(real_logits, logits) for logits in (fake_logits, wrong_logits))
        return sum(both) / 2 + self.penalty(real, fake, text, training)

    def _logits(self, images, texts, training):
        """What the discriminator says of images with each of several texts; it looks at the images once."""
        if self.discriminator not in self._pair_logits:
            look, judge = split_at(self.discriminator, 1)

            def logits(images, texts, training):
                seen = keras.tree.flatten(look(images, training=training))
                return [judge([*seen, text], training=training) for text in texts]

            self._pair_logits[self.discriminator] = logits
        return self._pair_logits[self.discriminator](images, texts, training)

    @functools.cached_property
    def _pair_logits(self):
        # Functions and not networks, which Keras would write into files once more.
        return {}

    def generator_loss(self, batch, training=True):
        loss = super().generator_loss(batch, training)
        _, text = self.split_batch(batch)
        if self.interpolation:
            # Halfway between two texts there is one as well (equation 5 of Reed et al., beta = 0.5).
            between = 0.5 * (text + _neighbors(text))
            fake = self.generator(self.generator_inputs(ops.shape(text)[0], between), training=training)
            logits = self.discriminator(with_condition(self.augmented(fake), between), training=training)
            loss = loss + self.interpolation * self.loss.generator(logits)
        return loss

    def compile(self, *args, interpolation: NotNegative = 0.0, **settings):
        """Sets how the model trains; as `AdversarialModel.compile`, and

        Args:
            interpolation: factor of the generator's loss on texts halfway between two of the batch.
        """
        self.keep_settings(TextConditionalGAN.compile, interpolation=interpolation)
        super().compile(*args, **settings)

    def start_from(self, other):
        super().start_from(other)
        self.take_text_from(other)

    def take_text_from(self, other):
        """Takes over another model's reading of captions.

        Raises:
            GanzooError: it reads them in another way.
        """
        ours, theirs = self.text_encoder, getattr(other, "text_encoder", None)
        if theirs is None or (ours.network is None) != (theirs.network is None) or ours.dim != theirs.dim:
            raise GanzooError("the model to start from reads captions another way: give this model its argument 'text'")
        if ours.network is not None:
            ours.network.set_weights(theirs.network.get_weights())


def _neighbors(text):
    """The texts of a batch with each two next to each other exchanged; of the last of an odd number the first one's.

    Not all moved by one: a batch that replicas share would have other neighbors than on one device.
    """
    count = ops.shape(text)[0]
    place = ops.arange(count)
    neighbor = place + 1 - 2 * (place % 2)
    return ops.take(text, ops.where(neighbor < count, neighbor, 0), axis=0)


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
