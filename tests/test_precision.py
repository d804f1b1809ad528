"""The precision of inference."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import ganzoo
from ganzoo import precision
from ganzoo.files import read_cached, write_cached
from ganzoo.precision import inference_policy


@pytest.fixture
def decided(tmp_path, monkeypatch):
    """A function that sets what this machine has found about bfloat16."""
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path / "cache"))
    found = inference_policy("auto", quality_stays=True)
    (path,) = (tmp_path / "cache").iterdir()
    assert bool(read_cached(path)["faster"]) == (found == "mixed_bfloat16")
    return lambda faster: write_cached(path, faster=np.array(faster))


def precisions(model):
    return {layer.compute_dtype for layer in model.inference_network._flatten_layers(include_self=False)}


def test_auto_is_bfloat16_where_the_machine_is_faster_and_the_quality_stays(decided):
    """The decision is remembered, not measured again."""
    image = np.random.default_rng(0).integers(0, 256, (4, 5, 3), "uint8").repeat(8, 0).repeat(8, 1)
    exact = ganzoo.load("srgan").upscale(image)
    for faster, expected in ((True, "bfloat16"), (False, "float32")):
        decided(faster)
        model = ganzoo.load("srgan", precision="auto")
        assert expected in precisions(model)
        difference = np.abs(model.upscale(image).astype(int) - exact)
        assert difference.max() <= faster
    # Nobody has measured what bfloat16 does to it.
    decided(True)
    assert precisions(ganzoo.load("dcgan.digits", precision="auto")) == {"float32"}


def test_several_threads_measure_the_machine_once(tmp_path, monkeypatch):
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path))
    measured, begin, measure = [], threading.Barrier(4), precision._measured_faster
    monkeypatch.setattr(precision, "_measured_faster", lambda: measured.append(1) or measure())

    def ask():
        begin.wait()
        return inference_policy("auto", quality_stays=True)

    with ThreadPoolExecutor(max_workers=4) as pool:
        answers = {answer.result() for answer in [pool.submit(ask) for _ in range(4)]}
    assert len(answers) == len(measured) == 1


def test_a_precision_can_be_asked_for(tmp_path):
    model = ganzoo.load("dcgan.digits")
    model.save(tmp_path / "m.keras")
    for name in ("dcgan.digits", tmp_path / "m.keras"):
        half = ganzoo.load(name, precision="mixed_bfloat16")
        assert "bfloat16" in precisions(half)
        difference = np.abs(half.generate(8, seed=0).astype(int) - model.generate(8, seed=0))
        assert difference.max() > 0
        assert difference.mean() < 2
        exact = ganzoo.load(name, precision="float32")
        assert np.array_equal(exact.generate(8, seed=0), model.generate(8, seed=0))
    with pytest.raises(ganzoo.GanzooError, match=r"unknown precision 'bfloat16'. Did you mean 'mixed_bfloat16'\?"):
        ganzoo.load("dcgan.digits", precision="bfloat16")


@pytest.mark.parametrize("name", ["cyclegan_vc.digits", "smoother.speech"])
def test_layers_that_need_float32_keep_it(name):
    half, exact = (ganzoo.load(name, precision=precision) for precision in ("mixed_bfloat16", "float32"))
    assert "bfloat16" in precisions(half)
    exacting = [layer for layer in half.inference_network._flatten_layers() if getattr(layer, "always_float32", False)]
    assert {layer.compute_dtype for layer in exacting} == {"float32"}
    inputs = exact.example_inputs(1)
    found, expected = (np.asarray(model.inference_network(inputs)) for model in (half, exact))
    np.testing.assert_allclose(found, expected, atol=0.1)
