"""What holds for every registered model: to register one is to have it tested."""

import re
import subprocess
import sys

import keras
import numpy as np
import pytest

import ganzoo
from ganzoo import registry
from ganzoo.arguments import parameters_of, validated_arguments
from ganzoo.registry import model_class

BATCH = 8


def make(name, **settings):
    keras.utils.set_random_seed(0)
    model = ganzoo.create(name, **model_class(name).test_config)
    model.compile(**{**model_class(name).test_compile_config, **settings})
    return model


def one_step(model):
    batch = model.example_batch(BATCH * model.batches_per_step)
    model.fit(*((batch,) if not isinstance(batch, tuple) else batch), batch_size=BATCH, epochs=1, verbose=0)


def outputs(model, count=4):
    """The averaged generator's output for fixed inputs."""
    inputs = model.example_inputs(count)
    return np.asarray(model(inputs[0] if len(inputs) == 1 else inputs))


@pytest.fixture(scope="module", params=ganzoo.list_models())
def name(request):
    return request.param


@pytest.fixture(scope="module")
def trained(name):
    """A model after one step, and the trainable weights of each network before it; one for all tests of a model."""
    model = make(name)
    networks = [network for network in model.networks.values() if network.trainable]
    before = [[np.array(w) for w in network.trainable_weights] for network in networks]
    one_step(model)
    return model, list(zip(networks, before))


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    """A function from the folder of an exported model and inputs to TensorFlow's outputs and its standard error, in one
    process without ganzoo for all models."""
    log = tmp_path_factory.mktemp("serving") / "stderr"
    with (
        open(log, "wb") as errors,
        subprocess.Popen(
            [sys.executable, "-c", SERVING],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=log.parent,
        ) as process,
    ):

        def served(folder, inputs):
            np.savez(folder / "inputs.npz", *inputs)
            said = log.stat().st_size
            print(folder, file=process.stdin, flush=True)
            assert process.stdout.readline() == "served\n", log.read_text()
            return np.load(folder / "outputs.npy"), log.read_bytes()[said:].decode(errors="replace")

        yield served
        process.stdin.close()


SERVING = """
import sys
sys.modules["ganzoo"] = None
import numpy as np, tensorflow as tf
for line in sys.stdin:
    folder = line.strip()
    inputs = np.load(folder + "/inputs.npz")
    served = tf.saved_model.load(folder + "/served")
    images = served.serve(*[inputs[key] for key in inputs.files])
    np.save(folder + "/outputs.npy", images.numpy())
    print("served", flush=True)
"""


def test_every_model_ships_a_preset_and_says_what_it_is(name):
    assert ganzoo.list_presets(f"{name}.*")
    cls = model_class(name)
    assert "arXiv" in cls.__doc__ or "doi:" in cls.__doc__
    assert "Example" in cls.__doc__
    # A line for `ganzoo list` and the cards, whole up to its source.
    assert re.fullmatch(r"[^():]+: [^()]+ \([^()]+ \d{4}, (arXiv|doi):[^()]+\)\.", registry.describe(name))
    assert validated_arguments(parameters_of("__init__", owner=cls), cls.test_config, name)


def test_one_step_moves_every_trainable_weight_of_both_networks(trained):
    for network, old in trained[1]:
        for weight, value in zip(network.trainable_weights, old):
            assert np.abs(np.array(weight) - value).max() > 0, weight.path
            assert np.isfinite(np.array(weight)).all(), weight.path


def test_save_and_load_restores_images_and_training(trained, tmp_path):
    model, _ = trained
    model.save(tmp_path / "model.keras")
    loaded = ganzoo.load(tmp_path / "model.keras")
    np.testing.assert_array_equal(outputs(loaded), outputs(model))
    assert loaded.get_config() == model.get_config()
    assert loaded.steps == model.steps == 1
    one_step(model)
    one_step(loaded)
    for ours, theirs in zip(model.weights, loaded.weights):
        # Some gradients add up in the order their threads finish: equal but for the last bits.
        np.testing.assert_allclose(np.array(ours), np.array(theirs), atol=1e-6, err_msg=ours.path)


def test_same_seed_same_images_another_seed_others(trained, name):
    if not issubclass(model_class(name), ganzoo.ImageGeneration):
        pytest.skip("does not generate from noise")
    model, _ = trained
    before = model.ema_generator.get_weights()
    for weight in model.ema_generator.trainable_weights + model.ema_generator.non_trainable_weights:
        if weight.name == "kernel" and hasattr(model, "latent_dim"):
            # Fresh weights are so small that several layers make nothing of the latents.
            weight.assign(5 * weight)
    asked = {"captions": "a red apple"} if isinstance(model, ganzoo.TextToImage) else {}
    images = model.generate(6, seed=5, **asked)
    assert images.dtype == np.uint8
    assert images.shape == (6, *model.image_shape)
    np.testing.assert_array_equal(images, model.generate(6, seed=5, **asked))
    assert (images != model.generate(6, seed=6, **asked)).any()
    # A larger count begins with the same images; another batch size may round a gray level differently.
    assert np.abs(images[:2].astype(int) - model.generate(2, seed=5, **asked)).max() <= 1
    model.ema_generator.set_weights(before)


def test_export_generates_the_same_images_without_ganzoo(trained, serving, tmp_path):
    model, _ = trained
    model.export(tmp_path / "served")
    images, said = serving(tmp_path, model.example_inputs(3))
    assert "gradient" not in said, "TensorFlow warns of operations that it cannot differentiate"
    np.testing.assert_allclose(images, outputs(model, 3), atol=1e-5)


def test_shipped_weights_come_back_within_half_precision(trained, name, tmp_path):
    model, _ = trained
    sha256 = model.save_shipped(tmp_path / "w.npz")
    other = make(name)
    other.load_shipped(tmp_path / "w.npz", sha256)
    # Two gray levels of the 127.5 in [-1, 1].
    np.testing.assert_allclose(outputs(other), outputs(model), atol=2 / 127.5)
    np.testing.assert_array_equal(other.generator.get_weights()[0], other.ema_generator.get_weights()[0])


@pytest.mark.parametrize("argument", ["generator_widths", "discriminator_widths"])
def test_a_gan_needs_hidden_layers(argument):
    with pytest.raises(ganzoo.GanzooError, match=f"{argument}: at least one hidden layer is needed"):
        ganzoo.create("gan", image_shape=(8, 8, 1), **{argument: ()}).compile()
