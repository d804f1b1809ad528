"""Weights archives: what is stored is what is read, and nothing more is unpacked or allocated."""

import dataclasses
import io
import os
import zipfile

import keras
import numpy as np
import pytest
import yaml

import ganzoo
from ganzoo import loading, memory, preset_folders, presets, weights
from ganzoo.config import parse_config

SIZES = dict(image_shape=(16, 16, 1), latent_dim=4, width=4, kernel_size=3)


def header(shape="(2, 3)", dtype="<f2"):
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    text = text.ljust(118 - 1) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def archive(path, compression=zipfile.ZIP_DEFLATED, **parts):
    with zipfile.ZipFile(path, "w", compression) as packed:
        for name, content in parts.items():
            packed.writestr(f"{name}.npy", content)
    return path


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (header()[:-40] + b"(" * 39 + b"\n" + bytes(12), "not a readable weights file"),
        (header("(2, (3") + bytes(12), "not a readable weights file"),
        (header("(1099511627776,)") + bytes(12), "not as large as its header says"),
        (header("(2, 3)") + bytes(11), "not as large as its header says"),
        (header(dtype="|O") + bytes(96), "not as large as its header says"),
        (header("(33554432,)") + bytes(2**26), "decompresses to more than 20 times its size"),
        (b"\x93NUMPY\x09\x00" + header()[8:], "not a readable weights file"),
        (b"", "not a readable weights file"),
    ],
    ids=["brackets", "bracket", "huge", "short", "objects", "bomb", "version", "empty"],
)
def test_arrays_that_are_not_what_they_say_are_refused(content, message, tmp_path):
    path = archive(tmp_path / "w.npz", a=content)
    for read in (weights.read, weights.stored_bytes):
        with pytest.raises(ganzoo.GanzooError, match=message) as found:
            read(path)
        assert "\n" not in str(found.value)


def test_whole_archives_are_read_and_measured(tmp_path):
    arrays = {"a": np.arange(6, dtype="float16").reshape(2, 3), "b/c": np.float32(3)}
    np.savez_compressed(tmp_path / "w.npz", **arrays)
    found = weights.read(tmp_path / "w.npz")
    assert all(np.array_equal(found[name], array) for name, array in arrays.items())
    assert weights.stored_bytes(tmp_path / "w.npz") == 4 * 7


def test_a_digest_is_of_the_arrays_and_not_of_the_file(tmp_path):
    arrays = {"b": np.arange(4.0), "a": np.ones((2, 2), "float16")}
    np.savez(tmp_path / "1.npz", **arrays)
    np.savez_compressed(tmp_path / "2.npz", **dict(reversed(arrays.items())), counter=np.int64(7))
    first, second = (weights.read(tmp_path / f"{i}.npz") for i in (1, 2))
    assert weights.digest(first) == weights.digest(second)
    for other in ({**first, "b": first["b"][::-1]}, {**first, "b": first["b"].reshape(2, 2)}, {"b": first["b"]}):
        assert weights.digest(other) != weights.digest(first)


def test_layers_without_names_find_their_weights_whatever_was_built_before(tmp_path):
    """Keras numbers them in the order in which a process creates them."""

    def network():
        inputs = keras.Input((3,))
        x = keras.layers.Dense(3)(inputs)
        inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3), keras.layers.Dense(3)])
        return keras.Model(inputs, keras.layers.Dense(3, name="last")(inner(x) + keras.layers.Dense(3)(x)))

    first, other = network(), network()
    assert [layer.name for layer in first.layers] != [layer.name for layer in other.layers]
    for variable in first.weights:
        variable.assign(np.random.default_rng(0).normal(size=variable.shape).astype("float16"))
    weights.load(tmp_path / "w.npz", {"n": other}, weights.save(tmp_path / "w.npz", {"n": first}))
    assert all(np.array_equal(a, b) for a, b in zip(first.get_weights(), other.get_weights()))
    assert weights.shapes(first) == weights.shapes(other)
    assert {key.split("/")[1] for key in weights.read(tmp_path / "w.npz")} == {"dense", "dense_1", "sequential", "last"}


def test_8_bits_halve_the_file_and_keep_each_weight_within_half_a_step_of_its_channel(tmp_path):
    network = keras.Sequential([keras.Input((64,)), keras.layers.Dense(32, name="dense")])
    kernel = np.random.default_rng(0).normal(size=(64, 32)).astype("float32") * np.geomspace(1e-6, 100, 32)
    kernel[:, 5] = 0
    kernel[7, 9] = 127 * 2**-6
    kernel[np.arange(64) != 7, 9] = np.arange(63) * 2**-6
    network.set_weights([kernel, np.arange(32) / 3])
    sizes = []
    for bits in (16, 8):
        weights.save(tmp_path / "w.npz", {"n": network}, bits=bits)
        sizes.append((tmp_path / "w.npz").stat().st_size)
    assert sizes[1] < 0.7 * sizes[0]
    found = weights.read(tmp_path / "w.npz")
    assert set(found) == {"n/dense/kernel", "n/dense/bias"}
    error = np.abs(found["n/dense/kernel"] - kernel).max(axis=0)
    # The scale is rounded up to the next float16, whose smallest steps are 6e-8.
    assert (error <= 0.5 * (1.001 * np.abs(kernel).max(axis=0) / 127 + 6e-8)).all()
    assert not error[[5, 9]].any()
    assert np.array_equal(found["n/dense/bias"], network.get_weights()[1].astype("float16"))
    with pytest.raises(ganzoo.GanzooError, match="bits must be 16 or 8, got 4"):
        weights.save(tmp_path / "w.npz", {"n": network}, bits=4)


@pytest.mark.parametrize("scale", [np.ones(3, "float16"), np.ones(2, "float32"), np.ones((1, 2), "float16")])
def test_a_scale_that_does_not_fit_is_refused(scale, tmp_path):
    np.savez(tmp_path / "w.npz", **{"a": np.ones((3, 2), "int8"), "a@scale": scale})
    with pytest.raises(ganzoo.GanzooError, match="the scale of 'a' does not fit it"):
        weights.read(tmp_path / "w.npz")


def test_weights_of_the_same_name_are_refused(tmp_path):
    class Twice(keras.layers.Layer):
        def build(self, shape):
            self.one, self.two = (self.add_weight(shape=(2,), name="same") for _ in range(2))

        def call(self, x):
            return x + self.one + self.two

    network = keras.Sequential([keras.Input((2,)), Twice(name="twice")])
    with pytest.raises(ganzoo.GanzooError, match="'n/twice' has several weights called 'same'"):
        weights.save(tmp_path / "w.npz", {"n": network})


@pytest.fixture
def published(tmp_path):
    """A YAML file with weights beside it; a function that changes the YAML file."""
    model = ganzoo.create("dcgan", **SIZES)
    sha256 = model.save_shipped(tmp_path / "w.npz")
    mapping = dict(
        model="dcgan",
        arguments={**SIZES, "image_shape": [16, 16, 1]},
        weights=dict(file="w.npz", sha256=sha256, license="CC0", data="none", protocol="none"),
    )

    def change(section, **values):
        changed = {**mapping, section: {**mapping[section], **values}}
        (tmp_path / "mine.yaml").write_text(yaml.safe_dump(changed))
        return tmp_path / "mine.yaml"

    return change


def test_arguments_wider_than_the_weights_take_no_memory(published):
    assert ganzoo.load(published("arguments")).preset
    for argument, value in (("latent_dim", 10**9), ("width", 3000), ("max_width", 3)):
        with pytest.raises(ganzoo.GanzooError, match=r"much larger than the weights it stores|has shape"):
            ganzoo.load(published("arguments", **{argument: value}))


@pytest.mark.parametrize(
    "name", ["/dev/zero", "../w.npz", "sub/w.npz", "..", ".", "", "a\0b", "a\nb", "c:w.npz", "a\\b"]
)
def test_weights_lie_beside_their_yaml_file(published, name):
    with pytest.raises(ganzoo.GanzooError, match=r"'weights\.file' is .* plain file name") as found:
        ganzoo.load(published("weights", file=name))
    assert "\n" not in str(found.value)


def test_weights_that_are_no_ordinary_file_are_refused_without_waiting(published, tmp_path):
    os.mkfifo(tmp_path / "fifo.npz")
    (tmp_path / "folder.npz").mkdir()
    (tmp_path / "device.npz").symlink_to("/dev/zero")
    for name in ("fifo.npz", "folder.npz", "device.npz"):
        with pytest.raises(ganzoo.GanzooError, match="not a regular file"):
            ganzoo.load(published("weights", file=name))
    os.mkfifo(tmp_path / "fifo.yaml")
    with pytest.raises(ganzoo.GanzooError, match="not a regular file"):
        ganzoo.load(tmp_path / "fifo.yaml")


@pytest.mark.parametrize(
    ("model", "arguments"),
    [
        ("dcgan", {"latent_dim": 10**9}),
        ("cgan", {"classes": 10**9}),
        ("gan", {"image_shape": [2**20, 2**20, 3]}),
        ("srresnet", {"kernel_size": 10**6}),
    ],
)
def test_networks_beyond_the_memory_are_refused_before_they_take_it(model, arguments):
    config = parse_config(yaml.safe_dump({"model": model, "arguments": arguments}), "mine.yaml")
    with pytest.raises(
        ganzoo.GanzooError, match=r"mine.yaml, section 'arguments': networks .* make the arguments smaller"
    ):
        loading.build(config, "mine.yaml")
    with pytest.raises(ganzoo.GanzooError, match=rf"create\('{model}'\): networks"):
        ganzoo.create(model, **arguments)


def test_threads_are_counted_apart():
    """A load in one thread does not stand in the way of another's networks."""
    from concurrent.futures import ThreadPoolExecutor

    def wide():
        return ganzoo.create("gan", image_shape=(8, 8, 1), generator_widths=(64,)).latent_dim

    with ThreadPoolExecutor(2) as pool, memory.fitting_file("w.npz", 4):
        assert pool.submit(wide).result() == 100
        with pytest.raises(ganzoo.GanzooError, match="much larger"):
            ganzoo.create("gan", image_shape=(32, 32, 1))


def test_shipped_weights_are_read_to_the_byte():
    """What the networks get is what NumPy finds in the file."""
    preset = presets.find("dcgan.mnist")
    with np.load(io.BytesIO(preset.weights_file.read_bytes())) as stored:
        arrays = {name: stored[name].astype("float32") for name in stored.files}
    model = ganzoo.load("dcgan.mnist")
    for layer in model.ema_generator.layers:
        for variable in layer.weights:
            np.testing.assert_array_equal(np.asarray(variable), arrays[f"generator/{layer.name}/{variable.name}"])


def test_two_presets_written_to_a_folder_at_once_leave_one_of_them(tmp_path):
    """One of them writes its weights while the other one writes all of its files."""
    first, second = (ganzoo.create("dcgan", **SIZES) for _ in range(2))
    first.save_to_preset(tmp_path / "p")
    config = presets.find(tmp_path / "p").config
    file, sha256 = preset_folders.write_weights(second, tmp_path / "p")
    ganzoo.create("dcgan", **SIZES).save_to_preset(tmp_path / "p", overwrite=True)
    stated = dataclasses.replace(config.weights, file=file, sha256=sha256)
    preset_folders.write_config(dataclasses.replace(config, weights=stated), tmp_path / "p")
    assert np.array_equal(ganzoo.load(tmp_path / "p").generate(2, seed=0), half(second).generate(2, seed=0))
    assert sorted(os.listdir(tmp_path / "p")) == sorted(["preset.yaml", file])


def half(model):
    """With weights as a file stores them."""
    for variable in model.ema_generator.weights:
        variable.assign(np.array(variable).astype("float16"))
    return model
