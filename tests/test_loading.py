"""A loaded model builds first what inference needs; the rest comes as if it had been there."""

import copy

import keras
import numpy as np
import pytest

import ganzoo
from ganzoo import presets, registry, weights


@pytest.mark.parametrize("name", ["wgan.mnist", "stackgan.avatars", "postfilter.speech"])
def test_what_a_loaded_model_builds_later_is_as_if_built_at_once(name):
    loaded, created = ganzoo.load(name), ganzoo.load(name, trained=False)
    for parts, expected in ((loaded.networks, created.networks), (loaded.averages, created.averages)):
        assert [*parts] == [*expected]
        for part, other in zip(parts.values(), expected.values()):
            layers = [[(v.path, v.trainable) for v in net.variables] for net in (part, other)]
            assert layers[0] == layers[1]
    # A network begins as its average.
    for part, average in loaded.averages.items():
        for ours, theirs in zip(loaded.networks[part].get_weights(), average.get_weights()):
            np.testing.assert_array_equal(ours, theirs)


def test_weights_of_a_loaded_model_are_written_and_read_with_all_networks(tmp_path):
    created = ganzoo.load("dcgan.digits", trained=False)
    assert ganzoo.load("dcgan.digits").count_params() == created.count_params()
    ganzoo.load("dcgan.digits").save_weights(tmp_path / "trained.weights.h5")
    created.save_weights(tmp_path / "new.weights.h5")
    new = created.generate(2, seed=0)
    created.load_weights(tmp_path / "trained.weights.h5")
    np.testing.assert_array_equal(created.generate(2, seed=0), ganzoo.load("dcgan.digits").generate(2, seed=0))
    loaded = ganzoo.load("dcgan.digits")
    loaded.load_weights(tmp_path / "new.weights.h5")
    np.testing.assert_array_equal(loaded.generate(2, seed=0), new)


def test_weights_load_whether_models_are_compiled_alike_or_not(tmp_path):
    plain, compiled, other = (ganzoo.load("dcgan.digits", trained=False, compile=False) for _ in range(3))
    compiled.compile()
    other.compile(loss="wasserstein")
    for source in (plain, other):
        source.save_weights(tmp_path / "model.weights.h5")
        compiled.train_on_batch(compiled.example_batch(2))
        assert all(metric.result() != 0 for metric in compiled.metrics[:2])
        compiled.load_weights(tmp_path / "model.weights.h5")
        # Means of the replaced weights are gone.
        assert all(metric.result() == 0 for metric in compiled.metrics[:2])
        np.testing.assert_array_equal(compiled.generate(1, seed=0), source.generate(1, seed=0))


class Compared(ganzoo.ZooModel):
    """Its loss compares random projections, by a layer outside of the networks."""

    def __init__(self):
        inputs = keras.Input((4,))
        normalized = ganzoo.layers.SpectralNormalization(keras.layers.Dense(3), name="normalized")
        networks = {
            "line": keras.Model(inputs, keras.layers.Dense(4, name="out")(inputs)),
            "helper": keras.Model(inputs, normalized(inputs)),
        }
        super().__init__(networks)
        initializer = keras.initializers.RandomNormal(seed=1)
        self.projection = keras.layers.Dense(8, trainable=False, kernel_initializer=initializer)
        self.projection.build((None, 4))

    def objectives(self):
        return [ganzoo.Objective("loss", self.difference, networks=("line", "helper"))]

    def difference(self, batch, training=True):
        first, second = self.projection(self.line(batch)), self.projection(batch)
        return keras.ops.mean((first - second) ** 2) + keras.ops.mean(self.helper(batch, training=training) ** 2)


def test_weights_that_no_file_has_begin_with_random_values(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "_classes", dict(registry._classes))
    model = ganzoo.register("compared")(Compared)()
    model.compile("sgd")
    model.save_to_preset(tmp_path / "compared")
    loaded = ganzoo.load(tmp_path / "compared")
    for name, network in model.networks.items():
        for ours, theirs in zip(loaded.networks[name].get_weights(), network.get_weights(), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-3)
    # Its initializer has a seed.
    for ours, theirs in zip(loaded.projection.get_weights(), model.projection.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert np.isfinite(loaded.train_on_batch(np.ones((2, 4), "float32"))).all()


def test_a_loaded_model_can_be_copied():
    model = ganzoo.load("dcgan.digits")
    copied = copy.copy(model)
    np.testing.assert_array_equal(copied.generate(2, seed=0), model.generate(2, seed=0))


def test_weights_without_discriminator_generate_and_can_be_trained_on(tmp_path):
    model = ganzoo.load("dcgan.digits")
    expected = model.generate(4, seed=0)
    sha256 = model.save_shipped(tmp_path / "small.npz", inference_only=True)
    assert weights.stored_networks(tmp_path / "small.npz", sha256) == {"generator"}
    whole = (presets.preset_files()["dcgan.digits"]).with_suffix(".npz")
    assert (tmp_path / "small.npz").stat().st_size < 0.8 * whole.stat().st_size
    text = presets.preset_files()["dcgan.digits"].read_text().partition("\nweights:")[0]
    section = f"\nweights: {{file: small.npz, sha256: {sha256}, license: none, data: digits, protocol: none}}\n"
    (tmp_path / "small.yaml").write_text(text + section)
    small = ganzoo.load(tmp_path / "small.yaml")
    np.testing.assert_array_equal(small.generate(4, seed=0), expected)
    with pytest.warns(UserWarning, match="small.npz has no weights of the discriminator"):
        small.fit(np.zeros((8, 32, 32, 1), "float32"), batch_size=8, verbose=0)
    # What the file lacks begins with random values, not with the zeros that weights have until they are read.
    assert all(np.std(kernel) > 0 for kernel in small.discriminator.get_weights() if kernel.ndim > 1)
    with pytest.warns(UserWarning, match="no weights of the discriminator"):
        ganzoo.load("dcgan.digits", trained=False).load_shipped(tmp_path / "small.npz", sha256)


def test_saved_models_and_runs_also_load_without_their_weights(tiny_run, tmp_path):
    model = ganzoo.load(tiny_run)
    model.save(tmp_path / "mine.keras")
    for place in (tmp_path / "mine.keras", tiny_run):
        fresh = ganzoo.load(place, trained=False)
        assert (fresh.arguments, fresh.compiled) == (model.arguments, True)
        assert not np.array_equal(fresh.generate(4, seed=0), model.generate(4, seed=0))
        assert type(model).from_preset(place, load_weights=False, compile=False).compiled is False
