"""The one training class of the package.

Every model is an `AdversarialModel`: a generator, a discriminator and what they are called in its
paper. The game they play, Algorithm 1 of Goodfellow et al. 2014 (arXiv:1406.2661), is `train_step`
below and stands nowhere else.
"""

import inspect
import math
import threading
import warnings
from typing import Annotated

import keras
import numpy as np
from keras import ops
from pydantic import Field

from ganzoo import losses
from ganzoo.config import AtLeastOne, NotNegative, Seed, parameters_of, validated_arguments
from ganzoo.errors import GanzooError, at_least_one
from ganzoo.losses import feature_matching
from ganzoo.networks import cures
from ganzoo.networks.features import feature_network
from ganzoo.training import backend, optimizers
from ganzoo.training.augmentations import get_augmentation
from ganzoo.training.noise import Noise


class AdversarialModel(keras.Model):
    """A generator and a discriminator that train each other.

    A model of one's own builds its networks and hands them over; everything else has a default
    that fits a generator from noise. It may then override the hooks `generator_inputs`,
    `discriminator_loss` and `generator_loss`, never `train_step`.

    Args:
        generator: functional Keras model; from `generator_inputs` to pictures in [-1, 1].
        discriminator: functional Keras model; from pictures to logits (batch, 1).
        latent_dim: length of the latent vector.
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
        @ganzoo.register("mygan")
        class MyGAN(ganzoo.AdversarialModel):
            def __init__(self, image_shape=(32, 32, 3), latent_dim=64):
                super().__init__(my_generator(latent_dim), my_discriminator(image_shape), latent_dim)
    """

    model_name = None
    # Which function of ganzoo.data feeds it.
    data_kind = "images"
    # Arguments that make a copy small enough for tests and dry runs.
    small = {}
    # Figures that a model's own hooks `record`, besides d_loss, g_loss and what its loss reports.
    reported = ()
    # What the discriminator's numbers are: "logits", or "errors" of an auto-encoder. A loss says which it takes.
    scores = "logits"

    def __new__(cls, *args, **kwargs):
        model = super().__new__(cls, *args, **kwargs)
        bound = inspect.signature(cls.__init__).bind(model, *args, **kwargs)
        bound.apply_defaults()
        arguments = dict(bound.arguments)
        arguments.pop("self")
        for name, parameter in inspect.signature(cls.__init__).parameters.items():
            if parameter.kind is inspect.Parameter.VAR_KEYWORD:
                arguments.update(arguments.pop(name, {}))
        object.__setattr__(model, "arguments", arguments)
        # What a step has recorded; the replicas of a strategy are threads that take turns in the middle of it.
        object.__setattr__(model, "_current", threading.local())
        return model

    def __init__(
        self,
        generator,
        discriminator,
        latent_dim,
        discriminator_cures: list = (),
        generator_cures: list = (),
        **options,
    ):
        at_least_one(latent_dim=latent_dim)
        super().__init__(**options)
        self.latent_dim = int(latent_dim)
        self.preset = None
        self.generator = cures.cured(generator, generator_cures, "generator_cures")
        self.discriminator = cures.cured(discriminator, discriminator_cures, "discriminator_cures")
        # Here and not in compile(): a model loaded without its compile settings must draw the same pictures.
        self.ema_generator = keras.models.clone_model(self.generator)
        self.ema_generator.set_weights(self.generator.get_weights())
        self.ema_generator.trainable = False
        self.trackers = {}
        # Not an optimizer's count, which leaves out the steps that loss scaling skips.
        self.step = self.add_weight(shape=(), initializer="zeros", dtype="int32", trainable=False, name="step")
        self.built = True

    # The hooks.

    @property
    def image_shape(self):
        """(height, width, channels) of a generated picture."""
        return tuple(self.generator.output_shape[1:])

    def split_batch(self, batch):
        """(real pictures, condition or None) of one batch of the data set; a model without a
        condition ignores labels that come with its pictures."""
        return (batch[0] if isinstance(batch, (tuple, list)) else batch), None

    def generator_inputs(self, count, condition):
        """What the generator turns into `count` pictures during training: fresh noise."""
        return with_condition(self.noise.normal((count, self.latent_dim)), condition)

    def discriminator_loss(self, batch, training=True):
        """The loss of one discriminator step, a scalar: mean over this replica's batch."""
        real, condition = self.split_batch(batch)
        fake = self.generator(self.generator_inputs(ops.shape(real)[0], condition), training=training)
        real, fake = self.augmented(real), self.augmented(fake)
        real_logits = self.discriminator(with_condition(real, condition), training=training)
        fake_logits = self.discriminator(with_condition(fake, condition), training=training)
        self.record(**self.loss.report(real_logits, fake_logits))
        return self.loss.discriminator(real_logits, fake_logits) + self.penalty(real, fake, condition, training)

    def augmented(self, pictures):
        """The pictures after all augmentations that `compile` was given."""
        for augmentation in self.augmentations:
            pictures = augmentation(pictures, self.noise)
        return pictures

    def generator_loss(self, batch, training=True):
        """The loss of one generator step, a scalar: mean over this replica's batch."""
        real, condition = self.split_batch(batch)
        fake = self.generator(self.generator_inputs(ops.shape(real)[0], condition), training=training)
        fake = with_condition(self.augmented(fake), condition)
        if not self.feature_matching:
            logits = self.discriminator(fake, training=training)
            self.record(fake_score=ops.mean(logits))
            return self.adversarial_weight * self.loss.generator(logits)
        fake_features, logits = self._features_and_logits(fake, training=training)
        real_features, _ = self._features_and_logits(with_condition(self.augmented(real), condition), training=training)
        loss = self.feature_matching * feature_matching(real_features, fake_features)
        return loss + self.adversarial_weight * self.loss.generator(logits)

    def penalty(self, real, fake, condition=None, training=True):
        """The sum of the penalties `compile` was given, on a batch of real and of generated pictures."""

        def discriminator(pictures):
            return self.discriminator(with_condition(pictures, condition), training=training)

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
        discriminator_steps: AtLeastOne = 1,
        ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.999,
        seed: Seed = 0,
        run_eagerly: bool = False,
        jit_compile: bool = False,
        steps_per_execution: AtLeastOne = 1,
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
            adversarial_weight: factor of the loss in what the generator lowers.
            feature_matching: factor of `ganzoo.losses.feature_matching` in it, on the features that go into the
                discriminator's last layer; Salimans et al. 2016 have it alone, with an `adversarial_weight` of 0.
            discriminator_steps: the k of Algorithm 1; each step sees fresh pictures and fresh noise.
            ema_decay: of the generator's moving average, in [0, 1); warmed up over the first steps.
                0 makes the average the generator itself.
            seed: of the noise during training.
            run_eagerly, jit_compile, steps_per_execution: as in `keras.Model.compile`. `jit_compile`
                needs a single device.

        Raises:
            GanzooError: an unknown loss or optimizer, or a number out of range.
        """
        numbers = dict(
            adversarial_weight=adversarial_weight,
            feature_matching=feature_matching,
            discriminator_steps=discriminator_steps,
            ema_decay=ema_decay,
            seed=seed,
            steps_per_execution=steps_per_execution,
        )
        numbers = validated_arguments(parameters_of(AdversarialModel.compile), numbers, "compile()")
        if (
            isinstance(generator_optimizer, keras.optimizers.Optimizer)
            and generator_optimizer is discriminator_optimizer
        ):
            raise GanzooError("each network needs an optimizer of its own: make two, they keep state of their weights")
        self.generator_optimizer = self._optimizer(generator_optimizer, self.generator, "generator_optimizer")
        self.discriminator_optimizer = self._optimizer(
            discriminator_optimizer, self.discriminator, "discriminator_optimizer"
        )
        super().compile(
            optimizer=self.generator_optimizer,
            run_eagerly=run_eagerly,
            jit_compile=jit_compile,
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
        names = ("d_loss", "g_loss", *self.loss.reported, *self.reported)
        self.trackers = {name: keras.metrics.Mean(name=name) for name in names}
        self.penalties = [losses.get_penalty(penalty) for penalty in penalties]
        self.augmentations = [get_augmentation(augmentation) for augmentation in augmentations]
        self.adversarial_weight = numbers["adversarial_weight"]
        self.feature_matching = numbers["feature_matching"]
        if self.feature_matching:
            features = cures.layer_before_output(self.discriminator, "feature_matching")
            network = keras.Model(self.discriminator.input, [features, self.discriminator.output])
            # Past Keras, which would save the discriminator's layers a second time.
            object.__setattr__(self, "_features_and_logits", network)
        self.discriminator_steps = numbers["discriminator_steps"]
        self.ema_decay = numbers["ema_decay"]
        self.noise = Noise(numbers["seed"])
        self._settings = dict(
            generator_optimizer=self.generator_optimizer,
            discriminator_optimizer=self.discriminator_optimizer,
            loss=self.loss,
            penalties=self.penalties,
            augmentations=self.augmentations,
            run_eagerly=run_eagerly,
            jit_compile=jit_compile,
            **numbers,
        )

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
        return int(ops.cast(self.step, "int32"))

    # The game.

    def fit(self, x=None, y=None, batch_size=None, **options):
        """Trains the model; as `keras.Model.fit`.

        One step takes `discriminator_steps` batches, so with more than one an epoch has that many
        times fewer steps.

        Args:
            x: a `tf.data.Dataset` of pictures (batch, height, width, channels), float32 in [-1, 1]
                (see `ganzoo.data`), or of tuples that begin with them; or a NumPy array of them.
            y: labels, where `x` is an array and the model takes a condition.
            batch_size: pictures per batch where `x` is an array; 32 if not given.
            **options: of `keras.Model.fit`, e.g. `epochs`, `callbacks`.

        Returns:
            `keras.callbacks.History` of d_loss, g_loss, d_real and d_fake, means of each epoch.

        Example:
            model.compile()
            model.fit(ganzoo.data.images("digits", image_shape=(32, 32, 1), upscale=True), epochs=5)
        """
        if not self.compiled:
            raise GanzooError("call model.compile() before model.fit()")
        self._check_shape(x)
        if hasattr(x, "element_spec"):
            options.setdefault("shuffle", False)
            x = backend.training_data(x, self.discriminator_steps)
        elif isinstance(x, np.ndarray):
            batch_size = (batch_size or 32) * self.discriminator_steps
            if len(x) > batch_size or self.discriminator_steps > 1:
                # A last batch of a few pictures could not be shared, and its batch norm would mean little.
                whole = len(x) // batch_size * batch_size
                if not whole:
                    raise GanzooError(f"{len(x)} pictures are fewer than the {batch_size} that one step takes")
                x, y = x[:whole], None if y is None else y[:whole]
        self._take_references(x, y)
        with warnings.catch_warnings():
            if not options.get("steps_per_epoch"):
                # Keras says so of any data set whose length it learns only by its end.
                warnings.filterwarnings("ignore", "Your input ran out of data")
            return super().fit(x, y, batch_size=batch_size, **options)

    def _take_references(self, x, y):
        """Gives networks with virtual batch normalization their reference batches, the first time they train."""
        references = [
            (inputs, *reference)
            for network, inputs in ((self.discriminator, self._real_inputs), (self.generator, self._latent_inputs))
            for reference in cures.reference_batches(network)
            if not reference[1].is_taken
        ]
        if references:
            size = max(layer.size for _, _, layer in references)
            batch = _first_examples(x, y, size)
            for inputs, place, layer in references:
                layer.take(keras.tree.flatten(inputs(batch))[place])
            self.ema_generator.set_weights(self.generator.get_weights())

    def _real_inputs(self, batch):
        return with_condition(*self.split_batch(batch))

    def _latent_inputs(self, batch):
        real, condition = self.split_batch(batch)
        self.noise.start_step(-1)
        return self.generator_inputs(len(real), condition)

    def train_step(self, data):
        """k discriminator steps, each on its own part of the batch and its own noise, then one
        generator step and one step of the average."""
        data = unpadded(data)
        self._current.recorded = {}
        self.noise.start_step(backend.after(data, self.step))
        parts = split(data, self.discriminator_steps)
        for part in parts:
            d_loss = backend.minimize(
                lambda part=part: self.discriminator_loss(part),
                self.discriminator_optimizer,
                self.discriminator.trainable_variables,
            )
            self.record(d_loss=d_loss)
        g_loss = backend.minimize(
            lambda: self.generator_loss(parts[-1]), self.generator_optimizer, self.generator.trainable_variables
        )
        self.record(g_loss=g_loss)
        self.after_step(self._current.recorded)
        backend.update([(self.step, self.step)], lambda step, _: backend.after(g_loss, step) + 1)
        self._update_average()
        return {name: tracker.result() for name, tracker in self.trackers.items()}

    def test_step(self, data):
        """The losses and scores of a batch; no weight changes."""
        data = unpadded(data)
        self._current.recorded = {}
        # The number of batches seen since evaluate() began: each gets its own noise, every evaluation the same.
        self.noise.start_step(self.trackers["d_loss"].count)
        d_loss = self.discriminator_loss(data, training=False)
        self.record(d_loss=d_loss, g_loss=self.generator_loss(data, training=False))
        return {name: tracker.result() for name, tracker in self.trackers.items()}

    def _update_average(self):
        """Moves the average towards the generator, batch statistics included. The decay starts low:
        at a fixed 0.999 the random first weights would colour the average for thousands of steps."""
        step = ops.cast(self.step, "float32")
        decay = ops.minimum(self.ema_decay, (1.0 + step) / (10.0 + step))
        pairs = [
            (average, current)
            for average, current in zip(self.ema_generator.variables, self.generator.variables)
            if "float" in average.dtype
        ]
        backend.update(pairs, lambda average, current: average + (1.0 - decay) * (current - average))

    # Inference.

    def call(self, inputs, training=False):
        """Pictures in [-1, 1] from latents, by the averaged generator."""
        return self.ema_generator(inputs, training=False)

    def generate(self, count=None, seed=None, latents=None, batch_size=64):
        """Draws pictures.

        Args:
            count: how many; not needed with `latents`.
            seed: integer: the same seed gives the same pictures, and a larger count begins with those
                of a smaller one. None draws new ones each time.
            latents: (count, latent_dim), float32, instead of random ones.
            batch_size: pictures made at a time, which bounds the memory.

        Returns:
            uint8 (count, height, width, channels).

        Raises:
            GanzooError: a count below 1, or latents of the wrong shape.

        Example:
            pictures = model.generate(16, seed=0)
        """
        return to_uint8(self._draw(self.latents(count, seed, latents), batch_size))

    def latents(self, count=None, seed=None, latents=None):
        """Random latents (count, latent_dim), float32, or the given ones, checked; as `generate`."""
        if latents is None:
            if not isinstance(count, (int, np.integer)) or isinstance(count, bool) or count < 1:
                raise GanzooError(f"count must be a whole number of at least 1, got {count!r}")
            if seed is not None and (not isinstance(seed, (int, np.integer)) or seed < 0):
                raise GanzooError(f"seed must be a whole number of at least 0, got {seed!r}")
            try:
                return np.random.default_rng(seed).standard_normal((count, self.latent_dim), dtype="float32")
            except (MemoryError, ValueError):
                raise GanzooError(f"{count} latents do not fit in memory: draw them in parts") from None
        try:
            latents = np.asarray(latents, "float32")
        except (TypeError, ValueError):
            raise GanzooError(f"latents are an array of numbers (count, {self.latent_dim}), got {latents!r}") from None
        if latents.ndim != 2 or latents.shape[1] != self.latent_dim or not len(latents):
            raise GanzooError(f"latents must have shape (count, {self.latent_dim}), got {latents.shape}")
        if not np.isfinite(latents).all():
            raise GanzooError("latents must be finite numbers")
        if count not in (None, len(latents)):
            raise GanzooError(f"count is {count}, but there are {len(latents)} latents")
        return latents

    def _draw(self, inputs, batch_size=64):
        """Pictures in [-1, 1] as NumPy, a batch at a time."""
        if not isinstance(batch_size, (int, np.integer)):
            raise GanzooError(f"batch_size must be a whole number, got {batch_size!r}")
        at_least_one(batch_size=batch_size)
        # Not predict(): under a strategy every replica would draw the same batch and all copies be returned.
        count = len(inputs[0] if isinstance(inputs, list) else inputs)
        parts = [
            keras.tree.map_structure(lambda array, i=i: array[i : i + batch_size], inputs)
            for i in range(0, count, batch_size)
        ]
        return np.concatenate([ops.convert_to_numpy(self(part)) for part in parts])

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
        pictures = np.asarray(pictures)
        if pictures.dtype != np.uint8 or pictures.shape[1:] != self.image_shape or not len(pictures):
            raise GanzooError(
                f"features are of uint8 pictures (count, {', '.join(map(str, self.image_shape))}), "
                f"got {pictures.dtype} {pictures.shape}"
            )
        if len(self.discriminator.inputs) > 1:
            raise GanzooError(
                f"{self.model_name}'s discriminator judges pictures by their condition: it has no features"
            )
        at_least_one(batch_size=batch_size)
        network = feature_network(self.discriminator)
        parts = (
            np.asarray(pictures[i : i + batch_size], "float32") / 127.5 - 1.0
            for i in range(0, len(pictures), batch_size)
        )
        return np.concatenate([ops.convert_to_numpy(network(part, training=False)) for part in parts])

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
            # elsewhere, latents being float32 (count, latent_dim):
            served = tf.saved_model.load("mine_savedmodel")
            pictures = served.serve(latents)           # float32 (count, height, width, channels) in [-1, 1]
        """
        from ganzoo.export import export_savedmodel

        export_savedmodel(self, filepath, overwrite=overwrite)

    # Saving.

    def load_shipped(self, path, sha256=None):
        """Takes the weights of a preset's file; both generators get the averaged ones."""
        from ganzoo import weights

        weights.load(path, {"generator": self.ema_generator, "discriminator": self.discriminator}, sha256)
        self.generator.set_weights(self.ema_generator.get_weights())

    def save_shipped(self, path):
        """Writes the file `load_shipped` reads; returns its SHA-256."""
        from ganzoo import weights

        return weights.save(path, {"generator": self.ema_generator, "discriminator": self.discriminator})

    # Keras saves neither a layer's random state, dropout's for one, nor the means of an epoch that is not over;
    # without them a loaded model would train or report on differently.

    def save_own_variables(self, store):
        super().save_own_variables(store)
        for name, variable in self._unsaved_state().items():
            store[name] = ops.convert_to_numpy(variable)

    def load_own_variables(self, store):
        state = self._unsaved_state()
        kept = {key: store[key] for key in store.keys() if not key.startswith(("random_", "mean_"))}  # noqa: SIM118
        super().load_own_variables(kept)
        for name, variable in state.items():
            variable.assign(store[name])

    def _unsaved_state(self):
        """{name: variable}; a model that is not compiled has no means."""
        random = [variable for variable in self.variables if variable.path.endswith("seed_generator_state")]
        state = {f"random_{i}": variable for i, variable in enumerate(random)}
        for metric in self.metrics:
            state.update({f"mean_{metric.name}_{i}": variable for i, variable in enumerate(metric.variables)})
        return state

    def get_config(self):
        return {**self.arguments, "name": self.name, "dtype": keras.saving.serialize_keras_object(self.dtype_policy)}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        dtype = config.pop("dtype", None)
        name = config.pop("name", None)
        config = {key: tuple(value) if isinstance(value, list) else value for key, value in config.items()}
        outside = keras.config.dtype_policy()
        if dtype is not None:
            keras.config.set_dtype_policy(keras.saving.deserialize_keras_object(dtype))
        try:
            model = cls(**config)
        finally:
            keras.config.set_dtype_policy(outside)
        if name:
            model.name = name
        return model

    def get_compile_config(self):
        if not self.compiled:
            return None
        return {key: keras.saving.serialize_keras_object(value) for key, value in self._settings.items()}

    def compile_from_config(self, config):
        self.compile(**{key: keras.saving.deserialize_keras_object(value) for key, value in config.items()})

    # What a run, a test or a benchmark asks of any model.

    def data_arguments(self):
        """Arguments of the data function that follow from the model."""
        return {"image_shape": self.image_shape}

    def example_batch(self, batch_size, seed=0):
        """A random batch in the shape its data set gives: for tests, dry runs and benchmarks."""
        shape = (batch_size, *self.image_shape)
        return np.random.default_rng(seed).uniform(-1, 1, shape).astype("float32")

    def example_inputs(self, count, seed=0):
        """Inputs of the generator, a list of arrays: what an export is checked with."""
        return [self.latents(count, seed)]

    def _check_shape(self, data):
        """Data that no network could take, or none should, fails here and not in the middle of one."""
        if data is None or isinstance(data, (str, bytes)):
            raise GanzooError(
                f"fit() takes a data set or an array of pictures, e.g. ganzoo.data.images(...), got {data!r}"
            )
        spec = getattr(data, "element_spec", data)
        first = spec[0] if isinstance(spec, (tuple, list)) and len(spec) else spec
        shape = getattr(first, "shape", None)
        if shape is None or len(shape) == 0:
            return
        dtype = getattr(first.dtype, "name", str(first.dtype))
        # Of a tf.data set only the type is known before it runs.
        low, high = (
            (float(first.min()), float(first.max())) if isinstance(first, np.ndarray) and first.size else (-1, 1)
        )
        if len(self.image_shape) == 3 and ("float" not in dtype or low < -1.001 or high > 1.001):
            raise GanzooError(
                f"pictures are float32 in [-1, 1], got {dtype} from {low:g} to {high:g}: divide by 127.5 and take "
                "away 1, or use ganzoo.data.images, which does"
            )
        if tuple(shape[1:]) != self.image_shape:
            raise GanzooError(
                f"the model draws pictures of shape {self.image_shape}, the data set has {tuple(shape[1:])}: "
                f"create the model or the data set with the other's image_shape"
            )


def with_condition(x, condition):
    """The inputs of a network: x alone, or [x, condition] where there is one."""
    return x if condition is None else [x, condition]


def _first_examples(x, y, count):
    """At least `count` examples of what `fit` was given, as one batch of arrays."""
    if isinstance(x, np.ndarray):
        parts = [unpadded((x[:count], None if y is None else y[:count]))]
    else:
        parts, found = [], 0
        for batch in x:
            parts.append(keras.tree.map_structure(ops.convert_to_numpy, unpadded(batch)))
            found += len(keras.tree.flatten(parts[-1])[0])
            if found >= count:
                break
    batch = keras.tree.map_structure(lambda *arrays: np.concatenate(arrays), *parts)
    found = len(keras.tree.flatten(batch)[0])
    if found < count:
        raise GanzooError(f"a reference batch of {count} needs as many pictures, the data set has {found}")
    return batch


def unpadded(data):
    """A batch without the Nones that Keras puts in the places of targets and weights."""
    if isinstance(data, (tuple, list)):
        data = tuple(part for part in data if part is not None)
        return data[0] if len(data) == 1 else data
    return data


def split(batch, count):
    """Cuts a batch (a tensor or a nest of them) along its first axis into `count` equal ones."""
    if count == 1:
        return [batch]
    sizes = {tensor.shape[0] for tensor in keras.tree.flatten(batch)}
    if any(size is not None and size % count for size in sizes):
        raise GanzooError(f"a batch of {sizes} pictures cannot be shared among {count} discriminator steps")
    return [
        keras.tree.map_structure(lambda tensor, i=i: ops.split(tensor, count, axis=0)[i], batch) for i in range(count)
    ]


def to_uint8(pictures):
    """uint8 pictures from pictures in [-1, 1]."""
    return np.clip(np.rint((np.asarray(pictures, "float32") + 1.0) * 127.5), 0, 255).astype("uint8")


def parameter_count(network):
    return sum(math.prod(variable.shape) for variable in network.weights)
