"""Saving and loading of models: `.keras` files, presets and shipped weights."""

import inspect
import json
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import keras
from keras import ops

from ganzoo import backend, keras_archive, loading, memory, preset_folders, presets, registry, weights
from ganzoo.arguments import check_model_arguments, parameters_of
from ganzoo.config import plain
from ganzoo.errors import GanzooError, first_line, unknown
from ganzoo.losses.names import Named
from ganzoo.precision import made_with
from ganzoo.training import optimizers
from ganzoo.types import PathLike

# Settings of `compile` that depend on the machine and the backend.
_EXECUTION = ("run_eagerly", "jit_compile", "steps_per_execution")


def constructor_arguments(cls: Any, args: tuple, kwargs: dict[str, Any]) -> dict[str, Any]:
    """{name: value} of a call of a class's constructor, with defaults, as a file stores them.

    Raises:
        GanzooError: an invalid image_shape, or a number that is too large.
    """
    signature = inspect.signature(cls.__init__)
    bound = signature.bind(None, *args, **kwargs)
    bound.apply_defaults()
    arguments = dict(bound.arguments)
    del arguments["self"]
    for name, parameter in signature.parameters.items():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            arguments.update(arguments.pop(name, {}))
    # Files do not distinguish lists from tuples.
    arguments = {name: tuple(value) if isinstance(value, list) else value for name, value in arguments.items()}
    check_model_arguments(arguments, getattr(cls, "model_name", None) or cls.__name__)
    return arguments


class Saving(keras.Model):
    """The part of `ZooModel` that saves and loads: `.keras` files to resume training from, presets, shipped weights."""

    arguments: dict[str, Any]

    def save(self, filepath: PathLike, overwrite: bool = True, **options: Any) -> None:
        """Writes a `.keras` file that `ganzoo.load` and `keras.saving.load_model` read and that training resumes from.

        Args:
            filepath: path that ends in `.keras`.
            overwrite: whether to replace an existing file without asking.
            **options: as in `keras.Model.save`.

        Raises:
            GanzooError: another suffix (Keras' older formats cannot hold the state of two optimizers), or a class or
                function that is not registered, so that no file of it could be loaded: the model's own, or that of an
                optimizer, a schedule, a loss or an argument of the model.

        Example:
            model = ganzoo.create("dcgan", image_shape=(32, 32, 1), width=4)
            model.save("mine.keras")
            same = ganzoo.load("mine.keras")
        """
        if not str(filepath).endswith(".keras"):
            raise GanzooError(
                f"cannot save to {filepath}: the name must end in .keras (for other programs there is export())"
            )
        self.complete_networks()
        self._check_loadable(filepath)
        super().save(filepath, overwrite=overwrite, **options)

    def _check_loadable(self, filepath):
        """Refuses to write a file that `ganzoo.load` would refuse to read, by the same check."""
        name = type(self).__name__
        if not str(keras.saving.get_registered_name(type(self))).startswith("ganzoo>"):
            raise GanzooError(
                f"cannot save to {filepath}: {name} is not registered, so that no file of it could be loaded: put "
                "@ganzoo.register('name') before the class"
            )
        try:
            # Keras warns about lambdas at length; they are refused below.
            with warnings.catch_warnings(action="ignore"):
                config = json.loads(json.dumps(keras.saving.serialize_keras_object(self)))
        # Keras, JSON and a class's own `get_config` raise errors of many types.
        except Exception as error:
            raise GanzooError(f"cannot save to {filepath}: {name} cannot be described ({first_line(error)})") from None
        if named := keras_archive.refused_object(config):
            raise GanzooError(
                f"cannot save to {filepath}: the model has {named}, which is not registered, so that the file could "
                "not be loaded: put @keras.saving.register_keras_serializable() before its definition"
                + (", after making it a function with a name" if named == "a lambda" else "")
            )

    @classmethod
    def from_preset(cls, preset: PathLike, load_weights: bool = True, compile: bool = True) -> Self:
        """Makes a model of this class from a preset.

        Args:
            preset: the name of a preset, with or without the model's name ("dcgan.mnist" or "mnist" for a DCGAN), an
                address of the hub ("hf://user/name"), a preset folder, a YAML file, a run folder or a `.keras` file.
            load_weights: False initializes the weights at random.
            compile: False does not compile the model with the preset's settings.

        Raises:
            GanzooError: an unknown preset, or one whose model is not of this class.

        Example:
            from ganzoo.models import DCGAN

            model = DCGAN.from_preset("digits")
            model = ganzoo.AdversarialModel.from_preset("dcgan.digits")  # any adversarial model
        """
        own = f"{getattr(cls, 'model_name', None)}.{preset}"
        known = presets.list_presets()
        short = [name.partition(".")[2] for name in known if name.startswith(f"{getattr(cls, 'model_name', None)}.")]
        found = own if own in known else preset
        path = Path(str(preset))
        if (
            short
            and found == preset
            and preset not in known
            and len(path.parts) == 1
            and not path.suffix
            and not path.exists()
        ):
            raise unknown(f"preset of {cls.__name__}", preset, short)
        made = registry.model_class(presets.model_of(found, trained=load_weights))
        if not issubclass(made, cls):
            raise GanzooError(
                f"'{preset}' is a preset of {made.__name__}, which is not a {cls.__name__}: use "
                f"{made.__name__}.from_preset(), or ganzoo.load() for any model"
            )
        return loading.load(found, trained=load_weights, compile=compile)

    def save_to_preset(
        self,
        folder: PathLike,
        description: str = "",
        license: str = "",
        data: str = "",
        *,
        overwrite: bool = False,
    ) -> Path:
        """Writes a preset folder that `from_preset` and `ganzoo.load` read: a YAML file with the model's arguments and
        the settings of `compile`, and its weights in half precision. To resume training, use `save`, which also writes
        the state of the optimizers.

        Args:
            folder: created if it does not exist.
            description: one line about the model.
            license: license of the training data.
            data: description of the training data.
            overwrite: replace a preset that the folder holds.

        Returns:
            The path of the YAML file.

        Raises:
            GanzooError: a class that is not registered, an argument that cannot be written to YAML, a run folder, or
                weights that are not finite. A setting of `compile` that cannot be written is left out with a warning.

        Example:
            model = ganzoo.create("dcgan", image_shape=(32, 32, 1), width=4)
            model.save_to_preset("my_dcgan", description="untrained")
            same = ganzoo.load("my_dcgan")
        """
        try:
            return preset_folders.save(self, folder, description, license, data, overwrite)
        except OSError as error:
            raise GanzooError(f"cannot save to {folder}: {error.strerror}") from None

    def load_shipped(self, path: PathLike, sha256: str | None = None) -> "list[keras.Model]":
        """Loads a preset's weights file. Networks with a moving average begin as the average.

        A file may lack the networks that only training uses, such as the discriminator; these then stay untrained.

        Returns:
            The networks that got their weights from the file.
        """
        stored = self._stored(path, self._shipped(), sha256)
        weights.load(path, stored, sha256)
        begun = [name for name in self.averages if name not in self._deferred]
        for name in begun:
            getattr(self, name).set_weights(self.averages[name].get_weights())
        return [*stored.values(), *(getattr(self, name) for name in begun)]

    def start_from(self, other: "Saving") -> None:
        """Initializes the averaged networks with the moving averages of another model.

        Raises:
            GanzooError: another architecture.

        Example:
            model = ganzoo.load("dcgan.digits", trained=False)
            model.start_from(ganzoo.load("dcgan.digits"))
        """
        for name, average in self.averages.items():
            theirs = other.averages.get(name)
            shapes = [
                weights.shapes(network) if network is not None else {} for network in (self.networks[name], theirs)
            ]
            if shapes[0] != shapes[1]:
                different = sorted(
                    path for path in {*shapes[0], *shapes[1]} if shapes[0].get(path) != shapes[1].get(path)
                )
                raise GanzooError(
                    f"the {name} of {other.preset or other.name} has another architecture (first: {different[0]}): "
                    "give this model the arguments of that one"
                )
            for network in (self.networks[name], average):
                network.set_weights(theirs.get_weights())

    def save_shipped(self, path: PathLike, inference_only: bool = False, bits: int = 16) -> str:
        """Writes the file that `load_shipped` reads, and returns its SHA-256.

        Args:
            path: of the file.
            inference_only: leave out the networks that only training uses, such as the discriminator.
            bits: 16 for float16, or 8 for about half the size, see `ganzoo.weights.save`.
        """
        self.complete_networks()
        left_out = self._training_names if inference_only else ()
        return weights.save(path, {name: net for name, net in self._shipped().items() if name not in left_out}, bits)

    def _shipped(self):
        """{name: network}, the moving average if there is one; without deferred networks."""
        built = (name for name in self._network_names if name not in self._deferred)
        return {**{name: getattr(self, name) for name in built}, **self.averages}

    def load_left_out(self, path: PathLike, names: Iterable[str], sha256: str | None = None) -> None:
        """Loads from a preset's weights file the networks that `load_shipped` has deferred."""
        weights.load(path, self._stored(path, {name: self.networks[name] for name in names}, sha256), sha256)

    def _stored(
        self, path: PathLike, networks: "dict[str, keras.Model]", sha256: str | None
    ) -> "dict[str, keras.Model]":
        """The networks without those that only training uses and the file lacks."""
        found = weights.stored_networks(path, sha256)
        missing = [name for name in networks if name in self._training_names and name not in found]
        if missing:
            warnings.warn(
                f"{Path(path).name} has no weights of the {' and '.join(missing)}, which only training uses: training "
                "starts with new ones",
                stacklevel=2,
            )
        return {name: network for name, network in networks.items() if name not in missing}

    # Keras saves neither the random state of layers such as dropout, nor the running means of the current epoch.
    # Training resumed without them would differ.

    def save_own_variables(self, store: Any) -> None:
        """As in Keras, with the random state of layers and the means of the current epoch."""
        super().save_own_variables(store)
        for name, variable in self._unsaved_state().items():
            store[name] = backend.local_value(variable)

    def load_own_variables(self, store: Any) -> None:
        """Reads what `save_own_variables` writes."""
        state = self._unsaved_state()
        own = {key: store[key] for key in store.keys() if not key.startswith(("random_", "mean_"))}  # noqa: SIM118
        super().load_own_variables(own)
        for name, variable in state.items():
            # A file of a model that was not compiled, or with other losses, has no such means: they begin anew.
            new = name.startswith("mean_") and name not in store
            variable.assign(ops.zeros_like(variable) if new else store[name])

    def _unsaved_state(self):
        """{name: variable} of what Keras does not save; a model that is not compiled has no means."""
        random = [variable for variable in self.variables if variable.path.endswith("seed_generator_state")]
        state = {f"random_{i}": variable for i, variable in enumerate(random)}
        for metric in self.metrics:
            state.update({f"mean_{metric.name}_{i}": variable for i, variable in enumerate(metric.variables)})
        return state

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, for Keras."""
        return {**self.arguments, "name": self.name, "dtype": keras.saving.serialize_keras_object(self.dtype_policy)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Self:
        """A model from what `get_config` returned."""
        config = dict(config)
        dtype = config.pop("dtype", None)
        name = config.pop("name", None)
        config = {key: _with_objects(value) for key, value in config.items()}
        config = {key: tuple(value) if isinstance(value, list) else value for key, value in config.items()}
        with made_with(keras.saving.deserialize_keras_object(dtype) if dtype else keras.config.dtype_policy()):
            model = cls(**config)
        memory.check_all_needed()
        if name:
            model.name = name
        return model

    def described_settings(self) -> dict[str, Any]:
        """The settings of `compile` as in the section "compile" of a YAML file, without those that are defaults and
        those of how steps are executed; empty if the model is not compiled.

        A setting that cannot be written, such as an optimizer of the user's own, is left out with a warning.
        """
        parameters = parameters_of("compile", owner=type(self))
        found = {}
        for key, value in (self._settings or {}).items():
            if key not in parameters or key in _EXECUTION:
                continue
            usual = parameters[key].default
            try:
                described = _described(value)
                if key.endswith("optimizer") and isinstance(usual, (str, dict)):
                    usual = optimizers.get(usual, key)
                if usual is inspect.Parameter.empty or described != _described(usual):
                    found[key] = described
            except GanzooError as error:
                warnings.warn(f"the preset lacks the setting '{key}' of compile(): {error}", stacklevel=4)
        return found

    def get_compile_config(self) -> dict[str, Any] | None:
        """The settings of `compile`, for Keras; None if the model is not compiled."""
        if self._settings is None:
            return None
        # A subclass's compile() may not take all of its parent's arguments.
        taken = parameters_of("compile", owner=type(self))
        config = {
            key: keras.saving.serialize_keras_object(value) for key, value in self._settings.items() if key in taken
        }
        return _of_any_back_end(config)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles the model with what `get_compile_config` returned, if this backend can train it."""
        if problem := backend.unsupported(self.dtype_policy.name, 1, False):
            warnings.warn(f"loaded without its compile settings, since it cannot train here: {problem}", stacklevel=2)
            return
        config = _of_any_back_end(config)
        settings = {key: keras.saving.deserialize_keras_object(value) for key, value in config.items()}
        # How steps are executed may depend on the machine: drop these settings if this backend does not support them.
        execution = {"steps_per_execution": 1, "jit_compile": False}
        if backend.unsupported(self.dtype_policy.name, *(settings.get(key, off) for key, off in execution.items())):
            settings = {key: value for key, value in settings.items() if key not in execution}
        self.compile(**settings)


def _described(value: Any) -> Any:
    """A setting of `compile` as in a YAML file."""
    if isinstance(value, keras.optimizers.Optimizer):
        return optimizers.described(value)
    if isinstance(value, Named):
        return value.described()
    if isinstance(value, dict):
        return {key: _described(part) for key, part in value.items()}
    return [_described(part) for part in value] if isinstance(value, (list, tuple)) else plain(value)


def _of_any_back_end(config):
    """A serialized config whose optimizers every backend can load: Keras writes the name of the backend's own class
    for some of them."""
    if isinstance(config, (list, tuple)):
        return [_of_any_back_end(value) for value in config]
    if not isinstance(config, dict):
        return config
    config = {key: _of_any_back_end(value) for key, value in config.items()}
    if str(config.get("module")).startswith("keras.src.backend."):
        config.update(module="keras.optimizers", registered_name=None)
    return config


def _with_objects(value):
    """An argument of a model in which serialized functions and objects are restored."""
    if isinstance(value, list):
        return [_with_objects(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "class_name" in value and "config" in value:
        return keras.saving.deserialize_keras_object(value)
    return {key: _with_objects(item) for key, item in value.items()}
