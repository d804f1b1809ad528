"""What `model.save` writes, and refuses to."""

import keras
import pytest

import ganzoo
from ganzoo import losses, registry

SIZES = dict(image_shape=(4, 4, 1), latent_dim=2, generator_widths=(3,), discriminator_widths=(3,))


@pytest.mark.parametrize("name", ["m.h5", "m", "m.weights.h5", "m.keras.zip", "m.KERAS"])
def test_only_keras_files_are_saved_and_no_broken_one_stays(name, tmp_path):
    model = ganzoo.create("dcgan", image_shape=(16, 16, 1), latent_dim=4, width=4, kernel_size=3)
    model.compile()
    with pytest.raises(ganzoo.GanzooError, match=r"must end in \.keras"):
        model.save(tmp_path / name)
    with pytest.raises(ganzoo.GanzooError, match=r"must end in \.keras"):
        model.save(tmp_path / name, zipped=False)
    assert not list(tmp_path.iterdir())


class Optimizer(keras.optimizers.Adam):
    pass


class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step):
        return 1e-3

    def get_config(self):
        return {}


class Loss(type(losses.get("hinge"))):
    name = "own"


class Penalty(type(losses.get_penalty("r1"))):
    name = "own"


def rate():
    return 1e-3


class WithoutDescription(keras.optimizers.Adam):
    def get_config(self):
        return {**super().get_config(), "other": object()}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            lambda: dict(generator_optimizer=Optimizer()),
            r"the model has .*test_saving\.Optimizer, which",
        ),
        (lambda: dict(discriminator_optimizer=keras.optimizers.SGD(Schedule())), r"test_saving\.Schedule, which"),
        (lambda: dict(loss=Loss()), r"test_saving\.Loss, which"),
        (lambda: dict(penalties=[Penalty()]), r"test_saving\.Penalty, which"),
        (
            lambda: dict(generator_optimizer=keras.optimizers.Adam(rate)),
            "the model has the function rate, which",
        ),
        (lambda: dict(generator_optimizer=keras.optimizers.Adam(lambda: 1e-3)), "a lambda, .* a function with a name"),
        (lambda: dict(generator_optimizer=WithoutDescription()), "GAN cannot be described"),
    ],
)
def test_what_could_not_be_loaded_again_is_not_saved(settings, message, tmp_path):
    model = ganzoo.create("gan", **SIZES)
    model.compile(**settings())
    with pytest.raises(ganzoo.GanzooError, match=f"cannot save to .*m.keras: .*{message}") as found:
        model.save(tmp_path / "m.keras")
    assert "\n" not in str(found.value)
    assert not list(tmp_path.iterdir())


def test_models_of_classes_or_functions_that_are_not_registered_are_not_saved(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "_classes", dict(registry._classes))

    class Own(registry.model_class("gan")):
        def __init__(self, activation=None, **arguments):
            super().__init__(**{**SIZES, **arguments})
            self.activation = activation

    with pytest.raises(ganzoo.GanzooError, match=r"Own is not registered, .* @ganzoo\.register\('name'\)"):
        Own().save(tmp_path / "m.keras")
    ganzoo.register("of_test_saving")(Own)
    with pytest.raises(ganzoo.GanzooError, match="the model has the function rate, which"):
        Own(rate).save(tmp_path / "m.keras")
    assert not list(tmp_path.iterdir())

    @keras.saving.register_keras_serializable(package="test_saving")
    def known():
        return 2e-3

    for activation in (known, [known], {"a": known}, None):
        model = Own(activation)
        model.compile(generator_optimizer=keras.optimizers.Adam(known))
        model.save(tmp_path / "m.keras")
        loaded = ganzoo.load(tmp_path / "m.keras")
        assert loaded.activation == (tuple(activation) if isinstance(activation, list) else activation)
        assert float(loaded.generator_optimizer.learning_rate) == pytest.approx(2e-3)
        assert loaded.get_config() == model.get_config()
