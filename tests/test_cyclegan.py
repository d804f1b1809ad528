"""What is particular to the training of cyclegan: pool, losses, resume."""

import keras
import numpy as np
import pytest
from keras import ops

import ganzoo
from ganzoo.registry import model_class
from ganzoo.training.image_pool import ImagePool
from ganzoo.training.noise import Noise
from ganzoo.training.optimizers import LinearDecay

TINY = model_class("cyclegan").test_config


def numbered(*numbers):
    return np.stack([np.full((1, 1, 1), number, "float32") for number in numbers])


def exchanged(pool, step, *numbers):
    noise = Noise(seed=0)
    noise.start_step(step)
    return ops.convert_to_numpy(pool.exchange(ops.convert_to_tensor(numbered(*numbers)), noise)).ravel().tolist()


def test_a_pool_first_fills_and_then_exchanges_half_of_the_images():
    pool = ImagePool(4, (1, 1, 1))
    assert exchanged(pool, 0, 1, 2, 3) == [1, 2, 3]
    # One more has room.
    assert exchanged(pool, 1, 4, 5, 6) == [4, 5, 6]
    assert sorted(np.array(pool.images).ravel()) == [1, 2, 3, 4]
    given, taken, held = [], [], {1, 2, 3, 4}
    for step in range(2, 302):
        new = (10 * step, 10 * step + 1)
        answer = exchanged(pool, step, *new)
        for ours, theirs in zip(new, answer):
            given.append(ours)
            if theirs != ours:
                # An image of an earlier step, which leaves the pool.
                held.remove(theirs)
                held.add(ours)
                taken.append(theirs)
        assert sorted(np.array(pool.images).ravel()) == sorted(held)
    # One half, within four standard deviations.
    assert abs(len(taken) / len(given) - 0.5) < 4 * 0.5 / np.sqrt(len(given))
    assert len(set(taken)) == len(taken)


def test_a_batch_larger_than_the_pool_passes():
    pool = ImagePool(2, (1, 1, 1))
    for step in range(20):
        answer = exchanged(pool, step, *range(5 * step, 5 * step + 5))
        assert answer[2:] == list(range(5 * step + 2, 5 * step + 5))
        assert len(set(answer)) == 5


def test_training_goes_on_from_a_file_as_without_a_break(translator, tmp_path):
    batches = [translator.example_batch(4, seed) for seed in range(5)]
    for batch in batches[:3]:
        translator.train_on_batch(*batch)
    translator.save(tmp_path / "model.keras")
    loaded = ganzoo.load(tmp_path / "model.keras")
    for batch in batches[3:]:
        for one in (translator, loaded):
            one.train_on_batch(*batch)
    pools = [
        {w.path.split("/", 1)[-1]: np.array(w) for w in one.weights if "pool" in w.path} for one in (translator, loaded)
    ]
    assert any(array.any() for array in pools[0].values())
    for ours, theirs in zip(translator.weights, loaded.weights):
        np.testing.assert_allclose(np.array(ours), np.array(theirs), atol=1e-6, err_msg=ours.path)


def test_a_cycle_of_identities_is_free():
    model = ganzoo.create("cyclegan", **TINY)
    model.compile(pool_size=0)
    for name in model.generators:
        images = keras.Input((None, None, 3))
        setattr(model, name, keras.Model(images, keras.layers.Identity()(images)))
    x, y = model.example_batch(2)
    # Neither cycle nor identity costs anything, only the adversarial loss is left.
    logits = np.array(model.discriminator(x)), np.array(model.backward_discriminator(y))
    loss = float(model.generator_loss((x, y)))
    assert loss == pytest.approx(sum(np.mean((one - 1) ** 2) for one in logits), rel=1e-4)
    model.adversarial_weight = 0.0
    assert float(model.generator_loss((x, y))) == 0.0


def test_losses_are_those_of_the_paper(translator):
    x, y = translator.example_batch(3, seed=9)
    g, f = translator.generator, translator.backward_generator
    d_y, d_x = translator.discriminator, translator.backward_discriminator
    fake_y, fake_x = np.array(g(x)), np.array(f(y))

    def l1(a, b):
        return np.abs(np.array(a) - b).mean()

    adversarial = np.mean((np.array(d_y(fake_y)) - 1) ** 2) + np.mean((np.array(d_x(fake_x)) - 1) ** 2)
    cycle, identity = l1(f(fake_y), x) + l1(g(fake_x), y), l1(g(y), y) + l1(f(x), x)
    g_loss = float(translator.generator_loss((x, y), training=False))
    assert g_loss == pytest.approx(adversarial + 10 * cycle + 5 * identity, rel=1e-4)
    real = np.mean((np.array(d_y(y)) - 1) ** 2) + np.mean((np.array(d_x(x)) - 1) ** 2)
    fake = np.mean(np.array(d_y(fake_y)) ** 2) + np.mean(np.array(d_x(fake_x)) ** 2)
    d_loss = float(translator.discriminator_loss((x, y), training=False))
    assert d_loss == pytest.approx((real + fake) / 2, rel=1e-4)


def test_residual_generators_begin_at_the_identity():
    model = ganzoo.create("cyclegan", **{**TINY, "output": "residual"})
    x, _ = model.example_batch(2)
    start = [float(np.abs(np.array(model.networks[name](x)) - x).mean()) for name in model.generators]
    assert 0 < max(start) < 0.02
    direct = ganzoo.create("cyclegan", **TINY).generator
    assert float(np.abs(np.array(direct(x)) - x).mean()) > 0.1


def test_linear_decay():
    rate = LinearDecay(2.0, constant_steps=10, decay_steps=4)
    assert [float(rate(step)) for step in (0, 10, 11, 13, 14, 99)] == [2.0, 2.0, 1.5, 0.5, 0.0, 0.0]
