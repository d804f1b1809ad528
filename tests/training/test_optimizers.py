"""Optimizers as YAML names them, with learning rates that change."""

import keras
import numpy as np
import pytest

import ganzoo
from ganzoo.registry import model_class
from ganzoo.training import optimizers


def test_a_learning_rate_that_falls_and_comes_back_from_a_file(tmp_path):
    """Halfway through a cosine decay the rate is half; a loaded model goes on where it was."""
    asked = {"name": "cosine_decay", "initial_learning_rate": "4e-4", "decay_steps": 4}
    model = ganzoo.create("dcgan", image_shape=(28, 28, 1), latent_dim=4, width=4, kernel_size=3)
    model.compile(generator_optimizer={"name": "adam", "learning_rate": asked})
    model.fit(model.example_batch(16), batch_size=8, verbose=0)
    assert float(model.generator_optimizer.learning_rate) == pytest.approx(2e-4)
    model.save(tmp_path / "m.keras")
    loaded = ganzoo.load(tmp_path / "m.keras")
    assert float(loaded.generator_optimizer.learning_rate) == pytest.approx(2e-4)
    loaded.fit(model.example_batch(8), batch_size=8, verbose=0)
    assert float(loaded.generator_optimizer.learning_rate) == pytest.approx(4e-4 * (1 + np.cos(0.75 * np.pi)) / 2)


def test_steps_as_a_paper_has_them():
    asked = {"name": "piecewise_constant_decay", "boundaries": [100], "values": ["1e-4", "1e-5"]}
    optimizer = optimizers.get({"name": "adam", "learning_rate": asked}, "generator_optimizer")
    schedule = optimizer._learning_rate
    assert [float(schedule(step)) for step in (0, 100, 101)] == pytest.approx([1e-4, 1e-4, 1e-5])
    assert isinstance(optimizer, keras.optimizers.Adam)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"name": "cosine_deca"}, "Did you mean 'cosine_decay'"),
        ({"name": "cosine_decay", "steps": 3}, "unknown argument of generator_optimizer, cosine_decay 'steps'"),
        ({"name": "cosine_decay", "initial_learning_rate": 1e-3}, "decay_steps"),
        ({"name": "cosine_decay", "initial_learning_rate": "x", "decay_steps": 3}, "not a finite number"),
    ],
)
def test_schedules_that_are_none(asked, words):
    with pytest.raises(ganzoo.GanzooError, match=words):
        optimizers.get({"name": "adam", "learning_rate": asked}, "generator_optimizer")


@pytest.mark.parametrize("settings", [{}, {"beta_1": 0.5, "epsilon": 1e-3, "global_clipnorm": 0.5}, {"amsgrad": True}])
def test_adam_in_one_operation_is_adam(settings):
    rng = np.random.default_rng(0)
    found = []
    gradients = rng.normal(size=(4, 3, 5)).astype("float32")
    settings = {"learning_rate": 0.1, **settings}
    theirs = keras.optimizers.Adam(**settings)
    ours = optimizers.get({"name": "adam", **settings}, "generator_optimizer")
    for optimizer in (theirs, ours):
        variable = keras.Variable(np.ones((3, 5), "float32"))
        for gradient in gradients:
            optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
        found.append([np.asarray(one) for one in (variable, *optimizer.variables)])
    assert len(found[0]) == len(found[1])
    for a, b in zip(*found):
        np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-7)


def test_the_proportion_of_rates_outlives_a_rate_of_0_in_a_file(tmp_path):
    model = ganzoo.create("gan", **model_class("gan").test_config)
    model.compile(
        generator_optimizer={"name": "sgd", "learning_rate": 0.1},
        discriminator_optimizer={"name": "sgd", "learning_rate": 0.4},
    )
    model.optimizer.learning_rate = 0.0
    model.save(tmp_path / "m.keras")
    loaded = ganzoo.load(tmp_path / "m.keras")
    loaded.optimizer.learning_rate = 0.05
    assert float(loaded.discriminator_optimizer.learning_rate) == pytest.approx(0.2)
