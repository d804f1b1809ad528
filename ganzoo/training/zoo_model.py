"""The base of every model of the zoo: named networks, and the objectives that they minimize.

A model says what it minimizes as data, a list of `Objective`. The training step that reads this list is
`training_step` with `alternate` below and stands nowhere else.
"""

import contextlib
import inspect
import math
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated

import keras
import numpy as np
from keras import ops
from pydantic import Field

from ganzoo import backend
from ganzoo.config import AtLeastOne, NotNegativeWhole, Seed, check_model_arguments, parameters_of, validated_arguments
from ganzoo.construction import is_inference_first
from ganzoo.data.batches import (
    FirstBatch,
    as_arrays,
    keep_validation,
    refuse_unreadable,
    refuse_weights,
    split,
    unpadded,
    with_known_shapes,
    without_empty_parts,
)
from ganzoo.errors import GanzooError
from ganzoo.networks import regularizers
from ganzoo.precision import made_with
from ganzoo.tasks.base import Task
from ganzoo.training import optimizers
from ganzoo.training.averages import move_average
from ganzoo.training.callbacks.standard import prepared
from ganzoo.training.noise import Noise
from ganzoo.training.saving import Saving


@dataclass(frozen=True)
class Objective:
    """A loss and the networks that minimize it.

    Attributes:
        name: its key in the logs, e.g. "loss" or "g_loss".
        loss: function of (batch, training) to a scalar, the mean over this replica's batch.
        networks: names of the networks whose weights it changes.
        steps: how many times it is minimized in a training step, each time on another batch and fresh noise: the k of
            Algorithm 1 of Goodfellow et al. 2014 (arXiv:1406.2661). With 0 these networks rest.

    Example:
        Objective("loss", model.negative_elbo, networks=("encoder", "decoder"))
    """

    name: str
    loss: Callable
    networks: tuple[str, ...]
    steps: int = 1


# Attributes that `compile` sets besides those of its arguments' names.
_SET_BY_COMPILE = frozenset({"_objectives", "is_adversarial", "noise", "objective_optimizers", "optimizer"})


class _StepState(threading.local):
    """What the current step has recorded. The replicas of a strategy are threads that take turns within a step."""

    # (batch, its real examples and condition, what was generated for them) while both players share a fake batch.
    shared = None
    # What values for the logs are weighted with: see `ZooModel.record`.
    weight = None

    def __init__(self):
        self.recorded = {}

    def begin(self, data):
        """A step on a batch begins."""
        self.recorded = {}
        self.weight = backend.with_dependency(data, 1.0) if backend.IS_TENSORFLOW else None

    def end(self):
        """The step is over: its tensors are of no use to a loss that is called outside of it."""
        self.weight = None


class ZooModel(Task, Saving, keras.Model):
    """Named networks that minimize objectives, with moving averages of their weights.

    A model builds its networks, hands them over by name and says what they minimize. A model of two adversaries is an
    `AdversarialModel`, which is this class with both objectives.

    Args:
        networks: {name: Keras model, or a function that makes one}, functional or sequential. Each becomes an attribute
            of its name. A function is called at once, or later where a model is loaded for inference.
        averaged: names of the networks whose exponential moving average inference uses, `model.ema_<name>`; all of
            them by default. The first one is the network that `call` and `export` use.
        **options: of `keras.Model`, e.g. `name`.

    Attributes:
        networks: {name: network being trained}.
        averages: {name: its moving average}.
        preset: name of the preset the model came from, or None.
        steps: training steps taken so far.

    Example:
        @ganzoo.register("regression")
        class Regression(ganzoo.ZooModel):
            def __init__(self, width: int = 16):
                x = keras.Input((4,))
                hidden = keras.layers.Dense(width, "relu", name="hidden")(x)
                super().__init__({"line": keras.Model(x, keras.layers.Dense(1, name="out")(hidden))})

            def objectives(self):
                return [ganzoo.Objective("loss", self.squared_error, networks=("line",))]

            def squared_error(self, batch, training=True):
                x, y = batch
                return keras.ops.mean((self.line(x, training=training) - y) ** 2)
    """

    model_name = None
    # Arguments that make a copy small enough for tests, and settings of compile() that let it train without a download.
    test_config = {}
    test_compile_config = {}
    # Metrics that a model's own losses `record`, which the logs show besides the objectives themselves.
    reported = ()

    # A model's file has the arguments it was made with. Taken here, a model needs no get_config() of its own.
    def __new__(cls, *args, **kwargs):
        if keras.config.image_data_format() != "channels_last":
            raise GanzooError(
                "images have their channels last here, Keras is set to channels_first: call "
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
        # Before keras.Model.__init__ has run an ordinary attribute cannot be set.
        object.__setattr__(model, "arguments", arguments)
        return model

    def __init__(self, networks, averaged=None, **options):
        super().__init__(**options)
        self.preset = None
        self._network_names = tuple(networks)
        self._averaged_names = tuple(networks if averaged is None else averaged)
        # What has been left out: functions that make networks, and what `leave_out` was given.
        self._left_out, self._when_complete = {}, None
        for name, network in networks.items():
            if isinstance(network, keras.Model):
                setattr(self, name, network)
            elif is_inference_first() and name not in self._averaged_names:
                self._left_out[name] = network
            else:
                setattr(self, name, network())
        # Here and not in compile(): a model loaded without its compile settings must generate the same.
        for name in self._averaged_names:
            network = getattr(self, name)
            average = keras.models.clone_model(network)
            average.set_weights(network.get_weights())
            average.trainable = False
            setattr(self, f"ema_{name}", average)
        self.trackers = {}
        self._step_state = _StepState()
        self._own_settings = {}
        # What compile() was given. Keras calls a model compiled also where `compile_from_config` left it as it was.
        self._settings = None
        # Not an optimizer's count, which leaves out the steps that loss scaling skips.
        self.step = self.add_weight(shape=(), initializer="zeros", dtype="int32", trainable=False, name="step")
        self.built = True

    def finish_later(self, guard, finish):
        """Says how `complete` goes on.

        Args:
            guard: function to a context manager in which the networks that are left out will be made.
            finish: function of (model, names of these networks), called when they are made.
        """
        self._when_complete = guard, finish

    def complete(self):
        """Makes what `ganzoo.load` has left out: the networks of training, their weights and the compile settings.

        Happens by itself when something needs them: `fit`, `save`, `model.discriminator`.
        """
        makers, self._left_out = self._left_out, {}
        guard, finish = self._when_complete or (contextlib.nullcontext, lambda model, names: None)
        self._when_complete = None
        strategy = getattr(self, "distribute_strategy", None)
        with strategy.scope() if strategy is not None else contextlib.nullcontext():
            with guard(), made_with(self.dtype_policy):
                for name, make in makers.items():
                    setattr(self, name, make())
            finish(self, list(makers))

    def __getattr__(self, name):
        # Asked only for what is not there.
        left_out = self.__dict__.get("_left_out") or ()
        waiting = self.__dict__.get("_when_complete") is not None
        set_by_compile = name in _SET_BY_COMPILE or name in (
            parameters_of("compile", owner=type(self)) if waiting else ()
        )
        if name in left_out or (waiting and set_by_compile):
            self.complete()
            return getattr(self, name)
        inherited = getattr(super(), "__getattr__", None)
        if inherited is not None:
            return inherited(name)
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    # Mappings that Keras, which writes every dictionary of layers that it finds into files, does not take for one.

    @property
    def networks(self):
        """{name: network being trained}."""
        return MappingProxyType({name: getattr(self, name) for name in self._network_names})

    @property
    def averages(self):
        """{name: moving average of that network}."""
        return MappingProxyType({name: getattr(self, f"ema_{name}") for name in self._averaged_names})

    @property
    def inference_network(self):
        """The network that `call` and `export` use: the moving average of the first averaged one."""
        return next(iter(self.averages.values()))

    # What a model defines.

    def objectives(self):
        """The list of `Objective` that the model minimizes, in this order; called by `compile`."""
        raise NotImplementedError(f"{type(self).__name__} must define objectives()")

    def record(self, **values):
        """Notes scalars of this step for `after_step`, and reports those whose names are in `reported`."""
        self._step_state.recorded.update(values)
        for name, value in values.items():
            if name in self.trackers:
                # Keras counts a value without waiting for it. The weight, always 1, is known only once the batch is
                # there: the step that finds the end of a data set of unknown length must not count.
                self.trackers[name].update_state(value, sample_weight=self._step_state.weight)

    def after_step(self, recorded):
        """Called when all objectives have been minimized.

        Args:
            recorded: {name: scalar} of this step, of this replica; of several steps of an objective the last.
        """

    def before_training(self, x, y):
        """Called by `fit` with its data, before the first step.

        Returns:
            x, with whatever was read of it still in it.
        """
        return x

    def prepare(self):
        """Loads what the losses need besides the networks; called before anything is compiled to a graph.

        Raises:
            GanzooError: it is not there.
        """

    # Compiling.

    def compile(
        self,
        optimizer: object = {"name": "adam", "learning_rate": 1e-3},
        *,
        ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.999,
        seed: Seed = 0,
        synchronized_batch_norm: bool = False,
        run_eagerly: bool = False,
        jit_compile: bool = False,
        steps_per_execution: AtLeastOne = 1,
    ):
        """Sets how the model trains.

        Args:
            optimizer: a Keras optimizer, its name, or {"name": "adam", "learning_rate": 2e-4}. For a model of several
                objectives a mapping from their names to such.
            ema_decay: of the moving averages, in [0, 1); warmed up over the first steps. 0 makes the average the
                network itself.
            seed: of the noise during training.
            synchronized_batch_norm: batch norm over the examples of all devices and not of each by itself: slower, and
                what the same batch on one device would give.
            run_eagerly, jit_compile, steps_per_execution: as in `keras.Model.compile`. `jit_compile`
                needs a single device, and not PyTorch.

        Raises:
            GanzooError: an unknown optimizer, a number out of range, a trainable weight that no objective changes, or
                a call outside of the scope of the strategy that the model was made in.
        """
        numbers = dict(
            ema_decay=ema_decay,
            seed=seed,
            synchronized_batch_norm=synchronized_batch_norm,
            steps_per_execution=steps_per_execution,
        )
        numbers = validated_arguments(parameters_of(ZooModel.compile), numbers, "compile()")
        if self._left_out:
            self.complete()
        if problem := backend.unsupported(self.dtype_policy.name, numbers["steps_per_execution"], jit_compile):
            raise GanzooError(problem)
        if self._replicas > backend.replica_count():
            raise GanzooError("the model was made in the scope of a strategy: call compile() in it too")
        self._objectives = tuple(self.objectives())
        self._refuse_untrained()
        # A name that Keras' saving comes to before `optimizer`, which is another object on JAX.
        self.objective_optimizers = self._built_optimizers(optimizer)
        super().compile(
            # The last objective's rate is the one that callbacks read; they change all in proportion.
            optimizer=optimizers.ModelOptimizer(reversed(self.optimizers.values())),
            run_eagerly=run_eagerly,
            jit_compile=jit_compile or (backend.ALWAYS_COMPILED and not run_eagerly),
            steps_per_execution=numbers["steps_per_execution"],
            auto_scale_loss=False,
        )
        # Keras' own tracker of one supervised loss would report a meaningless "loss: 0".
        self._loss_tracker = None
        names = [objective.name for objective in self._objectives if objective.steps]
        self.trackers = {name: keras.metrics.Mean(name=name) for name in (*names, *self.reported_metrics)}
        self.ema_decay = numbers["ema_decay"]
        self.noise = Noise(numbers["seed"])
        for network in self._trained_networks:
            regularizers.synchronize_batch_norm(network, numbers["synchronized_batch_norm"])
        given = next(iter(self.optimizers.values())) if len(self.optimizers) == 1 else dict(self.optimizers)
        self._settings = dict(
            optimizer=given, run_eagerly=run_eagerly, jit_compile=jit_compile, **numbers, **self._own_settings
        )

    def keep_settings(self, compile, **values):
        """What a subclass's own `compile` takes besides: checked against its annotations, kept as attributes and in
        files. Called before the parent's `compile`."""
        given = validated_arguments(parameters_of(compile), values, "compile()")
        for name, value in given.items():
            setattr(self, name, value)
        self._own_settings.update(given)

    @property
    def reported_metrics(self):
        """Names of what the logs show besides the objectives."""
        return self.reported

    def _refuse_untrained(self):
        """Raises for a trainable weight that no objective would ever change."""
        for objective in self._objectives:
            for name in objective.networks:
                if name not in self._network_names:
                    raise GanzooError(
                        f"{type(self).__name__}: the objective '{objective.name}' names the network '{name}', which is "
                        f"not among {', '.join(self._network_names)}"
                    )
        changed = {id(variable) for objective in self._objectives for variable in self._variables(objective)}
        for variable in self.trainable_variables:
            if id(variable) not in changed:
                raise GanzooError(
                    f"{type(self).__name__}: no objective changes the trainable weight {variable.path}: name its "
                    "network in one of objectives(), or set the network's trainable to False"
                )

    def _variables(self, objective):
        return [variable for name in objective.networks for variable in self.networks[name].trainable_variables]

    def _built_optimizers(self, given):
        """{name of an objective: its optimizer}."""
        names = [objective.name for objective in self._objectives]
        several = isinstance(given, dict) and set(given) == set(names)
        if len(names) > 1 and not several and isinstance(given, keras.optimizers.Optimizer):
            raise GanzooError(
                f"each of the objectives {', '.join(names)} needs an optimizer of its own, since it keeps state of its "
                "weights: give compile() a name or settings instead of an object, or one for each"
            )
        chosen = {name: optimizers.get(given[name] if several else given, name) for name in names}
        if len({id(optimizer) for optimizer in chosen.values()}) < len(chosen):
            raise GanzooError(
                "each network needs an optimizer of its own: make two, since an optimizer keeps state of its weights"
            )
        for objective in self._objectives:
            optimizer = chosen[objective.name]
            half = self.dtype_policy.name == "mixed_float16"
            if half and not isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
                optimizer = chosen[objective.name] = keras.optimizers.LossScaleOptimizer(optimizer)
            # Built here: an optimizer that makes its variables inside the step breaks MirroredStrategy.
            optimizer.build(self._variables(objective))
        return chosen

    @property
    def optimizers(self):
        """{name of an objective: its Keras optimizer}."""
        return MappingProxyType(dict(self.objective_optimizers))

    @property
    def batches_per_step(self):
        """How many batches of the data set one training step takes."""
        return max(1, *(objective.steps for objective in self._objectives))

    @property
    def metrics(self):
        return list(self.trackers.values())

    @property
    def steps(self):
        """Training steps taken so far. Saved and restored with the model."""
        backend.sync_variables(self)
        return int(ops.cast(self.step, "int32"))

    # Training.

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        validation_split=0.0,
        validation_data=None,
        shuffle=True,
        class_weight=None,
        sample_weight=None,
        initial_epoch=0,
        steps_per_epoch=None,
        validation_steps=None,
        validation_batch_size=None,
        validation_freq=1,
    ):
        """Trains the model; as `keras.Model.fit`.

        Where an objective is minimized several times in a step, a step takes that many batches, and an epoch has that
        many times fewer steps.

        Args:
            x: a `tf.data.Dataset` (see `ganzoo.data`), `keras.utils.PyDataset`, generator or PyTorch `DataLoader` of
                batches: images (batch, height, width, channels), float32 in [-1, 1], or what else the model's
                `split_batch` takes; or a NumPy array of such images. Of an array all values are checked, of anything
                else those of the first batch.
            y: where `x` is an array, what comes second in a batch: labels, say. Tensors are taken as arrays.
            batch_size: images per batch where `x` is an array; 32 if not given.
            class_weight, sample_weight: refused.
            epochs, verbose, callbacks and so on: as in `keras.Model.fit`. Callbacks that change
                `model.optimizer.learning_rate` change those of all objectives in proportion; `TerminateOnNaN` looks at
                all losses, and a callback that monitors one of them, say `EarlyStopping(monitor="val_g_loss")`, takes a
                lower value for a better one.

        Returns:
            `keras.callbacks.History` of the objectives and what the model reports, means of each epoch.

        Raises:
            GanzooError: data that the model cannot learn from: values outside of [-1, 1], another type or shape, labels
                that are no classes, dictionaries, weights of examples; a model that is not compiled.

        Warns:
            UserWarning: all values of the images lie in [0, 1].

        Example:
            model.compile()
            model.fit(ganzoo.data.images("digits", image_shape=(32, 32, 1), upscale=True), epochs=5)
        """
        self._refuse_uncompiled("fit")
        refuse_weights(sample_weight=sample_weight, class_weight=class_weight)
        numbers = _checked_numbers(
            "fit()",
            batch_size=batch_size,
            epochs=epochs,
            validation_split=validation_split,
            initial_epoch=initial_epoch,
            steps_per_epoch=steps_per_epoch,
            validation_steps=validation_steps,
            validation_batch_size=validation_batch_size,
        )
        batch_size = numbers.pop("batch_size")
        options = dict(
            verbose=verbose,
            callbacks=prepared(callbacks, [name for name in self.trackers if "loss" in name]),
            validation_data=validation_data,
            shuffle=shuffle,
            validation_freq=validation_freq,
            **numbers,
        )
        first = FirstBatch(self.check_batch)
        with first.errors():
            x, y = self._readable(x, y, first)
            if validation_data is not None:
                options["validation_data"] = self._readable(*_validation(validation_data), first)
            history = self._fit(x, y, batch_size, options)
        if options["epochs"] > options["initial_epoch"] and not history.history:
            raise GanzooError("the data set is empty: it gives no batch, and nothing was trained")
        return history

    def evaluate(self, x=None, y=None, batch_size=None, verbose="auto", sample_weight=None, **options):
        """The objectives and what the model reports, on data; no weight changes. As `keras.Model.evaluate`.

        Args:
            x, y, batch_size: as `fit`.
            verbose, **options: of `keras.Model.evaluate`, e.g. `steps`, `return_dict`.
            sample_weight: refused.

        Returns:
            A list in the order of `model.metrics_names`, or with `return_dict=True` a dictionary.

        Raises:
            GanzooError: as `fit`.

        Example:
            losses = model.evaluate(images, return_dict=True)
        """
        self._refuse_uncompiled("evaluate")
        refuse_weights(sample_weight=sample_weight)
        batch_size = _checked_numbers("evaluate()", batch_size=batch_size)["batch_size"]
        first = FirstBatch(self.check_batch)
        with first.errors():
            # What fit() validates with has been checked.
            if not options.get("_use_cached_eval_dataset"):
                x, y = self._readable(x, y, first)
            results = super().evaluate(x, y, batch_size=batch_size, verbose=verbose, **options)
        if not backend.local_value(self.trackers[self._objectives[-1].name].count):
            raise GanzooError("the data set is empty: it gives no batch, and nothing was evaluated")
        return results

    def _refuse_uncompiled(self, method):
        if self._when_complete is not None:
            self.complete()
        if self._settings is None:
            raise GanzooError(f"call model.compile() before model.{method}()")

    def train_on_batch(self, x, y=None, sample_weight=None, class_weight=None, return_dict=False):
        """A step on one batch, not checked; as `keras.Model.train_on_batch`, without weights of examples."""
        self._refuse_uncompiled("train_on_batch")
        refuse_weights(sample_weight=sample_weight, class_weight=class_weight)
        return super().train_on_batch(x, y, return_dict=return_dict)

    def test_on_batch(self, x, y=None, sample_weight=None, return_dict=False):
        """The losses of one batch, not checked; as `keras.Model.test_on_batch`, without weights of examples."""
        self._refuse_uncompiled("test_on_batch")
        refuse_weights(sample_weight=sample_weight)
        return super().test_on_batch(x, y, return_dict=return_dict)

    def _readable(self, x, y, first):
        """(x, y) as Keras reads them, checked: arrays at once, data sets when their first batch comes."""
        x, y = as_arrays(x, y)
        x = with_known_shapes(without_empty_parts(x), self.has_fixed_shapes)
        self.check_data(x, y)
        refuse_unreadable(x, y)
        if isinstance(x, dict):
            self.check_batch(x)
        return first.watched(x), y

    def check_batch(self, batch):
        """Refuses a batch of arrays that `fit` cannot learn from, by its values too; what it does to the first one."""
        parts = batch if isinstance(batch, (tuple, list)) else (batch,)
        # What comes third, and dictionaries, are the business of the model's own losses.
        if len(parts) < 3 and not isinstance(batch, dict):
            self.check_data(*parts)

    def _fit(self, x, y, batch_size, options):
        together = self.batches_per_step
        if options["validation_split"] and options["validation_data"] is None and not isinstance(x, np.ndarray):
            raise GanzooError(
                f"validation_split is for arrays, got {type(x).__name__}: give validation_data, e.g. data.take(10) "
                "of a tf.data set, and train with data.skip(10)"
            )
        if not isinstance(x, (np.ndarray, keras.utils.PyDataset)) or hasattr(x, "element_spec"):
            # Keras would warn that it does not shuffle it.
            options["shuffle"] = False
        if hasattr(x, "element_spec"):
            x = backend.training_data(x, together, self._replicas)
        elif isinstance(x, np.ndarray):
            x, y = keep_validation(x, y, options)
            options["validation_batch_size"] = options["validation_batch_size"] or batch_size or 32
            batch_size = (batch_size or 32) * together
            if batch_size % self._replicas:
                raise GanzooError(f"{self._replicas} devices cannot share batches of {batch_size} evenly")
            if len(x) > batch_size or together > 1 or self._replicas > 1:
                # A last batch of a few images could not be shared, and its batch norm would mean little.
                whole = len(x) // batch_size * batch_size
                if not whole:
                    raise GanzooError(f"{len(x)} images are fewer than the {batch_size} that one step takes")
                x, y = x[:whole], None if y is None else y[:whole]
        elif together > 1:
            raise GanzooError(
                f"a step of {together} batches (discriminator_steps={together}) takes a data set of ganzoo.data, a "
                f"tf.data.Dataset or arrays, got {type(x).__name__}: how many examples each step is to see cannot be "
                "told from its batches"
            )
        x = self.before_training(x, y)
        with warnings.catch_warnings():
            if not options.get("steps_per_epoch"):
                # Keras says so of any data set whose length it learns only by its end.
                warnings.filterwarnings("ignore", "Your input ran out of data")
            return super().fit(x, y, batch_size=batch_size, **options)

    @property
    def _replicas(self):
        strategy = getattr(self, "distribute_strategy", None)
        return strategy.num_replicas_in_sync if strategy else 1

    def make_train_function(self, force=False):
        self.prepare()
        return super().make_train_function(force)

    def make_test_function(self, force=False):
        self.prepare()
        return super().make_test_function(force)

    def train_step(self, *data):
        """What `fit` calls; the step itself is `training_step`."""
        return backend.train_step(self, *data)

    def test_step(self, *data):
        """What `evaluate` calls; the losses themselves are `evaluation_step`."""
        return backend.test_step(self, *data)

    def training_step(self, data):
        """One training step: every objective on its own parts of the batch, then one step of the moving averages."""
        data = unpadded(data)
        self._step_state.begin(data)
        self.noise.start_step(backend.with_dependency(data, self.step))
        loss = self.alternate(split(data, self.batches_per_step))
        self.after_step(self._step_state.recorded)
        self._step_state.end()
        backend.share_statistics(self._statistics)
        backend.update([(self.step, self.step)], lambda step, _: backend.with_dependency(loss, step) + 1)
        for name, average in self.averages.items():
            move_average(average, self.networks[name], self.step, self.ema_decay)
        return backend.logged({name: tracker.result() for name, tracker in self.trackers.items()})

    def alternate(self, parts):
        """Minimizes every objective in turn, as many times as it says, on the last parts of the batch.

        Args:
            parts: list of batches.

        Returns:
            The loss of the last one.
        """
        for objective in self._objectives:
            for part in parts[len(parts) - objective.steps :]:
                loss = self.minimize(objective, part)
        return loss

    def minimize(self, objective, batch):
        """Takes one optimizer step on an objective; returns its loss and records it under the objective's name."""
        loss = backend.minimize(
            lambda: objective.loss(batch, training=True),
            self.optimizers[objective.name],
            self._variables(objective),
            self._step_state.recorded,
        )
        self.record(**{objective.name: loss})
        return loss

    def evaluation_step(self, data):
        """The losses of a batch; no weight changes."""
        data = unpadded(data)
        self._step_state.begin(data)
        # The number of batches seen since evaluate() began: each gets its own noise, every evaluation the same.
        last = self._objectives[-1].name
        self.noise.start_step(backend.with_dependency(data, self.trackers[last].count))
        for objective in self._objectives:
            if objective.steps:
                self.record(**{objective.name: objective.loss(data, training=False)})
        self._step_state.end()
        return backend.logged({name: tracker.result() for name, tracker in self.trackers.items()})

    @property
    def _trained_networks(self):
        names = dict.fromkeys(name for objective in self._objectives for name in objective.networks)
        return [self.networks[name] for name in names]

    @property
    def _statistics(self):
        """What the trained networks' layers keep beside their weights: means and variances, say."""
        variables = [variable for network in self._trained_networks for variable in network.non_trainable_variables]
        return [variable for variable in variables if "float" in variable.dtype]

    # Inference.

    def call(self, inputs, training=False):
        """The output of the inference network, which is a moving average."""
        return self.inference_network(inputs, training=False)

    def export(self, filepath, format="tf_saved_model", verbose=None, input_signature=None, *, overwrite=False):
        """Writes the inference network as a SavedModel that serves without this package; as `keras.Model.export`.

        The written model is loaded again and must give the same outputs, or nothing is left behind.

        Args:
            filepath: folder to make.
            format: "tf_saved_model"; other formats of Keras are not there yet.
            verbose: print where it was written; None does not.
            input_signature: not taken: the model's own inputs are the signature.
            overwrite: replace a SavedModel that is already there.

        Raises:
            GanzooError: another format, an input signature, a folder that exists, or a written model that differs.

        Example:
            model.export("mine_savedmodel")
            # elsewhere, of a model that generates from latents, float32 (count, latent_dim):
            served = tf.saved_model.load("mine_savedmodel")
            images = served.serve(latents)           # float32 (count, height, width, channels) in [-1, 1]
        """
        from ganzoo.export import export_savedmodel

        if format != "tf_saved_model":
            raise GanzooError(f"export() writes format='tf_saved_model' alone so far, got {format!r}")
        if input_signature is not None:
            raise GanzooError("export() takes no input_signature: the inputs of the model's network are the signature")
        export_savedmodel(self, filepath, overwrite=overwrite)
        if verbose:
            print(f"exported to {filepath}")

    def example_inputs(self, count, seed=0):
        """Inputs of the inference network, a list of arrays: what an export is checked with. Normal numbers, or zeros
        where it takes whole ones; 16 along what may have any length."""
        rng = np.random.default_rng(seed)
        inputs = self.inference_network.inputs
        shapes = [[count, *(size or 16 for size in tensor.shape[1:])] for tensor in inputs]
        return [
            (rng.standard_normal(shape) if "float" in tensor.dtype else np.zeros(shape)).astype(tensor.dtype)
            for tensor, shape in zip(inputs, shapes)
        ]


# What `fit` and `evaluate` take for numbers.
_NUMBERS = {
    "epochs": NotNegativeWhole,
    "initial_epoch": NotNegativeWhole,
    "validation_split": Annotated[float, Field(ge=0, lt=1)],
}


def _checked_numbers(where, **given):
    """The numbers that `fit` or `evaluate` got.

    Raises:
        GanzooError: one that is out of range, or no number.
    """
    parameters = {
        name: inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=_NUMBERS.get(name, AtLeastOne | None))
        for name in given
    }
    # Numbers of NumPy are numbers too.
    given = {name: value.item() if isinstance(value, np.generic) else value for name, value in given.items()}
    return validated_arguments(parameters, given, where)


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
    sizes = (f"{n.name} {sum(math.prod(variable.shape) for variable in n.weights):,}" for n in model.networks.values())
    return f"{' and '.join(sizes)} parameters"
