"""Exported files compute what the model does, and nothing else is left on the disk."""

import os
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import ganzoo
from ganzoo import presets
from ganzoo.backend.tensorflow_strings import string_codes
from ganzoo.cli import main
from ganzoo.export import FORMATS, TOLERANCE, TOLERANCE_FLOAT16
from ganzoo.export.check import examples, largest_difference
from ganzoo.precision import made_with
from ganzoo.registry import model_class
from ganzoo.text.characters import as_bytes

OTHERS = [name for name in FORMATS if name != "tf_saved_model"]
# Models whose default preset has weights.
SHIPPED = [name for name in ganzoo.list_models() if presets.find(name).config.weights]


def made(name, **arguments):
    keras.utils.set_random_seed(0)
    return ganzoo.create(name, **{**model_class(name).test_config, **arguments})


def needed(format):
    for module, _ in FORMATS[format].modules:
        pytest.importorskip(module)


def whole(folder):
    """{path: content} of all files in a folder."""
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class InGraphs(keras.layers.Layer):
    """A layer that exports differently: it adds 0.01 inside a graph."""

    def call(self, inputs):
        return inputs if tf.executing_eagerly() else inputs + 0.01


class Unfaithful(ganzoo.ImageGeneration, ganzoo.ZooModel):
    def __init__(self):
        latents = keras.Input((3,), name="latents")
        x = InGraphs()(keras.layers.Dense(4, "tanh", name="out")(latents))
        super().__init__({"generator": keras.Model(latents, keras.layers.Reshape((2, 2, 1), name="image")(x))})
        self.latent_dim = 3


@pytest.fixture(scope="module")
def dcgan():
    return made("dcgan")


@pytest.mark.parametrize(
    ("name", "format"),
    [
        pytest.param(name, format, marks=[pytest.mark.long] if name in ("segan", "began") else [])
        for name in ("cgan", "srresnet", "segan", "began")
        for format in OTHERS
    ],
)
def test_a_file_takes_any_batch_size_and_size_by_names(name, format, tmp_path):
    needed(format)
    model = made(name)
    exported = model.export(tmp_path / f"m{FORMATS[format].suffix}", format)
    assert exported.difference < TOLERANCE
    assert exported.batch_size == (1 if (name, format) == ("began", "litert") else None)
    run = FORMATS[format].load(exported.path)
    names = {"cgan": ["latents", "labels"], "srresnet": ["images"], "segan": ["noisy", "latents"], "began": ["latents"]}
    inputs = model.example_inputs(exported.batch_size or 3, seed=9)
    if name == "srresnet":
        inputs = [np.random.default_rng(0).uniform(-1, 1, (3, 7, 10, 3)).astype("float32")]
    ours = np.asarray(model(inputs[0] if len(inputs) == 1 else inputs))
    np.testing.assert_allclose(run(dict(zip(names[name], inputs))), ours, atol=1e-4)


@pytest.mark.parametrize("format", OTHERS)
def test_float16_halves_the_file_and_moves_images_by_less_than_a_gray_level(format, tmp_path):
    needed(format)
    model = made("dcgan", width=16)
    suffix = FORMATS[format].suffix
    full = model.export(tmp_path / f"full{suffix}", format)
    half = model.export(tmp_path / f"half{suffix}", format, float16=True)
    sizes = [sum(part.stat().st_size for part in FORMATS[format].parts(one.path)) for one in (full, half)]
    assert sizes[1] < 0.65 * sizes[0]
    assert half.difference < TOLERANCE_FLOAT16
    # Random weights, unlike shipped ones, are not float16 already.
    assert half.difference > full.difference
    assert "float16" in str(half)


@pytest.mark.long
@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_model_exports_to_every_format(name, tmp_path):
    model = ganzoo.load(name)
    for format, one in FORMATS.items():
        needed(format)
        exported = model.export(tmp_path / f"m{one.suffix}", format)
        assert exported.difference < TOLERANCE
        assert exported.batch_size in ((None, 1) if format == "litert" else (None,))
        if one.takes_float16:
            model.export(tmp_path / f"half{one.suffix}", format, float16=True)


def test_the_check_takes_several_batch_sizes_and_the_sizes_that_the_network_takes():
    shapes = [[array.shape for array in inputs] for inputs in examples(made("srresnet"), (1, 2, 5))]
    assert [shape[0][0] for shape in shapes] == [1, 2, 5]
    assert len({shape[0][1:] for shape in shapes}) == 3
    assert shapes[1][0][1] != shapes[1][0][2]
    model = made("segan")
    shapes = [[array.shape for array in inputs] for inputs in examples(model, (1, 2, 5))]
    assert all(noisy[1] == latents[1] * model.hop for noisy, latents in shapes)
    assert len({noisy[1] for noisy, _ in shapes}) == 3


def test_the_check_finds_another_output_at_one_size_and_nan(dcgan):
    def run(inputs):
        images = np.array(dcgan(inputs["latents"]))
        images[4:, 0, 0] += 1e-3
        return images

    assert largest_difference(dcgan, run) == pytest.approx(1e-3, rel=0.01)
    assert largest_difference(dcgan, run, batch_size=1) == 0
    assert largest_difference(dcgan, lambda inputs: np.full_like(dcgan(inputs["latents"]), np.nan)) == np.inf
    with pytest.raises(ganzoo.GanzooError, match=r"returns float32 \(1, \d+, \d+\) instead of float32 \(1, "):
        largest_difference(dcgan, lambda inputs: np.array(dcgan(inputs["latents"]))[..., 0])


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_whose_outputs_differ_is_not_written_and_the_old_one_stays(format, dcgan, tmp_path, monkeypatch):
    needed(format)
    path = tmp_path / "new" / f"m{FORMATS[format].suffix}"
    dcgan.export(path, format)
    before = whole(tmp_path)
    assert before

    with pytest.raises(ganzoo.GanzooError, match=r"its outputs differ by 0\.01; nothing was written"):
        Unfaithful().export(path, format, overwrite=True)
    assert whole(tmp_path) == before


@pytest.mark.parametrize("format", OTHERS)
def test_an_existing_file_is_replaced_only_on_request(format, dcgan, tmp_path):
    needed(format)
    path = tmp_path / f"m{FORMATS[format].suffix}"
    FORMATS[format].parts(path)[0].write_text("mine")
    with pytest.raises(ganzoo.GanzooError, match="overwrite=True"):
        dcgan.export(path, format)
    assert whole(tmp_path) == {FORMATS[format].parts(path)[0].relative_to(tmp_path): b"mine"}
    dcgan.export(path, format, overwrite=True)
    assert {part.name for part in FORMATS[format].parts(path)} == set(os.listdir(tmp_path))


@pytest.mark.parametrize(
    ("path", "options", "message"),
    [
        ("m.onnx", {"format": "onxx"}, "Did you mean 'onnx'?"),
        ("m.bin", {"format": "onnx"}, "ends in .onnx, got 'm.bin'"),
        ("m.tflite", {}, "choose the format litert"),
        ("m.pt", {}, "no format has the suffix .pt: choose a folder"),
        ("m.onxx", {}, "no format has the suffix .onxx: choose a folder"),
        ("m.onnx.gz", {}, "no format has the suffix .onnx.gz"),
        ("m.ONNX", {}, "choose the format onnx"),
        ("m", {"format": ["onnx"]}, "unknown format"),
        ("m\0.onnx", {"format": "onnx"}, "embedded null byte"),
        ("m.onnx", {"format": "onnx", "opset_version": 3}, "opset_version must be an integer from 10 to"),
        ("m.onnx", {"format": "onnx", "opset_version": 99}, "opset_version must be an integer from 10 to"),
        ("m", {"float16": True}, "choose one of the formats onnx, litert, openvino"),
        ("m", {"input_signature": []}, "takes no input_signature"),
        ("m", {"opset_version": 15}, "opset_version is for format='onnx'"),
        ("a_folder.onnx", {"format": "onnx", "overwrite": True}, "choose another file"),
        ("a_file/m.onnx", {"format": "onnx"}, "cannot write to"),
    ],
)
def test_wrong_requests_are_errors_and_write_nothing(path, options, message, dcgan, tmp_path):
    (tmp_path / "a_folder.onnx").mkdir()
    (tmp_path / "a_file").write_text("mine")
    with pytest.raises(ganzoo.GanzooError, match=re.escape(message)):
        dcgan.export(tmp_path / path, **options)
    assert sorted(os.listdir(tmp_path)) == ["a_file", "a_folder.onnx"]


def test_missing_packages_are_named_before_anything_is_loaded(tmp_path, monkeypatch):
    from click.testing import CliRunner

    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    done = CliRunner().invoke(main, ["export", "dcgan", str(tmp_path / "m.onnx")])
    assert done.exit_code == 1
    assert "an ONNX file needs the package" in done.output


def test_an_old_keras_is_named_before_anything_is_loaded(monkeypatch):
    needed("litert")
    monkeypatch.setattr("importlib.metadata.version", lambda name: "3.12.4")
    with pytest.raises(ganzoo.GanzooError, match=r"a LiteRT file since version 3\.13, but 3\.12\.4 is installed"):
        FORMATS["litert"].require()


@pytest.mark.parametrize("name", ["segan.paper", "srgan.paper_x4"])
def test_a_preset_without_weights_is_refused(name, tmp_path):
    from click.testing import CliRunner

    done = CliRunner().invoke(main, ["export", name, str(tmp_path / "m.onnx")])
    assert done.exit_code == 1
    assert "weights" in done.output
    assert not os.listdir(tmp_path)


def test_the_command_takes_the_format_from_the_suffix_and_says_what_it_measured(tmp_path):
    from click.testing import CliRunner

    needed("onnx")
    path = tmp_path / "m.onnx"
    done = CliRunner().invoke(main, ["export", "dcgan.digits", str(path), "--float16"])
    assert done.output.splitlines()[0] == str(path)
    assert re.search(r"onnx, float16 weights, any batch size; differs .* at most [\d.e-]+", done.output)
    done = CliRunner().invoke(main, ["export", "dcgan.digits", str(path), "--format", "litert"])
    assert "ends in .tflite" in done.output


def test_onnx_has_the_opset_that_is_asked_for_and_named_sizes(dcgan, tmp_path):
    needed("onnx")
    import onnx

    dcgan.export(tmp_path / "m.onnx", "onnx", opset_version=17)
    written = onnx.load(tmp_path / "m.onnx")
    assert {one.version for one in written.opset_import if one.domain == ""} == {17}
    assert written.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"


SERVED = """
import sys
sys.modules["ganzoo"] = sys.modules["keras"] = None
import numpy as np, tensorflow as tf
folder = sys.argv[1]
with np.load(folder + "/asked.npz") as asked:
    inputs = {key: asked[key] for key in asked.files}
answers = {}
for model in sorted({key.split("-")[0] for key in inputs}):
    served = tf.saved_model.load(f"{folder}/{model}")
    answers[model] = np.array(sorted(served.signatures))
    for name in sorted({key.split("-")[1] for key in inputs if key.startswith(model + "-")}):
        prefix = f"{model}-{name}-"
        given = {key.removeprefix(prefix): value for key, value in inputs.items() if key.startswith(prefix)}
        given = {key: tf.constant(value.tolist() if value.dtype.kind == "S" else value) for key, value in given.items()}
        (output, value), = served.signatures[name](**given).items()
        answers[f"{model}-{name}-{output}"] = value.numpy()
np.savez(folder + "/answered.npz", **answers)
"""


def test_signatures_of_a_savedmodel_are_called_by_name_without_ganzoo_and_keras(tmp_path):
    """One process for all models; latents and labels, captions, photos and recordings."""
    models = {name: made(name) for name in ("cgan", "gan_int_cls", "srresnet", "segan", "dcgan")}
    models["filtered"] = made("segan", preemphasis=0.95, num_shifts=3)
    for name, model in models.items():
        model.export(tmp_path / name)
    rng, asked = np.random.default_rng(0), {}
    latents = {name: models[name].latents(3, seed=1) for name in ("cgan", "gan_int_cls", "dcgan")}
    labels, captions = np.array([2, 0, 1], "int32"), ["A  red APPLE,", "größer als ÄÖÜ", ""]
    photo = rng.integers(0, 256, (1, 9, 14, 3), "uint8")
    speech = (3000 * rng.standard_normal(1000)).astype("int16")
    for name in ("serving_default", "serve", "serve_uint8"):
        asked |= {f"cgan-{name}-latents": latents["cgan"], f"cgan-{name}-labels": labels}
        asked[f"dcgan-{name}-latents"] = latents["dcgan"]
    asked["gan_int_cls-serve_captions-latents"] = latents["gan_int_cls"]
    asked["gan_int_cls-serve_captions-captions"] = np.array([caption.encode() for caption in captions])
    asked["srresnet-serve_uint8-images"] = photo
    asked["segan-serve_int16-noisy"] = asked["filtered-serve_int16-noisy"] = speech[None]
    np.savez(tmp_path / "asked.npz", **asked)
    done = subprocess.run([sys.executable, "-c", SERVED, str(tmp_path)], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "answered.npz") as answered:
        answers = {key: answered[key] for key in answered.files}
    assert list(answers["gan_int_cls"]) == ["serve", "serve_captions", "serve_uint8", "serving_default"]
    assert list(answers["segan"]) == ["serve", "serve_int16", "serving_default"]

    def same(key, expected):
        assert answers[key].dtype == expected.dtype
        # What lies between two integers may be rounded either way.
        difference = np.abs(answers[key].astype("float64") - expected.astype("float64")).max()
        assert difference <= (1 if expected.dtype.kind in "ui" else 1e-5), key

    floats = np.asarray(models["cgan"]([latents["cgan"], labels]))
    same("cgan-serving_default-images", floats)
    same("cgan-serve-images", floats)
    same("cgan-serve_uint8-images", models["cgan"].generate(labels=labels, latents=latents["cgan"]))
    same("dcgan-serve_uint8-images", models["dcgan"].generate(latents=latents["dcgan"]))
    same(
        "gan_int_cls-serve_captions-images",
        models["gan_int_cls"].generate(captions=captions, latents=latents["gan_int_cls"]),
    )
    same("srresnet-serve_uint8-upscaled", models["srresnet"].upscale(photo[0])[None])
    for name in ("segan", "filtered"):
        enhanced = models[name].enhance(speech, models[name].sample_rate, progress=False)
        same(f"{name}-serve_int16-enhanced", (32768 * enhanced).round().astype("int16")[None])


@pytest.mark.parametrize("caption", ["a Red  apple ", "", "x" * 40, "grün\tÉTÉ\u2003ß", "日本語の文", "\x85a\x1fb"])
def test_captions_in_a_graph_are_the_bytes_that_the_text_encoder_reads(caption):
    for length in (5, 24):
        np.testing.assert_array_equal(string_codes([caption, "b"], length), as_bytes([caption, "b"], length))


@pytest.mark.parametrize("format", FORMATS)
def test_a_model_trained_in_bfloat16_exports_in_float32(format, dcgan, tmp_path):
    needed(format)
    with made_with("mixed_bfloat16"):
        model = made("dcgan")
    model.set_weights(dcgan.get_weights())
    path = tmp_path / f"m{FORMATS[format].suffix}"
    assert model.export(path, format).difference < TOLERANCE
    (inputs,) = dcgan.example_inputs(2)
    np.testing.assert_allclose(FORMATS[format].load(path)({"latents": inputs}), dcgan(inputs), atol=1e-4)
    assert {layer.compute_dtype for layer in model.inference_network.layers} >= {"bfloat16"}


def test_openvino_sends_no_statistics(dcgan, tmp_path, monkeypatch):
    """Its converter does, outside of CI jobs, unless it is told not to."""
    telemetry = pytest.importorskip("openvino_telemetry")
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    dcgan.export(tmp_path / "m.xml", "openvino")
    assert telemetry.Telemetry().consent is False
    assert "CI" not in os.environ
    assert FORMATS["openvino"].is_export(tmp_path / "m.xml")
