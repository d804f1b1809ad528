"""What a model writes to its files besides what Keras does."""

import keras
from keras import ops


class Saving:
    """The half of `AdversarialModel` that saves and loads: shipped weights, and `.keras` files that train on."""

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
