"""tf.data datasets as `fit` reads them: none is read a second time, and whatever has the right first batch trains."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import ganzoo
from ganzoo.registry import model_class


@pytest.fixture
def model():
    model = ganzoo.create("gan", **model_class("gan").test_config)
    model.compile()
    return model


@pytest.fixture
def images(model):
    return np.random.default_rng(0).uniform(-1, 1, (24, *model.image_shape)).astype("float32")


def test_a_data_set_is_read_once(model, images):
    begun = []

    def batches():
        begun.append(1)
        yield from np.split(images, 3)

    signature = tf.TensorSpec((8, *model.image_shape), "float32")
    data = tf.data.Dataset.from_generator(batches, output_signature=signature)
    model.fit(data, verbose=0)
    assert (len(begun), model.steps) == (1, 3)


def test_our_own_data_sets_are_left_as_they_are():
    """A look at the first batch would be an epoch of another order."""
    asked = dict(image_shape=(8, 8, 1), batch_size=512)
    looked, plain = ganzoo.data.images("digits", **asked), ganzoo.data.images("digits", **asked)
    from ganzoo.data.batches import FirstBatch, with_known_shapes

    def check(batch):
        raise AssertionError

    assert FirstBatch(check).watched(with_known_shapes(looked, whole=True)) is looked
    for ours, theirs in zip(looked, plain):
        np.testing.assert_array_equal(ours, theirs)
    model = ganzoo.create("gan", **model_class("gan").test_config)
    model.compile()
    with pytest.raises(ganzoo.GanzooError, match=r"from -127\.5 to 127\.5"):
        model.fit(looked.map(lambda x: x * 127.5), verbose=0)


def test_shapes_that_are_not_known(model, images):
    """Of `from_generator` without a signature and of `py_function`, with labels beside or not."""
    labels = np.arange(24) % 3

    def pairs():
        yield from zip(np.split(images, 3), np.split(labels, 3))

    def only(x):
        return tf.py_function(lambda x: x, [x], tf.float32)

    slices = tf.data.Dataset.from_tensor_slices(images)
    ragged = slices.batch(8).map(lambda x: tf.ensure_shape(only(x), (None, None, None, 1)))
    for data in (
        tf.data.Dataset.from_generator(pairs, output_types=(tf.float32, tf.int64)),
        slices.batch(8).map(only),
        slices.map(only).batch(8),
        ragged,
    ):
        model.fit(data, verbose=0)
    assert model.steps == 12
    labeled = ganzoo.create("cgan", image_shape=(8, 8, 1), classes=3, latent_dim=4, width=4)
    labeled.compile()
    labeled.fit(tf.data.Dataset.from_generator(pairs, output_types=(tf.float32, tf.int64)), verbose=0)
    assert labeled.steps == 3
    with pytest.raises(ganzoo.GanzooError, match=r"images of shape \(8, 8, 1\), the dataset has \(4, 8, 1\)"):
        model.fit(slices.batch(8).map(lambda x: only(x[:, :4])), verbose=0)
    with pytest.raises(ganzoo.GanzooError, match="is empty"):
        model.fit(slices.take(0).batch(8).map(only), verbose=0)


def test_what_is_no_batch_of_images(model, images):
    slices = tf.data.Dataset.from_tensor_slices(images)
    with pytest.raises(ganzoo.GanzooError, match=r"single examples of shape \(8, 8, 1\).*call .batch\(64\)"):
        model.fit(slices, verbose=0)
    with pytest.raises(ganzoo.GanzooError, match=r"keys image, label: map it, e"):
        model.fit(slices.map(lambda x: {"image": x, "label": 1}).batch(8), verbose=0)
    with pytest.raises(ganzoo.GanzooError, match=r"3 parts"):
        model.fit(slices.map(lambda x: (x, 1, 1.0)).batch(8), verbose=0)
    with pytest.raises(ganzoo.GanzooError, match=r"single examples of shape \(8, 8, 3\)"):
        ganzoo.create("srresnet", **model_class("srresnet").test_config).check_data(np.zeros((8, 8, 3), "float32"))
    upscaler = ganzoo.create("srresnet", **model_class("srresnet").test_config)
    small, large = upscaler.example_batch(2)
    with pytest.raises(ganzoo.GanzooError, match="values up to nan"):
        upscaler.check_data(small, np.nan * large)
    with pytest.warns(UserWarning, match=r"all values lie in \[0, 1\]"):
        upscaler.check_data((small + 1) / 2, (large + 1) / 2)


def test_several_steps_of_the_discriminator_and_replicas(two_replicas, images):
    """The first batch is looked at also where batches are grouped, shared, or read by several devices."""
    with two_replicas.scope():
        model = ganzoo.create("gan", **model_class("gan").test_config)
        model.compile(discriminator_steps=2)
    data = tf.data.Dataset.from_tensor_slices(images).batch(4, drop_remainder=True)
    model.fit(data, verbose=0)
    assert model.steps == 3
    with pytest.raises(ganzoo.GanzooError, match=r"\[-1, 1\], got float32 from"):
        model.fit(data.map(lambda x: 127.5 * x), verbose=0)


def test_a_generator_keeps_what_references_are_taken_from():
    """Virtual batch normalization reads a first batch too."""
    model = ganzoo.create(
        "dcgan",
        image_shape=(16, 16, 1),
        latent_dim=4,
        width=4,
        discriminator_regularizers=[{"name": "virtual_batch_normalization", "size": 10}],
    )
    model.compile()
    model.fit((batch for batch in np.split(model.example_batch(24), 3)), verbose=0)
    assert model.steps == 3


def test_averages_of_optimizers_take_over_at_the_end(images):
    """`use_ema` of either optimizer is of its own network: at the end of fit() its weights are the averages."""
    model = ganzoo.create("gan", **model_class("gan").test_config)
    model.compile(discriminator_optimizer=keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5))
    model.fit(images, batch_size=8, verbose=0)
    averages = model.discriminator_optimizer._model_variables_moving_average
    for weight, average in zip(model.discriminator.trainable_variables, averages):
        np.testing.assert_array_equal(weight, average)


@pytest.mark.parametrize("k", [1, 2])
def test_losses_do_not_depend_on_whether_the_length_is_known(k, images):
    """The step that finds the end of the data changes no metric, average or power iteration."""

    def trained(data, **options):
        keras.utils.set_random_seed(0)
        regularizers = ["spectral_normalization"]
        model = ganzoo.create("gan", **model_class("gan").test_config, discriminator_regularizers=regularizers)
        model.compile(discriminator_steps=k, historical_averaging=0.1)
        history = model.fit(data, epochs=2, verbose=0, shuffle=False, **options).history
        return history, [np.asarray(variable) for variable in model.variables], model

    known = tf.data.Dataset.from_tensor_slices(images).batch(4, drop_remainder=True)
    unknown = known.filter(lambda x: tf.shape(x)[0] > 0)
    expected, weights, model = trained(images, batch_size=4, validation_data=(images,), validation_batch_size=4)
    found, same, _ = trained(unknown, validation_data=unknown)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-4, err_msg=name)
    if k == 1:
        for ours, theirs in zip(same, weights):
            np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)
    alone = model.evaluate(images, batch_size=24, verbose=0)
    np.testing.assert_allclose(model.evaluate((batch for batch in [images]), verbose=0), alone, rtol=1e-5)


def test_every_data_set_is_looked_at(model, images):
    """The one for validation besides the one for training, and one with a None where Keras has targets."""
    good = tf.data.Dataset.from_tensor_slices(images).batch(8)
    bad = good.map(lambda x: 127.5 * (x + 1))
    padded = bad.map(lambda x: (x, None))
    for act in (
        lambda: model.fit(good, validation_data=bad, verbose=0),
        lambda: model.fit(padded, verbose=0),
        lambda: model.evaluate(padded, verbose=0),
    ):
        with pytest.raises(ganzoo.GanzooError, match=r"\[-1, 1\], got float32 from"):
            act()
    steps = model.steps
    model.fit(good.map(lambda x: (x, None)), validation_data=good.map(lambda x: (x, None)), verbose=0)
    assert model.steps == steps + 3


def test_what_would_train_nothing(model, images):
    data = tf.data.Dataset.from_tensor_slices(images).batch(8)
    for x, options, words in (
        (images[:3], {"validation_split": 0.9}, "validation_split=0.9 of 3 examples leaves none for training"),
        (images[:0], {}, "the data is empty"),
        (images, {"validation_data": (images[:0],)}, "the data is empty"),
        (data.take(0), {}, "data ?set is empty"),
        (data.filter(lambda x: tf.shape(x)[0] < 0), {}, "data ?set is empty"),
        (iter([]), {}, "list_iterator is empty"),
        (images, {"batch_size": 0}, "batch_size"),
        (images, {"batch_size": -1}, "batch_size"),
        (images, {"validation_split": -1}, "validation_split"),
        (images, {"epochs": "many"}, "epochs"),
        (images, {"epochs": 1.5}, "epochs"),
        (images, {"steps_per_epoch": 0}, "steps_per_epoch"),
        (data, {"validation_split": 0.5}, "validation_split is for arrays"),
        (data, {"y": images}, "y is for arrays"),
        ([], {}, "got list"),
        (images[:1].tolist(), {}, "got list"),
        (7, {}, "got int"),
        (np.float32(7), {}, "batch axis"),
        ([images, images], {}, "in place of the labels"),
        (object(), {}, "got object"),
    ):
        with pytest.raises(ganzoo.GanzooError, match=words) as caught:
            model.fit(x, verbose=0, **options)
        assert "\n" not in str(caught.value)
    assert model.steps == 0
    with pytest.raises(ganzoo.GanzooError, match="batch_size"):
        model.evaluate(images, batch_size=0)
    with pytest.raises(ganzoo.GanzooError, match="nothing was evaluated"):
        model.evaluate(data.filter(lambda x: tf.shape(x)[0] < 0), verbose=0)


def test_iterators_are_read_like_generators(model, images):
    model.fit(iter(np.split(images, 3)), epochs=np.int64(1), verbose=0)
    model.fit(map(np.negative, np.split(images, 3)), verbose=0)
    assert model.steps == 6
    with pytest.raises(ganzoo.GanzooError, match=r"\[-1, 1\], got float32 from"):
        model.fit(iter([127.5 * images]), verbose=0)


def test_keras_averages_are_not_swapped(model, images):
    with pytest.raises(ganzoo.GanzooError, match=r"SwapEMAWeights .*ema_generator"):
        model.fit(images, callbacks=keras.callbacks.SwapEMAWeights(), verbose=0)
