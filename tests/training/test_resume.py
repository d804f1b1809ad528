"""A training stopped anywhere and begun again ends with the very weights of one never stopped, for every model."""

import subprocess
import sys

from ganzoo.registry import list_models

# In a process of its own: from the flag on, every operation of TensorFlow adds up in one order.
_CODE = """
import sys
import keras, numpy as np, tensorflow as tf
import ganzoo
from ganzoo.registry import list_models, model_class

tf.config.experimental.enable_op_determinism()
folder = sys.argv[1]

def fit(model, steps):
    k = model.batches_per_step
    batches = [model.example_batch(4, seed) for step in steps for seed in range(step * k, step * k + k)]
    data = keras.tree.map_structure(lambda *parts: np.concatenate(parts), *batches)
    model.fit(tf.data.Dataset.from_tensor_slices(data).batch(4), verbose=0)

for name in list_models():
    keras.utils.set_random_seed(0)
    cls = model_class(name)
    model = ganzoo.create(name, **cls.test_config)
    model.compile(**cls.test_compile_config)
    fit(model, range(2))
    model.save(f"{folder}/{name}.keras")
    fit(model, range(2, 5))
    keras.utils.set_random_seed(1)
    other = ganzoo.load(f"{folder}/{name}.keras")
    fit(other, range(2, 5))
    assert model.steps == other.steps == 5
    optimizers = model.optimizers.values()
    assert sum(len(one.variables) for one in optimizers) > 1
    for ours, theirs in zip(model.weights, other.weights, strict=True):
        assert np.array_equal(np.asarray(ours), np.asarray(theirs)), (name, ours.path)
    print(name, flush=True)
"""


def test_every_model_resumes_to_the_same_weights(tmp_path):
    done = subprocess.run([sys.executable, "-c", _CODE, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.split() == list_models()
