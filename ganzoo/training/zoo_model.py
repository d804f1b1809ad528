"""The base class of all models: named networks, and the objectives that they minimize.

A model states what it minimizes as data: a list of `Objective`. The training step that reads this list is in
`ganzoo.training.step`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any, TypeAlias

import keras
from keras import ops
from pydantic import Field

from ganzoo import backend
from ganzoo.arguments import NOT_IN_PRESETS, AtLeastOne, Seed, parameters_of, validated_arguments
from ganzoo.construction import is_inference_first
from ganzoo.errors import GanzooError, unknown
from ganzoo.networks import regularizers
from ganzoo.networks.layout import weights_of
from ganzoo.tasks.base import Task
from ganzoo.training import optimizers
from ganzoo.training.averages import average_of, trainable_copies
from ganzoo.training.deferred import DeferredNetworks
from ganzoo.training.exporting import Exporting
from ganzoo.training.fitting import Fitting
from ganzoo.training.noise import Noise
from ganzoo.training.saving import Saving, constructor_arguments
from ganzoo.training.step import Objective, Recorded, StepState, TrainingStep
from ganzoo.types import Tensor

# A network, or a function that builds it.
Network: TypeAlias = keras.Model | Callable[[], keras.Model]


class ZooModel(Task, DeferredNetworks, Fitting, TrainingStep, Saving, Exporting):
    """Named networks that minimize objectives, with moving averages of their weights.

    A subclass builds its networks, passes them to the constructor by name, and defines `objectives`. For a generator
    and a discriminator, subclass `AdversarialModel`, which defines both objectives.

    Args:
        networks: {name: functional or sequential Keras model, or a function that builds one}. Each network becomes an
            attribute with its name. A function lets a model loaded for inference build the network only when needed.
        averaged: names of the networks with an exponential moving average, `model.ema_<name>`, which inference uses;
            all by default. `call` and `export` use the first one.
        **options: of `keras.Model`, e.g. `name`.

    Attributes:
        networks: {name: network being trained}.
        averages: {name: its moving average}.
        arguments: {name: value} that the model was created with.
        preset: name of the preset the model was loaded from, or None.
        steps: number of training steps taken.

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

        model = Regression()
        model.compile("sgd")
        x = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
        model.fit(x, x.sum(axis=1, keepdims=True), verbose=0)
    """

    # The name given to `ganzoo.register`.
    model_name: Any = None
    # Arguments of a copy small enough for tests, and settings of compile() with which it trains without a download.
    test_config: dict[str, Any] = {}
    test_compile_config: dict[str, Any] = {}
    # Names of the values that the losses `record` and the logs show besides the objectives.
    reported: tuple[str, ...] = ()

    # Captures the arguments, as `keras.Operation.__new__` does, so that models need no get_config().
    def __new__(cls, *args, **kwargs):
        if keras.config.image_data_format() != "channels_last":
            raise GanzooError(
                "images have their channels last here, Keras is set to channels_first: call "
                "keras.config.set_image_data_format('channels_last'), or change ~/.keras/keras.json"
            )
        model = super().__new__(cls, *args, **kwargs)
        # Past Keras, which would track the dictionary, and save any layers in it a second time.
        object.__setattr__(model, "arguments", constructor_arguments(cls, args, kwargs))
        return model

    def __init__(
        self,
        networks: Mapping[str, Network],
        averaged: Annotated[Iterable[str] | None, NOT_IN_PRESETS] = None,
        **options: Any,
    ):
        super().__init__(**options)
        # Those of models before this one.
        backend.free_gradients()
        self.preset = None
        averaged = self._checked_names(networks, averaged)
        self._network_names, self._averaged_names = tuple(networks), averaged
        self._deferred, self._completion = {}, None
        # Networks that inference does not use, such as a discriminator.
        self._training_names = tuple(
            name
            for name, network in networks.items()
            if not isinstance(network, keras.Model) and name not in self._averaged_names
        )
        for name, network in networks.items():
            if is_inference_first() and name in self._training_names:
                self._deferred[name] = network
                continue
            built = network if isinstance(network, keras.Model) else network()
            if is_inference_first() and name in self._averaged_names:
                # It becomes the average, and the network that is trained is copied from it.
                self._deferred[name] = trainable_copies(built)
                built.trainable = False
                setattr(self, f"ema_{name}", built)
            else:
                setattr(self, name, built)
        # Not in compile(): a model that is not compiled must generate the same.
        for name in self._averaged_names:
            if name not in self._deferred:
                setattr(self, f"ema_{name}", average_of(getattr(self, name)))
        self.trackers: dict[str, keras.metrics.Metric] = {}
        self._step_state = StepState()
        self._own_settings: dict[str, Any] = {}
        # The arguments of compile(). Keras' `compiled` is True even if `compile_from_config` gave up.
        self._settings: Any = None
        # Not an optimizer's count, which omits the steps that loss scaling skips.
        self.step = self.add_weight(shape=(), initializer="zeros", dtype="int32", trainable=False, name="step")
        self.built = True

    def _checked_names(self, networks, averaged):
        """The names of the averaged networks, after a check of all names."""
        title = type(self).__name__
        if not isinstance(networks, Mapping) or not networks:
            raise GanzooError(f"{title}: networks is {{name: network}}, got {type(networks).__name__}")
        for name in networks:
            if hasattr(type(self), name):
                raise GanzooError(f"{title}: choose another name for the network '{name}': it is that of an attribute")
        if isinstance(averaged, str):
            raise GanzooError(f"{title}: averaged is a tuple of names of networks: ('{averaged}',)")
        names = tuple(networks if averaged is None else averaged)
        for name in names:
            if name not in networks:
                raise unknown("network", name, networks, f"{title}, averaged")
        if not names:
            raise GanzooError(f"{title}: averaged must name a network, since inference uses the first average")
        if isinstance(self.reported, str):
            raise GanzooError(f"{title}: reported is a tuple of names: ('{self.reported}',)")
        return names

    # Read-only mappings, since Keras would save the networks of a dictionary a second time.

    @property
    def networks(self) -> Mapping[str, keras.Model]:
        """{name: network being trained}."""
        return MappingProxyType({name: getattr(self, name) for name in self._network_names})

    @property
    def averages(self) -> Mapping[str, keras.Model]:
        """{name: moving average of that network}."""
        return MappingProxyType({name: getattr(self, f"ema_{name}") for name in self._averaged_names})

    @property
    def inference_network(self) -> keras.Model:
        """The network that `call` and `export` use: the first moving average."""
        return next(iter(self.averages.values()))

    # What a model defines.

    def objectives(self) -> Sequence[Objective]:
        """The objectives that the model minimizes, in this order; called by `compile`."""
        raise NotImplementedError(f"{type(self).__name__} must define objectives()")

    def before_training(self, x: Any, y: Any) -> Any:
        """Called by `fit` with its data, before the first step.

        Returns:
            The data to train on in place of x. If this method reads from an iterator, it puts back what it has read.
        """
        return x

    def prepare(self) -> None:
        """Loads what the losses need besides the networks; called before the step is compiled to a graph.

        Raises:
            GanzooError: it is not available.
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
    ) -> None:
        """Sets how the model trains.

        Args:
            optimizer: a Keras optimizer, its name, or {"name": "adam", "learning_rate": 2e-4}. For a model with several
                objectives, also {name of an objective: its optimizer}.
            ema_decay: decay of the moving averages, in [0, 1), lower in the first steps. 0 makes the average equal to
                the network.
            seed: of the noise of training.
            synchronized_batch_norm: batch norm over the examples of all devices instead of each device's own: slower,
                but equal to training with the whole batch on one device.
            run_eagerly, jit_compile, steps_per_execution: as in `keras.Model.compile`. `jit_compile` needs a single
                device, and does not work with PyTorch.

        Raises:
            GanzooError: an unknown optimizer, a number out of range, a trainable weight that no objective updates, or
                a call outside of the scope of the strategy in which the model was created.
        """
        numbers: dict[str, Any] = dict(
            ema_decay=ema_decay,
            seed=seed,
            synchronized_batch_norm=synchronized_batch_norm,
            steps_per_execution=steps_per_execution,
        )
        numbers = validated_arguments(parameters_of(ZooModel.compile), numbers, "compile()")
        if self._deferred:
            self.complete_networks()
        if problem := backend.unsupported(self.dtype_policy.name, numbers["steps_per_execution"], jit_compile):
            raise GanzooError(problem)
        if self._replicas > backend.replica_count():
            raise GanzooError("the model was created in the scope of a strategy: call compile() in it too")
        self._objectives = self._checked_objectives()
        self._refuse_untrained()
        # Keras saves attributes in alphabetical order: it must find the optimizers under a name before `optimizer`,
        # which is another object on JAX.
        self.objective_optimizers = self._built_optimizers(optimizer)
        super().compile(
            # Callbacks read and set the rate of the last objective; the other rates follow in proportion.
            optimizer=optimizers.ModelOptimizer(list(self.optimizers.values())[::-1]),
            run_eagerly=run_eagerly,
            jit_compile=jit_compile or (backend.ALWAYS_COMPILED and not run_eagerly),
            steps_per_execution=numbers["steps_per_execution"],
            auto_scale_loss=False,
        )
        # Keras' own tracker of one supervised loss would report a meaningless "loss: 0".
        self._loss_tracker = None
        names = [objective.name for objective in self._objectives if objective.steps]
        if not names:
            raise GanzooError(f"{type(self).__name__} has no objective with steps above 0, so nothing would be trained")
        self.trackers = {name: keras.metrics.Mean(name=name) for name in (*names, *self.reported_metrics)}
        self._recorded = Recorded()
        self.ema_decay = numbers["ema_decay"]
        self.noise = Noise(numbers["seed"])
        for network in self._trained_networks:
            regularizers.synchronize_batch_norm(network, numbers["synchronized_batch_norm"])
        built = next(iter(self.optimizers.values())) if len(self.optimizers) == 1 else dict(self.optimizers)
        self._settings = dict(
            optimizer=built, run_eagerly=run_eagerly, jit_compile=jit_compile, **numbers, **self._own_settings
        )

    def refuse_unknown_settings(self, settings: Mapping[str, Any]) -> None:
        """Refuses further arguments of a subclass's `compile` that no `compile` takes, before anything changes.

        Raises:
            GanzooError: an unknown name, with the nearest match.
        """
        known = parameters_of("compile", owner=type(self))
        for name in settings:
            if name not in known:
                raise unknown("argument", name, known, "compile()")

    def keep_settings(self, compile: Callable, **values: Any) -> None:
        """Stores the additional arguments of a subclass's `compile`, which calls this before the parent's `compile`.

        Args:
            compile: the subclass's method, whose annotations the values are checked against.
            **values: the arguments; they become attributes, and are saved with the model.
        """
        given = validated_arguments(parameters_of(compile), values, "compile()")
        # Until compile() has succeeded: a model that is half compiled must not train.
        self._settings = None
        for name, value in given.items():
            setattr(self, name, value)
        self._own_settings.update(given)

    @property
    def reported_metrics(self) -> tuple[str, ...]:
        """Names of what the logs show besides the objectives."""
        return self.reported

    def _checked_objectives(self):
        found = self.objectives()
        if not isinstance(found, (list, tuple)) or not all(isinstance(one, Objective) for one in found) or not found:
            raise GanzooError(f"{type(self).__name__}: objectives() must return a list of ganzoo.Objective")
        names = [objective.name for objective in found]
        if twice := {name for name in names if names.count(name) > 1}:
            raise GanzooError(f"{type(self).__name__}: two objectives have the name '{twice.pop()}'")
        return tuple(found)

    def _refuse_untrained(self):
        """Raises if an objective names an unknown network, or no objective updates a trainable weight."""
        for objective in self._objectives:
            for name in objective.networks:
                if name not in self._network_names:
                    raise GanzooError(
                        f"{type(self).__name__}: the objective '{objective.name}' names the network '{name}', which is "
                        f"not among {', '.join(self._network_names)}"
                    )
        updated = {id(variable) for objective in self._objectives for variable in self._variables(objective)}
        for variable in self.trainable_variables:
            if id(variable) not in updated:
                raise GanzooError(
                    f"{type(self).__name__}: no objective changes the trainable weight {variable.path}: name its "
                    "network in one of objectives(), or set the network's trainable to False"
                )

    def _built_optimizers(self, given):
        """{name of an objective: its optimizer}."""
        names = [objective.name for objective in self._objectives]
        one_each = isinstance(given, dict) and "name" not in given
        if one_each:
            for name in given:
                if name not in names:
                    raise unknown("objective", name, names, "optimizer")
            if missing := [name for name in names if name not in given]:
                raise GanzooError(f"optimizer: there is none for {', '.join(missing)}")
        if len(names) > 1 and isinstance(given, keras.optimizers.Optimizer):
            raise GanzooError(
                f"each of the objectives {', '.join(names)} needs an optimizer of its own, since an optimizer keeps "
                "state of its weights: give compile() a name or settings instead of an object, or one for each"
            )
        chosen = {name: optimizers.get(given[name] if one_each else given, name) for name in names}
        if len({id(optimizer) for optimizer in chosen.values()}) < len(chosen):
            raise GanzooError(
                "each network needs an optimizer of its own: make two, since an optimizer keeps state of its weights"
            )
        for objective in self._objectives:
            optimizer = chosen[objective.name]
            half = self.dtype_policy.name == "mixed_float16"
            if half and not isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
                optimizer = chosen[objective.name] = keras.optimizers.LossScaleOptimizer(optimizer)
            variables = self._variables(objective)
            if not optimizers.fits(optimizer, variables):
                raise GanzooError(
                    f"the optimizer of {objective.name} keeps state of other weights, e.g. of another model: make a "
                    "new one"
                )
            # Built here: MirroredStrategy fails if an optimizer creates its variables inside the step.
            optimizer.build(variables)
        return chosen

    @property
    def optimizers(self) -> Mapping[str, keras.optimizers.Optimizer]:
        """{name of an objective: its Keras optimizer}."""
        return MappingProxyType(dict(self.objective_optimizers))

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The Keras metrics of the logs."""
        return list(self.trackers.values())

    @property
    def metrics_names(self) -> list[str]:
        """Names of what `evaluate` returns, in order. Before the first call, all names that it may return."""
        known = self._recorded.in_evaluation if self.trackers else ()
        return [name for name in self.trackers if not known or name in known]

    @property
    def steps(self) -> int:
        """Number of training steps taken. Saved and restored with the model."""
        backend.sync_variables(self)
        return int(ops.cast(self.step, "int32"))

    @property
    def _replicas(self):
        strategy = getattr(self, "distribute_strategy", None)
        return strategy.num_replicas_in_sync if strategy else 1

    # Inference.

    def call(self, inputs: Any, training: bool = False) -> Tensor:
        """The output of the inference network, a moving average; `training` has no effect."""
        return self.inference_network(inputs, training=False)


def describe_networks(model: ZooModel) -> str:
    """The sizes of a model's networks, e.g. "generator 12,345 and discriminator 6,789 parameters"."""
    sizes = (f"{name} {weights_of([network]):,}" for name, network in model.networks.items())
    return f"{' and '.join(sizes)} parameters"
