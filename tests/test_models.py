"""What holds for every registered model: to register one is to have it tested."""

import subprocess
import sys

import keras
import numpy as np
import pytest

import ganzoo
from ganzoo.config import parameters_of, validated_arguments
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
    """What the averaged generator makes of fixed inputs."""
    inputs = model.example_inputs(count)
    return np.asarray(model(inputs[0] if len(inputs) == 1 else inputs))


@pytest.fixture(params=ganzoo.list_models())
def name(request):
    return request.param


def test_every_model_ships_a_preset_and_says_what_it_is(name):
    assert ganzoo.list_presets(f"{name}.*")
    cls = model_class(name)
    assert "arXiv" in cls.__doc__
    assert "Example" in cls.__doc__
    assert validated_arguments(parameters_of("__init__", owner=cls), cls.test_config, name)


def test_one_step_moves_every_trainable_weight_of_both_networks(name):
    model = make(name)
    networks = [network for network in model.networks.values() if network.trainable]
    before = [[np.array(w) for w in network.trainable_weights] for network in networks]
    one_step(model)
    for network, old in zip(networks, before):
        for weight, value in zip(network.trainable_weights, old):
            assert np.abs(np.array(weight) - value).max() > 0, weight.path
            assert np.isfinite(np.array(weight)).all(), weight.path


def test_save_and_load_restores_images_and_training(name, tmp_path):
    model = make(name)
    one_step(model)
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


def test_same_seed_same_images_another_seed_others(name):
    if not issubclass(model_class(name), ganzoo.ImageGeneration):
        pytest.skip("does not draw from noise")
    model = make(name)
    one_step(model)
    for weight in model.ema_generator.trainable_weights + model.ema_generator.non_trainable_weights:
        if weight.name == "kernel":
            # Fresh weights are so small that several layers make nothing of the noise.
            weight.assign(5 * weight)
    asked = {"captions": "a red apple"} if isinstance(model, ganzoo.TextToImage) else {}
    images = model.generate(6, seed=5, **asked)
    assert images.dtype == np.uint8
    assert images.shape == (6, *model.image_shape)
    np.testing.assert_array_equal(images, model.generate(6, seed=5, **asked))
    assert (images != model.generate(6, seed=6, **asked)).any()
    # A larger count begins with the same images; another batch size may round a gray level differently.
    assert np.abs(images[:2].astype(int) - model.generate(2, seed=5, **asked)).max() <= 1


def test_export_draws_the_same_images_without_ganzoo(name, tmp_path):
    model = make(name)
    one_step(model)
    model.export(tmp_path / "served")
    inputs = model.example_inputs(3)
    np.savez(tmp_path / "inputs.npz", *inputs)
    code = f"""
import sys
sys.modules["ganzoo"] = None
import numpy as np, tensorflow as tf
inputs = np.load(r"{tmp_path}/inputs.npz")
served = tf.saved_model.load(r"{tmp_path}/served")
images = served.serve(*[inputs[key] for key in inputs.files])
np.save(r"{tmp_path}/served.npy", images.numpy())
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=tmp_path)
    assert b"gradient" not in done.stderr, "TensorFlow warns of operations that it cannot differentiate"
    np.testing.assert_allclose(np.load(tmp_path / "served.npy"), outputs(model, 3), atol=1e-5)


def test_shipped_weights_come_back_within_half_precision(name, tmp_path):
    model = make(name)
    one_step(model)
    sha256 = model.save_shipped(tmp_path / "w.npz")
    other = make(name)
    other.load_shipped(tmp_path / "w.npz", sha256)
    # Two gray levels of the 127.5 in [-1, 1].
    np.testing.assert_allclose(outputs(other), outputs(model), atol=2 / 127.5)
    np.testing.assert_array_equal(other.generator.get_weights()[0], other.ema_generator.get_weights()[0])
