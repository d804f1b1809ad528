"""The training step against numbers worked out apart from it, with networks of one weight each."""

import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework.ops import gradient_registry

import ganzoo
from ganzoo import backend
from ganzoo.data.batches import split
from ganzoo.pixels import to_uint8
from ganzoo.registry import model_class
from ganzoo.training.noise import Noise

LEARNING_RATE = 0.1


class OneWeight(ganzoo.ImageGeneration, ganzoo.AdversarialModel):
    """G(z) = g z and D(x) = d x, so every gradient can be written down."""

    def __init__(self, g: float = 0.5, d: float = 2.0):
        def line(weight, name):
            x = keras.Input((1,))
            start = keras.initializers.Constant(weight)
            return keras.Model(
                x, keras.layers.Dense(1, use_bias=False, kernel_initializer=start, name="w")(x), name=name
            )

        super().__init__(line(g, "generator"), line(d, "discriminator"), latent_dim=1)

    def value(self, network):
        return float(np.asarray(network.weights[0])[0, 0])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("k", [1, 3])
def test_algorithm_1_of_goodfellow(k):
    """k discriminator steps on fresh data and fresh noise, then one generator step against the new discriminator."""
    model = OneWeight()
    sgd = dict(name="sgd", learning_rate=LEARNING_RATE)
    model.compile(sgd, discriminator_steps=k, seed=7)
    real = np.random.default_rng(0).normal(3, 1, (4 * k, 1)).astype("float32")
    noise = Noise(7)
    noise.start_step(0)
    g, d, d_losses = 0.5, 2.0, []
    for part in (real[i::k] for i in range(k)):
        z = np.asarray(noise.normal((4, 1)))
        d_losses.append(np.log1p(np.exp(-d * part)).mean() + np.log1p(np.exp(d * g * z)).mean())
        d -= LEARNING_RATE * (-(part * sigmoid(-d * part)).mean() + (g * z * sigmoid(d * g * z)).mean())
    z = np.asarray(noise.normal((4, 1)))
    g_loss = np.log1p(np.exp(-d * g * z)).mean()
    g -= LEARNING_RATE * -(d * z * sigmoid(-d * g * z)).mean()
    logs = model.fit(real, batch_size=4, epochs=1, shuffle=False, verbose=0).history
    assert model.value(model.discriminator) == pytest.approx(d, rel=1e-5)
    assert model.value(model.generator) == pytest.approx(g, rel=1e-5)
    assert logs["d_loss"][0] == pytest.approx(np.mean(d_losses), rel=1e-5)
    assert logs["g_loss"][0] == pytest.approx(g_loss, rel=1e-5)
    assert set(logs) == {"d_loss", "g_loss", "d_real", "d_fake"}


def test_the_average_warms_up_and_then_decays():
    """After step t the average moves by 1 - min(decay, (1 + t)/(10 + t)) of the way."""
    model = OneWeight()
    model.compile("sgd", ema_decay=0.25)
    expected = 0.5
    batch = np.ones((4, 1), "float32")
    for t in (1, 2, 3, 4):
        model.train_on_batch(batch)
        decay = min(0.25, (1 + t) / (10 + t))
        expected += (1 - decay) * (model.value(model.generator) - expected)
        assert model.value(model.ema_generator) == pytest.approx(expected, rel=1e-5)


def test_the_average_takes_batch_statistics_along():
    model = ganzoo.create("dcgan", image_shape=(28, 28, 1), latent_dim=4, width=4)
    model.compile(ema_decay=0.0)
    model.train_on_batch(model.example_batch(8))
    for average, current in zip(model.ema_generator.variables, model.generator.variables):
        np.testing.assert_allclose(np.asarray(average), np.asarray(current), atol=1e-7, err_msg=current.path)
    moving = model.ema_generator.get_layer("project_norm").moving_variance
    assert np.abs(np.asarray(moving) - 1).max() > 1e-3


def test_historical_averaging_by_hand_and_through_a_file(tmp_path):
    """With latents and images of 0 the losses have no gradient; what is left is that of 0.5 |w - mean|^2."""

    class Still(OneWeight):
        def generator_inputs(self, count, condition):
            return 0.0 * super().generator_inputs(count, condition)

    model = Still()
    sgd = dict(name="sgd", learning_rate=LEARNING_RATE)
    model.compile(sgd, historical_averaging=0.5)
    zeros, mean, steps = np.zeros((4, 1), "float32"), 2.0, []
    for pushed in (2.0, 3.0, -1.0):
        model.discriminator.weights[0].assign([[pushed]])
        model.train_on_batch(zeros)
        steps.append(pushed - LEARNING_RATE * (pushed - mean))
        mean = np.mean(steps)
        assert model.value(model.discriminator) == pytest.approx(steps[-1], rel=1e-5)
    dcgan = ganzoo.create("dcgan", image_shape=(28, 28, 1), latent_dim=4, width=4)
    dcgan.compile(historical_averaging=0.1)
    dcgan.train_on_batch(dcgan.example_batch(4))
    dcgan.save(tmp_path / "m.keras")
    loaded = ganzoo.load(tmp_path / "m.keras")
    for ours, theirs in zip(dcgan.histories.values(), loaded.histories.values()):
        assert float(theirs.count) == 1
        for one, other in zip(ours.means, theirs.means):
            np.testing.assert_array_equal(np.array(one), np.array(other))
    plain = keras.models.load_model(tmp_path / "m.keras", compile=False)
    np.testing.assert_array_equal(plain.generate(2, seed=0), dcgan.generate(2, seed=0))


def test_evaluate_changes_nothing_and_repeats_itself():
    model = ganzoo.create("dcgan", image_shape=(28, 28, 1), latent_dim=4, width=4)
    model.compile()
    batch = model.example_batch(16)
    before = [np.array(w) for w in model.generator.variables + model.discriminator.variables]
    first = model.evaluate(batch, batch_size=8, verbose=0, return_dict=True)
    second = model.evaluate(batch, batch_size=8, verbose=0, return_dict=True)
    assert first == second
    assert set(first) == {"d_loss", "g_loss", "d_real", "d_fake"}
    for old, new in zip(before, model.generator.variables + model.discriminator.variables):
        np.testing.assert_array_equal(old, np.array(new))


def test_training_with_several_critic_steps_takes_fresh_batches_from_a_dataset():
    """24 different numbers, batches of 4, k = 3: two steps see each number once."""
    model = OneWeight()
    seen = []
    model.discriminator_loss = lambda part, training=True: (
        tf.numpy_function(lambda x: seen.append(x.ravel().tolist()), [part], []),
        OneWeight.discriminator_loss(model, part, training),
    )[1]
    model.compile("sgd", discriminator_steps=3, run_eagerly=True)
    numbers = np.arange(24, dtype="float32")[:, None] / 24
    model.fit(tf.data.Dataset.from_tensor_slices(numbers).batch(4), verbose=0)
    assert model.steps == 2
    np.testing.assert_allclose(np.sort(np.ravel(seen)), numbers.ravel())
    assert [len(part) for part in seen] == [4] * 6


@pytest.mark.parametrize("steps", [1, 2])
@pytest.mark.parametrize(
    ("name", "changes"), [("srgan", {}), ("segan", {"latent_dim": 0, "discriminator_regularizers": []})]
)
def test_deterministic_generators_share_a_fake_batch(name, changes, steps):
    """One pass through the generator less a step, and the same weights as with one for each player."""
    trained, passes = [], []
    for shares_fake_batch in (True, False):
        cls = model_class(name)
        keras.utils.set_random_seed(0)
        model = cls(**{**cls.test_config, **changes})
        model.shares_fake_batch = shares_fake_batch
        sgd = {"name": "sgd", "learning_rate": 0.1}
        settings = {**cls.test_compile_config, "generator_optimizer": sgd, "discriminator_optimizer": sgd}
        model.compile(**settings, discriminator_steps=steps, run_eagerly=True)
        calls, call = [], model.generator.call

        def counted(*inputs, _calls=calls, _call=call, **options):
            _calls.append(inputs)
            return _call(*inputs, **options)

        model.generator.call = counted
        model.train_on_batch(*model.example_batch(4 * steps))
        trained.append(model.generator.trainable_variables + model.discriminator.trainable_variables)
        passes.append(len(calls))
    assert passes == [steps, steps + 1]
    for one, other in zip(*trained):
        np.testing.assert_allclose(np.array(one), np.array(other), rtol=1e-5, atol=1e-6)


def test_generated_examples_match_the_condition_beside_them():
    """Both losses share a fake batch only for one and the same split of one batch."""
    cls = model_class("srgan")

    class Turned(cls):
        def split_batch(self, batch):
            # Every second time the other way round, as a flip at random would.
            self.splits = getattr(self, "splits", 0) + 1
            return [part[:, :, :: (-1) ** self.splits] for part in super().split_batch(batch)]

        def content_loss(self, real, fake):
            seen.append(np.array(fake))
            return super().content_loss(real, fake)

        def generator_inputs(self, count, condition):
            generated_from.append(condition)
            return super().generator_inputs(count, condition)

        def discriminator_inputs(self, examples, condition):
            answers.append(np.array(self.generator(condition, training=True)))
            return super().discriminator_inputs(examples, condition)

    class Mirrored(Turned):
        split_batch = cls.split_batch

        def generator_loss(self, batch, training=True):
            return super().generator_loss([part[:, :, ::-1] for part in batch], training)

    for one, expected in ((Turned, 1), (Mirrored, 2)):
        generated_from, answers, seen = [], [], []
        model = one(**cls.test_config)
        model.compile(**cls.test_compile_config, run_eagerly=True)
        model.train_on_batch(*model.example_batch(4))
        assert len(generated_from) == expected
        # The discriminator's last input is the fake batch, with the condition of the real examples beside it.
        np.testing.assert_allclose(seen[-1], answers[-1], atol=1e-5)


def test_split_refuses_unequal_parts():
    parts = split((np.arange(6), np.arange(12).reshape(6, 2)), 3)
    np.testing.assert_array_equal(parts[1][0], [1, 4])
    np.testing.assert_array_equal(parts[1][1], [[2, 3], [8, 9]])
    with pytest.raises(ganzoo.GanzooError, match="cannot be split evenly"):
        split(np.arange(7), 3)


def test_noise_depends_on_seed_step_and_place_alone():
    def sample(seed, step, place):
        noise = Noise(seed)
        noise.start_step(step)
        return [np.asarray(noise.normal((1000,))) for _ in range(place + 1)][-1]

    first = sample(0, 5, 1)
    np.testing.assert_array_equal(first, sample(0, 5, 1))
    for other in (sample(1, 5, 1), sample(0, 6, 1), sample(0, 5, 0)):
        assert abs(np.corrcoef(first, other)[0, 1]) < 0.15
    assert abs(first.mean()) < 0.15
    assert first.std() == pytest.approx(1, abs=0.1)


def test_replicas_of_a_strategy_see_their_own_noise_and_add_up_to_one(two_replicas):
    """Two replicas of batch 4 and one of batch 8 give the same weights; replicas sample differently."""

    class GivenLatents(OneWeight):
        """The latents come with the batch, so that both set-ups see the same ones."""

        def split_batch(self, batch):
            return batch[0], batch[1]

        def generator_inputs(self, count, condition):
            return condition

        def discriminator_loss(self, batch, training=True):
            real, latents = batch
            logits = self.discriminator(real, training=training), self.discriminator(self.generator(latents))
            self.record(**self.loss.report(*logits))
            return self.loss.discriminator(*logits)

        def generator_loss(self, batch, training=True):
            return self.loss.generator(self.discriminator(self.generator(batch[1])))

    rng = np.random.default_rng(0)
    data = rng.normal(3, 1, (40, 1)).astype("float32"), rng.normal(0, 1, (40, 1)).astype("float32")
    dataset = tf.data.Dataset.from_tensor_slices(data).batch(8)

    def trained(strategy):
        with strategy.scope():
            model = GivenLatents()
            model.compile()
        model.fit(dataset, epochs=1, verbose=0)
        return [model.value(network) for network in (model.generator, model.discriminator, model.ema_generator)]

    np.testing.assert_allclose(trained(two_replicas), trained(tf.distribute.get_strategy()), rtol=1e-5)

    noise = Noise(0)

    @tf.function
    def sample_on_replicas():
        def sample():
            noise.start_step(3)
            return noise.normal((100,))

        return two_replicas.run(sample)

    first, second = two_replicas.experimental_local_results(sample_on_replicas())
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.4


def test_a_model_trains_under_a_strategy_and_its_file_loads_without(two_replicas, tmp_path):
    with two_replicas.scope():
        model = ganzoo.create("dcgan", image_shape=(28, 28, 1), latent_dim=4, width=4)
        model.compile()
    model.fit(tf.data.Dataset.from_tensor_slices(model.example_batch(16)).batch(8), verbose=0)
    assert model.steps == 2
    model.save(tmp_path / "m.keras")
    loaded = ganzoo.load(tmp_path / "m.keras")
    difference = np.abs(loaded.generate(3, seed=0).astype(int) - model.generate(3, seed=0))
    assert difference.max() <= 1


def test_mixed_precision_keeps_images_and_logits_in_float32(tmp_path):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = ganzoo.create("dcgan", image_shape=(28, 28, 1), latent_dim=4, width=4)
    finally:
        keras.config.set_dtype_policy(before)
    model.compile()
    logs = model.train_on_batch(model.example_batch(8), return_dict=True)
    assert np.isfinite(list(map(float, logs.values()))).all()
    assert model.generator.compute_dtype == "bfloat16" or model.generator.layers[1].compute_dtype == "bfloat16"
    assert model.generator.output.dtype == model.discriminator.output.dtype == "float32"
    model.save(tmp_path / "m.keras")
    loaded = ganzoo.load(tmp_path / "m.keras")
    assert loaded.generator.layers[1].compute_dtype == "bfloat16"
    np.testing.assert_array_equal(loaded.generate(2, seed=0), model.generate(2, seed=0))


def test_steps_are_counted_even_when_loss_scaling_skips_them(tmp_path):
    """The first steps in float16 overflow on purpose, until the scale fits."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = ganzoo.create("dcgan", image_shape=(28, 28, 1), latent_dim=4, width=4)
    finally:
        keras.config.set_dtype_policy(before)
    model.compile()
    model.generator_optimizer.dynamic_scale.assign(1e38)
    batch = model.example_batch(8)
    for _ in range(3):
        model.train_on_batch(batch)
    assert model.steps == 3
    assert int(model.generator_optimizer.inner_optimizer.iterations) < 3
    model.save(tmp_path / "m.keras")
    assert ganzoo.load(tmp_path / "m.keras").steps == 3


def test_an_uncompiled_model_saves_and_loads(tmp_path):
    model = ganzoo.create("dcgan", image_shape=(28, 28, 1), latent_dim=4, width=4)
    model.save(tmp_path / "m.keras")
    loaded = ganzoo.load(tmp_path / "m.keras")
    assert not loaded.compiled
    np.testing.assert_array_equal(loaded.generate(2, seed=0), model.generate(2, seed=0))


def test_arrays_that_do_not_divide_evenly():
    model = ganzoo.create("dcgan", image_shape=(28, 28, 1), latent_dim=4, width=4)
    model.compile(discriminator_steps=2)
    images = model.example_batch(17)
    model.train_on_batch(images[:8])
    model.fit(images, batch_size=4, verbose=0)
    assert model.steps == 1 + 2
    with pytest.raises(ganzoo.GanzooError, match="17 images are fewer than the 32"):
        model.fit(images, batch_size=16, verbose=0)
    empty = tf.data.Dataset.from_tensor_slices(images[:0]).batch(4)
    with pytest.raises(ganzoo.GanzooError, match="empty"):
        model.fit(empty, verbose=0)


class Line(ganzoo.ZooModel):
    """One number, and the mean of its squared distances from the data."""

    def __init__(self):
        x = keras.Input((1,))
        line = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros", name="line")
        super().__init__({"line": keras.Model(x, line(x))})

    def objectives(self):
        return [ganzoo.Objective("loss", self.distance, networks=("line",))]

    def distance(self, batch, training=True):
        return keras.ops.mean((self.networks["line"](keras.ops.ones_like(batch)) - batch) ** 2)


def test_losses_of_evaluate_are_means_over_examples(two_replicas):
    """Whatever the batch size, and however few examples the last batch has."""
    squares = np.sqrt(np.arange(9, dtype="float32"))[:, None]
    # With replicas, Keras needs a first batch that they can share evenly.
    for strategy, batch_sizes in ((tf.distribute.get_strategy(), (4, 8, 9)), (two_replicas, (4, 8))):
        with strategy.scope():
            model = Line()
            model.compile({"name": "sgd", "learning_rate": 0.0})
        for batch_size in batch_sizes:
            assert model.evaluate(squares, batch_size=batch_size, verbose=0) == pytest.approx(4.0), batch_size


def test_bad_calls_say_what_to_do():
    model = ganzoo.create("dcgan", image_shape=(28, 28, 1), latent_dim=4, width=4)
    with pytest.raises(ganzoo.GanzooError, match=r"call model.compile\(\)"):
        model.fit(model.example_batch(4))
    with pytest.raises(ganzoo.GanzooError, match="unknown loss 'wrong'"):
        model.compile(loss="wrong")
    with pytest.raises(ganzoo.GanzooError, match="Did you mean 'ema_decay'"):
        model.compile(loss="hinge", ema_decy=0.9)
    model.compile()
    with pytest.raises(ganzoo.GanzooError, match="unknown penalty"):
        model.compile(loss="hinge", feature_matching=3.0, penalties=["wrong"])
    with pytest.raises(ganzoo.GanzooError, match=r"call model.compile\(\)"):
        model.fit(model.example_batch(4))  # with half of the new settings
    with pytest.raises(ganzoo.GanzooError, match="Did you mean 'learning_rate'"):
        model.compile(generator_optimizer={"name": "adam", "learning_rat": 1})
    with pytest.raises(ganzoo.GanzooError, match="Did you mean 'adam'"):
        model.compile(generator_optimizer="adamm")
    for wrong in ({"discriminator_steps": 0}, {"discriminator_steps": 1.5}, {"ema_decay": 1}, {"seed": None}):
        with pytest.raises(ganzoo.GanzooError, match=next(iter(wrong))):
            model.compile(**wrong)
    with pytest.raises(ganzoo.GanzooError, match="'name' is missing"):
        model.compile(generator_optimizer={"learning_rate": 1e-4})
    with pytest.raises(ganzoo.GanzooError, match="not a finite number"):
        model.compile(generator_optimizer={"name": "adam", "learning_rate": "nan"})
    one = keras.optimizers.Adam()
    for given in ({"optimizer": one}, {"generator_optimizer": one, "discriminator_optimizer": one}):
        with pytest.raises(ganzoo.GanzooError, match="an optimizer of its own"):
            model.compile(**given)
    for given, message in (
        (dict(optimizer="adam", generator_optimizer="sgd"), "optimizer and generator_optimizer both set name"),
        (
            dict(optimizer={"learning_rate": 1e-3}, discriminator_optimizer={"name": "sgd", "learning_rate": 1e-4}),
            "optimizer and discriminator_optimizer both set learning_rate",
        ),
        (dict(optimizer={"learning_rate": 1e-3}, generator_optimizer=one), "both set name"),
    ):
        with pytest.raises(ganzoo.GanzooError, match=message):
            model.compile(**given)
    model.compile(optimizer={"learning_rate": np.float32(1e-3)}, generator_optimizer="sgd")
    assert isinstance(model.generator_optimizer, keras.optimizers.SGD)
    assert float(model.generator_optimizer.learning_rate) == pytest.approx(1e-3)
    both = keras.optimizers.Adam(), keras.optimizers.Adam()
    given = dict(zip(("generator_optimizer", "discriminator_optimizer"), both))
    for _ in range(2):
        model.compile(**given)
    another = ganzoo.create("dcgan", image_shape=(28, 28, 1), latent_dim=4, width=4)
    with pytest.raises(ganzoo.GanzooError, match="d_loss keeps state of other weights"):
        another.compile(**given)
    model.compile()
    with pytest.raises(ganzoo.GanzooError, match=r"shape \(28, 28, 1\), the dataset has \(32, 32, 1\)"):
        model.fit(np.zeros((4, 32, 32, 1), "float32"))
    with pytest.raises(ganzoo.GanzooError, match=r"float32 in \[-1, 1\], got uint8"):
        model.fit(np.zeros((4, 28, 28, 1), "uint8"))
    with pytest.raises(ganzoo.GanzooError, match=r"got float32 from 0 to 255"):
        model.fit(np.array([0, 255], "float32").reshape(2, 1, 1, 1) * np.ones((28, 28, 1), "float32"))
    with pytest.raises(ganzoo.GanzooError, match=r"ganzoo.data.images"):
        model.fit("folder:my_images")
    for sizes in ({"width": 0}, {"kernel_size": 0}, {"latent_dim": 0}):
        with pytest.raises(ganzoo.GanzooError, match="at least 1"):
            ganzoo.create("dcgan", **sizes)
    for wrong in (
        {"count": 0},
        {"count": 2.5},
        {"latents": np.zeros((2, 5))},
        {"count": 2, "seed": -1},
        {},
        {"latents": "abc"},
        {"count": 10**13},
        {"count": 2, "batch_size": 0},
    ):
        with pytest.raises(ganzoo.GanzooError):
            model.generate(**wrong)


def test_images_become_whole_gray_levels():
    np.testing.assert_array_equal(to_uint8([-1.0, 0.0, 1.0, 2.0]), [0, 128, 255, 255])
    levels = np.arange(256)
    np.testing.assert_array_equal(to_uint8(levels.astype("float32") / 127.5 - 1), levels)


def test_a_data_set_is_read_without_the_tuner_that_fit_would_wait_for_unless_its_options_ask():
    """See `training_data`: at the end of an epoch the tuner's thread sleeps on for up to as long as the epoch took."""
    from ganzoo.backend import training_data

    data = tf.data.Dataset.from_tensors(np.zeros((8, 28, 28, 1), "float32")).repeat(4)
    assert training_data(data, 1).options().autotune.enabled is False
    grouped = training_data(data, 2)
    assert grouped.options().autotune.enabled is False
    assert [batch.shape[0] for batch in grouped] == [16, 16]
    options = tf.data.Options()
    options.autotune.enabled = True
    assert training_data(data.with_options(options), 1).options().autotune.enabled is True


def test_a_game_of_ones_own_needs_the_documented_hooks_alone(tmp_path):
    """It trains, previews nothing, saves nothing odd and exports, with `split_batch` and `generator_inputs`."""

    class Denoiser(ganzoo.AdversarialModel):
        def __init__(self):
            noisy = keras.Input((None, 3))
            generator = keras.Model(noisy, keras.layers.Dense(3, name="clean")(noisy), name="generator")
            pair = [keras.Input((None, 3), name="a"), keras.Input((None, 3), name="b")]
            both = keras.layers.GlobalAveragePooling1D()(keras.layers.Concatenate()(pair))
            super().__init__(generator, keras.Model(pair, keras.layers.Dense(1, name="logit")(both)))

        def split_batch(self, batch):
            return batch[1], batch[0]

        def generator_inputs(self, count, condition):
            return condition

    model = Denoiser()
    model.compile()
    noisy = np.random.default_rng(0).normal(size=(8, 5, 3)).astype("float32")
    model.fit(noisy, 0.5 * noisy, batch_size=4, verbose=0)
    assert model.steps == 2
    assert model.preview(None, 4) is None
    assert [inputs.shape for inputs in model.example_inputs(2)] == [(2, 16, 3)]
    model.export(tmp_path / "served")
    with pytest.raises(NotImplementedError, match=r"must define generator_inputs\(\)"):
        ganzoo.AdversarialModel(model.generator, model.discriminator).generator_inputs(1, None)


@pytest.mark.parametrize("k", [1, 3])
def test_the_last_images_are_held_out_for_validation(k):
    """As Keras keeps them, also where a step takes several batches: 20 of 25 images train, whole steps of them."""
    sgd = dict(name="sgd", learning_rate=0.0)
    images = np.arange(25, dtype="float32")[:, None] / 25
    models = [OneWeight(), OneWeight()]
    for model in models:
        model.compile(sgd, discriminator_steps=k)
    history = models[0].fit(images, batch_size=2, validation_split=0.2, verbose=0).history
    assert models[0].steps == 20 // (2 * k)
    held_out = models[1].evaluate(images[20:], batch_size=2, verbose=0, return_dict=True)
    assert history["val_d_real"][0] == pytest.approx(held_out["d_real"], rel=1e-6)


def test_batches_that_cannot_be_told_apart_are_refused():
    model = OneWeight()
    model.compile(discriminator_steps=2)
    with pytest.raises(ganzoo.GanzooError, match=r"discriminator_steps=2.* or arrays, got generator"):
        model.fit(np.zeros((4, 1), "float32") for _ in range(3))


def test_channels_come_last(monkeypatch):
    monkeypatch.setattr(keras.config, "image_data_format", lambda: "channels_first")
    with pytest.raises(ganzoo.GanzooError, match="set_image_data_format"):
        ganzoo.create("dcgan", **model_class("dcgan").test_config)


@pytest.mark.parametrize("name", ["dcgan", "vae"])
def test_a_trained_model_gives_its_memory_back(name):
    """TensorFlow keeps datasets that Python code reads, which must not keep the models that trained on them, and the
    gradients that are registered for operations, which must not keep the graphs of these models."""

    def graphs():
        gc.collect()
        return {id(found) for found in gc.get_objects() if isinstance(found, tf.__internal__.FuncGraph)}

    before = graphs()
    model = ganzoo.create(name, **model_class(name).test_config)
    model.compile(**model_class(name).test_compile_config)
    data = tf.data.Dataset.from_tensor_slices(model.example_batch(8)).batch(4)
    model.fit(data, verbose=0)
    model.evaluate(data, verbose=0)
    left = weakref.ref(model)
    assert graphs() - before
    del model
    # The next model frees what this one left in `evaluate`.
    ganzoo.create("gan", **model_class("gan").test_config)
    assert not graphs() - before
    assert left() is None


def test_gradients_that_may_be_freed_are_there_as_long_as_their_functions():
    def made():
        @tf.custom_gradient
        def cube(x):
            return x**3, lambda upstream: 5 * upstream * x

        @tf.function
        def inner(x):
            return cube(x) + cube(3 * x)

        return inner, tf.function(lambda x: inner(2 * x))

    def registered():
        return {name for name in gradient_registry.list() if name.startswith("CustomGradient-")}

    def slope(function):
        x = tf.constant([1.0, 2.0])
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
        return tape.gradient(y, x).numpy()

    gc.collect()
    known = registered()
    inner, outer = made()
    # Traced before they are differentiated.
    outer(tf.constant([1.0, 2.0]))
    backend.free_gradients()
    gc.collect()
    assert len(registered() - known) == 2
    np.testing.assert_array_equal(slope(outer), [200, 400])
    del outer
    gc.collect()
    np.testing.assert_array_equal(slope(inner), [50, 100])
    backend.free_gradients()
    del inner
    gc.collect()
    assert not registered() - known
