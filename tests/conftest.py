"""Fixtures of all tests. They run on two virtual CPU devices, so that strategies can be tried anywhere."""

import os
import shutil
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import ganzoo
from ganzoo.data.vowels import vowels
from ganzoo.registry import model_class

# PyTorch's builds for GPUs load it where they find it; in a process that has TensorFlow it ends that process.
sys.modules.setdefault("triton", None)

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)


# Files whose tests take longest, which workers begin with: the others fill up what is left at the end.
LONGEST = [
    # In a fresh process: after many other tests, PyTorch's results once differed by 2e-5 instead of 5e-7.
    "test_torch_reference",
    "backend/test_backends",
    "training/test_distribute",
    "test_presets",
    "test_docstrings",
    "test_models",
    "demos/test_server",
    "training/test_run",
    "training/test_resume",
    "training/test_own_models",
    "test_upscaling",
    "test_segan",
    "training/test_adversarial",
    "training/test_meeting",
    "test_fault_injection",
    "test_collapse",
    "test_lecture",
    "test_documentation",
    "demos/test_browser",
    "export/test_export",
    "test_stackgan",
    "networks/test_regularizers",
    "data/test_batches",
]


def pytest_collection_modifyitems(items):
    order = {Path(__file__).parent / f"{name}.py": place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path, len(order)))


def pytest_runtest_setup(item):
    """Every test starts from the same random state. Long tests that would start after LONG_TESTS_UNTIL (Unix time) are
    skipped, so that `.ci/run` stays within its time limit on slow machines."""
    keras.utils.set_random_seed(0)
    if item.get_closest_marker("long") and time.time() > float(os.environ.get("LONG_TESTS_UNTIL") or "inf"):
        pytest.skip("past LONG_TESTS_UNTIL")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    os.environ["GANZOO_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def two_replicas():
    """One strategy for all tests: collectives of two strategies over the same devices mix up in TensorFlow."""
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


@pytest.fixture(scope="session")
def shared():
    """The real datasets that are not part of the project."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real datasets (../shared/data) are not here")
    return folder


@pytest.fixture(scope="session")
def images_npz(tmp_path_factory):
    """A source of 96 random 28x28 images."""
    path = tmp_path_factory.mktemp("images") / "images.npz"
    np.savez(path, images=np.random.default_rng(0).integers(0, 256, (96, 28, 28), dtype="uint8"))
    return f"npz:{path}"


@pytest.fixture(scope="session")
def tiny_yaml(images_npz):
    """The description of a DCGAN that trains in a second: 6 steps in each of 4 epochs."""
    return f"""
model: dcgan
arguments: {{image_shape: [28, 28, 1], latent_dim: 8, width: 4, kernel_size: 3}}
data: {{source: "{images_npz}", batch_size: 16, flip: true}}
training: {{epochs: 4, samples: 4}}
evaluation: {{extractor: mnist_classifier, samples: 50}}
"""


def tiny_run_of(folder, tiny_yaml, **options):
    (folder / "tiny.yaml").write_text(tiny_yaml)
    return ganzoo.train(folder / "tiny.yaml", output=folder / "runs", **options)


@pytest.fixture
def tiny_preset(tmp_path, tiny_yaml):
    """The same as a file, which a test may change."""
    path = tmp_path / "tiny.yaml"
    path.write_text(tiny_yaml)
    return path


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory, tiny_yaml):
    """The folder of a whole run of the tiny preset, for all tests that only read it."""
    return tiny_run_of(tmp_path_factory.mktemp("whole"), tiny_yaml)


@pytest.fixture(scope="session")
def _one_epoch(tmp_path_factory, tiny_yaml):
    return tiny_run_of(tmp_path_factory.mktemp("begun"), tiny_yaml, settings=["epochs=1", "extractor=null"])


@pytest.fixture(scope="session")
def measured_run(tmp_path_factory, tiny_yaml):
    """The folder of a run of one epoch that has measured itself, to be copied."""
    return tiny_run_of(tmp_path_factory.mktemp("measured"), tiny_yaml, settings=["epochs=1"])


@pytest.fixture
def begun_run(tmp_path, _one_epoch):
    """A copy of the folder of a run of the tiny preset after one epoch, without measurements: `runs/tiny-001`."""
    return shutil.copytree(_one_epoch, tmp_path / "runs" / _one_epoch.name)


@pytest.fixture(scope="session")
def three_speakers(tmp_path_factory):
    """A folder of recordings, to be read only: three speakers, two of vowels each, and one that is silent."""
    soundfile = pytest.importorskip("soundfile")
    root, rate = tmp_path_factory.mktemp("speech"), 16_000
    for speaker in "abc":
        for take in range(2):
            soundfile.write(root / f"{speaker}-{take}.wav", (take + 1) * vowels(rate)[: 32_000 + 4000 * take], rate)
    soundfile.write(root / "a-2.wav", np.zeros(8000), rate)
    return root


@pytest.fixture(scope="session")
def with_random_kernels():
    """A function that makes a smoother or a postfilter whose networks do something."""

    def made(name, size=0.3, **arguments):
        keras.utils.set_random_seed(0)
        model = ganzoo.create(name, **{**model_class(name).test_config, **arguments})
        rng = np.random.default_rng(0)
        for network in (model.inference_network, model.smoothing_network):
            for weight in network.weights:
                if weight.path.endswith("kernel"):
                    weight.assign(rng.normal(0, size, weight.shape))
        return model

    return made


@pytest.fixture(scope="session")
def examples_folder(tmp_path_factory):
    """What examples find where they run: folders of images, of captioned images and of recordings, and single files."""
    soundfile = pytest.importorskip("soundfile")
    root, rng = tmp_path_factory.mktemp("examples"), np.random.default_rng(0)
    for name in ("cats", "dogs"):
        (root / "my_images" / name).mkdir(parents=True)
        for i in range(8):
            Image.fromarray(rng.integers(0, 256, (128, 128, 3), "uint8")).save(root / f"my_images/{name}/{i}.png")
    lines = [f"{name}/{i}.png\ta photo of {name}" for name in ("cats", "dogs") for i in range(8)]
    (root / "my_images" / "captions.txt").write_text("\n".join(lines))
    Image.fromarray(rng.integers(0, 256, (64, 48, 3), "uint8")).save(root / "in.jpg")
    for name in ("my_speech", "my_noise"):
        (root / name).mkdir()
        for i in range(4):
            soundfile.write(root / name / f"{i}.wav", rng.normal(0, 0.1, 48_000).astype("float32"), 16_000)
    for name, speed in (("ana", 1.5), ("ben", 1.0)):
        (root / "my_voices" / name).mkdir(parents=True)
        sound = vowels(16_000)
        sound = np.interp(np.arange(0, len(sound) - 1, speed), np.arange(len(sound)), sound).astype("float32")
        for i in range(2):
            soundfile.write(root / "my_voices" / name / f"{i}.wav", sound, 16_000)
    soundfile.write(root / "noisy.wav", rng.normal(0, 0.1, 16_000).astype("float32"), 16_000)
    return root


@pytest.fixture(scope="module")
def translator():
    """A tiny cyclegan between day and night, compiled."""
    keras.utils.set_random_seed(0)
    model = ganzoo.create("cyclegan", **ganzoo.registry.model_class("cyclegan").test_config, domains=("day", "night"))
    model.compile(pool_size=6)
    return model


@pytest.fixture(scope="module")
def paired_folders(tmp_path_factory):
    """Two folders, A and B, with 20 images of the same names: those of the second are the negatives of the first."""
    root = tmp_path_factory.mktemp("paired_folders")
    for side in "AB":
        (root / side).mkdir()
    for i in range(20):
        image = np.full((24, 20, 3), 10 * i, "uint8")
        image[:12, :, 0] = 200
        for side, shown in (("A", image), ("B", 255 - image)):
            Image.fromarray(shown).save(root / side / f"{i:02}.png")
    return root


@pytest.fixture(scope="module")
def paired_source(paired_folders):
    """The same as a source of data."""
    return f"folders:{paired_folders}/A,{paired_folders}/B"


@pytest.fixture(scope="session")
def tone():
    """A function that makes the sound of a voice of one pitch."""

    def made(pitch, rate=8_000, seconds=0.6):
        """A sound of constant pitch with the timbre of a pulse train."""
        time = np.arange(round(seconds * rate)) / rate
        partials = np.arange(1, int(rate / 2 / pitch))[:, None]
        sound = (np.sin(2 * np.pi * pitch * partials * time) / partials).sum(axis=0)
        return (0.1 * sound / sound.std()).astype("float32")

    return made
