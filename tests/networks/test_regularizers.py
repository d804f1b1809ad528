"""Any model takes a regularizer from its arguments, and keeps it through training, saving and loading."""

import keras
import numpy as np
import pytest

import ganzoo
from ganzoo.layers import SpectralNormalization, VirtualBatchNormalization
from ganzoo.networks.regularizers import reference_batches, regularized
from ganzoo.registry import model_class

VIRTUAL = {"name": "virtual_batch_normalization", "size": 8}


def make(name, **arguments):
    keras.utils.set_random_seed(0)
    model = ganzoo.create(name, **{**model_class(name).test_config, **arguments})
    model.compile(**model_class(name).test_compile_config)
    return model


def one_step(model):
    batch = model.example_batch(8 * model.batches_per_step)
    model.fit(*((batch,) if not isinstance(batch, tuple) else batch), batch_size=8, verbose=0)
    return batch


@pytest.mark.parametrize("name", ganzoo.list_models())
def test_every_discriminator_can_be_spectrally_normalized(name):
    if not issubclass(model_class(name), ganzoo.AdversarialModel):
        pytest.skip("has no discriminator")
    model = make(name, discriminator_regularizers=["spectral_normalization"])
    model.run_eagerly = True  # a graph would take longer to make; the next test has graphs
    one_step(model)
    kernels = 0
    for layer in model.discriminator.layers:
        names = [variable.name for variable in layer.weights]
        if "kernel" in names or "embeddings" in names:
            assert isinstance(layer, SpectralNormalization)
            kernels += 1
    assert kernels >= 2


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("dcgan", dict(discriminator_regularizers=[VIRTUAL], generator_regularizers=[VIRTUAL])),
        ("cgan", dict(discriminator_regularizers=[VIRTUAL, "spectral_normalization"], conditioning="projection")),
        (
            "dcgan",
            dict(
                discriminator_regularizers=[
                    "spectral_normalization",
                    {"name": "minibatch_discrimination", "kernels": 4},
                ]
            ),
        ),
    ],
)
def test_a_regularized_model_comes_back_from_its_file_and_trains_on_alike(name, arguments, tmp_path):
    model = make(name, **arguments)
    one_step(model)
    model.save(tmp_path / "regularized.keras")
    loaded = ganzoo.load(tmp_path / "regularized.keras")
    for trained in (model, loaded):
        one_step(trained)
    for ours, theirs in zip(model.weights, loaded.weights):
        np.testing.assert_allclose(np.array(ours), np.array(theirs), atol=1e-6, err_msg=ours.path)


def test_reference_batch_is_the_first_of_training_and_stays():
    model = make("dcgan", discriminator_regularizers=[VIRTUAL], generator_regularizers=[VIRTUAL])
    images = one_step(model)
    [(_, reference)] = reference_batches(model.discriminator)
    np.testing.assert_array_equal(np.array(reference.reference), images[:8])
    model.fit(model.example_batch(8, seed=1), batch_size=8, verbose=0)
    np.testing.assert_array_equal(np.array(reference.reference), images[:8])
    [(_, latents)] = reference_batches(model.ema_generator)
    assert 0.5 < np.array(latents.reference).std() < 1.5
    with pytest.raises(ganzoo.GanzooError, match="a reference batch of 8 needs at least as many images"):
        make("dcgan", discriminator_regularizers=[VIRTUAL]).fit(images[:6], batch_size=2, verbose=0)


def test_with_virtual_batch_norm_an_image_depends_on_its_latent_alone():
    model = make("dcgan", generator_regularizers=[VIRTUAL])
    one_step(model)
    assert any(isinstance(layer, VirtualBatchNormalization) for layer in model.generator.layers)
    latents = model.latents(6, seed=0)
    together, alone = (np.asarray(model.generator(part, training=True)) for part in (latents, latents[:1]))
    assert together.shape == (6, 28, 28, 1)
    np.testing.assert_allclose(together[:1], alone, atol=1e-5)


def test_a_regularizer_changes_nothing_but_what_it_says():
    """A network's weights, put into the same one with minibatch discrimination, give the same logits where all
    closeness is weighed with 0."""
    model = make("dcgan")
    network = regularized(model.discriminator, [{"name": "minibatch_discrimination", "kernels": 4, "dimensions": 2}])
    for layer in network.layers:
        if layer.name == "minibatch_discrimination" or not layer.weights:
            continue
        weights = model.discriminator.get_layer(layer.name).get_weights()
        if layer.name == "logit":
            weights[0] = np.concatenate([weights[0], np.zeros((4, 1), "float32")])
        layer.set_weights(weights)
    images = model.example_batch(5)
    np.testing.assert_allclose(np.asarray(network(images)), np.asarray(model.discriminator(images)), atol=1e-6)


def test_a_generator_takes_spectral_normalization_too():
    model = make("dcgan", generator_regularizers=["spectral_normalization"])
    one_step(model)
    assert model.generate(2, seed=0).std() > 0


def test_wrong_regularizers_say_so():
    with pytest.raises(ganzoo.GanzooError, match="Did you mean 'spectral_normalization'"):
        make("dcgan", discriminator_regularizers=["spectral_normalisation"])
    with pytest.raises(ganzoo.GanzooError, match="kernels"):
        make("dcgan", discriminator_regularizers=[{"name": "minibatch_discrimination", "kernels": 0}])
    with pytest.raises(ganzoo.GanzooError, match="replaces batch norm, but this network has none"):
        make("gan", discriminator_regularizers=["virtual_batch_normalization"])
    with pytest.raises(ganzoo.GanzooError, match="named 'logit'"):
        make("began", discriminator_regularizers=["minibatch_discrimination"])
