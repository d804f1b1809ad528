"""What `fit` and `evaluate` take and refuse, and what callbacks do, on the backend that KERAS_BACKEND names."""

import warnings

import keras
import numpy as np
import pytest

import ganzoo
from ganzoo.registry import model_class

SMALL = model_class("gan").test_config
SHAPE = SMALL["image_shape"]
GOOD = np.random.default_rng(0).uniform(-1, 1, (16, *SHAPE)).astype("float32")
BATCHES = [GOOD[:8], GOOD[8:]]


class Sequence(keras.utils.PyDataset):
    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return self.batches[index]


def sequence(batches):
    return Sequence(batches)


def generator(batches):
    yield from batches


def loader(batches, shuffle=False):
    torch = pytest.importorskip("torch")
    parts = [batch if isinstance(batch, tuple) else (batch,) for batch in batches]
    joined = [torch.from_numpy(np.concatenate(arrays)) for arrays in zip(*parts)]
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*joined), batch_size=8, shuffle=shuffle)


def dataset(batches):
    tf = pytest.importorskip("tensorflow")
    parts = [batch if isinstance(batch, tuple) else (batch,) for batch in batches]
    joined = tuple(np.concatenate(arrays) for arrays in zip(*parts))
    return tf.data.Dataset.from_tensor_slices(joined if len(joined) > 1 else joined[0]).batch(8)


KINDS = (sequence, generator, loader, dataset)


def compiled(name, **settings):
    model = ganzoo.create(name, **model_class(name).test_config)
    model.compile(**settings)
    return model


@pytest.mark.parametrize("kind", KINDS)
def test_values_of_batches(kind):
    model = compiled("gan")
    for act in (
        model.fit,
        model.evaluate,
        lambda data, verbose: model.fit(GOOD, validation_data=data, verbose=verbose),
    ):
        for wrong in (127.5 * (GOOD + 1), GOOD * np.nan):
            with pytest.raises(ganzoo.GanzooError, match=r"in \[-1, 1\], got float32 from|not numbers"):
                act(kind([wrong[:8], wrong[8:]]), verbose=0)
        with pytest.raises(ganzoo.GanzooError, match=r"\[-1, 1\], got uint8.*127.5"):
            act(kind([(127.5 * (batch + 1)).astype("uint8") for batch in BATCHES]), verbose=0)
    steps = model.steps
    with pytest.warns(UserWarning, match=r"all values lie in \[0, 1\].*x \* 2 - 1") as seen:
        model.fit(kind([(batch + 1) / 2 for batch in BATCHES]), verbose=0)
    assert len([warning for warning in seen if "[0, 1]" in str(warning.message)]) == 1
    with warnings.catch_warnings():
        warnings.filterwarnings("error", r".*\[0, 1\]")
        model.fit(kind(BATCHES), verbose=0)
    # No batch was taken away from the training.
    assert model.steps == steps + 4


@pytest.mark.parametrize("kind", KINDS)
def test_labels_of_batches(kind):
    model = compiled("cgan")
    images = model.example_batch(16)[0]
    labels = np.arange(16) % 3

    def pairs(labels):
        return kind([(images[:8], labels[:8]), (images[8:], labels[8:])])

    one_hot = np.eye(4)[labels]
    for wrong in (labels + 1, labels - 0.5, np.where(labels, labels, np.nan), 2 * one_hot[:, :3], one_hot):
        with pytest.raises(ganzoo.GanzooError, match=r"labels (are whole|of shape)"):
            model.fit(pairs(wrong), verbose=0)
    with pytest.raises(ganzoo.GanzooError, match=r"3 parts.*sample_weight"):
        model.fit(kind([(images[:8], labels[:8], np.ones(8, "float32"))]), verbose=0)
    assert model.steps == 0
    model.fit(pairs(one_hot[:, :3]), verbose=0)
    assert model.steps == 2


def test_labels_of_all_forms_are_the_same():
    model = ganzoo.create("cgan", **model_class("cgan").test_config)
    images, labels = model.example_batch(8)[0], np.arange(8) % 3
    for same in (labels, labels[:, None], np.eye(3, dtype="float32")[labels], labels.astype("float32")):
        _, found = model.split_batch((images, keras.ops.convert_to_tensor(same)))
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(found), labels)
        np.testing.assert_array_equal(model.labels(8, same), labels)


def test_a_loader_keeps_its_order():
    torch = pytest.importorskip("torch")
    orders = []
    for looked in (False, True):
        torch.manual_seed(0)
        data = loader(BATCHES, shuffle=True)
        if looked:
            from ganzoo.data.batches import FirstBatch

            FirstBatch(lambda batch: None).watched(data)
        orders.append(np.concatenate([batch[0].numpy() for batch in data]))
    np.testing.assert_array_equal(*orders)


def test_a_loader_keeps_the_order_of_a_sampler_with_its_own_generator():
    torch = pytest.importorskip("torch")
    from ganzoo.data.batches import FirstBatch

    orders = []
    for looked in (False, True):
        examples = torch.utils.data.TensorDataset(torch.arange(64))
        own = torch.Generator().manual_seed(0)
        data = torch.utils.data.DataLoader(
            examples, batch_size=8, sampler=torch.utils.data.RandomSampler(examples, generator=own)
        )
        if looked:
            FirstBatch(lambda batch: None).watched(data)
        orders.append(np.concatenate([batch[0].numpy() for batch in data]))
    np.testing.assert_array_equal(*orders)


def test_weights_of_examples_are_refused():
    model = compiled("gan")
    ones = np.ones(16, "float32")
    for call in (
        lambda: model.fit(GOOD, sample_weight=ones),
        lambda: model.fit(GOOD, class_weight={0: 2.0}),
        lambda: model.fit(GOOD, validation_data=(GOOD, None, ones)),
        lambda: model.evaluate(GOOD, sample_weight=ones),
        lambda: model.train_on_batch(GOOD, sample_weight=ones),
        lambda: model.train_on_batch(GOOD, class_weight={0: 2.0}),
        lambda: model.test_on_batch(GOOD, sample_weight=ones),
    ):
        with pytest.raises(ganzoo.GanzooError, match=r"do not use (sample|class)_weight"):
            call()
    assert model.steps == 0


def test_dictionaries_and_single_examples():
    model = compiled("gan")
    for data in (sequence([{"image": GOOD, "label": GOOD}]), {"image": GOOD}):
        with pytest.raises(ganzoo.GanzooError, match=r"dictionaries with the keys image.*map it"):
            model.fit(data, verbose=0)
    with pytest.raises(ganzoo.GanzooError, match=r"single examples of shape .*call .batch"):
        model.fit(GOOD[0], verbose=0)


def rates(model):
    """The learning rates of a model's optimizers, the generator's first."""
    return [float(keras.ops.convert_to_numpy(one.learning_rate)) for one in reversed(model.optimizers.values())]


def test_learning_rates_change_together():
    sgd = [{"name": "sgd", "learning_rate": rate} for rate in (0.1, 0.4)]
    model = compiled("gan", generator_optimizer=sgd[0], discriminator_optimizer=sgd[1])
    model.fit(
        GOOD, epochs=2, verbose=0, callbacks=[keras.callbacks.LearningRateScheduler(lambda epoch: 0.2 / 2**epoch)]
    )
    assert rates(model) == pytest.approx([0.1, 0.4])
    plateau = keras.callbacks.ReduceLROnPlateau(monitor="g_loss", factor=0.1, patience=1, min_delta=1e9)
    model.fit(GOOD, epochs=2, verbose=0, callbacks=[plateau])
    assert rates(model) == pytest.approx([0.01, 0.04])
    model.optimizer.learning_rate = 0.0
    assert rates(model) == [0, 0]
    weights = [keras.ops.convert_to_numpy(w) for w in model.generator.trainable_variables]
    model.fit(GOOD, verbose=0)
    for before, after in zip(weights, model.generator.trainable_variables):
        np.testing.assert_array_equal(before, keras.ops.convert_to_numpy(after))
    model.optimizer.learning_rate = 0.05
    assert rates(model) == pytest.approx([0.05, 0.2])
    schedule = {"name": "cosine_decay", "initial_learning_rate": 0.1, "decay_steps": 10}
    model = compiled(
        "gan", generator_optimizer=sgd[0], discriminator_optimizer={"name": "sgd", "learning_rate": schedule}
    )
    with pytest.raises(TypeError, match="LearningRateSchedule"):
        model.optimizer.learning_rate = 0.2
    assert rates(model)[0] == pytest.approx(0.1)
    alone = compiled("srresnet", optimizer=sgd[0])
    alone.optimizer.learning_rate = 0.2
    assert rates(alone) == pytest.approx([0.2])
    both = compiled("gan", optimizer={"name": "sgd", "learning_rate": 0.3})
    assert rates(both) == pytest.approx([0.3, 0.3])


def test_a_changed_rate_is_saved(tmp_path):
    model = compiled("gan")
    model.fit(GOOD, verbose=0)
    model.optimizer.learning_rate = 1e-5
    model.save(tmp_path / "m.keras")
    loaded = ganzoo.load(tmp_path / "m.keras")
    assert rates(loaded) == pytest.approx([1e-5, 1e-5])
    for one in (model, loaded):
        one.fit(GOOD, shuffle=False, verbose=0)
    assert int(loaded.optimizer.iterations) == int(model.optimizer.iterations) == 2
    for ours, theirs in zip(model.variables, loaded.variables):
        ours, theirs = keras.ops.convert_to_numpy(ours), keras.ops.convert_to_numpy(theirs)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)


def test_callbacks_of_keras(tmp_path):
    def broken():
        """A game whose losses are no numbers from the third step on."""
        for i in range(10):
            yield GOOD[:8] if i < 2 else GOOD[:8] * np.nan

    model = compiled("gan")
    model.fit(broken(), steps_per_epoch=10, verbose=0, callbacks=keras.callbacks.TerminateOnNaN())
    assert model.steps == 3
    # A weight that is no number stops it at the end of the epoch, whatever the losses say.
    model = compiled("gan")
    model.generator.trainable_variables[0].assign(np.nan * np.ones(model.generator.trainable_variables[0].shape))
    assert len(model.fit(GOOD, epochs=3, verbose=0, callbacks=[keras.callbacks.TerminateOnNaN()]).epoch) == 1
    model = compiled("gan")
    patient = keras.callbacks.EarlyStopping(monitor="val_g_loss", patience=1, min_delta=1e9)
    history = model.fit(GOOD, epochs=5, validation_data=(GOOD,), verbose=0, callbacks=[patient]).history
    assert len(history["g_loss"]) == 2
    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup", delete_checkpoint=False)
    best = keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", monitor="g_loss", save_best_only=True)
    csv = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    model.fit(GOOD, epochs=2, verbose=0, callbacks=[backup, best, csv])
    assert (tmp_path / "log.csv").read_text().startswith("epoch,d_fake,d_loss,d_real,g_loss")
    assert ganzoo.load(tmp_path / "best.keras").steps > 0
    again = compiled("gan")
    again.fit(GOOD, epochs=3, verbose=0, callbacks=[keras.callbacks.BackupAndRestore(tmp_path / "backup")])
    assert again.steps == model.steps + 1


class Line(ganzoo.ZooModel):
    """A linear function that learns from a given loss."""

    def __init__(self, loss):
        inputs = keras.Input((4,))
        super().__init__({"line": keras.Model(inputs, keras.layers.Dense(1)(inputs))})
        self.given = loss

    def objectives(self):
        return [ganzoo.Objective("distance", lambda batch, training: self.given(self, batch), networks=("line",))]


@pytest.mark.parametrize(
    "loss",
    [
        lambda model, batch: keras.ops.mean(batch),
        lambda model, batch: keras.ops.convert_to_tensor(1.0),
        lambda model, batch: np.float32(1.0),
        lambda model, batch: np.array(1.0, "float32"),
        lambda model, batch: keras.ops.cast(keras.ops.sum(keras.ops.argmax(model.line(batch), -1)), "float32"),
        lambda model, batch: keras.ops.mean(model.ema_line(batch)),
    ],
    ids=["data", "constant", "number", "array", "argmax", "average"],
)
def test_a_loss_from_which_nothing_can_be_learned_is_refused(loss):
    model = Line(loss)
    model.compile("sgd")
    with pytest.raises(ganzoo.GanzooError, match="the loss of the objective 'distance' depends on no weight"):
        model.fit(np.ones((8, 4), "float32"), verbose=0)


def test_a_loss_may_leave_out_some_weights():
    model = Line(lambda model, batch: keras.ops.mean(model.line(batch) * 0 + model.line.layers[-1].bias))
    model.compile("sgd")
    kernel = keras.ops.convert_to_numpy(model.line.layers[-1].kernel)
    model.fit(np.ones((8, 4), "float32"), verbose=0)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(model.line.layers[-1].kernel), kernel)
    assert keras.ops.convert_to_numpy(model.line.layers[-1].bias) < 0


def test_averages_of_an_optimizer_are_trained_on():
    model = ganzoo.create("gan", **SMALL)
    model.compile(optimizer={"use_ema": True})
    for _ in range(2):
        model.fit(GOOD, batch_size=8, verbose=0)
    assert model.steps == 4
    assert model.generate(1, seed=0).shape == (1, *SHAPE)


def test_spectral_normalization_follows_the_weights_in_half_precision():
    layer = keras.layers.Dense(3, use_bias=False, dtype="mixed_bfloat16")
    wrapper = ganzoo.layers.SpectralNormalization(layer, dtype="mixed_bfloat16")
    wrapper(np.ones((2, 4), "float32"))
    layer.kernel.assign(np.arange(12.0).reshape(4, 3))
    wrapper.direction.assign([1.0, 0.0, 0.0])
    for _ in range(5):
        wrapper(np.ones((2, 4), "float32"), training=True)
    right = np.linalg.svd(np.arange(12.0).reshape(4, 3))[2][0]
    np.testing.assert_allclose(np.abs(keras.ops.convert_to_numpy(wrapper.direction)), np.abs(right), atol=0.01)
