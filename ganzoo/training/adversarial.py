"""The one training class of the package.

Every model is an `AdversarialModel`: a generator, a discriminator and what they are called in its
paper. The game they play, Algorithm 1 of Goodfellow et al. 2014 (arXiv:1406.2661), is `play`
with `take_turns` below and stands nowhere else.
"""

import functools
import inspect
import math
import threading
import warnings
from typing import Annotated

import keras
import numpy as np
from keras import ops
from pydantic import Field

from ganzoo import backend, losses
from ganzoo.config import (
    AtLeastOne,
    NotNegative,
    Seed,
    check_model_arguments,
    parameters_of,
    validated_arguments,
)
from ganzoo.errors import GanzooError
from ganzoo.losses import feature_matching
from ganzoo.networks import cures
from ganzoo.training import optimizers
from ganzoo.training.augmentations import get_augmentation
from ganzoo.training.averages import HistoricalAverage, move_average
from ganzoo.training.batches import (
    FirstBatch,
    as_arrays,
    first_examples,
    keep_validation,
    parts_of,
    refuse_weights,
    split,
    unpadded,
    with_condition,
    with_known_shapes,
)
from ganzoo.training.callbacks.standard import prepared
from ganzoo.training.noise import Noise
from ganzoo.training.saving import Saving


class _Step(threading.local):
    """What a step has recorded and drawn; a strategy's replicas are threads that take turns in the middle of it."""

    # (batch, its real examples and condition, what was drawn for them) while both players share these.
    shared = None


class AdversarialModel(Saving, keras.Model):
    """A generator and a discriminator that train each other.

    What draws from latent vectors is a `LatentModel`, this class with everything it needs. Any other game
    builds its networks, hands them over and defines the hooks `split_batch`, `generator_inputs`, `judged` and
    `content_loss`, or `discriminator_loss` and `generator_loss` as a whole; never `train_step`.

    Args:
        generator: functional Keras model; from `generator_inputs` to what the discriminator judges.
        discriminator: functional Keras model; from `judged` to logits (batch, 1). None trains the generator
            alone, on its `content_loss`.
        discriminator_cures: list of changes to the discriminator: "spectral_normalization",
            "minibatch_discrimination", "virtual_batch_normalization", or {"name": ..., argument: value}
            (see `ganzoo.networks.cures`).
        generator_cures: the same for the generator.
        **options: of `keras.Model`, e.g. `name`.

    Attributes:
        generator: the network being trained.
        ema_generator: the exponential moving average of its weights and batch statistics; this is
            what `call`, `generate` and `export` use.
        discriminator: its opponent.
        preset: name of the preset the model came from, or None.

    Example:
        @ganzoo.register("denoiser")
        class Denoiser(ganzoo.AdversarialModel):
            def __init__(self):
                super().__init__(my_generator(), my_discriminator())

            def split_batch(self, batch):
                noisy, clean = batch
                return clean, noisy

            def generator_inputs(self, count, condition):
                return condition

            noiseless = True  # the same drawing for both networks: a pass less through the generator
    """

    model_name = None
    # Which function of ganzoo.data feeds it.
    data_kind = "images"
    # Arguments that make a copy small enough for tests, and settings of compile() that let it train without a download.
    small = {}
    small_compile = {}
    # Figures that a model's own hooks `record`, besides d_loss, g_loss and what its loss reports.
    reported = ()
    # What the discriminator's numbers are: "logits", or "errors" of an auto-encoder. A loss says which it takes.
    scores = "logits"
    # A model says so whose generator has nothing but the condition to draw from: both players then share one drawing a
    # step, for the batch that is given to both of their losses. Algorithm 1 of Goodfellow et al. has one for each.
    noiseless = False
    # Whether all examples of training have one shape, the same for every data set.
    has_fixed_shapes = False

    def __new__(cls, *args, **kwargs):
        if keras.config.image_data_format() != "channels_last":
            raise GanzooError(
                "pictures have their channels last here, Keras is set to channels_first: call "
                "keras.config.set_image_data_format('channels_last'), or change ~/.keras/keras.json"
            )
        model = super().__new__(cls, *args, **kwargs)
        bound = inspect.signature(cls.__init__).bind(model, *args, **kwargs)
        bound.apply_defaults()
        arguments = dict(bound.arguments)
        arguments.pop("self")
        for name, parameter in inspect.signature(cls.__init__).parameters.items():
            if parameter.kind is inspect.Parameter.VAR_KEYWORD:
                arguments.update(arguments.pop(name, {}))
        # Files know no difference between lists and tuples.
        arguments = {name: tuple(value) if isinstance(value, list) else value for name, value in arguments.items()}
        check_model_arguments(arguments, cls.model_name or cls.__name__)
        object.__setattr__(model, "arguments", arguments)
        object.__setattr__(model, "_current", _Step())
        return model

    def __init__(
        self,
        generator,
        discriminator,
        discriminator_cures: list = (),
        generator_cures: list = (),
        **options,
    ):
        super().__init__(**options)
        self.preset = None
        self.generator = cures.cured(generator, generator_cures, "generator_cures")
        if discriminator is None and discriminator_cures:
            raise GanzooError(f"discriminator_cures: {type(self).__name__} trains without a discriminator")
        self.discriminator = discriminator and cures.cured(discriminator, discriminator_cures, "discriminator_cures")
        # Here and not in compile(): a model loaded without its compile settings must draw the same pictures.
        self.ema_generator = keras.models.clone_model(self.generator)
        self.ema_generator.set_weights(self.generator.get_weights())
        self.ema_generator.trainable = False
        self.trackers = {}
        self._own_settings = {}
        # What compile() was given. Keras calls a model compiled also where `compile_from_config` left it as it was.
        self._settings = None
        # Not an optimizer's count, which leaves out the steps that loss scaling skips.
        self.step = self.add_weight(shape=(), initializer="zeros", dtype="int32", trainable=False, name="step")
        self.built = True

    # The hooks.

    def split_batch(self, batch):
        """(real examples, condition or None) of one batch of the data set; a model without a
        condition ignores labels that come with its pictures."""
        name = self.model_name or type(self).__name__
        return parts_of(batch, 2, name, "examples, or pairs (examples, labels)")[0], None

    def generator_inputs(self, count, condition):
        """What the generator turns into `count` examples during training; the one hook without a default."""
        raise NotImplementedError(f"{type(self).__name__} must define generator_inputs()")

    def judged(self, examples, condition):
        """What the discriminator is shown of real or generated examples: both, where there is a condition."""
        return with_condition(examples, condition)

    def content_loss(self, real, fake):
        """What the generator lowers besides the adversarial loss: a scalar, of its batch and the real one beside it."""
        return 0.0

    def _examples(self, batch):
        """What `split_batch` says of a batch; of one that both players share what it said the first time."""
        if self._current.shared is not None and self._current.shared[0] is batch:
            return self._current.shared[1]
        return self.split_batch(batch)

    def discriminator_loss(self, batch, training=True):
        """The loss of one discriminator step, a scalar: mean over this replica's batch."""
        real, condition = self._examples(batch)
        fake = self.opponents(real, condition, training)
        real, fake = self.augmented(real), self.augmented(fake)
        real_logits = self.discriminator(self.judged(real, condition), training=training)
        fake_logits = self.discriminator(self.judged(fake, condition), training=training)
        self.record(**self.loss.report(real_logits, fake_logits))
        return self.loss.discriminator(real_logits, fake_logits) + self.penalty(real, fake, condition, training)

    def opponents(self, real, condition, training=True):
        """As many generated examples as there are real ones, for the discriminator: no gradient goes through them."""
        with backend.no_gradients():
            return keras.tree.map_structure(ops.stop_gradient, self.drawn(real, condition, training))

    def drawn(self, real, condition, training=True):
        """As many generated examples as there are real ones; a `noiseless` model's are the same for both players."""
        if self._current.shared is not None:
            _, (_, known), drawing = self._current.shared
            # What was drawn for another condition is no answer to this one.
            if condition is known:
                return drawing
        return self.generator(self.generator_inputs(ops.shape(real)[0], condition), training=training)

    def augmented(self, pictures):
        """The pictures after all augmentations that `compile` was given."""
        for augmentation in self.augmentations:
            pictures = augmentation(pictures, self.noise)
        return pictures

    def generator_loss(self, batch, training=True):
        """The loss of one generator step, a scalar: mean over this replica's batch."""
        real, condition = self._examples(batch)
        fake = self.drawn(real, condition, training)
        content = self.content_loss(real, fake)
        if not self.plays:
            return content
        fake = self.judged(self.augmented(fake), condition)
        if self.feature_matching:
            features, logits = self._features_and_logits(fake, training=training)
            shown = self.judged(self.augmented(real), condition)
            real_features, _ = self._features_and_logits(shown, training=training)
            content = content + self.feature_matching * feature_matching(real_features, features)
        else:
            logits = self.discriminator(fake, training=training)
        self.record(fake_score=ops.mean(logits))
        return content + self.adversarial_weight * self.loss.generator(logits)

    def penalty(self, real, fake, condition=None, training=True):
        """The sum of the penalties `compile` was given, on a batch of real and of generated pictures."""

        def discriminator(pictures):
            return self.discriminator(self.judged(pictures, condition), training=training)

        return sum(
            (penalty(discriminator, real, fake, self.noise, backend.input_gradient) for penalty in self.penalties), 0.0
        )

    def record(self, **values):
        """Notes values of this step for `after_step`, and reports those whose names are in `reported`."""
        self._current.recorded.update(values)
        for name, value in values.items():
            if name in self.trackers:
                self.trackers[name].update_state(value)

    def after_step(self, recorded):
        """What a model does when both networks have taken their steps.

        Args:
            recorded: {name: scalar} of this step, of this replica; of several discriminator steps the last.
        """

    # Compiling.

    def compile(
        self,
        # What GANs have been trained with since Radford et al. 2015 (arXiv:1511.06434).
        generator_optimizer: object = {"name": "adam", "learning_rate": 2e-4, "beta_1": 0.5},
        discriminator_optimizer: object = {"name": "adam", "learning_rate": 2e-4, "beta_1": 0.5},
        loss: object = "non_saturating",
        penalties: list = (),
        augmentations: list = (),
        adversarial_weight: NotNegative = 1.0,
        feature_matching: NotNegative = 0.0,
        historical_averaging: NotNegative = 0.0,
        discriminator_steps: AtLeastOne = 1,
        ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.999,
        seed: Seed = 0,
        synchronized_batch_norm: bool = False,
        run_eagerly: bool = False,
        jit_compile: bool = False,
        steps_per_execution: AtLeastOne = 1,
        optimizer: object = None,
    ):
        """Sets how the model trains.

        Args:
            generator_optimizer: a Keras optimizer, its name, or {"name": "adam", "learning_rate": 2e-4}.
            discriminator_optimizer: the same.
            loss: name of an adversarial loss, {"name": ..., argument: ...}, or an `AdversarialLoss`.
            penalties: list of penalties on the discriminator's gradient, each a name, {"name": ...,
                "weight": ...} or a `ganzoo.losses.Penalty`.
            augmentations: list of changes to real and generated pictures before the discriminator sees them:
                "instance_noise", "diffaugment" (see `ganzoo.training.augmentations`), as above.
            adversarial_weight: factor of the loss in what the generator lowers; with 0 (and no feature matching) a
                model with a `content_loss` learns by that alone, and its discriminator rests.
            feature_matching: factor of `ganzoo.losses.feature_matching` in it, on the features that go into the
                discriminator's last layer, or an auto-encoder's code; Salimans et al. 2016 have it alone, with an
                `adversarial_weight` of 0.
            historical_averaging: factor of |weights - their mean over all steps|^2 in both losses (section 3.2 there).
            discriminator_steps: the k of Algorithm 1; each step sees fresh pictures and fresh noise.
            ema_decay: of the generator's moving average, in [0, 1); warmed up over the first steps.
                0 makes the average the generator itself.
            seed: of the noise during training.
            synchronized_batch_norm: batch norm over the pictures of all devices and not of each by itself: slower, and
                what the same batch on one device would give.
            run_eagerly, jit_compile, steps_per_execution: as in `keras.Model.compile`. `jit_compile`
                needs a single device, and not PyTorch.
            optimizer: another name of `generator_optimizer`, for models without a discriminator alone.

        Raises:
            GanzooError: an unknown loss or optimizer, a number out of range, one optimizer for two networks, or a call
                outside of the scope of the strategy that the model was made in.
        """
        if optimizer is not None:
            if self.discriminator is not None:
                raise GanzooError(
                    "compile() takes no 'optimizer', since two networks train: set generator_optimizer and "
                    "discriminator_optimizer, each 'adam', say, or {'name': 'adam', 'learning_rate': 2e-4}"
                )
            generator_optimizer = optimizer
        numbers = dict(
            adversarial_weight=adversarial_weight,
            feature_matching=feature_matching,
            historical_averaging=historical_averaging,
            discriminator_steps=discriminator_steps,
            ema_decay=ema_decay,
            seed=seed,
            synchronized_batch_norm=synchronized_batch_norm,
            steps_per_execution=steps_per_execution,
        )
        numbers = validated_arguments(parameters_of(AdversarialModel.compile), numbers, "compile()")
        if problem := backend.unsupported(self.dtype_policy.name, numbers["steps_per_execution"], jit_compile):
            raise GanzooError(problem)
        if self._replicas > backend.replica_count():
            raise GanzooError("the model was made in the scope of a strategy: call compile() in it too")
        if (
            isinstance(generator_optimizer, keras.optimizers.Optimizer)
            and generator_optimizer is discriminator_optimizer
        ):
            raise GanzooError("each network needs an optimizer of its own: make two, they keep state of their weights")
        self.generator_optimizer = self._optimizer(generator_optimizer, self.generator, "generator_optimizer")
        self.discriminator_optimizer = self.discriminator and self._optimizer(
            discriminator_optimizer, self.discriminator, "discriminator_optimizer"
        )
        super().compile(
            optimizer=optimizers.ModelOptimizer(
                one for one in (self.generator_optimizer, self.discriminator_optimizer) if one is not None
            ),
            run_eagerly=run_eagerly,
            jit_compile=jit_compile or (backend.ALWAYS_COMPILED and not run_eagerly),
            steps_per_execution=numbers["steps_per_execution"],
            auto_scale_loss=False,
        )
        # Keras' own tracker of one supervised loss would report a meaningless "loss: 0".
        self._loss_tracker = None
        self.loss = losses.get(loss)
        if self.loss.takes != self.scores:
            raise GanzooError(
                f"the loss '{self.loss.name}' works on {self.loss.takes}, "
                f"this model's discriminator gives {self.scores}"
            )
        heard = numbers["adversarial_weight"] or numbers["feature_matching"]
        content = type(self).content_loss is not AdversarialModel.content_loss
        self.plays = self.discriminator is not None and bool(heard or not content)
        if self.discriminator is not None and not self.plays and numbers["discriminator_steps"] > 1:
            raise GanzooError("discriminator_steps: with an adversarial_weight of 0 the discriminator rests")
        names = ("g_loss", *self.reported)
        if self.plays:
            names = ("d_loss", "g_loss", *self.loss.reported, *self.reported)
        self.trackers = {name: keras.metrics.Mean(name=name) for name in names}
        self.penalties = [losses.get_penalty(penalty) for penalty in penalties]
        self.augmentations = [get_augmentation(augmentation) for augmentation in augmentations]
        self.adversarial_weight = numbers["adversarial_weight"]
        self.feature_matching = numbers["feature_matching"]
        if self.feature_matching:
            features = cures.features_of(self.discriminator)
            network = keras.Model(self.discriminator.input, [features, self.discriminator.output])
            # Past Keras, which would save the discriminator's layers a second time.
            object.__setattr__(self, "_features_and_logits", network)
        self.historical_averaging = numbers["historical_averaging"]
        self.histories = []
        if self.historical_averaging:
            networks = [network for network in (self.generator, self.discriminator) if network is not None]
            self.histories = [HistoricalAverage(network, name=f"{network.name}_history") for network in networks]
        self.discriminator_steps = numbers["discriminator_steps"]
        self.ema_decay = numbers["ema_decay"]
        self.noise = Noise(numbers["seed"])
        for network in (self.generator, self.discriminator):
            if network is not None:
                cures.synchronize_batch_norm(network, numbers["synchronized_batch_norm"])
        self._settings = dict(
            generator_optimizer=self.generator_optimizer,
            discriminator_optimizer=self.discriminator_optimizer,
            loss=self.loss,
            penalties=self.penalties,
            augmentations=self.augmentations,
            run_eagerly=run_eagerly,
            jit_compile=jit_compile,
            **numbers,
            **self._own_settings,
        )

    def keep_settings(self, compile, **values):
        """What a subclass's own `compile` takes besides: checked against its annotations, kept as attributes and in
        files. Called before the parent's `compile`."""
        given = validated_arguments(parameters_of(compile), values, "compile()")
        for name, value in given.items():
            setattr(self, name, value)
        self._own_settings.update(given)

    def _optimizer(self, optimizer, network, which):
        optimizer = optimizers.get(optimizer, which)
        if self.dtype_policy.name == "mixed_float16" and not isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        # Built here: an optimizer that makes its variables inside the step breaks MirroredStrategy.
        optimizer.build(network.trainable_variables)
        return optimizer

    @property
    def metrics(self):
        return list(self.trackers.values())

    @property
    def steps(self):
        """Training steps taken so far: generator updates. Saved and restored with the model."""
        backend.settle(self)
        return int(ops.cast(self.step, "int32"))

    # The game.

    def fit(self, x=None, y=None, batch_size=None, **options):
        """Trains the model; as `keras.Model.fit`.

        One step takes `discriminator_steps` batches, so with more than one an epoch has that many
        times fewer steps.

        Args:
            x: a `tf.data.Dataset` (see `ganzoo.data`), `keras.utils.PyDataset`, generator or PyTorch `DataLoader` of
                batches: images (batch, height, width, channels), float32 in [-1, 1], or what else the model's
                `split_batch` takes; or a NumPy array of such images. Of an array all values are checked, of anything
                else those of the first batch.
            y: where `x` is an array, what comes second in a batch: labels, say. Tensors are taken as arrays.
            batch_size: images per batch where `x` is an array; 32 if not given.
            **options: of `keras.Model.fit`, e.g. `epochs`, `callbacks`, `validation_data`. `sample_weight` and
                `class_weight` are refused. Callbacks that change `model.optimizer.learning_rate` change those of both
                networks in proportion; `TerminateOnNaN` looks at all losses, and a callback that monitors one of them,
                say `EarlyStopping(monitor="val_g_loss")`, takes a lower value for a better one.

        Returns:
            `keras.callbacks.History` of d_loss, g_loss, d_real and d_fake, means of each epoch.

        Raises:
            GanzooError: data that the model cannot learn from: values outside of [-1, 1], another type or shape, labels
                that are no classes, dictionaries, weights of examples; a model that is not compiled.

        Warns:
            UserWarning: all values of the images lie in [0, 1].

        Example:
            model.compile()
            model.fit(ganzoo.data.images("digits", image_shape=(32, 32, 1), upscale=True), epochs=5)
        """
        if self._settings is None:
            raise GanzooError("call model.compile() before model.fit()")
        refuse_weights(**{name: options.pop(name, None) for name in ("sample_weight", "class_weight")})
        options["callbacks"] = prepared(options.get("callbacks"), [name for name in self.trackers if "loss" in name])
        first = FirstBatch(self.check_batch)
        with first.errors():
            x, y = self._readable(x, y, first)
            if options.get("validation_data") is not None:
                options["validation_data"] = self._readable(*_validation(options["validation_data"]), first)
            return self._fit(x, y, batch_size, options)

    def evaluate(self, x=None, y=None, batch_size=None, verbose="auto", sample_weight=None, **options):
        """The losses and scores on data, of both networks as they are; no weight changes. As `keras.Model.evaluate`.

        Args:
            x, y, batch_size: as `fit`.
            verbose, **options: of `keras.Model.evaluate`, e.g. `steps`, `return_dict`.
            sample_weight: refused.

        Returns:
            A list of d_loss, g_loss, d_real and d_fake in the order of `model.metrics_names`, or with
            `return_dict=True` a dictionary.

        Raises:
            GanzooError: as `fit`.

        Example:
            losses = model.evaluate(images, return_dict=True)
        """
        if self._settings is None:
            raise GanzooError("call model.compile() before model.evaluate()")
        refuse_weights(sample_weight=sample_weight)
        first = FirstBatch(self.check_batch)
        with first.errors():
            # What fit() validates with has been checked.
            if not options.get("_use_cached_eval_dataset"):
                x, y = self._readable(x, y, first)
            return super().evaluate(x, y, batch_size=batch_size, verbose=verbose, **options)

    def train_on_batch(self, x, y=None, sample_weight=None, class_weight=None, return_dict=False):
        """A step on one batch, not checked; as `keras.Model.train_on_batch`, without weights of examples."""
        refuse_weights(sample_weight=sample_weight, class_weight=class_weight)
        return super().train_on_batch(x, y, return_dict=return_dict)

    def test_on_batch(self, x, y=None, sample_weight=None, return_dict=False):
        """The losses of one batch, not checked; as `keras.Model.test_on_batch`, without weights of examples."""
        refuse_weights(sample_weight=sample_weight)
        return super().test_on_batch(x, y, return_dict=return_dict)

    def _readable(self, x, y, first):
        """(x, y) as Keras reads them, checked: arrays at once, data sets when their first batch comes."""
        x, y = as_arrays(x, y)
        x = with_known_shapes(x, self.has_fixed_shapes)
        self.check_data(x, y)
        if isinstance(x, dict):
            self.check_batch(x)
        return first.watched(x), y

    def check_batch(self, batch):
        """Refuses a batch of arrays that `fit` cannot learn from, by its values too; what it does to the first one."""
        parts = batch if isinstance(batch, (tuple, list)) else (batch,)
        # What comes third, and dictionaries, are the business of split_batch().
        if len(parts) < 3 and not isinstance(batch, dict):
            self.check_data(*parts)
        # Before a graph is made of it: on JAX what fails within fit() loses the model's weights.
        self.split_batch(keras.tree.map_structure(ops.convert_to_tensor, batch))

    def _fit(self, x, y, batch_size, options):
        if not isinstance(x, (np.ndarray, keras.utils.PyDataset)) or hasattr(x, "element_spec"):
            # Keras would warn that it does not shuffle it.
            options.setdefault("shuffle", False)
        if hasattr(x, "element_spec"):
            x = backend.training_data(x, self.discriminator_steps, self._replicas)
        elif isinstance(x, np.ndarray):
            x, y = keep_validation(x, y, options)
            options.setdefault("validation_batch_size", batch_size or 32)
            batch_size = (batch_size or 32) * self.discriminator_steps
            if batch_size % self._replicas:
                raise GanzooError(f"{self._replicas} devices cannot share batches of {batch_size} evenly")
            if len(x) > batch_size or self.discriminator_steps > 1 or self._replicas > 1:
                # A last batch of a few pictures could not be shared, and its batch norm would mean little.
                whole = len(x) // batch_size * batch_size
                if not whole:
                    raise GanzooError(f"{len(x)} pictures are fewer than the {batch_size} that one step takes")
                x, y = x[:whole], None if y is None else y[:whole]
        elif self.discriminator_steps > 1:
            raise GanzooError(
                f"discriminator_steps={self.discriminator_steps} takes a data set of ganzoo.data, a tf.data.Dataset or "
                f"arrays, got {type(x).__name__}: how many pictures each step is to see cannot be told from its batches"
            )
        x = self._take_references(x, y)
        with warnings.catch_warnings():
            if not options.get("steps_per_epoch"):
                # Keras says so of any data set whose length it learns only by its end.
                warnings.filterwarnings("ignore", "Your input ran out of data")
            return super().fit(x, y, batch_size=batch_size, **options)

    @property
    def _replicas(self):
        strategy = getattr(self, "distribute_strategy", None)
        return strategy.num_replicas_in_sync if strategy else 1

    def _take_references(self, x, y):
        """Gives networks with virtual batch normalization their reference batches, the first time they train.

        Returns:
            x, with what was read of it still in it.
        """
        references = [
            (inputs, *reference)
            for network, inputs in ((self.discriminator, self._real_inputs), (self.generator, self._fake_inputs))
            for reference in (cures.reference_batches(network) if network else ())
            if not reference[1].is_taken
        ]
        if references:
            size = max(layer.size for _, _, layer in references)
            batch, x = first_examples(x, y, size)
            for inputs, place, layer in references:
                layer.take(keras.tree.flatten(inputs(batch))[place])
            self.ema_generator.set_weights(self.generator.get_weights())
        return x

    def _real_inputs(self, batch):
        return self.judged(*self.split_batch(batch))

    def _fake_inputs(self, batch):
        real, condition = self.split_batch(batch)
        self.noise.start_step(-1)
        return self.generator_inputs(len(real), condition)

    def make_train_function(self, force=False):
        self.prepare()
        return super().make_train_function(force)

    def make_test_function(self, force=False):
        self.prepare()
        return super().make_test_function(force)

    def train_step(self, *data):
        """What `fit` calls; the game itself is `play`."""
        return backend.train_step(self, *data)

    def test_step(self, *data):
        """What `evaluate` calls; the losses themselves are `watch`."""
        return backend.test_step(self, *data)

    def play(self, data):
        """One step of the game: k discriminator steps, each on its own part of the batch and its own noise, then one
        generator step and one step of the average."""
        data = unpadded(data)
        self._current.recorded = {}
        self.noise.start_step(backend.after(data, self.step))

        def minimize(loss_function, optimizer, network):
            return backend.minimize(
                lambda: loss_function() + self._strayed(network),
                optimizer,
                network.trainable_variables,
                self._current.recorded,
            )

        g_loss = self.take_turns(split(data, self.discriminator_steps), minimize)
        self.after_step(self._current.recorded)
        backend.share_statistics(self._statistics)
        backend.update([(self.step, self.step)], lambda step, _: backend.after(g_loss, step) + 1)
        move_average(self.ema_generator, self.generator, self.step, self.ema_decay)
        for network, history in self._histories():
            history.take(network)
        return backend.logged({name: tracker.result() for name, tracker in self.trackers.items()})

    def take_turns(self, parts, minimize):
        """The steps of both players and nothing else.

        Args:
            parts: a batch for each of the discriminator's; the generator sees the last one.
            minimize: function of (function that gives a loss, optimizer, network) that takes one step and returns the
                loss.

        Returns:
            The generator's loss.
        """

        def discriminator_step(part):
            loss_function = functools.partial(self.discriminator_loss, part)
            self.record(d_loss=minimize(loss_function, self.discriminator_optimizer, self.discriminator))

        def generator_loss():
            if not shared:
                return self.generator_loss(parts[-1])
            # The discriminator's step within the generator's: it learns from the drawing that it judges next.
            examples = self.split_batch(parts[-1])
            self._current.shared = parts[-1], examples, self.drawn(*examples)
            try:
                discriminator_step(parts[-1])
                return self.generator_loss(parts[-1])
            finally:
                self._current.shared = None

        shared = self.plays and self.noiseless
        for part in (parts[:-1] if shared else parts) if self.plays else ():
            discriminator_step(part)
        g_loss = minimize(generator_loss, self.generator_optimizer, self.generator)
        self.record(g_loss=g_loss)
        return g_loss

    @property
    def _statistics(self):
        """What the networks' layers keep beside their weights: means and variances, say."""
        networks = [network for network in (self.generator, self.discriminator) if network is not None]
        return [one for network in networks for one in network.non_trainable_variables if "float" in one.dtype]

    def _histories(self):
        """[(network, its `HistoricalAverage`)]; empty without historical averaging."""
        return zip((self.generator, self.discriminator), self.histories)

    def _strayed(self, network):
        """The cost of the network's distance from its historical average."""
        return self.historical_averaging * sum(
            history.distance(owner) for owner, history in self._histories() if owner is network
        )

    def watch(self, data):
        """The losses and scores of a batch; no weight changes."""
        data = unpadded(data)
        self._current.recorded = {}
        # The number of batches seen since evaluate() began: each gets its own noise, every evaluation the same.
        self.noise.start_step(backend.after(data, self.trackers["g_loss"].count))
        if self.plays:
            self.record(d_loss=self.discriminator_loss(data, training=False))
        self.record(g_loss=self.generator_loss(data, training=False))
        return backend.logged({name: tracker.result() for name, tracker in self.trackers.items()})

    # Inference.

    def call(self, inputs, training=False):
        """What the averaged generator makes of its inputs."""
        return self.ema_generator(inputs, training=False)

    def export(self, filepath, overwrite=False):
        """Writes the averaged generator as a SavedModel that serves without this package.

        The written model is loaded again and must draw the same pictures, or nothing is left behind.

        Args:
            filepath: folder to make.
            overwrite: replace a SavedModel that is already there.

        Raises:
            GanzooError: the folder exists, or the written model differs.

        Example:
            model.export("mine_savedmodel")
            # elsewhere, of a model that draws from latents, float32 (count, latent_dim):
            served = tf.saved_model.load("mine_savedmodel")
            pictures = served.serve(latents)           # float32 (count, height, width, channels) in [-1, 1]
        """
        from ganzoo.export import export_savedmodel

        export_savedmodel(self, filepath, overwrite=overwrite)

    # What a run, a test or a benchmark asks of any model.

    def data_arguments(self):
        """Arguments of the data function that follow from the model."""
        return {}

    def prepare(self):
        """Loads what the losses need besides the two networks; called before anything is compiled to a graph.

        Raises:
            GanzooError: it is not there.
        """

    def check_data(self, data, targets=None):
        """Refuses what `fit` cannot learn from, its `x` and `y`, before the middle of a network does.

        Raises:
            GanzooError: says what to give instead.
        """
        if data is None or isinstance(data, (str, bytes)):
            raise GanzooError(
                f"fit() takes a data set or arrays, e.g. of ganzoo.data.{self.data_kind}(...), got {data!r}"
            )

    def example_inputs(self, count, seed=0):
        """Inputs of the generator, a list of arrays: what an export is checked with. Normal numbers, or zeros where it
        takes whole ones; 16 along what may have any length."""
        rng = np.random.default_rng(seed)
        shapes = [[count, *(size or 16 for size in tensor.shape[1:])] for tensor in self.generator.inputs]
        return [
            (rng.standard_normal(shape) if "float" in tensor.dtype else np.zeros(shape)).astype(tensor.dtype)
            for tensor, shape in zip(self.generator.inputs, shapes)
        ]

    def preview(self, feed, count):
        """Pictures that show how far the training is, uint8 (up to count, height, width, channels); from a `Feed` of
        `ganzoo.data`, always the same ones. None where there is nothing to show."""
        return None

    def measure(self, feed, evaluation):
        """How the training's quality is measured.

        Args:
            feed: the `Feed` of the training data.
            evaluation: the section `evaluation` of a config.

        Returns:
            A `ganzoo.training.measure.Measure`, or None to measure nothing.

        Raises:
            GanzooError: settings that do not fit the model.
        """
        return None

    def collapsed(self):
        """Whether everything the model makes has become alike; for models that could."""
        return False


def _validation(data):
    """(x, y) of `fit`'s validation_data.

    Raises:
        GanzooError: weights of examples.
    """
    parts = tuple(data) if isinstance(data, (tuple, list)) else (data,)
    if len(parts) > 2:
        refuse_weights(sample_weight=parts[2])
    return (*parts, None)[:2]


def describe_networks(model):
    """The sizes of a model's networks in words."""
    networks = [network for network in (model.generator, model.discriminator) if network is not None]
    sizes = (f"{n.name} {sum(math.prod(variable.shape) for variable in n.weights):,}" for n in networks)
    return f"{' and '.join(sizes)} parameters"
