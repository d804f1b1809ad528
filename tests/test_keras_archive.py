"""Hostile `.keras` files: they run no code, read no other file and take no memory, whatever Keras itself would do."""

import contextlib
import copy
import io
import json
import os
import struct
import warnings
import zipfile

import h5py
import keras
import numpy as np
import pytest

import ganzoo
from ganzoo import keras_archive
from ganzoo.metrics import get_extractor
from ganzoo.precision import made_with

SIZES = dict(image_shape=(16, 16, 1), latent_dim=4, width=4, kernel_size=3)
CONFIG, WEIGHTS = "config.json", "model.weights.h5"


def parts_of(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path, parts, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


@pytest.fixture(scope="module")
def model_parts(tmp_path_factory):
    """The parts of a good model's file."""
    path = tmp_path_factory.mktemp("good") / "m.keras"
    model = ganzoo.create("dcgan", **SIZES)
    model.compile()
    model.save(path)
    return parts_of(path)


@pytest.fixture(scope="module")
def extractor_parts(tmp_path_factory):
    """The parts of a good extractor's file."""
    path = tmp_path_factory.mktemp("good") / "e.keras"
    images = keras.Input((8, 8, 1), name="images")
    features = keras.layers.Dense(3, name="dense")(keras.layers.Flatten(name="flat")(images))
    keras.Model(images, features).save(path)
    return parts_of(path)


def changed(parts, *place, to):
    """The parts with one value of config.json replaced."""
    config = json.loads(parts[CONFIG])
    target = config
    for key in place[:-1]:
        target = target[key]
    target[place[-1]] = to
    return {**parts, CONFIG: json.dumps(config).encode()}


def refused(load, path, message):
    with pytest.raises(ganzoo.GanzooError, match=message) as found:
        load(str(path))
    assert "\n" not in str(found.value)
    assert len(str(found.value)) < 500


# Keras 3.8 really calls os.system for this one: a "layer" that is a function, called with what its node says.
def network_calling(command):
    first = dict(
        module="keras.layers",
        class_name="InputLayer",
        config=dict(batch_shape=[None, 2], dtype="float32", name="i"),
        registered_name=None,
        name="i",
        inbound_nodes=[],
    )
    call = dict(
        module="os",
        class_name="function",
        config="system",
        registered_name="system",
        name="c",
        inbound_nodes=[dict(args=[command], kwargs={})],
    )
    config = dict(
        name="m", trainable=True, layers=[first, call], input_layers=[["i", 0, 0]], output_layers=[["i", 0, 0]]
    )
    return dict(
        module="keras.src.models.functional", class_name="Functional", config=config, registered_name="Functional"
    )


def named(module, name, /, **config):
    return dict(module=module, class_name=name, config=config, registered_name=None)


PLACES = [
    ("config", "dtype"),
    ("config", "anything"),
    ("compile_config", "loss"),
    ("compile_config", "penalties"),
    ("compile_config", "generator_optimizer", "config", "learning_rate"),
    ("build_config",),
    ("unknown_key",),
]


@pytest.mark.parametrize("place", PLACES, ids="/".join)
def test_code_named_anywhere_in_a_models_file_does_not_run(model_parts, place, tmp_path):
    marker = tmp_path / "marker"
    touch = network_calling(f"touch '{marker}'")
    function = dict(module="os", class_name="function", config="system", registered_name="system")
    for attack in (
        touch,
        [touch],
        {"deep": [touch]},
        function,
        named("subprocess", "Popen", args=["touch", str(marker)]),
    ):
        path = write(tmp_path / "m.keras", changed(model_parts, *place, to=attack))
        refused(ganzoo.load, path, r"it names (the function os\.system|subprocess\.Popen)")
    assert not marker.exists()


@pytest.mark.parametrize(
    "attack",
    [
        dict(class_name="__lambda__", config={"value": "4wEAAAA=", "closure": None, "defaults": None}),
        dict(class_name="__typespec__", spec_name="system", module="os", config=["true"], registered_name=None),
        # Keras before 3.9 imports the module whatever the class is.
        dict(class_name="__ellipsis__", module="antigravity", config={}),
        dict(class_name="__numpy__", config={"value": ["a"], "dtype": "U1000000000"}),
        dict(class_name="__tensor__", config={"value": ["a"], "dtype": "string"}),
        # Without a module Keras looks the class up among its own layers.
        dict(class_name="Lambda", config={}, registered_name="ganzoo>dcgan"),
        dict(class_name="Lambda", config={}, module=None, registered_name="Lambda"),
        dict(class_name="Dense", config={"units": 1}, module=None, registered_name="unknown>Dense"),
        dict(class_name="__typespec__", config=["true"], module=None, registered_name="ganzoo>dcgan"),
        named("keras.layers", "Lambda", name="l", function="f"),
        named("keras.config", "enable_unsafe_deserialization"),
        named("keras.utils", "get_file", fname="x", origin="file:///etc/passwd"),
        named("keras.optimizers", "get", identifier="adam"),
        named("keras.src.backend.common.global_state", "set_global_attribute", name="safe_mode_saving", value=False),
        dict(named("os", "__typespec__"), spec_name="system", registered_name="ganzoo>dcgan"),
        dict(named("keras.layers", "Dense", units=1), registered_name="unknown>Dense"),
        dict(module="keras.saving", class_name="function", config="load_model", registered_name="load_model"),
    ],
    ids=lambda attack: str(attack.get("module")) + "." + attack["class_name"],
)
def test_what_is_not_on_the_list_is_refused_before_keras_sees_it(model_parts, attack, tmp_path):
    path = write(tmp_path / "m.keras", changed(model_parts, "compile_config", "loss", to=attack))
    refused(ganzoo.load, path, "it names .*, which such a file may not create")


@keras.saving.register_keras_serializable(package="test_keras_archive")
class OwnSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A class of a user's, registered with Keras."""

    def __call__(self, step):
        return 1e-3

    def get_config(self):
        return {}


@pytest.mark.parametrize(
    "optimizer",
    [
        *("adadelta", "adafactor", "adagrad", "adam", "adamax", "adamw", "ftrl", "lion", "nadam", "rmsprop", "sgd"),
        dict(name="sgd", learning_rate=dict(name="cosine_decay", initial_learning_rate=0.1, decay_steps=10)),
        dict(
            name="adam",
            learning_rate=dict(name="piecewise_constant_decay", boundaries=[3], values=[0.1, 0.01]),
            clipnorm=1.0,
        ),
        lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1)),
        lambda: keras.optimizers.Adam(OwnSchedule()),
    ],
)
def test_every_optimizer_is_loaded_again(optimizer, tmp_path):
    model = ganzoo.create("gan", image_shape=(4, 4, 1), latent_dim=2, generator_widths=(3,), discriminator_widths=(3,))
    both = [optimizer() if callable(optimizer) else optimizer for _ in range(2)]
    model.compile(generator_optimizer=both[0], discriminator_optimizer=both[1])
    model.save(tmp_path / "m.keras")
    loaded = ganzoo.load(tmp_path / "m.keras")
    assert loaded.get_compile_config() == model.get_compile_config()
    assert type(loaded.generator_optimizer) is type(model.generator_optimizer)


def test_policies_losses_penalties_and_augmentations_are_loaded_again(tmp_path):
    with made_with("mixed_bfloat16"):
        model = ganzoo.create(
            "dcgan", **SIZES, discriminator_regularizers=["spectral_normalization", "minibatch_discrimination"]
        )
    model.compile(
        loss={"name": "hinge"},
        penalties=["r1", {"name": "gradient_penalty", "weight": 1.0}],
        augmentations=["instance_noise", "diffaugment"],
    )
    model.save(tmp_path / "m.keras")
    loaded = ganzoo.load(tmp_path / "m.keras")
    assert loaded.get_config() == model.get_config()
    assert loaded.get_compile_config() == model.get_compile_config()


def test_an_optimizer_of_one_back_end_is_loaded_as_keras_own(model_parts, tmp_path):
    """As files of older versions name them."""
    older = named("keras.src.backend.tensorflow.optimizer", "SGD", learning_rate=0.5)
    path = write(tmp_path / "m.keras", changed(model_parts, "compile_config", "generator_optimizer", to=older))
    config = json.loads(parts_of(path)[CONFIG])
    keras_archive.check_objects(config, path)
    del config["compile_config"]["generator_optimizer"]
    config["config"]["dtype"] = older
    with pytest.raises(ganzoo.GanzooError, match=r"it names keras\.src\.backend"):
        keras_archive.check_objects(config, path)


def test_an_extractor_of_keras_own_layers_and_operations_loads(tmp_path):
    images = keras.Input((8, 8, 3))
    x = keras.layers.Rescaling(1 / 255)(images)[:, 1:] / 2 - 1
    x = keras.layers.Conv2D(4, 3, activation="relu", kernel_regularizer="l2", kernel_constraint="non_neg")(x)
    x = keras.layers.BatchNormalization()(keras.ops.relu(x))
    shared = keras.Sequential([keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, dtype="mixed_bfloat16")])
    network = keras.Model(images, keras.ops.concatenate([shared(x), shared(2 * x)], axis=-1))

    def unregistered_loss(real, predicted):
        return keras.ops.mean(predicted)

    network.compile(loss=unregistered_loss)
    network.save(tmp_path / "e.keras")
    shown = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), dtype="uint8")
    loaded, known = get_extractor(str(tmp_path / "e.keras")), get_extractor(network)
    np.testing.assert_array_equal(loaded(shown).vectors, known(shown).vectors)


def test_an_extractor_of_cast_norms_and_linear_algebra_loads(tmp_path):
    images = keras.Input((4, 4, 3), dtype="uint8")
    x = keras.ops.slice_update(keras.ops.cast(images, "float32"), [0, 0, 0, 0], keras.ops.ones((1, 1, 1, 3)))
    x = keras.ops.normalize(keras.ops.stop_gradient(x) + 1, axis=-1)
    network = keras.Model(images, [keras.ops.norm(x, axis=(1, 2)) * keras.ops.norm(keras.ops.det(x[:, :3, :3]))])
    network.save(tmp_path / "e.keras")
    shown = np.random.default_rng(0).integers(0, 256, (4, 4, 4, 3), dtype="uint8")
    loaded, known = get_extractor(str(tmp_path / "e.keras")), get_extractor(network)
    assert loaded(shown).vectors.shape == (4, 3)
    np.testing.assert_array_equal(loaded(shown).vectors, known(shown).vectors)


@pytest.mark.parametrize(
    ("module", "operation"),
    [("core", "Map"), ("core", "Cond"), ("core", "WhileLoop"), ("core", "VectorizedMap"), ("linalg", "JVP")],
)
def test_operations_that_call_functions_are_refused(extractor_parts, module, operation, tmp_path):
    attack = layer_replaced(extractor_parts, module=f"keras.src.ops.{module}", class_name=operation)
    refused(get_extractor, write(tmp_path / "e.keras", attack), f"it names keras.src.ops.{module}.{operation}")


def layer_replaced(parts, **by):
    config = json.loads(parts[CONFIG])
    for layer in config["config"]["layers"]:
        if layer["class_name"] == "Flatten":
            layer.update(by)
    return {**parts, CONFIG: json.dumps(config).encode()}


def test_code_in_an_extractor_does_not_run(extractor_parts, tmp_path):
    marker, path = tmp_path / "marker", tmp_path / "e.keras"
    function = dict(module="os", class_name="function", config="system", registered_name="system")
    attacks = [
        {**extractor_parts, CONFIG: json.dumps(network_calling(f"touch '{marker}'")).encode()},
        changed(extractor_parts, "config", "name", to=network_calling(f"touch '{marker}'")),
        layer_replaced(extractor_parts, class_name="Lambda", config=dict(name="flat", function=function)),
        layer_replaced(extractor_parts, class_name="TFSMLayer", config=dict(filepath=str(tmp_path))),
        layer_replaced(extractor_parts, class_name="StringLookup", config=dict(vocabulary="/etc/passwd")),
        layer_replaced(extractor_parts, module="subprocess", class_name="Popen"),
        layer_replaced(extractor_parts, module=None),
    ]
    for attack in attacks:
        refused(get_extractor, write(path, attack), "cannot load the extractor .* it names ")
    assert not marker.exists()


def test_a_model_is_no_extractor(model_parts, tmp_path):
    refused(get_extractor, write(tmp_path / "m.keras", model_parts), "must be a functional or sequential Keras model")


def test_names_that_break_lines_make_one_line(model_parts, tmp_path):
    for key in ("module", "class_name"):
        attack = {**named("a", "b"), key: "first\nsecond\ud800"}
        path = write(tmp_path / "m.keras", changed(model_parts, "compile_config", "loss", to=attack))
        refused(ganzoo.load, path, r"first\\nsecond\\ud800")
    for name in ("ganzoo>first\nsecond", "others>first\nsecond"):
        changes = changed(changed(model_parts, "registered_name", to=name), "class_name", to="first\nsecond")
        refused(ganzoo.load, write(tmp_path / "m.keras", changes), r"first\\nsecond")
    for dtype in ([], {}):
        attack = dict(class_name="__numpy__", config={"value": [], "dtype": dtype})
        path = write(tmp_path / "m.keras", changed(model_parts, "compile_config", "loss", to=attack))
        refused(ganzoo.load, path, "it names __numpy__")


def test_parts_that_keras_never_writes_are_refused(model_parts, tmp_path):
    path = tmp_path / "m.keras"
    cases = [
        (dict(model_parts, **{"../../evil": b""}), r"an unexpected part: '\.\./\.\./evil'"),
        (dict(model_parts, **{"assets/x": b""}), "an unexpected part"),
        ({CONFIG: model_parts[CONFIG]}, "it has no model.weights.h5"),
        (dict(model_parts, **{CONFIG: model_parts[CONFIG] + bytes(5 * 2**20)}), "its config.json has 5,2"),
        (dict(model_parts, **{WEIGHTS: model_parts[WEIGHTS] + bytes(2**22)}), "bytes that belong to no array"),
        (dict(model_parts, **{CONFIG: b"[" * 100_000}), "not a readable"),
        (dict(model_parts, **{CONFIG: b"[]"}), "not a mapping"),
        (dict(model_parts, **{WEIGHTS: b"\x89HDF\r\n\x1a\n" + bytes(1000)}), "not a readable"),
    ]
    for parts, message in cases:
        refused(ganzoo.load, write(path, parts), message)
    with zipfile.ZipFile(path, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns of the name
        for name, content in [*model_parts.items(), (CONFIG, b"{}")]:
            archive.writestr(name, content)
    refused(ganzoo.load, path, "an unexpected part: 'config.json'")


def test_a_compressed_bomb_is_refused_by_its_header(model_parts, tmp_path):
    bomb = dict(model_parts, **{CONFIG: model_parts[CONFIG] + b" " * 200 * 2**20})
    refused(ganzoo.load, write(tmp_path / "m.keras", bomb, zipfile.ZIP_DEFLATED), "is compressed or encrypted")


def external_link(weights, name, folder):
    weights[name] = h5py.ExternalLink(str(folder / "secret.h5"), "/array")


def soft_link(weights, name, folder):
    weights["kept"] = np.zeros(3, "float32")
    weights[name] = h5py.SoftLink("/kept")


def external_numbers(weights, name, folder):
    weights.create_dataset(name, (100,), "float32", external=[(str(folder / "secret"), 0, h5py.h5f.UNLIMITED)])


def virtual_numbers(weights, name, folder):
    layout = h5py.VirtualLayout((100,), "float32")
    layout[...] = h5py.VirtualSource(str(folder / "secret.h5"), "array", (100,))
    weights.create_virtual_dataset(name, layout)


def never_written(weights, name, folder):
    weights.create_dataset(name, (2**20, 2**20), "float32")


def never_written_pieces(weights, name, folder):
    weights.create_dataset(name, (2**20, 2**20), "float32", chunks=(1024, 1024))


def compressed(weights, name, folder):
    weights.create_dataset(name, data=np.zeros((1024, 1024), "float32"), compression="gzip")


def text(weights, name, folder):
    weights.create_dataset(name, data=["a"], dtype=h5py.string_dtype())


def in_pieces(weights, name, folder):
    weights.create_dataset(name, data=np.zeros((64, 64), "float32"), chunks=(8, 8))


def twice(weights, name, folder):
    weights[name] = np.zeros(3, "float32")
    weights["again"] = weights[name]


def endless(weights, name, folder):
    weights[name] = weights["/"]


def bare_type(weights, name, folder):
    weights[name] = np.dtype("float32")


@pytest.mark.parametrize(
    "attack",
    [
        *(external_link, soft_link, external_numbers, virtual_numbers, never_written, never_written_pieces),
        *(compressed, text, in_pieces, twice, endless, bare_type),
    ],
)
def test_weights_outside_the_file_or_larger_than_it_are_refused(model_parts, extractor_parts, attack, tmp_path):
    (tmp_path / "secret").write_bytes(bytes(400))
    with h5py.File(tmp_path / "secret.h5", "w") as secret:
        secret["array"] = np.zeros(100, "float32")
    for load, parts in ((ganzoo.load, model_parts), (get_extractor, extractor_parts)):
        buffer = io.BytesIO(parts[WEIGHTS])
        with h5py.File(buffer, "r+") as weights:
            found = []
            weights.visititems(
                lambda name, member, found=found: found.append(name) if hasattr(member, "shape") else None
            )
            del weights[found[0]]
            attack(weights, found[0], tmp_path)
        path = write(tmp_path / "m.keras", {**parts, WEIGHTS: buffer.getvalue()})
        refused(load, path, "its weights (contain|name) ")


@pytest.mark.parametrize("shift", [0, 400], ids=["the same bytes", "some of the bytes"])
def test_arrays_that_share_their_bytes_are_refused(extractor_parts, shift, tmp_path):
    """Such a file would take many times its own size in memory."""
    buffer = io.BytesIO(extractor_parts[WEIGHTS])
    with h5py.File(buffer, "r+") as weights:
        for i in range(30):
            weights.create_dataset(f"array_{i}", (10_000,), "float32")
        # HDF5 places the bytes when they are written: after all descriptions.
        for i in range(30):
            weights[f"array_{i}"][:] = i
        first, *others = (weights[f"array_{i}"].id.get_offset() for i in range(30))
    content = buffer.getvalue()
    for address in others:
        assert content.count(struct.pack("<Q", address)) == 1
        content = content.replace(struct.pack("<Q", address), struct.pack("<Q", first + shift))
    # The bytes of the other arrays, which would give it away, are gone.
    content = content[: others[0] + shift]
    end = struct.pack("<Q", len(buffer.getvalue()))
    assert content.count(end) == 1
    content = content.replace(end, struct.pack("<Q", len(content)))
    with h5py.File(io.BytesIO(content)) as weights:
        assert sum(array.size for array in weights.values() if hasattr(array, "size")) == 300_000
    path = write(tmp_path / "e.keras", {**extractor_parts, WEIGHTS: content})
    refused(get_extractor, path, "whose bytes also belong to another array")


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        ("latent_dim", 10**9, "much larger than the weights it stores"),
        ("width", 2000, "much larger than the weights it stores"),
        ("image_shape", [2**20, 2**20, 3], "much larger than the weights it stores"),
        ("latent_dim", 10**400, "whole numbers go up to"),
        ("discriminator_depth", 10**9, "cannot be halved so often"),
        ("discriminator_regularizers", ["spectral_normalization"] * 1000, "appears twice"),
        ("discriminator_regularizers", [[]], "unknown regularizer"),
        ("image_shape", [64, 64], r"image_shape is \(height, width, channels\)"),
        ("width", "wide", "cannot load"),
        ("width", 8, "could not be loaded"),
    ],
)
def test_arguments_that_do_not_fit_the_stored_weights_take_no_memory(model_parts, argument, value, message, tmp_path):
    before = keras.layers.Layer.add_weight
    path = write(tmp_path / "m.keras", changed(model_parts, "config", argument, to=value))
    refused(ganzoo.load, path, message)
    assert keras.layers.Layer.add_weight is before


def test_an_extractor_larger_than_its_weights_takes_no_memory(extractor_parts, tmp_path):
    config = json.loads(extractor_parts[CONFIG])
    config["config"]["layers"][-1]["config"]["units"] = 10**9
    path = write(tmp_path / "e.keras", {**extractor_parts, CONFIG: json.dumps(config).encode()})
    refused(get_extractor, path, "much larger than the weights it stores")


def test_weights_that_no_network_needs_are_refused_before_they_are_read(model_parts, tmp_path):
    buffer = io.BytesIO(model_parts[WEIGHTS])
    with h5py.File(buffer, "r+") as weights:
        weights["more"] = np.zeros(10**6, "float32")
    path = write(tmp_path / "m.keras", {**model_parts, WEIGHTS: buffer.getvalue()})
    refused(ganzoo.load, path, "stores 4,0.* bytes of weights, its networks have")


def test_what_is_no_ordinary_file_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "fifo.keras")
    (tmp_path / "folder.keras").mkdir()
    for load in (ganzoo.load, get_extractor):
        for path in (tmp_path / "fifo.keras", tmp_path / "folder.keras"):
            refused(load, path, "not a regular file")
        refused(load, "a\0b.keras", "not a file name")
        refused(load, tmp_path / "none.keras", "no such file")


def test_damaged_files_are_refused_or_read(model_parts, extractor_parts, tmp_path):
    for load, parts in ((ganzoo.load, model_parts), (get_extractor, extractor_parts)):
        path = write(tmp_path / "m.keras", parts)
        whole, rng = path.read_bytes(), np.random.default_rng(0)
        for i in range(40):
            content = bytearray(whole)
            if i % 4 == 0:
                del content[int(rng.integers(len(content))) :]
            elif i % 4 == 1:
                for place in rng.integers(len(content), size=20):
                    content[place] = rng.integers(256)
            else:
                # Right sums of check, as an attacker would make them.
                damaged = copy.copy(parts)
                name = (CONFIG, WEIGHTS)[i % 2]
                piece = bytearray(parts[name])
                for place in rng.integers(len(piece), size=8):
                    piece[place] = rng.integers(256)
                damaged[name] = bytes(piece)
                content = bytearray(write(tmp_path / "d.keras", damaged).read_bytes())
            path.write_bytes(content)
            with contextlib.suppress(ganzoo.GanzooError):
                load(str(path))
