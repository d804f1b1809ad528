"""Adversarial training with text conditions (Reed et al. 2016, arXiv:1605.05396)."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import keras
from keras import ops

from ganzoo import backend
from ganzoo.arguments import AtLeastOne, NotNegative, parameters_of, validated_arguments
from ganzoo.data.batches import with_condition
from ganzoo.errors import GanzooError, unknown
from ganzoo.losses.captioned import attribute_loss, likeness
from ganzoo.networks.split import split_at
from ganzoo.networks.text_to_image import attribute_classifier
from ganzoo.text import ENCODERS
from ganzoo.training.adversarial import AdversarialModel
from ganzoo.training.step import Objective
from ganzoo.training.zoo_model import ZooModel
from ganzoo.types import Tensor


class TextConditionalGAN(AdversarialModel):
    """A generator of images from noise and text, with a matching-aware discriminator.

    The discriminator learns (Algorithm 1 of the paper) to reject real images with mismatching text as well as generated
    images. It processes a batch of real images only once for both texts: batch norm counts their statistics once, and
    both share a dropout mask.

    Args:
        generator: functional Keras model from [latents (batch, latent_dim), text (batch, text_encoder.dim)] to images.
        discriminator: functional Keras model from [images, text] to logits (batch, 1), or a function that makes it.
        latent_dim: length of the latent vector.
        text_encoder: an encoder of `ganzoo.text`; saved with the model if it has a network.
        attributes: the number of values of each attribute that captions name, for data that knows them
            ("avatars:COUNT"); adds the auxiliary task of AC-GAN (Odena et al. 2017, arXiv:1610.09585): a linear layer,
            `classifier`, predicts the named attributes of real images from the discriminator's features, and the
            generator is trained so that those named by its caption are recognized. It teaches small details that
            hardly decide whether an image looks real.
        **options: of `AdversarialModel`.
    """

    reported: tuple[str, ...] = ("d_wrong",)

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model | Callable[[], keras.Model],
        latent_dim: int,
        text_encoder: Any,
        *,
        attributes: Sequence[AtLeastOne] = (),
        **options: Any,
    ):
        networks: dict[str, Any] = {"generator": generator, "discriminator": discriminator}
        if attributes:
            networks["classifier"] = lambda: attribute_classifier(self.discriminator, sum(attributes))
        if text_encoder.network is not None:
            # Trained before the GAN, and frozen.
            text_encoder.network.trainable = False
            networks["text"] = text_encoder.network
        super().__init__(latent_dim=latent_dim, networks=networks, **options)
        self.attributes = tuple(attributes)
        # Hidden from Keras, which already tracks its network.
        object.__setattr__(self, "text_encoder", text_encoder)

    def split_batch(self, batch: Any) -> tuple[Tensor, Tensor]:
        most = 4 if self.attributes else 3
        if not isinstance(batch, (tuple, list)) or not 2 <= len(batch) <= most:
            raise GanzooError(f"{self.model_name} learns from (images, text vectors): use ganzoo.data.captions")
        if self.attributes and (len(batch) < 4 or batch[3].shape[-1] != len(self.attributes)):
            raise GanzooError(
                f"{self.model_name} with `attributes` learns from (images, text vectors, wrong text vectors, "
                f"{len(self.attributes)} attributes): use ganzoo.data.captions with `contradictions`"
            )
        return batch[0], batch[1]

    def discriminator_loss(self, batch: Any, training: bool = True) -> Tensor:
        real, text = self.split_batch(batch)
        fake = self.fake_batch(real, text, training)
        real, fake = self.augmented(real), self.augmented(fake)
        # The data may provide wrong texts, which may be harder to tell apart.
        wrong = batch[2] if len(batch) > 2 else _neighbors(text)
        real_logits, wrong_logits = self._logits(real, (text, wrong), training)
        (fake_logits,) = self._logits(fake, (text,), training)
        self.record(**self.loss.report(real_logits, fake_logits))
        self.record(d_wrong=self.loss.report(real_logits, wrong_logits).get("d_fake", ops.mean(wrong_logits)))
        both = (self.loss.discriminator(real_logits, logits) for logits in (fake_logits, wrong_logits))
        loss = sum(both) / 2 + self.penalty(real, fake, text, training)
        if self.attributes:
            logits = self.classifier(self._features(real, training), training=training)
            classified = attribute_loss(logits, batch[3], self.attributes)
            self.record(d_attributes=classified)
            loss = loss + self.attribute_weight * classified
        return loss

    def objectives(self) -> list[Objective]:
        d_loss, g_loss = super().objectives()
        if self.attributes:
            d_loss = replace(d_loss, networks=(*d_loss.networks, "classifier"))
        return [d_loss, g_loss]

    @property
    def reported_metrics(self) -> tuple[str, ...]:
        return (*super().reported_metrics, *(["d_attributes", "g_attributes"] if self.attributes else []))

    def _logits(self, images: Tensor, texts: Sequence[Tensor], training: bool) -> list[Tensor]:
        """The discriminator's logits of images with each of several texts; the images are processed once."""
        features = self._features(images, training)
        return [self._parts[1]([*features, text], training=training) for text in texts]

    def _features(self, images: Tensor, training: bool) -> list[Tensor]:
        """The discriminator's features of images before the text joins them."""
        return keras.tree.flatten(self._parts[0](images, training=training))

    @property
    def _parts(self) -> tuple[Callable, Callable]:
        """The discriminator's part before the text joins, and the part after."""
        if self.discriminator not in self._known_parts:
            image_part, joint_part = split_at(self.discriminator, 1)
            # Functions instead of networks, which Keras would save a second time.
            self._known_parts[self.discriminator] = (
                lambda *args, **options: image_part(*args, **options),
                lambda *args, **options: joint_part(*args, **options),
            )
        return self._known_parts[self.discriminator]

    @functools.cached_property
    def _known_parts(self) -> dict[keras.Model, tuple[Callable, Callable]]:
        return {}

    def generator_loss(self, batch: Any, training: bool = True) -> Tensor:
        if (self.attributes or self.variety) and self.is_adversarial and not self.matches_features:
            loss = self._loss_of_text(batch, training)
        else:
            loss = super().generator_loss(batch, training)
        _, text = self.split_batch(batch)
        if self.interpolation:
            # Text embeddings are interpolated halfway (equation 5 of Reed et al., beta = 0.5).
            between = 0.5 * (text + _neighbors(text))
            fake = self.generator(self.generator_inputs(ops.shape(text)[0], between), training=training)
            logits = self.discriminator(with_condition(self.augmented(fake), between), training=training)
            loss = loss + self.interpolation * self.loss.generator(logits)
        return loss

    def _loss_of_text(self, batch: Any, training: bool) -> Tensor:
        """`AdversarialModel.generator_loss` with the losses of attributes and variety."""
        _, text = self._examples(batch)
        count = ops.shape(text)[0]
        images = self.generator(self.generator_inputs(count, text), training=training)
        features = self._features(self.augmented(images), training)
        logits = self._parts[1]([*features, text], training=training)
        self.record(fake_score=ops.mean(logits))
        loss = self.adversarial_weight * self.loss.generator(logits)
        if self.attributes:
            classified = attribute_loss(self.classifier(features, training=training), batch[3], self.attributes)
            self.record(g_attributes=classified)
            loss = loss + self.attribute_weight * classified
        if self.variety:
            # Only the images that the discriminator sees get a gradient: the others could not be held to their text.
            with backend.no_gradients():
                others = self.generator(self.generator_inputs(count, text), training=training)
            loss = loss + self.variety * likeness(images, ops.stop_gradient(others))
        return loss

    def compile(
        self,
        *args: Any,
        interpolation: NotNegative = 0.0,
        attribute_weight: NotNegative = 1.0,
        variety: NotNegative = 0.0,
        **settings: Any,
    ) -> None:
        """Configures training, as `AdversarialModel.compile` with three more arguments.

        Args:
            interpolation: weight of the generator's loss on text embeddings halfway between two of the batch.
            attribute_weight: weight of `ganzoo.losses.captioned.attribute_loss` in both losses, for a model with
                `attributes`.
            variety: weight of `ganzoo.losses.captioned.likeness` of two images of one text. Without it a generator may
                generate a single image for each text, unnoticed by a discriminator that sees each text once.
        """
        own = dict(interpolation=interpolation, attribute_weight=attribute_weight, variety=variety)
        self.keep_settings(TextConditionalGAN.compile, **own)
        super().compile(*args, **settings)

    def start_from(self, other: ZooModel) -> None:
        super().start_from(other)
        self.take_text_from(other)

    def take_text_from(self, other: ZooModel) -> None:
        """Copies the weights of another model's text encoder.

        Raises:
            GanzooError: the other model has a different text encoder, or none.
        """
        ours, theirs = self.text_encoder, getattr(other, "text_encoder", None)
        if theirs is None or (ours.network is None) != (theirs.network is None) or ours.dim != theirs.dim:
            raise GanzooError("the model to start from has another text encoder: give this model its argument 'text'")
        if ours.network is not None:
            ours.network.set_weights(theirs.network.get_weights())


def _neighbors(text: Tensor) -> Tensor:
    """The texts of a batch with adjacent pairs swapped; if their number is odd, the last one is replaced by the first.

    Swapping pairs, unlike shifting all texts by one, gives the same result if replicas share the batch.
    """
    count = ops.shape(text)[0]
    index = ops.arange(count)
    neighbor = index + 1 - 2 * (index % 2)
    return ops.take(text, ops.where(neighbor < count, neighbor, 0), axis=0)


def text_encoder(asked: Any) -> Any:
    """Makes an encoder of `ganzoo.text` from its name, or from {"name": ..., argument: value}.

    Raises:
        GanzooError: an unknown name or argument.

    Example:
        from ganzoo.training.text_conditional import text_encoder

        vectors = text_encoder({"name": "characters", "dim": 16}).encode(["a red apple"])       # float32 (1, 16)
    """
    arguments = dict(asked) if isinstance(asked, dict) else {"name": asked}
    name = arguments.pop("name", None)
    if not isinstance(name, str) or name not in ENCODERS:
        raise unknown("text encoder", name, ENCODERS)
    cls = ENCODERS[name]
    return cls(**validated_arguments(parameters_of("__init__", owner=cls), arguments, f"text, {name}"))
