"""Adversarial training: Algorithm 1 of Goodfellow et al. 2014 (arXiv:1406.2661)."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

import keras
from keras import ops

from ganzoo import backend, losses
from ganzoo.arguments import NOT_IN_PRESETS, AtLeastOne, NotNegative, parameters_of
from ganzoo.data.batch_checks import parts_of
from ganzoo.data.batches import with_condition
from ganzoo.errors import GanzooError, at_least_one
from ganzoo.losses import feature_matching, maximum_mean_discrepancy
from ganzoo.networks import regularizers
from ganzoo.training.augmentations import get_augmentation
from ganzoo.training.averages import HistoricalAverage
from ganzoo.training.reference_batches import take_reference_batches
from ganzoo.training.step import Objective
from ganzoo.training.zoo_model import Network, ZooModel
from ganzoo.types import Tensor

# The usual optimizer of GANs since Radford et al. 2015 (arXiv:1511.06434).
ADAM = {"name": "adam", "learning_rate": 2e-4, "beta_1": 0.5}


class AdversarialModel(ZooModel):
    """A generator and a discriminator, trained in turn.

    A subclass passes its networks to the constructor. It changes what they learn by overriding `split_batch`,
    `generator_inputs`, `discriminator_inputs` and `content_loss`, or `discriminator_loss` and `generator_loss` as a
    whole. A model with more networks passes `networks`, and lists their names in the class attributes `generators` and
    `discriminators`.

    Args:
        generator: functional Keras model from `generator_inputs` to examples.
        discriminator: functional Keras model from `discriminator_inputs` to logits (batch, 1), or a function that
            builds it, so that a model loaded for inference does not need to.
        latent_dim: length of the generator's latent vector; None for a generator that takes only the condition.
        networks: {name: network} of all networks, in place of the first two arguments.
        discriminator_regularizers: list of changes to the discriminators: "spectral_normalization",
            "minibatch_discrimination", "virtual_batch_normalization", or {"name": ..., argument: value}
            (see `ganzoo.networks.regularizers`).
        generator_regularizers: the same for the generators.
        **options: of `ZooModel`.

    Attributes:
        ema_generator: the moving average of the generator, used for inference.

    Example:
        @ganzoo.register("denoiser")
        class Denoiser(ganzoo.AdversarialModel):
            shares_fake_batch = True  # a deterministic generator: one fake batch serves both updates

            def __init__(self, length: int = 16):
                noisy, clean = keras.Input((length,)), keras.Input((length,))
                score = keras.layers.Dense(1)(keras.layers.Concatenate()([clean, noisy]))
                generator = keras.Model(noisy, keras.layers.Dense(length)(noisy))
                super().__init__(generator, keras.Model([clean, noisy], score))

            def split_batch(self, batch):
                noisy, clean = batch
                return clean, noisy

            def generator_inputs(self, count, condition):
                return condition
    """

    generators: tuple[str, ...] = ("generator",)
    discriminators: tuple[str, ...] = ("discriminator",)
    # The discriminator's output: "logits", or "errors" of an auto-encoder; a loss takes one of them.
    scores = "logits"
    # Deterministic generators reuse one fake batch for both updates of a step; Algorithm 1 samples one for each.
    shares_fake_batch = False

    def __init__(
        self,
        generator: Annotated[Network | None, NOT_IN_PRESETS] = None,
        discriminator: Annotated[Network | None, NOT_IN_PRESETS] = None,
        latent_dim: Annotated[int | None, NOT_IN_PRESETS] = None,
        *,
        networks: Annotated[Mapping[str, Network] | None, NOT_IN_PRESETS] = None,
        discriminator_regularizers: list = [],
        generator_regularizers: list = [],
        **options: Any,
    ):
        if networks is None:
            networks = dict(zip((*self.generators, *self.discriminators), (generator, discriminator)))
        missing = [name for name in (*self.generators, *self.discriminators) if networks.get(name) is None]
        if missing:
            raise GanzooError(
                f"{type(self).__name__} needs a network '{missing[0]}': a model without an adversary is a "
                "ganzoo.ZooModel with one objective"
            )
        changes = dict.fromkeys(self.generators, (generator_regularizers, "generator_regularizers"))
        changes |= dict.fromkeys(self.discriminators, (discriminator_regularizers, "discriminator_regularizers"))
        networks = {
            name: functools.partial(regularizers.regularized, network, *changes[name]) if name in changes else network
            for name, network in networks.items()
        }
        super().__init__(networks, averaged=self.generators, **options)
        self.histories: dict[str, HistoricalAverage] = {}
        if latent_dim is not None:
            at_least_one(latent_dim=latent_dim)
            self.latent_dim = int(latent_dim)

    def start_from(self, other: ZooModel) -> None:
        super().start_from(other)
        for name, history in self.histories.items():
            history.restart(self.networks[name])

    # The hooks.

    def split_batch(self, batch: Any) -> tuple[Tensor, Any]:
        """(real examples, condition or None) of one batch of the dataset; by default labels are ignored."""
        name = self.model_name or type(self).__name__
        return parts_of(batch, 2, name, "examples, or pairs (examples, labels)")[0], None

    def check_batch(self, batch: Any) -> None:
        super().check_batch(batch)
        # Before tracing: on JAX, an error during fit() loses the model's weights.
        self.split_batch(keras.tree.map_structure(ops.convert_to_tensor, batch))

    def generator_inputs(self, count: Any, condition: Any) -> Any:
        """The generator's inputs for `count` examples: new noise, and the condition if there is one."""
        if not hasattr(self, "latent_dim"):
            raise NotImplementedError(f"{type(self).__name__} must define generator_inputs(), or have a latent_dim")
        return with_condition(self.noise.normal((count, self.latent_dim)), condition)

    def discriminator_inputs(self, examples: Tensor, condition: Any) -> Any:
        """The discriminator's inputs: real or generated examples, and the condition if there is one."""
        return with_condition(examples, condition)

    def content_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """A scalar that the generator minimizes besides the adversarial loss, e.g. the distance of fake from real."""
        return 0.0

    # The losses.

    def discriminator_loss(self, batch: Any, training: bool = True) -> Tensor:
        """The discriminator's loss, a scalar: the mean over this replica's batch."""
        real, condition = self._examples(batch)
        fake = self.fake_batch(real, condition, training)
        real, fake = self.augmented(real), self.augmented(fake)
        real_logits = self.discriminator(self.discriminator_inputs(real, condition), training=training)
        fake_logits = self.discriminator(self.discriminator_inputs(fake, condition), training=training)
        self.record(**self.loss.report(real_logits, fake_logits))
        return self.loss.discriminator(real_logits, fake_logits) + self.penalty(real, fake, condition, training)

    def generator_loss(self, batch: Any, training: bool = True) -> Tensor:
        """The generator's loss, a scalar: the mean over this replica's batch."""
        real, condition = self._examples(batch)
        fake = self.generated_batch(real, condition, training)
        content = self.content_loss(real, fake)
        if not self.is_adversarial:
            return content
        fake = self.discriminator_inputs(self.augmented(fake), condition)
        if self.matches_features:
            features, logits = self._features_and_logits(fake, training=training)
            real = self.discriminator_inputs(self.augmented(real), condition)
            real_features, _ = self._features_and_logits(real, training=training)
            for weight, distance in (
                (self.feature_matching, feature_matching),
                (self.moment_matching, maximum_mean_discrepancy),
            ):
                if weight:
                    content = content + weight * distance(real_features, features)
        else:
            logits = self.discriminator(fake, training=training)
        self.record(fake_score=ops.mean(logits))
        return content + self.adversarial_weight * self.loss.generator(logits)

    def generated_batch(self, real: Tensor, condition: Any, training: bool = True) -> Tensor:
        """As many generated examples as real ones; with `shares_fake_batch` the same for both updates of a step."""
        if self._step_state.shared is not None:
            _, (_, shared_condition), fake = self._step_state.shared
            if condition is shared_condition:
                return fake
        return self.generator_outputs(real, condition, training)

    def generator_outputs(self, real: Tensor, condition: Any, training: bool = True) -> Tensor:
        """As many examples from the generator as there are real ones."""
        return self.generator(self.generator_inputs(ops.shape(real)[0], condition), training=training)

    def fake_batch(self, real: Tensor, condition: Any, training: bool = True) -> Tensor:
        """`generated_batch` for the discriminator, without gradients to the generator."""
        with backend.no_gradients():
            return keras.tree.map_structure(ops.stop_gradient, self.generated_batch(real, condition, training))

    def augmented(self, images: Tensor) -> Tensor:
        """The images after the augmentations given to `compile`."""
        for augmentation in self.augmentations:
            images = augmentation(images, self.noise)
        return images

    def penalty(
        self,
        real: Tensor,
        fake: Tensor,
        condition: Any = None,
        training: bool = True,
        discriminator: keras.Model | None = None,
    ) -> Tensor:
        """The sum of the penalties given to `compile`, on a batch of real and a batch of generated examples."""
        network = self.discriminator if discriminator is None else discriminator

        def scores(examples):
            return network(self.discriminator_inputs(examples, condition), training=training)

        return sum((penalty(scores, real, fake, self.noise, backend.input_gradient) for penalty in self.penalties), 0.0)

    def _examples(self, batch):
        """`split_batch`, computed once if both updates share a fake batch."""
        if self._step_state.shared is not None and self._step_state.shared[0] is batch:
            return self._step_state.shared[1]
        return self.split_batch(batch)

    # Algorithm 1.

    def objectives(self) -> Sequence[Objective]:
        def d_loss(batch, training):
            return self.discriminator_loss(batch, training) + self._historical_cost(self.discriminators, training)

        def g_loss(batch, training):
            return self.generator_loss(batch, training) + self._historical_cost(self.generators, training)

        k = self.discriminator_steps if self.is_adversarial else 0
        return [Objective("d_loss", d_loss, self.discriminators, k), Objective("g_loss", g_loss, self.generators)]

    def alternate(self, parts: Sequence[Any]) -> Tensor:
        """k discriminator steps, each on its own part of the batch with its own noise, then one generator step."""
        if self.is_adversarial and self.shares_fake_batch:
            loss = self._alternate_on_one_fake_batch(parts)
        else:
            loss = super().alternate(parts)
        for name, history in self.histories.items():
            history.take(self.networks[name], loss)
        return loss

    def _alternate_on_one_fake_batch(self, parts):
        d_loss, g_loss = self._objectives

        def both(batch, training):
            # The discriminator's update happens inside the generator's, between forward and backward pass.
            examples = self.split_batch(batch)
            self._step_state.shared = batch, examples, self.generated_batch(*examples)
            try:
                self.minimize(d_loss, batch)
                return g_loss.loss(batch, training)
            finally:
                self._step_state.shared = None

        for part in parts[:-1]:
            self.minimize(d_loss, part)
        return self.minimize(replace(g_loss, loss=both), parts[-1])

    def _historical_cost(self, names, training):
        """The weighted squared distance of the networks from their historical averages; 0 outside of training."""
        distances = [history.distance(self.networks[name]) for name, history in self.histories.items() if name in names]
        return self.historical_averaging * sum(distances) if training and distances else 0.0

    # Compiling.

    def _with_common(self, name, own, common):
        """One network's optimizer, given its own and what `optimizer` says of both."""
        is_changed = own != parameters_of("compile", owner=type(self))[name].default
        own = {"name": own} if isinstance(own, str) else own
        both = {*common} & {*own} if isinstance(common, dict) and isinstance(own, dict) else {"name"}
        if is_changed and both:
            raise GanzooError(
                f"optimizer and {name} both set {', '.join(sorted(both))}: give generator_optimizer and "
                "discriminator_optimizer alone"
            )
        return {**own, **common} if isinstance(common, dict) and "name" not in common else common

    def compile(
        self,
        optimizer: object = None,
        *,
        generator_optimizer: Any = ADAM,
        discriminator_optimizer: Any = ADAM,
        loss: object = "non_saturating",
        penalties: list = [],
        augmentations: list = [],
        adversarial_weight: NotNegative = 1.0,
        feature_matching: NotNegative = 0.0,
        moment_matching: NotNegative = 0.0,
        historical_averaging: NotNegative = 0.0,
        discriminator_steps: AtLeastOne = 1,
        **settings: Any,
    ) -> None:
        """Sets how the model trains.

        Args:
            optimizer: name or settings of both optimizers, in place of the next two; settings without a name change
                the model's defaults.
            generator_optimizer: a Keras optimizer, its name, or {"name": "adam", "learning_rate": 2e-4}.
            discriminator_optimizer: the same. A schedule of its learning rate counts its own updates, which are
                `discriminator_steps` per step.
            loss: name of an adversarial loss, {"name": ..., argument: ...}, or an `AdversarialLoss`.
            penalties: list of penalties on the discriminator's gradient, each a name, {"name": ...,
                "weight": ...} or a `ganzoo.losses.Penalty`.
            augmentations: list of changes to real and generated images before the discriminator sees them:
                "instance_noise", "diffaugment" (see `ganzoo.training.augmentations`), as above.
            adversarial_weight: weight of the generator's adversarial loss. With 0 and no matching of features, a model
                with a `content_loss` pre-trains on that loss, and its discriminator is not trained.
            feature_matching: weight of `ganzoo.losses.feature_matching`, on the input of the discriminator's last layer
                or an auto-encoder's code (Salimans et al. 2016, who set `adversarial_weight` to 0).
            moment_matching: weight of `ganzoo.losses.maximum_mean_discrepancy` on the same features: the whole
                distributions are matched instead of their means.
            historical_averaging: weight of |weights - their mean over all steps|^2 in both losses (ibid., section 3.2).
            discriminator_steps: the k of Algorithm 1; each step takes new examples and new noise.
            **settings: `ema_decay`, `seed`, `synchronized_batch_norm`, `run_eagerly`, `jit_compile` and
                `steps_per_execution` of `ZooModel.compile`.

        Raises:
            GanzooError: an unknown loss or optimizer, a number out of range, or a call outside of the scope of the
                strategy in which the model was created.
        """
        self.refuse_unknown_settings(settings)
        if optimizer is not None:
            if isinstance(optimizer, keras.optimizers.Optimizer):
                message = "each network needs an optimizer of its own: give generator_optimizer and "
                raise GanzooError(message + "discriminator_optimizer, or the optimizer's name")
            if isinstance(optimizer, dict) and {"d_loss", "g_loss"} & {*optimizer}:
                raise GanzooError("optimizer: give generator_optimizer and discriminator_optimizer instead")
            given = {"generator_optimizer": generator_optimizer, "discriminator_optimizer": discriminator_optimizer}
            generator_optimizer, discriminator_optimizer = (
                self._with_common(name, own, optimizer) for name, own in given.items()
            )
        self.keep_settings(
            AdversarialModel.compile,
            adversarial_weight=adversarial_weight,
            feature_matching=feature_matching,
            moment_matching=moment_matching,
            historical_averaging=historical_averaging,
            discriminator_steps=discriminator_steps,
        )
        self.loss = losses.get(loss)
        if self.loss.takes != self.scores:
            raise GanzooError(
                f"the loss '{self.loss.name}' works on {self.loss.takes}, "
                f"this model's discriminator gives {self.scores}"
            )
        self.penalties = [losses.get_penalty(penalty) for penalty in penalties]
        self.augmentations = [get_augmentation(augmentation) for augmentation in augmentations]
        has_content = type(self).content_loss is not AdversarialModel.content_loss
        self.is_adversarial = bool(self.adversarial_weight or self.matches_features or not has_content)
        if not self.is_adversarial and self.discriminator_steps > 1:
            raise GanzooError("discriminator_steps: with an adversarial_weight of 0 the discriminator is not trained")
        if self.matches_features:
            features = regularizers.features_of(self.discriminator)
            network = keras.Model(self.discriminator.input, [features, self.discriminator.output])
            # A function: Keras would track the network itself, and save the discriminator's layers a second time.
            self._features_and_logits = functools.partial(network)
        names = (*self.generators, *self.discriminators) if self.historical_averaging else ()
        self.histories = {name: HistoricalAverage(self.networks[name], name=f"{name}_history") for name in names}
        super().compile({"d_loss": discriminator_optimizer, "g_loss": generator_optimizer}, **settings)
        others = {name: value for name, value in self._settings.items() if name != "optimizer"}
        self._settings = dict(
            generator_optimizer=self.generator_optimizer,
            discriminator_optimizer=self.discriminator_optimizer,
            loss=self.loss,
            penalties=self.penalties,
            augmentations=self.augmentations,
            **others,
        )

    @property
    def matches_features(self) -> bool:
        """Whether the generator's loss compares features of real and generated examples."""
        return bool(self.feature_matching or self.moment_matching)

    @property
    def reported_metrics(self) -> tuple[str, ...]:
        return (*self.loss.reported, *self.reported) if self.is_adversarial else self.reported

    @property
    def generator_optimizer(self) -> keras.optimizers.Optimizer:
        """The Keras optimizer of the generators."""
        return self.optimizers["g_loss"]

    @property
    def discriminator_optimizer(self) -> keras.optimizers.Optimizer:
        """The Keras optimizer of the discriminators."""
        return self.optimizers["d_loss"]

    def before_training(self, x: Any, y: Any) -> Any:
        return take_reference_batches(self, x, y)
