"""One step of every model on the back end that KERAS_BACKEND names: `python step.py START OUT [MODEL ...]`.

START is a folder of `<model>.keras`; where one is missing it is made. Into OUT goes a file `<model>.npz` with all that
the step leaves: what was reported, and every variable of the model. Noise comes from NumPy, so that it is the same on
all back ends; SGD makes the weights' change the gradient.
"""

import sys
from pathlib import Path

import keras
import numpy as np
from keras import ops

import ganzoo
from ganzoo import presets
from ganzoo.registry import list_models, model_class

SGD = {"name": "sgd", "learning_rate": 0.1}


class NumPyNoise:
    """Draws as `ganzoo.training.noise.Noise` does, from NumPy; its n-th draw is always the same."""

    def start_step(self, step):
        self.drawn = 0

    def _generator(self):
        self.drawn += 1
        return np.random.default_rng(self.drawn)

    def normal(self, shape):
        return ops.convert_to_tensor(self._generator().standard_normal(shape, "float32"))

    def uniform(self, shape, minval=0.0, maxval=1.0):
        return ops.convert_to_tensor(self._generator().uniform(minval, maxval, shape).astype("float32"))


def step(name, start, out):
    cls = model_class(name)
    path = start / f"{name}.keras"
    if not path.exists():
        keras.utils.set_random_seed(0)
        arguments = dict(cls.test_config)
        if name == "gan":
            arguments["dropout"] = 0.0
        model = ganzoo.create(name, **arguments)
        few = {"discriminator_steps": 2} if name.startswith("wgan") else {}  # each is compiled apart
        model.compile(SGD, **few, **cls.test_compile_config)
        # With biases of 0 a unit can see exactly 0, where back ends differ about the slope of a leaky ReLU; and what
        # weights of 0.02 give is so small that batch norm makes its rounding large.
        random = np.random.default_rng(1)
        for variable in model.trainable_variables:
            noise = random.standard_normal(variable.shape, "float32")
            if variable.path.endswith("kernel"):
                variable.assign(noise / np.sqrt(np.prod(variable.shape[:-1])))
            else:
                variable.assign_add(0.01 * noise)
        model.save(path)
    model = ganzoo.load(path)
    model.noise = NumPyNoise()
    batch = model.example_batch(4 * model.batches_per_step)
    parts = batch if isinstance(batch, tuple) else (batch,)
    history = model.fit(*parts, batch_size=4, shuffle=False, verbose=0).history
    found = {f"reported {key}": value[0] for key, value in history.items()}
    for i, variable in enumerate(model.variables):
        found[f"{i} {variable.path.split('/', 1)[-1]}"] = ops.convert_to_numpy(variable)
    found["drawn"] = drawn(model)
    found["evaluated"] = np.array(model.evaluate(*parts, batch_size=4, verbose=0))
    if hasattr(model, "enhance"):
        before = model.enhance(batch[0][0, :, 0], model.sample_rate)
        model.ema_generator.set_weights([0.5 * weight for weight in model.ema_generator.get_weights()])
        found["enhanced before"], found["enhanced"] = before, model.enhance(batch[0][0, :, 0], model.sample_rate)
    if shipped := shipping(name):
        found["drawn by weights that ship"] = drawn(ganzoo.load(shipped))
    np.savez(out / f"{name}.npz", **{key.replace("/", "|"): value for key, value in found.items()})


def drawn(model):
    inputs = model.example_inputs(3)
    return ops.convert_to_numpy(model(inputs if len(inputs) > 1 else inputs[0]))


def shipping(name):
    """The default preset of a model, if it has weights."""
    preset = presets.find(name)
    return preset.name if preset.config.weights else None


def main():
    start, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[3:] or list_models():
        step(name, start, out)


if __name__ == "__main__":
    main()
