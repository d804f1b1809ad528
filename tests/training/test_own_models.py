"""Models as users write them, on the base class alone: a VAE, a masked-convolution model and a cycle of four networks.

They are the examples of the page "Write your own model".
"""

import dataclasses
import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner
from keras import layers, ops

import ganzoo
from ganzoo import registry
from ganzoo.cli import main
from ganzoo.data.embedded import digits
from ganzoo.data.feed import Feed, data_function
from ganzoo.pixels import to_float, to_uint8
from ganzoo.registry import model_class
from ganzoo.training.zoo_model import describe_networks


@ganzoo.register("own_vae")
class VAE(ganzoo.ImageGeneration, ganzoo.ZooModel):
    """A variational auto-encoder (Kingma & Welling 2013, arXiv:1312.6114)."""

    reported = ("kl",)

    def __init__(self, image_shape: tuple[int, int, int] = (8, 8, 1), latent_dim: int = 4, width: int = 32):
        images, latents = keras.Input(image_shape), keras.Input((latent_dim,))
        x = layers.Dense(width, "relu", name="hidden")(layers.Flatten(name="flat")(images))
        encoder = keras.Model(images, layers.Dense(2 * latent_dim, name="moments")(x), name="encoder")
        x = layers.Dense(width, "relu", name="hidden")(latents)
        x = layers.Dense(int(np.prod(image_shape)), "tanh", name="pixels")(x)
        decoder = keras.Model(latents, layers.Reshape(image_shape, name="image")(x), name="generator")
        # The first network is the one that generates.
        super().__init__({"generator": decoder, "encoder": encoder})
        self.latent_dim = latent_dim

    def objectives(self):
        return [ganzoo.Objective("loss", self.negative_elbo, networks=("encoder", "generator"))]

    def negative_elbo(self, batch, training=True):
        moments = self.encoder(batch, training=training)
        mean, log_variance = moments[:, : self.latent_dim], moments[:, self.latent_dim :]
        noise = self.noise.normal((ops.shape(batch)[0], self.latent_dim))
        rebuilt = self.generator(mean + ops.exp(log_variance / 2) * noise, training=training)
        kl = ops.mean(ops.sum(mean**2 + ops.exp(log_variance) - 1 - log_variance, axis=1)) / 2
        self.record(kl=kl)
        return ops.mean(ops.sum((batch - rebuilt) ** 2, axis=(1, 2, 3))) / 2 + kl

    def reconstruct(self, images):
        moments = self.ema_encoder(to_float(images))
        return to_uint8(ops.convert_to_numpy(self.ema_generator(moments[:, : self.latent_dim])))


@keras.saving.register_keras_serializable(package="own")
class MaskedConv2D(layers.Conv2D):
    """A convolution whose output depends on no pixel below, or to the right in the same row."""

    def __init__(self, *args, sees_itself=True, **options):
        super().__init__(*args, padding="same", **options)
        self.sees_itself = sees_itself

    def call(self, inputs):
        height, width = self.kernel_size
        mask = np.ones((height, width, 1, 1), "float32")
        mask[height // 2 + 1 :] = 0
        mask[height // 2, width // 2 + int(self.sees_itself) :] = 0
        return ops.conv(inputs, self.kernel * mask, padding="same") + self.bias

    def get_config(self):
        config = super().get_config()
        config.pop("padding")
        return {**config, "sees_itself": self.sees_itself}


@ganzoo.register("own_masked")
class MaskedModel(ganzoo.ZooModel):
    """Binary images pixel by pixel (van den Oord et al. 2016, arXiv:1601.06759)."""

    data = staticmethod(ganzoo.data.images)
    purpose, commands, evaluation = "generates digits", ("generate",), "ganzoo.evaluation.image_generation"

    def __init__(self, image_shape: tuple[int, int, int] = (8, 8, 1), width: int = 8):
        images = keras.Input(image_shape)
        x = MaskedConv2D(width, 3, sees_itself=False, activation=None, name="first")(images)
        x = MaskedConv2D(width, 3, name="second")(layers.ReLU(name="first_relu")(x))
        x = layers.Conv2D(1, 1, name="logits")(layers.ReLU(name="second_relu")(x))
        super().__init__({"network": keras.Model(images, x, name="network")})
        self.image_shape = tuple(image_shape)

    def data_arguments(self):
        return {"image_shape": self.image_shape}

    def objectives(self):
        return [ganzoo.Objective("loss", self.negative_log_likelihood, networks=("network",))]

    def negative_log_likelihood(self, batch, training=True):
        pixels = ops.cast(batch > 0, "float32")
        logits = self.network(2 * pixels - 1, training=training)
        return ops.mean(ops.sum(ops.softplus(logits) - pixels * logits, axis=(1, 2, 3)))

    def generate(self, count, seed=0, batch_size=64):
        rng, images = np.random.default_rng(seed), -np.ones((count, *self.image_shape), "float32")
        for row in range(self.image_shape[0]):
            for column in range(self.image_shape[1]):
                logits = ops.convert_to_numpy(self.inference_network(images))[:, row, column]
                images[:, row, column] = np.where(rng.random(logits.shape) < 1 / (1 + np.exp(-logits)), 1.0, -1.0)
        return to_uint8(images)


@data_function
def light_and_dark(source: str = "digits", batch_size: int = 32, seed: int = 0):
    """Unpaired digits: the first half as they are, the second half inverted."""
    images = to_float(digits()[0][..., None] if digits()[0].ndim == 3 else digits()[0])
    half = len(images) // 2
    light, dark = images[:half], -images[half : 2 * half]

    def make_batch(step, indices):
        others = np.random.default_rng([seed, int(step)]).integers(half, size=len(indices))
        return light[indices], dark[others]

    shape = light.shape[1:]
    return Feed(half, batch_size, seed, make_batch, [(shape, "float32"), (shape, "float32")], source=source)


@ganzoo.register("own_cycle")
class CycleModel(ganzoo.AdversarialModel):
    """Two generators and two discriminators (Zhu et al. 2017, arXiv:1703.10593)."""

    generators = ("to_dark", "to_light")
    discriminators = ("dark_discriminator", "light_discriminator")
    reported = ("cycle",)
    data = staticmethod(light_and_dark)

    def __init__(self, width: int = 8):
        def translator(name):
            images = keras.Input((8, 8, 1))
            x = layers.Conv2D(width, 3, padding="same", activation="relu", name="hidden")(images)
            return keras.Model(images, layers.Conv2D(1, 3, padding="same", activation="tanh", name="out")(x), name=name)

        def discriminator(name):
            images = keras.Input((8, 8, 1))
            x = layers.Conv2D(width, 3, 2, activation="relu", name="hidden")(images)
            return keras.Model(images, layers.Dense(1, name="logit")(layers.Flatten(name="flat")(x)), name=name)

        names = self.generators, self.discriminators
        super().__init__(
            networks={name: make(name) for make, group in zip((translator, discriminator), names) for name in group}
        )

    def discriminator_loss(self, batch, training=True):
        light, dark = batch
        fakes = self.to_light(dark, training=training), self.to_dark(light, training=training)
        total = 0.0
        for discriminator, real, fake in zip((self.light_discriminator, self.dark_discriminator), batch, fakes):
            total = total + self.loss.discriminator(discriminator(real), discriminator(ops.stop_gradient(fake)))
        return total / 2

    def generator_loss(self, batch, training=True):
        light, dark = batch
        to_dark, to_light = self.to_dark(light, training=training), self.to_light(dark, training=training)
        cycle = ops.mean(ops.abs(self.to_light(to_dark) - light)) + ops.mean(ops.abs(self.to_dark(to_light) - dark))
        self.record(cycle=cycle)
        adversarial = self.loss.generator(self.dark_discriminator(to_dark)) + self.loss.generator(
            self.light_discriminator(to_light)
        )
        return adversarial + 10.0 * cycle

    def compile(self, *args, loss: object = "least_squares", **settings):
        super().compile(*args, loss=loss, **settings)


OWN = ("own_vae", "own_masked", "own_cycle")
# Registered while these tests run: others go over all registered models.
_OWN_CLASSES = {name: registry._classes.pop(name) for name in OWN}
PRESET = """
model: {name}
data: {{source: digits, batch_size: 64}}
training: {{epochs: {epochs}, samples: 4}}
"""


@pytest.fixture(autouse=True, scope="module")
def _registered():
    registry._classes.update(_OWN_CLASSES)
    yield
    for name in OWN:
        registry._classes.pop(name)


@pytest.fixture(params=OWN)
def name(request):
    return request.param


def made(name, optimizer={"name": "adam", "learning_rate": 2e-3}):
    keras.utils.set_random_seed(0)
    model = ganzoo.create(name)
    model.compile(optimizer)
    return model


def fed(model, batch_size=64):
    """The model's dataset of the embedded digits."""
    return model.data("digits", batch_size=batch_size, **model.data_arguments())


def weights(model):
    return [np.array(weight) for network in model.networks.values() for weight in network.weights]


def outputs(model):
    return np.asarray(model(model.example_inputs(3)[0]))


def test_it_learns_and_every_network_of_it_moves(name):
    model = made(name)
    before = weights(model)
    history = model.fit(fed(model), epochs=3, verbose=0).history
    falling = "cycle" if name == "own_cycle" else "loss"
    assert history[falling][-1] < 0.9 * history[falling][0]
    for old, new in zip(before, weights(model)):
        assert np.abs(new - old).max() > 0


def test_what_it_makes_is_what_it_is_for():
    vae, masked = made("own_vae"), made("own_masked")
    assert vae.generate(3, seed=0).shape == (3, 8, 8, 1)
    assert set(np.unique(masked.generate(2))) <= {0, 255}
    images = digits()[0][:64].reshape(-1, 8, 8, 1)
    untrained = np.abs(vae.reconstruct(images).astype(float) - images).mean()
    vae.fit(fed(vae), epochs=15, verbose=0)
    assert np.abs(vae.reconstruct(images).astype(float) - images).mean() < 0.7 * untrained


def test_its_file_goes_on_as_it_does_itself(name, tmp_path):
    model = made(name)
    model.fit(fed(model), epochs=1, steps_per_epoch=4, verbose=0)
    model.save(tmp_path / "own.keras")
    loaded = ganzoo.load(tmp_path / "own.keras")
    np.testing.assert_array_equal(outputs(loaded), outputs(model))
    for one in (model, loaded):
        one.fit(fed(one), epochs=1, steps_per_epoch=4, verbose=0)
    for ours, theirs in zip(weights(model), weights(loaded)):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_a_run_of_it_resumes_exactly(name, tmp_path):
    preset = tmp_path / "own.yaml"
    preset.write_text(PRESET.format(name=name, epochs=2))
    whole = ganzoo.load(ganzoo.train(preset, output=tmp_path / "whole") / "checkpoints" / "last.keras")
    ganzoo.train(preset, output=tmp_path / "parts", max_minutes=0.0001)
    parts = ganzoo.load(ganzoo.train(preset, output=tmp_path / "parts", resume=True) / "checkpoints" / "last.keras")
    assert parts.steps == whole.steps > 0
    for one, other in zip(weights(whole), weights(parts)):
        np.testing.assert_array_equal(one, other)


def test_it_exports(name, tmp_path):
    model = made(name)
    model.export(tmp_path / "served")
    served = tf.saved_model.load(str(tmp_path / "served"))
    np.testing.assert_allclose(served.serve(*model.example_inputs(3)).numpy(), outputs(model), atol=1e-5)


def test_two_devices_learn_what_one_does(name, two_replicas):
    def trained(strategy):
        # Plain gradient steps: Adam makes the rounding of a gradient near 0 as large as any other.
        with strategy.scope():
            model = made(name, {"name": "sgd", "learning_rate": 1e-3})
        feed = model.data.feed("digits", batch_size=64, **model.data_arguments())
        model.fit(feed.dataset(first_step=0), epochs=1, steps_per_epoch=5, verbose=0)
        return weights(model)

    for one, two in zip(trained(tf.distribute.get_strategy()), trained(two_replicas)):
        np.testing.assert_allclose(two, one, atol=1e-5)


def test_a_network_that_nothing_trains_is_an_error():
    class Forgetful(model_class("own_vae")):
        def objectives(self):
            return [ganzoo.Objective("loss", self.negative_elbo, networks=("generator",))]

    with pytest.raises(ganzoo.GanzooError, match=r"no objective changes the trainable weight .*hidden"):
        Forgetful().compile()
    with pytest.raises(ganzoo.GanzooError, match=r"needs a network 'discriminator'.* is a ganzoo\.ZooModel"):
        ganzoo.AdversarialModel(made("own_vae").generator, None)


def test_a_loss_can_be_called_alone():
    model = ganzoo.create("dcgan", image_shape=(28, 28, 1), latent_dim=4, width=4)
    model.compile()
    batch = model.example_batch(4)
    assert np.isfinite(float(model.generator_loss(batch)))
    assert np.isfinite(float(model.discriminator_loss(batch)))


class Lines(ganzoo.ZooModel):
    """Two networks that must return zero; what the tests change is an argument."""

    def __init__(self, names=("a", "b"), losses=("loss_a", "loss_b"), loss=None, activation=None, **options):
        x = keras.Input((4,))
        networks = {name: keras.Model(x, layers.Dense(3, activation)(x), name=name) for name in names}
        super().__init__(networks, **options)
        self._names, self._losses, self._loss = names, losses, loss

    def objectives(self):
        return [
            ganzoo.Objective(loss, self._loss or functools.partial(self.squares, name), (name,))
            for loss, name in zip(self._losses, self._names)
        ]

    def squares(self, name, batch, training=True):
        return ops.mean(self.networks[name](batch) ** 2)


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (lambda x, training: ops.mean(x**2, axis=1), r"the objective 'loss_a' must be one number.* shape \(8,\)"),
        (lambda x, training: None, "must be one number.* got NoneType"),
        (lambda x, training: (ops.mean(x), 1.0), "must be one number.* got tuple"),
    ],
)
def test_a_loss_that_is_not_one_number_is_an_error(returned, said):
    model = Lines(loss=returned)
    model.compile("sgd")
    with pytest.raises(ganzoo.GanzooError, match=said):
        model.fit(np.ones((8, 4), "float32"), batch_size=8, verbose=0)
    with pytest.raises(ganzoo.GanzooError, match=said):
        model.evaluate(np.ones((8, 4), "float32"), batch_size=8, verbose=0)


@pytest.mark.parametrize("eagerly", [False, True])
def test_only_recorded_values_are_in_the_logs(eagerly):
    """A name that no loss records would have a mean of 0. What some steps record stays in the logs of all."""

    class Forgets(Lines):
        reported = ("accuracy", "mean", "often")
        calls = 0

        def squares(self, name, batch, training=True):
            self.record(mean=ops.mean(batch))
            self.calls += 1
            if training and self.calls % 4 == 1:
                self.record(often=3.0)
            return super().squares(name, batch, training)

    model, ones = Forgets(), np.ones((16, 4), "float32")
    model.compile("sgd", run_eagerly=eagerly)
    assert "accuracy" in model.metrics_names
    history = model.fit(ones, batch_size=8, epochs=2, verbose=0).history
    assert set(history) == {"loss_a", "loss_b", "mean", "often"}
    assert history["mean"] == [1.0, 1.0]
    assert history["often"] == [3.0, 3.0]
    values = model.evaluate(ones, batch_size=8, verbose=0)
    found = dict(zip(model.metrics_names, values, strict=True))
    assert set(found) == {"loss_a", "loss_b", "mean"}
    assert found["mean"] == 1.0


def test_an_objective_without_steps_is_neither_trained_nor_evaluated():
    class Half(Lines):
        half = (1, 0)

        def objectives(self):
            found = super().objectives()
            return [dataclasses.replace(one, steps=steps) for one, steps in zip(found, self.half)]

    ones = np.ones((8, 4), "float32")
    for half in ((1, 0), (0, 1)):
        model = Half()
        model.half = half
        model.compile("sgd")
        trained = f"loss_{'ab'[half.index(1)]}"
        assert set(model.fit(ones, batch_size=8, verbose=0).history) == {trained}
        assert set(model.evaluate(ones, batch_size=8, verbose=0, return_dict=True)) == {trained}
    model.half = (0, 0)
    with pytest.raises(ganzoo.GanzooError, match="Half has no objective with steps above 0"):
        model.compile("sgd")


def test_mistakes_in_the_definition_of_a_model_are_named():
    for arguments, said in (
        (dict(names=("fit",)), "Lines: choose another name for the network 'fit': it is that of an attribute"),
        (dict(names=()), r"Lines: networks is \{name: network\}"),
        (dict(averaged="a"), r"averaged is a tuple of names of networks: \('a',\)"),
        (dict(averaged=("aa",)), "unknown network 'aa'. Did you mean 'a'"),
        (dict(averaged=()), "averaged must name a network"),
        (dict(activation=lambda x: x), "the network 'a' cannot be copied for its moving average.* no lambda"),
    ):
        with pytest.raises(ganzoo.GanzooError, match=said):
            Lines(**arguments)
    with pytest.raises(ganzoo.GanzooError, match="two objectives have the name 'loss'"):
        Lines(losses=("loss", "loss")).compile()
    with pytest.raises(ganzoo.GanzooError, match=r"needs a tuple of networks: networks=\('a',\)"):
        ganzoo.Objective("loss", len, "a")
    with pytest.raises(ganzoo.GanzooError, match="give the function itself"):
        ganzoo.Objective("loss", 0.5, ("a",))
    with pytest.raises(ganzoo.GanzooError, match="steps of the objective 'loss' must be at least 0, got -1"):
        ganzoo.Objective("loss", len, ("a",), steps=-1)
    for optimizer, said in (
        ({"loss_a": "adam", "loss_c": "sgd"}, "unknown objective 'loss_c'. Did you mean 'loss_"),
        ({"loss_a": "adam"}, "optimizer: there is none for loss_b"),
    ):
        with pytest.raises(ganzoo.GanzooError, match=said):
            Lines().compile(optimizer)
    with pytest.raises(ganzoo.GanzooError, match="give generator_optimizer and discriminator_optimizer instead"):
        made("own_cycle").compile(optimizer={"d_loss": "adam", "g_loss": "sgd"})


def test_one_objective_may_be_returned_in_a_list_only():
    class Single(Lines):
        def objectives(self):
            return super().objectives()[0]

    with pytest.raises(ganzoo.GanzooError, match=r"Single: objectives\(\) must return a list of ganzoo.Objective"):
        Single(names=("a",)).compile()


def test_an_extractor_without_validation_metrics_is_an_error(tmp_path):
    preset = tmp_path / "mine.yaml"
    preset.write_text(
        "model: own_masked\ndata: {source: digits}\ntraining: {epochs: 1}\nevaluation: {extractor: digits_classifier}\n"
    )
    with pytest.raises(ganzoo.GanzooError, match=r"evaluation.extractor: MaskedModel has no validation metrics"):
        ganzoo.train(preset, output=tmp_path / "runs")


def test_a_model_without_a_task_generates_and_is_evaluated_on_the_command_line(tmp_path, monkeypatch):
    # As large as the images of the classifier.
    ganzoo.create("own_masked", image_shape=(32, 32, 1), width=2).save(tmp_path / "mine.keras")
    monkeypatch.chdir(tmp_path)
    measure = "--data digits --extractor digits_classifier --samples 16 --upscale"
    for command in ("generate --count 4", f"evaluate {measure}"):
        done = CliRunner().invoke(main, [*command.split(), "mine.keras"])
        assert done.exit_code == 0, done.output
    assert "frechet_distance" in done.output
    assert list(tmp_path.glob("*.png"))
    done = CliRunner().invoke(
        main, ["upscale", str(next(tmp_path.glob("*.png"))), "large.png", "--model", "mine.keras"]
    )
    assert "generates digits: its class does not list 'upscale' among its commands" in done.output


def test_a_model_of_ones_own_is_described_by_the_names_of_its_networks_and_arguments():
    done = CliRunner().invoke(main, ["info", "own_masked"])
    assert done.output.splitlines()[-1] == "arguments: image_shape=(8, 8, 1), width=8"
    assert describe_networks(made("own_cycle")).startswith("to_dark ")


def test_a_generator_without_the_length_of_its_latents_is_an_error():
    class Lengthless(ganzoo.ImageGeneration, Lines):
        """Forgets `latent_dim`."""

    with pytest.raises(ganzoo.GanzooError, match=r"Lengthless needs a latent_dim.*: self\.latent_dim = "):
        Lengthless().generate(2)


def test_an_imported_file_finds_its_neighbors(tmp_path):
    (tmp_path / "own_helper.py").write_text("WIDTH = 3\n")
    (tmp_path / "own_main.py").write_text("from own_helper import WIDTH\n")
    registry.import_file(tmp_path / "own_main.py")
