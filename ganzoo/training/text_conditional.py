"""Adversarial training with text conditions (Reed et al. 2016, arXiv:1605.05396)."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from ganzoo.config import NotNegative, parameters_of, validated_arguments
from ganzoo.data.batches import with_condition
from ganzoo.errors import GanzooError, unknown
from ganzoo.networks.split import split_at
from ganzoo.text import ENCODERS
from ganzoo.training.adversarial import AdversarialModel
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
        **options: of `AdversarialModel`.
    """

    reported: tuple[str, ...] = ("d_wrong",)

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model | Callable[[], keras.Model],
        latent_dim: int,
        text_encoder: Any,
        **options: Any,
    ):
        networks = {"generator": generator, "discriminator": discriminator}
        if text_encoder.network is not None:
            # Trained before the GAN, and frozen.
            text_encoder.network.trainable = False
            networks["text"] = text_encoder.network
        super().__init__(latent_dim=latent_dim, networks=networks, **options)
        # Hidden from Keras, which already tracks its network.
        object.__setattr__(self, "text_encoder", text_encoder)

    def split_batch(self, batch: Any) -> tuple[Tensor, Tensor]:
        if not isinstance(batch, (tuple, list)) or len(batch) != 2:
            raise GanzooError(f"{self.model_name} learns from (images, text vectors): use ganzoo.data.captions")
        return batch[0], batch[1]

    def discriminator_loss(self, batch: Any, training: bool = True) -> Tensor:
        real, text = self.split_batch(batch)
        fake = self.fake_batch(real, text, training)
        real, fake = self.augmented(real), self.augmented(fake)
        wrong = _neighbors(text)
        real_logits, wrong_logits = self._logits(real, (text, wrong), training)
        (fake_logits,) = self._logits(fake, (text,), training)
        self.record(**self.loss.report(real_logits, fake_logits))
        self.record(d_wrong=self.loss.report(real_logits, wrong_logits).get("d_fake", ops.mean(wrong_logits)))
        both = (self.loss.discriminator(real_logits, logits) for logits in (fake_logits, wrong_logits))
        return sum(both) / 2 + self.penalty(real, fake, text, training)

    def _logits(self, images: Tensor, texts: Sequence[Tensor], training: bool) -> list[Tensor]:
        """The discriminator's logits of images with each of several texts; the images are processed once."""
        if self.discriminator not in self._pair_logits:
            image_part, joint_part = split_at(self.discriminator, 1)

            def logits(images, texts, training):
                features = keras.tree.flatten(image_part(images, training=training))
                return [joint_part([*features, text], training=training) for text in texts]

            self._pair_logits[self.discriminator] = logits
        return self._pair_logits[self.discriminator](images, texts, training)

    @functools.cached_property
    def _pair_logits(self) -> dict[keras.Model, Callable]:
        # Functions instead of networks, which Keras would save a second time.
        return {}

    def generator_loss(self, batch: Any, training: bool = True) -> Tensor:
        loss = super().generator_loss(batch, training)
        _, text = self.split_batch(batch)
        if self.interpolation:
            # Text embeddings are interpolated halfway (equation 5 of Reed et al., beta = 0.5).
            between = 0.5 * (text + _neighbors(text))
            fake = self.generator(self.generator_inputs(ops.shape(text)[0], between), training=training)
            logits = self.discriminator(with_condition(self.augmented(fake), between), training=training)
            loss = loss + self.interpolation * self.loss.generator(logits)
        return loss

    def compile(self, *args: Any, interpolation: NotNegative = 0.0, **settings: Any) -> None:
        """Configures training, as `AdversarialModel.compile` with one more argument.

        Args:
            interpolation: factor of the generator's loss on text embeddings halfway between two of the batch.
        """
        self.keep_settings(TextConditionalGAN.compile, interpolation=interpolation)
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
