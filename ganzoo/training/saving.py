"""What a model writes to its files besides what Keras does."""

import json
import warnings
from pathlib import Path
from typing import Self

import keras

from ganzoo import backend, keras_archive, presets, registry, weights
from ganzoo.config import parameters_of
from ganzoo.errors import GanzooError, first_line
from ganzoo.precision import made_with
from ganzoo.types import PathLike


class Saving:
    """The half of `ZooModel` that saves and loads: shipped weights, and `.keras` files that train on."""

    def save(self, filepath, overwrite=True, **options):
        """Writes a `.keras` file, from which `ganzoo.load` and `keras.saving.load_model` make the model again and
        training goes on.

        Args:
            filepath: path that ends in `.keras`.
            overwrite: whether a file that is there may be replaced without asking.
            **options: as in `keras.Model.save`.

        Raises:
            GanzooError: another suffix. Keras' older formats hold no state of two optimizers; for other programs there
                is `export`. Or a class or function that is not registered, from which `ganzoo.load` could not make the
                model again: of the model, or of an optimizer, a schedule, a loss or an argument of the model.

        Example:
            model.save("mine.keras")
        """
        if not str(filepath).endswith(".keras"):
            raise GanzooError(
                f"cannot save to {filepath}: the name must end in .keras (for other programs there is export())"
            )
        if self._left_out or self._when_complete is not None:
            self.complete()
        self._check_loadable(filepath)
        super().save(filepath, overwrite=overwrite, **options)

    def _check_loadable(self, filepath):
        """Refuses to write a file that `ganzoo.load` would refuse to read, by the rule that it reads files by."""
        name = type(self).__name__
        if not str(keras.saving.get_registered_name(type(self))).startswith("ganzoo>"):
            raise GanzooError(
                f"cannot save to {filepath}: {name} is not registered, so that no file of it could be loaded: put "
                "@ganzoo.register('name') before the class"
            )
        try:
            # Keras warns of lambdas, in many lines; they are refused below.
            with warnings.catch_warnings(action="ignore"):
                config = json.loads(json.dumps(keras.saving.serialize_keras_object(self)))
        # Keras, JSON and a class's own `get_config` have an error of their own for each thing that has no description.
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
            preset: the name of a preset, with or without the model's name ("dcgan.mnist" or "mnist" for a DCGAN), a
                preset folder, a YAML file, a run folder or a `.keras` file.
            load_weights: False gives fresh weights.
            compile: False gives a model without the preset's settings of training.

        Raises:
            GanzooError: an unknown preset, or one whose model is not of this class.

        Example:
            from ganzoo.models import DCGAN

            model = DCGAN.from_preset("digits")
            model = ganzoo.AdversarialModel.from_preset("dcgan.digits")  # any adversarial model
        """
        own = f"{getattr(cls, 'model_name', None)}.{preset}"
        found = own if own in presets.list_presets() else preset
        made = registry.model_class(presets.model_of(found, trained=load_weights))
        if not issubclass(made, cls):
            raise GanzooError(
                f"'{preset}' is a preset of {made.__name__}, which is not a {cls.__name__}: use "
                f"{made.__name__}.from_preset(), or ganzoo.load() for any model"
            )
        return presets.load(found, trained=load_weights, compile=compile)

    def save_to_preset(self, folder: PathLike, description: str = "", license: str = "", data: str = "") -> Path:
        """Writes a preset folder, which `from_preset` and `ganzoo.load` read: a YAML file with the model's arguments,
        and its weights in half precision. Optimizers stay behind: `save` writes a file that training goes on from.

        Args:
            folder: made if it is missing; files of an earlier preset in it are replaced.
            description: one line, for people.
            license: of the training data.
            data: what the training data is.

        Returns:
            The path of the YAML file.

        Raises:
            GanzooError: a class that is not registered, an argument that cannot be written to YAML, a run folder, or
                weights that are not finite.

        Example:
            model = ganzoo.create("dcgan", image_shape=(32, 32, 1), width=4)
            model.save_to_preset("my_dcgan", description="untrained")
            same = ganzoo.load("my_dcgan")
        """
        try:
            return presets.save(self, folder, description, license, data)
        except OSError as error:
            raise GanzooError(f"cannot save to {folder}: {error.strerror}") from None

    def load_shipped(self, path, sha256=None):
        """Takes the weights of a preset's file; averaged networks begin with their averages."""
        weights.load(path, self._shipped(), sha256)
        for name, average in self.averages.items():
            getattr(self, name).set_weights(average.get_weights())

    def start_from(self, other):
        """Takes the weights of another model's averages, of the same architecture, to train on from.

        Raises:
            GanzooError: another architecture.

        Example:
            model.start_from(ganzoo.load("srresnet"))
        """
        for name, average in self.averages.items():
            theirs = other.averages.get(name)
            shapes = [
                {variable.path: tuple(variable.shape) for variable in network.weights} if network is not None else {}
                for network in (self.networks[name], theirs)
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

    def save_shipped(self, path):
        """Writes the file `load_shipped` reads; returns its SHA-256."""
        self.complete()
        return weights.save(path, self._shipped())

    def _shipped(self):
        """{name: network}, averages for those that have one; without those that are left out."""
        there = (name for name in self._network_names if name not in self._left_out)
        return {**{name: getattr(self, name) for name in there}, **self.averages}

    def load_left_out(self, path, names, sha256=None):
        """Takes the weights of those networks that were left out when the others were loaded."""
        weights.load(path, {name: self.networks[name] for name in names}, sha256)

    # Keras saves neither a layer's random state, dropout's for one, nor the means of an epoch that is not over;
    # without them a loaded model would train or report on differently.

    def save_own_variables(self, store):
        super().save_own_variables(store)
        for name, variable in self._unsaved_state().items():
            store[name] = backend.local_value(variable)

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
        config = {key: _with_objects(value) for key, value in config.items()}
        config = {key: tuple(value) if isinstance(value, list) else value for key, value in config.items()}
        with made_with(keras.saving.deserialize_keras_object(dtype) if dtype else keras.config.dtype_policy()):
            model = cls(**config)
        weights.check_all_needed()
        if name:
            model.name = name
        return model

    def get_compile_config(self):
        if self._settings is None:
            return None
        # Of a class without a discriminator, compile() does not take all of them.
        taken = parameters_of("compile", owner=type(self))
        config = {
            key: keras.saving.serialize_keras_object(value) for key, value in self._settings.items() if key in taken
        }
        return _of_any_back_end(config)

    def compile_from_config(self, config):
        if problem := backend.unsupported(self.dtype_policy.name, 1, False):
            warnings.warn(f"loaded without its settings of training, which cannot go on here: {problem}", stacklevel=2)
            return
        config = _of_any_back_end(config)
        settings = {key: keras.saving.deserialize_keras_object(value) for key, value in config.items()}
        # How steps are run is the matter of the machine that runs them.
        how = {"steps_per_execution": 1, "jit_compile": False}
        if backend.unsupported(self.dtype_policy.name, *(settings.get(key, plain) for key, plain in how.items())):
            settings = {key: value for key, value in settings.items() if key not in how}
        self.compile(**settings)


def _of_any_back_end(config):
    """A serialized config whose optimizers are found on every back end: for some Keras has classes of their own, which
    nobody but itself asks for, and would write those into the file."""
    if isinstance(config, (list, tuple)):
        return [_of_any_back_end(value) for value in config]
    if not isinstance(config, dict):
        return config
    config = {key: _of_any_back_end(value) for key, value in config.items()}
    if str(config.get("module")).startswith("keras.src.backend."):
        config.update(module="keras.optimizers", registered_name=None)
    return config


def _with_objects(value):
    """A model's arguments with the registered functions and objects that they describe, as `get_config` had them."""
    if isinstance(value, list):
        return [_with_objects(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "class_name" in value and "config" in value:
        return keras.saving.deserialize_keras_object(value)
    return {key: _with_objects(item) for key, item in value.items()}
