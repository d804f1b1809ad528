"""The same models on other backends of Keras: each in a process of its own, where KERAS_BACKEND decides."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import ganzoo
from ganzoo.losses.loudness import loudness_difference
from ganzoo.losses.pesq import pesq_disturbance
from ganzoo.precision import made_with
from ganzoo.registry import list_models, model_class
from ganzoo.training.callbacks.record import read_records

# As if it were not installed.
WITHOUT_TENSORFLOW = "import sys; sys.modules['tensorflow'] = None; "


# TensorFlow without the kernels of this package.
PLAIN = "plain tensorflow"


def run(backend, *command, **options):
    # Compiling is what takes the time, not running.
    environment = {**os.environ, "KERAS_BACKEND": backend, "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    if backend == PLAIN:
        environment |= {"KERAS_BACKEND": "tensorflow", "GANZOO_PLAIN_KERNELS": "1"}
    command = [sys.executable, *map(str, command)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, **options)


@pytest.fixture(scope="module")
def steps(tmp_path_factory):
    """A function from a backend to the folder with what one step of every model leaves; it takes them once."""
    folder = tmp_path_factory.mktemp("steps")

    def taken(backend):
        if not (folder / backend).exists():
            done = run(backend, Path(__file__).with_name("step.py"), folder / "start", folder / backend)
            assert done.returncode == 0, done.stderr[-3000:]
        return folder / backend

    (folder / "start").mkdir()
    taken("tensorflow")
    return taken


# JAX compiles each step, which takes longer than on the two others together.
@pytest.fixture(params=["torch", pytest.param("jax", marks=pytest.mark.long)])
def other(request):
    if importlib.util.find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    return request.param


@pytest.mark.parametrize("name", list_models())
def test_a_step_is_the_same_without_the_kernels_of_the_package(steps, name):
    """GANZOO_PLAIN_KERNELS=1."""
    check_steps(steps, PLAIN, name)


@pytest.mark.parametrize("name", list_models())
def test_a_step_and_generated_images_are_the_same_on_all_back_ends(steps, other, name):
    """Losses, gradients (as changes of weights by SGD), batch statistics, averages, and images
    generated after the step and by shipped weights."""
    check_steps(steps, other, name)


ZOOM = """
import numpy as np
from keras import ops
from ganzoo.pixels import zoomed
images = np.random.default_rng(0).random((2, 13, 18, 3), "float32")
for factor in (0.8, 1.3):
    for outside in (1.0, (0.1, 0.2, 0.3)):
        ours = ops.convert_to_numpy(zoomed(ops.convert_to_tensor(images), factor, outside=outside))
        np.testing.assert_allclose(ours, zoomed(images, factor, outside=outside), atol=1e-6)
"""


# Compares with the values passed as arguments.
SPEECH_LOSSES = """
import sys
import numpy as np
from keras import ops
from ganzoo.losses.loudness import loudness_difference
from ganzoo.losses.pesq import pesq_disturbance
real, fake = np.random.default_rng(0).normal(0, 0.1, (2, 2, 8000)).astype("float32")
found = loudness_difference(real, fake, 16_000), pesq_disturbance(real, fake)
np.testing.assert_allclose([ops.convert_to_numpy(loss) for loss in found], list(map(float, sys.argv[1:])), rtol=1e-4)
"""


def test_functions_of_pixels_and_sounds_are_the_same_on_all_backends(other):
    real, fake = np.random.default_rng(0).normal(0, 0.1, (2, 2, 8000)).astype("float32")
    expected = [float(loudness_difference(real, fake, 16_000)), float(pesq_disturbance(real, fake))]
    done = run(other, "-c", ZOOM + SPEECH_LOSSES, *expected)
    assert done.returncode == 0, done.stderr[-3000:]


def check_steps(steps, other, name):
    ours, theirs = (np.load(steps(backend) / f"{name}.npz") for backend in ("tensorflow", other))
    assert ours.files == theirs.files
    assert any(key.startswith("reported") for key in ours.files)
    for key in ours.files:
        scale = max(1e-2, np.abs(ours[key]).max(initial=0))
        np.testing.assert_allclose(theirs[key] / scale, ours[key] / scale, rtol=0, atol=1e-4, err_msg=key)


@pytest.mark.long
def test_a_preset_trains_and_resumes_where_tensorflow_is_not(other, tiny_preset, tmp_path):
    command = ["-c", WITHOUT_TENSORFLOW + "from ganzoo.cli import main; main()", "train", tiny_preset]
    quick = ["--set", "evaluation.extractor=null"]
    for options in (["whole"], ["parts", "--max-minutes", "0.0001"], ["parts", "--resume"]):
        done = run(
            other,
            *command,
            "--output",
            tmp_path / options[0],
            *options[1:],
            *(quick if "--resume" not in options else []),
        )
        assert done.returncode == 0, done.stderr[-3000:]
        assert f"KERAS_BACKEND={other}" in done.stdout
        if "--max-minutes" in options:
            assert "stopped at step 1 of 24" in done.stdout
    folders = [tmp_path / part / "tiny-001" for part in ("whole", "parts")]
    import ganzoo

    # What they have learned is read on the home backend.
    whole, parts = (ganzoo.load(folder / "checkpoints" / "last.keras") for folder in folders)
    # PyTorch does not promise the same bits twice: once, a run differed by 7e-9. In trials, one rounding error grew
    # to at most 1e-5; a run without its optimizers differed by 1.4e-3, one with other noise by 5e-3.
    tolerance = 5e-5 if other == "torch" else 0
    for ours, theirs in zip(whole.variables, parts.variables):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=0, atol=tolerance, err_msg=ours.path)
    assert [record["epoch"] for record in read_records(folders[1] / "metrics.jsonl")] == [1, 2, 3, 4]


def test_keras_settings_decide_and_a_back_end_that_is_missing_is_named(other, tmp_path):
    command = [WITHOUT_TENSORFLOW + "from ganzoo.cli import main; main()", "info", "dcgan.digits"]
    for name in ("tensorflow", "theano"):
        done = run(name, "-c", *command)
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert f"'{name}', which is no" in line
        assert other in line.split("set KERAS_BACKEND=")[1]
    (tmp_path / "keras.json").write_text(f'{{"backend": "{other}"}}')
    prefix = f"import os; del os.environ['KERAS_BACKEND']; os.environ['KERAS_HOME'] = {str(tmp_path)!r}; "
    done = run(other, "-c", prefix + command[0], *command[1:])
    assert done.returncode == 0, done.stderr
    assert "metrics:" in done.stdout


def test_what_needs_tensorflow_says_so(other, tiny_preset, tmp_path):
    commands = ["export", "dcgan", str(tmp_path / "saved")], ["train", str(tiny_preset), "--strategy", "mirrored"]
    code = f"""
from click.testing import CliRunner
from ganzoo.cli import main
for command in {commands}:
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 1, done.output
    assert "needs TensorFlow: set KERAS_BACKEND=tensorflow" in done.output.splitlines()[-1], done.output
"""
    done = run(other, "-c", code)
    assert done.returncode == 0, done.stderr


@pytest.mark.long
def test_fit_takes_and_refuses_the_same_data(other):
    """The tests of `test_data.py` there."""
    done = run(other, "-m", "pytest", "-q", "-x", "--noconftest", Path(__file__).with_name("test_data.py"))
    assert done.returncode == 0, done.stdout[-3000:]


SETTINGS = """
import sys
import keras
import numpy as np
import pytest
import ganzoo
from ganzoo.inference import latent
from ganzoo.inference.descent import compiled_descent
from ganzoo.registry import model_class

model = ganzoo.create("gan", **model_class("gan").test_config)
images = np.random.default_rng(0).uniform(-1, 1, (16, *model.image_shape)).astype("float32")
model.compile(historical_averaging=0.1, penalties=["r1"])
slower = keras.callbacks.LearningRateScheduler(lambda epoch: 1e-3 * 0.5**epoch)
model.fit(images, batch_size=8, epochs=2, verbose=0, callbacks=[slower])
assert float(model.generator_optimizer.learning_rate) == pytest.approx(5e-4)
found, errors = latent.project(model, model.generate(2, seed=0), steps=2, starts=1)
assert found.shape == (2, model.latent_dim)
# Gradient descent uses the weights that the model has now.
network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, "linear"), keras.layers.Reshape((2, 2, 1))])
descent, start = compiled_descent(network), np.zeros((1, 4))
for scale in (1.0, 2.0):
    network.layers[0].set_weights([scale * np.eye(4), np.zeros(4)])
    given = np.full((1, 2, 2, 1), 0.5), np.full((1, 2, 2, 1), 0.25), [0.05, 1e-7, 0.0, 0.0], 300
    np.testing.assert_allclose(descent(start, start, *given), np.full((1, 4), 0.5 / scale), atol=1e-3)
# One step of five batches, twice; then what cannot be grouped.
critic = ganzoo.create("wgan", image_shape=(16, 16, 1), latent_dim=4, width=4)
critic.compile()
feed = ganzoo.data.images("digits", image_shape=(16, 16, 1), batch_size=128, upscale=True)
critic.fit(feed, epochs=2, verbose=0)
assert critic.steps == 2 * (1797 // 128 // 5)
# Validation losses, which need noise, and images generated during fit.
images = np.random.default_rng(0).uniform(-1, 1, (49, 16, 16, 1)).astype("float32")
generated = []
after_batch = keras.callbacks.LambdaCallback(
    on_train_batch_end=lambda batch, logs: generated.append(critic.generate(1, seed=0))
)
history = critic.fit(images, batch_size=4, validation_split=0.1, verbose=0, callbacks=[after_batch]).history
assert np.isfinite(history["val_g_loss"]).all()
assert len(generated) == 2 and (generated[0] != generated[1]).any()
with pytest.raises(ganzoo.GanzooError, match="discriminator_steps=5"):
    critic.fit((images[i : i + 4] for i in range(0, 48, 4)))
critic.save(sys.argv[1])
keras.config.set_dtype_policy("mixed_float16" if keras.backend.backend() == "jax" else "float32")
model = ganzoo.create("gan", **model_class("gan").test_config)
with pytest.raises(ganzoo.GanzooError, match="mixed_float16|steps_per_execution"):
    model.compile(steps_per_execution=2)
# What was saved at home goes on here, whatever ran its steps there.
keras.config.set_dtype_policy("float32")
half = ganzoo.load(sys.argv[2])
assert half.generate(2, seed=0).shape == (2, *half.image_shape)
if keras.backend.backend() == "jax":
    with pytest.raises(ganzoo.GanzooError, match="call model.compile"):
        half.fit(half.example_batch(8))
else:
    half.fit(half.example_batch(8), verbose=0)
for path in sys.argv[3:]:
    model = ganzoo.load(path)
    assert model.generator_optimizer.iterations == 1
    model.fit(model.example_batch(8), verbose=0)
    assert model.steps == 2
"""


@pytest.mark.long
def test_settings_do_what_they_do_under_tensorflow(other, tmp_path):
    for setting in ({"jit_compile": True}, {"steps_per_execution": 2}):
        model = ganzoo.create("gan", **model_class("gan").test_config)
        model.compile(**setting)
        model.fit(model.example_batch(8), verbose=0)
        model.save(tmp_path / f"{next(iter(setting))}.keras")
    back, half = tmp_path / "back.keras", tmp_path / "half" / "half.keras"
    with made_with("mixed_float16"):
        model = ganzoo.create("gan", **model_class("gan").test_config)
    model.compile()
    half.parent.mkdir()
    model.save(half)
    done = run(other, "-c", SETTINGS, back, half, *tmp_path.glob("*.keras"), cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr[-3000:]
    # And the other way, of an optimizer that PyTorch has a class of its own for.
    critic = ganzoo.load(back)
    steps = critic.steps
    critic.fit(critic.example_batch(10), batch_size=2, verbose=0)
    assert critic.steps == steps + 1


HELD = """
import keras
import numpy as np
import ganzoo
from ganzoo.backend.common import Batches, hold
from ganzoo.data import images, labeled

asked = dict(image_shape=(16, 16, 1), batch_size=64, flip=True, upscale=True)
for name, function in (("cgan", labeled), ("dcgan", images)):
    here = function("digits", **asked)
    feed = function("digits", **asked).feed
    hold(feed, feed.images.nbytes - 1)
    assert feed.held is None
    hold(feed, feed.images.nbytes)
    # Keras says so before the first epoch as well.
    here.on_epoch_end()
    for ours, theirs, _ in zip(Batches(feed), here, range(3)):
        ours, theirs = keras.tree.flatten(ours), keras.tree.flatten(theirs)
        assert keras.ops.is_tensor(ours[0]) and isinstance(theirs[0], np.ndarray)
        for a, b in zip(ours, theirs):
            np.testing.assert_allclose(keras.ops.convert_to_numpy(a), b, atol=1e-6)
    model = ganzoo.create(name, image_shape=(16, 16, 1), width=4, latent_dim=4)
    model.compile(discriminator_steps=2)
    model.fit(Batches(feed), epochs=1, verbose=0)
    assert model.steps == 1797 // 64 // 2
"""


@pytest.mark.long
def test_images_that_fit_stay_on_the_device(other):
    done = run(other, "-c", HELD)
    assert done.returncode == 0, done.stderr[-3000:]
